"""What is told of a day of unusual spend: how much, against what, and who or what carries it.

Never a cause.  A person is named only to who may see people's rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from analytics.alert_facts import Told, as_number, on_day, post
from analytics.anomaly import (
    BASE_DAYS,
    Kind,
    Part,
    Verdict,
    carrier_text,
    unusual_text,
)
from analytics.breakdown import WORDS
from analytics.by_person import UNATTRIBUTED
from analytics.figures import TimeBar, TimelineFigure
from analytics.lines import REST, framed
from analytics.numbers import credits_text
from analytics.report import Block, Button, Fact, Facts, Note, Report
from analytics.rises import KINDS, Rise, also_text, carriers, frozen, rise_table, rises
from analytics.stretches import DAY
from analytics.timerange import MONTH_NAMES
from storage.source_days import source_names
from storage.timekeys import day_number

TITLE = "Unusual spend"
NOBODY: Mapping[Kind, str] = {
    "person": UNATTRIBUTED,
    "task": WORDS["task"].none,
    "project": WORDS["project"].none,
}
INFINITE = 1e9  # stands for a z that is infinite: JSON knows no infinity


def freeze_verdict(
    verdict: Verdict, day: date, parts: Sequence[Part], days: Sequence[int]
) -> dict[str, Any]:
    """The facts of an unusual day: `days` are the micro-credits of the 28 days before and its own.

    The parts with the largest rises are kept by their ids: names are for who may see them.
    """
    return {
        "day": str(day),
        "total": verdict.total,
        "mean": verdict.mean,
        "usual": verdict.usual,
        "z": min(verdict.z, INFINITE),
        "excess": verdict.excess,
        "parts": frozen(parts),
        "days": list(days),
    }


def anomaly_report(told: Told) -> Report:
    """`Spend is unusual: 4,210 credits on Tuesday 24 March, 3.1 times the usual Tuesday`."""
    verdict, day = verdict_of(told), told.day_of("day")
    if verdict is None or day is None:
        return post(told, Report(TITLE, "Spend is unusual", ()))
    headline = unusual_text(verdict, day)
    kinds = {kind: rows for kind in KINDS if (rows := _rises(told, verdict, kind))}
    found = list(carriers(kinds))
    blocks: list[Block] = [
        *(Note(carrier_text(one), "delta") for _, one in found[:1]),
        *(Note(words, "delta") for words in [also_text(found[1:])] if words),
        *_figure(told, day, headline),
        Facts(tuple(_facts(verdict))),
        *([rise_table(kinds)] if kinds else []),
        Note(f"Usual is the mean of the {BASE_DAYS} days before, for that weekday."),
    ]
    body = framed(on_day(told.query, day), TITLE, headline, tuple(blocks))
    return post(told, body, list(_buttons(day, [kind for kind, _ in found[:1]])))


def verdict_of(told: Told) -> Verdict | None:
    """The verdict that was frozen; None where it is not whole."""
    total, mean, usual = told.number_of("total"), told.share_of("mean"), told.share_of("usual")
    z, excess = told.share_of("z"), told.share_of("excess")
    if total is None or not mean or not usual or z is None or excess is None:
        return None
    return Verdict(0, total, mean, usual, z, excess, is_alert=True)


def _rises(told: Told, verdict: Verdict, kind: Kind) -> list[Rise]:
    """The rows of a kind as who is told may see them; none where it tells nothing apart."""
    kept = told.part_of("parts").get(kind)
    if not isinstance(kept, list) or not kept:
        return []
    single = isinstance(kept[0], int)  # as an older version kept them
    rows = [[as_number(one) or 0 for one in row] for row in ([kept] if single else kept)]
    if any(len(row) != 3 for row in rows):
        return []
    rest = verdict.total - sum(row[1] for row in rows), _before(verdict) - sum(r[2] for r in rows)
    if any(rest):
        rows.append([REST, *rest])
    names = _names(told, kind)
    allowed = {"person": told.people, "project": told.projects, "task": told.tasks}.get(kind)
    hidden = () if allowed is None else [key for key, *_ in rows if key not in allowed]
    found = rises(rows, names, hidden)
    is_told = any(one.key > 0 for one in found) and (kind != "source" or len(found) > 1)
    return found if is_told else []


def _before(verdict: Verdict) -> int:
    """The micro-credits of the 28 days before."""
    return round(verdict.mean * BASE_DAYS)


def _names(told: Told, kind: Kind) -> Mapping[int, str]:
    reader = told.query.reader
    if kind == "source":
        return source_names(reader.connection, reader.workspace.id)
    return {0: NOBODY[kind], **reader.names(kind)} if kind in NOBODY else reader.names(kind)


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


def _buttons(day: date, kinds: Sequence[Kind]) -> Iterator[Button]:
    yield Button("Who used most", f"by-user {day}")
    yield Button("By model", f"by-model {day}")
    if "task" in kinds:
        yield Button("By task", f"by-task {day}")
    if "project" in kinds:
        yield Button("By project", f"timeline {day - BASE_DAYS * DAY}..{day} by day")


def anomaly_resolved(told: Told) -> str:
    """What is said when usage was taken back, or came late to the days before."""
    day = told.day_of("day")
    when = f"{_named(day)} is" if day else "That day is"
    return f"{when} not unusual any more: usage was corrected or came late."
