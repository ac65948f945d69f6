"""When a digest is due, and which run of local days it is about.

A schedule is a set of local days with one local time, or (cron) several.  The period of a digest is
the run of days between two days that it is due on, so neighbours meet and no day is told twice.
Its key is made of local dates, never of an instant: no move of a clock or a zone makes a second.
A wall time that a zone skips means the first instant after the gap, one that comes twice the first.
A period without any time in it, because a zone jumped over its date, has a key and is not sent.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from typing import Literal
from zoneinfo import ZoneInfo

from analytics.cron import EXAMPLE, Cron, parse_cron
from analytics.errors import UserError
from analytics.text import clean
from analytics.timerange import DAY, WEEKDAY_NAMES, WEEKDAYS
from analytics.zones import is_meant_as_zone, take_zone
from storage.timekeys import day_number

Kind = Literal["daily", "weekly", "monthly", "every", "cron"]
USUAL_TIME = time(9)
LAST = 0  # the day of a month that `monthly last` is due on
LAST_DAY_OF_ALL = 28  # every month has it
MOST_DAYS = 92
SECOND = timedelta(seconds=1)
FURTHEST = timedelta(days=8 * 366 + 1)  # from one 29 February to the next, around 2100
_HINT = (
    "Write `daily 09:00`, `weekly mon 09:00`, `monthly 1 08:30`, `monthly last`, "
    f"`every 3 days 10:00` or `{EXAMPLE}`, and a zone behind it: `Europe/Berlin`."
)
_TIME = re.compile(r"(\d{1,2}):(\d{2})|(\d{1,2})(?::(\d{2}))?(am|pm)", re.ASCII)
_MEANT_AS_TIME = re.compile(r"[\d:.,hamp]*\d[\d:.,hamp]*", re.ASCII)
_DAY_NUMBERS = {name: number for number, day in enumerate(WEEKDAYS) for name in (day, day[:3])}
_ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th)", re.ASCII)
_COUNT = re.compile(r"(\d{1,4})(?:d|days?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Period:
    """A run of local days from `first` up to, not including, `end`, and its name.

    `due` is the local wall time of its digest.  More often than daily it begins at `since`.
    """

    first: date
    end: date
    key: str
    due: datetime
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Local days and times; `number` is the weekday, the day of the month or every how many days.

    `zone` is None where none was typed: whoever uses it says which.
    """

    kind: Kind
    times: tuple[time, ...] = (USUAL_TIME,)
    number: int = 0
    cron: Cron | None = None
    zone: str | None = None

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """The schedule that words mean; raises UserError that quotes them."""
        words = text.replace('"', " ").split()
        found, rest = _read(words)
        if rest:
            raise _not_understood(" ".join(rest), found.text)
        return found

    @property
    def text(self) -> str:
        """How it is written in one way; reading it gives the same."""
        at = f"{self.times[0]:%H:%M}"
        match self.kind:
            case "daily":
                words = f"daily {at}"
            case "weekly":
                words = f"weekly {WEEKDAY_NAMES[self.number].casefold()} {at}"
            case "monthly":
                words = f"monthly {self.number or 'last'} {at}"
            case "every":
                words = f"every {self.number} days {at}"
            case "cron":
                words = f'cron "{self.cron.text if self.cron else ""}"'
        return f"{words} {self.zone}" if self.zone else words

    @property
    def is_sub_daily(self) -> bool:
        """Whether it is due several times a day."""
        return len(self.times) > 1

    def falls_on(self, day: date) -> bool:
        """Whether it is due on a local day."""
        match self.kind:
            case "daily":
                return True
            case "weekly":
                return day.weekday() == self.number
            case "monthly":
                return day.day == self.number or (not self.number and (day + DAY).day == 1)
            case "every":
                return day_number(day) % self.number == 0
            case "cron":
                return self.cron is not None and self.cron.falls_on(day)

    def next_period(self, day: date) -> Period:
        """The first period that begins on a local day or later."""
        first = day if self.falls_on(day) else self._day(day, DAY)
        return self._period(datetime.combine(first, self.times[0]))

    def following(self, period: Period) -> Period:
        """The period that begins where another ends."""
        return self._period(period.due)

    def first_after(self, moment: datetime, zone: ZoneInfo) -> Period:
        """The first period that is due after a moment."""
        # A skipped day puts what was due on it off to the next one.
        start = moment.astimezone(zone).date() - 2 * DAY
        found = self.next_period(self._day(start, -DAY))
        while due(found, zone) <= moment:
            found = self.following(found)
        return found

    def newest(self, moment: datetime, zone: ZoneInfo) -> Period:
        """The newest period that was due by a moment."""
        start = self._day(self._day(moment.astimezone(zone).date() - 2 * DAY, -DAY), -DAY)
        found = self.next_period(start)
        while due(following := self.following(found), zone) <= moment:
            found = following
        return found

    def coming(self, moment: datetime, zone: ZoneInfo) -> Iterator[Period]:
        """The periods that are due after a moment, one after the other, without end."""
        found = self.first_after(moment, zone)
        while True:
            yield found
            found = self.following(found)

    def _period(self, since: datetime) -> Period:
        """The period that begins at a wall time at which it is due."""
        day = since.date()
        later = next((at for at in self.times if at > since.time()), None)
        at = self._day(day, DAY) if later is None else day
        wall = datetime.combine(at, self.times[0] if later is None else later)
        if self.is_sub_daily:
            return Period(day, at, f"cron:{wall:%Y-%m-%dT%H:%M}", wall, since)
        return Period(day, at, self._key(day), wall)

    def _key(self, first: date) -> str:
        match self.kind:
            case "monthly":
                is_calendar = self.number == 1
                return f"monthly:{first:%Y-%m}" if is_calendar else f"monthly:{first}"
            case "every":
                return f"every{self.number}:{first}"
        return f"{self.kind}:{first}"

    def _day(self, day: date, step: timedelta) -> date:
        """The nearest day after (or with a negative step before) another that it is due on."""
        found = day + step
        while not self.falls_on(found):
            found += step
            if abs(found - day) > FURTHEST:
                raise ValueError(f"{self.text} is never due")
        return found


