"""The read side: sums of one workspace, each from the smallest table that can answer.

Whole local months come from month tables, ragged ends from day tables; hours from the hour table.
A crossing that no rollup holds (task by person, hour by project) is read from the ledger, for at
most 31 days unless a person is named.  Every statement names the workspace here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, get_args

import sqlalchemy as sa
from sqlmodel import SQLModel

from storage.catalog import Catalog
from storage.errors import StorageError
from storage.rollups import BY_NAME, Rollup
from storage.timekeys import HOUR_US, date_of, first_day, from_micros, month_number, to_micros
from storage.workspaces import WorkspaceInfo

Dimension = Literal["model", "family", "person", "department", "project", "task"]
DIMENSIONS: Mapping[str, Dimension] = {name: name for name in get_args(Dimension)}
MAX_LEDGER_DAYS = 31
Key = Literal["day", "bucket", "model", "person", "department", "project", "task"]


class RangeTooLong(StorageError):  # noqa: N818  # the mistake is the name
    """A crossing that only the ledger holds, over more days than it is scanned for."""


@dataclass(frozen=True, slots=True)
class Days:
    """Local days, half-open."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Hours:
    """Hour buckets, half-open; rows that only know their day are not in them."""

    first: int
    end: int


Span = Days | Hours


@dataclass(frozen=True, slots=True)
class _Level:
    """A day table with the month table that folds it, if there is one."""

    day: Rollup
    month: Rollup | None = None

    @property
    def keys(self) -> frozenset[str]:
        """The dimensions it can tell apart."""
        return frozenset(self.day.keys[1:])


