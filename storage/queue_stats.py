"""How the outbox stands, counted: what waits, what nobody knows of, which channels are dead.

The few open rows are read by their own small indexes, so it costs little however long the history.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import SQLModel

from storage.outbox import DELIVERY, LOST_AFTER, STUCK_AFTER, WAITING
from storage.outgoing import TO_RENDER, TO_SEND
from storage.pauses import waits

_DESTINATION = SQLModel.metadata.tables["destination"]
_PAUSE = SQLModel.metadata.tables["chat_pause"]


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits, by state; `unknown` may be there or not, `late` and `lost` wait too long.

    `oldest_due` is when the oldest of those was due whose time has come.  What waits for the end of
    quiet hours is due then.
    """

    waiting: Mapping[str, int] = field(default_factory=dict)
    oldest_due: datetime | None = None
    unknown: int = 0
    late: int = 0
    lost: int = 0
    ambiguous: int = 0

    @property
    def total(self) -> int:
        """How many wait in all."""
        return sum(self.waiting.values())


@dataclass(frozen=True, slots=True)
class Weak:
    """A destination that gets nothing any more, or not surely once; `reason` as it was kept."""

    id: int
    platform: str
    name: str
    is_direct: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class Pause:
    """A platform workspace where nothing is sent until a time, or until a call went well."""

    platform: str
    until: datetime
    reason: str
    needs_probe: bool


def queue_of(
    connection: sa.Connection,
    now: datetime,
    *,
    workspace_id: int | None = None,
    idle: Collection[str] = (),
) -> Queue:
    """The open deliveries of one workspace, or of all, but those to `idle` platforms."""
    waiting: dict[str, int] = dict.fromkeys(WAITING, 0)
    due: list[datetime] = []
    unknown = late = lost = 0
    for these in (TO_RENDER, TO_SEND):
        wanted = _open(now).where(sa.text(these))
        wanted = wanted.where(_ours(DELIVERY, workspace_id), _is_busy(idle))
        for row in connection.execute(wanted):
            waiting[row.state] += row.n
            due += [row.oldest] if row.oldest is not None else []
            unknown, late, lost = unknown + row.unknown, late + row.late, lost + row.lost
    ambiguous = _ambiguous(connection, workspace_id)
    return Queue(waiting, min(due, default=None), unknown, late, lost, ambiguous)


def _is_busy(idle: Collection[str]) -> sa.ColumnElement[bool]:
    if not idle:
        return sa.true()
    return ~sa.exists().where(
        _DESTINATION.c.workspace_id == DELIVERY.c.workspace_id,
        _DESTINATION.c.id == DELIVERY.c.destination_id,
        _DESTINATION.c.platform.in_(idle),
    )


def _open(now: datetime) -> sa.Select[tuple[str, int, datetime, int, int, int]]:
    c = DELIVERY.c
    count = sa.func.count()
    # One that nobody tried yet may have waited for the end of quiet hours.
    waited = sa.and_(c.attempts == 0, c.not_before > c.due_at)
    since = sa.case((waited, c.not_before), else_=c.due_at)
    has_come = sa.and_(since <= now, c.not_before <= now)
    return sa.select(
        c.state,
        count.label("n"),
        sa.func.min(since, type_=c.due_at.type).filter(has_come).label("oldest"),
        count.filter(c.maybe_sent_at.is_not(None), c.state == "ready").label("unknown"),
        count.filter(since < now - STUCK_AFTER).label("late"),
        count.filter(since < now - LOST_AFTER).label("lost"),
    ).group_by(c.state)


def _ambiguous(connection: sa.Connection, workspace_id: int | None) -> int:
    # By their destinations, which are few: that index knows the state, too.
    mine = sa.and_(
        DELIVERY.c.workspace_id == _DESTINATION.c.workspace_id,
        DELIVERY.c.destination_id == _DESTINATION.c.id,
        DELIVERY.c.state == "ambiguous",
    )
    wanted = sa.select(sa.func.count()).select_from(_DESTINATION.join(DELIVERY, mine))
    found: int = connection.execute(wanted.where(_ours(_DESTINATION, workspace_id))).scalar_one()
    return found


def dead_destinations(
    connection: sa.Connection, *, workspace_id: int | None = None, limit: int = 20
) -> list[Weak]:
    """Channels that take nothing any more, with the platform's reason."""
    return _weak(connection, _DESTINATION.c.state == "dead", workspace_id, limit)


def count_dead(connection: sa.Connection) -> int:
    """How many channels take nothing any more, in every workspace."""
    dead = sa.select(sa.func.count()).where(_DESTINATION.c.state == "dead")
    return int(connection.execute(dead).scalar_one())


def at_least_once(connection: sa.Connection, *, workspace_id: int, limit: int = 20) -> list[Weak]:
    """Channels whose history may not be read, so that a lost reply may end in a repeat."""
    unread = sa.and_(_DESTINATION.c.can_read_history.is_(False), _DESTINATION.c.state != "dead")
    return _weak(connection, unread, workspace_id, limit)


def pauses(
    connection: sa.Connection, now: datetime, *, workspace_id: int | None = None
) -> list[Pause]:
    """The platform workspaces where nothing is sent just now."""
    wanted = sa.select(*(_PAUSE.c[name] for name in Pause.__slots__)).where(
        waits(now), _ours(_PAUSE, workspace_id)
    )
    rows = connection.execute(wanted.order_by(_PAUSE.c.until))
    return [Pause(*row) for row in rows]


def _weak(
    connection: sa.Connection, those: sa.ColumnElement[bool], workspace_id: int | None, limit: int
) -> list[Weak]:
    d = _DESTINATION.c
    wanted = sa.select(d.id, d.platform, d.name, d.is_direct, d.dead_reason).where(
        those, _ours(_DESTINATION, workspace_id)
    )
    rows = connection.execute(wanted.order_by(d.name, d.id).limit(limit))
    return [Weak(*row) for row in rows]


def _ours(table: sa.Table, workspace_id: int | None) -> sa.ColumnElement[bool]:
    return sa.true() if workspace_id is None else table.c.workspace_id == workspace_id
