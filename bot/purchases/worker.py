"""Buying credits: a job of the ticker that sees crossings, and asks the provider.

Any number of replicas may run it.  What makes a purchase once is kept in `storage.purchases`: a key
a crossing, a claim with a token, and one idempotency key for the provider, whatever happens here.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
import structlog

from analytics import purchase_need as need
from analytics.query import Query
from analytics.timerange import parse_range
from bot.purchases.news import answered, record, tell, watch_ceiling
from bot.purchases.webhook import Outcome, Webhook
from bot.settings import Settings
from storage import locks, purchases
from storage import purchase_sending as sending
from storage.apart import Apart
from storage.catalog import Catalog
from storage.engine import reading, writing
from storage.errors import StorageError
from storage.purchase_policy import Policy, buying_workspaces, find_policy
from storage.purchases import NewPurchase, Purchase
from storage.reading import Reader
from storage.timekeys import day_number, month_number
from storage.workspaces import WorkspaceInfo, workspace_by_id

log = structlog.get_logger()
TURN_SECONDS: Final = 10
BY_POLICY: Final = "policy"
HOUR = timedelta(hours=1)
# Until an answer is clear; the last one again and again.
WAITS: Final = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), HOUR, 4 * HOUR)
# After each time it is declined; then it is declined for good.
DECLINED_WAITS: Final = (HOUR, 4 * HOUR, 24 * HOUR, 24 * HOUR)
GIVE_UP: Final = timedelta(days=7)
LONGEST: Final = timedelta(days=30)  # as long as the button that approves it works
DRY_RUN: Final = Outcome("accepted", reference="dry run")
NO_SECRET: Final = Outcome("unreached", "CREDITBOT_PURCHASE_SECRET is not set")


class Purchasing:
    """Looks for crossings in every workspace that buys, and sends what is approved.

    While the clock is not `is_sure` it does nothing: one that jumped ahead would end questions
    that wait, and open the ceiling of a month that has not come.  It is asked again before each
    step, for a provider takes its time.
    """

    def __init__(
        self,
        engine: sa.Engine,
        now: Callable[[], datetime],
        webhook: Webhook | None,
        *,
        is_sure: Callable[[], bool] = lambda: True,
    ) -> None:
        self._engine = engine
        self._now = now
        self._webhook = webhook
        self._is_sure = is_sure

    async def turn(self) -> None:
        """One look at everything; a busy database is asked again at the next turn."""
        if not self._is_sure():
            return
        try:
            with Apart() as apart:
                for workspace_id in await asyncio.to_thread(self._buying):
                    with apart.turn(workspace_id):
                        await asyncio.to_thread(self.look_at, workspace_id)
                for workspace_id in await asyncio.to_thread(self._due):
                    with apart.turn(workspace_id):
                        await self._send(workspace_id)
        except StorageError as error:
            log.warning("purchase.postponed", reason=error.message)

    # ---- crossings

    def _buying(self) -> list[int]:
        with reading(self._engine) as connection:
            return buying_workspaces(connection)

    def look_at(self, workspace_id: int) -> None:
        """Propose a purchase where a workspace is across its line, once a crossing."""
        if not self._is_sure():
            return
        now = self._now()
        with reading(self._engine) as connection:
            found = _found(connection, workspace_id, now)
        if found is None:
            return
        with writing(self._engine) as connection:
            locks.hold(connection, workspace_id)
            # Somebody may have bought, or changed what is watched, since it was read.
            match _found(connection, workspace_id, now):
                case Purchase() as last:
                    purchases.rearm(connection, last, now=now)
                case NewPurchase() as new:
                    _propose(connection, new, now)

    # ---- sending

    def _due(self) -> list[int]:
        with reading(self._engine) as connection:
            return purchases.due_workspaces(connection, now=self._now())

    async def _send(self, workspace_id: int) -> None:
        """Send everything of a workspace that is due."""
        while True:
            token = secrets.token_hex(16)
            claimed = await asyncio.to_thread(self._claim, workspace_id, token)
            if claimed is None:
                return
            purchase, workspace = claimed
            if purchase.state == "sending":
                outcome = await self._ask(purchase, workspace, token)
                if outcome is not None:
                    await asyncio.to_thread(self.settle, purchase, outcome, token)

    def _claim(self, workspace_id: int, token: str) -> tuple[Purchase, WorkspaceInfo] | None:
        if not self._is_sure():
            return None
        now = self._now()
        with writing(self._engine) as connection:
            locks.hold(connection, workspace_id)
            policy = find_policy(connection, workspace_id)
            workspace = workspace_by_id(connection, workspace_id)
            for late in purchases.expire(connection, workspace_id, now=now):
                record(connection, late, now=now)
                how = "approved" if late.approved_at is None else "sent"
                answered(connection, late, f"not {how} in time", now=now)
            ceiling = 0 if policy is None else policy.ceiling
            month = month_number(workspace.clock().local_date(now))
            found = sending.claim(
                connection, workspace_id, token=token, month=month, ceiling=ceiling, now=now
            )
            if found is not None and policy is not None and found.state == "cancelled":
                record(connection, found, now=now)
                answered(connection, found, f"not bought: {found.reason}", now=now)
                tell(connection, policy, found, "stopped", now=now)
        return None if found is None else (found, workspace)

    async def _ask(
        self, purchase: Purchase, workspace: WorkspaceInfo, token: str
    ) -> Outcome | None:
        """What the provider says; None when somebody else has taken the purchase over."""
        if purchase.provider == "dry-run":
            return DRY_RUN
        if self._webhook is None:
            return NO_SECRET
        if not await asyncio.to_thread(self._begin, purchase, token):
            return None
        unit = workspace.credit_unit or "credit"
        return await self._webhook.ask(
            purchase, workspace=workspace.name, unit=unit, now=self._now()
        )

    def _begin(self, purchase: Purchase, token: str) -> bool:
        with writing(self._engine) as connection:
            return sending.begin(connection, purchase, token=token, now=self._now())

    def settle(self, purchase: Purchase, outcome: Outcome, token: str) -> None:
        """Keep what came of a request; nothing when the claim is gone by now.

        `purchase` is as it was claimed: its `maybe_sent_at` tells of earlier requests.  What is not
        clear is left to the end of its claim while the clock is in doubt: nothing is given up then.
        """
        if outcome.kind in ("pending", "unknown") and not self._is_sure():
            return
        now = self._now()
        with writing(self._engine) as connection:
            locks.hold(connection, purchase.workspace_id)
            policy = find_policy(connection, purchase.workspace_id)
            ended = _ended(connection, purchase, outcome, token, now)
            if ended is None or policy is None:
                return
            self._tell_settled(connection, policy, ended, now)
        log.info(
            "purchase.answered",
            workspace=purchase.workspace_id,
            purchase=purchase.id,
            state=ended.state,
            reason=ended.reason,
        )

    def _tell_settled(
        self, connection: sa.Connection, policy: Policy, purchase: Purchase, now: datetime
    ) -> None:
        """Tell what is over, and the first time that a provider declines."""
        if purchase.ended_at is not None or purchase.state == "declined":
            record(connection, purchase, now=now)
        watch_ceiling(connection, policy, purchase, now=now)
        match purchase.state:
            case "accepted":
                tell(connection, policy, purchase, "bought", now=now)
            case "failed":
                tell(connection, policy, purchase, "failed", now=now)
            case "declined":
                tell(connection, policy, purchase, "declined", now=now)


def webhook_of(settings: Settings) -> Webhook | None:
    """How providers are asked; None without a secret to sign with."""
    secret = settings.purchase_secret
    if secret is None:
        return None
    return Webhook(secret.get_secret_value(), trusted=settings.purchase_url)


def query_of(connection: sa.Connection, workspace_id: int, now: datetime) -> Query:
    """A question about the running month of a workspace."""
    workspace = workspace_by_id(connection, workspace_id)
    reader = Reader(connection, workspace, Catalog.load(connection, workspace_id))
    return Query(reader, now, parse_range("this month", reader.clock.local_date(now)))


def _found(
    connection: sa.Connection, workspace_id: int, now: datetime
) -> NewPurchase | Purchase | None:
    """What to propose, or the last answer below whose line use is seen; None for neither."""
    policy = find_policy(connection, workspace_id)
    if policy is None or not policy.is_on:
        return None
    query = query_of(connection, workspace_id, now)
    level = need.level(query, policy)
    asked = need.asked_before(query, policy, level)
    if need.is_across(level, policy, asked):
        return _wanted(query, policy, level, asked)
    last = need.last_answer(level, policy, asked)
    return None if last is None or last.rearmed_at is not None else last


def _wanted(
    query: Query, policy: Policy, level: need.Level, asked: list[Purchase]
) -> NewPurchase | None:
    """What to propose now; None when this was asked before, or nothing more may be bought."""
    workspace, clock = query.reader.workspace.id, query.reader.clock
    connection = query.reader.connection
    is_open = purchases.open_purchase(connection, workspace) is not None
    if is_open or not need.is_armed(query, level, policy, asked):
        return None
    month = month_number(clock.local_date(query.now))
    spent = purchases.counted(connection, workspace, month, policy.provider)
    credits = need.wanted(level, policy, policy.ceiling - spent)
    if credits <= 0:
        return None
    return NewPurchase(
        workspace_id=workspace,
        dedupe_key=need.crossing_key(level, policy, asked),
        idempotency_key=secrets.token_hex(16),
        credits=credits,
        month=month,
        provider=policy.provider,
        url=policy.url,
        facts=need.facts_of(level, policy),
        expires_at=min(clock.midnight(day_number(level.stretch.end)), query.now + LONGEST),
        approved_by=BY_POLICY if policy.approval == "automatic" else None,
    )


def _propose(connection: sa.Connection, new: NewPurchase, now: datetime) -> None:
    made = purchases.propose(connection, new, now=now)
    policy = find_policy(connection, new.workspace_id)
    if made is None or policy is None:
        return
    record(connection, made, now=now)
    if made.state == "proposed":
        tell(connection, policy, made, "wanted", now=now)
    log.info("purchase.proposed", workspace=new.workspace_id, purchase=made.id)


def _ended(
    connection: sa.Connection, purchase: Purchase, outcome: Outcome, token: str, now: datetime
) -> Purchase | None:
    """The purchase after an outcome; None when the claim is gone."""
    kind, reason = outcome.kind, outcome.reason[: purchases.MAX_REASON]
    may_be_sold = purchase.maybe_sent_at is not None
    if kind in ("refused", "unreached") and may_be_sold:
        kind = "unknown"  # an earlier request may have sold it
    match kind:
        case "accepted":
            clock = workspace_by_id(connection, purchase.workspace_id).clock()
            return sending.accept(
                connection,
                purchase,
                token=token,
                reference=outcome.reference,
                day=clock.day(now),
                now=now,
            )
        case "mismatch":
            return sending.fail(
                connection, purchase, token=token, reason=reason, is_unsold=False, now=now
            )
        case "declined" | "refused":
            return _declined(connection, purchase, reason, token, now)
        case "unreached":
            return sending.wait(
                connection,
                purchase,
                token=token,
                state="approved",
                reason=reason,
                not_before=now + _pause(purchase, outcome),
            )
        case "pending" | "unknown":
            return _pending(connection, purchase, outcome, token, now)


def _declined(
    connection: sa.Connection, purchase: Purchase, reason: str, token: str, now: datetime
) -> Purchase | None:
    if purchase.declines >= len(DECLINED_WAITS):
        return sending.fail(
            connection, purchase, token=token, reason=reason, is_unsold=True, now=now
        )
    pause = DECLINED_WAITS[purchase.declines]
    return sending.wait(
        connection, purchase, token=token, state="declined", reason=reason, not_before=now + pause
    )


def _pending(
    connection: sa.Connection, purchase: Purchase, outcome: Outcome, token: str, now: datetime
) -> Purchase | None:
    """Ask again later, or after a week no more: then a person has to ask the provider."""
    reason = (outcome.reason or "the provider has not decided yet")[: purchases.MAX_REASON]
    if purchase.maybe_sent_at is not None and now - purchase.maybe_sent_at >= GIVE_UP:
        return sending.fail(
            connection, purchase, token=token, reason=reason, is_unsold=False, now=now
        )
    return sending.wait(
        connection,
        purchase,
        token=token,
        state="pending",
        reason=reason,
        not_before=now + _pause(purchase, outcome),
    )


def _pause(purchase: Purchase, outcome: Outcome) -> timedelta:
    """How long to wait: what the provider asked for, at least what the number of tries says."""
    usual = WAITS[min(purchase.attempts, len(WAITS)) - 1]
    asked = timedelta(seconds=outcome.retry_after or 0)
    return max(usual, asked)
