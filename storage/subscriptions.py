"""Subscriptions: a line, when it is asked and where its answer goes; nothing about what it says.

`next_due` is derived from the schedule and the zone's rules; what was told already is known by the
keys of deliveries alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.outgoing  # noqa: F401  # declares the tables that are looked up below
from storage.destinations import Destination
from storage.numbering import next_id
from storage.quiet import QuietHours, awake

Catchup = Literal["latest", "all", "none"]
_SUBSCRIPTION = SQLModel.metadata.tables["subscription"]
_DESTINATION = SQLModel.metadata.tables["destination"]
_WORKSPACE = SQLModel.metadata.tables["workspace"]


@dataclass(frozen=True, slots=True)
class Subscription:
    """A line that is answered into a destination on a schedule; its times are local in `zone`.

    `attach` are the forms of files that go along.  A pause without an end lasts until a person ends
    it; `pause_reason` says why where no person ordered it.
    """

    id: int
    destination_id: int
    line: str
    schedule: str
    zone: str
    next_due: datetime | None
    next_first_day: int
    catchup: Catchup
    attach: str
    skip_empty: bool
    skip_next: bool
    is_paused: bool
    paused_until: datetime | None
    pause_reason: str | None
    created_by: str
    created_at: datetime
    rev: int
    last_period: str | None
    quiet_start: int | None
    quiet_end: int | None

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms of files that go along."""
        return tuple(filter(None, self.attach.split(",")))

    @property
    def quiet(self) -> QuietHours | None:
        """Its own quiet hours; None without any.  Those of its channel hold besides."""
        if self.quiet_start is None or self.quiet_end is None:
            return None
        return QuietHours(self.quiet_start, self.quiet_end, self.zone)

    def paused_at(self, moment: datetime) -> bool:
        """Whether it pauses at a moment."""
        return self.is_paused and (self.paused_until is None or moment < self.paused_until)


@dataclass(frozen=True, slots=True)
class Due:
    """A subscription whose turn it is, locked, and where its answer goes."""

    workspace_id: int
    zone: str
    subscription: Subscription
    destination: Destination

    def awake(self, moment: datetime) -> datetime:
        """The first instant from a moment on at which a digest may leave; see `awake_at`."""
        return awake_at(moment, self.subscription.quiet, self.destination)


@dataclass(frozen=True, slots=True)
class Course:
    """A schedule in its zone and a workspace's, and the furthest time that is due by it."""

    schedule: str
    zone: str
    home: str
    furthest: datetime


def awake_at(moment: datetime, own: QuietHours | None, to: Destination) -> datetime:
    """The first instant from a moment on that neither its own quiet hours hold nor its channel's.

    Where the two leave no time at all only the channel's hold: a digest must not wait for ever.
    """
    return awake(moment, own, to.quiet) or to.awake(moment)


_COLUMNS = [_SUBSCRIPTION.c[name] for name in Subscription.__slots__]
_ITS_DESTINATION = [_DESTINATION.c[name].label(f"to_{name}") for name in Destination.__slots__]


def list_subscriptions(
    connection: sa.Connection, workspace_id: int, *, with_ended: bool = False
) -> list[Subscription]:
    """Every subscription that was not ended, in the order in which they were made."""
    ours = _SUBSCRIPTION.c.workspace_id == workspace_id
    wanted = sa.select(*_COLUMNS).where(ours if with_ended else _kept(workspace_id))
    rows = connection.execute(wanted.order_by(_SUBSCRIPTION.c.id))
    return [Subscription(*row) for row in rows]


def find_subscription(
    connection: sa.Connection, workspace_id: int, number: int
) -> Subscription | None:
    """A subscription by its number; None for one that never was or was ended."""
    wanted = sa.select(*_COLUMNS).where(_kept(workspace_id), _SUBSCRIPTION.c.id == number)
    row = connection.execute(wanted).first()
    return Subscription(*row) if row else None


def add_subscription(  # noqa: PLR0913  # the parts of a subscription, each by name
    connection: sa.Connection,
    workspace_id: int,
    *,
    destination_id: int,
    line: str,
    schedule: str,
    zone: str,
    next_due: datetime,
    next_first_day: int,
    catchup: Catchup,
    attach: str = "",
    skip_empty: bool = False,
    quiet: QuietHours | None = None,
    created_by: str,
    now: datetime,
) -> Subscription:
    """Keep a new subscription; `quiet` are its own quiet hours, in its zone."""
    row = connection.execute(
        sa.insert(_SUBSCRIPTION)
        .values(
            workspace_id=workspace_id,
            id=next_id(connection, _SUBSCRIPTION, workspace_id),
            destination_id=destination_id,
            line=line,
            schedule=schedule,
            zone=zone,
            next_due=next_due,
            next_first_day=next_first_day,
            catchup=catchup,
            attach=attach,
            skip_empty=skip_empty,
            quiet_start=quiet and quiet.start,
            quiet_end=quiet and quiet.end,
            created_by=created_by,
            created_at=now,
        )
        .returning(*_COLUMNS)
    ).one()
    return Subscription(*row)


