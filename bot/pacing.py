"""How much one person and one workspace may ask: some lines a minute, a few at once.

Everything is in memory and nothing waits for a database, so a flood is turned away at the door.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

from analytics.errors import UserError

REMEMBERED = 10_000  # people; whoever asked longest ago is forgotten first
RUNNING = 4  # questions of one workspace at once
WAITING = 40  # questions of one workspace in line behind those


@dataclass(frozen=True, slots=True)
class Pace:
    """So many at once, and one more after so many seconds each."""

    burst: float
    seconds_each: float


QUESTIONS = Pace(5, 6)
EXPORTS = Pace(3, 1200)


class TooMuch(UserError):  # noqa: N818  # the state is the name
    """A person asks faster than they may; `told` when that was said to them already."""

    def __init__(self, wait: float, *, told: bool) -> None:
        super().__init__("That was a lot at once.", hint=f"Try again in {_spoken(wait)}.")
        self.told = told


def _spoken(seconds: float) -> str:
    if seconds <= 90:
        return f"{math.ceil(seconds)} seconds"
    return f"{math.ceil(seconds / 60)} minutes"


@dataclass(slots=True)
class _Bucket:
    full_at: float
    told: bool = False


class Pacing:
    """A bucket for each person and pace, refilled by the clock it is given (seconds)."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, Pace], _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, who: str, pace: Pace = QUESTIONS) -> None:
        """Take one; raises TooMuch with the seconds until the next one is there to take."""
        now = self._clock()
        with self._lock:
            bucket = self._buckets.pop((who, pace), None) or _Bucket(now)
            self._buckets[who, pace] = bucket
            while len(self._buckets) > REMEMBERED:
                self._buckets.popitem(last=False)
            full_at = max(bucket.full_at, now) + pace.seconds_each
            wait = full_at - (now + pace.burst * pace.seconds_each)
            if wait > 0:
                told, bucket.told = bucket.told, True
                raise TooMuch(wait, told=told)
            bucket.full_at, bucket.told = full_at, False


class Arrivals:
    """Which envelopes came before; bounded, and for this process only.

    What changes something is remembered in the database, in the transaction of the change.
    """

    def __init__(self, most: int = 20_000) -> None:
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._most = most
        self._lock = threading.Lock()

    def are_new(self, place: str, keys: Collection[str]) -> bool:
        """Whether all keys are seen in a place for the first time; they are remembered."""
        with self._lock:
            known = any((place, key) in self._seen for key in keys)
            self._seen.update(dict.fromkeys((place, key) for key in keys))
            while len(self._seen) > self._most:
                self._seen.popitem(last=False)
        return not known


class Turns:
    """The questions of each workspace that run, and those in line; for one event loop."""

    def __init__(self) -> None:
        self._gates: dict[str, asyncio.Semaphore] = {}
        self._inside: Counter[str] = Counter()

    @asynccontextmanager
    async def turn(self, place: str) -> AsyncIterator[None]:
        """Wait for a turn; raises UserError when too many wait already."""
        if self._inside[place] >= RUNNING + WAITING:
            raise UserError("Many people are asking just now.", hint="Try again in a moment.")
        self._inside[place] += 1
        gate = self._gates.setdefault(place, asyncio.Semaphore(RUNNING))
        try:
            async with gate:
                yield
        finally:
            self._inside[place] -= 1
            if not self._inside[place]:
                del self._inside[place], self._gates[place]
