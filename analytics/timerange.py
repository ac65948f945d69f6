"""Range words and their inverse.

A range is a stretch of whole days of the workspace's zone, half-open: `first` is in it, `end` is
not.  A typed `2026-03-01..2026-03-15` includes both days.  `last 7d` ends with today, which makes
it partial.  What `TimeRange.iso` prints parses back to the same days.
"""

from __future__ import annotations

import difflib
import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from analytics.errors import UserError

EARLIEST = date(2000, 1, 1)
LATEST = date(9000, 1, 1)
MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTH_NAMES = tuple(name[:3].title() for name in MONTHS)
WEEKDAY_NAMES = tuple(name[:3].title() for name in WEEKDAYS)
EXAMPLES = (
    "today",
    "yesterday",
    "last 7d",
    "last 30d",
    "last 3 months",
    "last 6 months",
    "this week",
    "last week",
    "this month",
    "last month",
    "this quarter",
    "last quarter",
    "this year",
    "last year",
    "since monday",
)
HINT = "Try `today`, `last 7d`, `last 3 months`, `2026-03` or `2026-03-01..2026-03-15`."
UNITS = {"d": "day", "w": "week", "m": "month", "mo": "month", "q": "quarter", "y": "year"}
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Whole local days from `first` up to, not including, `end`; `words` are the asker's.

    `today` is the local day of the question: a range that reaches it is partial.
    """

    first: date
    end: date
    words: str
    today: date

    @property
    def days(self) -> int:
        """How many local days it covers."""
        return (self.end - self.first).days

    @property
    def is_partial(self) -> bool:
        """Whether it still runs: its last day is today."""
        return self.first <= self.today < self.end

    @property
    def complete_days(self) -> int:
        """Days of it that are over."""
        return self.days - 1 if self.is_partial else self.days

    @property
    def label(self) -> str:
        """The asker's words in full: `last 7d` as `last 7 days`."""
        found = _ROLLING.fullmatch(self.words)
        if found is None:
            return self.words
        count, unit = int(found["count"]), _unit(found)
        return f"last {count} {unit}{'' if count == 1 else 's'}"

    @property
    def iso(self) -> str:
        """The same days as a line can carry them, independent of the day it is read."""
        last = self.end - DAY
        return self.first.isoformat() if self.days == 1 else f"{self.first}..{last}"

    @property
    def dates(self) -> str:
        """The days for people: `1-30 Mar 2026`, `26 Feb - 4 Mar 2026`, with an en dash."""
        first, last = self.first, self.end - DAY
        tail = f"{last.day} {MONTH_NAMES[last.month - 1]} {last.year}"
        if first == last:
            return tail
        if (first.year, first.month) == (last.year, last.month):
            return f"{first.day}–{tail}"
        head = f"{first.day} {MONTH_NAMES[first.month - 1]}"
        return f"{head} – {tail}" if first.year == last.year else f"{head} {first.year} – {tail}"

    def complete(self) -> TimeRange:
        """Its days that are over; itself when today is all it has."""
        if not self.is_partial or self.days == 1:
            return self
        return TimeRange(self.first, self.end - DAY, self.words, self.today)

    def previous(self) -> TimeRange:
        """As many days just before it."""
        return TimeRange(self.first - (self.end - self.first), self.first, "before", self.today)


def parse_range(text: str, today: date, week_start: int = 0) -> TimeRange:
    """The range that words mean on a local day; raises UserError that quotes them.

    Weeks begin on the weekday `week_start`, 0 for Monday.

    Ranges start in 2000 at the earliest and are cut at today; one that lies wholly in the future
    is an error.
    """
    words = " ".join(text.casefold().replace(",", " ").split())
    try:
        first, end = _days(words, today, week_start)
    except (OverflowError, ValueError):
        raise UserError(f"'{text}' is not a time that exists.", hint=HINT) from None
    if end <= first:
        raise UserError(
            f"'{text}' ends before it starts.", hint=f"Did you mean `{end - DAY}..{first}`?"
        )
    if first > today:
        raise UserError(f"'{text}' lies in the future.", hint=f"Today is {today}.")
    if first < EARLIEST:
        raise UserError(f"'{text}' starts before {EARLIEST}.", hint="Ranges start in 2000.")
    return TimeRange(first, min(end, today + DAY), words, today)


def is_range(text: str) -> bool:
    """Whether words are a range at all, on whatever day they are read."""
    try:
        parse_range(text, LATEST)
    except UserError:
        return False
    return True


def _days(words: str, today: date, week_start: int) -> tuple[date, date]:
    if words in ("this week", "last week"):
        start = week_of(today, week_start) - (7 * DAY if words == "last week" else 0 * DAY)
        return start, start + 7 * DAY
    for pattern, read in GRAMMAR:
        found = pattern.fullmatch(words)
        if found:
            return read(found, today)
    close = difflib.get_close_matches(words, (*EXAMPLES, *MONTHS, *WEEKDAYS), 1, 0.75)
    hint = f"Did you mean `{close[0]}`?" if close else HINT
    raise UserError(f"I don't understand the range '{words}'.", hint=hint)


def week_of(day: date, week_start: int) -> date:
    """First day of the week that holds a day; weeks begin on a weekday, 0 for Monday."""
    return day - DAY * ((day.weekday() - week_start) % 7)


