"""Periods that are over: a day, a week, a month.

A digest never tells of a period that still runs, so these refuse one; and they are pinned: the
line of an answer names the days themselves, whenever it is read again.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import date, timedelta
from typing import ClassVar, NewType

from analytics.errors import UserError
from analytics.text import clean
from analytics.timerange import MONTHS, WEEKDAYS, TimeRange, parse_range, week_of
from bot.context import Context
from bot.params.base import ParamType

FinishedDay = NewType("FinishedDay", TimeRange)
FinishedWeek = NewType("FinishedWeek", TimeRange)
FinishedMonth = NewType("FinishedMonth", TimeRange)
DAY = timedelta(days=1)


class FinishedType(ParamType):
    """A period that is over; its days are pinned."""

    loose = True
    unit: ClassVar[str]
    examples: ClassVar[tuple[str, ...]]

    def read(self, texts: Sequence[str], ctx: Context) -> TimeRange:
        """The days, seen from the day after them; raises UserError for any other stretch."""
        text, today = texts[0], ctx.reader.clock.local_date(ctx.now)
        try:
            typed = parse_range(text, today, ctx.reader.workspace.week_start)
        except UserError as error:
            raise UserError(error.message, hint=self._hint(today)) from error
        found = self._period(typed, ctx.reader.workspace.week_start)
        if found is None:
            raise UserError(f"'{clean(text)}' is not one {self.unit}.", hint=self._hint(today))
        first, end = found
        if end > today:
            raise UserError(
                f"The {self.unit} of '{clean(text)}' is not over yet.", hint=self._hint(today)
            )
        return TimeRange(first, end, self._written(first, end), end)

    def pinned(self, texts: Sequence[str], ctx: Context) -> Sequence[str]:
        """The days themselves."""
        return (self.read(texts, ctx).words,)

    def complete(self, text: str, ctx: Context) -> list[str]:
        """Usual words that hold what was typed."""
        del ctx
        typed = text.casefold().strip()
        return [words for words in self.examples if typed in words]

    @abstractmethod
    def _period(self, typed: TimeRange, week_start: int) -> tuple[date, date] | None:
        """First and end day of the whole period that is meant; None for another stretch."""

    @abstractmethod
    def _written(self, first: date, end: date) -> str:
        """The days as a line carries them."""

    @abstractmethod
    def _hint(self, today: date) -> str:
        """What to type for the last one."""


class FinishedDayType(FinishedType):
    """A local day: `yesterday`, `monday`, `2026-03-03`."""

    words = "yesterday | monday | 2026-03-03"
    unit = "day"
    examples = ("yesterday", *WEEKDAYS)

    def _period(self, typed: TimeRange, week_start: int) -> tuple[date, date] | None:
        del week_start
        return (typed.first, typed.end) if typed.days == 1 else None

    def _written(self, first: date, end: date) -> str:
        del end
        return first.isoformat()

    def _hint(self, today: date) -> str:
        return f"The last whole day is `{today - DAY}`; `by-model today` tells of today so far."


class FinishedWeekType(FinishedType):
    """Seven local days: the week that holds a day, `last week`, `2026-03-23..2026-03-29`."""

    words = "last week | 2026-03-23 | 2026-03-23..2026-03-29"
    unit = "week"
    examples = ("last week",)

    def _period(self, typed: TimeRange, week_start: int) -> tuple[date, date] | None:
        if typed.days == 1 or typed.words == "this week":
            first = week_of(typed.first, week_start)
            return first, first + 7 * DAY
        return (typed.first, typed.end) if typed.days == 7 else None

    def _written(self, first: date, end: date) -> str:
        return f"{first}..{end - DAY}"

    def _hint(self, today: date) -> str:
        end = f"{today - 7 * DAY}..{today - DAY}"
        return f"Try `last week`, a day in it, or seven days such as `{end}`."


class FinishedMonthType(FinishedType):
    """A calendar month: `last month`, `march`, `2026-03`."""

    words = "last month | march | 2026-03"
    unit = "month"
    examples = ("last month", *MONTHS)

    def _period(self, typed: TimeRange, week_start: int) -> tuple[date, date] | None:
        del week_start
        if typed.first.day != 1:
            return None
        end = (typed.first + 32 * DAY).replace(day=1)
        # The running month is cut at today, which is then its last day so far.
        is_cut = typed.is_partial and typed.words not in ("today", typed.first.isoformat())
        return (typed.first, end) if typed.end == end or is_cut else None

    def _written(self, first: date, end: date) -> str:
        del end
        return f"{first:%Y-%m}"

    def _hint(self, today: date) -> str:
        last = (today.replace(day=1) - DAY).replace(day=1)
        return f"The last whole month is `{last:%Y-%m}`; `report` tells of this one so far."
