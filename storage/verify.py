"""Whether every cell of every rollup, and what budgets used, is exactly what the ledger says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import add

import sqlalchemy as sa

from storage import budget_usage
from storage.cells import TABLES, CellKey, Cells, Measures, Span
from storage.engine import reading
from storage.rebuild import Progress, month_sums, months_of
from storage.rollups import Rollup
from storage.timekeys import first_day as first_day_of
from storage.workspaces import WorkspaceInfo


@dataclass(frozen=True, slots=True)
class Difference:
    """A cell where ledger and rollup disagree; None where one of them has no such cell.

    `key` is the table's key behind the workspace, the numbers are its measures in their order.
    """

    table: str
    key: CellKey
    ledger: Measures | None
    rollup: Measures | None


def verify(
    engine: sa.Engine,
    workspace: WorkspaceInfo,
    *,
    first_day: int | None = None,
    last_day: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Difference]:
    """Every difference in the months that local days touch, both included; all without days.

    One consistent view is read, so writers may go on.
    """
    clock = workspace.clock()
    if engine.dialect.name == "postgresql":  # there a transaction sees what others commit meanwhile
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with reading(engine) as connection:
        months = months_of(connection, workspace.id, first_day=first_day, last_day=last_day)
        is_whole = first_day is None and last_day is None
        budgets = _Budgets(connection, workspace.id, None if is_whole else months)
        for done, month in enumerate(months, 1):
            span = Span(month, month, clock)
            truth = _truth(connection, workspace.id, span)
            budgets.count(truth)
            for rollup in TABLES:
                kept = _kept(connection, workspace.id, rollup, span=span)
                yield from _differences(rollup.name, truth[rollup.name], kept)
            if progress:
                progress(done, len(months))
        yield from budgets.differences()


class _Budgets:
    """What budgets used, by the ledger; of their periods, those that lie inside some months."""

    def __init__(self, connection: sa.Connection, workspace_id: int, months: range | None) -> None:
        rows = budget_usage.rows_since(connection, workspace_id, -1)
        if months is not None:
            first, end = first_day_of(months.start), first_day_of(months.stop)
            rows = [row for row in rows if first <= row.first_day and row.end_day <= end]
        self._used = dict.fromkeys(rows, 0)

    def count(self, truth: Mapping[str, Cells]) -> None:
        """Add a month of the ledger."""
        for row, credits in budget_usage.spent_in(truth, self._used.keys()).items():
            self._used[row] += credits

    def differences(self) -> Iterator[Difference]:
        for row, used in self._used.items():
            if used != row.used:
                yield Difference(budget_usage.USAGE.name, row.key, (used,), (row.used,))


def _truth(connection: sa.Connection, workspace_id: int, span: Span) -> dict[str, Cells]:
    found: dict[str, Cells] = defaultdict(dict)
    for sums, _ in month_sums(connection, workspace_id, span):
        for rollup, cells in sums.cells():
            known = found[rollup.name]
            for key, cell in span.within(rollup, cells).items():
                before = known.get(key)
                known[key] = tuple(map(add, before, cell)) if before else cell
    # A cost may lie in one part and its refund in another.
    return {
        rollup.name: {key: cell for key, cell in found[rollup.name].items() if any(cell)}
        for rollup in TABLES
    }


def _kept(
    connection: sa.Connection, workspace_id: int, rollup: Rollup, *, span: Span
) -> Iterator[tuple[CellKey, Measures]]:
    table, width = rollup.table, len(rollup.keys)
    columns = (table.c[name] for name in (*rollup.keys, *rollup.measures))
    wanted = sa.select(*columns).where(span.condition(rollup, workspace_id))
    for row in connection.execute(wanted.order_by(*(table.c[name] for name in rollup.keys))):
        yield tuple(row[:width]), tuple(row[width:])


def _differences(
    table: str, truth: Cells, kept: Iterator[tuple[CellKey, Measures]]
) -> Iterator[Difference]:
    missing = dict(truth)
    for key, cell in kept:
        expected = missing.pop(key, None)
        if expected != cell:
            yield Difference(table, key, expected, cell)
    for key in sorted(missing):
        yield Difference(table, key, missing[key], None)
