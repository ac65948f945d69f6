"""The rollups from the ledger again, month by month, in one transaction.

Needed after a change of zone or peak hours, for a new rollup, and after damage; otherwise it
changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sqlalchemy as sa

from storage import budget_usage, cells, locks
from storage.cells import TABLES, Span, Sums
from storage.engine import writing
from storage.records import EVENT, PART, ends, near_days, scan
from storage.timekeys import DAY_US, Clock, date_of, first_day, month_number
from storage.workspaces import WorkspaceInfo

Progress = Callable[[int, int], None]  # months done, months in all


def rebuild(
    engine: sa.Engine,
    workspace: WorkspaceInfo,
    *,
    first_day: int | None = None,
    last_day: int | None = None,
    progress: Progress | None = None,
) -> int:
    """Recompute the months that local days touch (both included); the number of events read.

    Without days everything is recomputed, the local day of every event too.  Writers wait.
    """
    clock = workspace.clock()
    read = 0
    with writing(engine) as connection:
        locks.alone(connection, workspace.id)
        if first_day is None and last_day is None:
            _redate(connection, workspace.id, clock)
        months = months_of(connection, workspace.id, first_day=first_day, last_day=last_day)
        for done, month in enumerate(months, 1):
            read += _rebuild_month(connection, workspace.id, Span(month, month, clock))
            if progress:
                progress(done, len(months))
        budget_usage.recount(connection, workspace)
    return read


def _rebuild_month(connection: sa.Connection, workspace_id: int, span: Span) -> int:
    for rollup in TABLES:
        connection.execute(sa.delete(rollup.table).where(span.condition(rollup, workspace_id)))
    read = 0
    for sums, count in month_sums(connection, workspace_id, span):
        cells.apply(connection, workspace_id, sums, span=span)
        read += count
    return read


def month_sums(
    connection: sa.Connection, workspace_id: int, span: Span
) -> Iterator[tuple[Sums, int]]:
    """Sums of the ledger part by part, with the number of its events inside the span.

    Events near the span are in the sums, because an hour may lie in another month than its day.
    """
    start, end = first_day(span.first), first_day(span.last + 1)
    for part in scan(connection, near_days(workspace_id, start, end - 1)):
        sums = Sums(span.clock)
        sums.add(record.row for record in part)
        sums.add_details((record.row, record.detail) for record in part)
        yield sums, sum(start <= record.row.day < end for record in part)


def months_of(
    connection: sa.Connection,
    workspace_id: int,
    *,
    first_day: int | None,
    last_day: int | None,
) -> range:
    """The months between two days; an open end is where ledger and rollups end."""
    days = [day for day in (first_day, last_day) if day is not None]
    if len(days) < 2:
        days += [
            day
            for day in _known_days(connection, workspace_id)
            if (first_day is None or day >= first_day) and (last_day is None or day <= last_day)
        ]
    if not days:
        return range(0)
    return range(month_number(date_of(min(days))), month_number(date_of(max(days))) + 1)


def _known_days(connection: sa.Connection, workspace_id: int) -> list[int]:
    """First and last day of the ledger, where its index can tell, and of every rollup."""
    found: list[int] = []
    usage = ends(connection, workspace_id, EVENT.c.ts)
    if usage is not None:
        # A local day may be the one before or after the day of UTC.
        found += (usage[0] // DAY_US - 1, usage[1] // DAY_US + 1)
    for rollup in TABLES:
        name = rollup.keys[0]
        places = ends(connection, workspace_id, rollup.table.c[name])
        found += (_day_of(name, place) for place in places or ())
    return found


def _day_of(name: str, place: int) -> int:
    """A day in the month of a rollup's first key."""
    if name == "month":
        return first_day(place)
    return place // 24 if name == "bucket" else place


def _redate(connection: sa.Connection, workspace_id: int, clock: Clock) -> None:
    """Give every event the local day that the workspace's zone says today."""
    names = ("source_id", "event_id")
    wanted = (
        sa.select(EVENT.c.source_id, EVENT.c.event_id, EVENT.c.ts, EVENT.c.grain, EVENT.c.day)
        .where(EVENT.c.workspace_id == workspace_id)
        .order_by(EVENT.c.source_id, EVENT.c.event_id)
        .limit(PART)
    )
    match = sa.and_(
        EVENT.c.workspace_id == workspace_id,
        *(EVENT.c[name] == sa.bindparam(f"k_{name}") for name in names),
    )
    update = sa.update(EVENT).where(match).values(day=sa.bindparam("new_day"))
    after = (-1, "")
    while rows := connection.execute(
        wanted.where(sa.tuple_(EVENT.c.source_id, EVENT.c.event_id) > sa.tuple_(*after))
    ).all():
        after = (rows[-1].source_id, rows[-1].event_id)
        dated = [(row, clock.keys(row.ts, row.grain).day) for row in rows]
        moved = [
            {"k_source_id": row.source_id, "k_event_id": row.event_id, "new_day": day}
            for row, day in dated
            if day != row.day
        ]
        if moved:
            connection.execute(update, moved)
