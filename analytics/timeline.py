"""Credits over time: bars, average, peak day and hour, the busiest weekdays.

Averages and peaks are of complete buckets only: the running one, and those that the range cuts,
are drawn and marked.  Before the first usage ever nothing is known, which is not zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analytics.buckets import Bucket, buckets, coarsened, fitted_grain
from analytics.captions import caption, footnotes, heading
from analytics.lines import empty_report, framed, total_delta
from analytics.measures import (
    Usage,
    gather,
    hours_of_day,
    round_half_even,
    span_of,
    total,
)
from analytics.numbers import count_text, credits_text
from analytics.query import Query
from analytics.report import (
    Column,
    Fact,
    Facts,
    Grain,
    Note,
    Report,
    Table,
    TimeBar,
    TimelineFigure,
)
from analytics.timerange import MONTH_NAMES, MONTHS, WEEKDAYS
from storage.errors import StorageError
from storage.reading import Hours
from storage.timekeys import date_of, day_number, to_micros

# How many buckets a moving average spans, and what it is called.
WINDOWS: Mapping[Grain, tuple[int, str]] = {
    "hour": (24, "24-hour average"),
    "day": (7, "7-day average"),
    "week": (4, "4-week average"),
    "month": (3, "3-month average"),
}
SHORTEST_WEEKDAYS = 7  # days of a range that may name its busiest weekdays


@dataclass(frozen=True, slots=True)
class Point:
    """A bucket with its usage; None before the first usage ever."""

    bucket: Bucket
    usage: Usage | None


def timeline(query: Query, grain: Grain | None) -> Report:
    """Credits for each bucket of the range, with average, peaks and busiest weekdays."""
    asked = grain or fitted_grain(query.range)
    shown = coarsened(asked, query.range)
    title = heading(f"Usage by {shown.title()}", query)
    days = gather(query, ("day",))
    if not days:
        return empty_report(title, query)
    points = _points(query, shown, days)
    whole = total(days)
    headline = _headline(points, shown, whole)
    return framed(
        query,
        title,
        headline,
        (
            *total_delta(query),
            _figure(query, shown, points, headline),
            Facts(tuple(_facts(query, shown, points, days))),
            _table(points),
            *_notes(query, asked, shown, points, whole),
            *footnotes(query, whole),
        ),
    )


def _points(query: Query, grain: Grain, days: Mapping[tuple[int, ...], Usage]) -> list[Point]:
    """Usage folded into buckets; hours are read on their own, all else from the days."""
    parts = buckets(query, grain)
    sums = days
    if grain == "hour":
        sums = gather(query, ("bucket",), span=Hours(parts[0].key, parts[-1].end))
    by_key = {key: usage for (key,), usage in sums.items()}
    oldest = query.reader.oldest
    return [
        Point(bucket, None if oldest is None or _is_before(query, bucket, grain) else usage)
        for bucket in parts
        for usage in [sum((by_key.get(k, Usage()) for k in range(bucket.key, bucket.end)), Usage())]
    ]


def _is_before(query: Query, bucket: Bucket, grain: Grain) -> bool:
    """Whether a bucket ends before the workspace's first usage."""
    clock, oldest = query.reader.clock, query.reader.oldest
    if oldest is None:
        return True
    first = clock.bucket(to_micros(oldest)) if grain == "hour" else clock.day(oldest)
    return bucket.end <= first


def _whole(points: Sequence[Point]) -> list[tuple[int, Usage]]:
    """Index and usage of the complete buckets that are known."""
    return [
        (index, point.usage)
        for index, point in enumerate(points)
        if point.usage is not None and point.bucket.whole
    ]


def _peak(points: Sequence[Point]) -> int | None:
    """Index of the largest complete bucket, the first where equal; None when all are zero."""
    known = _whole(points)
    if not known:
        return None
    index, usage = max(known, key=lambda pair: (pair[1].credits, -pair[0]))
    return index if usage.credits else None


def _average(points: Sequence[Point]) -> int | None:
    known = _whole(points)
    return round_half_even(sum(u.credits for _, u in known), len(known)) if known else None


def _headline(points: Sequence[Point], grain: Grain, whole: Usage) -> str:
    words = f"{credits_text(whole.credits)} credits"
    average, peak = _average(points), _peak(points)
    if average is not None and len(points) > 1:
        words += f", {credits_text(average)} {'an' if grain == 'hour' else 'a'} {grain}"
    if peak is not None and len(points) > 1:
        usage = points[peak].usage or Usage()
        words += f"; peak {_named(points[peak].bucket, grain)} ({credits_text(usage.credits)})"
    return words


def _named(bucket: Bucket, grain: Grain) -> str:
    """A bucket in a sentence: the number of a week says nothing without its row."""
    if grain != "week":
        return bucket.label
    return f"week of {bucket.start.day} {MONTH_NAMES[bucket.start.month - 1]}"


