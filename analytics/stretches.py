"""The periods of budgets: the month, week, quarter or billing month that holds a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from analytics.projection_words import Span
from analytics.timerange import MONTHS, TimeRange
from storage.budgets import Period
from storage.periods import period_of
from storage.timekeys import date_of, day_number

DAY = timedelta(days=1)
SPANS: Mapping[Period, Span] = {
    "monthly": "month",
    "weekly": "week",
    "quarterly": "quarter",
    "billing": "period",
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole local days from `first` up to, not including, `end`: all of a budget's period."""

    first: date
    end: date
    period: Period = "monthly"

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.end - self.first).days

    @property
    def span(self) -> Span:
        """What such a stretch is called in a sentence."""
        return SPANS[self.period]

    @property
    def title(self) -> str:
        """`March` for a month, `23–29 Mar 2026` for anything else."""
        if self.period == "monthly":
            return MONTHS[self.first.month - 1].title()
        return TimeRange(self.first, self.end, "", self.first).dates

    def so_far(self, today: date) -> TimeRange:
        """Its days up to today, as a range that a line can carry."""
        end = min(self.end, today + DAY)
        words = {"monthly": "this month", "weekly": "this week", "quarterly": "this quarter"}
        typed = f"{self.first}..{end - DAY}" if end - self.first > DAY else str(self.first)
        is_running = self.first <= today < self.end
        return TimeRange(
            self.first, end, words.get(self.period, typed) if is_running else typed, today
        )


def stretch_of(period: Period, today: date, billing_day: int = 1, week_start: int = 0) -> Stretch:
    """The period that holds a day.

    A billing month begins on its `billing_day`, 1 to 28, a week on the workspace's weekday.
    """
    first, end = period_of(
        period, day_number(today), billing_day=billing_day, week_start=week_start
    )
    return Stretch(date_of(first), date_of(end), period)
