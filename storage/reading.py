"""The read side: names and sums of one workspace, each sum from the smallest table that can."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

import sqlalchemy as sa
from sqlmodel import SQLModel

from storage import daytimes, response_times
from storage.catalog import Catalog
from storage.crossings import (
    COST_LEVELS,
    DAILY_LEVELS,
    DIMENSIONS,
    LEDGER,
    LEVELS,
    MAX_LEDGER_DAYS,
    SPEED_LEVEL,
    Days,
    Dimension,
    Hours,
    Key,
    RangeTooLong,
    Span,
    Workplace,
    column,
    level_for,
    narrowed,
)
from storage.events import Granularity
from storage.response_times import BinKey, Live, Speed
from storage.rollups import BY_NAME, COST, HOUR, SPEED
from storage.timekeys import Clock, from_micros, latency_bin, to_micros
from storage.workspaces import WorkspaceInfo

__all__ = [
    "DIMENSIONS",
    "MAX_LEDGER_DAYS",
    "BinKey",
    "Days",
    "Dimension",
    "Hours",
    "Key",
    "Live",
    "RangeTooLong",
    "Reader",
    "Span",
    "Speed",
]


NO_QUOTES = str.maketrans(dict.fromkeys('"“”„«»'))


class Reader:
    """Reads one workspace over one connection; names are loaded on first use.

    A clock that is kept between readers remembers what it computed.
    """

    def __init__(
        self,
        connection: sa.Connection,
        workspace: WorkspaceInfo,
        catalog: Catalog,
        clock: Clock | None = None,
    ) -> None:
        self.connection = connection
        self.workspace = workspace
        self.catalog = catalog
        self.clock = clock or workspace.clock()
        self.hours_clock = self.clock
        self._place = Workplace(workspace.id, self.clock, self._newest_day)
        self._names: dict[Dimension, Mapping[int, str]] = {}

    def show_hours_in(self, zone: str | None) -> None:
        """Let hours of the day be those of another zone; days stay the workspace's.

        Where the two differ by half an hour nothing changes: usage is kept in whole hours.
        """
        if not zone or zone == self.workspace.zone:
            return
        other = Clock(zone, peak=self.workspace.peak)
        if other.phase_us == self.clock.phase_us:
            self.hours_clock = other

    # ---- names

    def names(self, dimension: Dimension) -> Mapping[int, str]:
        """Shown names by id; id 0 stands for unknown and has none, but for the family "Other"."""
        if dimension not in self._names:
            self._names[dimension] = self._load_names(dimension)
        return self._names[dimension]

    def _load_names(self, dimension: Dimension) -> Mapping[int, str]:
        if dimension == "model":
            return {key: model.name for key, model in self.catalog.models.items()}
        if dimension == "family":
            return self.catalog.families
        table = SQLModel.metadata.tables[dimension]
        chosen = sa.select(table.c.id, table.c.name).where(self._place.here(table))
        return {key: name for key, name in self.connection.execute(chosen).all()}  # noqa: C416  # rows are not typed as pairs

    def find(self, dimension: Dimension, text: str) -> int | None:
        """The id of a name as a person types it; a person also by mail, login or first name."""
        folded = _unquoted(text)
        if dimension == "model":
            return self.catalog.find(text) or self._named(dimension, folded)
        if dimension == "person":
            table = SQLModel.metadata.tables["person_alias"]
            alias = sa.select(table.c.person_id).where(
                self._place.here(table), table.c.alias == folded
            )
            found = self.connection.execute(alias).scalar()
            if found is not None:
                return int(found)
        return self._named(dimension, folded)

    def _named(self, dimension: Dimension, folded: str) -> int | None:
        """The only id of a shown name; a line cannot carry the quotes of one."""
        names = self.names(dimension)
        exact = [key for key, name in names.items() if _unquoted(name) == folded]
        if not exact and dimension == "person":
            exact = [key for key, name in names.items() if _first_word(name) == folded]
        return exact[0] if len(exact) == 1 else None

    def typed(self, dimension: Dimension, keys: Collection[int]) -> dict[int, str]:
        """What to type for each id, on one line and without quotes, so that `find` gives it back.

        Ids that no name tells apart from others are left out.
        """
        names = self.names(dimension)
        wanted = {
            key: " ".join(names[key].translate(NO_QUOTES).split()) for key in keys if key in names
        }
        folded = {key: _unquoted(text) for key, text in wanted.items()}
        if dimension == "model":
            return {key: text for key, text in wanted.items() if self.find("model", text) == key}
        aliases = self._aliased(folded.values()) if dimension == "person" else {}
        sought = frozenset(folded.values())
        same = Counter(name for name in map(_unquoted, names.values()) if name in sought)
        return {
            key: text
            for key, text in wanted.items()
            if (aliases[folded[key]] == key if folded[key] in aliases else same[folded[key]] == 1)
        }

    def _aliased(self, folded: Collection[str]) -> dict[str, int]:
        table = SQLModel.metadata.tables["person_alias"]
        chosen = sa.select(table.c.alias, table.c.person_id).where(
            self._place.here(table), table.c.alias.in_(tuple(folded))
        )
        return {str(alias): int(person) for alias, person in self.connection.execute(chosen)}

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
        chosen, keys = narrowed(where), [column(name) for name in by]
        needed = frozenset(keys) - {"day", "bucket"} | chosen.keys()
        if isinstance(span, Hours) and needed <= {"model_id"}:
            is_narrow = not needed and set(measures) <= {*HOUR}
            table = BY_NAME["usage_hour_total" if is_narrow else "usage_hour"].table
            inside = [table.c.bucket >= span.first, table.c.bucket < span.end]
            return self._run(self._place.sums(table, keys, measures, inside=inside, chosen=chosen))
        levels = DAILY_LEVELS if "day" in keys else LEVELS
        level = level_for(levels, needed, measures) if isinstance(span, Days) else None
        if level is None or isinstance(span, Hours):
            return self._run(self._place.ledger(keys, measures, span=span, chosen=chosen))
        return self._run(self._place.joined(level, keys, measures, span=span, chosen=chosen))

    def costs(
        self, by: Sequence[Key], days: Days, where: Mapping[str, Collection[int]] | None = None
    ) -> list[tuple[tuple[int, ...], str, int, int]] | None:
        """(keys, currency, billionths, prompts they cover) of the costs that sources stated.

        None when this crossing is not kept (project and task): that is unknown, not nothing.
        """
        chosen, keys = narrowed(where), [column(name) for name in by]
        level = level_for(COST_LEVELS, {*keys, *chosen} - {"day"}, COST)
        if level is None:
            return None
        statement = self._place.joined(level, [*keys, "currency"], COST, span=days, chosen=chosen)
        return [
            (tuple(map(int, row[:-3])), str(row[-3]), int(row[-2]), int(row[-1]))
            for row in self.connection.execute(statement)
        ]

    def hours_of_day(
        self, span: Hours, where: Mapping[str, Collection[int]] | None = None
    ) -> dict[int, int]:
        """Micro-credits by hour of the day on the `hours_clock`, where there was usage.

        The database groups: the shifts of clock changes are part of the statement.
        """
        place = Workplace(self.workspace.id, self.hours_clock, self._newest_day)
        chosen = narrowed(where)
        rows = self._run(daytimes.sums(place, ("hour",), ("credits",), span=span, chosen=chosen))
        return {hour: total for hour, total in rows}  # noqa: C416  # rows are not typed as pairs

    def week_hours(
        self,
        span: Hours,
        where: Mapping[str, Collection[int]] | None = None,
        measure: Literal["credits", "prompts"] = "credits",
    ) -> dict[tuple[int, int], int]:
        """Sums by weekday (0 is Monday) and local hour; hours without usage are absent."""
        rows = self._by_clock(("weekday", "hour"), (measure,), span, where)
        return {(weekday, hour): total for weekday, hour, total in rows}

    def week_times(
        self, span: Hours, where: Mapping[str, Collection[int]] | None = None
    ) -> dict[tuple[int, int], tuple[int, int]]:
        """(milliseconds, prompts) of known response times by weekday and local hour."""
        rows = self._by_clock(("weekday", "hour"), ("lat_sum", "lat_n"), span, where)
        return {(weekday, hour): (total, count) for weekday, hour, total, count in rows if count}

    def _by_clock(
        self,
        parts: Sequence[daytimes.Part],
        measures: Sequence[str],
        span: Hours,
        where: Mapping[str, Collection[int]] | None,
    ) -> list[tuple[int, ...]]:
        chosen = narrowed(where)
        return self._run(daytimes.sums(self._place, parts, measures, span=span, chosen=chosen))

    # ---- response times

    def bins(
        self,
        by: BinKey | Sequence[BinKey] | None,
        days: Days,
        where: Mapping[str, Collection[int]] | None = None,
    ) -> dict[tuple[int, ...], dict[int, int]]:
        """Prompts by bin of their response time (`timekeys.latency_bin`), for each cell of keys.

        Raises RangeTooLong where only the ledger knows.
        """
        keys: tuple[BinKey, ...] = (by,) if isinstance(by, str) else tuple(by or ())
        chosen, found = narrowed(where), defaultdict[tuple[int, ...], Counter[int]](Counter)
        statement = response_times.binned(self._place, keys, days, chosen=chosen)
        if statement is not None:
            for *cell, index, count in self._run(statement):
                found[tuple(cell)][index] += count
            return dict(found)
        statement = response_times.exact(self._place, keys, days, chosen=chosen)
        for *cell, ms, count in self._run(statement):
            found[tuple(cell)][latency_bin(ms)] += count
        return dict(found)

    def speeds(
        self,
        by: Sequence[Literal["day", "model"]],
        days: Days,
        where: Mapping[str, Collection[int]] | None = None,
    ) -> dict[tuple[int, ...], Speed] | None:
        """First tokens and tokens a second by keys; None for a filter that is not kept."""
        chosen = narrowed(where)
        if not chosen.keys() <= {"model_id"}:
            return None
        keys = [column(name) for name in by]
        joined = self._place.joined(SPEED_LEVEL, keys, SPEED, span=days, chosen=chosen)
        rows = self._run(joined)
        return {row[: len(keys)]: Speed(*row[len(keys) :]) for row in rows}

    def live(
        self, since: datetime, until: datetime, where: Mapping[str, Collection[int]] | None = None
    ) -> list[Live]:
        """What each model did between two moments, prompt by prompt; the busiest first.

        Meant for minutes: it reads the ledger.
        """
        chosen = narrowed(where)
        statement = response_times.recent(
            self._place, to_micros(since), to_micros(until), chosen=chosen
        )
        return response_times.gathered(tuple(row) for row in self.connection.execute(statement))

    def _run(self, statement: sa.Select[Any]) -> list[tuple[int, ...]]:
        """Rows of integers; a sum over nothing is no row."""
        rows = self.connection.execute(statement).all()
        known = (tuple(row) for row in rows if row[-1] is not None)
        if self.connection.dialect.name == "sqlite":
            return list(known)
        return [tuple(map(int, row)) for row in known]  # PostgreSQL sums BIGINT to NUMERIC

    # ---- the edges of what is known

    @cached_property
    def newest(self) -> datetime | None:
        """Time of the newest usage, of a day row its midnight; None in an empty workspace."""
        return self._moment(self._newest_row)

    @property
    def newest_is_day(self) -> bool:
        """Whether the newest usage is a row about a whole day."""
        return self._newest_row is not None and self._newest_row[1] == Granularity.DAY

    @cached_property
    def oldest(self) -> datetime | None:
        """Time of the oldest usage, of a day row its midnight; None in an empty workspace."""
        return self._moment(self._edge(LEDGER.c.ts))

    @cached_property
    def _newest_row(self) -> tuple[int, int, int] | None:
        return self._edge(LEDGER.c.ts.desc())

    def _newest_day(self) -> int:
        return 0 if self.newest is None else self.clock.day(self.newest)

    def _edge(self, order: sa.ColumnElement[Any]) -> tuple[int, int, int] | None:
        """Time, granularity and day of the first row in an order."""
        first = sa.select(LEDGER.c.ts, LEDGER.c.grain, LEDGER.c.day).order_by(order).limit(1)
        found = self.connection.execute(first.where(self._place.here(LEDGER))).first()
        return None if found is None else (int(found[0]), int(found[1]), int(found[2]))

    def _moment(self, found: tuple[int, int, int] | None) -> datetime | None:
        if found is None:
            return None
        ts, grain, day = found
        if grain == Granularity.DAY:
            return self.clock.midnight(day)
        return from_micros(ts).astimezone(self.clock.zone)


def _unquoted(name: str) -> str:
    return name.casefold().translate(NO_QUOTES).strip()


def _first_word(name: str) -> str:
    return name.casefold().split("@")[0].split(" ")[0]
