"""The words around the numbers that every answer shares: period, caption, footnotes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

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
MOMENT: Final = timedelta(microseconds=1)
LONG: Final = timedelta(hours=26)  # longer than any single day


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
        parts.append(freshness_text(newest, period_of(query), query.now))
    narrowed = filters_text(query)
    return " · ".join([*parts, *([narrowed] if narrowed else [])])


def data_to(query: Query) -> datetime | None:
    """Up to when an answer can know usage; None in an empty workspace.

    The time of the newest usage; where that is about a whole day, the end of it once it is over.
    """
    newest, clock = query.reader.newest, query.reader.clock
    if query.newest is not None:
        return query.newest.astimezone(clock.zone)
    if newest is None:
        return None
    now = query.now.astimezone(newest.tzinfo)
    over = clock.midnight(clock.day(newest) + 1)
    return over if query.reader.newest_is_day and over <= now else min(newest, now)


def freshness_text(newest: datetime, period: Period | None, now: datetime | None) -> str:
    """Up to when there are data, as its reader needs it.

    `data to 30 Mar 14:05`; of a period that is over `data until 29 Mar 23:58:12`, where seconds may
    say whether something is missing, `data until 08:59:40` of a single day, and `data until 29 Mar,
    whole day` where nothing is.  A year stands only where another one is meant.
    """
    zone = newest.tzinfo if period is None else ZoneInfo(period.zone)
    is_over = period is not None and not period.partial and newest <= period.end
    end = period.end if period is not None and is_over else None
    shown, beside = newest.astimezone(zone), now
    if is_whole := newest == end or shown.time() == time():
        shown = (newest.astimezone(UTC) - MOMENT).astimezone(zone)  # the day that is whole
    if end is not None:
        beside = end - MOMENT
    named = f"{shown.day} {MONTH_NAMES[shown.month - 1]}"
    if beside is None or beside.astimezone(zone).year != shown.year:
        named = f"{named} {shown.year}"
    word = "to" if end is None else "until"
    if is_whole:
        return f"data {word} {named}, whole day"
    if period is None or end is None:
        return f"data {word} {named} {shown:%H:%M}"
    clock = f"{shown:%H:%M:%S}" if shown.second else f"{shown:%H:%M}"
    is_single = period.start.astimezone(zone).date() == shown.date() and end - period.start < LONG
    return f"data {word} {clock}" if is_single else f"data {word} {named} {clock}"


def moment_text(moment: datetime) -> str:
    """`30 Mar 14:05`."""
    return f"{moment.day} {MONTH_NAMES[moment.month - 1]} {moment:%H:%M}"


def newest_text(newest: datetime) -> str:
    """`The newest usage is of 30 Mar 2026 14:05`, as a sentence."""
    day = f"{newest.day} {MONTH_NAMES[newest.month - 1]} {newest.year}"
    clock = f" {newest:%H:%M}" if newest.time() != time() else ""  # a source of whole days has none
    return f"The newest usage is of {day}{clock}."


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
