"""Which table answers a crossing of dimensions: the smallest that knows all of them.

Whole local months come from month tables, ragged ends from day tables.  What no rollup holds is
read from the ledger, for at most 31 days unless a person is named.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import sqlalchemy as sa
from sqlmodel import SQLModel

from storage.errors import StorageError
from storage.records import UNCOUNTED, UNPRICED
from storage.rollups import BY_NAME, Rollup
from storage.timekeys import DAY_US, HOUR_US, Clock, date_of, first_day, month_number, to_micros

Dimension = Literal["model", "family", "person", "department", "project", "task"]
DIMENSIONS: Mapping[str, Dimension] = {name: name for name in get_args(Dimension)}
Key = Literal["day", "bucket", "model", "person", "department", "project", "task"]
Narrowed = Mapping[str, tuple[int, ...]]
MAX_LEDGER_DAYS = 31
SLACK_DAYS = 5  # an index range on the ledger's time is a little wider than the days asked for


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
class Level:
    """A day table with the month table that folds it, if there is one."""

    day: Rollup
    month: Rollup | None = None

    def answers(self, needed: Collection[str], measures: Collection[str]) -> bool:
        """Whether it tells these dimensions apart and sums these measures."""
        return set(needed) <= {*self.day.keys[1:]} and set(measures) <= {*self.day.measures}


# Fewest cells first.
LEVELS = (
    Level(BY_NAME["usage_day"]),
    Level(BY_NAME["usage_department_day"], BY_NAME["usage_department_month"]),
    Level(BY_NAME["usage_person_day_total"], BY_NAME["usage_person_month_total"]),
    Level(BY_NAME["usage_task_day"]),
    Level(BY_NAME["usage_project_day"], BY_NAME["usage_project_month"]),
    Level(BY_NAME["usage_person_day"], BY_NAME["usage_person_month"]),
)
COST_LEVELS = (
    Level(BY_NAME["cost_day"]),
    Level(BY_NAME["cost_person_day"], BY_NAME["cost_person_month"]),
)
LEDGER = SQLModel.metadata.tables["usage_event"]
_PLAIN = ("prompts", "credits", "ok", "ok_n", "tokens_in", "tokens_out")
LEDGER_MEASURES: Mapping[str, sa.ColumnElement[Any]] = {
    "events": sa.func.nullif(sa.func.count(), 0),  # as all the others, over nothing no number
    **{name: sa.func.sum(LEDGER.c[name]) for name in _PLAIN},
    "uncounted": sa.func.sum(LEDGER.c.flags.op("&")(UNCOUNTED)),
    "unpriced": sa.func.sum(LEDGER.c.flags.op("&")(UNPRICED) // UNPRICED),
    "lat_sum": sa.func.sum(sa.func.coalesce(LEDGER.c.latency_ms, 0)),
    "lat_n": sa.func.sum(sa.case((LEDGER.c.latency_ms.is_not(None), 1), else_=0)),
    "rating_sum": sa.func.sum(LEDGER.c.rating),
    "rating_n": sa.func.sum(sa.case((LEDGER.c.rating > 0, 1), else_=0)),
}


def column(name: str) -> str:
    """The column of a key or dimension."""
    return name if name in ("day", "bucket") else f"{name}_id"


def narrowed(where: Mapping[str, Collection[int]] | None) -> Narrowed:
    """Filters by column."""
    return {column(name): tuple(ids) for name, ids in (where or {}).items()}


def level_for(
    levels: Sequence[Level], needed: Collection[str], measures: Collection[str]
) -> Level | None:
    """The first level that answers; None when only the ledger does."""
    return next((level for level in levels if level.answers(needed, measures)), None)


def split_months(span: Days) -> tuple[range, list[Days]]:
    """The whole months inside a span of days, and the at most two ragged ends."""
    low, high = date_of(span.first), date_of(span.end)
    months = range(month_number(low) + (low.day > 1), month_number(high))
    if not months:
        return range(0), [span]
    head = Days(span.first, first_day(months.start))
    tail = Days(first_day(months.stop), span.end)
    return months, [part for part in (head, tail) if part.first < part.end]


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where statements read: one workspace, named in each of them, here and nowhere else."""

    id: int
    clock: Clock

    def here(self, table: sa.FromClause) -> sa.ColumnElement[bool]:
        """The rows of the workspace."""
        return table.c.workspace_id == self.id

    def sums(
        self,
        table: sa.Table,
        keys: Sequence[str],
        measures: Sequence[str],
        *,
        inside: Sequence[sa.ColumnElement[bool]],
        chosen: Narrowed,
    ) -> sa.Select[Any]:
        """Sums of a rollup by key."""
        by = [table.c[key] for key in keys]
        wanted = [table.c[name].in_(ids) for name, ids in chosen.items()]
        sums = [sa.func.sum(table.c[measure]).label(measure) for measure in measures]
        return sa.select(*by, *sums).where(self.here(table), *inside, *wanted).group_by(*by)

    def joined(
        self,
        level: Level,
        keys: Sequence[str],
        measures: Sequence[str],
        *,
        span: Days,
        chosen: Narrowed,
    ) -> sa.Select[Any]:
        """One sum over whole months from the month table and ragged ends from the day table."""
        months, ragged = split_months(span)
        if level.month is None or "day" in keys:
            months, ragged = range(0), [span]
        parts = []
        for days in ragged:
            day = level.day.table.c.day
            # A BETWEEN on the first key column stops the index at it; a list of days does not.
            if level.day.keys[1] in chosen:
                inside: list[sa.ColumnElement[bool]] = [day.in_(range(days.first, days.end))]
            else:
                inside = [day >= days.first, day < days.end]
            parts.append(self.sums(level.day.table, keys, measures, inside=inside, chosen=chosen))
        if level.month is not None and months:
            table = level.month.table
            inside = [table.c.month.in_(months)]
            parts.append(self.sums(table, keys, measures, inside=inside, chosen=chosen))
        if len(parts) == 1:
            return parts[0]
        both = sa.union_all(*parts).subquery()
        again = [both.c[key] for key in keys]
        sums = (sa.func.sum(both.c[measure]) for measure in measures)
        return sa.select(*again, *sums).group_by(*again)

    def ledger(
        self, keys: Sequence[str], measures: Sequence[str], *, span: Span, chosen: Narrowed
    ) -> sa.Select[Any]:
        """The same sums from the ledger itself; raises RangeTooLong."""
        columns = [self.bucket if key == "bucket" else LEDGER.c[key] for key in keys]
        wanted = [LEDGER.c[name].in_(ids) for name, ids in chosen.items()]
        sums = [LEDGER_MEASURES[measure] for measure in measures]
        inside = self.ledger_span(span, chosen)
        statement = sa.select(*columns, *sums).where(self.here(LEDGER), *inside, *wanted)
        return statement.group_by(*columns)

    @property
    def bucket(self) -> sa.ColumnElement[int]:
        """The hour bucket of a ledger row."""
        return (LEDGER.c.ts + self.clock.phase_us) // HOUR_US

    def ledger_span(self, span: Span, chosen: Narrowed) -> list[sa.ColumnElement[bool]]:
        """What chooses the ledger's rows of a span; raises RangeTooLong."""
        if isinstance(span, Hours):
            low, high = (b * HOUR_US - self.clock.phase_us for b in (span.first, span.end))
            inside: list[sa.ColumnElement[bool]] = [LEDGER.c.grain < 2]
        else:
            # Two days of slack: a UTC-day row keeps its date label in every zone.
            edges = (span.first - 2, span.end + 2)
            low, high = (to_micros(self.clock.midnight(day)) for day in edges)
            inside = [LEDGER.c.day >= span.first, LEDGER.c.day < span.end]
        if (high - low) // DAY_US > MAX_LEDGER_DAYS + SLACK_DAYS and "person_id" not in chosen:
            raise RangeTooLong(
                "This combination is only kept prompt by prompt.",
                hint=f"Ask for at most {MAX_LEDGER_DAYS} days, or name a person.",
            )
        return [LEDGER.c.ts >= low, LEDGER.c.ts < high, *inside]
