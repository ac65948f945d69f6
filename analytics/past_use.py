"""What a scope used in the last complete months, and the budget that would suit it.

The suggestion is a rule of thumb and says so: the largest of up to three complete months, a tenth
more, rounded up to two digits; other periods take the days they have of the busiest month.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from analytics.measures import gather_credits
from analytics.numbers import counted
from analytics.query import Query
from analytics.report import Fact
from analytics.scopes import Scope
from analytics.stretches import Stretch
from analytics.timerange import MONTHS
from storage.events import MICRO
from storage.reading import Days
from storage.timekeys import date_of, day_number, first_day, month_number

MONTHS_BACK = 3
MORE = (11, 10)  # a tenth above what was used
DIGITS = 2


@dataclass(frozen=True, slots=True)
class PastUse:
    """Micro-credits of the last complete months, oldest first; none before the first usage.

    `is_hidden` where too few people are behind them.  `by_day` holds the days since the first of
    them, with today; None where those of the running month are hidden.
    """

    months: tuple[tuple[date, int], ...] = ()
    is_hidden: bool = False
    running: int = 0  # micro-credits of the month that is not over
    by_day: Mapping[int, int] | None = None

    def used_in(self, stretch: Stretch) -> int | None:
        """Micro-credits of a period that runs; None where that must not be told."""
        if self.by_day is None:
            return None
        first, end = day_number(stretch.first), day_number(stretch.end)
        return sum(credits for day, credits in self.by_day.items() if first <= day < end)

    def is_outgrown(self, stretch: Stretch) -> bool:
        """Whether more than in every month before is used already; known of months alone."""
        largest = max((credits for _, credits in self.months), default=0)
        return stretch.period == "monthly" and self.running > largest > 0

    def suggested(self, stretch: Stretch) -> int | None:
        """Micro-credits that would suit a period; None where nothing was used yet."""
        days = [(credits, _days(month)) for month, credits in self.months]
        if stretch.period == "monthly":
            days = [(credits, stretch.days) for credits, _ in days]
        needed = max((-(-credits * stretch.days // length) for credits, length in days), default=0)
        if self.is_outgrown(stretch):
            needed = self.running
        return rounded_up(needed) if needed > 0 else None


def past_use(query: Query, scope: Scope) -> PastUse:
    """The complete months before the running one; the query's range does not matter."""
    today = query.reader.clock.day(query.now)
    month = month_number(query.reader.clock.local_date(query.now))
    span = Days(first_day(month - MONTHS_BACK), today + 1)
    by_month: dict[date, int] = defaultdict(int)
    by_day = gather_credits(replace(query, filters=scope.filters), "day", span)
    for day, credits in by_day.items():
        by_month[date_of(day).replace(day=1)] += credits
    known = (date_of(first_day(month - back)) for back in range(MONTHS_BACK, 0, -1))
    begun = min(by_month, default=None)
    return PastUse(
        tuple((one, by_month[one]) for one in known if begun is not None and one >= begun),
        running=by_month[date_of(first_day(month))],
        by_day=by_day,
    )


def past_facts(past: PastUse, stretch: Stretch) -> Iterator[Fact]:
    """The months, and what would suit; the latter says what it rests on."""
    for month, credits in past.months:
        title = f"{MONTHS[month.month - 1].title()} {month.year}"
        yield Fact(f"used_{month:%Y_%m}", title, credits, "credits")
    suggested = past.suggested(stretch)
    if suggested is not None:
        largest = f"a tenth above the largest of {counted(len(past.months), 'month')}, rounded up"
        if past.is_outgrown(stretch):
            largest = (
                "a tenth above what is used already, rounded up: more than in the months before"
            )
        note = largest if stretch.period == "monthly" else f"{largest}, for {stretch.days} days"
        yield Fact("suggested", "Suggested", suggested, "credits", note=note)


def _days(month: date) -> int:
    number = month_number(month)
    return first_day(number + 1) - first_day(number)


def rounded_up(micro: int) -> int:
    """A tenth more, in whole credits with two digits that are not 0."""
    whole = -(-micro * MORE[0] // (MORE[1] * MICRO))
    step = int("1" + "0" * max(0, len(str(whole)) - DIGITS))
    return -(-whole // step) * step * MICRO
