"""Platform workspaces whose lanes all wait: told to come back later, refused, or banned.

Behind a refusal nobody sends anything; one harmless call every few minutes shows when it is over.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from storage.claims import LONGEST_WAIT, PAUSE, Lane
from storage.engine import insert_for

MAX_REASON = 200
_KEY = (PAUSE.c.workspace_id, PAUSE.c.platform, PAUSE.c.external_id)


@dataclass(frozen=True, slots=True)
class Pause:
    """A platform workspace that waits; with `needs_probe` until a call went well."""

    workspace_id: int
    platform: str
    external_id: str
    until: datetime
    reason: str
    needs_probe: bool


_COLUMNS = [PAUSE.c[name] for name in Pause.__slots__]


def pause_chat(
    connection: sa.Connection,
    lane: Lane,
    now: datetime,
    *,
    until: datetime,
    reason: str,
    needs_probe: bool,
) -> None:
    """Let every lane of a platform workspace wait; a longer or harder pause stays.

    One beyond its longest was set by a clock that was ahead: nobody heeds it, and it gives way.
    """
    insert = insert_for(connection, PAUSE).values(
        workspace_id=lane.workspace_id,
        platform=lane.platform,
        external_id=lane.external_id,
        until=until,
        reason=reason[:MAX_REASON],
        needs_probe=needs_probe,
    )
    new = insert.excluded
    counts_more = sa.or_(new.until > PAUSE.c.until, PAUSE.c.until > now + LONGEST_WAIT)
    is_longer = sa.and_(new.needs_probe == PAUSE.c.needs_probe, counts_more)
    is_harder = sa.and_(new.needs_probe, ~PAUSE.c.needs_probe)
    told = {"until": new.until, "reason": new.reason, "needs_probe": new.needs_probe}
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=[column.name for column in _KEY],
            set_=told,
            where=sa.or_(is_longer, is_harder),
        )
    )


def take_probe(
    connection: sa.Connection, now: datetime, *, again: timedelta, platforms: Collection[str]
) -> Pause | None:
    """A platform workspace to be looked at now, by this process alone; the next time `again`."""
    p = PAUSE.alias("p")
    due = (
        sa.select(p.c.workspace_id, p.c.platform, p.c.external_id)
        .where(
            p.c.needs_probe,
            sa.or_(p.c.until <= now, p.c.until > now + LONGEST_WAIT),
            p.c.platform.in_(platforms),
        )
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    taken = sa.update(PAUSE).where(sa.tuple_(*_KEY) == due.scalar_subquery())
    found = connection.execute(taken.values(until=now + again).returning(*_COLUMNS)).first()
    return Pause(*found) if found else None


def end_pause(connection: sa.Connection, pause: Pause) -> bool:
    """Let the lanes go on; False where another refusal came since the probe was taken."""
    key = (pause.workspace_id, pause.platform, pause.external_id)
    this = sa.and_(sa.tuple_(*_KEY) == sa.tuple_(*key), PAUSE.c.until == pause.until)
    return connection.execute(sa.delete(PAUSE).where(this)).rowcount == 1


def pauses(connection: sa.Connection, now: datetime) -> list[Pause]:
    """Every platform workspace that waits now."""
    wanted = sa.select(*_COLUMNS).where(waits(now))
    return [Pause(*row) for row in connection.execute(wanted)]


def waits(now: datetime) -> sa.ColumnElement[bool]:
    """The condition of a pause that holds at a moment."""
    until = PAUSE.c.until
    return sa.or_(PAUSE.c.needs_probe, sa.and_(until > now, until <= now + LONGEST_WAIT))


def forget_pauses(connection: sa.Connection, now: datetime) -> None:
    """Forget those that are over."""
    far = sa.or_(PAUSE.c.until < now - LONGEST_WAIT, PAUSE.c.until > now + LONGEST_WAIT)
    over = sa.and_(~PAUSE.c.needs_probe, far)
    connection.execute(sa.delete(PAUSE).where(over))
