"""What rows add to the rollups, summed by cell, and the one way to write it down.

Rows are grouped once at the finest grain and folded from there: months from days, departments
from people, the whole from departments.  A cell whose measures are all zero does not exist.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import add, itemgetter
from typing import Any

import sqlalchemy as sa

from storage.engine import fill, repeat
from storage.records import Detail, LedgerRow, PlainRow, Record
from storage.rollups import COST, COUNTED, FULL, HOUR, ROLLUPS, SPEND, Rollup
from storage.timekeys import (
    QUARTER_US,
    Clock,
    TimeKeys,
    date_of,
    first_day,
    latency_bin,
    month_number,
    to_micros,
)

CellKey = tuple[Any, ...]  # integers, and the currency of costs
Measures = tuple[int, ...]
Cells = dict[CellKey, Measures]

# Not a question's table but a companion (`storage.models.UsageSourceDay`), kept the same way.
SOURCE_DAY = Rollup("usage_source_day", ("day", "source_id"), COUNTED)
TABLES = (*ROLLUPS, SOURCE_DAY)  # the lock order
# What a finer key says of a coarser one; `itemgetter`, because each runs for every cell.
_of_bucket = itemgetter(slice(1))
_of_person = itemgetter(0, 1, 2)
_of_department = itemgetter(0, 2, 3)
_of_label = itemgetter(0, 1)
_of_model = itemgetter(0, 2)
_of_model_bin = itemgetter(0, 1, 3)
_of_class_bin = itemgetter(0, 2, 3)
_of_cost = itemgetter(0, 3, 4)
_FEW = 20  # rows; below this a COPY costs more than single statements


@dataclass(frozen=True, slots=True)
class Span:
    """Whole local months, both included, as ranges of every rollup's first key."""

    first: int
    last: int
    clock: Clock

    def bounds(self, rollup: Rollup) -> tuple[int, int]:
        """The half-open range of the first key of a rollup."""
        if rollup.keys[0] == "month":
            return self.first, self.last + 1
        start, end = first_day(self.first), first_day(self.last + 1)
        if rollup.keys[0] == "day":
            return start, end
        midnights = (self.clock.midnight(start), self.clock.midnight(end))
        first, last = (self.clock.bucket(to_micros(midnight)) for midnight in midnights)
        return first, last

    def within(self, rollup: Rollup, cells: Cells) -> Cells:
        """The cells that lie inside."""
        start, end = self.bounds(rollup)
        return {key: cell for key, cell in cells.items() if start <= key[0] < end}

    def condition(self, rollup: Rollup, workspace_id: int) -> sa.ColumnElement[bool]:
        """Chooses the rows of a workspace that lie inside."""
        table = rollup.table
        start, end = self.bounds(rollup)
        place = table.c[rollup.keys[0]]
        return sa.and_(table.c.workspace_id == workspace_id, place >= start, place < end)


