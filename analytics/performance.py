"""Response times: how long people wait, for which model, at which hours, and how often it works.

Averages are exact sums, p50 and p95 come from bins.  Only what rests on 30 prompts is called
fastest or slowest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from analytics.captions import caption, heading
from analytics.drill import address
from analytics.figures import Figure, LatencyFigure, LatencyRow, LineFigure, Series
from analytics.hours import Clocked, clocked, fastest_hours
from analytics.lines import empty_report, framed
from analytics.measures import comparison
from analytics.numbers import change_of, change_text, count_text, counted, duration_text
from analytics.outcomes import (
    FEWEST_PROMPTS,
    Outcome,
    all_of,
    first_token_ms,
    gather_outcomes,
    gather_speeds,
    tokens_a_second,
)
from analytics.query import Query
from analytics.report import Actions, Button, Column, Fact, Facts, Note, Report, Row, Table
from analytics.timings import PEOPLE_DAYS, Split, Timing, timings

TITLE = "Prompt Response Times"
MOST_BARS = 12  # rows of a picture, as many as read well; the table has them all
LEAST_BARS = 2  # the fastest and the slowest, which the title tells
NO_TIMES = Note(
    "Gateways tell response times (LiteLLM), and events with `latency_ms`; bills do not.", "hint"
)


def performance(query: Query, by: Split, limit: int) -> Report:
    """Average, p50, p95 and success of all prompts and of each model, person, hour or day."""
    title = heading(TITLE, query)
    models = gather_outcomes(query, ("model",))
    if not models:
        return empty_report(title, query)
    whole, hours = all_of(models.values()), clocked(query)
    rows = timings(query, by, models, hours, limit)
    # What is said of models is said of all, as digests do, though the table shows the busiest.
    is_cut = by == "model" and any(not row.is_single for row in rows)
    every = timings(query, by, models, hours, len(models)) if is_cut else rows
    speed = gather_speeds(query, ()).get(())
    together = Timing(0, "All", whole, hours.spread, speed)
    facts = [
        *_spread_facts(whole, hours),
        Fact("success_rate", "Success", whole.success, "rate", _of_known(whole)),
        Fact("ttft_ms", "First token", first_token_ms(speed), "duration"),
        Fact("tokens_per_second", "Output tokens", tokens_a_second(speed), "speed"),
        *hours.class_facts(query),
        *fastest_hours(hours),
    ]
    known = tuple(fact for fact in facts if fact.value is not None)
    headline = _headline(by, whole, every)
    said = _said(by, whole, every, short=True)
    title_ = said[0].upper() + said[1:]
    figure = _figure(query, by, every, title_, most=limit) if whole.lat_n else None
    return framed(
        query,
        title,
        headline,
        (
            *_change(query, whole),
            *((figure,) if figure else ()),
            *((Facts(known),) if known else ()),
            _table(by, rows, together),
            *_notes(query, by, rows, whole, hours),
            *_further(query, by),
        ),
    )


def _further(query: Query, by: Split) -> tuple[Actions, ...]:
    """The same range split otherwise."""
    titles: Mapping[Split, str] = {
        "model": "By model",
        "person": "By person",
        "hour": "By hour",
        "day": "Over time",
    }
    lines = {
        title: address(query, "performance", query.range.words, split)
        for split, title in titles.items()
        if split != by
    }
    buttons = tuple(Button(title, line) for title, line in lines.items() if line)
    return (Actions(buttons),) if buttons else ()


# Nobody is slow: people wait.
_ENDS: Mapping[str, tuple[str, str]] = {"person": ("shortest for ", "longest for ")}


def _said(by: Split, whole: Outcome, rows: Sequence[Timing], *, short: bool = False) -> str:
    """`average 2.3 s; fastest Claude 3 Haiku (0.8 s avg), slowest o3 mini (4.1 s avg)`.

    In short the averages of the two are left out.
    """
    words = f"average {duration_text(whole.average_ms or 0)}"
    ranked = sorted(
        (row.average_ms, row.said or row.name)
        for row in rows
        if row.average_ms is not None and row.outcome.lat_n >= FEWEST_PROMPTS and row.is_single
    )
    if len(ranked) < 2:
        return words
    named = [name if short else f"{name} ({duration_text(ms)} avg)" for ms, name in ranked]
    quick, late = _ENDS.get(by, ("fastest ", "slowest "))
    return f"{words}; {quick}{named[0]}, {late}{named[-1]}"


def _ends(rows: Sequence[Timing]) -> set[str]:
    """The rows with the least and the greatest average, as a title tells them."""
    ranked = sorted(
        (row.average_ms, row.said or row.name, row.name)
        for row in rows
        if row.average_ms is not None and row.outcome.lat_n >= FEWEST_PROMPTS and row.is_single
    )
    return {name for _, _, name in (*ranked[:1], *ranked[-1:])}


def _headline(by: Split, whole: Outcome, rows: Sequence[Timing]) -> str:
    """The mission's `Prompt Response Times: average 2.3 s; fastest ...`."""
    if not whole.lat_n:
        return f"{TITLE}: none known of {counted(whole.usage.prompts, 'prompt')}"
    return f"{TITLE}: {_said(by, whole, rows)}"


