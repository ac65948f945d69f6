"""When a team works: a week of hours, its windows and its days, and what of it costs how much.

Averages run over complete days, those without usage counted.  Rows that know only their day are
in the days and in no hour.  No saving follows from an hour: a multiplier does not know the clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from analytics.captions import caption, heading
from analytics.drill import address
from analytics.figures import HeatFigure
from analytics.hours import class_of
from analytics.lines import empty_report, framed, read_changes
from analytics.measures import Usage, gather, gather_spend, pieces, total
from analytics.numbers import count_text, counted, counted_credits, credits_text, shares
from analytics.query import Query
from analytics.report import Actions, Button, Column, Fact, Facts, Note, Report, Row, Table
from analytics.rhythm import complete_days, hour_text, hours_text, peak_day
from analytics.text import clean
from analytics.timerange import MONTHS, WEEKDAYS
from analytics.week import (
    ACTIVE_FROM,
    DAYS_FROM,
    HOURS_FROM,
    Week,
    busiest_part,
    busiest_weekday,
    busy_windows,
    quiet_windows,
    slack_part,
    windows_text,
)
from storage.reading import Days, Hours, RangeTooLong
from storage.timekeys import HourClass, date_of, to_micros

TASKS = 3  # that are named for weekends
LATENCY_ONLY = Note(
    "With a fixed multiplier the hour changes no credits: moving prompts off peak saves none."
)


@dataclass(frozen=True, slots=True)
class Times:
    """Usage of complete days: by day, and by hour of the week in credits and prompts."""

    complete: range
    days: Mapping[int, Usage]
    week: Week
    prompts: Mapping[tuple[int, int], int]
    timed: int  # rows that know their hour

    @property
    def whole(self) -> Usage:
        """Everything on these days."""
        return sum(self.days.values(), Usage())

    def credits_of(self, day: int) -> int:
        """Micro-credits of a day; a day without usage has none."""
        return self.days.get(day, Usage()).credits

    @property
    def averages(self) -> dict[int, float]:
        """Micro-credits a day by weekday, of those that there are."""
        sums: dict[int, list[int]] = defaultdict(list)
        for day in self.complete:
            sums[date_of(day).weekday()].append(self.credits_of(day))
        return {weekday: sum(known) / len(known) for weekday, known in sums.items()}


def patterns(query: Query, folded: Collection[int] | None = ()) -> Report:
    """Heat map of the week, busy and quiet windows, days, peak hours and weekends.

    `folded` are tasks that must not be named: too few people are behind them; None is all.
    Raises RangeTooLong for filters whose hours only the ledger holds.
    """
    title = heading("Usage Patterns", query)
    if not gather_spend(query, ()):
        return empty_report(title, query)
    complete = complete_days(query)
    if not complete:
        hint = Note("Ask for more than today, for example `patterns last 4 weeks`.", "hint")
        return framed(query, title, "No complete day to look at yet", (hint,))
    times = _read(query, complete)
    if not times.whole.events:
        return framed(query, title, f"No usage on {_days(times)}", (_figure(query, times),))
    rows = _class_rows(query, times)
    facts = [*_hour_facts(times), *_day_facts(query, times), *_weekend_facts(query, times, folded)]
    return framed(
        query,
        title,
        _headline(times, rows),
        (
            *read_changes(query, "model").note(),
            _figure(query, times),
            *((Facts(tuple(facts)),) if facts else ()),
            _table(times, rows),
            *_notes(query, times),
            *_further(query, times),
        ),
    )


def _read(query: Query, complete: range) -> Times:
    clock = query.reader.clock
    first, end = (
        clock.bucket(to_micros(clock.midnight(day))) for day in (complete.start, complete.stop)
    )
    hours, counts = Hours(first, end), [0] * 7
    for day in complete:
        counts[date_of(day).weekday()] += 1
    days = gather(query, ("day",), span=Days(complete.start, complete.stop))
    return Times(
        complete=complete,
        days={day: usage for (day,), usage in days.items()},
        week=Week(_week_hours(query, hours, "credits"), counts),
        prompts=_week_hours(query, hours, "prompts"),
        timed=total(gather_spend(query, (), span=hours)).events,
    )


def _week_hours(
    query: Query, span: Hours, measure: Literal["credits", "prompts"]
) -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = defaultdict(int)
    for part, where in pieces(query, span):
        if isinstance(part, Hours):
            for key, value in query.reader.week_hours(part, where, measure).items():
                found[key] += value
    return dict(found)


def _days(times: Times) -> str:
    return counted(len(times.complete), "complete day")


# ---- credits of peak hours, off-peak and weekend


@dataclass(frozen=True, slots=True)
class ClassRow:
    """Usage of one class of hours; what knows only its day has no hour, but may be a weekend."""

    name: str
    prompts: int
    credits: int


def _class_rows(query: Query, times: Times) -> list[ClassRow]:
    clock, credits, prompts = query.reader.clock, [0] * 3, [0] * 3
    for (weekday, hour), spent in times.week.sums.items():
        credits[class_of(clock, weekday, hour)] += spent
    for (weekday, hour), count in times.prompts.items():
        prompts[class_of(clock, weekday, hour)] += count
    weekend = sum(
        (usage for day, usage in times.days.items() if date_of(day).weekday() >= 5), Usage()
    )
    credits[HourClass.WEEKEND], prompts[HourClass.WEEKEND] = weekend.credits, weekend.prompts
    names = (f"Peak (Mon-Fri {hours_text(*clock.peak)})", "Off-peak", "Weekend")
    rows = [ClassRow(*row) for row in zip(names, prompts, credits, strict=True)]
    whole = times.whole
    rest = ClassRow("No hour", whole.prompts - sum(prompts), whole.credits - sum(credits))
    return [*rows, rest] if rest.prompts or rest.credits else rows


def _table(times: Times, rows: list[ClassRow]) -> Table:
    parts = shares([row.credits for row in rows])
    whole = times.whole
    cells: list[Row] = [
        (row.name, row.prompts, row.credits, share) for row, share in zip(rows, parts, strict=True)
    ]
    return Table(
        columns=(
            Column("class", "When"),
            Column("prompts", "Prompts", "count"),
            Column("credits", "Credits", "credits"),
            Column("share", "Share", "share"),
        ),
        rows=tuple(cells),
        total=("Total", whole.known_prompts, whole.known_credits, sum(parts)),
    )


def _headline(times: Times, rows: list[ClassRow]) -> str:
    """`Peak hours took 64% of 10,390 credits; busiest were 10 AM-12 PM and 2-4 PM`."""
    whole = times.whole
    if not whole.credits:
        return f"No credits on {_days(times)}, {counted(whole.prompts, 'prompt')}"
    share = shares([row.credits for row in rows])[0]
    words = f"Peak hours took {share}% of {counted_credits(whole.credits)}"
    windows = busy_windows(times.week.by_hour) if len(times.complete) >= HOURS_FROM else []
    return f"{words}; busiest were {windows_text(windows)}" if windows else words


# ---- hours


def _figure(query: Query, times: Times) -> HeatFigure:
    averages = [[times.week.average(day, (hour,)) for hour in range(24)] for day in range(7)]
    cells = tuple(
        tuple(None if average is None else round(average) for average in row) for row in averages
    )
    ranked = sorted(
        (-cell, day, hour) for day, row in enumerate(cells) for hour, cell in enumerate(row) if cell
    )
    named = [
        (f"{WEEKDAYS[day].title()} {hour_text(hour)}", credits_text(-cell))
        for cell, day, hour in ranked[:3]
    ]
    footer = caption(query)
    title, largest = "No credits at any hour", ""
    if named:
        title = f"{named[0][0]} was the busiest hour: {counted_credits(-ranked[0][0])}"
        largest = f" Largest: {', '.join(f'{name} {spent}' for name, spent in named)}."
    return HeatFigure(
        title=title,
        subtitle=f"Average credits an hour over {_days(times)}",
        footer=footer,
        alt=f"Heat map of weekday and hour. {title}.{largest} {footer}.",
        cells=cells,
        peak=(ranked[0][1], ranked[0][2]) if ranked else None,
    )


def _hour_facts(times: Times) -> list[Fact]:
    """Windows and parts of the week, in the past tense and on enough days only."""
    week, facts = times.week, []
    if len(times.complete) >= HOURS_FROM:
        busy, quiet = busy_windows(week.by_hour), quiet_windows(week.by_hour)
        if busy:
            facts.append(Fact("busiest_hours", "Busiest hours were", windows_text(busy)))
        if quiet:
            facts.append(Fact("quiet_hours", "Quiet hours were", windows_text(quiet)))
    top, slack = busiest_part(week), slack_part(week)
    if top:
        note = f"{counted_credits(round(top.average))} an hour"
        facts.append(Fact("busiest_part", "Busiest part of the week was", top.name, note=note))
    if slack:
        note = f"{1 - slack.average / slack.others:.0%} under the other working days"
        facts.append(Fact("slack_part", "Quietest working part was", slack.name, note=note))
    return facts


# ---- days


def _day_facts(query: Query, times: Times) -> list[Fact]:
    facts = peak_day(query, {(day,): usage for day, usage in times.days.items()})
    if not facts:
        return []
    facts += _quietest_day(times)
    if len(times.complete) < DAYS_FROM:
        return facts
    averages = times.averages
    found = busiest_weekday(averages)
    if found is None:
        return [*facts, Fact("busiest_weekday", "Busiest weekday", "no clear one")]
    day, factor = found
    note = f"{factor:.1f} times the other days"
    facts.append(Fact("busiest_weekday", "Busiest weekday was", WEEKDAYS[day].title(), note=note))
    if len(times.complete) >= ACTIVE_FROM:
        top = sorted(averages, key=lambda key: (-averages[key], key))[:3]
        names = ", ".join(WEEKDAYS[day].title() for day in sorted(top))
        facts.append(Fact("most_active_days", "Most active days", names))
    return facts


def _quietest_day(times: Times) -> list[Fact]:
    lowest = min(map(times.credits_of, times.complete))
    days = [day for day in times.complete if times.credits_of(day) == lowest]
    date = date_of(days[-1])
    name = f"{MONTHS[date.month - 1].title()} {date.day}"
    note = counted_credits(lowest)
    if len(days) > 1:
        note += f", as on {counted(len(days) - 1, 'other day')}"
    return [Fact("quietest_day", "Quietest Day", name, note=note)]


# ---- weekends


def _weekend_facts(query: Query, times: Times, folded: Collection[int] | None) -> list[Fact]:
    """What a weekend day is beside another one, and what weekends were used for."""
    ends = [day for day in times.complete if date_of(day).weekday() >= 5]
    others = [day for day in times.complete if date_of(day).weekday() < 5]
    weekend, weekdays = (sum(map(times.credits_of, days)) for days in (ends, others))
    if not ends or not weekdays:
        return []
    ratio = (weekend / len(ends)) / (weekdays / len(others))
    facts = [Fact("weekend_ratio", "A weekend day uses", ratio, "rate", "of a weekday's credits")]
    tasks = _weekend_tasks(query, times, folded) if weekend and folded is not None else ""
    return [*facts, Fact("weekend_tasks", "Weekends were for", tasks)] if tasks else facts


def _weekend_tasks(query: Query, times: Times, folded: Collection[int]) -> str:
    """`Coding 45%, Research 20%, Uncategorised 15%, 4 others 20%` of the weekends' credits."""
    days = Days(times.complete.start, times.complete.stop)
    try:
        cells = gather_spend(query, ("day", "task"), span=days)
    except RangeTooLong:
        return ""
    sums: dict[int, int] = defaultdict(int)
    for (day, task), usage in cells.items():
        if date_of(day).weekday() >= 5:
            sums[task] += usage.credits
    if not any(sums) or not sum(sums.values()):
        return ""  # nothing but what has no task
    names = query.reader.names("task")
    ranked = sorted(sums, key=lambda key: (-sums[key], key))
    named = [key for key in ranked if key not in folded][:TASKS]
    parts = [sums[key] for key in named]
    said = [clean(names[key], 40) if key else "Uncategorised" for key in named]
    if rest := [key for key in ranked if key not in named]:
        parts.append(sum(sums[key] for key in rest))
        said.append(counted(len(rest), "other"))
    return ", ".join(f"{name} {share}%" for name, share in zip(said, shares(parts), strict=True))


