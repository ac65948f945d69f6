"""A range cut into hours, days, weeks or months that meet and never overlap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import get_args

from analytics.figures import (
    Grain,
)
from analytics.query import Query
from analytics.timerange import MONTH_NAMES, WEEKDAY_NAMES, TimeRange, week_of
from storage.timekeys import Clock, day_number, month_number, to_micros

GRAINS: tuple[Grain, ...] = get_args(Grain)
# The longest range a grain is drawn for, in days: beyond, bars are thinner than a pixel.
LONGEST: dict[Grain, int] = {"hour": 14, "day": 400, "week": 1_830, "month": 40_000}
FITTED: dict[Grain, int] = {"hour": 2, "day": 45, "week": 200, "month": 40_000}


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket: `key` is its hour bucket or first day number, `end` the next bucket's key.

    `whole` is False where the range or the present moment cuts it.
    """

    key: int
    end: int
    start: datetime
    label: str
    whole: bool


def fitted_grain(range_: TimeRange) -> Grain:
    """The grain that shows a range in about 7 to 45 bars."""
    return next(grain for grain in GRAINS if range_.days <= FITTED[grain])


def coarsened(grain: Grain, range_: TimeRange) -> Grain:
    """The grain, or the next coarser one that the range can be drawn in."""
    coarser = GRAINS[GRAINS.index(grain) :]
    return next(found for found in coarser if range_.days <= LONGEST[found])


def buckets(query: Query, grain: Grain) -> list[Bucket]:
    """Every bucket of the query's range, oldest first."""
    if grain == "hour":
        return list(_hours(query))
    week_start = query.reader.workspace.week_start
    return list(_days(query.range, grain, query.reader.clock, week_start=week_start))


def _hours(query: Query) -> Iterator[Bucket]:
    """Hours up to the running one, or to the newest usage when a source's clock is ahead.

    A day of a clock change has 23 or 25 of them.
    """
    clock = query.reader.clock
    first, end = (
        clock.bucket(to_micros(clock.midnight(day_number(day))))
        for day in (query.range.first, query.range.end)
    )
    running = clock.bucket(to_micros(query.now))
    newest = clock.bucket(to_micros(query.reader.newest or query.now))
    for key in range(first, min(end, max(running, newest) + 1)):
        start = clock.bucket_start(key).astimezone(query.reader.hours_clock.zone)
        label = f"{start.day} {MONTH_NAMES[start.month - 1]} {start:%H}h"
        yield Bucket(key, key + 1, start, label, whole=key < running)


def _days(range_: TimeRange, grain: Grain, clock: Clock, *, week_start: int) -> Iterator[Bucket]:
    day, number = range_.first, 0
    while day < range_.end:
        start = unit_start(grain, day, week_start)
        following = unit_end(grain, start)
        end = min(following, range_.end)
        number += 1
        key = day_number(day)
        yield Bucket(
            key,
            day_number(end),
            clock.midnight(key),
            _label(grain, day, number),
            whole=start == day and end == following and not day <= range_.today < end,
        )
        day = end


def named(bucket: Bucket, grain: Grain) -> str:
    """A bucket in a sentence: the number of a week says nothing without its row."""
    if grain != "week":
        return bucket.label
    return f"week of {bucket.start.day} {MONTH_NAMES[bucket.start.month - 1]}"


def unit_start(grain: Grain, day: date, week_start: int = 0) -> date:
    """First day of the week or month that holds a day."""
    if grain == "week":
        return week_of(day, week_start)
    return day.replace(day=1) if grain == "month" else day


def unit_end(grain: Grain, start: date) -> date:
    """First day after the unit that starts on a day."""
    match grain:
        case "week":
            return start + timedelta(days=7)
        case "month":
            following = month_number(start) + 1
            return date(following // 12, following % 12 + 1, 1)
    return start + timedelta(days=1)


def _label(grain: Grain, day: date, number: int) -> str:
    month = MONTH_NAMES[day.month - 1]
    match grain:
        case "week":
            return f"Week {number}"
        case "month":
            return f"{month} {day.year}"
    return f"{WEEKDAY_NAMES[day.weekday()]} {day.day} {month}"
