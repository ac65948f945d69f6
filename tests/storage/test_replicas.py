"""Who runs on a database: each replica's last tick, forgotten a day later."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from storage.engine import reading, writing
from storage.replicas import forget_replicas, last_tick, note_tick, replicas
from tests.cast import NOW


def tick(engine: sa.Engine, name: str, *, hours: float = 0, **parts: str) -> None:
    with writing(engine) as connection:
        note_tick(connection, name, parts, now=NOW + timedelta(hours=hours))


def test_the_latest_comes_first_with_its_parts(sqlite_engine: sa.Engine) -> None:
    tick(sqlite_engine, "one", hours=1, slack="up")
    tick(sqlite_engine, "two", slack="x" * 500, discord="standby")
    with reading(sqlite_engine) as connection:
        found = replicas(connection)
        assert last_tick(connection) == NOW
    assert [one.name for one in found] == ["one", "two"]
    assert found[1].parts == {"slack": "x" * 150, "discord": "standby"}


def test_on_a_shared_database_its_clock_is_kept(postgres_engine: sa.Engine) -> None:
    tick(postgres_engine, "one")
    with reading(postgres_engine) as connection:
        told = connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
        noted = last_tick(connection)
    assert noted is not None
    assert timedelta() <= told - noted < timedelta(minutes=1)


def test_one_that_is_gone_for_a_day_is_forgotten(sqlite_engine: sa.Engine) -> None:
    tick(sqlite_engine, "gone")
    tick(sqlite_engine, "here", hours=2)
    with writing(sqlite_engine) as connection:
        forget_replicas(connection, now=NOW + timedelta(hours=25))
        assert [one.name for one in replicas(connection)] == ["here"]
