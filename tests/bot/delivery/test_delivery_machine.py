"""Any order of messages, failures, kills and late owners: each message is seen once.

One of the tests that matter most.  A worker may be killed or frozen before and after each of its
transactions and requests; others take over when its lease ends.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from bot.asking import Asking
from bot.chat import Outgoing, SendError
from bot.delivery.composing import Composer
from bot.delivery.sending import Chance, Courier
from bot.delivery.timing import Timing
from bot.delivery.transactions import Transactions, Work
from bot.delivery.worker import Deliveries
from tests.bot.delivery.delivering import BUSY, LOST, Arrives, Clock, Scripted, no_sleep
from tests.databases import Postgres, warm_engine
from tests.storage.mail import Mail

Result = TypeVar("Result")
RETRY = SendError("refused", "ratelimited", retry_after=7, status=429)
REFUSED = SendError("payload", "invalid_blocks")
FATES = st.sampled_from(
    [LOST, BUSY, RETRY, REFUSED, Arrives(), Arrives(after=3), Arrives(after=34)]
)


class Killed(BaseException):
    """What no handler of a process sees."""


@dataclass
class Fate:
    """At which of its steps a worker is killed or frozen; never, by default."""

    kill_at: int = -1
    freeze_at: int = -1
    steps: int = 0
    is_dead: bool = False

    def __post_init__(self) -> None:
        """Nobody is frozen yet."""
        self.frozen, self.thaw = asyncio.Event(), asyncio.Event()

    async def step(self) -> None:
        """One step more, if it lives."""
        self.steps += 1
        if self.is_dead or self.steps == self.kill_at:
            self.is_dead = True
            raise Killed
        if self.steps == self.freeze_at:
            self.frozen.set()
            await self.thaw.wait()


class Stepping(Transactions):
    """Transactions of a process that may die around each."""

    def __init__(self, engine: sa.Engine, clock: Clock, fate: Fate) -> None:
        super().__init__(engine, clock.now, clock=lambda _connection, now: now)
        self._fate = fate

    async def write(self, work: Work[Result]) -> Result:
        await self._fate.step()
        result = await super().write(work)
        await self._fate.step()
        return result

    async def read(self, work: Work[Result]) -> Result:
        if self._fate.is_dead:
            raise Killed
        return await super().read(work)


class Door:
    """A platform as one process sees it, which may die before and after each request."""

    def __init__(self, platform: Scripted, fate: Fate, *, has_nonce: bool) -> None:
        self._platform = platform
        self._fate = fate
        self._has_nonce = has_nonce

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever a sender has
        """All else is the platform's own."""
        return getattr(self._platform, name)

    async def send(self, outgoing: Outgoing) -> str:
        if self._has_nonce:
            await self._fate.step()
            for post in self._platform.posts:
                if post.reference == outgoing.reference:
                    return post.id
        message = await self._platform.send(outgoing)
        await self._fate.step()
        return message

    async def find(self, outgoing: Outgoing, *, since: datetime) -> str | None:
        await self._fate.step()
        found = await self._platform.find(outgoing, since=since)
        await self._fate.step()
        return found


