"""Weeks and months side by side, and what may be called a trend among them.

A week is seven complete days counted back from the last one, so each has the same weekdays; a
running month is shown and takes no part in anything said.  A trend needs three periods.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from analytics.measures import Usage, gather
from analytics.numbers import change_of, ratio_text
from analytics.query import Query
from analytics.report import Column, Row, Table
from analytics.timerange import MONTH_NAMES, TimeRange
from storage.reading import Days
from storage.timekeys import date_of, day_number, first_day, month_number

Pace = Literal["week", "month"]
ByDay = Mapping[int, Usage]
SHOWN: Mapping[Pace, int] = {"week": 8, "month": 6}
FEWEST = 3  # periods of a trend


@dataclass(frozen=True, slots=True)
class Stage:
    """Usage of one week or month, as days from `first` up to, not including, `end`."""

    first: int
    end: int
    label: str
    usage: Usage
    whole: bool


def read_days(query: Query, span: Days) -> ByDay:
    """Usage by day, summed from models: a sum tells credits a prompt also beside unpriced ones."""
    found: dict[int, Usage] = defaultdict(Usage)
    for (day, _), usage in gather(query, ("day", "model"), span=span).items():
        found[day] += usage
    return found


def span_behind(query: Query, pace: Pace) -> tuple[int, int]:
    """The first and the end day that the periods rest on."""
    last = _last(query.range)
    if pace == "week":
        return last - 7 * SHOWN["week"], last
    return first_day(month_number(date_of(last - 1)) - SHOWN["month"] + 1), last


def stages(query: Query, pace: Pace, days: ByDay) -> list[Stage]:
    """The periods up to the range's end, oldest first, since the first usage ever."""
    oldest = query.reader.oldest
    start = query.reader.clock.day(oldest) if oldest is not None else _last(query.range)
    found = []
    for first, end, label in _cuts(query, pace):
        known = max(first, start)
        if end <= known:
            continue
        together = sum((days[day] for day in range(known, end) if day in days), Usage())
        is_whole = known == first and (pace == "week" or date_of(end).day == 1)
        found.append(Stage(known, end, label if is_whole else f"{label}, part", together, is_whole))
    return found


def _cuts(query: Query, pace: Pace) -> Iterator[tuple[int, int, str]]:
    last = _last(query.range)
    if pace == "week":
        for back in range(SHOWN["week"], 0, -1):
            first, end = last - 7 * back, last - 7 * back + 7
            yield first, end, _dates(date_of(first), date_of(end))
        return
    newest = month_number(date_of(last - 1))
    for month in range(newest - SHOWN["month"] + 1, newest + 1):
        first = first_day(month)
        name = f"{MONTH_NAMES[date_of(first).month - 1]} {date_of(first).year}"
        yield first, min(first_day(month + 1), last), name


def _last(range_: TimeRange) -> int:
    """The first day that is not a complete day of the range."""
    return day_number(range_.complete().end if range_.days > 1 else range_.first)


def _dates(first: date, end: date) -> str:
    return TimeRange(first, end, "", end).dates.rpartition(" ")[0]


def stage_table(query: Query, periods: Sequence[Stage], pace: Pace) -> Table:
    """Prompts, credits, change and credits a prompt of each of one or more periods."""
    befores = [None, *periods[:-1]]
    return Table(
        columns=(
            Column("start", "From", "moment"),
            Column(pace, pace.title()),
            Column("prompts", "Prompts", "count"),
            Column("credits", "Credits", "credits"),
            Column("change", "Change", "change"),
            Column("credits_per_prompt", "Per prompt", "credits"),
        ),
        rows=tuple(
            _row(query, stage, before) for stage, before in zip(periods, befores, strict=True)
        ),
    )


def _row(query: Query, stage: Stage, before: Stage | None) -> Row:
    usage, change = stage.usage, None
    if before is not None and before.whole and stage.whole:
        change = change_of(usage.credits, before.usage.known_credits)
    return (
        query.reader.clock.midnight(stage.first),
        stage.label,
        usage.known_prompts,
        usage.known_credits,
        change,
        usage.per_prompt,
    )


def trend(
    periods: Sequence[Stage],
    value: Callable[[Stage], int | None],
    write: Callable[[int], str] = ratio_text,
) -> tuple[str, list[str]] | None:
    """`rose` or `fell`, and the values of the latest complete periods that all go one way.

    None for fewer than three of them; values that look the same when written are no step.
    """
    values = [value(stage) for stage in periods if stage.whole]
    run: list[int] = []
    for one in reversed(values):
        if one is None or (run and write(one) == write(run[-1])):
            break
        if len(run) > 1 and (one > run[-1]) != (run[-1] > run[-2]):
            break
        run.append(one)
    if len(run) < FEWEST:
        return None
    return "fell" if run[0] < run[1] else "rose", [write(one) for one in reversed(run)]
