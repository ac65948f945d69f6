"""When a team works: peak day, peak hour of the day, busiest weekdays.

Only complete days since the first usage ever count: a day before it is not a day without usage.
"""

from __future__ import annotations

from collections.abc import Mapping

from analytics.figures import (
    Grain,
)
from analytics.measures import Usage, hours_of_day
from analytics.numbers import counted_credits, round_half_even
from analytics.query import Query
from analytics.report import (
    Fact,
)
from analytics.timerange import MONTHS, WEEKDAYS
from storage.reading import Hours
from storage.timekeys import date_of, day_number, to_micros

SHORTEST_WEEKDAYS = 7  # complete days of a range that may name its busiest weekdays
MOST_WEEKDAYS = 3
ByDay = Mapping[tuple[int, ...], Usage]


def average_fact(average: int | None, grain: Grain) -> list[Fact]:
    """The average of the complete buckets, where it is known."""
    return [] if average is None else [Fact("average", f"Average per {grain}", average, "credits")]


def complete_days(query: Query) -> range:
    """Numbers of the range's days that are over and known."""
    whole, oldest = query.range.complete(), query.reader.oldest
    if whole.is_partial or oldest is None:
        return range(0)
    first = max(day_number(whole.first), query.reader.clock.day(oldest))
    return range(first, day_number(whole.end))


def peak_day(query: Query, days: ByDay) -> list[Fact]:
    """`Peak Day: March 15 (485 credits)`, the first where equal; needs two days to compare."""
    complete = complete_days(query)
    credits = {day: usage.known_credits for (day,), usage in days.items() if day in complete}
    known = {day: spent for day, spent in credits.items() if spent}
    if not known or len(complete) < 2:
        return []
    day = min(known, key=lambda key: (-known[key], key))
    date = date_of(day)
    name = f"{MONTHS[date.month - 1].title()} {date.day}"
    if query.range.first.year != query.range.end.year:
        name += f", {date.year}"
    return [Fact("peak_day", "Peak Day", name, note=counted_credits(known[day]))]


def peak_hour(query: Query) -> list[Fact]:
    """`Peak Hour: 2-3 PM (average 65 credits/hour)` over complete days, or today's so far.

    Left out for departments, projects and tasks without a person: their hours are not kept.
    """
    filters, clock = query.filters, query.reader.clock
    if (filters.department or filters.project or filters.task) and not filters.person:
        return []
    days = complete_days(query)
    if days:
        first, end = (clock.bucket(to_micros(clock.midnight(d))) for d in (days.start, days.stop))
    else:
        first = clock.bucket(to_micros(clock.midnight(day_number(query.range.first))))
        end = clock.bucket(to_micros(query.now))
    sums = hours_of_day(query, Hours(first, end)) if first < end else {}
    if not any(sums.values()):
        return []
    hour = min(sums, key=lambda h: (-sums[h], h))
    average = round_half_even(sums[hour], len(days) or 1)
    note = f"average {counted_credits(average)}/hour"
    return [Fact("peak_hour", "Peak Hour", hour_text(hour), note=note)]


def hour_text(hour: int) -> str:
    """`2-3 PM`, `11 AM-12 PM`: an hour of the day as people say it."""
    return hours_text(hour, hour + 1)


def hours_text(first_hour: int, end_hour: int) -> str:
    """`2-5 PM`, `9 AM-5 PM`: hours of the day from one up to, not including, another."""
    names = [(h % 12 or 12, "AM" if h % 24 < 12 else "PM") for h in (first_hour, end_hour)]
    (first, early), (last, late) = names
    return f"{first}-{last} {late}" if early == late else f"{first} {early}-{last} {late}"


def busiest_weekdays(query: Query, days: ByDay) -> list[Fact]:
    """Up to three weekdays above the average day, in the order of the week."""
    complete = complete_days(query)
    if len(complete) < SHORTEST_WEEKDAYS:
        return []
    sums, counts = [0] * 7, [0] * 7
    for day in complete:
        weekday = date_of(day).weekday()
        sums[weekday] += days.get((day,), Usage()).credits
        counts[weekday] += 1
    mean = sum(sums) / len(complete)
    averages = {day: sums[day] / counts[day] for day in range(7)}
    above = sorted((d for d in averages if averages[d] > mean), key=lambda d: -averages[d])
    names = ", ".join(WEEKDAYS[day].title() for day in sorted(above[:MOST_WEEKDAYS]))
    return [Fact("busiest_weekdays", "Most Active Days", names)] if names else []
