"""How long the event loop is kept from its work while heavy commands are answered."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing

from benchmarks.lab import HERE, NOW, Lab
from benchmarks.measurement import Measurement, percentile
from bot.desk import Desk
from bot.drawing import Drawing
from storage.engine import opened

LINES = (
    "by-model last 12 months",
    "by-user last 12 months",
    "timeline last 12 months by week",
    "timeline last 30d by hour",
)
AT_ONCE = 8
TICK = 0.002


def measure(lab: Lab) -> list[Measurement]:
    """Lag under eight commands at once, texts and charts."""
    with (
        opened(f"sqlite:///{lab.filled(lab.events)}") as engine,
        closing(Drawing()) as drawing,
        closing(Desk(engine, now=lambda: NOW, drawing=drawing)) as desk,
    ):
        lags = asyncio.run(_lags(desk, max(1, lab.answers // AT_ONCE)))
    return [
        Measurement("event loop under 8 commands: lag p99", percentile(lags, 99), 20, "ms"),
        Measurement("event loop under 8 commands: largest lag", max(lags), None, "ms"),
    ]


async def _lags(desk: Desk, rounds: int) -> list[float]:
    await _answer(desk, 0)  # the drawing process starts
    lags: list[float] = []
    watch = asyncio.create_task(_watch(lags))
    for number in range(rounds):
        await asyncio.gather(*(_answer(desk, number * AT_ONCE + one) for one in range(AT_ONCE)))
    watch.cancel()
    return lags


async def _watch(lags: list[float]) -> None:
    while True:
        started = time.perf_counter()
        await asyncio.sleep(TICK)
        lags.append((time.perf_counter() - started - TICK) * 1000)


async def _answer(desk: Desk, number: int) -> None:
    report = await desk.ask(LINES[number % len(LINES)], HERE)
    # Every other theme, or all but the first pictures would come from the cache.
    await desk.picture(report, "light" if number % 2 else "dark")
