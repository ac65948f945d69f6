"""What one replica holds, the others wait for; who may have lost it stops before the row ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from bot.operation.leases import STANDBY, HeldByOne, Leases, Pace, replica_name
from storage import leases as rows
from storage.engine import reading, writing
from storage.errors import DatabaseBusy
from storage.replicas import note_tick, replicas
from tests.cast import NOW

QUICK = Pace(lasting=30, renew=0.02, ask=0.02, margin=1)


@contextmanager
def replica(engine: sa.Engine, holder: str, pace: Pace = QUICK) -> Iterator[Leases]:
    found = Leases(engine, lambda: NOW, holder=holder, pace=pace)
    try:
        yield found
    finally:
        found.close()


def holder_of(engine: sa.Engine) -> str | None:
    with reading(engine) as connection:
        return rows.holder_of(connection, "work", now=NOW)


@asynccontextmanager
async def waiting(leases: Leases, stop: asyncio.Event) -> AsyncIterator[asyncio.Event]:
    """Somebody in line for the lease; gives the event that is set when it is theirs."""
    ours, in_line = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        async with leases.held("work", stop, waiting=in_line.set) as over:
            ours.set()
            await over.wait()

    task = asyncio.create_task(work())
    await in_line.wait()
    yield ours
    stop.set()
    await task


async def test_the_next_one_goes_on_when_the_first_lets_go(postgres_engine: sa.Engine) -> None:
    stop = asyncio.Event()
    with replica(postgres_engine, "one") as one, replica(postgres_engine, "two") as two:
        async with asyncio.timeout(20), AsyncExitStack() as line:
            async with one.held("work", stop):
                assert holder_of(postgres_engine) == "one"
                ours = await line.enter_async_context(waiting(two, stop))
                assert not ours.is_set()
            await ours.wait()
            assert holder_of(postgres_engine) == "two"
    assert holder_of(postgres_engine) is None


async def test_the_row_of_a_killed_holder_ends_by_itself(postgres_engine: sa.Engine) -> None:
    with writing(postgres_engine) as connection:
        short = timedelta(seconds=16)  # not beyond what the next one trusts
        assert rows.acquire(connection, "work", holder="dead", lasting=short, now=NOW)
        connection.execute(sa.text("UPDATE lease SET until = until - interval '15.8 s'"))
    with replica(postgres_engine, "two") as two:
        async with asyncio.timeout(20), two.held("work", asyncio.Event()) as over:
            assert holder_of(postgres_engine) == "two"
            assert not over.is_set()


async def test_who_loses_the_row_is_told(postgres_engine: sa.Engine) -> None:
    with replica(postgres_engine, "one") as one:
        async with asyncio.timeout(20), one.held("work", asyncio.Event()) as over:
            with writing(postgres_engine) as connection:
                connection.execute(sa.text("UPDATE lease SET token = 'x', holder = 'thief'"))
            await over.wait()
            assert holder_of(postgres_engine) == "thief"
        assert holder_of(postgres_engine) == "thief"


async def test_who_cannot_renew_stops_before_the_row_ends(
    postgres_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, now: datetime) -> bool:
        del now
        raise DatabaseBusy("away")

    monkeypatch.setattr(rows, "renew", away)
    pace = Pace(lasting=20, renew=0.05, ask=0.05, margin=19.5)
    with replica(postgres_engine, "one", pace) as one:
        async with asyncio.timeout(15), one.held("work", asyncio.Event()) as over:
            await over.wait()
            assert holder_of(postgres_engine) == "one"


async def test_a_stop_ends_the_waiting(postgres_engine: sa.Engine) -> None:
    stop = asyncio.Event()
    with replica(postgres_engine, "one") as one, replica(postgres_engine, "two") as two:
        async with one.held("work", asyncio.Event()):
            async with asyncio.timeout(20), two.held("work", stop, waiting=stop.set) as over:
                assert over.is_set()
            assert holder_of(postgres_engine) == "one"


async def test_a_turn_is_for_one_and_free_afterwards(postgres_engine: sa.Engine) -> None:
    with replica(postgres_engine, "one") as one, replica(postgres_engine, "two") as two:
        async with one.turn("work") as first, two.turn("work") as second:
            assert (first, second) == (True, False)
        async with two.turn("work") as again:
            assert again


async def test_where_one_process_runs_nothing_is_waited_for(sqlite_engine: sa.Engine) -> None:
    with writing(sqlite_engine) as connection:
        rows.acquire(connection, "work", holder="dead", lasting=timedelta(hours=1), now=NOW)
    with replica(sqlite_engine, "one") as one:
        async with one.held("work", asyncio.Event()) as over, one.turn("work") as mine:
            assert not over.is_set()
            assert mine


class Gateway:
    """A platform that notes who serves."""

    name = "work"

    def __init__(self, serving: asyncio.Queue[str], who: str) -> None:
        self._serving, self._who = serving, who

    async def run(self, stop: asyncio.Event) -> None:
        self._serving.put_nowait(self._who)
        await stop.wait()


async def test_a_platform_is_served_by_one_and_then_by_the_other(
    postgres_engine: sa.Engine,
) -> None:
    serving: asyncio.Queue[str] = asyncio.Queue()
    said: asyncio.Queue[str] = asyncio.Queue()
    stops = {"one": asyncio.Event(), "two": asyncio.Event()}
    with replica(postgres_engine, "one") as one, replica(postgres_engine, "two") as two:
        first = HeldByOne(Gateway(serving, "one"), one, report=print)
        second = HeldByOne(Gateway(serving, "two"), two, report=said.put_nowait)
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            tasks.create_task(first.run(stops["one"]))
            assert await serving.get() == "one"
            tasks.create_task(second.run(stops["two"]))
            assert await said.get() == STANDBY
            stops["one"].set()
            assert await serving.get() == "two"
            stops["two"].set()
    assert said.get_nowait() == "connecting"


async def test_work_that_another_replica_is_at_is_left_out(postgres_engine: sa.Engine) -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("done")

    with replica(postgres_engine, "one") as one, replica(postgres_engine, "two") as two:
        alone = two.alone("work", work)
        async with one.turn("work"):
            await alone()
        assert done == []
        await alone()
    assert done == ["done"]


async def test_the_longest_name_of_a_computer_is_kept(
    postgres_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "h" * 64)
    monkeypatch.setattr("os.getpid", lambda: 4_194_304)
    name = replica_name()
    with writing(postgres_engine) as connection:
        note_tick(connection, name, {}, now=NOW)
        assert [one.name for one in replicas(connection)] == [name]
