"""Looks every minute whether an unasked message waits for far too long: the service is unwell then.

After 2 h it is in the log, after 6 h the health is red.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
import structlog

from analytics.numbers import counted
from storage.engine import reading
from storage.errors import StorageError
from storage.queue_stats import Queue, queue_of

log = structlog.get_logger()
LOOK_SECONDS = 60


class QueueWatch:
    """Tells how many messages wait for more than 6 h; None when there are none."""

    def __init__(
        self, engine: sa.Engine, now: Callable[[], datetime], report: Callable[[str | None], None]
    ) -> None:
        self._engine = engine
        self._now = now
        self._report = report

    async def look(self) -> None:
        """Look once; a busy database is looked at again the next time."""
        try:
            queue = await asyncio.to_thread(self._queue)
        except StorageError as error:
            log.warning("queue.not_looked_at", reason=error.message)
            return
        if queue.late:
            log.warning("queue.late", late=queue.late, lost=queue.lost)
        self._report(f"{counted(queue.lost, 'message')} late by 6 h" if queue.lost else None)

    def _queue(self) -> Queue:
        with reading(self._engine) as connection:
            return queue_of(connection, self._now())
