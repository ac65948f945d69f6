"""The words around the numbers that every answer shares: period, caption, footnotes."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from analytics.measures import Costs, Usage
from analytics.numbers import count_text
from analytics.query import Query
from analytics.report import Note, Period
from analytics.text import clean
from analytics.timerange import MONTH_NAMES
from storage.timekeys import day_number

FilterName = Literal["model", "family", "person", "department", "project", "task"]
NAMED: tuple[FilterName, ...] = ("model", "family", "person", "department", "project", "task")


def period_of(query: Query) -> Period:
    """The period of a report: whole local days, cut at now when they still run."""
    clock, range_ = query.reader.clock, query.range
    end = clock.midnight(day_number(range_.end))
    return Period(
        start=clock.midnight(day_number(range_.first)),
        end=min(end, query.now.astimezone(clock.zone)) if range_.is_partial else end,
        zone=str(clock.zone),
        label=range_.label,
        partial=range_.is_partial,
    )


def caption(query: Query) -> str:
    """`1–30 Mar 2026 · Europe/Berlin · data to 30 Mar 14:05 · Growth`: a card's footer."""
    parts = [query.range.dates, str(query.reader.clock.zone)]
    newest = query.reader.newest
    if newest is not None:
        parts.append(f"data to {moment_text(newest)}")
    narrowed = filters_text(query)
    return " · ".join([*parts, *([narrowed] if narrowed else [])])


def moment_text(moment: datetime) -> str:
    """`30 Mar 14:05`."""
    return f"{moment.day} {MONTH_NAMES[moment.month - 1]} {moment:%H:%M}"


def filters_text(query: Query) -> str:
    """The chosen names, for people; empty without filters."""
    chosen: list[str] = list(query.filters.tier)
    for dimension in NAMED:
        if keys := getattr(query.filters, dimension):
            names = query.reader.names(dimension)
            chosen += [clean(names[key], 40) for key in keys]
    return ", ".join(chosen)


def heading(title: str, query: Query) -> str:
    """`Model Usage (Last 30 Days)`: the title of an answer with the asker's range."""
    label = query.range.label
    return f"{title} ({label.title() if label[:1].isalpha() else query.range.dates})"


def nothing_known(query: Query) -> tuple[str, Note]:
    """Headline and next step for a range without usage."""
    newest = query.reader.newest
    if newest is None:
        return (
            "No usage has come in yet.",
            Note("Bring some in with `creditbot import FILE`, then ask again.", "hint"),
        )
    if query.filters:
        return (
            f"No usage of {filters_text(query)} in {query.range.dates}.",
            Note("Leave a filter out, or ask for a longer range.", "hint"),
        )
    return (
        f"No usage in {query.range.dates}.",
        Note(f"The newest usage is of {moment_text(newest)} {newest.year}.", "hint"),
    )


def footnotes(query: Query, usage: Usage, costs: Costs | None = None) -> list[Note]:
    """What an honest reader must know about the sums: unknown parts, today, coverage of costs."""
    notes = []
    if usage.unpriced:
        notes.append(
            Note(
                f"{count_text(usage.unpriced)} of {count_text(usage.events)} usage rows have no "
                "price and are not in the credits."
            )
        )
    if usage.uncounted:
        notes.append(
            Note(
                f"{count_text(usage.uncounted)} usage rows do not say how many prompts they are; "
                "their credits are counted, their prompts are not."
            )
        )
    if query.range.is_partial:
        notes.append(Note("Today is partial and not in the change."))
    if costs is not None and costs.covered < usage.prompts:
        notes.append(
            Note(
                f"Cost is known for {count_text(costs.covered)} of {count_text(usage.prompts)} "
                "prompts."
            )
        )
    return notes