# ---- around it


def _notes(query: Query, times: Times) -> list[Note]:
    notes, whole = [], times.whole
    dayless = whole.events - times.timed
    if dayless > 0:
        notes.append(
            Note(
                f"{counted(dayless, 'usage row')} of a day without an hour: in no hour of the map."
            )
        )
    if whole.unpriced:
        rows = f"{count_text(whole.unpriced)} of {counted(whole.events, 'usage row')}"
        notes.append(Note(f"{rows} without a price: not in the credits."))
    if query.range.is_partial:
        notes.append(Note("Today is partial and left out."))
    if len(times.complete) < HOURS_FROM:
        notes.append(Note("Busy and quiet hours are named from 4 weeks on."))
    return [*notes, LATENCY_ONLY]


def _further(query: Query, times: Times) -> tuple[Actions, ...]:
    """The largest day by hour, and how long people waited at which hour."""
    largest = max(times.complete, key=lambda day: (times.credits_of(day), -day))
    lines = {
        "Peak day by hour": address(query, "timeline", date_of(largest).isoformat(), "hour"),
        "Response times by hour": address(query, "performance", query.range.words, "hour"),
    }
    buttons = tuple(Button(title, line) for title, line in lines.items() if line)
    return (Actions(buttons),) if buttons else ()
