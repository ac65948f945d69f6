"""A measured figure beside its goal, and the clocks that measure it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True, slots=True)
class Measurement:
    """One line of the table; without `value` it was not measured, without `bound` it has no goal.

    Met is a value of at most `bound`, or with `at_least` of at least it.
    """

    goal: str
    value: float | None
    bound: float | None
    unit: str
    at_least: bool = False
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None where there is nothing to compare."""
        if self.value is None or self.bound is None:
            return None
        return self.value >= self.bound if self.at_least else self.value <= self.bound


@dataclass(slots=True)
class Spent:
    """Seconds of the clock on the wall and of this process's processor."""

    wall: float = 0.0
    cpu: float = 0.0


@contextmanager
def spending() -> Iterator[Spent]:
    """Measure the block; the figures are there when it ends."""
    spent = Spent(-time.perf_counter(), -time.process_time())
    yield spent
    spent.wall += time.perf_counter()
    spent.cpu += time.process_time()


def times_ms(work: Callable[[], object], repeats: int) -> list[float]:
    """Milliseconds of each repetition, after one that is not counted."""
    work()
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        found.append((time.perf_counter() - started) * 1000)
    return found


def median_ms(work: Callable[[], object], repeats: int) -> float:
    """Median milliseconds of the repetitions, after one that is not counted."""
    return median(times_ms(work, repeats))


def cpu_ratio(work: Callable[[], object], beside: Callable[[], object], repeats: int) -> float:
    """Median of the processor time of one thing over another's, in turns, after one of each."""
    work()
    beside()
    return median(_cpu(work) / _cpu(beside) for _ in range(repeats))


def _cpu(work: Callable[[], object]) -> float:
    with spending() as spent:
        work()
    return spent.cpu


def percentile(values: Sequence[float], rank: int) -> float:
    """The value that `rank` per cent of the values do not exceed, interpolated."""
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[rank - 1]
