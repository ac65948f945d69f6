"""The places an answer can go to in Slack, each with its own way to be sent and replaced.

Nothing here repeats a post blindly.  An outlet raises BlocksRejected when a plainer form of the
message can help, and one of `faults.TROUBLE` when nothing can.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from functools import partial
from typing import TypedDict

import structlog

from bot.platforms.slack.faults import BAD_BLOCKS, BlocksRejected, posted
from bot.platforms.slack.pictures import Clients
from bot.render.slack import SlackMessage
from bot.render.slack_body import entities

log = structlog.get_logger()
URL_USES = 5  # of one response_url, within 30 minutes


class Contents(TypedDict, total=False):
    """The part of a message that all ways of sending share."""

    text: str
    blocks: list[dict[str, object]]


def sentence(text: str) -> SlackMessage:
    """One of our own sentences as a message; what it quotes stays plain text."""
    return SlackMessage(entities(text), [])


def contents(message: SlackMessage) -> Contents:
    """A message as Slack's arguments; no blocks at all rather than an empty list."""
    if not message.blocks:
        return {"text": message.text}
    return {"text": message.text, "blocks": list(message.blocks)}


class Outlet(ABC):
    """Where one answer goes; `renews` when a later form of it can take the place of the first.

    `token` names the answer in the ids of its button rows; `over` is the token of the answer
    that it takes the place of, "" for none.  `alone` when nobody but the asker reads there.
    """

    renews = False

    def __init__(self, *, over: str = "", alone: bool = False) -> None:
        self.token = secrets.token_urlsafe(6)
        self.over = over
        self.alone = alone

    @property
    def changes(self) -> int | None:
        """How often it can still be changed; None for always."""
        return None if self.renews else 0

    @abstractmethod
    async def show(self, message: SlackMessage) -> None:
        """Send the answer."""

    async def renew(self, message: SlackMessage) -> None:
        """Put a later form in its place, or below it where that is impossible."""
        await self.show(message)


class ResponseUrl(Outlet):
    """The private answer to a command or a click.

    `over` a message that only its reader sees, or that stands in a direct message, the answer
    takes its place; a message that others see too stays as it is.
    """

    def __init__(
        self,
        clients: Clients,
        url: str,
        *,
        over: str = "",
        first: bool = False,
        alone: bool = False,
    ) -> None:
        super().__init__(over=over, alone=alone)
        self._clients = clients
        self._url = url
        self.renews = bool(over) or first
        self._left = URL_USES

    @property
    def changes(self) -> int:
        """How often the URL can still be used to change the message."""
        return self._left if self.renews else 0

    async def show(self, message: SlackMessage) -> None:
        """Send it, over the clicked message where that is allowed."""
        await self._post(message, replace=bool(self.over))

    async def renew(self, message: SlackMessage) -> None:
        """Replace what was sent before."""
        await self._post(message, replace=self.renews)

    async def _post(self, message: SlackMessage, *, replace: bool) -> None:
        if self._left == 0:
            log.warning("slack.response_url_used_up")
            return
        self._left -= 1
        body = {
            **contents(message),
            "response_type": "ephemeral",
            "replace_original": replace,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        async with self._clients.http.post(self._clients.trusted(self._url), json=body) as reply:
            said = await reply.text()
        word = next((bad for bad in BAD_BLOCKS if bad in said), None)
        if word:
            raise BlocksRejected(word)
        reply.raise_for_status()


class Whisper(Outlet):
    """A message in a channel that only one person sees; it cannot be changed later."""

    def __init__(self, clients: Clients, *, channel: str, user: str, thread: str | None) -> None:
        super().__init__()
        self._send = partial(
            clients.posts.chat_postEphemeral,
            channel=channel,
            user=user,
            thread_ts=thread,
            link_names=False,
        )

    async def show(self, message: SlackMessage) -> None:
        """Send it."""
        await posted(lambda: self._send(**contents(message)))


class DirectMessage(Outlet):
    """A message in the conversation between a person and the bot."""

    renews = True

    def __init__(self, clients: Clients, *, channel: str, thread: str | None) -> None:
        super().__init__(alone=True)
        self._clients = clients
        self._channel = channel
        self._thread = thread
        self._ts: str | None = None

    async def show(self, message: SlackMessage) -> None:
        """Post it."""
        reply = await posted(
            lambda: self._clients.posts.chat_postMessage(
                channel=self._channel,
                thread_ts=self._thread,
                link_names=False,
                unfurl_links=False,
                unfurl_media=False,
                **contents(message),
            )
        )
        self._ts = reply["ts"]

    async def renew(self, message: SlackMessage) -> None:
        """Change the message that was posted."""
        ts = self._ts
        if ts is None:
            await self.show(message)
            return
        await posted(
            lambda: self._clients.reads.chat_update(
                channel=self._channel, ts=ts, link_names=False, **contents(message)
            )
        )


class Channel(Outlet):
    """A message that everybody in the channel sees, marked as shared by creditbot."""

    def __init__(self, clients: Clients, *, channel: str, thread: str | None, line: str) -> None:
        super().__init__()
        self._send = partial(
            clients.posts.chat_postMessage,
            channel=channel,
            thread_ts=thread,
            metadata={"event_type": "creditbot_share", "event_payload": {"line": line}},
            link_names=False,
            unfurl_links=False,
            unfurl_media=False,
        )

    async def show(self, message: SlackMessage) -> None:
        """Post it."""
        await posted(lambda: self._send(**contents(message)))