def change_subscription(
    connection: sa.Connection, workspace_id: int, number: int, changes: Mapping[str, object]
) -> Subscription | None:
    """Change parts of a subscription, which is another revision of it; None where it is gone."""
    row = connection.execute(
        sa.update(_SUBSCRIPTION)
        .where(_kept(workspace_id), _SUBSCRIPTION.c.id == number)
        .values(**changes, rev=_SUBSCRIPTION.c.rev + 1)
        .returning(*_COLUMNS)
    ).first()
    return Subscription(*row) if row else None


# ---- what is due, in every workspace


def anything_due(
    connection: sa.Connection, now: datetime, *, platforms: Collection[str] | None = None
) -> bool:
    """Whether some subscription's turn has come, of any platform or of some."""
    found = sa.select(sa.literal(1)).select_from(_SUBSCRIPTION)
    due = found.where(_is_due(now), _goes_to(platforms)).limit(1)
    return connection.execute(due).first() is not None


def lock_due(
    connection: sa.Connection,
    now: datetime,
    *,
    limit: int,
    platforms: Collection[str] | None = None,
) -> list[Due]:
    """The subscriptions that have waited longest, none of which another planner holds."""
    return _lock(connection, sa.and_(_is_due(now), _goes_to(platforms)), limit=limit)


def courses(connection: sa.Connection, now: datetime) -> list[Course]:
    """Every schedule by which something is due that does not pause; there are few different."""
    s, w = _SUBSCRIPTION.c, _WORKSPACE.c
    by = (s.schedule, s.zone, w.zone)
    furthest = sa.func.max(s.next_due)
    wanted = (
        sa.select(*by, furthest)
        .select_from(_SUBSCRIPTION.join(_WORKSPACE, w.workspace_id == s.workspace_id))
        .where(_runs(now), s.next_due > now)
        .group_by(*by)
    )
    return [Course(*row) for row in connection.execute(wanted)]


def lock_beyond(
    connection: sa.Connection, now: datetime, courses: Mapping[Course, datetime], *, limit: int
) -> list[Due]:
    """Those of some courses that are due after their moment."""
    s, w = _SUBSCRIPTION.c, _WORKSPACE.c
    beyond = sa.or_(
        *(
            sa.and_(
                s.schedule == one.schedule, s.zone == one.zone, w.zone == one.home, s.next_due > at
            )
            for one, at in courses.items()
        )
    )
    return _lock(connection, sa.and_(_runs(now), beyond), limit=limit)


def _lock(connection: sa.Connection, these: sa.ColumnElement[bool], *, limit: int) -> list[Due]:
    joined = _SUBSCRIPTION.join(
        _DESTINATION,
        sa.and_(
            _DESTINATION.c.workspace_id == _SUBSCRIPTION.c.workspace_id,
            _DESTINATION.c.id == _SUBSCRIPTION.c.destination_id,
        ),
    ).join(_WORKSPACE, _WORKSPACE.c.workspace_id == _SUBSCRIPTION.c.workspace_id)
    wanted = (
        sa.select(
            _SUBSCRIPTION.c.workspace_id,
            _WORKSPACE.c.zone.label("home_zone"),
            *_COLUMNS,
            *_ITS_DESTINATION,
        )
        .select_from(joined)
        .where(these)
        .order_by(_SUBSCRIPTION.c.next_due, _SUBSCRIPTION.c.workspace_id, _SUBSCRIPTION.c.id)
        .limit(limit)
        # SQLite has one writer; elsewhere each planner takes others.
        .with_for_update(of=_SUBSCRIPTION, skip_locked=True)
    )
    border = 2 + len(_COLUMNS)
    return [
        Due(row[0], row[1], Subscription(*row[2:border]), Destination(*row[border:]))
        for row in connection.execute(wanted)
    ]


def keep_next(connection: sa.Connection, changes: Sequence[Mapping[str, Any]]) -> None:
    """Keep what is due next: rows with workspace_id, id and the columns that change, all alike."""
    if not changes:
        return
    keys: Collection[str] = ("workspace_id", "id")
    names = [name for name in changes[0] if name not in keys]
    changed: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in names}
    statement = (
        sa.update(_SUBSCRIPTION)
        .where(*(_SUBSCRIPTION.c[name] == sa.bindparam(f"new_{name}") for name in keys))
        .values(changed)
    )
    rows = [{f"new_{name}": value for name, value in row.items()} for row in changes]
    connection.execute(statement, rows)


def _kept(workspace_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(_SUBSCRIPTION.c.workspace_id == workspace_id, _SUBSCRIPTION.c.ended_at.is_(None))


def _goes_to(platforms: Collection[str] | None) -> sa.ColumnElement[bool]:
    if platforms is None:
        return sa.true()
    to = _DESTINATION.alias("goes_to")
    return sa.exists().where(
        to.c.workspace_id == _SUBSCRIPTION.c.workspace_id,
        to.c.id == _SUBSCRIPTION.c.destination_id,
        to.c.platform.in_(platforms),
    )


def _is_due(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(_runs(now), _SUBSCRIPTION.c.next_due <= now)


def _runs(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        _SUBSCRIPTION.c.ended_at.is_(None),
        sa.or_(~_SUBSCRIPTION.c.is_paused, _SUBSCRIPTION.c.paused_until <= now),
    )
