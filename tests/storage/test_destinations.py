"""Destinations: one for each place, quiet at night, alive until a platform says otherwise."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from bot.context import Place
from storage.destinations import (
    Destination,
    destination_of,
    find_destination,
    let_see_people,
    list_destinations,
    revive,
    set_quiet_hours,
)
from storage.engine import reading, writing
from tests.cast import NOW, ZONE
from tests.databases import elsewhere, home

GENERAL = Place("C1", "general")


def keep(engine: sa.Engine, place: Place = GENERAL, workspace_id: int = 1) -> Destination:
    with writing(engine) as connection:
        return destination_of(
            connection,
            workspace_id,
            platform="slack",
            external_id="T1",
            place=place,
            actor="slack:T1:U1",
            now=NOW,
        )


def test_a_place_is_kept_once_and_takes_its_new_name(engine: sa.Engine) -> None:
    first, renamed = keep(engine), keep(engine, Place("C1", "all-hands"))
    assert (first.name, renamed.name) == ("general", "all-hands")
    assert keep(engine, Place("C1", "")) == renamed
    with reading(engine) as connection:
        assert list_destinations(connection, home(engine).id) == {first.id: renamed}


def test_a_destination_is_of_one_workspace(engine: sa.Engine) -> None:
    keep(engine)
    other = elsewhere(engine).id
    keys = {"platform": "slack", "external_id": "T1", "channel_id": "C1"}
    with reading(engine) as connection:
        assert find_destination(connection, other, **keys) is None
        assert list_destinations(connection, other) == {}
        assert find_destination(connection, 1, **keys)


def test_a_dead_destination_is_tried_again(engine: sa.Engine) -> None:
    found = keep(engine)
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE destination SET state='dead', dead_reason='archived'"))
        assert revive(connection, 1, found.id) == found
        assert let_see_people(connection, 1, found.id, is_open=True).people_rows


@pytest.mark.parametrize(
    ("hours", "at", "until"),
    [
        ((22, 7), "2026-03-24T21:59", "2026-03-24T21:59"),
        ((22, 7), "2026-03-24T22:00", "2026-03-25T07:00"),
        ((22, 7), "2026-03-25T06:59", "2026-03-25T07:00"),
        ((22, 7), "2026-03-25T07:00", "2026-03-25T07:00"),
        ((12, 14), "2026-03-24T13:30", "2026-03-24T14:00"),
        ((12, 14), "2026-03-24T14:30", "2026-03-24T14:30"),
        ((22, 7), "2026-03-28T23:00", "2026-03-29T07:00"),
    ],
)
def test_a_quiet_destination_is_awake_in_the_morning(
    sqlite_engine: sa.Engine, hours: tuple[int, int], at: str, until: str
) -> None:
    zone, number = ZoneInfo(ZONE), keep(sqlite_engine).id
    minutes = (hours[0] * 60, hours[1] * 60)
    with writing(sqlite_engine) as connection:
        quiet = set_quiet_hours(connection, 1, number, hours=minutes, zone=ZONE)
        loud = set_quiet_hours(connection, 1, number, hours=None, zone=ZONE)
    moment = datetime.fromisoformat(at).replace(tzinfo=zone)
    assert quiet.awake(moment) == datetime.fromisoformat(until).replace(tzinfo=zone)
    assert loud.awake(moment) == moment
