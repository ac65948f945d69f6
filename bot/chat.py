"""What every chat platform is to the rest of the program."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Literal, Protocol

from analytics.report import Button, Report


class Fatal(Exception):  # noqa: N818  # not a bug: a setting that only its owner can mend
    """Trying again cannot help: a wrong token, a missing permission.  Names the setting."""


class Platform(Protocol):
    """One chat platform in the running service.

    `run` serves until `stop` is set and then returns in a clean state.  It raises Fatal for a
    setting that only its owner can mend, anything else when it should be started anew.  `report`
    is called with a few words whenever its state changes ("up", "reconnecting").
    """

    name: str

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set."""


NO_PICTURE = "The chart could not be shown."  # stands where a platform took none
Act = Literal["post", "reply", "edit", "file"]
Failure = Literal["refused", "unknown", "destination", "account", "payload", "banned"]


class SendError(Exception):
    """A message did not surely arrive; `failure` says what helps.

    refused: not taken now, surely not posted.  unknown: no answer, so it may have been posted.
    destination: this channel will not take anything.  account: the token is refused.  payload:
    these contents are refused.  banned: nothing of this platform may be called for a while.
    `code` is the platform's word (never an address or a text), `retry_after` is in seconds; with
    `is_global` it holds for every request, not only for those of this kind.
    """

    def __init__(
        self,
        failure: Failure,
        code: str,
        *,
        retry_after: float | None = None,
        status: int | None = None,
        is_global: bool = False,
    ) -> None:
        super().__init__(f"{failure}: {code}")
        self.failure = failure
        self.code = code
        self.retry_after = retry_after
        self.status = status
        self.is_global = is_global


@dataclass(frozen=True, slots=True)
class Address:
    """A channel, or with `is_direct` the conversation with a person; ids, never names."""

    external_id: str
    channel_id: str
    is_direct: bool = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file: the picture inside a post, or what a file part brings."""

    name: str
    content: bytes
    alt: str = ""


Payload = Mapping[str, object]  # a platform's own message as JSON, made once by `compose`


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request that people will see once.

    `reference` is the short word that the platform recognises a repetition by (Discord's nonce,
    Slack's metadata, a file's name); it is equal for every try of one delivery, different for any
    other.  `parent` is the platform's id of the message that a reply, an edit or a file belongs to.
    """

    address: Address
    act: Act
    payload: Payload
    reference: str
    parent: str | None = None
    attachment: Attachment | None = None

    @property
    def file_name(self) -> str:
        """`digest-7f3k2q.pdf` for digest.pdf of the delivery 7f3k2q: no other has that name."""
        path = PurePath(self.attachment.name if self.attachment else "file")
        if self.reference in path.name:
            return path.name
        return f"{path.stem}-{self.reference}{path.suffix}"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the bot finds out about a channel; None is what it could not ask.

    A conversation with a guest, or with somebody who left, `is_external`.
    """

    name: str
    can_post: bool | None
    can_read_history: bool | None
    is_external: bool
    is_member: bool | None = None  # whether the asking person is in the channel


class Sender(Protocol):
    """Sends what nobody asked for to one platform; raises SendError and nothing else.

    It never repeats a request by itself.
    """

    name: str

    def compose(
        self, report: Report, *, buttons: Mapping[Button, str], reference: str, pictured: bool
    ) -> Payload:
        """The message of a report; `reference` shows at its foot, `pictured` leaves it a place.

        Pure: no network, equal input gives equal output.
        """

    def plainer(self, payload: Payload) -> Payload | None:
        """The same message as bare text, for a platform that refuses it; None if it is that."""

    def noted(self, payload: Payload, text: str) -> Payload:
        """The same message with one more sentence of ours at its foot ("may be a repeat")."""

    async def send(self, outgoing: Outgoing) -> str:
        """The platform's id of the message or file.

        Each request takes at most the sender's own time limit; the caller bounds the whole.
        """

    async def find(self, outgoing: Outgoing, *, since: datetime) -> str | None:
        """The id of an earlier try if it arrived; None when it surely is not there (yet).

        Raises SendError: "destination" when this channel's history may not be read (which says
        nothing about posting), "refused" or "unknown" when it may be asked again, "account" and
        "banned" as ever.  An edit is never looked for: repeating it does no harm.
        """

    async def standing(self, address: Address, *, person: str = "") -> Standing:
        """What may be done in a channel, and whether a person (by its platform id) is in it."""

    async def probe(self, external_id: str) -> None:
        """One harmless call that shows whether the token works."""

    async def close(self) -> None:
        """Let go of connections."""
