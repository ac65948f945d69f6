"""How a budget stood when its alert fired: frozen once, read again whenever the alert is told.

Invariant: what is added up here is `used`, the number that decided the crossing, whatever came in
or was corrected since; `budget` asked at that moment says the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from analytics.alert_facts import as_day, as_moment, as_number
from analytics.burn_up import BurnUp, added_up, days_behind, read_days
from analytics.captions import data_to
from analytics.measures import gather_credits
from analytics.projection import Projection
from analytics.query import Query
from analytics.scopes import Scope
from analytics.stretches import Stretch
from storage.budgets import THRESHOLDS, Period
from storage.marks import Threshold, as_json, thresholds_of
from storage.reading import Days, Key, RangeTooLong
from storage.timekeys import day_number

MOST_DRIVERS = 3
DRIVERS: tuple[Key, ...] = ("person", "department", "model")
PERIODS: Mapping[str, Period] = {
    "monthly": "monthly",
    "weekly": "weekly",
    "quarterly": "quarterly",
    "billing": "billing",
}
_NUMBERS = tuple(field.name for field in fields(Projection) if field.name != "path")
Driver = tuple[int, int]  # id and micro-credits


@dataclass(frozen=True, slots=True)
class Standing:
    """A burn-up with who used most of it: the largest of each kind, and what all used together.

    `newest` is the time of the newest usage that was known; None where that was not kept.
    """

    burn: BurnUp
    drivers: Mapping[str, tuple[Driver, ...]]
    total: int
    newest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Crossed:
    """What a budget's alert is about: whose budget, for which days, its limit and thresholds."""

    scope: Scope
    stretch: Stretch
    limit: int
    used: int
    thresholds: tuple[Threshold, ...] = THRESHOLDS


def crossed_of(
    scope: Scope,
    period_key: str,
    facts: Mapping[str, Any],
    thresholds: Sequence[Threshold] = THRESHOLDS,
) -> Crossed | None:
    """The crossing that facts tell of; None where they do not say enough."""
    first, end = as_day(facts.get("first")), as_day(facts.get("end"))
    limit, used = as_number(facts.get("limit")), as_number(facts.get("used"))
    period = PERIODS.get(period_key.partition(":")[0])
    if first is None or end is None or first >= end or limit is None or used is None:
        return None
    return Crossed(scope, Stretch(first, end, period or "monthly"), limit, used, tuple(thresholds))


def read_standing(query: Query, crossed: Crossed, *, is_frozen: bool = True) -> Standing:
    """How a budget stands at the query's moment; frozen, its sum is what the crossing saw."""
    own, stretch = replace(query, filters=crossed.scope.filters), crossed.stretch
    rows = read_days(own, (), days_behind(own, stretch))
    by_day = {day: spent for (day,), spent in rows.items()}
    first, end = day_number(stretch.first), days_behind(own, stretch).end
    if is_frozen:
        by_day = _summing_to(crossed.used, by_day, first, end)
    burn = added_up(own, stretch, by_day, crossed.limit, crossed.thresholds)
    sums = {key: _sums(own, key, Days(first, max(first, end))) for key in DRIVERS}
    ranked = {
        str(key): tuple(sorted(found.items(), key=lambda one: (-one[1], one[0]))[:MOST_DRIVERS])
        for key, found in sums.items()
    }
    total = sum(sums["model"].values())
    if is_frozen and total:
        total = crossed.used
        ranked = {key: _within(total, found) for key, found in ranked.items()}
    return Standing(burn, ranked, total, data_to(query))


def _within(used: int, ranked: Sequence[Driver]) -> tuple[Driver, ...]:
    """Drivers that used no more than that together: what came in since is taken from the last."""
    left, kept = used, []
    for key, micro in ranked:
        kept.append((key, min(micro, left)))
        left -= kept[-1][1]
    return tuple(one for one in kept if one[1] > 0)


def _sums(query: Query, key: Key, days: Days) -> dict[int, int]:
    """Micro-credits by id; nothing where a crossing is not kept for so many days."""
    try:
        return gather_credits(query, key, days)
    except RangeTooLong:
        return {}


def _summing_to(
    used: int, by_day: Mapping[int, tuple[int, int]], first: int, end: int
) -> dict[int, tuple[int, int]]:
    """Days whose sum over the period is `used`: what is too much is taken from the last days."""
    kept = dict(by_day)
    inside = [day for day in range(end - 1, first - 1, -1) if day in kept]
    surplus = sum(kept[day][0] for day in inside) - used
    if surplus < 0:
        credits, prompts = kept.get(end - 1, (0, 0))
        kept[end - 1] = (credits - surplus, prompts)
    for day in inside:
        if surplus <= 0:
            break
        credits, prompts = kept[day]
        taken = min(credits, surplus)
        kept[day], surplus = (credits - taken, prompts), surplus - taken
    return kept


def freeze(standing: Standing) -> dict[str, Any]:
    """A standing as JSON: integers only."""
    projection = standing.burn.projection
    return {
        "days": list(standing.burn.used),
        "projection": {name: getattr(projection, name) for name in _NUMBERS},
        "path": list(projection.path),
        "drivers": {key: [list(one) for one in found] for key, found in standing.drivers.items()},
        "total": standing.total,
        "known_to": None if standing.burn.known_to is None else str(standing.burn.known_to),
        "thresholds": [as_json(one) for one in standing.burn.thresholds],
        "newest": None if standing.newest is None else standing.newest.isoformat(),
    }


def thaw(frozen: Mapping[str, Any], crossed: Crossed) -> Standing | None:
    """The standing again; None where it was not frozen whole."""
    try:
        projection = Projection(
            **{name: frozen["projection"][name] for name in _NUMBERS}, path=tuple(frozen["path"])
        )
        burn = BurnUp(
            stretch=crossed.stretch,
            used=tuple(frozen["days"]),
            projection=projection,
            limit=crossed.limit,
            thresholds=_thresholds(frozen, crossed) if crossed.limit else (),
            known_to=as_day(frozen["known_to"]),
        )
        drivers = {
            key: tuple((int(one), int(micro)) for one, micro in found)
            for key, found in frozen["drivers"].items()
        }
        return Standing(burn, drivers, int(frozen["total"]), as_moment(frozen.get("newest")))
    except (KeyError, TypeError, ValueError):
        return None


def _thresholds(frozen: Mapping[str, Any], crossed: Crossed) -> tuple[Threshold, ...]:
    """The thresholds of then; those of now where an older version froze it."""
    kept = frozen.get("thresholds")
    return thresholds_of(kept) if isinstance(kept, list) else crossed.thresholds
