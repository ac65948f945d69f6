"""The tick: every few seconds what is due is done, and it is noted that we are alive.

Its steps run one after the other; one that fails is logged and the next one goes on.  A step that
found something runs again at once: a step is short, however much there is to do.  A watch in a
thread of its own looks whether steps come to an end.  When none did for three ticks the service is
unwell, one tick later it ends, so that whoever runs it starts it anew.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
import structlog

from bot.counters import Counters
from bot.operation.clock_guard import ClockGuard
from storage.engine import writing
from storage.errors import StorageError
from storage.replicas import note_tick

log = structlog.get_logger()
Step = Callable[[], Awaitable[object]]  # what is true asks to be called again
TICK_SECONDS = 5.0
MISSED_TICKS = 3
ALIVE = timedelta(seconds=2 * MISSED_TICKS * TICK_SECONDS)  # for others, who see it in the database
MOST_TURNS = 100  # of a step in one tick: 20,000 schedules
PATIENCE = 0.2  # seconds that noting a tick waits for SQLite's only writer
TICKS = "ticks"
EXIT_STUCK = 75  # EX_TEMPFAIL of sysexits.h: try again
GOODBYE_SECONDS = 12.0  # a service that cannot even stop is cut off


class Tick:
    """The steps of the tick, and the number of those that came to an end.

    `parts` says how each part of this replica is; it is kept with every tick for `health`.
    `tell_unkept` hears why, when that cannot be kept for three ticks: nobody may send then.
    """

    def __init__(  # noqa: PLR0913  # its parts, each by name
        self,
        engine: sa.Engine,
        now: Callable[[], datetime],
        *,
        replica: str,
        parts: Callable[[], Mapping[str, str]] = dict,
        tell_unkept: Callable[[str | None], object] = lambda _: None,
        guard: ClockGuard | None = None,
        counters: Counters | None = None,
    ) -> None:
        self.guard = guard or ClockGuard()
        self.counters = counters or Counters()
        self.beats = 0
        self.last_at: datetime | None = None
        self._engine = engine
        self._now = now
        self._replica = replica
        self._parts = parts
        self._tell_unkept = tell_unkept
        self._unkept = 0
        self._steps: list[tuple[str, Step, bool]] = []
        # Of its own: a nightly check must not keep the tick waiting for a thread.
        self._thread = ThreadPoolExecutor(1, "tick")

    def add(self, name: str, step: Step, *, plans: bool = False) -> None:
        """Do something at every tick; what `plans` is left out while the clock is in doubt."""
        self._steps.append((name, step, plans))

    async def run(self) -> None:
        """One tick; raises nothing."""
        await self._guarded("note", self._note)
        may_plan = self.guard.may_plan(self._now())
        for name, step, plans in self._steps:
            if may_plan or not plans:
                await self._repeated(name, step)
        self.last_at = self._now()
        self.counters.up(TICKS)

    def close(self) -> None:
        """Take no more work."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _repeated(self, name: str, step: Step) -> None:
        for _ in range(MOST_TURNS):
            if not await self._guarded(name, step):
                return

    async def _guarded(self, name: str, step: Step) -> bool:
        """Whether it found something."""
        found: object = False
        try:
            found = await step()
        except StorageError as error:
            log.warning("tick.postponed", step=name, reason=error.message)
            self.counters.up("tick_errors", step=name)
        except Exception:  # one step's bug must not stop the others
            log.exception("tick.failed", step=name)
            self.counters.up("tick_errors", step=name)
        self.beats += 1
        return bool(found)

    async def _note(self) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._keep)
        except StorageError as error:
            self._unkept += 1
            if self._unkept >= MISSED_TICKS:
                self._tell_unkept(error.message)
            raise
        self._unkept = 0
        self._tell_unkept(None)

    def _keep(self) -> None:
        """Note the tick and how this replica is; hear what time it is for the database."""
        parts = dict(self._parts())
        with writing(self._engine, patience=PATIENCE) as connection:
            theirs = note_tick(connection, self._replica, parts, now=self._now())
        if theirs is not None:
            self.guard.note_database(theirs)


Verdict = Literal["well", "unwell", "over"]


@dataclass(slots=True)
class Pulse:
    """Judges by how many of its own looks in a row saw nothing end.

    So a process that was frozen as a whole, or a computer that slept, is not taken for stuck.
    """

    look_seconds: float = 1.0
    tick_seconds: float = TICK_SECONDS
    seen: int = 0
    in_vain: int = 0

    def look(self, beats: int) -> Verdict:
        """What the number of beats by now says."""
        self.in_vain = self.in_vain + 1 if beats == self.seen else 0
        self.seen = beats
        missed = self.in_vain * self.look_seconds / self.tick_seconds
        if missed < MISSED_TICKS:
            return "well"
        return "unwell" if missed < MISSED_TICKS + 1 else "over"


class Watchman(threading.Thread):
    """Looks after the tick from outside the event loop, which may be what is stuck.

    `tell` is called with every new verdict, in this thread.  A process that does not end within
    GOODBYE_SECONDS after "over" is ended.
    """

    def __init__(
        self,
        beats: Callable[[], int],
        tell: Callable[[Verdict], None],
        *,
        pulse: Pulse | None = None,
        goodbye: float = GOODBYE_SECONDS,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        super().__init__(name="watchman", daemon=True)
        self._beats = beats
        self._tell = tell
        self._pulse = pulse or Pulse()
        self._goodbye = goodbye
        self._end = end
        self._off = threading.Event()

    def run(self) -> None:
        """Look until it is over or somebody is off."""
        verdict: Verdict = "well"
        while verdict != "over":
            if self._off.wait(self._pulse.look_seconds):
                return
            found = self._pulse.look(self._beats())
            if found != verdict:
                verdict = found
                log.error("tick.stuck", verdict=found) if found != "well" else log.info("tick.well")
                self._tell(found)
        # Nobody stops this one: threads that hang would keep the interpreter from ending.
        threading.Event().wait(self._goodbye)
        self._end(EXIT_STUCK)

    def off(self) -> None:
        """Look no more, where it is not over."""
        self._off.set()
