"""The delivery worker: makes and sends what is due, several channels at once, one request each.

It holds nothing in memory that counts: any number of replicas may run, and one that is killed
leaves leases that end.  It wakes when this process knows of something new and looks twice a second
for what others, and the clock, have made due.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from bot.chat import Sender, SendError
from bot.delivery.composing import Composer
from bot.delivery.sending import Chance, Courier
from bot.delivery.timing import Timing
from bot.delivery.transactions import TROUBLE, Transactions
from storage.claims import Claim, Hands, anything_due, claim_lane, claim_render
from storage.notices import sweep
from storage.pauses import Pause, end_pause, forget_pauses, take_probe
from storage.pruning import prune
from storage.unset import end_unsendable

log = structlog.get_logger()
# Makes rows due: gets the engine and the outbox's clock, says how many are new.
Job = Callable[[sa.Engine, datetime], int]
# What is done for a platform workspace that works again, before anything leaves there.
Return = Callable[[sa.Engine, datetime, Pause], int]


class Deliveries:
    """The worker of one process.

    `jobs` run before each look: what must leave within a second or two of its cause.  `first` runs
    once before anything leaves, `returned` before a refused platform workspace is sent to again.
    `turns` counts the looks that came to an end.
    """

    def __init__(  # noqa: PLR0913  # its parts, wired by hand
        self,
        transactions: Transactions,
        composer: Composer,
        courier: Courier,
        senders: Mapping[str, Sender],
        *,
        timing: Timing,
        jobs: Sequence[Job] = (),
        first: Job | None = None,
        returned: Return | None = None,
        chance: Chance | None = None,
    ) -> None:
        self._transactions = transactions
        self._composer = composer
        self._courier = courier
        self._senders = senders
        self._timing = timing
        self._jobs = jobs
        self._first = first
        self._returned = returned
        self._chance = chance or Chance()
        self.turns = 0
        self._wake = asyncio.Event()
        self._jobs_at = -1.0
        self._lanes: dict[tuple[int, int], float] = {}  # in hand until, by the running time
        self._making: set[asyncio.Task[None]] = set()
        self._sending: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look now: something new is due.  From the event loop's own thread."""
        self._jobs_at = -1.0
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then let what is on its way arrive for a few seconds."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                self._wake.clear()
                try:
                    await self.turn()
                except TROUBLE as error:
                    reason = str(error).partition("\n")[0]
                    log.warning("delivery.turn_postponed", reason=reason)
                self.turns += 1
                waking = asyncio.create_task(self._wake.wait())
                await asyncio.wait(
                    (stopping, waking), timeout=self._timing.poll, return_when="FIRST_COMPLETED"
                )
                waking.cancel()
        finally:
            stopping.cancel()
            await self._finish()

    def close(self) -> None:
        """Take no more work."""
        self._transactions.close()

    async def turn(self) -> bool:
        """Begin everything that may begin now; whether there was anything.  Raises TROUBLE."""
        await self._make_first()
        await self._make_due()
        platforms = tuple(self._senders)
        to_make, to_send = await self._transactions.read(
            lambda c, now: anything_due(
                c, now, lease=timedelta(seconds=self._timing.lease), platforms=platforms
            )
        )
        sent = to_send and await self._begin(
            self._sending, self._timing.lanes, self._claim_lane, self._deliver
        )
        made = to_make and await self._begin(
            self._making, self._timing.makers, self._claim_render, self._composer.make
        )
        return sent or made

    async def settle(self) -> None:
        """Work until nothing more may begin at this moment of the clock; for tests and the demo."""
        while await self.turn() or self._busy:
            if self._busy:
                await asyncio.wait(self._busy)

    @property
    def _busy(self) -> set[asyncio.Task[None]]:
        return self._making | self._sending

    async def _make_first(self) -> None:
        """What must be decided before this process sends anything.  Raises TROUBLE."""
        first, self._first = self._first, None
        if first is None:
            return
        try:
            await self._transactions.call(first)
        except TROUBLE:
            self._first = first
            raise
        except Exception:  # our bug must not keep back what is due
            log.exception("delivery.first_failed")

    async def _make_due(self) -> None:
        """Run the jobs, not more often than this process would look by itself."""
        now = self._chance.monotonic()
        if now < self._jobs_at:
            return
        self._jobs_at = now + self._timing.poll
        for job in self._jobs:
            await self._guarded(job)

    async def _guarded(self, job: Job) -> None:
        """A job that fails holds up nothing else."""
        try:
            await self._transactions.call(job)
        except TROUBLE as error:
            log.warning("delivery.job_postponed", reason=str(error).partition("\n")[0])
        except Exception:  # one of the worker's outermost loops
            log.exception("delivery.job_failed")

    async def _begin(
        self,
        busy: set[asyncio.Task[None]],
        most: int,
        claim: Callable[[], Awaitable[Claim | None]],
        work: Callable[[Claim, float], Awaitable[None]],
    ) -> bool:
        """Claim and begin until nothing is free or enough is busy; whether anything was."""
        begun = False
        while len(busy) < most:
            claimed_at = self._chance.monotonic()
            found = await claim()
            if found is None:
                break
            begun = True
            task = asyncio.create_task(self._guard(work, found, claimed_at))
            busy.add(task)
            task.add_done_callback(busy.discard)
            task.add_done_callback(lambda _: self._wake.set())
        return begun

    async def _claim_lane(self) -> Claim | None:
        lease, blocks = self._timing.lease, self._timing.blocks
        claimed_at = self._chance.monotonic()
        busy = frozenset(lane for lane, until in self._lanes.items() if until > claimed_at)
        hands = Hands(busy, self._courier.resting())
        found = await self._transactions.write(
            lambda c, now: claim_lane(
                c,
                now,
                lease=timedelta(seconds=lease),
                platforms=tuple(self._senders),
                blocks=timedelta(seconds=blocks),
                hands=hands,
            )
        )
        if found is not None:
            self._lanes[found.lane.workspace_id, found.lane.id] = claimed_at + lease
        return found

    async def _deliver(self, claim: Claim, claimed_at: float) -> None:
        """One try; meanwhile a clock that is set does not make its lane look free."""
        try:
            await self._courier.deliver(claim, claimed_at)
        finally:
            self._lanes.pop((claim.lane.workspace_id, claim.lane.id), None)

    async def _claim_render(self) -> Claim | None:
        lease = timedelta(seconds=self._timing.making)
        platforms = tuple(self._senders)
        return await self._transactions.write(
            lambda c, now: claim_render(c, now, lease=lease, platforms=platforms)
        )

    async def _guard(
        self, work: Callable[[Claim, float], Awaitable[None]], claim: Claim, claimed_at: float
    ) -> None:
        """Whatever goes wrong, the lease ends by itself and the row is taken up again."""
        try:
            await work(claim, claimed_at)
        except TROUBLE as error:
            reason = str(error).partition("\n")[0]
            log.warning("delivery.left_to_its_lease", delivery=claim.row.id, reason=reason)
        except Exception:  # the worker's outermost loop
            log.exception("delivery.left_to_its_lease", delivery=claim.row.id)

    async def _finish(self) -> None:
        """What is on its way gets a few seconds, then it is cut off and written down as unknown."""
        if self._busy:
            await asyncio.wait(self._busy, timeout=self._timing.grace)
        late = self._busy
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    # ---- for the tick

    def step(self, job: Job) -> Callable[[], Awaitable[bool]]:
        """A job as a step of the tick, which wakes the worker when it found something."""

        async def run() -> bool:
            if found := await self._transactions.call(job):
                self.wake()
            return bool(found)

        return run

    async def sweep(self) -> None:
        """Skip what can never leave."""
        await self._transactions.write(sweep)
        self.wake()

    async def housekeep(self) -> None:
        """Empty what is old, forget what is very old."""
        platforms = tuple(self._senders)
        await self._transactions.write(lambda c, now: end_unsendable(c, now, platforms))
        await self._transactions.call(prune)
        await self._transactions.write(forget_pauses)

    async def probe(self) -> None:
        """Look whether refused workspaces work again; where nothing answers that takes long."""
        again = timedelta(seconds=self._timing.probe)
        platforms = tuple(self._senders)
        while pause := await self._transactions.write(
            lambda c, now: take_probe(c, now, again=again, platforms=platforms)
        ):
            await self._look(pause)
            self.wake()

    async def _look(self, pause: Pause) -> None:
        try:
            async with asyncio.timeout(self._timing.deadline):
                await self._senders[pause.platform].probe(pause.external_id)
        except (SendError, TimeoutError) as error:
            log.warning("chat.still_refused", platform=pause.platform, reason=str(error))
            return
        except Exception:  # an answer that we do not understand is none, and no other's trouble
            log.exception("chat.probe_failed", platform=pause.platform)
            return
        await self._tell_returned(pause)
        if await self._transactions.write(lambda c, _: end_pause(c, pause)):
            log.info("chat.works_again", platform=pause.platform)

    async def _tell_returned(self, pause: Pause) -> None:
        returned = self._returned
        if returned is None:
            return
        try:
            await self._transactions.call(lambda engine, now: returned(engine, now, pause))
        except TROUBLE:
            raise  # still refused, for all that anybody knows: the next look is in a few minutes
        except Exception:  # our bug must not keep back what is due
            log.exception("delivery.return_failed", platform=pause.platform)
