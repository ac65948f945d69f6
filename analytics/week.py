"""The hours of a week: where work gathers, where it rests, and what may be said of it.

A named day or window is a finding about the past range only.  How many complete days it takes to
name one, and how far it must stand out, was measured on seven teams: with less, the next weeks
contradict it more often than not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from analytics.rhythm import hours_text
from analytics.timerange import WEEKDAYS

HOURS_FROM = 28  # complete days that name busy and quiet hours
DAYS_FROM = 14  # that name a weekday or a part of one
ACTIVE_FROM = 56  # that name the three most active days
STANDS_OUT = 1.1  # times the others
BUSY, QUIET = 0.75, 0.1  # of the busiest hour's average
MOST_WINDOWS = 3
WIDEST = 12  # hours that may be busy before none stands out
PARTS: Mapping[str, range] = {
    "night": range(6),
    "morning": range(6, 12),
    "afternoon": range(12, 18),
    "evening": range(18, 24),
}
WORKING = ("morning", "afternoon")
Window = tuple[int, int]  # from an hour up to, not including, another; it may pass midnight


@dataclass(frozen=True, slots=True)
class Week:
    """Micro-credits by weekday (0 is Monday) and local hour, over `days` complete days of each."""

    sums: Mapping[tuple[int, int], int]
    days: Sequence[int]

    def average(self, weekday: int, hours: Sequence[int]) -> float | None:
        """Micro-credits an hour, days without usage counted; None where there is no such day."""
        if not self.days[weekday]:
            return None
        spent = sum(self.sums.get((weekday, hour), 0) for hour in hours)
        return spent / (self.days[weekday] * len(hours))

    @property
    def by_hour(self) -> list[float]:
        """The average of each hour of the day."""
        number = sum(self.days) or 1
        return [
            sum(self.sums.get((weekday, hour), 0) for weekday in range(7)) / number
            for hour in range(24)
        ]


def busy_windows(averages: Sequence[float]) -> list[Window]:
    """Up to three windows of hours near the busiest one, the largest first; none when all are."""
    least = BUSY * max(averages)
    windows = list(_runs(averages, lambda average: average >= least > 0))
    if sum(_length(window) for window in windows) > WIDEST:
        return []
    windows.sort(key=lambda window: (-_sum(averages, window), window))
    return sorted(windows[:MOST_WINDOWS])


def quiet_windows(averages: Sequence[float]) -> list[Window]:
    """Windows of hours that hardly anything falls into, the longest first; of two hours or more."""
    most = QUIET * max(averages)
    windows = _runs(averages, lambda average: average <= most and most > 0)
    found = [window for window in windows if _length(window) > 1]
    return sorted(found, key=lambda window: (-_length(window), window))[:MOST_WINDOWS]


def _runs(averages: Sequence[float], counts: Callable[[float], bool]) -> Iterator[Window]:
    """Neighbouring hours that count; the day is a circle."""
    inside = [counts(average) for average in averages]
    if all(inside):
        return
    for start in range(24):
        if inside[start] and not inside[start - 1]:
            length = next(n for n in range(1, 25) if not inside[(start + n) % 24])
            yield start, start + length


def _length(window: Window) -> int:
    return window[1] - window[0]


def _sum(averages: Sequence[float], window: Window) -> float:
    return sum(averages[hour % 24] for hour in range(*window))


def windows_text(windows: Sequence[Window]) -> str:
    """`10 AM-12 PM and 2-4 PM`."""
    named = [hours_text(*window) for window in windows]
    return " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a weekday (`Friday afternoon`) with micro-credits an hour, its own and others'."""

    name: str
    average: float
    others: float


def parts(week: Week) -> list[Part]:
    """Every part of every weekday, beside the same part of the other weekdays."""
    found = []
    for title, hours in PARTS.items():
        averages = {day: week.average(day, hours) for day in range(7)}
        known = {day: average for day, average in averages.items() if average is not None}
        for day, average in known.items():
            rest = [other for key, other in known.items() if key != day]
            if rest:
                name = f"{WEEKDAYS[day].title()} {title}"
                found.append(Part(name, average, sum(rest) / len(rest)))
    return found


def busiest_part(week: Week) -> Part | None:
    """The busiest part of the week, where it stands out; None on too few days."""
    if sum(week.days) < DAYS_FROM:
        return None
    top = max(parts(week), key=lambda part: part.average, default=None)
    return top if top and top.average >= STANDS_OUT * top.others > 0 else None


def slack_part(week: Week) -> Part | None:
    """The part of a working day that is quietest beside the same part of other working days.

    Working days are those with at least half the average of the busiest one: a team's own week.
    """
    if sum(week.days) < DAYS_FROM:
        return None
    whole = {day: week.average(day, range(24)) or 0 for day in range(7)}
    working = [day for day in whole if whole[day] >= max(whole.values()) / 2]
    only = Week(week.sums, [week.days[day] if day in working else 0 for day in range(7)])
    lowest = min(
        (part for part in parts(only) if part.name.split()[1] in WORKING and part.others),
        key=lambda part: part.average / part.others,
        default=None,
    )
    return lowest if lowest and lowest.average * STANDS_OUT <= lowest.others else None


def busiest_weekday(averages: Mapping[int, float]) -> tuple[int, float] | None:
    """The busiest weekday, and how many times the others it is; None where none stands out."""
    top = max(averages, key=lambda day: (averages[day], -day), default=None)
    rest = [average for day, average in averages.items() if day != top]
    others = sum(rest) / len(rest) if rest else 0
    if top is None or not others or averages[top] < STANDS_OUT * others:
        return None
    return top, averages[top] / others
