"""The drawing process: pictures come out, and a lost process costs one picture."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from multiprocessing.connection import Connection

import pytest
import structlog

from analytics.figures import (
    FamilyBars,
    ModelBar,
    ModelFigure,
)
from bot import drawing
from bot.drawing import Drawing
from tests.bot.broken_pens import PENS, draws_nothing

FIGURE = ModelFigure(
    "GPT-4o takes 100% of 4,900 credits",
    "Credits by model",
    "1–30 Mar 2026",
    "Bar chart.",
    (FamilyBars("ChatGPT", 4_900_000_000, 100, (ModelBar("GPT-4o", 4_900_000_000, 2_000_000),)),),
)
BROKEN = ModelFigure("t", "s", "f", "a", (None,))  # type: ignore[arg-type]  # a bug of ours, on purpose


@pytest.fixture
async def pens() -> AsyncIterator[Drawing]:
    """A drawing process that ends with the test."""
    found = Drawing()
    yield found
    found.close()


async def test_a_figure_becomes_a_picture_once(pens: Drawing) -> None:
    first, second = await asyncio.gather(pens.draw(FIGURE, "light"), pens.draw(FIGURE, "light"))
    assert first is not None
    assert first.startswith(b"\x89PNG")
    assert second is first
    assert await pens.draw(FIGURE, "light") is first
    assert await pens.draw(FIGURE, "dark") != first


async def test_a_figure_that_fails_leaves_the_process_alive(pens: Drawing) -> None:
    assert await pens.draw(BROKEN, "light") is None
    assert await pens.draw(FIGURE, "light") is not None


@pytest.mark.parametrize("process", PENS)
async def test_a_picture_that_is_blank_or_not_whole_is_none(
    pens: Drawing, monkeypatch: pytest.MonkeyPatch, process: Callable[[Connection], None]
) -> None:
    monkeypatch.setattr(drawing, "_serve", process)
    monkeypatch.setattr(drawing, "REST_SECONDS", 0.05)
    with structlog.testing.capture_logs() as said:
        assert await pens.draw(FIGURE, "light") is None
    monkeypatch.undo()
    if process is draws_nothing:
        assert said[0]["reason"] == "ValueError: nothing was drawn"
        return
    assert await pens.draw(FIGURE, "light") is not None  # a new process draws


async def test_a_process_that_hangs_is_killed_and_replaced(
    pens: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pens.warm_up(FIGURE)
    monkeypatch.setattr(drawing, "SECONDS", 0.0)
    assert await pens.draw(FIGURE, "dark") is None
    monkeypatch.undo()
    assert await pens.draw(FIGURE, "dark") is not None


HELD = 1 << 30
LIMITED = f"""
import resource
from bot.drawing import limit_memory
resource.setrlimit(resource.RLIMIT_AS, ({HELD}, {HELD}))
limit_memory()
print(*resource.getrlimit(resource.RLIMIT_AS))
"""


async def test_a_process_that_does_not_read_holds_nobody_up(
    pens: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pens.warm_up(FIGURE)
    pen = pens._pen
    assert pen is not None
    os.kill(int(pen._process.pid or 0), signal.SIGSTOP)
    monkeypatch.setattr(drawing, "SECONDS", 0.05)
    long = replace(FIGURE, alt="x" * (1 << 20))  # more than a pipe holds
    assert await pens.draw(long, "light") is None
    monkeypatch.undo()
    assert await pens.draw(FIGURE, "dark") is not None


def test_a_process_that_is_held_to_less_memory_stays_so() -> None:
    limited = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-c", LIMITED], capture_output=True, text=True, check=True, timeout=60
    )
    assert limited.stdout.split() == [str(HELD), str(HELD)]


def test_a_system_that_limits_no_memory_is_drawn_on_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    with structlog.testing.capture_logs() as said:
        drawing.limit_memory()
    assert [line["event"] for line in said] == ["drawing.memory_not_limited"]


async def test_a_closed_drawing_leaves_no_process_and_no_pipe(pens: Drawing) -> None:
    await pens.warm_up(FIGURE)
    pen = pens._pen
    assert pen is not None
    pid = int(pen._process.pid or 0)
    pens.close()
    pens.close()
    await asyncio.to_thread(pens._thread.shutdown)
    with pytest.raises(ProcessLookupError):  # a zombie would still take it
        os.kill(pid, 0)
    assert pen._pipe.closed


async def test_one_that_is_closed_over_its_first_pictures_draws_none(pens: Drawing) -> None:
    first = asyncio.create_task(pens.draw(FIGURE, "light"))
    second = asyncio.create_task(pens.draw(FIGURE, "dark"))
    await asyncio.sleep(0)
    pens.close()
    assert [await first, await second] == [None, None]
    await asyncio.to_thread(pens._thread.shutdown)
    assert pens._pen is None