def due(period: Period, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, that a period's digest is due at in a zone."""
    return instant(period.due, zone)


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The UTC instant of a naive wall time: the first of two, or the first after a gap."""
    before = wall.replace(tzinfo=zone, fold=0).utcoffset() or timedelta()
    after = wall.replace(tzinfo=zone, fold=1).utcoffset() or timedelta()
    if before >= after:
        return (wall - before).replace(tzinfo=UTC)
    # In a gap `fold` tells the offsets on both sides (PEP 495); the change lies between.
    low, high = (wall - after).replace(tzinfo=UTC), (wall - before).replace(tzinfo=UTC)
    while high - low > SECOND:
        middle = low + (high - low) // SECOND // 2 * SECOND
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


# ---- reading


def schedule_words(words: list[str]) -> int:
    """How many of the first words belong to a schedule and its zone; 0 where none begins there.

    A word that is meant as a part of it and is wrong belongs to it: its reader says so.
    """
    if not words:
        return 0
    if words[0].casefold().split(" ")[0] not in _READERS:
        # A bare cron or `@every 1s` is meant as a schedule: its reader says what is wrong.
        fields = len(list(takewhile(_is_field, words)))
        return fields if fields >= 5 or words[0].startswith("@") else 0
    if " " in words[0]:
        return 1  # the whole of it in quotes
    try:
        _, rest = _read(words)
    except _Wrong as error:
        return error.upto
    return len(words) - len(rest)


class _Wrong(UserError):  # noqa: N818  # the state is the name
    """A mistake in a schedule, and how many of its words were meant as one."""

    def __init__(self, error: UserError, upto: int) -> None:
        super().__init__(error.message, hint=error.hint)
        self.upto = upto


def _read(words: list[str]) -> tuple[Schedule, list[str]]:
    """The schedule at the beginning of words, and what is left of them."""
    if not words:
        raise UserError("A schedule is missing.", hint=_HINT)
    read = _READERS.get(words[0].casefold())
    if read is None:
        raise _not_understood(" ".join(words), "")
    rest = list(words[1:])
    try:
        found = read(rest)
        zone = take_zone(rest)
    except UserError as error:
        raise _Wrong(error, len(words) - len(rest)) from None
    return Schedule(found.kind, found.times, found.number, found.cron, zone), rest


def holds_schedule(words: Sequence[str]) -> bool:
    """Whether a schedule begins behind other words."""
    return any(word.casefold() in _READERS for word in words[1:])


def _not_understood(text: str, understood: str) -> UserError:
    words = text.split()
    if not understood and holds_schedule(words):
        at = next(at for at, word in enumerate(words) if at and word.casefold() in _READERS)
        turned = clean(f'{" ".join(words[at:])} "{" ".join(words[:at])}"')
        return UserError(
            f"'{clean(text)}' does not begin with a schedule.",
            hint=f"The question goes last, in quotes: `{turned}`.",
        )
    if text.startswith("@") or "*" in text.partition(" ")[0] or len(text.split()) == 5:
        hint = f"A cron stands behind its name: `{EXAMPLE}`. Or `daily 09:00`."
        return UserError(f"'{clean(text)}' is not a schedule.", hint=hint)
    where = f" after `{understood}`" if understood else ""
    return UserError(f"I don't understand '{clean(text)}'{where} as a schedule.", hint=_HINT)


def _daily(rest: list[str]) -> Schedule:
    return Schedule("daily", (_time(rest),))


def _weekly(rest: list[str]) -> Schedule:
    _skip(rest, "on")
    typed = rest[0].casefold().rstrip(",") if rest else ""
    if typed in _DAY_NUMBERS:
        rest.pop(0)
        return Schedule("weekly", (_time(rest),), _DAY_NUMBERS[typed])
    if "," in typed:
        rest.pop(0)
        raise UserError(
            f"'{clean(typed)}' is more than one weekday.",
            hint='For several days write `cron "0 9 * * mon,thu"`.',
        )
    if difflib.get_close_matches(typed, WEEKDAYS, 1, 0.75) or _is_before_time(rest):
        rest.pop(0)
        raise UserError(
            f"'{clean(typed)}' is not a weekday.", hint="Write mon, tue, wed and so on."
        )
    return Schedule("weekly", (_time(rest),), 0)


def _is_before_time(rest: Sequence[str]) -> bool:
    """Whether a word stands where a weekday does: `foo 09:00`."""
    return (
        len(rest) > 1
        and _TIME.fullmatch(rest[1].casefold()) is not None
        and re.fullmatch("[a-z]+", rest[0].casefold()) is not None
        and rest[0].casefold() != "at"
        and not is_meant_as_zone(rest[0])
    )


def _monthly(rest: list[str]) -> Schedule:
    typed = _ORDINAL.sub(r"\1", rest[0].casefold()) if rest else ""
    if typed in ("first", "last"):
        rest.pop(0)
        return Schedule("monthly", (_time(rest),), 1 if typed == "first" else LAST)
    if not (typed.isascii() and typed.isdigit()):
        return Schedule("monthly", (_time(rest),), 1)
    rest.pop(0)
    number = int(typed[:4])
    if not 1 <= number <= LAST_DAY_OF_ALL:
        exists = " in every month" if number in range(29, 32) else ""
        raise UserError(
            f"There is no day '{clean(typed)}'{exists}.",
            hint=f"Write a day from 1 to {LAST_DAY_OF_ALL}, or `monthly last`.",
        )
    return Schedule("monthly", (_time(rest),), number)


def _every(rest: list[str]) -> Schedule:
    typed = rest.pop(0).casefold() if rest else ""
    found = _COUNT.fullmatch(typed)
    if typed in ("day", "days"):
        return Schedule("daily", (_time(rest),))
    if typed in _DAY_NUMBERS:
        return Schedule("weekly", (_time(rest),), _DAY_NUMBERS[typed])
    unit = rest.pop(0).casefold() if found and rest and rest[0].isalpha() else "days"
    number = int(found[1]) if found else 0
    if not 1 <= number <= MOST_DAYS or unit not in ("day", "days"):
        words = f"every {typed} {unit}" if found else f"every {typed}"
        raise UserError(
            f"'{clean(words.strip())}' is no number of days from 1 to {MOST_DAYS}.",
            hint="For example `every 3 days 10:00`, `weekly mon 09:00`, or several times a day "
            '`cron "0 9,17 * * *"`.',
        )
    if number == 1:
        return Schedule("daily", (_time(rest),))
    return Schedule("every", (_time(rest),), number)


def _cron(rest: list[str]) -> Schedule:
    """Five fields, in quotes or not; what stood in quotes is one word of several."""
    if rest and " " in rest[0]:
        fields = rest.pop(0)
    else:
        size = 6 if len(rest) > 5 and _is_field(rest[5]) else 5
        fields = " ".join(rest[:size])
        del rest[:size]
    cron = parse_cron(fields)
    return Schedule("cron", cron.times, cron=cron)


def _is_field(word: str) -> bool:
    """Whether a word may stand in a cron, or is one of another kind."""
    if " " in word:
        return False
    return word[:1] in [*"*@0123456789"] or word.casefold()[:3] in [day[:3] for day in WEEKDAYS]


def _time(rest: list[str]) -> time:
    """The time of day at the beginning of words, else the usual one."""
    _skip(rest, "at")
    typed = rest[0].casefold() if rest else ""
    if typed in _NAMED_TIMES:
        rest.pop(0)
        return _NAMED_TIMES[typed]
    if not _MEANT_AS_TIME.fullmatch(typed):
        return USUAL_TIME
    rest.pop(0)
    found = _TIME.fullmatch(typed)
    if found is not None:
        hour, minute = int(found[1] or found[3]), int(found[2] or found[4] or 0)
        if found[5]:
            hour = hour % 12 + 12 * (found[5] == "pm") if 1 <= hour <= 12 else 99
        if hour < 24 and minute < 60:
            return time(hour, minute)
    raise UserError(
        f"'{clean(typed)}' is not a time of day.", hint="Write it from 00:00 to 23:59: `09:00`."
    )


def _skip(rest: list[str], word: str) -> None:
    """Leave out a word that only joins: `weekly on monday at 9am`."""
    if rest and rest[0].casefold() == word:
        rest.pop(0)


_NAMED_TIMES = {"noon": time(12), "midnight": time()}
_READERS = {
    "daily": _daily,
    "weekly": _weekly,
    "monthly": _monthly,
    "every": _every,
    "cron": _cron,
}
