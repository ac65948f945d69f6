"""When each source last brought usage, and what it brought in the same hours of weeks before.

Of one that sums up whole days the last day is known: see `storage.day_sources` for the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import sqlalchemy as sa
from sqlmodel import SQLModel

from storage.cells import SOURCE_DAY
from storage.crossings import LEDGER
from storage.events import Granularity
from storage.timekeys import Clock, from_micros, to_micros

RECENT_DAYS = 7  # a source that is silent for longer is no news any more
RECENT_WHOLE_DAYS = 28  # its files may come once a week
AROUND = timedelta(hours=14)  # a day that a source names begins so far from the workspace's
BATCH_DAYS = 60
WEEKS = 4
_SOURCE = SQLModel.metadata.tables["source"]
_BATCH = SQLModel.metadata.tables["import_batch"]


@dataclass(frozen=True, slots=True)
class LastEvent:
    """The newest event of a source; `batch_id` is that of the file it came in, 0 for none.

    With `is_day` it is about the whole of `day`.
    """

    source_id: int
    name: str
    ts: int
    batch_id: int
    day: int
    is_day: bool = False

    @property
    def at(self) -> datetime:
        """Its time, in UTC."""
        return from_micros(self.ts)


def last_events(
    connection: sa.Connection, workspace_id: int, clock: Clock, now: datetime
) -> list[LastEvent]:
    """The newest event of each source that brought usage lately, by the source's number.

    The day of each is in a small table, so that the ledger is read from its newest end.
    """
    today, table = clock.day(now), SOURCE_DAY.table
    days = (
        sa.select(table.c.source_id, _SOURCE.c.name, sa.func.max(table.c.day))
        .join(
            _SOURCE,
            sa.and_(
                _SOURCE.c.workspace_id == table.c.workspace_id, _SOURCE.c.id == table.c.source_id
            ),
        )
        .where(
            table.c.workspace_id == workspace_id,
            table.c.day >= today - RECENT_WHOLE_DAYS,
            table.c.day <= today,
            table.c.events > 0,
        )
        .group_by(table.c.source_id, _SOURCE.c.name)
        .order_by(table.c.source_id)
    )
    found = []
    for source_id, name, day in connection.execute(days).all():
        row = _newest(connection, workspace_id, source_id, day, clock=clock, now=now)
        if row is None:
            continue
        is_day = row.grain == Granularity.DAY
        if is_day or day >= today - RECENT_DAYS:
            found.append(
                LastEvent(source_id, str(name), int(row.ts), int(row.batch_id), int(day), is_day)
            )
    return found


def _newest(  # a source's last day, and what moments mean
    connection: sa.Connection,
    workspace_id: int,
    source_id: int,
    day: int,
    *,
    clock: Clock,
    now: datetime,
) -> sa.Row[int, int, int] | None:
    """Time, import and granularity of the newest event of a source on its last day."""
    start, end = clock.midnight(day) - AROUND, clock.midnight(day + 1) + AROUND
    newest = (
        sa.select(LEDGER.c.ts, LEDGER.c.batch_id, LEDGER.c.grain)
        .where(
            LEDGER.c.workspace_id == workspace_id,
            LEDGER.c.source_id == source_id,
            LEDGER.c.ts >= to_micros(start),
            LEDGER.c.ts <= to_micros(min(end, now)),
            LEDGER.c.day == day,
        )
        .order_by(LEDGER.c.ts.desc())
        .limit(1)
    )
    return connection.execute(newest).first()


def expected_events(
    connection: sa.Connection, workspace_id: int, last: LastEvent, clock: Clock, now: datetime
) -> float:
    """The mean number of events of a source in the same local hours of the four weeks before."""
    start, end = (moment.astimezone(clock.zone) for moment in (last.at, now))
    total = 0
    for week in range(1, WEEKS + 1):
        # Wall clock: Tuesday 9 to 10 is compared with Tuesday 9 to 10, also over a clock change.
        span = [to_micros(moment - timedelta(weeks=week)) for moment in (start, end)]
        counted = sa.select(sa.func.count()).where(
            LEDGER.c.workspace_id == workspace_id,
            LEDGER.c.source_id == last.source_id,
            LEDGER.c.ts > span[0],
            LEDGER.c.ts <= span[1],
        )
        total += int(connection.execute(counted).scalar_one())
    return total / WEEKS


def pauses_between_files(
    connection: sa.Connection, workspace_id: int, last: LastEvent, now: datetime
) -> list[timedelta] | None:
    """The pauses between the files that a source came in lately; None where it came in one only.

    Empty for a source that does not come in files.
    """
    if not last.batch_id:
        return []
    is_its = sa.exists().where(
        LEDGER.c.workspace_id == _BATCH.c.workspace_id,
        LEDGER.c.ts == _BATCH.c.last_ts,
        LEDGER.c.source_id == last.source_id,
        LEDGER.c.batch_id == _BATCH.c.id,
    )
    wanted = (
        sa.select(_BATCH.c.finished_at)
        .where(
            _BATCH.c.workspace_id == workspace_id,
            _BATCH.c.finished_at > now - timedelta(days=BATCH_DAYS),
            is_its,
        )
        .order_by(_BATCH.c.finished_at)
    )
    moments = list(connection.execute(wanted).scalars())
    if len(moments) < 2:
        return None
    return [after - before for before, after in pairwise(moments)]


def first_after(
    connection: sa.Connection, workspace_id: int, source_id: int, ts: int
) -> datetime | None:
    """The first event of a source after another; None while there is none."""
    wanted = (
        sa.select(LEDGER.c.ts)
        .where(
            LEDGER.c.workspace_id == workspace_id,
            LEDGER.c.source_id == source_id,
            LEDGER.c.ts > ts,
        )
        .order_by(LEDGER.c.ts)
        .limit(1)
    )
    found = connection.execute(wanted).scalar()
    return None if found is None else from_micros(int(found))
