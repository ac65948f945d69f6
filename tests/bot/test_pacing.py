"""One person's flood is slowed; everybody else does not notice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from analytics.errors import UserError
from bot.context import Identity
from bot.desk import Desk
from bot.exports import Draft
from bot.pacing import EXPORTS, QUESTIONS, RUNNING, WAITING, Pace, Pacing, TooMuch, Turns
from storage.engine import reading, writing
from storage.workspaces import bind_chat
from tests.analytics.world import World
from tests.cast import NOW, event

ANN, BEN = Identity("slack", "T1", "ANN"), Identity("slack", "T1", "BEN")


@pytest.fixture
def desk(sqlite_engine: sa.Engine) -> Iterator[Desk]:
    """A desk with one prompt to count, whose clock stands still."""
    with writing(sqlite_engine) as connection:
        bind_chat(connection, 1, platform="slack", external_id="T1", now=NOW)
    World(sqlite_engine).write([event()])
    found = Desk(sqlite_engine, now=lambda: NOW, pacing=Pacing(lambda: 0.0))
    yield found
    found.close()


def took(pacing: Pacing, pace: Pace = QUESTIONS) -> bool:
    """Whether Ann may ask now."""
    try:
        pacing.take("ann", pace)
    except TooMuch:
        return False
    return True


@pytest.mark.parametrize("pace", [QUESTIONS, EXPORTS])
@given(st.lists(st.floats(0, 20), max_size=80))
def test_nobody_gets_more_than_the_burst_and_one_each_so_often(
    pace: Pace, pauses: list[float]
) -> None:
    time = [0.0]
    pacing = Pacing(lambda: time[0])
    allowed = 0
    for pause in pauses:
        time[0] += pause
        allowed += took(pacing, pace)
    assert allowed <= pace.burst + sum(pauses) / pace.seconds_each


def test_waiting_as_told_is_enough() -> None:
    time = [0.0]
    pacing = Pacing(lambda: time[0])
    assert [took(pacing) for _ in range(6)] == [True] * 5 + [False]
    time[0] += QUESTIONS.seconds_each
    assert took(pacing)


def test_a_flood_is_told_once_until_it_may_ask_again() -> None:
    time = [0.0]
    pacing = Pacing(lambda: time[0])
    told = []
    for fifth in range(60):
        time[0] = fifth / 5
        try:
            pacing.take("ann")
        except TooMuch as error:
            told.append(error.told)
    assert told.count(False) == 2


async def test_a_flood_of_one_leaves_the_others_alone(desk: Desk) -> None:
    flood = [f"envelope-{number}" for number in range(5)]
    assert all([await desk.is_new(key, ANN) for key in flood])
    with pytest.raises(TooMuch, match="a lot at once"):
        await desk.is_new("one more", ANN)
    assert not await desk.is_new("envelope-0", ANN)
    assert await desk.is_new("another", BEN)


def test_a_person_gets_three_tables_an_hour(desk: Desk) -> None:
    tables = [desk.draft("by-model today", "csv", ANN) for _ in range(4)]
    assert [isinstance(table, Draft) for table in tables] == [True, True, True, False]
    assert "20 minutes" in str(tables[-1])
    assert isinstance(desk.draft("by-model today", "csv", BEN), Draft)


def test_a_table_with_people_is_in_the_audit(desk: Desk) -> None:
    for line in ("by-user today", "by-model today"):
        assert isinstance(desk.draft(line, "csv", ANN), Draft)
    with reading(desk.engine) as connection:
        rows = connection.execute(sa.text("SELECT action, actor, after FROM audit")).all()
    assert [tuple(row) for row in rows] == [("export", "slack:T1:ANN", "by-user today")]


async def test_one_workspace_does_not_take_every_place_and_its_queue_ends() -> None:
    turns, inside, free = Turns(), 0, asyncio.Event()

    async def ask() -> None:
        nonlocal inside
        async with turns.turn("slack:T1"):
            inside += 1
            await free.wait()

    asked = [asyncio.create_task(ask()) for _ in range(RUNNING + WAITING)]
    await asyncio.sleep(0)
    assert inside == RUNNING
    with pytest.raises(UserError, match="Many people"):
        await ask()
    async with turns.turn("slack:T2"):
        free.set()
    await asyncio.gather(*asked)
    assert inside == RUNNING + WAITING
