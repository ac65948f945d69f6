"""The clock of the service calls its jobs again, whatever came of the last time."""

from __future__ import annotations

import asyncio

import pytest

from bot.counters import Counters
from bot.scheduler import COUNTED, Ticker

QUICK = 0.01


async def test_an_exception_in_a_job_never_stops_the_ticking() -> None:
    counters, calls, enough = Counters(), list[int](), asyncio.Event()

    async def fail() -> None:
        calls.append(1)
        if len(calls) > 3:
            enough.set()
        raise ZeroDivisionError

    ticker = Ticker(counters)
    ticker.every(QUICK, fail, name="bad")
    ticker.start()
    async with asyncio.timeout(20):
        await enough.wait()
    ticker.stop()
    assert counters.of(COUNTED)[("job", "bad"), ("kind", "error")] >= 3


async def test_a_job_that_takes_longer_than_its_turn_is_counted_and_not_run_twice() -> None:
    counters, running, overlapped = Counters(), list[int](), asyncio.Event()

    class Told(Counters):
        def up(self, name: str, by: int = 1, **labels: str) -> None:
            counters.up(name, by, **labels)
            overlapped.set()

    async def hang() -> None:
        running.append(1)
        await overlapped.wait()

    ticker = Ticker(Told())
    ticker.every(QUICK, hang, name="slow")
    ticker.start()
    async with asyncio.timeout(20):
        await overlapped.wait()
    ticker.stop()
    assert running == [1]
    assert set(counters.of(COUNTED)) == {(("job", "slow"), ("kind", "overlap"))}


async def test_a_job_in_flight_is_no_failure_when_the_ticker_stops(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counters, begun, cancelled = Counters(), asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    ticker = Ticker(counters)
    ticker.every(QUICK, hang, name="long")
    ticker.start()
    async with asyncio.timeout(20):
        await begun.wait()
        ticker.stop()
        await cancelled.wait()
        await asyncio.sleep(0)  # the scheduler hears of it
    assert not [one for one in caplog.records if one.levelname == "ERROR"]
    assert ("kind", "error") not in {label for found in counters.of(COUNTED) for label in found}
