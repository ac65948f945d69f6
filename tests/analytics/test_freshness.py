"""Up to when there are data, in the words that a reader needs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from analytics.captions import freshness_text
from analytics.report import Period
from storage.events import Granularity
from storage.timekeys import DAY_US, day_number
from tests.analytics.world import World
from tests.cast import NOW, event

BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    return World(sqlite_engine)


def at(day: int, hour: int = 0, minute: int = 0, second: int = 0, *, year: int = 2026) -> datetime:
    return datetime(year, 3, day, hour, minute, second, tzinfo=BERLIN)


def period(first: datetime, end: datetime, *, partial: bool = False) -> Period:
    return Period(first, end, "Europe/Berlin", "typed", partial)


WEEK = period(at(23), at(30))
ONE = period(at(29), at(30))  # 23 hours
TODAY = period(at(30), at(30, 14, 10), partial=True)


@pytest.mark.parametrize(
    ("newest", "of", "words"),
    [
        (at(29, 8, 59, 40), ONE, "data until 08:59:40"),
        (at(29, 13), ONE, "data until 13:00"),
        (at(29, 23, 58, 12), WEEK, "data until 29 Mar 23:58:12"),
        (at(30), ONE, "data until 29 Mar, whole day"),
        (at(30), WEEK, "data until 29 Mar, whole day"),
        (at(28), WEEK, "data until 27 Mar, whole day"),
        (at(1, year=2025), WEEK, "data until 28 Feb 2025, whole day"),
        (at(22, 9), ONE, "data until 22 Mar 09:00"),
        (at(30, 14, 5, 9), TODAY, "data to 30 Mar 14:05"),
        (at(30), TODAY, "data to 29 Mar, whole day"),
        (at(30, 14, 5), ONE, "data to 30 Mar 14:05"),  # newer than what was asked about
        (at(30, 14, 5), None, "data to 30 Mar 14:05"),
        (at(1, 9, year=2024), None, "data to 1 Mar 2024 09:00"),
    ],
)
def test_what_a_reader_needs_is_said(newest: datetime, of: Period | None, words: str) -> None:
    assert freshness_text(newest, of, at(30, 14, 10)) == words
    assert freshness_text(newest.astimezone(UTC), of or WEEK, NOW).startswith("data ")


def test_a_day_that_ends_with_a_gap_is_whole() -> None:
    cairo = ZoneInfo("Africa/Cairo")  # 24 April 2026 begins at 01:00
    end = datetime(2026, 4, 24, 1, tzinfo=cairo)
    of = Period(datetime(2026, 4, 23, tzinfo=cairo), end, "Africa/Cairo", "typed")
    assert freshness_text(end, of, end + DAY) == "data until 23 Apr, whole day"


@pytest.mark.parametrize(
    ("day", "words"),
    [(29, "data to 29 Mar, whole day"), (30, "data to 29 Mar, whole day")],
)
def test_a_source_of_whole_days_has_no_clock_time(world: World, day: int, words: str) -> None:
    number = day_number(at(day).date())
    world.write([event(ts=number * DAY_US, granularity=Granularity.DAY, prompts=5)])
    report = world.ask("by-model this month")
    assert report.data_to is not None
    assert freshness_text(report.data_to, report.period, NOW) == words
    assert report.figure is not None
    assert words in report.figure.footer
