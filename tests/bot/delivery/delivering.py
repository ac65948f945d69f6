"""A platform in memory that does as it is told, and workers that deliver to it by hand.

Nothing sleeps: the clock stands until a test moves it, and work goes on until nothing may be done
at that moment.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa

from analytics.report import Button, Report
from bot.asking import Asking
from bot.chat import Address, Outgoing, Payload, SendError, Standing
from bot.delivery.composing import Composer
from bot.delivery.sending import Chance, Courier, OnUnknown
from bot.delivery.timing import Timing
from bot.delivery.transactions import Transactions
from bot.delivery.worker import Deliveries
from bot.drawing import Drawing
from bot.subscriptions.overdue import catch_up_after, catch_up_at_start
from storage.outbox import DeliveryRow
from tests.cast import NOW
from tests.storage.mail import Mail

LOST = SendError("unknown", "timeout")  # never arrived, and nobody knows
BUSY = SendError("refused", "internal_error", status=500)


@dataclass
class Arrives:
    """It arrives, `after` so many seconds, and the answer is an error."""

    error: SendError = field(default_factory=lambda: SendError("unknown", "reset"))
    after: float = 0.0


@dataclass
class Post:
    """What people see."""

    id: str
    reference: str
    channel: str
    act: str
    payload: Payload
    parent: str | None
    at: datetime
    visible_at: datetime


class Scripted:
    """A platform that answers as its script says, and well when that is over."""

    name = "slack"

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.script: deque[SendError | Arrives] = deque()
        self.looks: deque[Exception] = deque()
        self.posts: list[Post] = []
        self.edits: list[Outgoing] = []
        self._landings: list[tuple[datetime, str]] = []
        self.requests: list[tuple[datetime, Outgoing]] = []
        self.probes = self.odd_probes = 0
        self.token_error: SendError | None = None
        self.history_delay = 0.0
        self.behind = timedelta()  # its clock, against ours
        self.outside = False
        self.hold: asyncio.Event | None = None
        self.asked = asyncio.Event()

    def compose(
        self, report: Report, *, buttons: Mapping[Button, str], reference: str, pictured: bool
    ) -> Payload:
        notes = [str(getattr(block, "text", "")) for block in report.blocks]
        return {
            "text": report.headline,
            "notes": [note for note in notes if note],
            "buttons": {button.label: value for button, value in buttons.items()},
            "reference": reference,
            "pictured": pictured,
        }

    def plainer(self, payload: Payload) -> Payload | None:
        return None if payload.get("plain") else {"text": payload["text"], "plain": True}

    def noted(self, payload: Payload, text: str) -> Payload:
        return {**payload, "text": payload["text"], "note": text} if payload else {"note": text}

    async def send(self, outgoing: Outgoing) -> str:
        self.requests.append((self.clock.now(), outgoing))
        if outgoing.act == "file":
            assert outgoing.attachment is not None
            assert set(outgoing.payload) <= {"note"}
        else:
            assert outgoing.payload["text"]
        self.asked.set()
        if self.hold is not None:
            await self.hold.wait()
        told = self.script.popleft() if self.script else None
        if isinstance(told, SendError):
            raise told
        if outgoing.act == "edit":
            return self._change(outgoing, told)
        post = self._post(outgoing, told.after if told else 0.0)
        self.posts.append(post)
        if told:
            raise told.error
        return post.id

    def _change(self, outgoing: Outgoing, told: Arrives | None) -> str:
        self.edits.append(outgoing)
        late = timedelta(seconds=told.after if told else 0.0)
        self._landings.append((self.clock.now() + late, str(outgoing.payload["text"])))
        if told:
            raise told.error
        return outgoing.parent or ""

    @property
    def shown(self) -> str:
        """What stands in the post that was changed, when everything has landed."""
        return max(self._landings)[1]

    def _post(self, outgoing: Outgoing, after: float) -> Post:
        now = self.clock.now()
        arrived = now + timedelta(seconds=after)
        return Post(
            id=f"m{len(self.posts) + 1}",
            reference=outgoing.reference,
            channel=outgoing.address.channel_id,
            act=outgoing.act,
            payload=outgoing.payload,
            parent=outgoing.parent,
            at=arrived,
            visible_at=arrived + timedelta(seconds=self.history_delay),
        )

    async def find(self, outgoing: Outgoing, *, since: datetime) -> str | None:
        if self.looks:
            raise self.looks.popleft()
        seen = (
            p
            for p in self.posts
            if p.visible_at <= self.clock.now() and p.at - self.behind >= since
        )
        return next((p.id for p in seen if p.reference == outgoing.reference), None)

    async def standing(self, address: Address, *, person: str = "") -> Standing:
        del person
        return Standing(
            address.channel_id, can_post=True, can_read_history=True, is_external=self.outside
        )

    async def probe(self, external_id: str) -> None:
        del external_id
        self.probes += 1
        if self.probes <= self.odd_probes:
            raise KeyError("user_id")
        if self.token_error is not None:
            raise self.token_error

    async def close(self) -> None:
        """Nothing is held."""


@dataclass
class Clock:
    """Wall and monotonic clock, moved by hand."""

    moment: datetime = NOW
    running: float = 0.0

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.running

    def forward(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        self.running += seconds


def by_hand(_: sa.Connection, now: datetime) -> datetime:
    """Leases are told by the clock of the test."""
    return now


async def no_sleep(_: float) -> None:
    """Whoever waits need not."""


@dataclass
class Office:
    """One database, one platform, and as many workers as a test wants."""

    engine: sa.Engine
    timing: Timing = field(default_factory=Timing)
    clock: Clock = field(default_factory=Clock)
    drawing: Drawing | None = None
    owners: Sequence[str] = ()
    on_unknown: OnUnknown = "resend_labelled"
    ahead: timedelta = timedelta()
    platform_name: str = "slack"

    def __post_init__(self) -> None:
        """Open the platform."""
        self.mail = Mail(self.engine)
        self.platform = Scripted(self.clock)

    def worker(self) -> Deliveries:
        """A fresh process."""
        transactions = Transactions(self.engine, self.clock.now, clock=by_hand)
        chance = Chance(sleep=no_sleep, monotonic=self.clock.monotonic, random=random.Random(5))  # noqa: S311  # jitter
        senders = {self.platform_name: self.platform}
        composer = Composer(
            transactions,
            Asking(now=self.clock.now, owners=self.owners, workspace=None),
            senders,
            timing=self.timing,
            drawing=self.drawing,
            owners=self.owners,
        )
        courier = Courier(
            transactions,
            senders,
            timing=self.timing,
            on_unknown=self.on_unknown,
            owners=self.owners,
            chance=chance,
            asking=Asking(now=self.clock.now, owners=self.owners, workspace=None),
            ahead=lambda: self.ahead,
        )
        return Deliveries(
            transactions,
            composer,
            courier,
            senders,
            timing=self.timing,
            first=partial(catch_up_at_start, leases=by_hand),
            returned=partial(catch_up_after, leases=by_hand),
            chance=chance,
        )

    async def work(self, *after: float) -> None:
        """Do all that may be done now, and after each of some pauses."""
        worker = self.worker()
        await worker.settle()
        for seconds in after:
            self.clock.forward(seconds)
            await worker.sweep()
            await worker.probe()
            await worker.settle()

    def row(self, delivery: str) -> DeliveryRow:
        """How a delivery stands."""
        return self.mail.row(delivery)

    @property
    def said(self) -> list[str]:
        """The texts of all posts, in the order in which they arrived."""
        return [str(post.payload.get("text", post.act)) for post in self.platform.posts]
