"""On which days each source brought usage: what tells a quiet day from a silent source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import SQLModel

from storage.cells import SOURCE_DAY
from storage.crossings import Days

_SOURCE = SQLModel.metadata.tables["source"]


class SourceName(NamedTuple):
    """A source's number and name."""

    id: int
    name: str


def rows_by_source(
    connection: sa.Connection, workspace_id: int, days: Days
) -> Mapping[SourceName, Mapping[int, int]]:
    """Rows of usage by day for each source; days without any are absent."""
    table = SOURCE_DAY.table
    wanted = (
        sa.select(_SOURCE.c.id, _SOURCE.c.name, table.c.day, table.c.events)
        .join(
            _SOURCE,
            sa.and_(
                _SOURCE.c.workspace_id == table.c.workspace_id, _SOURCE.c.id == table.c.source_id
            ),
        )
        .where(
            table.c.workspace_id == workspace_id,
            table.c.day >= days.first,
            table.c.day < days.end,
            table.c.events > 0,
        )
    )
    found: dict[SourceName, dict[int, int]] = defaultdict(dict)
    for number, name, day, events in connection.execute(wanted):
        found[SourceName(int(number), str(name))][int(day)] = int(events)
    return dict(found)


def credits_by_source(connection: sa.Connection, workspace_id: int, days: Days) -> dict[int, int]:
    """Micro-credits of some days by source, which is also what an API key is named for."""
    table = SOURCE_DAY.table
    wanted = (
        sa.select(table.c.source_id, sa.func.sum(table.c.credits))
        .where(
            table.c.workspace_id == workspace_id,
            table.c.day >= days.first,
            table.c.day < days.end,
        )
        .group_by(table.c.source_id)
    )
    return {int(source): int(credits) for source, credits in connection.execute(wanted)}


def source_names(connection: sa.Connection, workspace_id: int) -> Mapping[int, str]:
    """The name of each source."""
    wanted = sa.select(_SOURCE.c.id, _SOURCE.c.name).where(_SOURCE.c.workspace_id == workspace_id)
    return {int(number): str(name) for number, name in connection.execute(wanted)}