class Machine(RuleBasedStateMachine):
    """Replicas of one installation over one database and one platform."""

    lend: Callable[[], AbstractContextManager[sa.Engine]]
    has_nonce = False

    @initialize()
    def begin(self) -> None:
        """Open a fresh database with two channels."""
        self.stack = ExitStack()
        self.loop = asyncio.new_event_loop()
        self.engine = self.stack.enter_context(type(self).lend())
        self.clock = Clock()
        self.platform = Scripted(self.clock)
        self.mail = Mail(self.engine)
        self.channels = [self.mail.channel(), self.mail.channel()]
        self.due: list[str] = []
        self.sleepers: list[tuple[Fate, asyncio.Task[None]]] = []
        self.numbers = count()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.loop.run_until_complete(work)

    def worker(self, fate: Fate) -> Deliveries:
        transactions = Stepping(self.engine, self.clock, fate)
        senders = {"slack": Door(self.platform, fate, has_nonce=self.has_nonce)}
        timing = Timing()
        chance = Chance(sleep=no_sleep, monotonic=self.clock.monotonic)
        asking = Asking(now=self.clock.now, owners=(), workspace=None)
        return Deliveries(
            transactions,
            Composer(transactions, asking, senders, timing=timing),
            Courier(transactions, senders, timing=timing, chance=chance),
            senders,
            timing=timing,
            chance=chance,
        )

    @rule(channel=st.integers(0, 1), is_alert=st.booleans(), is_made=st.booleans())
    def comes_due(self, channel: int, *, is_alert: bool, is_made: bool) -> None:
        """A message; one that is made already, or one that says plain words."""
        moment = self.clock.now() + timedelta(microseconds=next(self.numbers))
        usual: dict[str, Any] = {"created_at": moment, "due_at": self.clock.now()}
        if is_alert:
            usual |= {"kind": "alert", "priority": 0}
        put = self.mail.ready if is_made else self.mail.due
        more = {} if is_made else {"facts": {"headline": "Something happened"}}
        self.due.append(put(self.channels[channel], **usual | more))

    @rule(fate=FATES)
    def platform_will(self, fate: SendError | Arrives) -> None:
        """What the next request meets."""
        self.platform.script.append(fate)

    @rule(seconds=st.sampled_from([0.5, 5, 10, 15, 36, 61, 130]))
    def time_passes(self, seconds: float) -> None:
        """The clock goes on for everybody."""
        self.clock.forward(seconds)

    @rule()
    def somebody_works(self) -> None:
        """A healthy replica does what may be done now."""
        self.run(self.worker(Fate()).settle())

    @rule(step=st.integers(1, 14))
    def somebody_is_killed(self, step: int) -> None:
        """A replica dies in the middle of its work."""
        self.run(self._to_death(Fate(kill_at=step)))

    async def _to_death(self, fate: Fate) -> None:
        with suppress(Killed):
            await self.worker(fate).settle()
        for task in asyncio.all_tasks(self.loop) - {asyncio.current_task()}:
            if task.done():
                task.exception()

    @rule(step=st.integers(1, 14))
    def somebody_freezes(self, step: int) -> None:
        """A replica stands still in the middle of its work, and does not know it."""

        async def freeze() -> None:
            fate = Fate(freeze_at=step)
            task = asyncio.create_task(self.worker(fate).settle())
            waiting = asyncio.create_task(fate.frozen.wait())
            await asyncio.wait((task, waiting), return_when="FIRST_COMPLETED")
            waiting.cancel()
            if not task.done():
                self.sleepers.append((fate, task))

        self.run(freeze())

    @rule()
    def somebody_wakes(self) -> None:
        """A replica goes on where it stood still."""
        if self.sleepers:
            fate, task = self.sleepers.pop(0)
            fate.thaw.set()
            self.run(asyncio.wait_for(task, 20))

    def teardown(self) -> None:
        """When everything was given its time, each message is there once and known by its id."""
        try:
            while self.sleepers:
                self.somebody_wakes()
            self.platform.script.clear()
            for _ in range(25):
                self.clock.forward(31)
                self.somebody_works()
            self._check()
        finally:
            self.loop.close()
            self.stack.close()

    def _check(self) -> None:
        seen = Counter(post.reference for post in self.platform.posts)
        rows = [self.mail.row(one) for one in self.due]
        assert [row.state for row in rows] == ["sent"] * len(rows)
        assert len(seen) == len(rows)
        assert set(seen.values()) <= {1}
        assert {row.platform_message_id for row in rows} == {
            post.id for post in self.platform.posts
        }


def check(lend: Callable[[], AbstractContextManager[sa.Engine]], *, nonce: bool, runs: int) -> None:
    class Here(Machine):
        has_nonce = nonce

    Here.lend = staticmethod(lend)
    run_state_machine_as_test(Here, settings=settings(max_examples=runs, stateful_step_count=30))


@pytest.mark.parametrize("nonce", [False, True], ids=["history", "nonce"])
def test_each_message_is_seen_once_on_sqlite(
    sqlite_template: Path, tmp_path: Path, *, nonce: bool
) -> None:
    numbers = count()

    @contextmanager
    def lend() -> Any:  # noqa: ANN401  # an engine
        file = shutil.copy(sqlite_template, tmp_path / f"{next(numbers)}.db")
        with warm_engine(f"sqlite:///{file}") as engine:
            yield engine

    check(lend, nonce=nonce, runs=25)


def test_each_message_is_seen_once_on_postgresql(postgres: Postgres) -> None:
    check(postgres.database, nonce=False, runs=8)
