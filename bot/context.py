"""Who asks, where and when: everything a command may know besides its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from analytics.errors import UserError
from storage import audit
from storage.reading import Reader

Role = Literal["member", "lead", "admin", "owner"]
Visibility = Literal["everyone", "leads", "admins"]
LAST_CHAT = "last_chat"  # among a person's own choices: the identity that asked last
ROLES: tuple[Role, ...] = ("member", "lead", "admin", "owner")


class NotAllowed(UserError):  # noqa: N818  # the state is the name
    """The asker's role may not do this; where it would change something, the audit tells."""


def outranks(role: Role, needed: Role) -> bool:
    """Whether a role may do what needs another one."""
    return ROLES.index(role) >= ROLES.index(needed)


def check_inside(place: Place | None) -> None:
    """Raise NotAllowed for a channel that is known to be read by another organisation, too."""
    if place is not None and place.is_external and not place.is_direct:
        raise NotAllowed(
            "This channel is shared with another organisation, so I answer only `help` here.",
            hint="Ask me in a direct message.",
        )


def check_readers(place: Place | None, what: str) -> None:
    """Raise NotAllowed for a channel that strangers may read, for all that is known."""
    if place is not None and place.is_hidden and not place.is_direct:
        raise NotAllowed(
            f"I cannot see who reads along in this channel, so {what} is not for it.",
            hint="Invite me with `/invite @creditbot`, or type it in a direct message to me.",
        )


@dataclass(frozen=True, slots=True)
class Place:
    """The channel of a question; `is_direct` is the conversation between a person and the bot.

    `is_external` says whether it is shared with another organisation, None where nobody looked;
    `is_hidden` that the platform does not tell, because the bot is not in a private channel.
    """

    channel_id: str
    name: str
    is_direct: bool = False
    is_external: bool | None = None
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a platform says is asking, from its signed envelope.

    `external_id` is the platform's team or guild; `email` comes from the platform's directory,
    never from the person.  A guest gets help text only.  `place` is where it is asked, None where
    that is not known.
    """

    platform: str
    external_id: str
    user_id: str
    name: str = ""
    email: str | None = None
    guest: bool = False
    place: Place | None = None

    @property
    def actor(self) -> str:
        """The identity as one word, for logs and the audit."""
        return f"{self.platform}:{self.external_id}:{self.user_id}"


@dataclass(frozen=True, slots=True)
class Asker:
    """An identity inside a workspace, with its right and the person it is linked to.

    `team` are the people whose home is the asker's department.
    """

    identity: Identity
    role: Role = "member"
    person_id: int | None = None
    team: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Context:
    """What a command is given; `now` is the only clock it knows.

    Where it `may_change` something, the reader's connection is in a write transaction.  `ours` and
    `own` are the choices of the workspace and of the asker, by the names of `bot.preferences`.
    """

    now: datetime
    reader: Reader
    asker: Asker
    people_visibility: Visibility = "everyone"
    may_change: bool = False
    ours: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)

    def record(
        self, action: str, object_: str, *, before: str | None = None, after: str | None = None
    ) -> None:
        """Put what a command changed into the audit, in the transaction that changes it."""
        audit.record(
            self.reader.connection,
            self.reader.workspace.id,
            at=self.now,
            actor=self.asker.identity.actor,
            role=self.asker.role,
            action=action,
            object=object_,
            before=before,
            after=after,
        )

    @property
    def came_over(self) -> bool:
        """Whether a person asks by another chat identity than the last time."""
        identity, person = self.asker.identity, self.asker.person_id
        is_chat = identity.platform != "terminal" and person is not None
        return is_chat and self.own.get(LAST_CHAT) != identity.actor

    @property
    def sees_people(self) -> bool:
        """Whether the asker may see everybody's rows in this workspace."""
        needed: Mapping[Visibility, Role] = {
            "everyone": "member",
            "leads": "lead",
            "admins": "admin",
        }
        return outranks(self.asker.role, needed[self.people_visibility])

    @property
    def visible_people(self) -> frozenset[int] | None:
        """The people whose rows the asker may see: None is everybody.

        Everybody sees oneself, a lead always the people of the own department.
        """
        if self.sees_people:
            return None
        own = self.asker.person_id
        oneself = frozenset() if own is None else frozenset({own})
        return oneself | self.asker.team if self.asker.role == "lead" else oneself

    @property
    def for_channel(self) -> Context:
        """The same question asked by a channel: a member who is nobody in particular."""
        return replace(self, asker=Asker(self.asker.identity), own={})

    def chosen(self, name: str) -> str | None:
        """What the asker prefers, or else the workspace; None where nobody chose."""
        return self.own.get(name) or self.ours.get(name)
