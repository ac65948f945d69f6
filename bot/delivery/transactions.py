"""Short transactions of the delivery workers, away from the event loop, by one clock.

On PostgreSQL the clock is the database's, so that replicas agree when a lease ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa

from storage.engine import reading, writing
from storage.errors import DatabaseUnusable, StorageError
from storage.outbox import moment

Result = TypeVar("Result")
Work = Callable[[sa.Connection, datetime], Result]
TROUBLE = (StorageError, sa.exc.SQLAlchemyError)  # the database is busy, gone, or came back


class Transactions:
    """Runs work in a transaction of its own, in `threads` or, without, where it is called.

    `clock` tells what time a transaction has.
    """

    def __init__(
        self,
        engine: sa.Engine,
        now: Callable[[], datetime],
        *,
        threads: Executor | None = None,
        clock: Callable[[sa.Connection, datetime], datetime] = moment,
    ) -> None:
        self.engine = engine
        self._now = now
        self._threads = threads
        self._clock = clock
        self._is_open = True

    async def write(self, work: Work[Result]) -> Result:
        """What the work gives, once it is kept.  Raises one of TROUBLE."""

        def run() -> Result:
            with writing(self.engine) as connection:
                return work(connection, self._clock(connection, self._now()))

        return await self._run(run)

    async def read(self, work: Work[Result]) -> Result:
        """What the work reads.  Raises one of TROUBLE."""

        def run() -> Result:
            with reading(self.engine) as connection:
                return work(connection, self._clock(connection, self._now()))

        return await self._run(run)

    async def call(self, job: Callable[[sa.Engine, datetime], Result]) -> Result:
        """What a job gives that opens its own transactions; its clock is this process's."""
        return await self._run(lambda: job(self.engine, self._now()))

    def close(self) -> None:
        """Take no more work; what runs ends by itself."""
        self._is_open = False
        if self._threads is not None:
            self._threads.shutdown(wait=False)

    async def _run(self, run: Callable[[], Result]) -> Result:
        if not self._is_open:
            raise DatabaseUnusable("The service ends.", hint="What is due waits for the next one.")
        if self._threads is None:
            return run()
        return await asyncio.get_running_loop().run_in_executor(self._threads, run)
