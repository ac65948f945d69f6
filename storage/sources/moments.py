"""Times of foreign records: text or a number in, epoch microseconds UTC out.

A time is never invented: without an offset and without a zone from the importer it raises
RowError, and so does a date that does not exist.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

from storage.sources.base import RowError
from storage.sources.names import quoted
from storage.timekeys import DAY_US, SECOND_US, day_number, to_micros

FIRST_TS = to_micros(datetime(2015, 1, 1, tzinfo=UTC))
# A day label may be local: the earliest zone is 14 hours ahead of UTC.
ZONE_AHEAD = timedelta(hours=14)
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,18}))?)?"
    r" ?(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2}))?"
)
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SHEET_DATE = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}|[0-9]{2})")
_NUMBER = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")
# Seconds below 1e11, then milliseconds, microseconds, nanoseconds: each magnitude has one reading
# between 2015 and now.
_MAGNITUDES = (
    (Decimal(10) ** 11, SECOND_US),
    (Decimal(10) ** 14, 1000),
    (Decimal(10) ** 17, 1),
)


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant, and what had to be decided about it."""

    ts: int
    note: str = ""


def moment_of(value: object, zone: ZoneInfo | None) -> Moment:
    """The instant a text (RFC 3339) or a number (epoch) means; fractions are cut to microseconds.

    A local time that exists twice is the first one, with a note; one that does not exist raises
    RowError.
    """
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Moment(epoch_micros(Decimal(value)))
    if not isinstance(value, str) or not value.strip():
        raise RowError("at is missing")
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return Moment(epoch_micros(Decimal(text)))
    found = _TIME.fullmatch(text)
    if found is None:
        raise RowError(_not_a_time(text))
    try:
        return _moment(found, text, zone)
    except (ValueError, OverflowError):
        raise RowError(f"at {quoted(text)} does not exist") from None


def _not_a_time(text: str) -> str:
    if _ISO_DATE.fullmatch(text):
        return f'at {quoted(text)} has no time: only rows with granularity "day" may have none'
    return f"at {quoted(text)} is not a time like 2026-03-15T10:02:11Z"


def _moment(found: re.Match[str], text: str, zone: ZoneInfo | None) -> Moment:
    day, hour, minute, second, fraction, utc, sign, hours, minutes = found.groups()
    leap = second == "60"  # a leap second is the first instant of the next minute
    naive = datetime.combine(date.fromisoformat(day), datetime.min.time()).replace(
        hour=int(hour), minute=int(minute), second=59 if leap else int(second or 0)
    )
    extra = SECOND_US if leap else int((fraction or "0")[:6].ljust(6, "0"))
    if utc:
        return Moment(to_micros(naive.replace(tzinfo=UTC)) + extra)
    if sign:
        offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
        return Moment(to_micros(naive.replace(tzinfo=timezone(offset))) + extra)
    if zone is None:
        raise RowError(f"at {quoted(text)} has no zone: add an offset or use --tz")
    return _local(naive, zone, extra)


def _local(naive: datetime, zone: ZoneInfo, extra: int) -> Moment:
    first, second = (naive.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    ts = to_micros(first.astimezone(UTC))
    if first.utcoffset() == second.utcoffset():
        return Moment(ts + extra)
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != naive:
        raise RowError(
            f"at {naive:%Y-%m-%d %H:%M} does not exist in {zone.key}: clocks went forward"
        )
    return Moment(
        ts + extra, f"{naive:%Y-%m-%d %H:%M} exists twice in {zone.key}; the first was taken"
    )


def epoch_micros(number: Decimal) -> int:
    """Microseconds of an epoch number; its size tells seconds from milli-, micro-, nanoseconds."""
    for limit, factor in _MAGNITUDES:
        if number < limit:
            return int(number * factor)
    return int(number / 1000)


def day_of(value: object, name: str = "at") -> date:
    """The date of a text: ISO, or M/D/YY and M/D/YYYY as a spreadsheet writes it (month first)."""
    if not isinstance(value, str) or not value.strip():
        raise RowError(f"{name} is missing")
    text = value.strip()
    sheet = _SHEET_DATE.fullmatch(text)
    try:
        if sheet:
            month, day, year = sheet.groups()
            return date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day))
        if _ISO_DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        raise RowError(f"{name} {quoted(text)} does not exist") from None
    raise RowError(f"{name} {quoted(text)} is not a date like 2026-03-15")


def day_start(day: date) -> int:
    """First microsecond of a UTC day."""
    return day_number(day) * DAY_US


def check_moment(ts: int, now: datetime) -> None:
    """Refuse what lies before 2015 or more than a day ahead: a wrong unit or a wrong clock."""
    if ts < FIRST_TS:
        raise RowError("at lies before 2015")
    if ts > to_micros(now + timedelta(days=1)):
        raise RowError("at lies in the future")


def check_day(day: date, now: datetime, *, ahead: timedelta = timedelta()) -> None:
    """Refuse a day before 2015, and one that has not begun `ahead` of UTC yet."""
    if day.year < 2015:
        raise RowError(f"the day {day.isoformat()} lies before 2015")
    if day > (now + ahead).astimezone(UTC).date():
        raise RowError(f"the day {day.isoformat()} lies in the future")
