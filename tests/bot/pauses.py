"""A clock for answers that renew themselves: a pause ends when the test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.desk import Desk
from storage.events import Route
from storage.labels import Labels
from storage.ledger import Ledger, Origin
from storage.timekeys import to_micros
from tests.cast import NOW, event
from tests.databases import home


class Pauses:
    """What was waited for, in seconds; `end` lets as many pauses be over."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._over = asyncio.Semaphore(0)
        self._begun = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        """Wait, though not for time."""
        self.asked.append(seconds)
        self._begun.set()
        await self._over.acquire()

    async def begun(self, count: int = 1) -> None:
        """Until as many pauses were asked for."""
        async with asyncio.timeout(10):
            while len(self.asked) < count:
                self._begun.clear()
                await self._begun.wait()

    def end(self, count: int = 1) -> None:
        """Let pauses be over."""
        for _ in range(count):
            self._over.release()


def use(desk: Desk, *, minutes_ago: Sequence[int] = (1,)) -> None:
    """More prompts come in."""
    workspace = home(desk.engine)
    events = [event(ts=to_micros(NOW) - 60_000_000 * ago) for ago in minutes_ago]
    ledger = Ledger(desk.engine, workspace, Labels(desk.engine, workspace.id))
    ledger.write(events, Origin("more", "events", Route.FILE), now=NOW)
