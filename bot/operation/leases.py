"""Leases of this replica: what one of several may do, held while it runs, handed on when it dies.

A replica that cannot renew in time stops what the lease guards before its row ends: its own
monotonic clock tells it, no database is asked.  SQLite serves one process, so there every lease
is ours at once and no start waits for the row of a process that was killed.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import sqlalchemy as sa
import structlog

from bot.chat import Platform
from storage import leases
from storage.engine import open_engine, writing
from storage.errors import StorageError
from storage.leases import Claim

log = structlog.get_logger()
Result = TypeVar("Result")
TROUBLE = (StorageError, sa.exc.SQLAlchemyError, TimeoutError)
RELEASE_SECONDS = 2.0
STANDBY = "standby"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a lease lasts and how often it is renewed or asked for, in seconds.

    A killed holder is followed within `lasting + ask`, and connecting to Discord takes about 3 s
    more: together below 15.  What is guarded stops `margin` before the row ends.
    """

    lasting: float = 8.0
    renew: float = 2.0
    ask: float = 1.0
    margin: float = 1.5


PACE = Pace()


def replica_name() -> str:
    """Who this process is among the replicas, for people: host, process and something random."""
    # With the longest process id it fits the 80 characters of the name of a state.
    return f"{socket.gethostname()[:48]}:{os.getpid()}:{secrets.token_hex(2)}"


class Leases:
    """The leases of one replica over one database."""

    def __init__(
        self, engine: sa.Engine, now: Callable[[], datetime], *, holder: str, pace: Pace = PACE
    ) -> None:
        self.holder = holder
        self.is_alone = engine.dialect.name == "sqlite"
        # Its own connections and threads: a renewal stands in no line behind questions or checks.
        self._engine = open_engine(engine.url.render_as_string(hide_password=False))
        self._now = now
        self._pace = pace
        self._threads = ThreadPoolExecutor(2, "lease")

    @asynccontextmanager
    async def held(
        self, name: str, stop: asyncio.Event, *, waiting: Callable[[], None] = lambda: None
    ) -> AsyncIterator[asyncio.Event]:
        """Wait for a lease and hold it; gives an event that is set when it is over.

        It is over when the lease is lost or `stop` is set, which may be before it was ours.
        `waiting` is called once when somebody else holds it.
        """
        over = asyncio.Event()
        following = asyncio.create_task(_follow(stop, over))
        try:
            if self.is_alone:
                yield over
                return
            claim = await self._awaited(name, over, waiting)
            async with self._kept(claim, over):
                yield over
        finally:
            following.cancel()

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[bool]:
        """Whether a piece of work is ours this time; nobody else begins it while it runs.

        It saves work and nothing rests on it: a turn that is lost on the way ends as it would.
        """
        if self.is_alone:
            yield True
            return
        started = self._clock()
        claim = await self._asked(name)
        async with self._kept((claim, started) if claim else None, asyncio.Event()):
            yield claim is not None

    def alone(
        self, name: str, work: Callable[[], Awaitable[object]]
    ) -> Callable[[], Awaitable[None]]:
        """The same work, left out while another replica is at it."""

        async def turn() -> None:
            async with self.turn(name) as is_ours:
                if is_ours:
                    await work()

        return turn

    def close(self) -> None:
        """Take no more work."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._engine.dispose()

    async def _awaited(
        self, name: str, over: asyncio.Event, waiting: Callable[[], None]
    ) -> tuple[Claim, float] | None:
        """The lease and when it was asked for; None when it is over before."""
        is_first = True
        while not over.is_set():
            started = self._clock()
            claim = await self._asked(name)
            if claim is not None:
                log.info("lease.taken", lease=name, holder=self.holder)
                return claim, started
            if is_first:
                waiting()
            is_first = False
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), self._pace.ask)
        return None

    async def _asked(self, name: str) -> Claim | None:
        """The lease if it is free; a database in trouble grants nothing."""
        lasting = timedelta(seconds=self._pace.lasting)

        def ask(connection: sa.Connection) -> Claim | None:
            return leases.acquire(
                connection, name, holder=self.holder, lasting=lasting, now=self._now()
            )

        try:
            async with asyncio.timeout(self._pace.lasting - self._pace.margin):
                return await self._in_thread(ask)
        except TROUBLE as error:
            log.warning("lease.not_asked", lease=name, reason=_reason(error))
            return None

    @asynccontextmanager
    async def _kept(
        self, claim: tuple[Claim, float] | None, over: asyncio.Event
    ) -> AsyncIterator[None]:
        """Renew a lease until the block ends, then let it go."""
        if claim is None:
            yield
            return
        keeping = asyncio.create_task(self._keep(*claim, over))
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await self._release(claim[0])

    async def _keep(self, claim: Claim, asked: float, over: asyncio.Event) -> None:
        """Renew; tell when the lease is lost, or may be lost soon because nobody answers."""
        sure = self._pace.lasting - self._pace.margin
        until = asked + sure
        while self._clock() < until:
            await asyncio.sleep(min(self._pace.renew, max(until - self._clock(), 0)))
            started = self._clock()
            try:
                async with asyncio.timeout_at(until):
                    if not await self._in_thread(lambda c: leases.renew(c, claim, now=self._now())):
                        break
            except TROUBLE as error:
                log.warning("lease.not_renewed", lease=claim.name, reason=_reason(error))
            else:
                until = started + sure
        log.warning("lease.lost", lease=claim.name, holder=self.holder)
        over.set()

    async def _release(self, claim: Claim) -> None:
        """Let go; where that cannot be told, the lease ends by itself."""
        with suppress(*TROUBLE):
            async with asyncio.timeout(RELEASE_SECONDS):
                await self._in_thread(lambda connection: leases.release(connection, claim))

    async def _in_thread(self, work: Callable[[sa.Connection], Result]) -> Result:
        def run() -> Result:
            with writing(self._engine) as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._threads, run)

    @staticmethod
    def _clock() -> float:
        return asyncio.get_running_loop().time()


class HeldByOne:
    """A platform that one replica at a time runs; implements `bot.chat.Platform`.

    The others stand by, and the first of them that finds the lease free goes on.
    """

    def __init__(
        self, platform: Platform, leases_: Leases, *, report: Callable[[str], None]
    ) -> None:
        self.name = platform.name
        self._platform = platform
        self._leases = leases_
        self._report = report

    async def run(self, stop: asyncio.Event) -> None:
        """Serve while the lease is ours, until `stop` is set."""
        waiting = partial(self._report, STANDBY)
        async with self._leases.held(self.name, stop, waiting=waiting) as over:
            if not over.is_set():
                self._report("connecting")
                await self._platform.run(over)


async def _follow(stop: asyncio.Event, over: asyncio.Event) -> None:
    await stop.wait()
    over.set()


def _reason(error: Exception) -> str:
    """What happened, without the statement that it happened to."""
    return error.message if isinstance(error, StorageError) else type(error).__name__