def _of_known(whole: Outcome) -> str:
    return f"of {counted(whole.ok_n, 'known outcome')}"


def _spread_facts(whole: Outcome, hours: Clocked) -> list[Fact]:
    spread = hours.spread
    timed = f"of {counted(whole.lat_n, 'timed prompt')}"
    facts = [Fact("avg_ms", "Average", whole.average_ms, "duration", timed)]
    if spread is not None:
        facts += [
            Fact("p50_ms", "Typical (p50)", spread.p50, "duration"),
            Fact("p95_ms", "Slow (p95)", spread.p95, "duration"),
        ]
    return facts


def _change(query: Query, whole: Outcome) -> tuple[Note, ...]:
    """`▲ 4% on the 29 days before (2.2 s).`: the average beside that of the time before."""
    compared = comparison(query) if whole.lat_n else None
    if compared is None:
        return ()
    now, before = (
        all_of(gather_outcomes(query, ("model",), span=side).values())
        for side in (compared.now, compared.before)
    )
    if now.average_ms is None or before.average_ms is None:
        return ()
    change = change_text(change_of(round(now.average_ms), round(before.average_ms)))
    words = f"Average {change} on {compared.words} ({duration_text(before.average_ms)})"
    if now.success is None or before.success is None:
        return (Note(f"{words}.", "delta"),)
    step = round(100 * (now.success - before.success), 1)
    success = f"; success {'+' if step > 0 else '−'}{abs(step)} points" if step else ""
    return (Note(f"{words}{success}.", "delta"),)


_MODEL = (
    Column("avg_ms", "Average", "duration"),
    Column("p50_ms", "p50", "duration"),
    Column("p95_ms", "p95", "duration"),
)
_SPEED = (
    Column("ttft_ms", "First token", "duration"),
    Column("tokens_per_second", "Tokens", "speed"),
)
_KNOWN = (Column("success_rate", "Success", "rate"), Column("n", "Timed", "count"))
_FIRST = {
    "model": Column("model", "Model"),
    "person": Column("person", "Person"),
    "hour": Column("hour", "Hour"),
    "day": Column("label", "Time"),
}


# Speeds are kept by model; of an hour of the day only sums are.
_LEFT_OUT: Mapping[Split, frozenset[str]] = {
    "model": frozenset(),
    "person": frozenset({"ttft_ms", "tokens_per_second"}),
    "day": frozenset({"ttft_ms", "tokens_per_second"}),
    "hour": frozenset({"p50_ms", "p95_ms", "ttft_ms", "tokens_per_second", "success_rate"}),
}


def _table(by: Split, rows: Sequence[Timing], together: Timing) -> Table:
    columns: tuple[Column, ...] = (_FIRST[by], *_MODEL, *_SPEED, *_KNOWN)
    shown = [at for at, column in enumerate(columns) if column.key not in _LEFT_OUT[by]]
    if by == "hour":  # what knows only its day has no hour
        together = replace(together, outcome=all_of(row.outcome for row in rows))
    cells = [tuple(_cells(row)[at] for at in shown) for row in (*rows, together)]
    return Table(
        columns=tuple(columns[at] for at in shown),
        rows=tuple(cells[:-1]),
        total=cells[-1],
        others=len(rows) - 1 if rows and not rows[-1].is_single else None,
    )


def _cells(row: Timing) -> Row:
    outcome, spread = row.outcome, row.spread
    return (
        row.name,
        outcome.average_ms,
        spread.p50 if spread else None,
        spread.p95 if spread else None,
        first_token_ms(row.speed),
        tokens_a_second(row.speed),
        outcome.success,
        outcome.lat_n,
    )


