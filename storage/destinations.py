"""Where unasked messages go: a channel or a direct conversation, by its platform's ids.

A destination is kept once for each place, with what is known about it; a platform's names change
and are only shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.outgoing  # noqa: F401  # declares the table that is looked up below
from storage.numbering import next_id
from storage.quiet import QuietHours
from storage.text import clean

State = Literal["ok", "paused", "dead"]
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
MAX_NAME = 200
_DESTINATION = SQLModel.metadata.tables["destination"]


class Where(Protocol):
    """A channel, or with `is_direct` the person whom the id names."""

    @property
    def channel_id(self) -> str:
        """The platform's id."""

    @property
    def name(self) -> str:
        """How the platform calls it now."""

    @property
    def is_direct(self) -> bool:
        """Whether it is the conversation between a person and the bot."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A place that messages go to.

    None is what is not known.  `people_rows` says that an admin lets it see people's rows where a
    workspace restricts them.  Quiet hours are minutes of the day on `quiet_zone`'s clock; what is
    urgent `breaks_through`.
    """

    id: int
    platform: str
    external_id: str
    channel_id: str
    is_direct: bool
    name: str
    state: State
    dead_reason: str | None
    can_post: bool | None
    can_read_history: bool | None
    is_external: bool
    people_rows: bool
    quiet_start: int | None
    quiet_end: int | None
    quiet_zone: str | None
    breaks_through: bool
    created_by: str

    @property
    def actor(self) -> str:
        """Of a direct conversation, the identity of its person."""
        return f"{self.platform}:{self.external_id}:{self.channel_id}"

    @property
    def quiet(self) -> QuietHours | None:
        """The hours in which what can wait waits; None without any."""
        if self.quiet_start is None or self.quiet_end is None or self.quiet_zone is None:
            return None
        return QuietHours(self.quiet_start, self.quiet_end, self.quiet_zone)

    def awake(self, moment: datetime) -> datetime:
        """The first instant from a moment on that is outside the quiet hours."""
        return moment if self.quiet is None else self.quiet.awake(moment)


_COLUMNS = [_DESTINATION.c[name] for name in Destination.__slots__]


def destination_of(  # noqa: PLR0913  # the parts of a place, each by name
    connection: sa.Connection,
    workspace_id: int,
    *,
    platform: str,
    external_id: str,
    place: Where,
    actor: str,
    now: datetime,
) -> Destination:
    """The destination of a place, made where it is new; it takes the place's name of today."""
    known = find_destination(
        connection,
        workspace_id,
        platform=platform,
        external_id=external_id,
        channel_id=place.channel_id,
    )
    name = clean(place.name or place.channel_id, MAX_NAME)
    if known is not None:
        if known.name == name or not place.name:
            return known
        return _change(connection, workspace_id, known.id, {"name": name})
    number = next_id(connection, _DESTINATION, workspace_id)
    row = connection.execute(
        sa.insert(_DESTINATION)
        .values(
            workspace_id=workspace_id,
            id=number,
            platform=platform,
            external_id=external_id,
            channel_id=place.channel_id,
            is_direct=place.is_direct,
            name=name,
            lane_until=LONG_AGO,
            not_before=LONG_AGO,
            served_at=LONG_AGO,
            created_by=actor,
            created_at=now,
        )
        .returning(*_COLUMNS)
    ).one()
    return Destination(*row)


def find_destination(
    connection: sa.Connection,
    workspace_id: int,
    *,
    platform: str,
    external_id: str,
    channel_id: str,
) -> Destination | None:
    """The destination of a channel; None where nothing was ever to go there."""
    row = connection.execute(
        sa.select(*_COLUMNS).where(
            _DESTINATION.c.workspace_id == workspace_id,
            _DESTINATION.c.platform == platform,
            _DESTINATION.c.external_id == external_id,
            _DESTINATION.c.channel_id == channel_id,
        )
    ).first()
    return Destination(*row) if row else None


def list_destinations(connection: sa.Connection, workspace_id: int) -> dict[int, Destination]:
    """Every destination by its number."""
    wanted = sa.select(*_COLUMNS).where(_DESTINATION.c.workspace_id == workspace_id)
    rows = connection.execute(wanted.order_by(_DESTINATION.c.id))
    return {row.id: Destination(*row) for row in rows}


def set_quiet_hours(
    connection: sa.Connection,
    workspace_id: int,
    destination_id: int,
    *,
    hours: tuple[int, int] | None,
    zone: str,
) -> Destination:
    """Let a destination be quiet between two minutes of the day in a zone; None ends that."""
    start, end = hours or (None, None)
    values = {"quiet_start": start, "quiet_end": end, "quiet_zone": zone if hours else None}
    return _change(connection, workspace_id, destination_id, values)


def let_see_people(
    connection: sa.Connection, workspace_id: int, destination_id: int, *, is_open: bool
) -> Destination:
    """Let a channel be told of people, or no more, where the workspace restricts their rows."""
    return _change(connection, workspace_id, destination_id, {"people_rows": is_open})


def revive(connection: sa.Connection, workspace_id: int, destination_id: int) -> Destination:
    """Try a destination again that would take nothing any more; it is looked at as a new one."""
    values = {"state": "ok", "dead_reason": None, "can_post": None, "checked_at": None}
    return _change(connection, workspace_id, destination_id, values)


def _change(
    connection: sa.Connection,
    workspace_id: int,
    destination_id: int,
    values: Mapping[str, object],
) -> Destination:
    row = connection.execute(
        sa.update(_DESTINATION)
        .where(_DESTINATION.c.workspace_id == workspace_id, _DESTINATION.c.id == destination_id)
        .values(values)
        .returning(*_COLUMNS)
    ).one()
    return Destination(*row)
