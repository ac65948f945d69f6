"""What both processes hold after many different charts.

They run below a process of their own, because this one has imported and done much else.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

import psutil

from analytics.figures import (
    Figure,
)
from benchmarks.lab import Lab
from benchmarks.measurement import Measurement
from bot.drawing import Drawing

MIB = 1 << 20
EARLY = 10  # a tenth of the charts: from then on memory should not grow
SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Held:
    """Resident bytes: both processes at the end, the drawing one early."""

    main: int
    drawing: int
    early: int


def measure(lab: Lab) -> list[Measurement]:
    """Resident memory of main and drawing process, and how the latter grew."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    figures = list(lab.figures().values())
    process = context.Process(target=_serve, args=(theirs, figures, lab.charts))
    process.start()
    theirs.close()
    held: Held = ours.recv()
    process.join(SECONDS)
    name = f"memory after {lab.charts:,} charts"
    return [
        Measurement(f"{name}: main process", held.main / MIB, 200, "MiB"),
        Measurement(f"{name}: drawing process", held.drawing / MIB, 200, "MiB"),
        Measurement(
            f"{name}: drawing process, beside a tenth of them", held.drawing / held.early, 1.1, "x"
        ),
    ]


def _serve(pipe: Connection, figures: Sequence[Figure], charts: int) -> None:
    pipe.send(asyncio.run(_held(figures, charts)))


async def _held(figures: Sequence[Figure], charts: int) -> Held:
    drawing = Drawing()
    early = 0
    try:
        for number in range(charts):
            figure = replace(figures[number % len(figures)], subtitle=f"Chart {number}")
            if await drawing.draw(figure, "light") is None:
                raise RuntimeError(f"chart {number} was not drawn")
            if number == charts // EARLY:
                early = _drawing_bytes()
        return Held(psutil.Process().memory_info().rss, _drawing_bytes(), early)
    finally:
        drawing.close()


def _drawing_bytes() -> int:
    """Of the only child that is not multiprocessing's own tracker of resources."""
    children = psutil.Process().children()
    drawing = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    return int(drawing[0].memory_info().rss)
