"""The drawing process: pictures come out, and a lost process costs one picture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from analytics.report import FamilyBars, ModelBar, ModelFigure
from bot import drawing
from bot.drawing import Drawing

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


async def test_a_process_that_hangs_is_killed_and_replaced(
    pens: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pens.warm_up(FIGURE)
    monkeypatch.setattr(drawing, "SECONDS", 0.0)
    assert await pens.draw(FIGURE, "dark") is None
    monkeypatch.undo()
    assert await pens.draw(FIGURE, "dark") is not None
