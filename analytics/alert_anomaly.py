"""What is told of a day of unusual spend: how much, against what, and who or what carries it.

Never a cause.  A person is named only to who may see people's rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, get_args

from analytics.alert_facts import Told, as_number, on_day, post
from analytics.anomaly import (
    BASE_DAYS,
    Carrier,
    Kind,
    Part,
    Verdict,
    carrier,
    carrier_text,
    unusual_text,
)
from analytics.figures import TimeBar, TimelineFigure
from analytics.lines import framed
from analytics.numbers import credits_text
from analytics.report import Block, Button, Fact, Facts, Note, Report
from analytics.stretches import DAY
from analytics.text import clean
from analytics.timerange import MONTH_NAMES
from storage.reading import DIMENSIONS
from storage.timekeys import day_number

TITLE = "Unusual spend"
INFINITE = 1e9  # stands for a z that is infinite: JSON knows no infinity


def freeze_verdict(
    verdict: Verdict, day: date, parts: Sequence[Part], days: Sequence[int]
) -> dict[str, Any]:
    """The facts of an unusual day: `days` are the micro-credits of the 28 days before and its own.

    Of each kind the part with the largest rise is kept by its id: names are for who may see them.
    """
    largest = {
        kind: max((part for part in parts if part.kind == kind), key=lambda part: part.rise)
        for kind in {part.kind for part in parts}
    }
    return {
        "day": str(day),
        "total": verdict.total,
        "mean": verdict.mean,
        "usual": verdict.usual,
        "z": min(verdict.z, INFINITE),
        "excess": verdict.excess,
        "parts": {kind: [one.key, one.total, one.before] for kind, one in largest.items()},
        "days": list(days),
    }


def anomaly_report(told: Told) -> Report:
    """`Spend is unusual: 4,210 credits on Tuesday 24 March, 3.1 times the usual Tuesday`."""
    verdict, day = verdict_of(told), told.day_of("day")
    if verdict is None or day is None:
        return post(told, Report(TITLE, "Spend is unusual", ()))
    headline = unusual_text(verdict, day)
    found = carrier(verdict, list(_parts(told)))
    blocks: list[Block] = [
        *([Note(carrier_text(found), "delta")] if found else []),
        *_figure(told, day, headline),
        Facts(tuple(_facts(verdict))),
        Note(f"Usual is the mean of the {BASE_DAYS} days before, for that weekday."),
    ]
    body = framed(on_day(told.query, day), TITLE, headline, tuple(blocks))
    return post(told, body, list(_buttons(day, found)))


def verdict_of(told: Told) -> Verdict | None:
    """The verdict that was frozen; None where it is not whole."""
    total, mean, usual = told.number_of("total"), told.share_of("mean"), told.share_of("usual")
    z, excess = told.share_of("z"), told.share_of("excess")
    if total is None or not mean or not usual or z is None or excess is None:
        return None
    return Verdict(0, total, mean, usual, z, excess, is_alert=True)


def _parts(told: Told) -> Iterator[Part]:
    """The parts that may be named to who is told."""
    frozen = told.part_of("parts")
    for kind in get_args(Kind):
        numbers = frozen.get(kind)
        if not isinstance(numbers, list) or len(numbers) != 3 or kind not in DIMENSIONS:
            continue
        key, total, before = map(as_number, numbers)
        allowed = {"person": told.people, "project": told.projects}.get(kind)
        name = told.query.reader.names(DIMENSIONS[kind]).get(key or 0)
        if key is None or total is None or before is None or not name:
            continue
        if allowed is None or key in allowed:
            yield Part(kind, key, clean(name), total, before)


def _facts(verdict: Verdict) -> Iterator[Fact]:
    yield Fact("credits", "That day", verdict.total, "credits")
    yield Fact("usual", "Usual", round(verdict.usual), "credits")
    yield Fact("factor", "Times the usual", verdict.factor, "factor")


def _figure(told: Told, day: date, headline: str) -> Iterator[TimelineFigure]:
    """The days before and the day itself."""
    days = [one for one in told.facts.get("days", ()) if isinstance(one, int)]
    if len(days) < 2:
        return
    first, midnight = day - (len(days) - 1) * DAY, told.query.reader.clock.midnight
    dates = [first + at * DAY for at in range(len(days))]
    bars = tuple(
        TimeBar(midnight(day_number(one)), f"{one.day} {MONTH_NAMES[one.month - 1]}", credits)
        for one, credits in zip(dates, days, strict=True)
    )
    footer = f"{_named(first)} – {_named(day)} {day.year} · {told.query.reader.clock.zone}"
    peak = max(range(len(days)), key=days.__getitem__)
    yield TimelineFigure(
        title=headline.partition(", ")[0],
        subtitle=f"Credits a day; {credits_text(days[-1])} on the last one",
        footer=footer,
        alt=f"Bar chart. {headline} {footer}.",
        grain="day",
        bars=bars,
        peak=peak,
    )


def _named(day: date) -> str:
    return f"{day.day} {MONTH_NAMES[day.month - 1]}"


def _buttons(day: date, found: Carrier | None) -> Iterator[Button]:
    yield Button("Who used most", f"by-user {day}")
    yield Button("By model", f"by-model {day}")
    if found is not None and found.part.kind == "project":
        yield Button("By project", f"timeline {day - BASE_DAYS * DAY}..{day} by day")


def anomaly_resolved(told: Told) -> str:
    """What would be said if a day could stop being unusual; corrections may take it away."""
    day = told.day_of("day")
    when = f"{_named(day)} is" if day else "That day is"
    return f"{when} not unusual any more: its usage was corrected."
