"""The ways in: slash command, mention, direct message, button, form, home tab.

Every envelope is acknowledged before anything else is done, an arrival that was seen before ends
there, and what then takes time runs as an errand that the platform waits for when it stops.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.errors import SlackApiError

from analytics.errors import UserError
from analytics.report import Export
from analytics.text import clean
from bot.buttons import SINGLE
from bot.context import Identity, NotAllowed, Place, check_inside
from bot.pacing import TooMuch
from bot.platforms.slack import envelopes, forms
from bot.platforms.slack.answers import Answers
from bot.platforms.slack.channels import Channels
from bot.platforms.slack.clicks import Clicks
from bot.platforms.slack.envelopes import Click, Filled, Spoken
from bot.platforms.slack.faults import NETWORK, TROUBLE, word_of
from bot.platforms.slack.home import home_view
from bot.platforms.slack.outlets import DirectMessage, Outlet, ResponseUrl, Whisper, sentence
from bot.platforms.slack.people import People
from bot.platforms.slack.pictures import Clients, Untrusted
from bot.platforms.slack.words import mentioned, plain_line, with_mails
from bot.registry import parse
from storage.errors import StorageError

if TYPE_CHECKING:
    from bot.desk import Desk

log = structlog.get_logger()
COMMAND = "/credits"
ANY = re.compile(".*")


class Entrances:
    """The listeners of the Bolt app, and the errands they started."""

    def __init__(  # noqa: PLR0913  # its parts, wired by hand
        self,
        desk: Desk,
        clients: Clients,
        *,
        people: People,
        channels: Channels,
        answers: Answers,
        clicks: Clicks,
        bot: str,
    ) -> None:
        self._desk = desk
        self._clients = clients
        self._people = people
        self._channels = channels
        self._answers = answers
        self._clicks = clicks
        self._bot = bot
        self._errands: set[asyncio.Task[None]] = set()

    def open(self, app: AsyncApp) -> None:
        """Register every listener; the order is the order Bolt asks them in."""
        app.command(COMMAND)(self.commanded)
        app.event("app_mention")(self.mentioned)
        app.event("message")(self.written_to)
        app.event("app_home_opened")(self.home_opened)
        app.options(ANY)(self.completing)
        app.view(forms.FORM)(self.submitted)
        app.action(ANY)(self.clicked)
        app.error(_not_understood)

    async def close(self, *, seconds: float) -> None:
        """Give running errands a moment, then end them."""
        await self._answers.leave()
        await asyncio.sleep(0)  # a listener that Bolt has just started starts its errand
        if self._errands:
            _, late = await asyncio.wait(self._errands, timeout=seconds)
            for errand in late:
                errand.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._answers.leave()  # an errand may have begun to renew its answer meanwhile

    # ---- listeners; Bolt passes arguments by their names

    async def commanded(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """`/credits ...`, answered through its response URL."""
        await ack()
        spoken = envelopes.slash_command(body)
        alone = spoken.channel.startswith("D")
        outlet = ResponseUrl(self._clients, spoken.response_url, first=True, alone=alone)
        self._start(self._answer(spoken, self._line(spoken), outlet, place=spoken.place), outlet)

    async def mentioned(self, body: dict[str, Any]) -> None:
        """`@creditbot ...` in a channel, answered there for the asker's eyes only."""
        spoken = envelopes.message(body)
        if spoken is not None:
            outlet = Whisper(
                self._clients, channel=spoken.channel, user=spoken.user, thread=spoken.thread
            )
            self._start(
                self._answer(spoken, self._line(spoken), outlet, place=spoken.place), outlet
            )

    async def written_to(self, body: dict[str, Any]) -> None:
        """A direct message; messages of channels are none of our business."""
        spoken = envelopes.message(body)
        if spoken is not None and spoken.channel.startswith("D"):
            outlet = DirectMessage(self._clients, channel=spoken.channel, thread=spoken.thread)
            self._start(
                self._answer(spoken, self._line(spoken), outlet, place=spoken.place), outlet
            )

    async def home_opened(self, body: dict[str, Any]) -> None:
        """The Home tab, filled for the one who looks at it."""
        event = body["event"]
        if event.get("tab", "home") == "home":
            self._start(self._publish(event["user"]), None)

    async def clicked(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """A button under an answer."""
        await ack()
        click = envelopes.click(body)
        outlet = ResponseUrl(self._clients, click.response_url)
        self._start(self._click(click), outlet)

    async def submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """A form: its mistakes are shown in it, its answer where the button was pressed."""
        filled = envelopes.submission(body)
        memory = forms.Memory.read(filled.memory)
        try:
            line = forms.rewritten(memory.line, filled.fields)
        except UserError as error:
            errors = {forms.first_field(memory): str(error)}
            await ack(response_action="errors", errors=errors)
            return
        await ack()
        outlet = ResponseUrl(self._clients, memory.url, over=memory.over)
        self._start(self._answer(filled, line, outlet, place=memory.place), outlet)

    async def completing(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Names for a menu of an open form; none when something fails."""
        self._start(self._complete(ack, body), None)

    # ---- errands

    def _start(self, work: Coroutine[Any, Any, None], outlet: Outlet | None) -> None:
        errand = asyncio.create_task(_guarded(work, outlet))
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)

    def _line(self, spoken: Spoken) -> str:
        return plain_line(spoken.text, team=spoken.team, bot=self._bot)

    async def _answer(
        self, asked: Spoken | Filled, line: str, outlet: Outlet, *, place: Place | None
    ) -> None:
        if await self._is_new(asked):
            identity = await self._identity(asked.team, asked.user, place)
            named = line if identity.guest else await self._named(line, asked.team)
            place = await self._channels.place_of(named, place)
            identity = replace(identity, place=place)
            await self._answers.answer(named, identity, outlet, key=asked.keys[0])

    async def _click(self, click: Click) -> None:
        if not await self._is_new(click):
            return
        # The directory may take longer than a form's trigger lives, so it is asked before only
        # for a button that works once: it must not be used up when Slack does not answer.
        who = Identity("slack", click.team, click.user, place=click.place)
        if click.value.partition(":")[0] in SINGLE.values():
            who = await self._identity(click.team, click.user, click.place)
        wish = await self._desk.run_blocking(
            lambda: self._desk.wish(click.value, who, key=click.keys[0])
        )
        if wish is None:
            await self._clicks.invalid(click)
        elif wish.verb == "edit":
            check_inside(self._channels.known(click.place))
            await self._clicks.edit(click, wish.line)
        else:
            place = await self._channels.place_of(wish.line, click.place)
            identity = await self._identity(click.team, click.user, place)
            match wish.verb:
                case "ask":
                    await self._clicks.ask(click, wish.line, identity)
                case "do":
                    await self._clicks.do(click, wish, identity)
                case "csv" | "json" | "pdf" | "png":
                    wanted = Export(wish.verb, wish.line)
                    await self._clicks.export(click, wanted, identity)
                case "share":
                    await self._clicks.share(click, wish, identity)

    async def _complete(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        typing = envelopes.suggestion(body)
        memory = forms.Memory.read(typing.memory)
        name = parse(memory.line).command.name
        try:
            check_inside(self._channels.known(memory.place))
            identity = await self._people.identity(typing.team, typing.user)
            texts = await self._desk.run_blocking(
                lambda: self._desk.completions(name, typing.field, typing.text, identity)
            )
        except TROUBLE as error:
            log.warning("slack.completions_failed", reason=word_of(error))
            texts = []
        except NotAllowed:
            texts = []
        await ack(options=forms.options(texts))

    async def _publish(self, user: str) -> None:
        await self._clients.reads.views_publish(user_id=user, view=home_view())

    async def _is_new(self, arrived: Spoken | Click | Filled) -> bool:
        """Whether this arrival comes for the first time; raises TooMuch."""
        nobody = Identity("slack", arrived.team, arrived.user)
        return await self._desk.is_new(arrived.keys[0], nobody, *arrived.keys[1:])

    async def _named(self, line: str, team: str) -> str:
        """The line with the mail of everybody it mentions; raises UserError for who has none."""
        mails = {}
        for user in mentioned(line, team=team):
            try:
                person = await self._people.identity(team, user)
            except TROUBLE as error:
                log.warning("slack.person_unknown", reason=word_of(error))
                raise UserError(
                    "Slack did not tell me who you mention.",
                    hint="Type `person=` and their mail address instead.",
                ) from error
            if person.email is None:
                raise UserError(
                    f"Slack gives me no mail address of '{clean(person.name)}', and usage is known "
                    "by that.",
                    hint="Type `person=` and the name in the usage instead.",
                )
            mails[user] = person.email
        return with_mails(line, mails, team=team)

    async def _identity(self, team: str, user: str, place: Place | None) -> Identity:
        try:
            return replace(await self._people.identity(team, user), place=place)
        except TROUBLE as error:
            log.warning("slack.person_unknown", reason=word_of(error))
            raise UserError(
                "Slack did not tell me who you are.", hint="Try again in a moment."
            ) from error


async def _not_understood(error: Exception) -> None:
    """An envelope that is not as Slack describes it, which Bolt would tell nobody about."""
    log.error("slack.envelope_not_understood", exc_info=error)


async def _guarded(work: Coroutine[Any, Any, None], outlet: Outlet | None) -> None:
    """Do an errand to its end; what goes wrong is logged, and told where that can arrive."""
    text = ""
    try:
        await work
    except TooMuch as error:
        text = "" if error.told else str(error)
    except (UserError, StorageError) as error:
        text = str(error)
    except SlackApiError as error:
        log.warning("slack.answer_refused", reason=word_of(error))
        text = f"Slack did not take my answer: it says '{word_of(error)}'."
    except (*NETWORK, Untrusted) as error:
        # The lost answer may have arrived: a second message would contradict it.
        log.warning("slack.answer_lost", reason=word_of(error))
    except Exception:  # the outermost door: our bug must not end in silence
        reference = secrets.token_hex(4)
        log.exception("slack.answer_failed", reference=reference)
        text = f"Sorry, this failed; the mistake is ours. Reference {reference} stands in the log."
    if text and outlet is not None:
        try:
            await outlet.show(sentence(text))
        except TROUBLE as error:
            log.warning("slack.apology_lost", reason=word_of(error))
