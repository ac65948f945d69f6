"""Response times by the clock: peak, off-peak and weekend, and the fastest hours of the day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from analytics.numbers import count_text, duration_text
from analytics.outcomes import FEWEST_PROMPTS, Outcome, gather_bins, week_times
from analytics.percentiles import Spread, merged, spread_of
from analytics.query import Query
from analytics.report import Fact
from analytics.rhythm import hour_text, hours_text
from storage.reading import Hours
from storage.timekeys import Clock, HourClass, day_number, to_micros

FASTEST = 3  # hours of the day that are named
CLASSES = (HourClass.PEAK, HourClass.OFF_PEAK, HourClass.WEEKEND)


@dataclass(frozen=True, slots=True)
class Clocked:
    """Averages by class of hour and by hour of the day; spreads of all prompts and of the classes.

    Empty, or None, where the filters leave only the ledger and the range is too long for it.
    """

    spread: Spread | None
    spreads: Mapping[int, Spread | None]
    classes: Mapping[int, Outcome]
    hours: Mapping[int, Outcome]

    def class_facts(self, query: Query) -> list[Fact]:
        """`Peak hours (9 AM-5 PM): 2.8 s (p50 2.1 s, n 4,210)`, off-peak and weekend."""
        return [
            Fact(key, title, outcome.average_ms, "duration", self._note(kind))
            for kind, (key, title) in zip(CLASSES, _titles(query.reader.clock), strict=True)
            if (outcome := self.classes.get(kind))
        ]

    def _note(self, kind: int) -> str:
        spread, n = self.spreads.get(kind), self.classes[kind].lat_n
        typical = f"p50 {duration_text(spread.p50)}, " if spread else ""
        return f"{typical}n {count_text(n)}"


def _titles(clock: Clock) -> tuple[tuple[str, str], ...]:
    return (
        ("peak_ms", f"Peak hours ({hours_text(*clock.peak)})"),
        ("off_peak_ms", "Off-peak"),
        ("weekend_ms", "Weekend"),
    )


def class_of(clock: Clock, weekday: int, hour: int) -> HourClass:
    """The class of a local hour, as response times are kept by."""
    if weekday >= 5:
        return HourClass.WEEKEND
    return HourClass.PEAK if clock.peak[0] <= hour < clock.peak[1] else HourClass.OFF_PEAK


def clocked(query: Query) -> Clocked:
    """Response times of the query's range by the clock."""
    clock = query.reader.clock
    first, end = (
        clock.bucket(to_micros(clock.midnight(day_number(day))))
        for day in (query.range.first, query.range.end)
    )
    bins = gather_bins(query, "hour_class") or {}
    cells = week_times(query, Hours(first, end)) or {}
    return Clocked(
        spread=spread_of(merged(bins.values())),
        spreads={kind: spread_of(part) for (kind,), part in bins.items()},
        classes=_folded((class_of(clock, *at), sums) for at, sums in cells.items()),
        hours=_folded((hour, sums) for (_, hour), sums in cells.items()),
    )


def _folded(cells: Iterable[tuple[int, tuple[int, int]]]) -> dict[int, Outcome]:
    found: dict[int, Outcome] = defaultdict(Outcome)
    for key, (total, count) in cells:
        found[key] += Outcome(lat_sum=total, lat_n=count)
    return dict(found)


def fastest_hours(clocked: Clocked) -> list[Fact]:
    """`Fastest hours: 6-7 AM (1.4 s, n 312), ...`: of hours with enough prompts, several."""
    ranked = sorted(
        (outcome.average_ms, hour)
        for hour, outcome in clocked.hours.items()
        if outcome.average_ms is not None and outcome.lat_n >= FEWEST_PROMPTS
    )
    if len(ranked) <= FASTEST:
        return []
    named = ", ".join(
        f"{hour_text(hour)} ({duration_text(ms)}, n {count_text(clocked.hours[hour].lat_n)})"
        for ms, hour in ranked[:FASTEST]
    )
    return [Fact("fastest_hours", "Fastest hours", named)]
