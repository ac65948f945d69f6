"""The tick goes on whatever a step does; when none ends any more, the process ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from bot.operation.clock_guard import ClockGuard
from bot.operation.ticking import EXIT_STUCK, Pulse, Tick, Verdict, Watchman
from storage.engine import reading, writing
from storage.replicas import last_tick, replicas
from tests.cast import NOW


@pytest.fixture
def tick(sqlite_engine: sa.Engine) -> Iterator[Tick]:
    made = Tick(sqlite_engine, lambda: NOW, replica="here:1", parts=lambda: {"slack": "up"})
    yield made
    made.close()


async def test_a_tick_is_noted_with_how_the_replica_is(
    tick: Tick, sqlite_engine: sa.Engine
) -> None:
    await tick.run()
    with reading(sqlite_engine) as connection:
        assert last_tick(connection) == NOW
        [one] = replicas(connection)
    assert (one.name, one.at, one.parts) == ("here:1", NOW, {"slack": "up"})


async def test_a_step_that_fails_stops_neither_the_others_nor_the_next_tick(tick: Tick) -> None:
    done: list[str] = []

    async def fail() -> None:
        done.append("fails")
        raise ZeroDivisionError

    tick.add("bad", fail)

    async def after() -> None:
        done.append("after")

    tick.add("good", after)
    await tick.run()
    await tick.run()
    assert done == ["fails", "after"] * 2
    assert tick.counters.of("tick_errors") == {(("step", "bad"),): 2}
    assert tick.counters.of("ticks") == {(): 2}


async def test_a_step_that_found_something_is_done_again_and_each_time_is_a_beat(
    tick: Tick,
) -> None:
    left = [True, True, False, True]
    tick.add("batches", lambda: asyncio.sleep(0, left.pop(0)))
    await tick.run()
    assert (left, tick.beats) == ([True], 1 + 3)  # noting the tick is a beat as well


async def test_while_the_database_is_busy_the_tick_goes_on(
    tick: Tick, sqlite_engine: sa.Engine
) -> None:
    with writing(sqlite_engine):
        await tick.run()
    assert tick.counters.of("tick_errors") == {(("step", "note"),): 1}
    assert tick.beats == 1


async def test_what_cannot_be_kept_for_three_ticks_is_told_until_it_can(
    sqlite_engine: sa.Engine,
) -> None:
    told: list[str | None] = []
    tick = Tick(sqlite_engine, lambda: NOW, replica="here:1", tell_unkept=told.append)
    with writing(sqlite_engine):
        for _ in range(4):
            await tick.run()
    await tick.run()
    tick.close()
    assert told == [*["The database is busy: another process is writing."] * 2, None]


async def test_while_the_clock_is_in_doubt_nothing_is_planned(sqlite_engine: sa.Engine) -> None:
    now, done = [NOW], list[str]()
    guard = ClockGuard(lambda: 0.0)
    tick = Tick(sqlite_engine, lambda: now[0], replica="here:1", guard=guard)

    async def plan() -> None:
        done.append("plan")

    async def send() -> None:
        done.append("send")

    tick.add("plan", plan, plans=True)
    tick.add("send", send)
    await tick.run()
    now[0] += timedelta(days=30)
    await tick.run()
    tick.close()
    assert done == ["plan", "send", "send"]


async def test_replicas_see_the_clock_they_share(postgres_engine: sa.Engine) -> None:
    tick = Tick(postgres_engine, lambda: NOW, replica="here:1")
    await tick.run()
    tick.close()
    assert "database" in tick.guard.state  # the clock of this test stands still in another month


# ---- the watch


def test_three_missed_ticks_are_unwell_and_a_fourth_is_the_end() -> None:
    watch = Pulse(look_seconds=1, tick_seconds=5)
    watch.look(1)
    verdicts = [watch.look(1) for _ in range(20)]
    assert verdicts == ["well"] * 14 + ["unwell"] * 5 + ["over"]


@given(st.lists(st.booleans(), max_size=200))
def test_it_is_over_only_after_twenty_looks_in_a_row_in_vain(ends: list[bool]) -> None:
    watch, beats, in_vain = Pulse(look_seconds=1, tick_seconds=5), 1, 0
    watch.look(beats)
    for ended in ends:
        beats += ended
        in_vain = 0 if ended else in_vain + 1
        assert (watch.look(beats) == "over") == (in_vain >= 20)


def test_a_step_that_ends_makes_it_well_again() -> None:
    watch = Pulse(look_seconds=1, tick_seconds=5, in_vain=16)
    assert watch.look(0) == "unwell"
    assert watch.look(1) == "well"


def quick() -> Pulse:
    return Pulse(look_seconds=0.001, tick_seconds=0.005)


def test_who_does_not_end_by_itself_is_ended_with_a_code_that_says_try_again() -> None:
    told: list[Verdict] = []
    ended: list[int] = []
    watchman = Watchman(lambda: 0, told.append, pulse=quick(), goodbye=0.001, end=ended.append)
    watchman.start()
    watchman.join(20)
    assert told == ["unwell", "over"]
    assert ended == [EXIT_STUCK]


def test_a_watchman_that_is_off_ends_nobody() -> None:
    ended: list[int] = []
    beats = iter(range(1_000_000))
    looked = threading.Event()

    def beat() -> int:
        looked.set()
        return next(beats)

    watchman = Watchman(beat, print, pulse=quick(), goodbye=0.001, end=ended.append)
    watchman.start()
    assert looked.wait(20)
    watchman.off()
    watchman.join(20)
    assert not watchman.is_alive()
    assert ended == []