class Sums:
    """The signed sums of ledger rows, by cell of every rollup."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.shrinks = False  # whether anything was taken away, so that cells may become empty
        self._times: dict[int, TimeKeys] = {}
        self._hours: defaultdict[CellKey, list[Measures]] = defaultdict(list)
        self._people: defaultdict[CellKey, list[Measures]] = defaultdict(list)
        self._tasks: defaultdict[CellKey, list[Measures]] = defaultdict(list)
        self._projects: defaultdict[CellKey, list[Measures]] = defaultdict(list)
        self._sources: defaultdict[CellKey, list[Measures]] = defaultdict(list)
        self._latencies: defaultdict[CellKey, int] = defaultdict(int)
        self._costs: defaultdict[CellKey, list[Measures]] = defaultdict(list)
        self._speeds: defaultdict[CellKey, list[Measures]] = defaultdict(list)

    def add(self, rows: Iterable[PlainRow], sign: int = 1) -> None:
        """Add rows, or take them away with sign -1; their details are added apart."""
        hours, people, tasks = self._hours, self._people, self._tasks
        projects, sources, latencies = self._projects, self._sources, self._latencies
        keys_at, times = self.clock.keys, self._times
        self.shrinks |= sign < 0
        for (
            _, source_id, _, ts, grain, day, person_id, department_id, project_id, model_id,
            task_id, prompts, ok, ok_n, tokens_in, tokens_out, latency_ms, rating, _,
            credits_micro, flags, _, _, _,
        ) in rows:  # fmt: skip
            full: Measures = (
                1, prompts, credits_micro, flags & 1, flags >> 1 & 1, ok, ok_n,
                tokens_in, tokens_out, latency_ms or 0, int(latency_ms is not None),
                rating, int(rating > 0),
            )  # fmt: skip
            if sign < 0:
                full = tuple(-measure for measure in full)
            people[day, person_id, department_id, model_id].append(full)
            tasks[day, task_id, model_id].append(full)
            projects[day, project_id, model_id].append(full)
            sources[day, source_id].append(full[:5])
            if grain < 2:
                keys = times.get(ts // QUARTER_US)
                if keys is None:
                    keys = times[ts // QUARTER_US] = keys_at(ts, grain)
                hours[keys.bucket, model_id].append(full)
                if latency_ms is not None:
                    latencies[day, model_id, keys.hour_class, latency_bin(latency_ms)] += sign

    def add_details(self, details: Iterable[tuple[LedgerRow, Detail]], sign: int = 1) -> None:
        """Add the costs of rows whose currency is known, and the speed of single prompts."""
        for row, detail in details:
            if detail.cost_nano is not None and detail.currency is not None:
                key = (row.day, row.person_id, row.department_id, row.model_id, detail.currency)
                self._costs[key].append((sign * detail.cost_nano, sign * row.prompts))
            if detail.ttft_ms is not None and row.prompts == 1 and not row.grain:
                self._speeds[row.day, row.model_id].append(_speed(row, detail.ttft_ms, sign))

    def add_record(self, record: Record, sign: int = 1) -> None:
        """Add one record with its detail."""
        self.add((record.row,), sign)
        self.add_details(((record.row, record.detail),), sign)

    def cells(self) -> Iterator[tuple[Rollup, Cells]]:
        """The cells of every table in lock order, without those whose measures are all zero."""
        found = self._folded()
        for rollup in TABLES:
            cells = found[rollup.name]
            # What only grows has no empty cell, but a cost and its refund may be 0 together.
            if self.shrinks or rollup.measures == COST:
                cells = {key: cell for key, cell in cells.items() if any(cell)}
            yield rollup, cells

    def _folded(self) -> dict[str, Cells]:
        people, projects, tasks = map(_total, (self._people, self._projects, self._tasks))
        person_totals = _fold(_narrowed(people, SPEND), _of_person)
        departments = _fold(people, _of_department)
        days = _fold(departments, _of_model)
        hours, costs, speeds = map(_total, (self._hours, self._costs, self._speeds))
        day_costs = _fold(costs, _of_cost)
        latencies: Cells = {key: (count,) for key, count in self._latencies.items()}
        of_models, of_classes = _fold(latencies, _of_model_bin), _fold(latencies, _of_class_bin)
        return {
            "usage_hour": hours,
            "usage_hour_total": _fold(_narrowed(hours, HOUR), _of_bucket),
            "usage_day": days,
            "usage_month": _fold(days, _by_month),
            "usage_person_day": people,
            "usage_person_month": _fold(people, _by_month),
            "usage_person_day_total": person_totals,
            "usage_person_month_total": _fold(person_totals, _by_month),
            "usage_department_day": departments,
            "usage_department_month": _fold(departments, _by_month),
            "usage_department_day_total": _fold(_narrowed(departments, COUNTED), _of_label),
            "usage_task_day": tasks,
            "usage_task_month": _fold(tasks, _by_month),
            "usage_project_day": projects,
            "usage_project_month": _fold(projects, _by_month),
            "usage_project_day_total": _fold(_narrowed(projects, COUNTED), _of_label),
            "lat_model_day": of_models,
            "lat_model_month": _fold(of_models, _by_month),
            "lat_class_day": of_classes,
            "lat_class_month": _fold(of_classes, _by_month),
            "cost_day": day_costs,
            "cost_month": _fold(day_costs, _by_month),
            "cost_person_day": costs,
            "cost_person_month": _fold(costs, _by_month),
            "speed_day": speeds,
            "speed_month": _fold(speeds, _by_month),
            "usage_source_day": _total(self._sources),
        }


def _speed(row: LedgerRow, ttft_ms: int, sign: int) -> Measures:
    """Tokens count only where the time they took is known."""
    gen_ms = (row.latency_ms or 0) - ttft_ms
    if gen_ms <= 0 or not row.tokens_out:
        return sign * ttft_ms, sign, 0, 0
    return sign * ttft_ms, sign, sign * gen_ms, sign * row.tokens_out


def _total(groups: Mapping[CellKey, Sequence[Measures]]) -> Cells:
    return {key: rows[0] if len(rows) == 1 else _summed(rows) for key, rows in groups.items()}


def _summed(rows: Sequence[Measures]) -> Measures:
    if len(rows) > 3:
        return tuple(map(sum, zip(*rows, strict=True)))
    total: Iterable[int] = rows[0]  # for few rows half the price of the columns above
    for row in rows[1:]:
        total = map(add, total, row)
    return tuple(total)


def _narrowed(cells: Cells, measures: Sequence[str]) -> Cells:
    """Only some of the measures of full cells."""
    pick = itemgetter(*map(FULL.index, measures))
    return {key: pick(cell) for key, cell in cells.items()}


def _fold(cells: Cells, project: Callable[[CellKey], CellKey]) -> Cells:
    folded: Cells = {}
    for coarse, cell in zip(map(project, cells), cells.values(), strict=True):
        before = folded.get(coarse)
        # Most cells of a batch stay alone, so lists as above would cost more than they save.
        folded[coarse] = cell if before is None else tuple(map(add, before, cell))
    return folded


@cache
def _month(day: int) -> int:
    return month_number(date_of(day))


def _by_month(key: CellKey) -> CellKey:
    return _month(key[0]), *key[1:]


# ---- writing


_MARKS = {"sqlite": "?", "postgresql": "%s"}


class _Statements:
    """The SQL of one rollup."""

    def __init__(self, rollup: Rollup) -> None:
        name, keys = rollup.name, ("workspace_id", *rollup.keys)
        names = ",".join((*keys, *rollup.measures))
        added = ",".join(f"{m}={name}.{m}+excluded.{m}" for m in rollup.measures)
        merge = f"ON CONFLICT ({','.join(keys)}) DO UPDATE SET {added}"
        self.delta = rollup.table.to_metadata(sa.MetaData(), name=f"delta_{name}")
        width = len(keys) + len(rollup.measures)
        self.upsert = {
            dialect: f"INSERT INTO {name} ({names}) VALUES ({','.join([mark] * width)}) {merge}"  # noqa: S608  # our names
            for dialect, mark in _MARKS.items()
        }
        # Emptied at once: a rebuild fills it many times in one transaction.
        self.from_delta = (
            f"INSERT INTO {name} ({names}) SELECT {names} FROM delta_{name} "  # noqa: S608  # our names
            f"ORDER BY {','.join(keys)} {merge}; DELETE FROM delta_{name}"
        )
        empty = " AND ".join(f"{m}=0" for m in rollup.measures)
        self.drop_empty = {
            dialect: f"DELETE FROM {name} WHERE {' AND '.join(f'{k}={mark}' for k in keys)} "  # noqa: S608  # our names
            f"AND {empty}"
            for dialect, mark in _MARKS.items()
        }


_SQL = {rollup.name: _Statements(rollup) for rollup in TABLES}
_DELTAS = ";".join(
    f"CREATE TEMP TABLE IF NOT EXISTS delta_{r.name} (LIKE {r.name}) ON COMMIT DELETE ROWS"
    for r in TABLES
)


def apply(
    connection: sa.Connection, workspace_id: int, sums: Sums, *, span: Span | None = None
) -> Mapping[str, Cells]:
    """Add the sums to every rollup, in lock order, and remove cells that became empty.

    With a span, cells outside it are left alone.  Gives back what was added to which table.
    """
    written: dict[str, Cells] = {}
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_DELTAS)
    for rollup, found in sums.cells():
        cells = span.within(rollup, found) if span else found
        if not cells:
            continue
        written[rollup.name] = cells
        rows = [(workspace_id, *key, *cell) for key, cell in cells.items()]
        _add(connection, rollup, rows)
        if not (sums.shrinks or rollup.measures == COST):
            continue
        shrunk = [(workspace_id, *key) for key in _shrunk(rollup, cells)]
        if shrunk:
            repeat(connection, _SQL[rollup.name].drop_empty[connection.dialect.name], shrunk)
    return written


def _shrunk(rollup: Rollup, cells: Cells) -> Iterator[CellKey]:
    """The cells that what was added may have emptied."""
    for key, cell in cells.items():
        # A refund takes a cost away without taking an event away.
        if min(cell) < 0 or (rollup.measures == COST and not cell[-1]):
            yield key


def _add(connection: sa.Connection, rollup: Rollup, rows: list[tuple[Any, ...]]) -> None:
    sql, dialect = _SQL[rollup.name], connection.dialect.name
    if dialect == "sqlite" or len(rows) <= _FEW:
        # Sorted, like the ORDER BY below: two writers lock the same cells in the same order.
        few = rows if dialect == "sqlite" else sorted(rows)
        repeat(connection, sql.upsert[dialect], few)
    else:
        fill(connection, sql.delta, rows)
        connection.exec_driver_sql(sql.from_delta)
