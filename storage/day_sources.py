"""Sources that report whole days: when each day's usage came, for who waits for the next one.

Usage of a day that came in a file has the moment of its import; what an API brought has none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa

from storage.cells import SOURCE_DAY
from storage.crossings import LEDGER, Days
from storage.events import Granularity
from storage.import_log import BATCH, Exports
from storage.timekeys import DAY_US


def day_rows(
    connection: sa.Connection, workspace_id: int, source_id: int, days: Days
) -> Mapping[int, int]:
    """Rows of usage of one source by day; days without any are absent."""
    table = SOURCE_DAY.table
    wanted = sa.select(table.c.day, table.c.events).where(
        table.c.workspace_id == workspace_id,
        table.c.source_id == source_id,
        table.c.day >= days.first,
        table.c.day < days.end,
        table.c.events > 0,
    )
    return {int(day): int(events) for day, events in connection.execute(wanted)}


def reports_days(connection: sa.Connection, workspace_id: int, source_id: int, day: int) -> bool:
    """Whether a source reported a day as a whole."""
    return day in _kept(connection, workspace_id, source_id, [day])


def day_arrivals(
    connection: sa.Connection, workspace_id: int, source_id: int, days: Collection[int]
) -> Mapping[int, datetime | None]:
    """When the usage of each day came first, of days that came; None where that is not known.

    A day that a file says is empty has come, too.
    """
    slices = Exports(connection, workspace_id).firsts([(source_id, day) for day in days])
    found = dict(_kept(connection, workspace_id, source_id, days))
    batches = {*slices.values(), *found.values()} - {0}
    wanted = sa.select(BATCH.c.id, BATCH.c.started_at).where(
        BATCH.c.workspace_id == workspace_id, BATCH.c.id.in_(batches)
    )
    moments = {int(number): at for number, at in connection.execute(wanted)}
    # A later export of the same days takes their rows over: the first one is noted by the slice.
    found.update({day: number for (_, day), number in slices.items()})
    return {day: moments.get(number) for day, number in found.items()}


def _kept(
    connection: sa.Connection, workspace_id: int, source_id: int, days: Collection[int]
) -> Mapping[int, int]:
    """The first import that the kept rows about whole days are from, 0 for none, by day."""
    wanted = (
        sa.select(LEDGER.c.day, sa.func.min(LEDGER.c.batch_id))
        .where(
            LEDGER.c.workspace_id == workspace_id,
            # Read by its time: such a row has the first moment of its day in UTC.
            LEDGER.c.ts.in_([day * DAY_US for day in days]),
            LEDGER.c.source_id == source_id,
            LEDGER.c.grain == Granularity.DAY,
        )
        .group_by(LEDGER.c.day)
    )
    return {int(day): int(number or 0) for day, number in connection.execute(wanted)}
