"""When a subscription is due, and what its line means for the period that is told then.

The planner, a preview and a test send share it, so they tell the same.  Days are the workspace's;
the zone of a schedule only moves the time at which a day that is over is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from analytics.errors import UserError
from analytics.schedule import LAST, Period, Schedule, due, instant
from analytics.subscription_lists import period_text
from analytics.timerange import DAY, TimeRange, parse_range
from analytics.zones import checked_zone
from bot.calls import Call
from bot.params import Param
from bot.params.months import MonthType
from bot.params.periods import FinishedMonthType, FinishedType, FinishedWeekType
from bot.params.usual import RangeType
from bot.registry import COMMANDS, parse
from storage.timekeys import Clock, day_number

DAILY = "digest daily"
MONTHLY = "digest monthly"
RUNS = ("every", "cron")  # the schedules whose periods may have any number of days
FURTHEST_ZONES = timedelta(hours=26)  # between the clocks of two zones


@dataclass(frozen=True, slots=True)
class Round:
    """One time that a subscription is due: its period as instants in UTC, and when."""

    period: Period
    start: datetime
    end: datetime
    due_at: datetime

    @property
    def is_empty(self) -> bool:
        """Whether the workspace's zone jumped over the whole period."""
        return self.start >= self.end


class Rounds:
    """The rounds of a schedule in its zone, told of days that end where the workspace is at home.

    Raises UserError for a schedule or zone that is not known (any more).
    """

    def __init__(self, schedule: str, zone: str, home: str) -> None:
        self.schedule = Schedule.parse(schedule)
        self.zone = ZoneInfo(checked_zone(zone))
        self._clock = Clock(home)

    def round_of(self, period: Period) -> Round:
        """A period with its instants; it is told as soon as it is due and over."""
        if period.since is not None:
            start, end = (instant(wall, self.zone) for wall in (period.since, period.due))
            return Round(period, start, end, end)
        start, end = self._midnight(period.first), self._midnight(period.end)
        return Round(period, start, end, max(due(period, self.zone), end))

    def after(self, moment: datetime) -> Iterator[Round]:
        """The rounds that are due after a moment, one after the other, without end."""
        for period in self.schedule.coming(moment - FURTHEST_ZONES, self.zone):
            found = self.round_of(period)
            if found.due_at > moment:
                yield found

    def untold(self, moment: datetime, first: date) -> Iterator[Round]:
        """The rounds after a moment that tell of a day from `first` on; all before were told."""
        for one in self.after(moment):
            if one.period.since is not None or one.period.end > first:
                yield one

    def since(self, first: date, due_at: datetime) -> Iterator[Round]:
        """The rounds from the one on that was kept as the next: its first day, and when."""
        found = self.round_of(self.schedule.next_period(first))
        while self.schedule.is_sub_daily and found.due_at < due_at:
            found = self.round_of(self.schedule.following(found.period))
        while True:
            yield found
            found = self.round_of(self.schedule.following(found.period))

    def newest(self, moment: datetime) -> Round:
        """The newest round whose period is over and told at a moment."""
        found = self.round_of(self.schedule.newest(moment - FURTHEST_ZONES, self.zone))
        while True:
            following = self.round_of(self.schedule.following(found.period))
            if following.due_at > moment:
                return found
            found = following

    def _midnight(self, day: date) -> datetime:
        return self._clock.midnight(day_number(day)).astimezone(UTC)


@lru_cache(maxsize=4096)  # ten thousand subscriptions share a few dozen schedules
def rounds(schedule: str, zone: str, home: str) -> Rounds:
    """The rounds of a schedule; raises UserError for what is not known (any more)."""
    return Rounds(schedule, zone, home)


@lru_cache(maxsize=4096)  # many subscriptions ask the same of the same morning
def line_for(line: str, period: Period, week_start: int = 0) -> str:
    """A line about the very days that are told; raises UserError where it cannot be read.

    A digest is asked as if the period had just ended.  Words that would then reach into the day
    that begins (`last 7d`, `this month`) mean the last day of the period instead: whole days, and
    the month that is over.  More often than daily a line is about the moment.
    """
    call = parse(line)
    if period.since is not None:
        return call.line
    call = _whole(call, period)
    given = dict(call.given)
    for param in call.command.params:
        texts = given.get(param.name) or ((param.default,) if param.default else ())
        if texts and (told := _told(param, texts[0], period, week_start)):
            given[param.name] = (told,)
    return Call(call.command, given).line


def days_told(line: str, end: date, week_start: int = 0) -> TimeRange | None:
    """The whole days before `end` that a line is about; None where it names none."""
    call = parse(line)
    for param in call.command.params:
        texts = call.given.get(param.name) or ((param.default,) if param.default else ())
        if texts and isinstance(param.type, RangeType | MonthType | FinishedType):
            range_ = parse_range(texts[0], end, week_start)
            return TimeRange(range_.first, min(range_.end, end), "", end)
    return None


def told_text(line: str, period: Period, week_start: int = 0) -> str:
    """What a round tells of: the days of its line, `1–30 Nov 2026`, else those of its period."""
    if period.since is None:
        with suppress(UserError):  # a line that cannot be read any more says so when it is due
            told = days_told(line_for(line, period, week_start), period.end, week_start)
            if told is not None and told.first < told.end:
                return told.dates
    return period_text(period)


def when_over(when: Schedule, line: str) -> Schedule:
    """The schedule by which the digest of a month finds it over: the 1st, not its last day."""
    is_last = when.kind == "monthly" and when.number == LAST
    call = parse(line)
    is_month = call.command.name == MONTHLY and "month" not in call.given
    return replace(when, number=1) if is_last and is_month else when


def _whole(call: Call, period: Period) -> Call:
    """The question about all days of a run, where the digest of a day would tell its last alone.

    Of a week or month of the calendar there is a digest, of so many other days what changed in
    them.  A day that somebody named stays that day.
    """
    is_run = period.key.startswith(RUNS) and _days(period) > 1
    if call.command.name != DAILY or "day" in call.given or not is_run:
        return call
    last = period.end - DAY
    if period.first.day == 1 and period.end == (period.first + 32 * DAY).replace(day=1):
        return Call(COMMANDS[MONTHLY], {**call.given, "month": (f"{last:%Y-%m}",)})
    days = (f"{period.first}..{last}",)
    if _days(period) == 7:
        return Call(COMMANDS["digest weekly"], {**call.given, "week": days})
    return Call(COMMANDS["trends"], {**call.given, "range": days})


def _told(param: Param, text: str, period: Period, week_start: int) -> str:
    """The days of a period that words for a range mean; "" for what is no range."""
    if isinstance(param.type, FinishedWeekType) and text == param.default and _days(period) == 7:
        return f"{period.first}..{period.end - DAY}"
    if not isinstance(param.type, RangeType | MonthType | FinishedType):
        return ""
    range_ = parse_range(text, period.end, week_start)
    if range_.is_partial:
        range_ = parse_range(text, period.end - DAY, week_start)
    is_month = isinstance(param.type, MonthType | FinishedMonthType)
    return f"{range_.first:%Y-%m}" if is_month else range_.iso


def _days(period: Period) -> int:
    return (period.end - period.first).days
