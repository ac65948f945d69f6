"""Cron expressions, read as people mean them and not as a library counts them.

Five fields: minute, hour, day, month, weekday.  Weekdays are names or numbers, and 0 and 7 are both
Sunday.  Where day and weekday both narrow, either is enough.  The times of a day are the same on
each of its days, so a cron is a set of local days and a set of local times.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time

from analytics.errors import UserError
from analytics.numbers import counted
from analytics.text import clean
from analytics.timerange import MONTH_NAMES, WEEKDAY_NAMES
from storage.text import tidy

FEWEST_MINUTES = 15
DAY_MINUTES = 24 * 60
MAX_TEXT = 100  # what is kept of a schedule has 120 characters
EXAMPLE = 'cron "0 9 * * mon-fri"'
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_WEEKDAYS = {name.casefold(): (number + 1) % 7 for number, name in enumerate(WEEKDAY_NAMES)}
_MONTHS = {name.casefold(): number for number, name in enumerate(MONTH_NAMES, 1)}


@dataclass(frozen=True, slots=True)
class _Field:
    """One of the five: its name, its numbers, and what else may be written for them."""

    name: str
    first: int
    last: int
    names: Mapping[str, int]


_FIELDS = (
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day", 1, 31, {}),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 6, _WEEKDAYS | {"7": 0}),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression: the local times of a day, and the days that have them.

    `weekdays` count from Sunday, 0; None is a field that does not narrow.
    """

    text: str
    times: tuple[time, ...]
    days: frozenset[int] | None
    months: frozenset[int] | None
    weekdays: frozenset[int] | None

    def falls_on(self, day: date) -> bool:
        """Whether it is due on a local day."""
        if self.months is not None and day.month not in self.months:
            return False
        in_days = self.days is not None and day.day in self.days
        in_week = self.weekdays is not None and day.isoweekday() % 7 in self.weekdays
        if self.days is None or self.weekdays is None:
            return (self.days is None or in_days) and (self.weekdays is None or in_week)
        return in_days or in_week


def parse_cron(text: str) -> Cron:
    """The cron of five fields; raises UserError that quotes what is wrong.

    One that never happens, or is due twice within 15 minutes, is refused.
    """
    parts = text.casefold().split()
    if len(parts) != len(_FIELDS):
        has = counted(len(parts), "field")
        extra = " There are no seconds." if len(parts) > len(_FIELDS) else ""
        said = f"'{tidy(text)}' has {has}, and a cron has five."
        raise UserError(
            said if parts else "A cron has five fields.",
            hint=f"Minute, hour, day, month, weekday: `{EXAMPLE}`.{extra}",
        )
    if len(" ".join(parts)) > MAX_TEXT:
        raise UserError(
            f"'{clean(text, 40)}' has {len(text)} characters.",
            hint=f"A cron may have up to {MAX_TEXT}; write ranges: `1-5`, `*/2`.",
        )
    minutes, hours, days, months, weekdays = (
        _numbers(part, field) for part, field in zip(parts, _FIELDS, strict=True)
    )
    times = tuple(
        time(hour, minute)
        for hour in sorted(hours or range(24))
        for minute in sorted(minutes or range(60))
    )
    cron = Cron(" ".join(parts), times, days, months, weekdays)
    _check(cron, text)
    return cron


def _check(cron: Cron, text: str) -> None:
    if cron.days is not None and cron.weekdays is None:
        longest = max(_LONGEST_MONTH[month - 1] for month in cron.months or range(1, 13))
        if min(cron.days) > longest:
            raise UserError(
                f"'{clean(text)}' never happens: no such month has a day {min(cron.days)}.",
                hint="For the end of every month there is `monthly last`.",
            )
    minutes = [one.hour * 60 + one.minute for one in cron.times]
    gaps = [b - a for a, b in itertools.pairwise([*minutes, minutes[0] + DAY_MINUTES])]
    if min(gaps) < FEWEST_MINUTES:
        raise UserError(
            f"'{clean(text)}' is due every {_minutes(min(gaps))}.",
            hint=f"At least {FEWEST_MINUTES} minutes must lie between: `*/15` for the minute.",
        )


def _minutes(count: int) -> str:
    return "minute" if count == 1 else f"{count} minutes"


def _numbers(text: str, field: _Field) -> frozenset[int] | None:
    """The numbers that a field allows; None for all of them."""
    found = frozenset(number for part in text.split(",") for number in _span(part, field))
    return None if len(found) > field.last - field.first else found


def _span(text: str, field: _Field) -> list[int]:
    """`*`, `5`, `mon-fri`, `*/15`, `8-18/2`; a span of weekdays may pass the end of the week."""
    body, slash, step_text = text.partition("/")
    step = _digits(step_text) if slash else 1
    if not step:
        raise _wrong(text, field)
    if body == "*":
        return list(range(field.first, field.last + 1, step))
    first_text, dash, last_text = body.partition("-")
    first = _number(first_text, field, text)
    if not dash:
        return list(range(first, field.last + 1, step)) if slash else [first]
    last = _number(last_text, field, text)
    if last >= first and last_text != "7":
        return list(range(first, last + 1, step))
    if field.name != "weekday":
        raise _wrong(text, field)
    return [number % 7 for number in range(first, last + 8, step)]


def _number(word: str, field: _Field, whole: str) -> int:
    number = field.names.get(word[:3] if word.isalpha() else word, _digits(word))
    if number is None or not field.first <= number <= field.last:
        raise _wrong(whole, field)
    return number


def _digits(word: str) -> int | None:
    return int(word) if word.isascii() and word.isdigit() and len(word) < 4 else None


def _wrong(text: str, field: _Field) -> UserError:
    named = "sun to sat, or 0 to 7" if field.name == "weekday" else f"{field.first} to {field.last}"
    return UserError(
        f"'{clean(text, 40)}' is no {field.name} of a cron.",
        hint=f"Here stands `*` or {named}, also `1,2`, `1-5` and `*/2`; for example `{EXAMPLE}`.",
    )