def _figure(
    query: Query, by: Split, rows: Sequence[Timing], title: str, *, most: int
) -> Figure | None:
    footer = caption(query)
    known = [row for row in rows if row.is_single]
    if by in ("hour", "day"):
        return _lines(by, known, title, footer) if len(known) > 1 else None
    return latency_figure(query, title, known, by, most=max(most, LEAST_BARS))


def latency_figure(
    query: Query, title: str, rows: Sequence[Timing], by: Split, *, most: int = MOST_BARS
) -> LatencyFigure | None:
    """Typical and slow response times, the fastest first; None of none.

    Of many the busiest are shown, and those whose averages the title tells.
    """
    timed = [(row, row.spread) for row in rows if row.spread is not None]
    if not timed:
        return None
    footer = caption(query)
    ends = _ends(rows)
    ranked = sorted(timed, key=lambda pair: (pair[0].name not in ends, -pair[1].n, pair[0].name))
    bars = sorted(
        (
            LatencyRow(row.name, spread.p50, spread.p95, spread.n, spread.n < FEWEST_PROMPTS)
            for row, spread in ranked[: min(most, MOST_BARS)]
        ),
        key=lambda bar: (bar.p50_ms, bar.name),
    )
    some = f" of {len(bars)} {by}s: the busiest, the fastest and the slowest"
    many = some if len(bars) < len(timed) else f" by {by}"
    named = ", ".join(f"{bar.name} {duration_text(bar.p50_ms)}" for bar in bars[:3])
    return LatencyFigure(
        title=title,
        subtitle=f"Response time{many}",
        footer=footer,
        alt=f"Dot chart of response times. {title}. Typical: {named}. {footer}.",
        rows=tuple(bars),
    )


def _lines(by: Split, rows: Sequence[Timing], title: str, footer: str) -> LineFigure | None:
    """Seconds over the hours of a day or over time."""
    # An hour of few prompts would be the peak of a picture whose title may not name it.
    told = [by == "day" or row.outcome.lat_n >= FEWEST_PROMPTS for row in rows]
    averages = [
        row.average_ms if is_told else None for row, is_told in zip(rows, told, strict=True)
    ]
    pairs = zip(averages, rows, strict=True)
    slowest = sorted(((ms, row.name) for ms, row in pairs if ms is not None), reverse=True)
    if len(slowest) < 2:
        return None
    named = ", ".join(f"{name} {duration_text(ms)}" for ms, name in slowest[:3])
    series = [Series("Average", tuple(map(_seconds, averages)))]
    if by == "day":
        spreads = [row.spread for row in rows]
        series += [
            Series("Typical (p50)", tuple(_seconds(s.p50 if s else None) for s in spreads)),
            Series("Slow (p95)", tuple(_seconds(s.p95 if s else None) for s in spreads)),
        ]
    over = "over time" if by == "day" else "by hour of the day"
    few = "" if all(told) else f"; hours of {FEWEST_PROMPTS} prompts or more"
    return LineFigure(
        title=title,
        subtitle=f"Response time {over}, seconds{few}",
        footer=footer,
        alt=f"Line chart of response times {over}. {title}. Slowest: {named}. {footer}.",
        labels=tuple(row.name for row in rows),
        series=tuple(series),
        unit="seconds",
    )


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1000


def _notes(
    query: Query, by: Split, rows: Sequence[Timing], whole: Outcome, hours: Clocked
) -> list[Note]:
    notes = []
    if not whole.lat_n:
        return [NO_TIMES]
    if whole.lat_n < whole.usage.prompts:
        notes.append(
            Note(
                f"Response times are known for {count_text(whole.lat_n)} of "
                f"{counted(whole.usage.prompts, 'prompt')}."
            )
        )
    if by == "person" and query.range.days > PEOPLE_DAYS:
        notes.append(Note(f"p50 and p95 of people are told for up to {PEOPLE_DAYS} days."))
    elif hours.spread is None:
        notes.append(Note("p50, p95 and hours with these filters are told for up to 31 days."))
    if any(row.spread and row.spread.p95 is None for row in rows):
        notes.append(Note("Under 20 values there is no p95."))
    if query.range.is_partial and query.range.days > 1:
        notes.append(Note("Today is partial and not in the change."))
    return notes