# Fewest cells first: the first level that knows every needed dimension answers.
_LEVELS = (
    _Level(BY_NAME["usage_day"]),
    _Level(BY_NAME["usage_department_day"], BY_NAME["usage_department_month"]),
    _Level(BY_NAME["usage_person_day_total"], BY_NAME["usage_person_month_total"]),
    _Level(BY_NAME["usage_task_day"]),
    _Level(BY_NAME["usage_project_day"], BY_NAME["usage_project_month"]),
    _Level(BY_NAME["usage_person_day"], BY_NAME["usage_person_month"]),
)
_LEDGER = SQLModel.metadata.tables["usage_event"]
_LEDGER_MEASURES: Mapping[str, sa.ColumnElement[Any]] = {
    "events": sa.func.count(),
    "prompts": sa.func.sum(_LEDGER.c.prompts),
    "credits": sa.func.sum(_LEDGER.c.credits),
    "uncounted": sa.func.sum(_LEDGER.c.flags.op("&")(1)),
    "unpriced": sa.func.sum(_LEDGER.c.flags.op("&")(2) // 2),
    "ok": sa.func.sum(_LEDGER.c.ok),
    "ok_n": sa.func.sum(_LEDGER.c.ok_n),
    "lat_sum": sa.func.sum(sa.func.coalesce(_LEDGER.c.latency_ms, 0)),
    "lat_n": sa.func.count(_LEDGER.c.latency_ms),
}


class Reader:
    """Reads one workspace over one connection; names are loaded on first use."""

    def __init__(
        self, connection: sa.Connection, workspace: WorkspaceInfo, catalog: Catalog
    ) -> None:
        self.connection = connection
        self.workspace = workspace
        self.catalog = catalog
        self.clock = workspace.clock()
        self._names: dict[Dimension, Mapping[int, str]] = {}

    # ---- names

    def names(self, dimension: Dimension) -> Mapping[int, str]:
        """Shown names by id; without id 0, which stands for unknown."""
        if dimension not in self._names:
            self._names[dimension] = self._load_names(dimension)
        return self._names[dimension]

    def _load_names(self, dimension: Dimension) -> Mapping[int, str]:
        if dimension == "model":
            return {key: model.name for key, model in self.catalog.models.items()}
        if dimension == "family":
            return {key: name for key, name in self.catalog.families.items() if key}
        table = SQLModel.metadata.tables[dimension]
        chosen = sa.select(table.c.id, table.c.name).where(self._here(table))
        return {row.id: row.name for row in self.connection.execute(chosen)}

    def find(self, dimension: Dimension, text: str) -> int | None:
        """The id of a name as a person types it; a person also by mail, login or first name."""
        folded = text.strip().casefold()
        if dimension == "model":
            return self.catalog.find(text)
        if dimension == "person":
            table = SQLModel.metadata.tables["person_alias"]
            alias = sa.select(table.c.person_id).where(self._here(table), table.c.alias == folded)
            found = self.connection.execute(alias).scalar()
            if found is not None:
                return int(found)
        names = self.names(dimension)
        exact = [key for key, name in names.items() if name.casefold() == folded]
        if len(exact) == 1:
            return exact[0]
        if dimension == "person":
            parts = [key for key, name in names.items() if _first_word(name) == folded]
            return parts[0] if len(parts) == 1 else None
        return exact[0] if exact else None

    # ---- sums

    def sums(
        self,
        by: Sequence[Key],
        measures: Sequence[str],
        span: Span,
        where: Mapping[str, Collection[int]] | None = None,
    ) -> list[tuple[int, ...]]:
        """Rows of keys and sums of measures, in no order; cells without usage are absent.

        `where` narrows dimensions to some ids.  Raises RangeTooLong for a crossing that only the
        ledger holds.
        """
        narrowed = {_column(name): tuple(ids) for name, ids in (where or {}).items()}
        keys = [_column(name) for name in by]
        needed = frozenset(keys) - {"day", "bucket"} | narrowed.keys()
        if isinstance(span, Hours):
            hour = BY_NAME["usage_hour"]
            if needed <= {"model_id"}:
                table = hour.table
                inside = sa.and_(table.c.bucket >= span.first, table.c.bucket < span.end)
                return self._run(self._sum(table, keys, measures, inside, narrowed))
            return self._from_ledger(keys, measures, span, narrowed)
        for level in _LEVELS:
            if needed <= level.keys and set(measures) <= set(level.day.measures):
                return self._from_level(level, keys, measures, span, narrowed)
        return self._from_ledger(keys, measures, span, narrowed)

    def _from_level(
        self,
        level: _Level,
        keys: Sequence[str],
        measures: Sequence[str],
        span: Days,
        narrowed: Mapping[str, tuple[int, ...]],
    ) -> list[tuple[int, ...]]:
        months, ragged = split_months(span)
        if level.month is None or "day" in keys or not len(months):
            ragged, months = [span], range(0)
        parts = []
        for days in ragged:
            table = level.day.table
            # A BETWEEN on the first key column stops the index at it; a list of days does not.
            if level.day.keys[1] in narrowed:
                inside: sa.ColumnElement[bool] = table.c.day.in_(range(days.first, days.end))
            else:
                inside = sa.and_(table.c.day >= days.first, table.c.day < days.end)
            parts.append(self._sum(table, keys, measures, inside, narrowed))
        if level.month is not None and months:
            table = level.month.table
            inside = table.c.month.in_(months)
            parts.append(self._sum(table, keys, measures, inside, narrowed))
        if len(parts) == 1:
            return self._run(parts[0])
        both = sa.union_all(*parts).subquery()
        again = [both.c[key] for key in keys]
        return self._run(
            sa.select(*again, *(sa.func.sum(both.c[m]) for m in measures)).group_by(*again)
        )

    def _from_ledger(
        self,
        keys: Sequence[str],
        measures: Sequence[str],
        span: Span,
        narrowed: Mapping[str, tuple[int, ...]],
    ) -> list[tuple[int, ...]]:
        if isinstance(span, Hours):
            low, high = (
                bucket * HOUR_US - self.clock.phase_us for bucket in (span.first, span.end)
            )
            inside = [_LEDGER.c.ts >= low, _LEDGER.c.ts < high, _LEDGER.c.grain < 2]
        else:
            # Two days of slack: a UTC-day row keeps its date label in every zone.
            low, high = (
                to_micros(self.clock.midnight(day)) for day in (span.first - 2, span.end + 2)
            )
            inside = [_LEDGER.c.ts >= low, _LEDGER.c.ts < high]
            inside += [_LEDGER.c.day >= span.first, _LEDGER.c.day < span.end]
        days = (high - low) // HOUR_US // 24
        if days > MAX_LEDGER_DAYS + 5 and "person_id" not in narrowed:
            raise RangeTooLong(
                "This combination is only kept prompt by prompt.",
                hint=f"Ask for at most {MAX_LEDGER_DAYS} days, or name a person.",
            )
        columns = [
            ((_LEDGER.c.ts + self.clock.phase_us) // HOUR_US) if key == "bucket" else _LEDGER.c[key]
            for key in keys
        ]
        chosen = [_LEDGER.c[name].in_(ids) for name, ids in narrowed.items()]
        sums = [_LEDGER_MEASURES[measure] for measure in measures]
        statement = sa.select(*columns, *sums).where(self._here(_LEDGER), *inside, *chosen)
        return self._run(statement.group_by(*columns))

    def _sum(
        self,
        table: sa.Table,
        keys: Sequence[str],
        measures: Sequence[str],
        inside: sa.ColumnElement[bool],
        narrowed: Mapping[str, tuple[int, ...]],
    ) -> sa.Select[Any]:
        by = [table.c[key] for key in keys]
        chosen = [table.c[name].in_(ids) for name, ids in narrowed.items()]
        sums = [sa.func.sum(table.c[measure]).label(measure) for measure in measures]
        return sa.select(*by, *sums).where(self._here(table), inside, *chosen).group_by(*by)

    def _here(self, table: sa.FromClause) -> sa.ColumnElement[bool]:
        return table.c.workspace_id == self.workspace.id

    def _run(self, statement: sa.Select[Any]) -> list[tuple[int, ...]]:
        """Rows as int: PostgreSQL sums BIGINT to NUMERIC.  A sum over nothing is no row."""
        rows = self.connection.execute(statement)
        return [tuple(map(int, row)) for row in rows if row[-1] is not None]

    def costs(
        self, by: Sequence[Key], days: Days, where: Mapping[str, Collection[int]] | None = None
    ) -> list[tuple[tuple[int, ...], str, int, int]] | None:
        """(keys, currency, billionths, prompts they cover) of the costs that sources stated.

        None when this crossing is not kept (project and task): that is unknown, not nothing.
        """
        rollup = BY_NAME["cost_day"]
        table = rollup.table
        keys = [_column(name) for name in by]
        narrowed = {_column(name): tuple(ids) for name, ids in (where or {}).items()}
        if not {*keys, *narrowed} <= {*rollup.keys}:
            return None
        columns = [*(table.c[key] for key in keys), table.c.currency]
        chosen = [table.c[name].in_(ids) for name, ids in narrowed.items()]
        inside = [table.c.day >= days.first, table.c.day < days.end]
        sums = [sa.func.sum(table.c.cost_nano), sa.func.sum(table.c.cost_n)]
        statement = sa.select(*columns, *sums).where(self._here(table), *inside, *chosen)
        return [
            (tuple(map(int, row[:-3])), str(row[-3]), int(row[-2]), int(row[-1]))
            for row in self.connection.execute(statement.group_by(*columns))
        ]

    @cached_property
    def newest(self) -> datetime | None:
        """Time of the newest usage event, None in an empty workspace."""
        return self._moment(sa.func.max(_LEDGER.c.ts))

    @cached_property
    def oldest(self) -> datetime | None:
        """Time of the oldest usage event, None in an empty workspace."""
        return self._moment(sa.func.min(_LEDGER.c.ts))

    def _moment(self, edge: sa.ColumnElement[Any]) -> datetime | None:
        found = self.connection.execute(sa.select(edge).where(self._here(_LEDGER))).scalar()
        return None if found is None else from_micros(int(found)).astimezone(self.clock.zone)


def _column(name: str) -> str:
    return name if name in ("day", "bucket") else f"{name}_id"


def _first_word(name: str) -> str:
    return name.casefold().split("@")[0].split(" ")[0]


def split_months(span: Days) -> tuple[range, list[Days]]:
    """The whole months inside a span of days, and the at most two ragged ends."""
    low, high = date_of(span.first), date_of(span.end)
    months = range(month_number(low) + (low.day > 1), month_number(high))
    if not months:
        return range(0), [span]
    head = Days(span.first, first_day(months.start))
    tail = Days(first_day(months.stop), span.end)
    return months, [part for part in (head, tail) if part.first < part.end]
