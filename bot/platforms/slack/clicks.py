"""What the buttons under an answer do: ask again, fetch a file, share, edit.

A button outlives the right to press it, so everything is checked again at the click.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from slack_sdk.errors import SlackApiError

from analytics.errors import UserError
from analytics.report import (
    Export,
    Report,
)
from bot.context import Identity
from bot.platforms.slack.answers import Answers, Place
from bot.platforms.slack.channels import is_shared
from bot.platforms.slack.envelopes import Click
from bot.platforms.slack.faults import NETWORK, NOT_INSIDE, word_of
from bot.platforms.slack.forms import Memory, modal
from bot.platforms.slack.outlets import Channel, ResponseUrl, sentence
from bot.platforms.slack.pictures import Clients

if TYPE_CHECKING:
    from bot.buttons import Wish
    from bot.desk import Desk, ShareResult

INVALID = "This button is no longer valid."
UNCERTAIN = "Slack did not answer. Look whether the message is there before you share it again."


class Clicks:
    """Answers clicks; raises one of `faults.TROUBLE` when Slack does not take an answer."""

    def __init__(self, desk: Desk, clients: Clients, *, answers: Answers) -> None:
        self._desk = desk
        self._clients = clients
        self._answers = answers

    async def edit(self, click: Click, line: str) -> None:
        """Open the form; the click's trigger lives three seconds, so nothing is asked before."""
        try:
            view = modal(_memory(click, line))
        except UserError:
            await self._say(click, INVALID)
            return
        await self._clients.posts.views_open(trigger_id=click.trigger, view=view)

    async def ask(self, click: Click, line: str, identity: Identity) -> None:
        """Answer over the clicked message, or beside one that others see."""
        await self._answers.answer(line, identity, self._outlet(click))

    async def do(self, click: Click, wish: Wish, identity: Identity) -> None:
        """Change what the button says."""
        report = await self._desk.press(wish, identity, key=click.keys[0])
        if report is None:
            await self._say(click, INVALID)
        else:
            await self._answers.show(report, identity, self._outlet(click))

    async def export(self, click: Click, wanted: Export, identity: Identity) -> None:
        """Send the answer as a file into the conversation with the bot."""
        outlet = ResponseUrl(self._clients, click.response_url)
        place = Place(click.channel, click.thread)
        await self._answers.send_file(wanted, identity, outlet, place=place)

    async def share(self, click: Click, wish: Wish, identity: Identity) -> None:
        """Post the answer into the channel, unless people of other organisations read there.

        The button may be pressed again when surely nothing was posted.
        """
        end: ShareResult = "refused"
        try:
            obstacle = await self._obstacle(click.channel)
            if obstacle:
                await self._say(click, obstacle)
                return
            ask = partial(self._desk.shared, wish.line, identity, channel=click.channel)
            report = await self._desk.run_blocking(ask)
            if not report.line:
                await self._refuse(click, report, identity)
                return
            end = "unknown"
            end, said = await self._post(click, report, identity)
        finally:
            ended = partial(self._desk.share_ended, wish, identity, channel=click.channel)
            await self._desk.run_blocking(partial(ended, result=end))
        await self._say(click, said)

    async def _post(
        self, click: Click, report: Report, identity: Identity
    ) -> tuple[ShareResult, str]:
        """What came of the attempt to post, and what to tell the person."""
        outlet = Channel(
            self._clients, channel=click.channel, thread=click.thread, line=report.line
        )
        try:
            await self._answers.show_once(report.without("share").without("do"), identity, outlet)
        except SlackApiError as error:
            return "failed", _reason(word_of(error))
        except NETWORK:
            return "unknown", UNCERTAIN
        return "done", "Shared in this channel."

    async def invalid(self, click: Click) -> None:
        """Say that the button does nothing any more."""
        await self._say(click, INVALID)

    async def _obstacle(self, channel: str) -> str:
        """Why nothing may be shared in a channel; "" when it may."""
        if channel.startswith("D"):
            return ""
        try:
            reply = await self._clients.reads.conversations_info(channel=channel)
        except SlackApiError as error:
            return _reason(word_of(error))
        if is_shared(reply["channel"]):
            return "This channel is shared with another organisation; nothing is shared here."
        return ""

    async def _refuse(self, click: Click, report: Report, identity: Identity) -> None:
        outlet = ResponseUrl(self._clients, click.response_url)
        await self._answers.show(report, identity, outlet)

    async def _say(self, click: Click, text: str) -> None:
        await ResponseUrl(self._clients, click.response_url).show(sentence(text))

    def _outlet(self, click: Click) -> ResponseUrl:
        alone = click.channel.startswith("D")
        return ResponseUrl(self._clients, click.response_url, over=click.over, alone=alone)


def _memory(click: Click, line: str) -> Memory:
    name = click.place.name if click.place else ""
    return Memory(line, click.response_url, click.over, click.channel, channel_name=name)


def _reason(word: str) -> str:
    if word in NOT_INSIDE:
        return "I am not in this channel. Invite me with `/invite @creditbot`, then share again."
    return f"Slack does not let me share here: it says '{word}'."
