"""What may be said about a projection: the range with every point, rounded outwards.

Amounts are in credits without the word: `On track: 15,230 of 20,000 used, month end about 17,900
(80% range 16,300-19,800).`
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from analytics.numbers import counted, credits_text
from analytics.projection import Projection, State, chance_of_passing, state_of
from analytics.timerange import MONTHS
from storage.events import MICRO

THIN_DIGITS, DIGITS = 2, 3


def budget_text(projection: Projection, budget: int, since: date | None = None) -> str:
    """How a budget stands, in one or two sentences.

    `since` is the day on which a passed budget was passed, where that is known.
    """
    state = state_of(projection, budget)
    if state is State.PASSED:
        day = "" if since is None else f" since {since.day} {MONTHS[since.month - 1].title()}"
        return f"Over budget{day}: {_of(projection, budget)}."
    if projection.is_finished:
        return f"Within budget: {_of(projection, budget)} used."
    return _expectation(projection, budget, state) + _fall(projection)


def outlook_text(projection: Projection) -> str:
    """What the month is expected to use, for where no budget is set."""
    if projection.is_finished:
        return f"The month used {credits_text(projection.used)}."
    if projection.is_thin:
        return _early(projection) + _fall(projection)
    return f"Month end {_end(projection)}." + _fall(projection)


def _expectation(projection: Projection, budget: int, state: State) -> str:
    if state is State.EARLY:
        return _early(projection)
    if state is State.OVER:
        low, _ = range_ends(projection, budget)
        alone = _alone(projection).removeprefix(",")
        return f"Over: even the low end, {low}{alone}, passes {credits_text(budget)}."
    if state is State.ON_TRACK:
        return f"On track: {_of(projection, budget)} used, month end {_end(projection, budget)}."
    chance = chance_text(chance_of_passing(projection, budget))
    chance = f", {chance} chance of passing {credits_text(budget)}" if chance else ""
    likely = "likely" if state is State.LIKELY else "possibly"
    return f"At risk, {likely} over: {_end(projection, budget, is_short=True)}{chance}."


def _of(projection: Projection, budget: int) -> str:
    return f"{credits_text(projection.used)} of {credits_text(budget)}"


def _early(projection: Projection) -> str:
    """Why it is too early, and the range; no point."""
    if not projection.n:
        return "Too early to say: no complete day yet."
    reason = f"day {projection.day + 1}"
    if projection.is_thin and not projection.is_young:
        reason = f"usage on {counted(projection.usage_days, 'day')}"
    ends = f"{range_text(projection)}{_alone(projection)}"
    return f"Too early to say: {reason}. 80% range {ends}."


def _end(projection: Projection, budget: int | None = None, *, is_short: bool = False) -> str:
    """Point and range, the range first while the point says little."""
    ends, alone = range_text(projection, budget), _alone(projection)
    point = f"about {point_text(projection, budget)}"
    if projection.is_range_first:
        return f"{ends} (80% range{alone}), {point}"
    return f"{point} ({'' if is_short else '80% range '}{ends}{alone})"


def _alone(projection: Projection) -> str:
    return ", from this month alone" if projection.is_from_month_alone else ""


def _fall(projection: Projection) -> str:
    return " Usage fell sharply in the last 7 days." if projection.has_fallen else ""


def range_text(projection: Projection, budget: int | None = None) -> str:
    """`16,300-19,800`, rounded outwards: 2 significant digits while data are thin, else 3."""
    return "-".join(range_ends(projection, budget))


def range_ends(projection: Projection, budget: int | None = None) -> tuple[str, str]:
    """Both ends of the range as they are shown.

    What is used is a floor, and no end is rounded across the budget: it would deny the state.
    """
    digits = _digits(projection)
    low = max(projection.used, _rounded(projection.low, digits, "down", budget))
    return _exact(low), _exact(_rounded(projection.high, digits, "up", budget))


def point_text(projection: Projection, budget: int | None = None) -> str:
    """`17,900`: the point as it is shown, only ever beside the range."""
    near = _rounded(projection.projected, _digits(projection), "near", budget)
    return _exact(max(projection.used, near))


def chance_text(chance: float | None) -> str:
    """`61%`, `<1%`, `>99%`; empty where no chance can be told."""
    if chance is None:
        return ""
    if chance < 0.01:
        return "<1%"
    return ">99%" if chance > 0.99 else f"{chance:.0%}"


def expected_on_text(percent: int, day: int, month: date) -> str:
    """`90% expected about 24 March`, for a day of the month."""
    return f"{percent}% expected about {day} {MONTHS[month.month - 1].title()}"


def _digits(projection: Projection) -> int:
    return THIN_DIGITS if projection.is_thin else DIGITS


def _rounded(
    micro: int, digits: int, towards: Literal["down", "near", "up"], border: int | None
) -> int:
    """To so many significant digits, or more where it would change sides of the border."""
    for places in range(len(str(micro)) - digits, 0, -1):
        step = int("1" + "0" * places)
        add = {"down": 0, "near": step // 2, "up": step - 1}[towards]
        found = (micro + add) // step * step
        if border is None or (found > border) == (micro > border):
            return found
    return micro


def _exact(micro: int) -> str:
    return f"{(Decimal(micro) / MICRO).normalize():,f}"
