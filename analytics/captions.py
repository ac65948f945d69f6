"""The words around the numbers that every answer shares: period, caption, footnotes."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from analytics.measures import Costs, Usage
from analytics.numbers import count_text, counted
from analytics.query import Query
from analytics.report import (
    Note,
    Period,
)
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
    dates = query.range.dates + (", so far" if query.range.is_partial else "")
    parts = [dates, str(query.reader.clock.zone)]
    newest = data_to(query)
    if newest is not None:
        parts.append(f"data to {moment_text(newest)}")
    narrowed = filters_text(query)
    return " · ".join([*parts, *([narrowed] if narrowed else [])])


def data_to(query: Query) -> datetime | None:
    """Time of the newest usage that an answer can know; None in an empty workspace."""
    newest = query.reader.newest
    return None if newest is None else min(newest, query.now.astimezone(newest.tzinfo))


def moment_text(moment: datetime) -> str:
    """`30 Mar 14:05`."""
    return f"{moment.day} {MONTH_NAMES[moment.month - 1]} {moment:%H:%M}"


def newest_text(newest: datetime) -> str:
    """`The newest usage is of 30 Mar 2026 14:05`, as a sentence."""
    day = f"{newest.day} {MONTH_NAMES[newest.month - 1]} {newest.year}"
    return f"The newest usage is of {day} {newest:%H:%M}."


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
    on = f"{'on' if query.range.days == 1 else 'in'} {query.range.dates}"
    if query.filters:
        return (
            f"No usage of {filters_text(query)} {on}.",
            Note("Leave a filter out, or ask for a longer range.", "hint"),
        )
    return (
        f"No usage {on}.",
        Note(newest_text(newest), "hint"),
    )


def footnotes(query: Query, usage: Usage, costs: Costs | None = None) -> list[Note]:
    """What an honest reader must know about the sums: unknown parts, today, coverage of costs."""
    notes = []
    if usage.unpriced:
        notes.append(
            Note(
                f"{count_text(usage.unpriced)} of {counted(usage.events, 'usage row')} without a "
                "price: not in the credits."
            )
        )
    if usage.uncounted:
        notes.append(
            Note(
                f"{counted(usage.uncounted, 'usage row')} without a number of prompts: not in "
                "the prompts."
            )
        )
    if query.range.is_partial and query.range.days > 1:
        notes.append(Note("Today is partial and not in the change."))
    if costs is not None and costs.is_mixed:
        notes.append(Note("Costs are in several currencies and are not added up."))
    elif costs is not None and costs.covered < usage.prompts:
        notes.append(
            Note(
                f"Cost is known for {count_text(costs.covered)} of "
                f"{counted(usage.prompts, 'prompt')}."
            )
        )
    return notes
