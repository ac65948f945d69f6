"""How the use of a period adds up day by day, when limits are reached, and where it will end.

`burn_up` is the only way from the day rollups to a projection: budget, forecast, monthly report
and dashboard read through it, and so cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate

from analytics.captions import caption
from analytics.figures import Band, BudgetFigure
from analytics.measures import pieces
from analytics.numbers import axis_text, credits_text
from analytics.projection import MOST_DAYS, Projection, State, day_reaching, project, state_of
from analytics.projection_words import budget_text, outlook_text, pace_text, range_text
from analytics.query import Query
from analytics.stretches import Stretch
from storage.budgets import THRESHOLDS
from storage.marks import Threshold, hundredths, is_reached
from storage.reading import Days, Key
from storage.timekeys import date_of, day_number

MEASURED_DAYS = 31  # projections further ahead were never compared with what came
# A workspace that is silent for longer is taken to lag: its last days are unknown, not empty.
LAG_DAYS = 4
SPENDING = ("credits", "prompts")
Spent = tuple[int, int]  # micro-credits and known prompts
NOTHING: Spent = (0, 0)


@dataclass(frozen=True, slots=True)
class BurnUp:
    """Use of a scope in a period in micro-credits, against its limit where it has one.

    `used` is added up by day, the last value is now.  `known_to` is the last day with data where
    a workspace lags behind.
    """

    stretch: Stretch
    used: tuple[int, ...]
    projection: Projection
    limit: int | None = None
    thresholds: tuple[Threshold, ...] = ()
    known_to: date | None = None

    @property
    def spent(self) -> int:
        """What is used so far."""
        return self.projection.used

    @property
    def state(self) -> State | None:
        """How the limit stands; None without one, and where its end is too far for a state."""
        if self.limit is None:
            return None
        is_measured = self.stretch.days - self.projection.day <= MEASURED_DAYS
        return state_of(self.projection, self.limit) if is_measured or self.is_passed else None

    @property
    def is_passed(self) -> bool:
        """Whether more than the limit is used."""
        return self.limit is not None and self.spent > self.limit

    @property
    def percent(self) -> int | None:
        """Whole per cent that were surely passed, as warnings count them; None without a limit."""
        return 100 * self.spent // self.limit if self.limit else None

    def reached(self, threshold: Threshold) -> date | None:
        """The day on which a threshold was reached; None where it is not, or of nothing."""
        limit = self.limit
        if not limit:
            return None
        days = (at for at, used in enumerate(self.used) if is_reached(threshold, used, limit))
        return self._date(next(days, None))

    @property
    def passed_on(self) -> date | None:
        """The day on which the limit was passed."""
        limit = self.limit
        if limit is None:
            return None
        return self._date(next((at for at, used in enumerate(self.used) if used > limit), None))

    def expected(self, threshold: Threshold) -> date | None:
        """The day on which a threshold is expected to be reached, to be said with "about".

        None where it is reached, not expected in the period, or too early to say.
        """
        if not self.limit or self.state in (None, State.EARLY):
            return None
        day = day_reaching(self.projection, hundredths(threshold, self.limit))
        return None if day is None else self._date(day - 1)

    def _date(self, at: int | None) -> date | None:
        return None if at is None else self.stretch.first + timedelta(days=at)

    @property
    def words(self) -> str:
        """How the period stands, in one or two sentences that never hold a bare point."""
        span = self.stretch.span
        if self.limit is None:
            return outlook_text(self.projection, span)
        if self.state is None:
            return pace_text(self.projection, self.limit, span)
        return budget_text(self.projection, self.limit, self.passed_on, span)


def burn_up(
    query: Query,
    stretch: Stretch,
    limit: int | None = None,
    thresholds: tuple[Threshold, ...] = THRESHOLDS,
) -> BurnUp:
    """The burn-up of a period for what the query's filters leave; its range does not matter.

    Reads up to 180 complete days for the projection; a period that is over has none.
    """
    rows = read_days(query, (), days_behind(query, stretch))
    by_day = {day: spent for (day,), spent in rows.items()}
    return added_up(query, stretch, by_day, limit, thresholds)


def read_days(query: Query, by: Sequence[Key], span: Days) -> dict[tuple[int, ...], Spent]:
    """Spending by keys and day; only what a projection takes, for up to 180 days of many."""
    found: dict[tuple[int, ...], Spent] = {}
    for part, where in pieces(query, span):
        for *key, credits, prompts in query.reader.sums((*by, "day"), SPENDING, part, where):
            before = found.get(tuple(key), NOTHING)
            found[tuple(key)] = (before[0] + credits, before[1] + prompts)
    return found


def days_behind(query: Query, stretch: Stretch) -> Days:
    """The days that a burn-up rests on, for who reads several scopes in one question."""
    end = min(day_number(stretch.end), query.reader.clock.day(query.now) + 1)
    return Days(min(day_number(stretch.first), end - 1 - MOST_DAYS), end)


def added_up(
    query: Query,
    stretch: Stretch,
    by_day: Mapping[int, Spent],
    limit: int | None = None,
    thresholds: tuple[Threshold, ...] = THRESHOLDS,
) -> BurnUp:
    """The burn-up of one scope from its spending by day."""
    first, end = day_number(stretch.first), days_behind(query, stretch).end
    # Of a period that is over nothing is expected any more, however old its newest usage is.
    is_over = query.reader.clock.day(query.now) >= day_number(stretch.end)
    known = end if is_over else _known_end(query, end)
    # Days before the scope's first usage say nothing about its pace.
    start = min((day for day, spent in by_day.items() if any(spent)), default=known)
    complete = [by_day.get(day, NOTHING) for day in range(start, max(start, known))]
    spent = [by_day.get(day, NOTHING)[0] for day in range(first, end)]
    in_stretch = max(0, known - first)
    projection = project(
        [credits for credits, _ in complete],
        [prompts for _, prompts in complete],
        day=in_stretch,
        month_days=stretch.days,
        today=sum(spent[in_stretch:]),
    )
    return BurnUp(
        stretch=stretch,
        used=tuple(accumulate(spent)),
        projection=projection,
        limit=limit,
        thresholds=thresholds if limit else (),
        known_to=date_of(known - 1) if known < _days_over(query, end) else None,
    )


def _days_over(query: Query, end: int) -> int:
    """The first day before `end` that is not over."""
    return min(end, query.reader.clock.day(query.now))


def _known_end(query: Query, end: int) -> int:
    """The first day that is not completely known: today, or earlier where all usage lags."""
    over, newest = _days_over(query, end), query.reader.newest
    if newest is None:
        return over
    last = query.reader.clock.day(newest)
    return last + 1 if over - 1 - last > LAG_DAYS else over


def budget_figure(query: Query, burn: BurnUp, title: str, name: str = "") -> BudgetFigure:
    """The burn-up as a picture; `name` says of whom, where it is not the whole workspace."""
    projection = burn.projection
    is_open = not projection.is_finished and projection.n > 0
    point = None if projection.is_range_first else projection.projected
    footer, subtitle = caption(query), _subtitle(query, burn, name)
    of = f" of {credits_text(burn.limit)}" if burn.limit else ""
    ends = f". 80% range {range_text(projection, burn.limit)}" if is_open else ""
    return BudgetFigure(
        title=title.rstrip("."),
        subtitle=subtitle,
        footer=footer,
        alt=f"Burn-up chart. {title} Used {credits_text(burn.spent)}{of}{ends}. {footer}.",
        start=burn.stretch.first,
        days=burn.stretch.days,
        used=burn.used,
        # A line at nothing is the axis, and shares of nothing are no lines.
        limit=burn.limit or None,
        thresholds=tuple(one for one in burn.thresholds if isinstance(one, int)),
        marks=tuple(_marks(burn)),
        forecast=Band(projection.low, point, projection.high) if is_open else None,
    )


def _marks(burn: BurnUp) -> Iterator[tuple[int, str]]:
    """Thresholds in credits, as lines: where each is reached, and what it says."""
    for one in burn.thresholds:
        if isinstance(one, int) or not burn.limit:
            continue
        left = " left" if one.kind == "left" else ""
        yield max(0, hundredths(one, burn.limit) // 100), f"{axis_text(one.amount)}{left}"


def _subtitle(query: Query, burn: BurnUp, name: str) -> str:
    """`76% used with 77% of the month gone. Band = 80% range`, as far as each is known."""
    midnight, stretch = query.reader.clock.midnight, burn.stretch
    first, end = (midnight(day_number(day)) for day in (stretch.first, stretch.end))
    gone = min(100, 100 * (query.now - first) // (end - first))
    words = f"{gone}% of the {stretch.span} gone"
    if burn.percent is not None:
        words = f"{burn.percent}% used with {words}"
    band = ". Band = 80% range" if not burn.projection.is_finished and burn.projection.n else ""
    return (f"{name}: {words}" if name else words) + band
