"""When the usage of a source of whole days came."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa

from storage.day_sources import day_arrivals, day_rows, reports_days
from storage.engine import reading
from storage.events import Granularity
from storage.reading import Days
from storage.timekeys import DAY_US, day_number
from tests.analytics.world import World
from tests.cast import event
from tests.daily_files import DAY, bring, came

FIRST = date(2026, 3, 10)
NUMBER = day_number(FIRST)
MORNING, NOON = DAY / 3, DAY / 2


def test_a_later_file_about_the_same_days_is_not_when_they_came(engine: sa.Engine) -> None:
    world, second = World(engine), FIRST + DAY
    bring(world, [FIRST], came(FIRST, MORNING))
    bring(world, [FIRST, second], came(second, NOON), rows=3)
    with reading(engine) as connection:
        assert day_arrivals(connection, 1, 1, range(NUMBER - 1, NUMBER + 3)) == {
            NUMBER: came(FIRST, MORNING),
            NUMBER + 1: came(second, NOON),
        }
        assert day_rows(connection, 1, 1, Days(NUMBER, NUMBER + 9)) == {NUMBER: 3, NUMBER + 1: 3}


def test_a_day_that_a_file_says_is_empty_has_come(engine: sa.Engine) -> None:
    world = World(engine)
    bring(world, [FIRST], came(FIRST, MORNING))
    bring(world, [FIRST + DAY], came(FIRST + DAY, MORNING), rows=0)
    with reading(engine) as connection:
        assert NUMBER + 1 in day_arrivals(connection, 1, 1, [NUMBER + 1])
        assert not reports_days(connection, 1, 1, NUMBER + 1)


def test_what_no_file_brought_came_at_an_unknown_moment(engine: sa.Engine) -> None:
    world = World(engine)
    world.write([event(ts=NUMBER * DAY_US, granularity=Granularity.DAY, prompts=5)])
    world.write([event(ts=(NUMBER + 1) * DAY_US)])  # a prompt at midnight is no whole day
    with reading(engine) as connection:
        assert day_arrivals(connection, 1, 1, [NUMBER, NUMBER + 1]) == {NUMBER: None}
        assert reports_days(connection, 1, 1, NUMBER)
        assert not reports_days(connection, 1, 1, NUMBER + 1)
        assert day_arrivals(connection, 1, 2, [NUMBER]) == {}


def test_days_are_the_sources_own_in_every_zone() -> None:
    assert came(FIRST, timedelta()).isoformat() == "2026-03-11T00:00:00+01:00"
