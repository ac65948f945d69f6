"""Which table answers a crossing of dimensions: the smallest that knows all of them.

Whole local months come from month tables, ragged ends from day tables.  What no rollup holds is
read from the ledger, for at most 31 days unless a person is named.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
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
_MONTH_DAYS = 4  # a month has as many cells as two of its days, and joining costs, too
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

    @property
    def presence(self) -> tuple[str, ...]:
        """Measures of which a cell that exists has one that is not 0."""
        measures = self.day.measures
        return ("events",) if "events" in measures else measures


# Fewest cells first.
LEVELS = (
    Level(BY_NAME["usage_day"], BY_NAME["usage_month"]),
    Level(BY_NAME["usage_department_day_total"]),
    Level(BY_NAME["usage_project_day_total"]),
    Level(BY_NAME["usage_department_day"], BY_NAME["usage_department_month"]),
    Level(BY_NAME["usage_person_day_total"], BY_NAME["usage_person_month_total"]),
    Level(BY_NAME["usage_task_day"], BY_NAME["usage_task_month"]),
    Level(BY_NAME["usage_project_day"], BY_NAME["usage_project_month"]),
    Level(BY_NAME["usage_person_day"], BY_NAME["usage_person_month"]),
)
# Day by day there are fewer departments than models.
DAILY_LEVELS = (Level(BY_NAME["usage_department_day_total"]), *LEVELS)
BIN_LEVELS = (
    Level(BY_NAME["lat_class_day"], BY_NAME["lat_class_month"]),
    Level(BY_NAME["lat_model_day"], BY_NAME["lat_model_month"]),
)
SPEED_LEVEL = Level(BY_NAME["speed_day"], BY_NAME["speed_month"])
COST_LEVELS = (
    Level(BY_NAME["cost_day"], BY_NAME["cost_month"]),
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


@dataclass(frozen=True, slots=True)
class Split:
    """A span of days as whole months and single days, less the days that are `over`."""

    months: tuple[int, ...] = ()
    days: tuple[Days, ...] = ()
    over: tuple[Days, ...] = ()


def split_months(span: Days, newest: int) -> Split:
    """The fewest cells whose sum is that of a span; `newest` is the last day with usage.

    Sums can be taken away again, so of a month that is nearly whole the few other days are read.
    """
    months: list[int] = []
    days: list[Days] = []
    over: list[Days] = []
    for month in range(month_number(date_of(span.first)), month_number(date_of(span.end - 1)) + 1):
        start, end = first_day(month), first_day(month + 1)
        inside = Days(max(start, span.first), min(end, span.end))
        around = (Days(start, inside.first), Days(inside.end, end))
        others = [part for part in around if part.first < part.end]
        # What lies behind the newest day costs nothing, but it is read: clocks may be wrong.
        few = sum(max(min(part.end, newest + 1) - part.first, 0) for part in others)
        if few + _MONTH_DAYS < inside.end - inside.first:
            months.append(month)
            over += others
        elif days and days[-1].end == inside.first:
            days[-1] = Days(days[-1].first, inside.end)
        else:
            days.append(inside)
    return Split(tuple(months), tuple(days), tuple(over))


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where statements read: one workspace, named in each of them, here and nowhere else."""

    id: int
    clock: Clock
    newest: Callable[[], int]  # the last day with usage

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
        sign: int = 1,
    ) -> sa.Select[Any]:
        """Sums of a rollup by key, or their negatives."""
        by = [table.c[key] for key in keys]
        wanted = [table.c[name].in_(ids) for name, ids in chosen.items()]
        totals = ((name, sa.func.sum(table.c[name])) for name in measures)
        sums = [(total if sign > 0 else -total).label(name) for name, total in totals]
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
        """One sum over whole months from the month table and other days from the day table."""
        split = Split(days=(span,))
        if level.month is not None and "day" not in keys:
            split = split_months(span, self.newest())
        # What is taken away may leave nothing: such cells are told by a measure that each has.
        proof = [name for name in level.presence if split.over and name not in measures]
        asked = [*measures, *proof]
        parts = []
        for days, sign in (
            *((part, 1) for part in split.days),
            *((part, -1) for part in split.over),
        ):
            inside = _inside(level, days, chosen)
            table = level.day.table
            parts.append(self.sums(table, keys, asked, inside=inside, chosen=chosen, sign=sign))
        if level.month is not None and split.months:
            table = level.month.table
            inside = [table.c.month.in_(split.months)]
            parts.append(self.sums(table, keys, asked, inside=inside, chosen=chosen))
        if len(parts) == 1:
            return parts[0]
        both = sa.union_all(*parts).subquery()
        again = [both.c[key] for key in keys]
        sums = (sa.func.sum(both.c[measure]).label(measure) for measure in asked)
        whole = sa.select(*again, *sums).group_by(*again)
        if not split.over:
            return whole
        left = whole.subquery()
        is_left = sa.or_(*(left.c[name] != 0 for name in level.presence))
        return sa.select(*(left.c[name] for name in (*keys, *measures))).where(is_left)

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


def _inside(level: Level, days: Days, chosen: Narrowed) -> list[sa.ColumnElement[bool]]:
    """What chooses the rows of some days."""
    day = level.day.table.c.day
    # A BETWEEN on the first key column stops the index at it; a list of days does not.
    if level.day.keys[1] in chosen:
        return [day.in_(range(days.first, days.end))]
    return [day >= days.first, day < days.end]
