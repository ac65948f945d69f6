"""The clock of the service: an in-memory tick, nothing else.

What is due is decided by our tables.  APScheduler's own job stores are not used: they cannot be
shared by processes, keep pickles, and drop a run that is a second late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from apscheduler.events import (
    EVENT_JOB_ERROR,
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOB_MISSED,
    JobEvent,
)
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.counters import Counters

log = structlog.get_logger()
Job = Callable[[], Awaitable[object]]
# Late is not lost, missed runs become one, and a job never overlaps itself.
DEFAULTS = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
TROUBLE: Mapping[int, str] = {
    EVENT_JOB_ERROR: "error",
    EVENT_JOB_MISSED: "missed",
    EVENT_JOB_MAX_INSTANCES: "overlap",  # the run before has not ended yet
}
COUNTED = "scheduler_trouble"


class Ticker:
    """Calls jobs every so many seconds on the running event loop.

    A job that fails is counted, logged and called again at its next turn.
    """

    def __init__(self, counters: Counters | None = None) -> None:
        self._scheduler = AsyncIOScheduler(timezone="UTC", job_defaults=DEFAULTS)
        self._counters = counters or Counters()
        self._is_stopping = False
        self._scheduler.add_listener(self._note, sum(TROUBLE))

    def every(self, seconds: float, job: Job, *, name: str) -> None:
        """Call a job regularly, for the first time after one interval."""
        self._scheduler.add_job(self._leaving(job), "interval", seconds=seconds, id=name)

    def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()

    def stop(self) -> None:
        """Take no new turn, and cancel the jobs in flight: each may end anywhere."""
        self._is_stopping = True
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _leaving(self, job: Job) -> Job:
        """A job whose cancelling by `stop` is no failure of it."""

        async def run() -> None:
            try:
                await job()
            except asyncio.CancelledError:
                if not self._is_stopping:
                    raise

        return run

    def _note(self, event: JobEvent) -> None:
        kind = TROUBLE[event.code]
        self._counters.up(COUNTED, job=event.job_id, kind=kind)
        log.error("job.failed" if kind == "error" else "job.late", job=event.job_id, kind=kind)
