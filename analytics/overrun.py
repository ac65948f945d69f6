"""Which budgets are expected to be passed, surely enough to say so unasked.

"Over" (even the low end of the range passes the limit) came true in 97 to 100 % of real months,
"at risk, likely" in 61 to 74 %: the latter is told only when the limit is less than two days away,
because there is time for nothing else.  What is passed already is told by its thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from analytics.burn_up import BurnUp
from analytics.projection import State, chance_of_passing
from analytics.query import Query
from storage.timekeys import day_number

NEAR = timedelta(hours=48)
FULL = 100
Status = Literal["over", "at_risk"]


@dataclass(frozen=True, slots=True)
class Overrun:
    """A limit that is expected to be passed, about on the day `runs_out`."""

    status: Status
    runs_out: date | None
    is_near: bool


def overrun_of(query: Query, burn: BurnUp) -> Overrun | None:
    """What is to be told about a budget; None while it may hold, and once its limit is used."""
    limit = burn.limit
    if not limit or burn.spent >= limit or burn.projection.is_finished:
        return None
    runs_out = burn.expected(FULL)
    is_near = runs_out is not None and _is_near(query, runs_out)
    if burn.state is State.OVER:
        return Overrun("over", runs_out, is_near)
    if burn.state is State.LIKELY and is_near:
        return Overrun("at_risk", runs_out, is_near)
    return None


def _is_near(query: Query, day: date) -> bool:
    return query.reader.clock.midnight(day_number(day)) - query.now < NEAR


def is_safe(burn: BurnUp) -> bool:
    """Whether a budget is on track again: even the high end of the range keeps the limit."""
    return burn.state is State.ON_TRACK


def overrun_facts(burn: BurnUp, found: Overrun, now: datetime) -> dict[str, Any]:
    """What is frozen of it."""
    projection, limit = burn.projection, burn.limit or 0
    chance = chance_of_passing(projection, limit)
    return {
        "limit": limit,
        "used": burn.spent,
        "first": str(burn.stretch.first),
        "end": str(burn.stretch.end),
        "as_of": now.isoformat(),
        "status": found.status,
        "runs_out": None if found.runs_out is None else str(found.runs_out),
        "projected": projection.projected,
        "low": projection.low,
        "high": projection.high,
        "chance": chance,
    }
