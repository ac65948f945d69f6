"""Credits over time: bars, moving average, peak.

Averages and peaks are of complete buckets only: the running one, and those that the range or the
first usage ever cuts, are drawn and marked.  Before that first usage nothing is known, which is
not zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from analytics.buckets import Bucket, buckets, coarsened, fitted_grain, named
from analytics.captions import caption, footnotes, heading
from analytics.drill import MOST, address
from analytics.figures import (
    Grain,
    TimeBar,
    TimelineFigure,
)
from analytics.lines import empty_report, framed, read_changes, spent_text
from analytics.measures import Usage, gather, total
from analytics.numbers import credits_text, round_half_even
from analytics.query import Query
from analytics.report import (
    Actions,
    Button,
    Column,
    Facts,
    Note,
    Report,
    Row,
    Table,
)
from analytics.rhythm import average_fact, busiest_weekdays, peak_day, peak_hour
from storage.reading import Hours
from storage.timekeys import date_of, to_micros

# How many buckets a moving average spans, and what it is called.
WINDOWS: Mapping[Grain, tuple[int, str]] = {
    "hour": (24, "24-hour average"),
    "day": (7, "7-day average"),
    "week": (4, "4-week average"),
    "month": (3, "3-month average"),
}


@dataclass(frozen=True, slots=True)
class Point:
    """A bucket with its usage; None before the first usage ever."""

    bucket: Bucket
    usage: Usage | None

    @property
    def credits(self) -> int | None:
        """Its micro-credits; None where they are not known."""
        return None if self.usage is None else self.usage.known_credits


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
    facts = [*average_fact(_average(points), shown), *peak_day(query, days), *peak_hour(query)]
    facts += busiest_weekdays(query, days)
    return framed(
        query,
        title,
        headline,
        (
            *read_changes(query, "model").note(),
            _figure(query, shown, points, headline),
            *((Facts(tuple(facts)),) if facts else ()),
            _table(points, _without_hour(points, whole) if shown == "hour" else None),
            *_notes(query, asked, shown, points, whole),
            *footnotes(query, whole),
            *_closer(query, shown, points),
        ),
    )


def _closer(query: Query, grain: Grain, points: Sequence[Point]) -> tuple[Actions, ...]:
    """The largest buckets in finer ones, one click away."""
    if grain == "hour":
        return ()
    inner: Grain = "hour" if grain == "day" else "day"
    largest = sorted(points, key=lambda point: (-(point.credits or 0), point.bucket.key))
    found = []
    for point in (point for point in largest[:MOST] if point.credits):
        days = (date_of(point.bucket.key), date_of(point.bucket.end - 1))
        words = ".".join(dict.fromkeys(map(str, days))).replace(".", "..")
        line = address(query, "timeline", words, inner)
        name = named(point.bucket, grain)
        if line:
            found.append(Button(f"{inner.title()}s: {name[0].upper()}{name[1:]}", line))
    return (Actions(tuple(found)),) if found else ()


def _points(query: Query, grain: Grain, days: Mapping[tuple[int, ...], Usage]) -> list[Point]:
    """Usage folded into buckets; hours are read on their own, all else from the days."""
    parts = buckets(query, grain)
    sums = days
    if grain == "hour":
        sums = gather(query, ("bucket",), span=Hours(parts[0].key, parts[-1].end))
    by_key = {key: usage for (key,), usage in sums.items()}
    first = _first_known(query, grain)
    return [_point(bucket, by_key, first) for bucket in parts]


def _first_known(query: Query, grain: Grain) -> int:
    """The hour or day of the first usage ever."""
    clock, oldest = query.reader.clock, query.reader.oldest
    if oldest is None:
        return 0
    return clock.bucket(to_micros(oldest)) if grain == "hour" else clock.day(oldest)


def _point(bucket: Bucket, by_key: Mapping[int, Usage], first: int) -> Point:
    if bucket.end <= first:
        return Point(bucket, None)
    usage = sum((by_key.get(key, Usage()) for key in range(bucket.key, bucket.end)), Usage())
    return Point(replace(bucket, whole=bucket.whole and bucket.key >= first), usage)


def _whole(points: Sequence[Point]) -> list[tuple[int, int]]:
    """Index and micro-credits of the complete buckets that are known."""
    return [
        (index, point.credits)
        for index, point in enumerate(points)
        if point.credits is not None and point.bucket.whole
    ]


def _peak(points: Sequence[Point]) -> tuple[int, int] | None:
    """Index and micro-credits of the largest complete bucket; None when all are zero."""
    known = _whole(points)
    index, credits = max(known, key=lambda pair: (pair[1], -pair[0]), default=(0, 0))
    return (index, credits) if credits else None


def _average(points: Sequence[Point]) -> int | None:
    known = _whole(points)
    return round_half_even(sum(credits for _, credits in known), len(known)) if known else None


def _headline(points: Sequence[Point], grain: Grain, whole: Usage) -> str:
    words = spent_text(whole)
    average, peak = _average(points), _peak(points)
    if len(points) < 2 or whole.known_credits is None:
        return words
    if average is not None:
        words += f", {credits_text(average)} {'an' if grain == 'hour' else 'a'} {grain}"
    if peak is not None:
        words += f"; peak {named(points[peak[0]].bucket, grain)} ({credits_text(peak[1])})"
    return words


def _figure(query: Query, grain: Grain, points: Sequence[Point], headline: str) -> TimelineFigure:
    window, label = WINDOWS[grain]
    averages, peak = _moving_averages(points, window), _peak(points)
    footer = caption(query)
    largest = sorted(_whole(points), key=lambda pair: (-pair[1], pair[0]))[:3]
    named = ", ".join(f"{points[i].bucket.label} {credits_text(c)}" for i, c in largest)
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
                point.credits,
                average,
                partial=not point.bucket.whole,
            )
            for point, average in zip(points, averages, strict=True)
        ),
        peak=peak[0] if peak else None,
        average_label=label if any(a is not None for a in averages) else "",
    )


def _moving_averages(points: Sequence[Point], window: int) -> list[int | None]:
    """Mean of the last `window` buckets, None unless all of them are complete and known."""
    values = [point.credits if point.bucket.whole else None for point in points]
    found: list[int | None] = []
    for end in range(1, len(values) + 1):
        last = [value for value in values[max(end - window, 0) : end] if value is not None]
        is_known = len(last) == window < len(values)
        found.append(round_half_even(sum(last), window) if is_known else None)
    return found


def _without_hour(points: Sequence[Point], whole: Usage) -> Usage | None:
    """Usage of rows that know only their day; None when every row has its hour."""
    seen = sum((point.usage for point in points if point.usage), Usage())
    rest = whole - seen
    return rest if rest.events else None


def _table(points: Sequence[Point], dayless: Usage | None) -> Table:
    rows: list[Row] = [
        (
            point.bucket.start,
            point.bucket.label,
            point.usage.known_prompts if point.usage else None,
            point.credits,
            "yes" if point.bucket.whole and point.usage else "no",
        )
        for point in points
    ]
    if dayless is not None:
        rows.append((None, "No hour", dayless.known_prompts, dayless.known_credits, "no"))
    known = [*(point.usage for point in points if point.usage), *([dayless] if dayless else [])]
    whole = sum(known, Usage())
    return Table(
        columns=(
            Column("start", "From", "moment"),
            Column("label", "Bucket"),
            Column("prompts", "Prompts", "count"),
            Column("credits", "Credits", "credits"),
            Column("complete", "Complete"),
        ),
        rows=tuple(rows),
        total=(None, "Total", whole.known_prompts, whole.known_credits, None),
    )


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
    if query.reader.hours_clock is not query.reader.clock:
        notes.append(Note(f"Hours are those of {query.reader.hours_clock.zone}, as you prefer."))
    dayless = _without_hour(points, whole) if shown == "hour" else None
    if dayless is not None:
        notes.append(
            Note(
                f"{spent_text(dayless)} of rows that know only their day have no hour: in the "
                "total, not in the bars or the average."
            )
        )
    return notes
