"""The clock of the service: an in-memory tick, nothing else.

What is due is decided by our tables.  APScheduler's own job stores are not used: they cannot be
shared by processes, keep pickles, and drop a run that is a second late.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from apscheduler.schedulers.asyncio import AsyncIOScheduler

Job = Callable[[], Awaitable[None]]
# Late is not lost, missed runs become one, and a job never overlaps itself.
DEFAULTS = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}


class Ticker:
    """Calls jobs every so many seconds on the running event loop."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(timezone="UTC", job_defaults=DEFAULTS)

    def every(self, seconds: float, job: Job, *, name: str) -> None:
        """Call a job regularly, for the first time after one interval."""
        self._scheduler.add_job(job, "interval", seconds=seconds, id=name)

    def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()

    def stop(self) -> None:
        """Take no new turn; jobs in flight end by themselves."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
