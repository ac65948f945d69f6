"""What is due becomes rows in the outbox: each local period of a subscription once.

Only the unique key of a delivery decides that; every replica may plan, and plan again.  After an
outage a policy says which of the missed periods are told; the others have rows that say why not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
import structlog

from analytics.errors import UserError
from analytics.timerange import DAY, TimeRange
from bot.subscriptions.rounds import Round, line_for, rounds
from storage import locks
from storage.engine import reading, writing
from storage.failpoints import failpoint
from storage.notices import record_pause
from storage.outbox import NewDelivery, insert_deliveries
from storage.subscriptions import Due, Subscription, anything_due, keep_next, lock_due
from storage.timekeys import date_of, day_number
from storage.unset import Unset, unset_times
from storage.workspaces import workspace_by_id

log = structlog.get_logger()
BATCH = 200
LATE = timedelta(minutes=15)
CATCHUP_CAP = 3
MOST_SKIPPED = 40  # rows of one outage; what is older is only counted in words
LONGEST_REASON = 200
UNPLANNED = UserError("Its next time could not be worked out.", hint="The log says why.")


def plan(engine: sa.Engine, now: datetime, platforms: Collection[str] | None = None) -> int:
    """Insert the deliveries of up to 200 subscriptions that are due; how many are new.

    What goes to other `platforms` than those that are set up stays due: it is caught up when they
    are.  Raises StorageError; what was not planned then is planned at the next turn.
    """
    with reading(engine) as connection:
        if not anything_due(connection, now, platforms=platforms):
            return 0
    failpoint("P1")
    with writing(engine) as connection:
        due = lock_due(connection, now, limit=BATCH, platforms=platforms)
        planned = _plan(connection, due, now)
        failpoint("P2", connection)
    failpoint("P3")
    return planned


def _plan(connection: sa.Connection, due: Sequence[Due], now: datetime) -> int:
    @cache
    def week_start(workspace_id: int) -> int:
        return workspace_by_id(connection, workspace_id).week_start

    off = unset_times(connection)
    plans = [_plan_of(one, now, week_start(one.workspace_id), off) for one in due]
    plans = [one for one in plans if not one.next["is_paused"] or _recorded(connection, one, now)]
    new = insert_deliveries(connection, [row for one in plans for row in one.rows])
    keep_next(connection, [one.next for one in plans])
    return len(new)


def _recorded(connection: sa.Connection, plan: _Plan, now: datetime) -> bool:
    """Whether the audit knows of a pause; if not now, the subscription pauses at the next turn.

    Whoever holds the workspace may wait for the subscription that is held here.
    """
    workspace_id, number = plan.next["workspace_id"], plan.next["id"]
    if not locks.try_hold(connection, workspace_id):
        return False
    record_pause(connection, workspace_id, number, plan.next["pause_reason"], now=now)
    return True


@dataclass(frozen=True, slots=True)
class _Plan:
    """The rows of one subscription, and what is kept of it."""

    rows: Sequence[NewDelivery]
    next: dict[str, Any]


def _plan_of(due: Due, now: datetime, week_start: int, off: Mapping[str, Unset]) -> _Plan:
    """What one subscription sends now; one that cannot be understood any more pauses."""
    kept = due.subscription
    following: dict[str, Any] = {
        "workspace_id": due.workspace_id,
        "id": kept.id,
        "next_due": kept.next_due,
        "next_first_day": kept.next_first_day,
        "skip_next": kept.skip_next,
        "is_paused": False,
        "paused_until": None,
        "pause_reason": None,
    }
    try:
        passed, coming = _passed(due, now)
        rows = list(_Turn(due, now, week_start, off).rows(passed)) if passed else []
    except UserError as error:
        log.warning("subscription.paused", subscription=kept.id, reason=error.message)
        return _paused(due, now, following, error)
    except Exception:  # one that cannot be worked out must not hold up all that are due with it
        log.exception("subscription.paused", subscription=kept.id)
        return _paused(due, now, following, UNPLANNED)
    following |= {
        "next_due": coming.due_at,
        "next_first_day": day_number(coming.period.first),
        "skip_next": kept.skip_next and all(one.is_empty for one in passed),
    }
    return _Plan(rows, following)


def _paused(due: Due, now: datetime, following: dict[str, Any], error: UserError) -> _Plan:
    reason = f"It cannot be asked any more: {error.message}"[:LONGEST_REASON]
    paused = following | {"is_paused": True, "pause_reason": reason}
    return _Plan([_told_owner(due, now, error)], paused)


def _passed(due: Due, now: datetime) -> tuple[list[Round], Round]:
    """The rounds whose time has come, oldest first, and the one after them."""
    kept = due.subscription
    if kept.next_due is None:
        raise ValueError("a subscription without a next time is not due")
    found = rounds(kept.schedule, kept.zone, due.zone)
    passed: deque[Round] = deque(maxlen=MOST_SKIPPED + CATCHUP_CAP)
    for one in found.since(date_of(kept.next_first_day), kept.next_due):
        # The first may have been put off: an edit moved its time to where it was over.
        turn = one if passed else replace(one, due_at=max(one.due_at, kept.next_due))
        if turn.due_at > now:
            return list(passed), turn
        passed.append(turn)
    raise AssertionError("rounds have no end")


@dataclass(frozen=True, slots=True)
class _Turn:
    """One subscription's turn at a moment."""

    due: Due
    now: datetime
    week_start: int
    off: Mapping[str, Unset]

    @property
    def kept(self) -> Subscription:
        return self.due.subscription

    def rows(self, passed: Sequence[Round]) -> Iterator[NewDelivery]:
        """The deliveries of the rounds that passed, oldest first."""
        told: list[Round] = []
        skips_next = self.kept.skip_next
        for one in passed:
            if one.is_empty:
                yield self._skipped(one, "no_such_day")
            elif skips_next:
                skips_next = False
                yield self._skipped(one, "skip_next")
            elif self.due.destination.state == "dead":
                yield self._skipped(one, "destination_dead")
            else:
                told.append(one)
        yield from self._caught_up(told)

    def _caught_up(self, told: Sequence[Round]) -> Iterator[NewDelivery]:
        """After an outage: which of the missed rounds are told, and why the others are not."""
        if self.kept.catchup == "none":
            yield from (self._skipped(one, "missed") for one in told if self._is_late(one))
            told = [one for one in told if not self._is_late(one)]
        most = CATCHUP_CAP if self.kept.catchup == "all" else 1
        border = max(len(told) - most, 0)
        posts = [self._post(one) for one in told[border:]]
        for one in told[:border]:
            yield replace(self._skipped(one, "superseded"), superseded_by=posts[-1].id)
        if border:
            missed = {"missed": _days_of(told[:border])}
            posts[-1] = replace(posts[-1], facts={**posts[-1].facts, **missed})
        yield from posts

    def _is_late(self, one: Round) -> bool:
        return self.now - self.due.awake(one.due_at) > LATE

    def _skipped(self, one: Round, reason: str) -> NewDelivery:
        return replace(self._post(one), state="skipped", reason=reason, facts={})

    def _post(self, one: Round) -> NewDelivery:
        kept, to = self.kept, self.due.destination
        is_late = self._is_late(one)
        awake = self.due.awake(one.due_at)
        put_off: dict[str, object] = {"awake": awake.isoformat()} if awake > one.due_at else {}
        return NewDelivery(
            workspace_id=self.due.workspace_id,
            id=uuid4().hex,
            dedupe_key=f"d|{kept.id}|{one.period.key}|{to.id}|0",
            kind="digest",
            trigger="catchup" if is_late else "schedule",
            destination_id=to.id,
            subscription_id=kept.id,
            actor=kept.created_by,
            line=line_for(kept.line, one.period, self.week_start),
            period_key=one.period.key,
            window_start=one.start,
            window_end=one.end,
            due_at=one.due_at,
            created_at=self.now,
            not_before=self.due.awake(self.now),
            facts={**put_off, **(self._why(one) if is_late else {})},
        )

    def _why(self, one: Round) -> dict[str, object]:
        """What kept a late one: it was stopped, its platform was not set up, or nothing ran."""
        platform = self.due.destination.platform
        if self.kept.pause_reason is not None:
            return {"held": [platform, f"paused: {self.kept.pause_reason}", ""]}
        unset = self.off.get(platform)
        if unset is not None and unset.since <= one.due_at <= unset.seen:
            return {"held": [platform, "off: ", unset.seen.isoformat()]}
        down = (one.due_at, self.now)
        return {"down": [moment.astimezone(UTC).isoformat() for moment in down]}


def _told_owner(due: Due, now: datetime, error: UserError) -> NewDelivery:
    """The one message that a subscription pauses, where its digests came."""
    kept = due.subscription
    return NewDelivery(
        workspace_id=due.workspace_id,
        dedupe_key=f"o|subscription {kept.id}|r{kept.rev}",
        kind="notice",
        trigger="schedule",
        destination_id=due.destination.id,
        subscription_id=kept.id,
        actor="",
        due_at=now,
        created_at=now,
        facts={
            "headline": f"Digest {kept.id} is paused: {error.message}",
            "hint": f"{error.hint} `digest edit {kept.id}` changes it, "
            f"`digest resume {kept.id}` goes on.",
        },
    )


def _days_of(missed: Sequence[Round]) -> str:
    """`1–6 Mar 2026`: the days that rounds would have told of."""
    first, end = missed[0].period.first, max(missed[-1].period.end, missed[0].period.first + DAY)
    return TimeRange(first, end, "", end).dates
