"""What the service does for itself: forget used-up buttons, check closed days every night."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, datetime

import sqlalchemy as sa
import structlog

from storage import actions
from storage.engine import reading, writing
from storage.errors import StorageError
from storage.preferences import set_state, state
from storage.timekeys import day_number
from storage.verify import verify
from storage.workspaces import WorkspaceInfo, list_workspaces

log = structlog.get_logger()
PURGE_SECONDS = 3600
VERIFY_SECONDS = 900
CHECKED_DAYS = 31  # one month of 90,000 events is compared in half a second
VERIFIED = "verified_through"


class Upkeep:
    """The jobs of the service's ticker, over one database."""

    def __init__(self, engine: sa.Engine, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now

    async def purge(self) -> None:
        """Forget expired buttons and old envelope ids."""
        await _quietly("purge", self._purge)

    async def verify(self) -> None:
        """Compare the closed days of each workspace once a local day."""
        await _quietly("verify", self._verify)

    def _purge(self) -> None:
        with writing(self._engine) as connection:
            actions.purge(connection, now=self._now())

    def _verify(self) -> None:
        with reading(self._engine) as connection:
            found = list_workspaces(connection)
            done = {one.id: state(connection, VERIFIED, one.id) for one in found}
        for workspace in found:
            today = workspace.clock().local_date(self._now())
            if done[workspace.id] != today.isoformat():
                self._check(workspace, today)

    def _check(self, workspace: WorkspaceInfo, today: date) -> None:
        last = day_number(today) - 1
        first = last - CHECKED_DAYS
        differences = list(verify(self._engine, workspace, first_day=first, last_day=last))
        for difference in differences:
            log.error("rollup.differs", workspace=workspace.name, difference=str(difference))
        if not differences:
            with writing(self._engine) as connection:
                set_state(connection, VERIFIED, today.isoformat(), workspace_id=workspace.id)
            log.info("ledger.verified", workspace=workspace.name, through=today.isoformat())


async def _quietly(name: str, work: Callable[[], None]) -> None:
    """A busy database is no reason to fail: the next tick tries again."""
    try:
        await asyncio.to_thread(work)
    except StorageError as error:
        log.warning("upkeep.postponed", job=name, reason=error.message)
