"""What each budget's period used so far, kept in the transaction of ledger and rollups.

A row always equals the ledger's sum over its days and scope, whatever became of its budget.  Rows
are made while nobody writes usage, and changed in the order of their keys: the row's lock puts
writers in a line, so that each crossing is seen by exactly one of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.outgoing  # noqa: F401  # declares the table that is looked up below
from storage.budgets import Scope
from storage.cells import Cells
from storage.crossings import LEVELS, Days, Workplace, column, level_for
from storage.engine import repeat
from storage.records import CHUNK
from storage.rollups import SPEND
from storage.workspaces import WorkspaceInfo

USAGE = SQLModel.metadata.tables["budget_usage"]
PLAN: Final = 0  # the number that stands for the plan's allowance
NEVER: Final = 2**63 - 1  # a mark that no usage reaches

# Which of a batch's cells say what a scope used, and the place of its target in their keys.
_CELLS: Mapping[Scope, tuple[str, int | None]] = {
    "workspace": ("usage_department_day_total", None),
    "department": ("usage_department_day_total", 1),
    "project": ("usage_project_day_total", 1),
    "person": ("usage_person_day_total", 1),
}
_CREDITS = SPEND.index("credits")
_LAST_DAY = 2**31 - 1
_FEW = 20  # targets; above, reading all rows costs less than naming them

# A budget's stamp is its revision; the plan's counts what decides whether and how it limits.
_ROWS = """
SELECT u.budget_id, u.scope, u.target_id, u.first_day, u.end_day, u.used, u.mark, u.stamp,
  coalesce(b.revision,
    (SELECT count(*) + count(g.removed_at) FROM credit_grant g
      WHERE g.workspace_id = u.workspace_id)
    + (SELECT coalesce(sum(w.revision), 0) FROM budget w
      WHERE w.workspace_id = u.workspace_id AND w.scope = 'workspace')),
  coalesce(b.raise_end, 0)
FROM budget_usage u
LEFT JOIN budget b ON b.workspace_id = u.workspace_id AND b.id = u.budget_id
WHERE u.workspace_id = ? AND u.end_day > ? AND u.first_day <= ?
"""
_ORDER = "ORDER BY u.budget_id, u.first_day"
_ADD = """
UPDATE budget_usage SET used = used + ? WHERE workspace_id = ? AND budget_id = ? AND first_day = ?
RETURNING used, mark, stamp
"""
_CREATE = """
INSERT INTO budget_usage
  (workspace_id, budget_id, first_day, end_day, scope, target_id, used, mark, stamp)
VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0) ON CONFLICT DO NOTHING
"""
_SET = "UPDATE budget_usage SET used = ? WHERE workspace_id = ? AND budget_id = ? AND first_day = ?"
_DECIDE = """
UPDATE budget_usage SET mark = ?, stamp = ?
WHERE workspace_id = ? AND budget_id = ? AND first_day = ?
"""


@dataclass(frozen=True, slots=True)
class UsageRow:
    """A budget's period: local days `first_day` up to, not including, `end_day`.

    There is something to decide from `mark` micro-credits on, or when `live_stamp` is not `stamp`;
    a budget with a raise has its `raise_end`.
    """

    budget_id: int
    scope: Scope
    target_id: int
    first_day: int
    end_day: int
    used: int = 0
    mark: int = 0
    stamp: int = 0
    live_stamp: int = 0
    raise_end: int = 0

    @property
    def key(self) -> tuple[int, int]:
        """What the row is known by inside its workspace; also the order of locks."""
        return self.budget_id, self.first_day

    @property
    def is_stale(self) -> bool:
        """Whether its mark was worked out from what does not count any more."""
        return self.stamp != self.live_stamp

    @property
    def is_due(self) -> bool:
        """Whether there is something to decide; if a raise is over in its days it is not known."""
        is_raised = self.first_day < self.raise_end < self.end_day
        return self.used >= self.mark or self.is_stale or is_raised


@dataclass(frozen=True, slots=True)
class Moved:
    """A row as a transaction left it, and what was used before."""

    row: UsageRow
    before: int


def add(connection: sa.Connection, workspace_id: int, written: Mapping[str, Cells]) -> list[Moved]:
    """Count what a batch wrote to the rollups; the rows it moved over their mark.

    Without a row that its days touch this is one small question.
    """
    rows = _touched(connection, workspace_id, written)
    if not rows:
        return []
    statement = _in(connection, _ADD)
    moved = []
    for row, credits in spent_in(written, rows).items():
        if not credits:
            continue
        key = (workspace_id, row.budget_id, row.first_day)
        # Read to the end: until then SQLite has not finished the statement.
        ((used, mark, stamp),) = connection.exec_driver_sql(statement, (credits, *key)).all()
        now = replace(row, used=used, mark=mark, stamp=stamp)
        if now.is_due:
            moved.append(Moved(now, used - credits))
    return moved


def rows_since(
    connection: sa.Connection, workspace_id: int, day: int, *, last: int = _LAST_DAY
) -> list[UsageRow]:
    """The rows of periods that end after a day and begin up to another, by key."""
    statement = _in(connection, _ROWS + _ORDER)
    found = connection.exec_driver_sql(statement, (workspace_id, day, last))
    return [UsageRow(*row) for row in found.all()]


def lock(connection: sa.Connection, workspace_id: int, rows: Iterable[UsageRow]) -> None:
    """Hold rows until the transaction ends, in the order in which writers take them."""
    keys = sorted(row.key for row in rows)
    for start in range(0, len(keys), CHUNK):
        chosen = sa.tuple_(USAGE.c.budget_id, USAGE.c.first_day).in_(keys[start : start + CHUNK])
        held = sa.select(USAGE.c.used).where(USAGE.c.workspace_id == workspace_id, chosen)
        in_order = held.order_by(USAGE.c.budget_id, USAGE.c.first_day).with_for_update()
        connection.execute(in_order).all()


def create(connection: sa.Connection, workspace: WorkspaceInfo, rows: Sequence[UsageRow]) -> None:
    """Make rows from what the rollups say; the caller holds the workspace alone."""
    repeat(
        connection,
        _in(connection, _CREATE),
        [
            (
                workspace.id,
                row.budget_id,
                row.first_day,
                row.end_day,
                row.scope,
                row.target_id,
                used,
            )
            for row, used in _summed(connection, workspace, rows)
        ],
    )


def recount(connection: sa.Connection, workspace: WorkspaceInfo) -> None:
    """Let every row be what the rollups say; the caller holds the workspace alone."""
    rows = rows_since(connection, workspace.id, -1)
    values = [
        (used, workspace.id, *row.key)
        for row, used in _summed(connection, workspace, rows)
        if used != row.used
    ]
    if values:
        by_key = sorted(values, key=lambda one: one[2:])
        repeat(connection, _in(connection, _SET), by_key)


def set_mark(connection: sa.Connection, workspace_id: int, row: UsageRow, *, mark: int) -> None:
    """Say from which usage on there is something to decide, as things stand."""
    values = (mark, row.live_stamp, workspace_id, *row.key)
    connection.exec_driver_sql(_in(connection, _DECIDE), values)


def spent_in(cells: Mapping[str, Cells], rows: Collection[UsageRow]) -> dict[UsageRow, int]:
    """Micro-credits of the days and scope of rows in cells of the rollups."""
    days: defaultdict[tuple[Scope, int], Counter[int]] = defaultdict(Counter)
    for scope in {row.scope for row in rows}:
        wanted = {row.target_id for row in rows if row.scope == scope}
        table, place = _CELLS[scope]
        for key, cell in cells.get(table, {}).items():
            target = 0 if place is None else key[place]
            if target in wanted:
                days[scope, target][key[0]] += cell[_CREDITS]
    return {
        row: sum(
            credits
            for day, credits in days.get((row.scope, row.target_id), {}).items()
            if row.first_day <= day < row.end_day
        )
        for row in rows
    }


def _touched(
    connection: sa.Connection, workspace_id: int, written: Mapping[str, Cells]
) -> list[UsageRow]:
    """The rows whose days and, while they are few, targets occur in what was written, by key."""
    cells = [written.get(table, {}) for table in {table for table, _ in _CELLS.values()}]
    days = {key[0] for found in cells for key in found}
    if not days:
        return []
    values = (workspace_id, min(days), max(days))
    if sum(map(len, cells)) > _FEW:
        statement = _in(connection, _ROWS + _ORDER)
    else:
        targets = {0, *(key[1] for found in cells for key in found)}
        marks = ",".join("?" * len(targets))
        statement = _in(connection, f"{_ROWS} AND u.target_id IN ({marks}) {_ORDER}")
        values = (*values, *sorted(targets))
    return [UsageRow(*row) for row in connection.exec_driver_sql(statement, values).all()]


def _summed(
    connection: sa.Connection, workspace: WorkspaceInfo, rows: Iterable[UsageRow]
) -> Iterator[tuple[UsageRow, int]]:
    """Rows with what the rollups say they used: one sum for each kind of scope and period."""

    def kind(row: UsageRow) -> tuple[Scope, int, int]:
        return row.scope, row.first_day, row.end_day

    for (scope, first, end), group in groupby(sorted(rows, key=kind), key=kind):
        ours = list(group)
        used = _used(connection, workspace, scope, Days(first, end))
        yield from ((row, used.get(row.target_id, 0)) for row in ours)


def _used(
    connection: sa.Connection, workspace: WorkspaceInfo, scope: Scope, days: Days
) -> dict[int, int]:
    """Micro-credits of some days by target; the workspace's is 0."""
    place = Workplace(workspace.id, workspace.clock(), newest=lambda: days.end)
    keys = () if scope == "workspace" else (column(scope),)
    level = level_for(LEVELS, keys, ("credits",))
    assert level is not None  # noqa: S101  # each of the scopes has tables
    rows = connection.execute(place.joined(level, keys, ("credits",), span=days, chosen={}))
    return {int(target[0]) if target else 0: int(credits or 0) for *target, credits in rows}


def _in(connection: sa.Connection, statement: str) -> str:
    """A statement with the marks of the connection's driver."""
    return statement if connection.dialect.name == "sqlite" else statement.replace("?", "%s")
