"""The rows of response times: models, people, hours of the day, or stretches of time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from analytics.buckets import buckets, fitted_grain, named
from analytics.errors import UserError
from analytics.hours import Clocked
from analytics.measures import gather_spend
from analytics.numbers import counted
from analytics.outcomes import (
    Outcome,
    Outcomes,
    all_of,
    gather_bins,
    gather_outcomes,
    gather_speeds,
)
from analytics.percentiles import Spread, merged, spread_of
from analytics.query import Query
from analytics.rhythm import hour_text
from analytics.text import distinct
from storage.reading import Speed

Split = Literal["model", "person", "hour", "day"]
PEOPLE_DAYS = 31  # their percentiles are read prompt by prompt
UNKNOWN = "(unknown)"


@dataclass(frozen=True, slots=True)
class Timing:
    """Response times of a model, a person, an hour or a stretch, or of `count` of them."""

    key: int
    name: str
    outcome: Outcome
    spread: Spread | None = None
    speed: Speed | None = None
    count: int = 1
    said: str = ""  # its name in a sentence, where that is another one

    @property
    def is_single(self) -> bool:
        """Whether it stands for itself."""
        return self.count == 1

    @property
    def average_ms(self) -> float | None:
        """Mean response time of what was timed."""
        return self.outcome.average_ms


def timings(query: Query, by: Split, models: Outcomes, hours: Clocked, limit: int) -> list[Timing]:
    """The rows in their order: the fastest model or person first, hours and days by the clock.

    Raises UserError for hours that are not kept.
    """
    match by:
        case "model":
            return _models(query, models, limit)
        case "person":
            return _people(query, models, limit)
        case "hour":
            return _hours(hours, all_of(models.values()))
        case "day":
            return _stretches(query)


def _models(query: Query, models: Outcomes, limit: int) -> list[Timing]:
    catalog = query.reader.catalog
    names = distinct({key: catalog.models[key].name for (key,) in models})
    bins, speeds = gather_bins(query, "model") or {}, gather_speeds(query, ("model",))
    rows = [
        Timing(key, names[key], outcome, spread_of(bins.get((key,), {})), speeds.get((key,)))
        for (key,), outcome in models.items()
    ]
    if len(rows) <= limit + 1:
        return _fastest_first(rows)
    busiest = sorted(rows, key=lambda row: (-row.outcome.usage.prompts, row.name))
    shown, hidden = busiest[:limit], busiest[limit:]
    together = Timing(
        key=0,
        name=counted(len(hidden), "other"),
        outcome=all_of(row.outcome for row in hidden),
        spread=spread_of(merged(bins.get((row.key,), {}) for row in hidden)),
        count=len(hidden),
    )
    return [*_fastest_first(shown), together]


def _people(query: Query, models: Outcomes, limit: int) -> list[Timing]:
    """The people with most prompts: ranked by totals, then read each."""
    ranked = sorted(
        ((usage.prompts, -key) for (key,), usage in gather_spend(query, ("person",)).items()),
        reverse=True,
    )
    keys = tuple(-key for _, key in ranked)
    chosen = keys if len(keys) <= limit + 1 else keys[:limit]
    only = {"person": chosen}
    outcomes = gather_outcomes(query, ("person",), only=only)
    is_short = query.range.days <= PEOPLE_DAYS
    bins = (gather_bins(query, "person", only=only) if is_short else None) or {}
    known = query.reader.names("person")
    names = distinct({key: known.get(key, UNKNOWN) for key in chosen})
    rows = [
        Timing(key, names[key], outcome, spread_of(bins.get((key,), {})))
        for (key,), outcome in outcomes.items()
    ]
    count = len(keys) - len(chosen)
    if not count:
        return _fastest_first(rows)
    rest = all_of(models.values()) - all_of(outcomes.values())
    return [*_fastest_first(rows), Timing(0, counted(count, "other"), rest, count=count)]


def _fastest_first(rows: Iterable[Timing]) -> list[Timing]:
    """By average; what was never timed stands last."""
    return sorted(
        rows, key=lambda row: (row.average_ms is None, row.average_ms or 0, row.name, row.key)
    )


def _hours(hours: Clocked, whole: Outcome) -> list[Timing]:
    if whole.lat_n and not hours.hours:
        raise UserError(
            "Hours with these filters are only kept prompt by prompt.",
            hint="Ask for at most 31 days, or leave a filter out.",
        )
    return [Timing(hour, hour_text(hour), hours.hours[hour]) for hour in sorted(hours.hours)]


def _stretches(query: Query) -> list[Timing]:
    """Days, or weeks or months where days would be too many."""
    grain = fitted_grain(query.range)
    outcomes = gather_outcomes(query, ("day",))
    bins = gather_bins(query, "day") or {}
    rows = []
    for bucket in buckets(query, "day" if grain == "hour" else grain):
        days = [(day,) for day in range(bucket.key, bucket.end)]
        outcome = _sum(outcomes, days)
        spread = spread_of(merged(bins[day] for day in days if day in bins))
        said = named(bucket, grain)
        rows.append(Timing(bucket.key, bucket.label, outcome, spread, said=said))
    return rows


def _sum(outcomes: Mapping[tuple[int, ...], Outcome], keys: Iterable[tuple[int, ...]]) -> Outcome:
    return all_of(outcomes[key] for key in keys if key in outcomes)