def _month(first: date, step: int = 1) -> date:
    """The first day of the month `step` months later."""
    number = first.year * 12 + first.month - 1 + step
    return date(number // 12, number % 12 + 1, 1)


def _start(unit: str, day: date) -> date:
    """First day of the month, quarter or year that holds a day."""
    match unit:
        case "month":
            return day.replace(day=1)
        case "quarter":
            return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
        case "year":
            return date(day.year, 1, 1)
    return day


def _next(unit: str, start: date) -> date:
    """First day of the following unit."""
    match unit:
        case "month":
            return _month(start)
        case "quarter":
            return _month(start, 3)
        case "year":
            return date(start.year + 1, 1, 1)
    return start + DAY


def _back(today: date, count: int, unit: str) -> date:
    """First day of a rolling stretch of `count` units that ends with today."""
    match unit:
        case "day":
            return today - (count - 1) * DAY
        case "week":
            return today - (7 * count - 1) * DAY
    months = count * {"month": 1, "quarter": 3, "year": 12}[unit]
    start = _month(today, -months)
    length = monthrange(start.year, start.month)[1]
    return start.replace(day=min(today.day, length)) + DAY


def _unit(found: re.Match[str]) -> str:
    return UNITS.get(found["unit"], found["unit"].removesuffix("s"))


def _rolling(found: re.Match[str], today: date) -> tuple[date, date]:
    unit = _unit(found)
    count = int(found["count"])
    if not count:
        raise UserError(f"'{found[0]}' covers nothing.", hint="For example `last 7d`.")
    if count > 40_000:
        raise UserError(f"'{found[0]}' is too long.", hint="Ranges start in 2000.")
    return _back(today, count, unit), today + DAY


def _calendar(found: re.Match[str], today: date) -> tuple[date, date]:
    start = _start(found["unit"], today)
    if found["which"] == "this":
        return start, _next(found["unit"], start)
    return _start(found["unit"], start - DAY), start


def _point(words: str, today: date) -> tuple[date, date]:
    """A single date, month, quarter, year, month name or weekday."""
    for pattern, read in POINTS:
        found = pattern.fullmatch(words)
        if found:
            return read(found, today)
    raise UserError(f"I don't understand the date '{words}'.", hint="For example `2026-03-01`.")


def _iso(found: re.Match[str], _: date) -> tuple[date, date]:
    day = date.fromisoformat(found[0])
    return day, day + DAY


def _iso_month(found: re.Match[str], _: date) -> tuple[date, date]:
    start = date(int(found["year"]), int(found["month"]), 1)
    return start, _month(start)


def _named_month(found: re.Match[str], today: date) -> tuple[date, date]:
    number = next(i for i, name in enumerate(MONTHS, 1) if name.startswith(found["name"][:3]))
    year = int(found["year"]) if found["year"] else today.year - (number > today.month)
    start = date(year, number, 1)
    return start, _month(start)


def _quarter(found: re.Match[str], today: date) -> tuple[date, date]:
    number = int(found["number"])
    year = found["year"] or found["early"]
    chosen = int(year) if year else today.year - (3 * number - 2 > today.month)
    start = date(chosen, 3 * number - 2, 1)
    return start, _month(start, 3)


def _year(found: re.Match[str], _: date) -> tuple[date, date]:
    return date(int(found[0]), 1, 1), date(int(found[0]) + 1, 1, 1)


def _weekday(found: re.Match[str], today: date) -> tuple[date, date]:
    number = next(i for i, name in enumerate(WEEKDAYS) if name.startswith(found[0][:3]))
    day = today - DAY * ((today.weekday() - number) % 7)
    return day, day + DAY


def _between(found: re.Match[str], today: date) -> tuple[date, date]:
    first, end = _point(found["first"], today)[0], _point(found["last"], today)[1]
    if end <= first:
        swapped = f"{found['last']}..{found['first']}"
        raise UserError(f"'{found[0]}' ends before it starts.", hint=f"Did you mean `{swapped}`?")
    return first, end


def _since(found: re.Match[str], today: date) -> tuple[date, date]:
    first = today - DAY if found["point"] == "yesterday" else _point(found["point"], today)[0]
    return first, today + DAY


Reading = Callable[[re.Match[str], date], tuple[date, date]]


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.ASCII)


_ROLLING = _pattern(
    r"(?:(?:last|past) ?)?(?P<count>\d{1,9}) ?"
    r"(?P<unit>d|w|mo?|q|y|days?|weeks?|months?|quarters?|years?)"
)
_MONTH_WORD = "(?P<name>" + "|".join(f"{name[:3]}|{name}" for name in MONTHS) + "|sept)"
POINTS: tuple[tuple[re.Pattern[str], Reading], ...] = (
    (_pattern(r"\d{4}-\d{2}-\d{2}"), _iso),
    (_pattern(r"(?P<year>\d{4})-(?P<month>\d{2})"), _iso_month),
    (_pattern(r"\d{4}"), _year),
    (_pattern(_MONTH_WORD + r"(?: (?P<year>\d{4}))?"), _named_month),
    (_pattern(r"(?:(?P<early>\d{4})[- ])?q(?P<number>[1-4])(?: (?P<year>\d{4}))?"), _quarter),
    (_pattern("|".join(f"{name[:3]}|{name}" for name in WEEKDAYS)), _weekday),
    (_pattern("today"), lambda _, today: (today, today + DAY)),
    (_pattern("yesterday"), lambda _, today: (today - DAY, today)),
)
GRAMMAR: tuple[tuple[re.Pattern[str], Reading], ...] = (
    *POINTS,
    (_ROLLING, _rolling),
    (_pattern(r"(?P<which>this|last) (?P<unit>month|quarter|year)"), _calendar),
    (_pattern(r"since (?P<point>.+)"), _since),
    (_pattern(r"(?P<first>.+?) ?(?:\.\.|–| to ) ?(?P<last>.+)"), _between),
)
