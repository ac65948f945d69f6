"""When the pretended company works: office hours, weekends, holidays, growth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from storage.timekeys import HOUR_US, to_micros

GROWTH = 0.6  # the last day is busier than the first by this fraction
SPIKE_DAYS_AGO = 19
_HOURS = (
    *(0.02, 0.01, 0.01, 0.01, 0.02, 0.05, 0.2, 0.5, 1.0, 1.5, 1.7, 1.5),
    *(0.9, 1.2, 1.7, 1.6, 1.3, 0.9, 0.5, 0.35, 0.3, 0.25, 0.15, 0.06),
)
_WEEKDAYS = (0.9, 1.1, 1.15, 1.1, 0.85, 0.2, 0.2)
_HOLIDAYS = {(1, 1), (5, 1), (10, 3), (12, 24), (12, 25), (12, 26), (12, 31)}
_AUGUST = 0.75


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of the period, with its share of the load among all hours (not normalised)."""

    start_us: int
    weight: float


def months_before(day: date, months: int) -> date:
    """The day after the same day some months earlier, so that whole months lie between."""
    index = day.year * 12 + day.month - 1 - months
    # The 28th exists in every month; which day exactly the period starts on is of no interest.
    return date(index // 12, index % 12 + 1, min(day.day, 28)) + timedelta(days=1)


def hours(first: date, last: date, zone: ZoneInfo) -> Sequence[Hour]:
    """Every hour of the local days `first` to `last`, both included, in order."""
    days = (last - first).days + 1
    return [
        Hour(to_micros(moment), _weight(moment.astimezone(zone), first, days=days))
        for moment in _starts(first, last, zone)
    ]


def _starts(first: date, last: date, zone: ZoneInfo) -> Iterator[datetime]:
    moment = datetime.combine(first, time(), zone).astimezone(UTC)
    end = datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC)
    while moment < end:
        yield moment
        moment += timedelta(hours=1)


def _weight(local: datetime, first: date, *, days: int) -> float:
    progress = (local.date() - first).days / days
    return _HOURS[local.hour] * _day_weight(local.date()) * (1 + GROWTH * progress)


def _day_weight(day: date) -> float:
    if (day.month, day.day) in _HOLIDAYS:
        return 0.1
    if day.month == 12 and day.day > 26:
        return 0.3
    return _WEEKDAYS[day.weekday()] * (_AUGUST if day.month == 8 else 1)


def spike_hours(now: datetime, zone: ZoneInfo) -> Sequence[int]:
    """Starts (epoch microseconds) of the office hours of the spike: a weekday lately."""
    day = now.astimezone(zone).date() - timedelta(days=SPIKE_DAYS_AGO)
    day -= timedelta(days=max(0, day.weekday() - 4))
    ten = to_micros(datetime.combine(day, time(10), zone))
    return [ten + hour * HOUR_US for hour in range(6)]
