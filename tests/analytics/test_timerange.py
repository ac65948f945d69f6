"""Ranges: a fault here shifts every number of every report.

What must hold: neighbours meet and never overlap, days cover the range exactly in every zone's
clock changes, what is printed parses back, and wrong words are quoted.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.errors import UserError
from analytics.timerange import EXAMPLES, TimeRange, parse_range
from storage.timekeys import Clock, day_number

TODAY = date(2026, 3, 30)  # a Monday
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "America/Santiago",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "UTC",
)
DAYS = st.dates(date(2015, 1, 1), date(2037, 12, 31))


@pytest.mark.parametrize(
    ("words", "first", "last"),
    [
        ("today", "2026-03-30", "2026-03-30"),
        ("yesterday", "2026-03-29", "2026-03-29"),
        ("last 7d", "2026-03-24", "2026-03-30"),
        ("last 30 days", "2026-03-01", "2026-03-30"),
        ("last 3 months", "2025-12-31", "2026-03-30"),
        ("last 6 months", "2025-10-01", "2026-03-30"),
        ("Last  2 Weeks", "2026-03-17", "2026-03-30"),
        ("this week", "2026-03-30", "2026-03-30"),
        ("last week", "2026-03-23", "2026-03-29"),
        ("this month", "2026-03-01", "2026-03-30"),
        ("last month", "2026-02-01", "2026-02-28"),
        ("this quarter", "2026-01-01", "2026-03-30"),
        ("last quarter", "2025-10-01", "2025-12-31"),
        ("this year", "2026-01-01", "2026-03-30"),
        ("last year", "2025-01-01", "2025-12-31"),
        ("2026-03", "2026-03-01", "2026-03-30"),
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2026-03-01..2026-03-15", "2026-03-01", "2026-03-15"),
        ("since monday", "2026-03-30", "2026-03-30"),
        ("since 2026-03-01", "2026-03-01", "2026-03-30"),
        ("march", "2026-03-01", "2026-03-30"),
        ("april", "2025-04-01", "2025-04-30"),
        ("feb 2024", "2024-02-01", "2024-02-29"),
        ("q1 2026", "2026-01-01", "2026-03-30"),
        ("2025-q4", "2025-10-01", "2025-12-31"),
        ("2025", "2025-01-01", "2025-12-31"),
    ],
)
def test_words_mean_these_days(words: str, first: str, last: str) -> None:
    found = parse_range(words, TODAY)
    assert (found.first.isoformat(), (found.end - timedelta(days=1)).isoformat()) == (first, last)


@pytest.mark.parametrize(
    ("words", "quoted", "help_"),
    [
        ("lst week", "lst week", "`last week`"),
        ("2026-02-30", "2026-02-30", "2026-03"),
        ("2026-05", "future", "2026-03-30"),
        ("2026-03-15..2026-03-01", "before it starts", "2026-03-01..2026-03-15"),
        ("last 99999d", "too long", "2000"),
        ("last 0d", "nothing", "last 7d"),
        ("9999", "9999", "2026-03"),
        ("1999", "before 2000", "2000"),
        ("0001-01", "before 2000", "2000"),
        ("since", "since", "last 7d"),
        ("last １２d", "last １２d", "last 7d"),
    ],
)
def test_wrong_words_are_quoted_and_helped(words: str, quoted: str, help_: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_range(words, TODAY)
    assert quoted in caught.value.message
    assert help_ in caught.value.hint


@given(st.sampled_from(EXAMPLES), DAYS)
def test_what_is_printed_parses_back(words: str, today: date) -> None:
    found = parse_range(words, today)
    again = parse_range(found.iso, today)
    assert (again.first, again.end) == (found.first, found.end)


@given(st.text(max_size=40), DAYS)
def test_any_text_is_a_range_or_a_sentence(text: str, today: date) -> None:
    found: TimeRange | UserError
    try:
        found = parse_range(text, today)
    except UserError as error:
        found = error
    if isinstance(found, UserError):
        assert found.hint
    else:
        assert found.first < found.end <= today + timedelta(days=1)


@given(st.sampled_from(EXAMPLES), DAYS)
def test_the_time_before_meets_it_and_is_as_long(words: str, today: date) -> None:
    found = parse_range(words, today).complete()
    before = found.previous()
    assert before.end == found.first
    assert before.days == found.days


@given(st.sampled_from(["week", "month", "quarter", "year"]), DAYS)
def test_last_and_this_meet(unit: str, today: date) -> None:
    assert parse_range(f"last {unit}", today).end == parse_range(f"this {unit}", today).first


@given(st.sampled_from(ZONES), DAYS, st.integers(1, 40))
def test_the_hours_of_its_days_are_the_hours_of_the_range(
    zone: str, first: date, days: int
) -> None:
    clock = Clock(zone)
    numbers = range(day_number(first), day_number(first) + days)
    edges = [clock.midnight(number) for number in (*numbers, numbers.stop)]
    lengths = [(b.astimezone(UTC) - a.astimezone(UTC)) for a, b in pairwise(edges)]
    whole = edges[-1].astimezone(UTC) - edges[0].astimezone(UTC)
    assert sum(lengths, timedelta()) == whole
    assert all(
        timedelta(hours=22) < length < timedelta(hours=26) or not length for length in lengths
    )


@given(st.sampled_from(ZONES), st.datetimes(datetime(2015, 1, 1), datetime(2037, 1, 1)))  # noqa: DTZ001  # hypothesis wants naive bounds
def test_an_instant_lies_in_the_day_it_is_counted_in(zone: str, naive: datetime) -> None:
    clock, moment = Clock(zone), naive.replace(tzinfo=UTC)
    day = clock.day(moment)
    assert clock.midnight(day) <= moment < clock.midnight(day + 1)
    assert moment.astimezone(ZoneInfo(zone)).date() == clock.local_date(moment)


def test_a_range_that_reaches_today_is_partial_and_compares_complete_days() -> None:
    found = parse_range("last 7d", TODAY)
    assert found.is_partial
    assert found.complete_days == 6
    assert found.complete().previous() == TimeRange(
        date(2026, 3, 18), date(2026, 3, 24), "before", TODAY
    )
