"""One try to send one delivery: looked for first where it may be there, sent once, written down.

The order of the commits is what survives a kill at any point: that it may have been sent is kept
before the socket opens, what became of it after; and a row that may have been sent is never sent
again before the platform was asked for it.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
import structlog

from bot.asking import Asking
from bot.chat import NO_PICTURE, Act, Address, Attachment, Outgoing, Sender, SendError
from bot.counters import Counters
from bot.delivery import audience
from bot.delivery.patience import Patience, holds_for_all
from bot.delivery.payloads import digest_of
from bot.delivery.timing import Timing
from bot.delivery.transactions import TROUBLE, Transactions, Work
from storage import endings
from storage.claims import Claim, free_lane, mark_maybe_sent
from storage.edits import is_overtaken
from storage.endings import Trouble
from storage.failpoints import failpoint
from storage.notices import destination_died
from storage.outbox import reference
from storage.overdue import SCHEDULED, give_back

log = structlog.get_logger()
OnUnknown = Literal["resend_labelled", "hold"]
OVERTAKEN = "a newer change of the message is there"
REPEAT = "This may be a repeat: the first try got no answer."
MOST_WAIT = 7 * 86_400.0  # seconds; what asks for more than its life is given up in any case
FRESH = timedelta(minutes=1)  # what was made so long ago is looked at again before it leaves
AGAIN = (0.2, 1.0, 3.0)  # seconds between tries to write down what became of a send


@dataclass(frozen=True, slots=True)
class Chance:
    """What a test replaces: pauses, the clock that no one sets, and luck."""

    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    monotonic: Callable[[], float] = lambda: asyncio.get_running_loop().time()
    random: random.Random = random.Random()  # noqa: RUF009, S311  # jitter


class Courier:
    """Sends claimed deliveries; `owners` are told of dead channels as admins are.

    With `asking` the rights of a digest's maker are looked up once more when it waited.  `ahead`
    says how far our clock may be ahead of the platforms'.
    """

    def __init__(  # noqa: PLR0913  # its parts, wired by hand
        self,
        transactions: Transactions,
        senders: Mapping[str, Sender],
        *,
        timing: Timing,
        on_unknown: OnUnknown = "resend_labelled",
        owners: Collection[str] = (),
        chance: Chance | None = None,
        counters: Counters | None = None,
        asking: Asking | None = None,
        ahead: Callable[[], timedelta] = timedelta,
    ) -> None:
        self._write, self._read = transactions.write, transactions.read
        self._asking = asking
        self._ahead = ahead
        self._counters = counters or Counters()
        self._senders = senders
        self._timing = timing
        self._on_unknown = on_unknown
        self._owners = owners
        self._chance = chance or Chance()
        self._patience = Patience(timing, self._chance.random)
        self._closed_until: dict[tuple[str, str], float] = {}
        self._resting: dict[str, float] = {}  # deliveries, until when by the running time

    async def deliver(self, claim: Claim, claimed_at: float) -> None:
        """One try; `claimed_at` is the monotonic clock from before the claim.

        A bug counts as no answer: without a word of it in the row its lane would wait for ever.
        """
        try:
            await self._deliver(claim, claimed_at)
        except TROUBLE:
            raise
        except Exception:  # one of the worker's outermost loops
            log.exception("delivery.failed_by_a_bug", **_told(claim))
            bug = Trouble("unknown", "bug")
            await self._kept(lambda c, now: self._patience.unknown(c, now, claim, bug, now))

    def resting(self) -> frozenset[str]:
        """Deliveries that this process must not touch yet, whatever the wall clock says."""
        now = self._chance.monotonic()
        self._resting = {row: until for row, until in self._resting.items() if until > now}
        return frozenset(self._resting)

    async def _deliver(self, claim: Claim, claimed_at: float) -> None:
        failpoint("P6")
        most = self._timing.claims
        if claim.row.attempts > most and await self._write(
            lambda c, now: endings.finish_silent(c, claim, now, most=most)
        ):
            log.error("delivery.ends_its_processes", **_told(claim))
            return
        if claim.row.act == "edit" and await self._read(lambda c, _: is_overtaken(c, claim.row)):
            await self._write(lambda c, now: _refuse(c, claim, now, OVERTAKEN))
            return
        sender, outgoing = self._senders[claim.lane.platform], outgoing_of(claim)
        if claim.row.maybe_sent_at is not None and claim.row.act != "edit":
            if self._is_too_late(claim, claimed_at):
                # Whoever takes over would not hear of a pause that this read is told.
                await self._write(lambda c, now: endings.release(c, claim, now, tried=False))
                return
            next_step = await self._reconcile(claim, sender, outgoing)
            if next_step == "done":
                return
            if next_step == "repeat":
                outgoing = replace(outgoing, payload=sender.noted(outgoing.payload, REPEAT))
            else:
                claim = replace(claim, row=replace(claim.row, maybe_sent_at=None))
        await self._send(claim, sender, outgoing, claimed_at)

    # ---- sending

    async def _send(
        self, claim: Claim, sender: Sender, outgoing: Outgoing, claimed_at: float
    ) -> None:
        if reason := await self._refused_by_now(claim):
            log.info("delivery.refused_by_now", **_told(claim), reason=reason)
            await self._write(lambda c, now: _refuse(c, claim, now, reason))
            return
        marked_at = await self._write(
            lambda c, now: now if mark_maybe_sent(c, claim, now) else None
        )
        if marked_at is None or self._is_too_late(claim, claimed_at):
            tried = marked_at is not None
            await self._write(lambda c, now: endings.release(c, claim, now, tried=tried))
            return
        failpoint("P7")
        landed = self._chance.monotonic() + self._timing.deadline + self._timing.margin
        self._resting[_told_in(claim)] = landed
        try:
            async with asyncio.timeout(self._timing.deadline):
                message_id = await _posted(sender, outgoing)
        except SendError as error:
            failpoint("P9")
            trouble = self._heeded(claim, trouble_of(error))
            if trouble.outcome != "unknown":
                self._resting.pop(_told_in(claim), None)
            await self._failed(claim, sender, trouble, marked_at)
            return
        except TimeoutError:
            await self._failed(claim, sender, Trouble("unknown", "deadline"), marked_at)
            return
        except asyncio.CancelledError:
            await self._cut_off(claim, marked_at)
            raise
        except Exception:  # a sender's bug says nothing about what the platform did
            log.exception("delivery.sender_failed", platform=claim.lane.platform)
            await self._failed(claim, sender, Trouble("unknown", "bug"), marked_at)
            return
        failpoint("P9")
        failpoint("P10")
        self._resting.pop(_told_in(claim), None)
        await self._sent(claim, message_id)

    async def _refused_by_now(self, claim: Claim) -> str | None:
        """Why a digest that waited, or what goes below its post, may not leave as it was made."""
        row, asking = claim.row, self._asking
        is_scheduled = row.kind == "digest" and row.act != "edit" and row.trigger in SCHEDULED
        is_one = is_scheduled and row.subscription_id is not None and row.maybe_sent_at is None
        if asking is None or not is_one:
            return None

        def look(connection: sa.Connection, now: datetime) -> str | None:
            waited = row.attempts > 1 or now - row.not_before > FRESH
            return audience.why_not(connection, asking, claim, now) if waited else None

        return await self._read(look)

    def _is_too_late(self, claim: Claim, claimed_at: float) -> bool:
        """Whether a request that leaves now could land after somebody else took over."""
        now = self._chance.monotonic()
        chat = (claim.lane.platform, claim.lane.external_id)
        return now - claimed_at > self._timing.lease / 3 or now < self._closed_until.get(chat, 0)

    def _heeded(self, claim: Claim, trouble: Trouble) -> Trouble:
        """The trouble, told at once to what is about to leave for the same workspace."""
        if trouble.retry_after is not None and holds_for_all(claim, trouble):
            chat = (claim.lane.platform, claim.lane.external_id)
            self._closed_until[chat] = self._chance.monotonic() + trouble.retry_after
        return trouble

    def _count(self, claim: Claim, outcome: str) -> None:
        self._counters.up("sends", platform=claim.lane.platform, outcome=outcome)

    async def _sent(self, claim: Claim, message_id: str, *, found: bool = False) -> None:
        self._count(claim, "found" if found else "sent")
        gap = self._patience.gap(claim)

        def keep(connection: sa.Connection, now: datetime) -> bool:
            next_at = now + timedelta(seconds=gap)
            done = endings.finish_sent(
                connection, claim, now, message_id, next_at=next_at, found=found
            )
            failpoint("P11", connection)
            return done

        done = await self._kept(keep)
        log.info("delivery.sent", **_told(claim), found=found, kept=done)
        if claim.row.act == "file":
            failpoint("P12")

    # ---- looking for an earlier try

    async def _reconcile(
        self, claim: Claim, sender: Sender, outgoing: Outgoing
    ) -> Literal["done", "send", "repeat"]:
        """What to do about a message that may be there already."""
        since = claim.row.maybe_sent_at
        assert since is not None  # noqa: S101  # for the type checker
        try:
            async with asyncio.timeout(self._timing.deadline):
                message_id = await sender.find(outgoing, since=since - self._ahead())
        except SendError as error:
            trouble = self._heeded(claim, trouble_of(error))
            return await self._not_read(claim, trouble)
        except TimeoutError:
            return await self._not_read(claim, Trouble("unknown", "deadline"))
        except Exception:  # an answer that we do not understand says nothing
            log.exception("delivery.not_looked_for", **_told(claim))
            return await self._not_read(claim, Trouble("unknown", "bug"))
        failpoint("P13")
        if message_id is not None:
            await self._sent(claim, message_id, found=True)
            return "done"
        self._resting[claim.row.id] = self._chance.monotonic() + self._timing.look_again
        await self._write(lambda c, _: endings.note_history(c, claim, readable=True))
        return "send" if await self._write(lambda c, now: self._missed(c, now, claim)) else "done"

    def _missed(self, connection: sa.Connection, now: datetime, claim: Claim) -> bool:
        """Whether it surely is not there: read twice, far enough apart."""
        again = timedelta(seconds=self._timing.look_again)
        first = claim.row.missed_at
        if first is not None and now >= first + again:
            return endings.surely_not_sent(connection, claim)
        endings.finish_missed(connection, claim, now, not_before=now + again)
        return False

    async def _not_read(self, claim: Claim, trouble: Trouble) -> Literal["done", "repeat"]:
        """The platform could not be asked: later, or never."""
        if trouble.outcome in ("account", "banned"):
            await self._kept(lambda c, now: self._patience.stopped(c, now, claim, trouble))
            return "done"
        passes = trouble.outcome in ("refused", "unknown")
        unreadable = replace(trouble, outcome="unreadable")
        if passes and await self._write(
            lambda c, now: self._patience.unread(c, now, claim, trouble)
        ):
            return "done"
        if not passes:
            await self._write(lambda c, _: endings.note_history(c, claim, readable=False))
        if claim.row.kind == "alert" or self._on_unknown == "resend_labelled":
            log.warning("delivery.may_repeat", **_told(claim), code=trouble.code)
            return "repeat"
        await self._kept(lambda c, now: endings.finish_ambiguous(c, claim, now, unreadable))
        return "done"

    # ---- failures

    async def _failed(
        self, claim: Claim, sender: Sender, trouble: Trouble, marked_at: datetime
    ) -> None:
        log.warning("delivery.failed", **_told(claim), outcome=trouble.outcome, code=trouble.code)
        self._count(claim, trouble.outcome)
        match trouble.outcome:
            case "destination":
                await self._kept(
                    lambda c, now: destination_died(c, claim, now, trouble, owners=self._owners)
                )
            case "account" | "banned":
                await self._kept(lambda c, now: self._patience.stopped(c, now, claim, trouble))
            case "payload":
                await self._plainer(claim, sender, trouble)
            case "unknown":
                await self._kept(
                    lambda c, now: self._patience.unknown(c, now, claim, trouble, marked_at)
                )
            case _:
                await self._kept(lambda c, now: self._patience.refused(c, now, claim, trouble))

    async def _plainer(self, claim: Claim, sender: Sender, trouble: Trouble) -> None:
        plain = sender.plainer(claim.payload or {}) if claim.row.act != "file" else None
        if plain is None:
            log.error("delivery.refused_for_good", **_told(claim), code=trouble.code)
            await self._kept(lambda c, now: endings.finish_dead(c, claim, now, trouble))
            return
        if claim.artifact is not None:
            plain = sender.noted(plain, NO_PICTURE)
        sha = digest_of(plain)
        await self._kept(lambda c, now: endings.finish_plainer(c, claim, now, trouble, plain, sha))

    async def _cut_off(self, claim: Claim, marked_at: datetime) -> None:
        """The service ends while a request is on its way: nobody knows what becomes of it."""
        stopped = Trouble("unknown", "service stopped")
        with suppress(*TROUBLE):
            await asyncio.shield(
                self._write(
                    lambda c, now: self._patience.unknown(c, now, claim, stopped, marked_at)
                )
            )

    async def _kept(self, work: Work[object]) -> object:
        """Write down what became of a send, trying again while the database is away.

        When it stays away the lease ends, and whoever takes over asks the platform.
        """
        for pause in AGAIN:
            try:
                return await self._write(work)
            except TROUBLE as error:
                log.warning("delivery.not_written", reason=str(error).partition("\n")[0])
                await self._chance.sleep(pause)
        return await self._write(work)


async def _posted(sender: Sender, outgoing: Outgoing) -> str:
    """Send; between its beginning and its end lies the point of a request half written."""
    sending = asyncio.ensure_future(sender.send(outgoing))
    try:
        await asyncio.sleep(0)
        failpoint("P8")
        return await sending
    finally:
        sending.cancel()


def _refuse(connection: sa.Connection, claim: Claim, now: datetime, reason: str) -> None:
    """A post is made again, for who may have it now; nothing more goes below one that is there."""
    if claim.row.act == "post":
        give_back(connection, claim, now)
        return
    free_lane(connection, claim.lane, claim.token, now)
    endings.skip(connection, claim, now, reason)


def outgoing_of(claim: Claim) -> Outgoing:
    """The request of a delivery: equal for every try."""
    lane, row = claim.lane, claim.row
    attachment = None
    if claim.artifact is not None:
        alt = str(row.facts.get("alt") or "")
        attachment = Attachment(claim.artifact_name or "file", claim.artifact, alt)
    act: Act = row.act
    return Outgoing(
        address=Address(lane.external_id, lane.channel_id, lane.is_direct),
        act=act,
        payload=claim.payload or {},
        reference=reference(row.id, lane.channel_id, row.part),
        parent=claim.parent_message,
        attachment=attachment,
    )


def _told_in(claim: Claim) -> str:
    """The delivery that a request may still change when it lands: of an edit, its message."""
    row = claim.row
    return row.parent_id if row.act == "edit" and row.parent_id else row.id


def trouble_of(error: SendError) -> Trouble:
    """A sender's error as it is kept; a wait without end is none that could be heeded."""
    wait = error.retry_after
    if wait is not None:
        wait = min(max(wait, 0.0), MOST_WAIT) if math.isfinite(wait) else None
    return Trouble(error.failure, error.code, error.status, wait, error.is_global)


def _told(claim: Claim) -> dict[str, object]:
    row = claim.row
    return {"delivery": row.id, "kind": row.kind, "act": row.act, "channel": claim.lane.id}
