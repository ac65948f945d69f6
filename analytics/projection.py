"""The credits of a month at its end: a point, its 80 % range, a chance and a state.

Pure: daily micro-credits in, micro-credits out; "today" is an argument. It always holds that
`used <= low <= projected <= high`, and the point is never shown without its range. How well the
ranges cover is printed by `python -m benchmarks methods`; horizons beyond a month are not
measured. Parts (departments, people, projects) have projections of their own: never add them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

import numpy as np

from analytics.remaining import LEAST_DAYS, remaining

MOST_DAYS = 180
LEAST_USAGE_DAYS, LEAST_MONTH_DAYS = 5, 5
# Before it a high end above the budget is too early to call: 13-39 % of those ended over.
SURE_DAY = 10
Z80 = 1.2816  # the ends of an 80 % range, in standard deviations


class State(StrEnum):
    """How a budget stands; `words` are the four states that people see."""

    PASSED = "passed"
    OVER = "over"
    LIKELY = "likely"
    POSSIBLE = "possible"
    ON_TRACK = "on track"
    EARLY = "early"

    @property
    def words(self) -> str:
        """`over`, `at risk`, `on track` or `early`."""
        if self is State.PASSED:
            return State.OVER.value
        return "at risk" if self in (State.LIKELY, State.POSSIBLE) else self.value


@dataclass(frozen=True, slots=True)
class Projection:
    """What a month will have used at its end, in micro-credits.

    `complete` is the use of the month's `day` complete days, `used` has today's so far, too;
    `expected` is what the days left will add to `complete`. `path` is the expected use by the end
    of each day left, today first. Behind it are `n` complete days, `usage_days` of them with usage.
    """

    used: int
    complete: int
    expected: int
    projected: int
    low: int
    high: int
    path: tuple[int, ...]
    n: int
    usage_days: int
    day: int
    month_days: int
    has_fallen: bool

    @property
    def is_finished(self) -> bool:
        """Whether the month is, so that everything is known."""
        return self.day >= self.month_days

    @property
    def is_young(self) -> bool:
        """Whether only the first days of a month are known."""
        return self.n < LEAST_DAYS and self.day < LEAST_MONTH_DAYS

    @property
    def is_thin(self) -> bool:
        """Whether there is too little usage for any state."""
        return not self.is_finished and (self.usage_days < LEAST_USAGE_DAYS or self.is_young)

    @property
    def is_range_first(self) -> bool:
        """Whether the range must be said before the point."""
        is_early = self.is_thin or self.day < LEAST_MONTH_DAYS or not self.expected
        return not self.is_finished and is_early

    @property
    def is_from_month_alone(self) -> bool:
        """Whether it is the rate of this month, for want of history."""
        return not self.is_finished and self.n < LEAST_DAYS

    def fan(self) -> list[tuple[int, int]]:
        """The range by the end of each day left, for a picture; the last is `(low, high)`.

        In proportion to the path, since the fitted width hardly depends on the days left.
        """
        whole = self.projected - self.used
        parts = [point - self.used for point in self.path]
        if not whole:
            whole, parts = len(parts), list(range(1, len(parts) + 1))
        low, high = self.low - self.used, self.high - self.used
        return [
            (self.used + low * part // whole, self.used + -(-high * part // whole))
            for part in parts
        ]


def project(
    daily: Sequence[int], prompts: Sequence[int], *, day: int, month_days: int, today: int = 0
) -> Projection:
    """The projection of a month of which `day` days are complete.

    Takes micro-credits and known prompts of complete local days, oldest first and zeros filled;
    the last ends the month's complete days, none lies before the first usage, and only the last
    180 count. `today` is what the running day used so far, or all days that not every source has
    delivered.
    """
    if len(daily) != len(prompts):
        raise ValueError("credits and prompts are of different days")
    daily, prompts = daily[-MOST_DAYS:], prompts[-MOST_DAYS:]
    in_month = min(day, len(daily))
    complete = sum(daily[len(daily) - in_month :])
    rate = complete / in_month if in_month else None
    left = max(0, month_days - day)
    ahead = remaining(np.array(daily, float), np.array(prompts, float), rate, left)
    used = complete + today
    rises = [round(rise) for rise in np.cumsum(ahead.days).tolist()]
    path = [max(used, complete + rise) for rise in rises]
    projected = path[-1] if path else used
    return Projection(
        used=used,
        complete=complete,
        expected=rises[-1] if rises else 0,
        projected=projected,
        low=min(projected, max(used, complete + math.floor(ahead.low))),
        high=max(projected, complete + math.ceil(ahead.high)),
        path=tuple(path),
        n=len(daily),
        usage_days=sum(spent > 0 for spent in daily),
        day=day,
        month_days=month_days,
        has_fallen=ahead.has_fallen,
    )


def state_of(projection: Projection, budget: int) -> State:
    """How a budget stands; the first rule that holds. There is no state without a budget.

    On real series 97-100 % of OVER and 61-74 % of LIKELY months ended over, 0-1 % of ON_TRACK.
    """
    if projection.used > budget:
        return State.PASSED
    if projection.is_thin:
        return State.EARLY
    if projection.low > budget:
        return State.OVER
    if projection.projected > budget:
        return State.LIKELY
    if projection.high <= budget:
        return State.ON_TRACK
    return State.POSSIBLE if projection.day >= SURE_DAY else State.EARLY


def chance_of_passing(projection: Projection, budget: int) -> float | None:
    """The chance, 0 to 1, that the month uses more than a budget; None where nothing can be said.

    From two half log-normals through the ends and the middle of the range.
    """
    if projection.used > budget:
        return 1.0
    if projection.is_finished:
        return 0.0
    if projection.is_thin or not projection.expected:
        return None
    open_ = budget - projection.complete
    if open_ <= 0:
        return 1.0
    point = projection.expected
    distance = math.log(open_ / point)
    end = projection.high if distance > 0 else projection.low
    # An end that is not above nothing, or at the point, leaves no width to spread over.
    width = abs(math.log(max(end - projection.complete, 1) / point))
    if not width:
        return 0.5 if not distance else float(distance < 0)
    return 1 - NormalDist().cdf(Z80 * distance / width)


def day_expected(projection: Projection, budget: int, percent: int) -> int | None:
    """The day of the month on which a share of a budget is expected to be used, today at first.

    None where it is already used, or not expected this month. To be said with "about", and only
    in states other than EARLY.
    """
    return day_reaching(projection, percent * budget)


def day_reaching(projection: Projection, hundredths: int) -> int | None:
    """The same for a hundred times the micro-credits that are to be used."""
    if 100 * projection.used >= hundredths:
        return None
    for day, point in enumerate(projection.path, projection.day + 1):
        if 100 * point >= hundredths:
            return day
    return None