def _figure(query: Query, grain: Grain, points: Sequence[Point], headline: str) -> TimelineFigure:
    window, label = WINDOWS[grain]
    averages = _moving_averages(points, window)
    footer = caption(query)
    largest = sorted(_whole(points), key=lambda pair: (-pair[1].credits, pair[0]))[:3]
    named = ", ".join(f"{points[i].bucket.label} {credits_text(u.credits)}" for i, u in largest)
    return TimelineFigure(
        title=headline,
        subtitle=f"Credits by {grain}",
        footer=footer,
        alt=f"Bar chart over time. {headline}. {f'Largest: {named}. ' if named else ''}{footer}.",
        grain=grain,
        bars=tuple(
            TimeBar(
                point.bucket.start,
                point.bucket.label,
                point.usage.credits if point.usage else None,
                average,
                partial=not point.bucket.whole,
            )
            for point, average in zip(points, averages, strict=True)
        ),
        peak=_peak(points),
        average_label=label if any(a is not None for a in averages) else "",
    )


def _moving_averages(points: Sequence[Point], window: int) -> list[int | None]:
    """Mean of the last `window` buckets, None unless all of them are complete and known."""
    if len(points) <= window:
        return [None] * len(points)
    import pandas as pd  # noqa: PLC0415  # 300 ms that a short answer need not wait for

    values = [p.usage.credits if p.usage and p.bucket.whole else None for p in points]
    means = pd.Series(values, dtype="float64").rolling(window, min_periods=window).mean()
    return [None if pd.isna(mean) else round(mean) for mean in means]


def _table(points: Sequence[Point]) -> Table:
    known = [point.usage for point in points if point.usage is not None]
    whole = sum(known, Usage())
    return Table(
        columns=(
            Column("start", "From", "moment"),
            Column("label", "Bucket"),
            Column("prompts", "Prompts", "count"),
            Column("credits", "Credits", "credits"),
            Column("partial", "Complete"),
        ),
        rows=tuple(
            (
                point.bucket.start,
                point.bucket.label,
                point.usage.known_prompts if point.usage else None,
                point.usage.known_credits if point.usage else None,
                "yes" if point.bucket.whole else "partial",
            )
            for point in points
        ),
        total=(None, "Total", whole.known_prompts, whole.credits, None),
    )


# ---- facts


def _facts(
    query: Query, grain: Grain, points: Sequence[Point], days: Mapping[tuple[int, ...], Usage]
) -> list[Fact]:
    facts = []
    average = _average(points)
    if average is not None:
        facts.append(Fact("average", f"Average per {grain}", average, "credits"))
    complete = {
        key: usage.credits for (key,), usage in days.items() if date_of(key) != query.range.today
    }
    if complete and query.range.days > 1:
        key = min(complete, key=lambda k: (-complete[k], k))
        day = date_of(key)
        name = f"{MONTHS[day.month - 1].title()} {day.day}"
        facts.append(
            Fact("peak_day", "Peak Day", name, note=f"{credits_text(complete[key])} credits")
        )
    facts += _peak_hour(query)
    return facts + _busiest_weekdays(query, complete)


def _peak_hour(query: Query) -> list[Fact]:
    """The hour of day with the highest average over the complete days; none when not kept."""
    clock, span = query.reader.clock, span_of(query)
    end = day_number(query.range.complete().end)
    low, high = (clock.bucket(to_micros(clock.midnight(day))) for day in (span.first, end))
    try:
        sums = hours_of_day(query, Hours(low, high))
    except StorageError:  # a crossing that is only kept prompt by prompt: the rest still stands
        return []
    if not any(sums.values()):
        return []
    hour = min(sums, key=lambda h: (-sums[h], h))
    average = round_half_even(sums[hour], end - span.first)
    note = f"average {credits_text(average)} credits/hour"
    return [Fact("peak_hour", "Peak Hour", hour_text(hour), note=note)]


def hour_text(hour: int) -> str:
    """`2-3 PM`, `11 AM-12 PM`: an hour of the day as people say it."""
    names = [(h % 12 or 12, "AM" if h % 24 < 12 else "PM") for h in (hour, hour + 1)]
    (first, early), (last, late) = names
    return f"{first}-{last} {late}" if early == late else f"{first} {early}-{last} {late}"


def _busiest_weekdays(query: Query, complete: Mapping[int, int]) -> list[Fact]:
    """Up to three weekdays above the average day, in the order of the week."""
    whole = query.range.complete()
    if whole.days < SHORTEST_WEEKDAYS:
        return []
    sums, counts = [0] * 7, [0] * 7
    for key in range(day_number(whole.first), day_number(whole.end)):
        weekday = date_of(key).weekday()
        sums[weekday] += complete.get(key, 0)
        counts[weekday] += 1
    mean = sum(sums) / whole.days
    averages = {day: sums[day] / counts[day] for day in range(7)}
    above = sorted((d for d in averages if averages[d] > mean), key=lambda d: -averages[d])[:3]
    if not above:
        return []
    names = ", ".join(WEEKDAYS[day].title() for day in sorted(above))
    return [Fact("busiest_weekdays", "Most Active Days", names)]


def _notes(
    query: Query, asked: Grain, shown: Grain, points: Sequence[Point], whole: Usage
) -> list[Note]:
    notes = []
    if asked != shown:
        notes.append(
            Note(f"By {asked} would be too fine for {query.range.dates}: shown by {shown}.")
        )
    if any(not point.bucket.whole for point in points):
        notes.append(Note("Partial buckets are marked, and not in the average or the peak."))
    if shown == "hour":
        seen = sum((point.usage.events for point in points if point.usage), 0)
        if whole.events > seen:
            missing = count_text(whole.events - seen)
            notes.append(Note(f"{missing} usage rows know only their day and have no hour."))
    return notes
