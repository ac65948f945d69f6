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
Span = Literal["month", "week", "quarter", "period"]
ENDS: dict[Span, str] = {
    "month": "month end",
    "week": "week's end",  # a week end would be a weekend
    "quarter": "quarter's end",
    "period": "period's end",
}


def budget_text(
    projection: Projection, budget: int, since: date | None = None, span: Span = "month"
) -> str:
    """How a budget stands, in one or two sentences.

    `since` is the day on which a passed budget was passed, where that is known.
    """
    state = state_of(projection, budget)
    if state is State.PASSED:
        day = "" if since is None else f" since {since.day} {MONTHS[since.month - 1].title()}"
        return f"Over budget{day}: {_of(projection, budget)}."
    if projection.is_finished:
        return f"Within budget: {_of(projection, budget)} used."
    return _expectation(projection, budget, state, span) + _fall(projection)


def outlook_text(projection: Projection, span: Span = "month") -> str:
    """What the month is expected to use, for where no budget is set."""
    if projection.is_finished:
        return f"The {span} used {credits_text(projection.used)}."
    if projection.is_thin:
        return _early(projection, span) + _fall(projection)
    return f"{ENDS[span].capitalize()} {_end(projection, span=span)}." + _fall(projection)


def pace_text(projection: Projection, budget: int, span: Span = "quarter") -> str:
    """How a budget stands when its end is further than projections were measured: no state."""
    if projection.is_thin:
        return _early(projection, span) + _fall(projection)
    end = _end(projection, budget, span=span)
    return f"{_of(projection, budget)} used; at this pace {ENDS[span]} {end}." + _fall(projection)


def _expectation(projection: Projection, budget: int, state: State, span: Span) -> str:
    if state is State.EARLY:
        return _early(projection, span)
    if state is State.OVER:
        low, _ = range_ends(projection, budget)
        alone = _alone(projection, span).removeprefix(",")
        return f"Over: even the low end, {low}{alone}, passes {credits_text(budget)}."
    if state is State.ON_TRACK:
        end = _end(projection, budget, span=span)
        return f"On track: {_of(projection, budget)} used, {ENDS[span]} {end}."
    chance = chance_text(chance_of_passing(projection, budget))
    chance = f", {chance} chance of passing {credits_text(budget)}" if chance else ""
    likely = "likely" if state is State.LIKELY else "possibly"
    end = _end(projection, budget, span=span, is_short=True)
    return f"At risk, {likely} over: {end}{chance}."


def _of(projection: Projection, budget: int) -> str:
    return f"{credits_text(projection.used)} of {credits_text(budget)}"


def _early(projection: Projection, span: Span) -> str:
    """Why it is too early, and the range; no point."""
    if not projection.n:
        return "Too early to say: no complete day yet."
    reason = f"day {projection.day + 1}"
    if projection.is_thin and not projection.is_young:
        reason = f"usage on {counted(projection.usage_days, 'day')}"
    ends = f"{range_text(projection)}{_alone(projection, span)}"
    return f"Too early to say: {reason}. 80% range {ends}."


def _end(
    projection: Projection,
    budget: int | None = None,
    *,
    span: Span = "month",
    is_short: bool = False,
) -> str:
    """Point and range, the range first while the point says little."""
    ends, alone = range_text(projection, budget), _alone(projection, span)
    point = f"about {point_text(projection, budget)}"
    if projection.is_range_first:
        return f"{ends} (80% range{alone}), {point}"
    return f"{point} ({'' if is_short else '80% range '}{ends}{alone})"


def _alone(projection: Projection, span: Span) -> str:
    return f", from this {span} alone" if projection.is_from_month_alone else ""


def _fall(projection: Projection) -> str:
    return " Usage fell sharply in the last 7 days." if projection.has_fallen else ""


def range_text(projection: Projection, budget: int | None = None) -> str:
    """`16,300-19,800`, rounded outwards: 2 significant digits while data are thin, else 3."""
    return "-".join(range_ends(projection, budget))


def range_ends(projection: Projection, budget: int | None = None) -> tuple[str, str]:
    """Both ends of the range as they are shown."""
    low, _, high = shown_end(projection, budget)
    return _exact(low), _exact(high)


def point_text(projection: Projection, budget: int | None = None) -> str:
    """`17,900`: the point as it is shown, only ever beside the range."""
    _, point, _ = shown_end(projection, budget)
    return _exact(point)


def shown_end(projection: Projection, budget: int | None = None) -> tuple[int, int, int]:
    """Low end, point and high end as they are shown, in micro-credits.

    What is used is a floor, and nothing is rounded across the budget: it would deny the state.
    """
    digits = _digits(projection)
    low, point, high = (
        _rounded(projection.low, digits, "down", budget),
        _rounded(projection.projected, digits, "near", budget),
        _rounded(projection.high, digits, "up", budget),
    )
    return max(projection.used, low), max(projection.used, point), high


def chance_text(chance: float | None) -> str:
    """`61%`, `<1%`, `>99%`; empty where no chance can be told."""
    if chance is None:
        return ""
    if chance < 0.01:
        return "<1%"
    return ">99%" if chance > 0.99 else f"{chance:.0%}"


def expected_on_text(what: str, day: int, month: date) -> str:
    """`90% expected about 24 March`, for a day of the month."""
    return f"{what} expected about {day} {MONTHS[month.month - 1].title()}"


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
