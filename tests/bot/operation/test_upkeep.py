"""What the service checks at night, and what it says about it."""

from __future__ import annotations

from copy import copy
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from bot.operation.leases import Leases
from bot.operation.upkeep import VERIFIED, Upkeep
from storage.audit import record
from storage.engine import reading, writing
from storage.evidence import read_evidence
from storage.ratings import rate
from tests.cast import NOW
from tests.databases import home
from tests.doubles.discord_desk import desk_of

TAMPERED = {
    "DELETE FROM usage_day": "differ from the ledger",
    "UPDATE audit SET role = 'x' WHERE seq = 2": "changed at row 2",
}


@pytest.fixture
def watched(sqlite_engine: sa.Engine) -> sa.Engine:
    """A database with usage and three rows of audit."""
    with desk_of(sqlite_engine), writing(sqlite_engine) as connection:
        for row in range(3):
            record(
                connection,
                home(sqlite_engine).id,
                at=NOW,
                actor="slack:T1:U1",
                role="admin",
                action="bind",
                object=str(row),
            )
    return sqlite_engine


async def said(engine: sa.Engine, turns: int) -> list[str]:
    """What was reported in so many turns of one day."""
    states: list[str] = []
    upkeep = Upkeep(engine, lambda: NOW, report=states.append)
    for _ in range(turns):
        await upkeep.verify()
    return states


async def test_what_is_well_is_said_once_a_day(watched: sa.Engine) -> None:
    assert await said(watched, turns=2) == [VERIFIED]


@pytest.mark.parametrize("statement", TAMPERED)
async def test_what_was_changed_is_said_until_it_is_mended(
    watched: sa.Engine, statement: str
) -> None:
    with writing(watched) as connection:
        connection.exec_driver_sql("DROP TRIGGER IF EXISTS audit_no_update")
        connection.exec_driver_sql(statement)
    states = await said(watched, turns=2)
    assert len(states) == 2
    assert all(TAMPERED[statement] in state for state in states)


async def test_evidence_is_gathered_once_a_local_day(watched: sa.Engine) -> None:
    ours = home(watched)
    day = ours.clock().day(NOW) - 1
    with writing(watched) as connection:
        rate(connection, ours.id, person_id=1, model_id=1, task_id=1, day=day, stars=5, now=NOW)
    days = []
    for now in (NOW, NOW + timedelta(hours=1), NOW + timedelta(days=1)):
        with writing(watched) as connection:
            connection.exec_driver_sql("DELETE FROM evidence")
        await Upkeep(watched, partial(copy, now), report=print).gather()
        with reading(watched) as connection:
            days.append(bool(read_evidence(connection, ours.id)))
    assert days == [True, False, True]


async def test_what_another_replica_found_mended_is_no_longer_said(watched: sa.Engine) -> None:
    states: list[str] = []
    here = Upkeep(watched, lambda: NOW, report=states.append)
    there = Upkeep(watched, lambda: NOW, report=print)
    with writing(watched) as connection:
        connection.exec_driver_sql("CREATE TABLE aside AS SELECT * FROM usage_day")
        connection.exec_driver_sql("DELETE FROM usage_day")
    await here.verify()
    with writing(watched) as connection:
        connection.exec_driver_sql("INSERT INTO usage_day SELECT * FROM aside")
    await there.verify()
    await here.verify()
    assert [one == VERIFIED for one in states] == [False, True]


async def test_a_job_that_another_replica_is_at_is_left_to_it(postgres_engine: sa.Engine) -> None:
    states: list[str] = []
    one, two = (Leases(postgres_engine, lambda: NOW, holder=name) for name in ("one", "two"))
    upkeep = Upkeep(postgres_engine, lambda: NOW, report=states.append, leases=two)
    async with one.turn("verify"):
        await upkeep.verify()
    assert states == []
    await upkeep.verify()
    assert states == [VERIFIED]
    one.close()
    two.close()
