"""What the service does for itself: forget used-up buttons, check and gather every night."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, datetime

import sqlalchemy as sa
import structlog

from analytics.trials import end_decided
from bot.operation.leases import Leases
from bot.operation.rules_past import apply_asked
from storage import actions
from storage.apart import Apart
from storage.audit import broken_link
from storage.engine import reading, writing
from storage.errors import StorageError
from storage.evidence import gather, is_stale
from storage.preferences import set_state, state
from storage.replicas import forget_replicas
from storage.timekeys import day_number
from storage.trials import running_trials
from storage.verify import verify
from storage.workspaces import WorkspaceInfo, list_workspaces

log = structlog.get_logger()
PURGE_SECONDS = 3600
VERIFY_SECONDS = 900
GATHER_SECONDS = 900
DECIDE_SECONDS = 30
CHECKED_DAYS = 31  # one month of 90,000 events is compared in half a second
SHOWN = 20  # differences in the log; `creditbot verify` shows them all
CHECKED = "verified_through"
VERIFIED = "verified"


class Upkeep:
    """The jobs of the service's ticker, over one database.

    `report` is told what came of every check: VERIFIED, or what is wrong in which workspace.  With
    `leases` each job runs in one replica at a time.
    """

    def __init__(
        self,
        engine: sa.Engine,
        now: Callable[[], datetime],
        *,
        report: Callable[[str], None],
        leases: Leases | None = None,
    ) -> None:
        self._engine = engine
        self._now = now
        self._report = report
        self._leases = leases
        self._is_wrong = False

    async def purge(self) -> None:
        """Forget expired buttons, old envelope ids and replicas that are gone."""
        await self._alone("purge", self._purge)

    async def verify(self) -> None:
        """Check the closed days and the audit of each workspace once a local day.

        What was found wrong is looked at again at every turn, until it is mended.
        """
        await self._alone("verify", self._verify)

    async def gather(self) -> None:
        """Gather the evidence for advice once a local day of each workspace."""
        await self._alone("gather", self._gather)

    async def decide(self) -> None:
        """Apply task rules to the past where that was asked for, and end trials with an answer."""
        await self._alone("decide", self._decide)

    async def _alone(self, name: str, work: Callable[[], None]) -> None:
        """Do a job unless another replica is at it."""
        if self._leases is None:
            await _quietly(name, work)
            return
        async with self._leases.turn(name) as is_ours:
            if is_ours:
                await _quietly(name, work)

    def _decide(self) -> None:
        with reading(self._engine) as connection:
            found = list_workspaces(connection)
            running = [one for one in found if running_trials(connection, one.id)]
        with Apart() as apart:
            with apart.turn("task rules"):
                for name, run in apply_asked(self._engine, now=self._now()).items():
                    log.info(
                        "task_rules.applied", workspace=name, read=run.read, changed=run.changed
                    )
            for workspace in running:
                with apart.turn(workspace.name), writing(self._engine) as connection:
                    for trial in end_decided(connection, workspace.id, now=self._now()):
                        log.info("trial.ended", workspace=workspace.name, trial=trial.id)

    def _purge(self) -> None:
        with writing(self._engine) as connection:
            actions.purge(connection, now=self._now())
            forget_replicas(connection, now=self._now())

    def _gather(self) -> None:
        now = self._now()
        with reading(self._engine) as connection:
            found = list_workspaces(connection)
            stale = [one for one in found if is_stale(connection, one.id, one.clock().day(now))]
        with Apart() as apart:
            for workspace in stale:
                with apart.turn(workspace.name):
                    gather(self._engine, workspace, now=now)
                    log.info("evidence.gathered", workspace=workspace.name)

    def _verify(self) -> None:
        with reading(self._engine) as connection:
            found = list_workspaces(connection)
            done = {one.id: state(connection, CHECKED, one.id) for one in found}
        days = {one: one.clock().local_date(self._now()) for one in found}
        due = [one for one in found if done[one.id] != days[one].isoformat()]
        wrong = []
        with Apart() as apart:
            for one in due:
                with apart.turn(one.name):
                    wrong += self._check(one, days[one])
            wrong += [f"{name}: could not be checked; the log says why" for name in apart.bugs]
            # Another replica may have found mended what was wrong here the last time.
            if due or self._is_wrong:
                self._report("; ".join(wrong) or VERIFIED)
            self._is_wrong = bool(wrong)

    def _check(self, workspace: WorkspaceInfo, today: date) -> list[str]:
        """What is wrong in one workspace, in words; a clean day is kept."""
        last = day_number(today) - 1
        first = last - CHECKED_DAYS
        wrong = []
        differences = list(verify(self._engine, workspace, first_day=first, last_day=last))
        for difference in differences[:SHOWN]:
            log.error("rollup.differs", workspace=workspace.name, difference=str(difference))
        if differences:
            wrong.append(f"{workspace.name}: {len(differences)} sums differ from the ledger")
        with reading(self._engine) as connection:
            link = broken_link(connection, workspace.id)
        if link is not None:
            log.error("audit.broken", workspace=workspace.name, row=link)
            wrong.append(f"{workspace.name}: the audit was changed at row {link}")
        if not wrong:
            with writing(self._engine) as connection:
                set_state(connection, CHECKED, today.isoformat(), workspace_id=workspace.id)
            log.info("ledger.verified", workspace=workspace.name, through=today.isoformat())
        return wrong


async def _quietly(name: str, work: Callable[[], None]) -> None:
    """A busy database is no reason to fail: the next tick tries again."""
    try:
        await asyncio.to_thread(work)
    except StorageError as error:
        log.warning("upkeep.postponed", job=name, reason=error.message)
