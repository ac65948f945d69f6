"""What a try came to: each way a claimed delivery ends or goes back to wait.

Every function is fenced: it changes the row only while the claim still holds it, and says whether
it did; the try itself is kept in any case.  The lane is let go first, as claims take it first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlmodel import SQLModel

from storage.claims import DESTINATION, Claim, free_lane, is_held
from storage.engine import insert_for
from storage.outbox import ATTEMPT, DELIVERY

Outcome = Literal[
    "sent",
    "found",
    "missed",
    "refused",
    "unknown",
    "unreadable",
    "destination",
    "account",
    "payload",
    "banned",
    "stopped",
]
MAX_CODE = 80
MAX_REASON = 200
SUBSCRIPTION = SQLModel.metadata.tables["subscription"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What the platform said: its own word, never an address or a text.

    With `is_global` its `retry_after` holds for all of the platform workspace.
    """

    outcome: Outcome
    code: str
    status: int | None = None
    retry_after: float | None = None
    is_global: bool = False

    @property
    def reason(self) -> str:
        """The trouble in one line for people."""
        return f"{self.outcome}: {self.code}"[:MAX_REASON]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a delivery says, made once; `facts` join those that it was planned with."""

    payload: Mapping[str, object]
    payload_sha: str
    artifact: bytes | None = None
    artifact_name: str | None = None
    artifact_sha: str | None = None
    data_until: datetime | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tries:
    """How often a delivery failed so far, and for how many seconds it is tried.

    A refusal that names its time is obeyed, not counted.  While everybody was refused a message was
    not tried, but `stopped`: those seconds are apart.
    """

    failures: int
    seconds: float
    stopped: float


def tries(connection: sa.Connection, claim: Claim, now: datetime, *, longest: float) -> Tries:
    """The failures of a delivery before this one, and how long it is tried by now.

    Between two tries counts what was waited for, at most `longest` seconds: while nothing ran, the
    computer slept or its clock was set, nobody tried.
    """
    a = ATTEMPT.c
    wanted = sa.select(a.started_at, a.outcome, a.retry_after).where(
        a.workspace_id == claim.row.workspace_id, a.delivery_id == claim.row.id
    )
    kept = connection.execute(wanted.order_by(a.n)).all()
    failures, tried, stopped = 0, 0.0, 0.0
    for one, end in zip(kept, (*(after.started_at for after in kept[1:]), now), strict=False):
        gap = max((end - one.started_at).total_seconds(), 0.0)
        counted = min(gap, max(longest, one.retry_after or 0.0))
        if one.outcome in ("account", "banned"):
            stopped += counted
        else:
            tried += counted
            failures += one.outcome == "unknown"
            failures += one.outcome == "refused" and one.retry_after is None
    return Tries(failures, tried, stopped)


def failed_reads(connection: sa.Connection, claim: Claim) -> tuple[int, datetime | None]:
    """How often the channel could not be read since the last try that may be there; since when."""
    ours = sa.and_(
        ATTEMPT.c.workspace_id == claim.row.workspace_id, ATTEMPT.c.delivery_id == claim.row.id
    )
    left = sa.select(sa.func.coalesce(sa.func.max(ATTEMPT.c.n), -1)).where(
        ours, ATTEMPT.c.outcome.in_(("begun", "unknown"))
    )
    wanted = sa.select(sa.func.count(), sa.func.min(ATTEMPT.c.started_at)).where(
        ours, ATTEMPT.c.outcome == "unreadable", ATTEMPT.c.n > left.scalar_subquery()
    )
    count, first_at = connection.execute(wanted).one()
    return int(count), first_at


def finish_sent(
    connection: sa.Connection,
    claim: Claim,
    now: datetime,
    message_id: str,
    *,
    next_at: datetime,
    found: bool = False,
) -> bool:
    """The message is there, sent now or found; the lane goes on at `next_at`."""
    free_lane(connection, claim.lane, claim.token, now, next_at)
    done = _change(
        connection,
        claim,
        state="sent",
        reason=None,
        platform_message_id=message_id,
        sent_at=now,
        ended_at=now,
    )
    _keep_try(connection, claim, now, Trouble("found" if found else "sent", ""))
    if done:
        _went_well(connection, claim, now)
    return done


def finish_refused(
    connection: sa.Connection,
    claim: Claim,
    now: datetime,
    trouble: Trouble,
    *,
    not_before: datetime,
    lane_not_before: datetime | None,
) -> bool:
    """Surely not posted by this try: back to wait, and with `lane_not_before` its lane, too."""
    free_lane(connection, claim.lane, claim.token, now, lane_not_before)
    done = _wait(connection, claim, not_before, trouble.reason)
    _keep_try(connection, claim, now, trouble)
    return done


def finish_unknown(
    connection: sa.Connection,
    claim: Claim,
    now: datetime,
    trouble: Trouble,
    *,
    not_before: datetime,
    lane_not_before: datetime,
) -> bool:
    """No answer: perhaps it is there; it is looked for from `not_before` on."""
    free_lane(connection, claim.lane, claim.token, now, lane_not_before)
    done = _change(connection, claim, state="ready", reason=trouble.reason, not_before=not_before)
    _keep_try(connection, claim, now, trouble)
    return done


def finish_missed(
    connection: sa.Connection, claim: Claim, now: datetime, *, not_before: datetime
) -> bool:
    """It was not found once: that is believed when it is read again."""
    free_lane(connection, claim.lane, claim.token, now)
    done = _change(
        connection,
        claim,
        state="ready",
        reason="looked for once, not found",
        missed_at=now,
        not_before=not_before,
    )
    _keep_try(connection, claim, now, Trouble("missed", ""))
    return done


def surely_not_sent(connection: sa.Connection, claim: Claim) -> bool:
    """It was not found twice, so it was never sent; the claim goes on."""
    cleared = sa.update(DELIVERY).where(is_held(claim)).values(maybe_sent_at=None, missed_at=None)
    return connection.execute(cleared).rowcount == 1


def finish_unreadable(
    connection: sa.Connection,
    claim: Claim,
    now: datetime,
    trouble: Trouble,
    *,
    not_before: datetime,
    lane_not_before: datetime | None = None,
) -> bool:
    """The channel could not be read just now; it is looked for again from `not_before` on."""
    free_lane(connection, claim.lane, claim.token, now, lane_not_before)
    done = _change(connection, claim, state="ready", reason=trouble.reason, not_before=not_before)
    _keep_try(connection, claim, now, trouble)
    return done


def note_history(connection: sa.Connection, claim: Claim, *, readable: bool) -> None:
    """Remember whether a channel's history may be read: if not, it is only told at least once."""
    lane, known = claim.lane, DESTINATION.c.can_read_history
    here = sa.and_(DESTINATION.c.workspace_id == lane.workspace_id, DESTINATION.c.id == lane.id)
    is_news = known.is_distinct_from(readable)
    noted = sa.update(DESTINATION).where(here, is_news)
    connection.execute(noted.values(can_read_history=readable))


def finish_plainer(
    connection: sa.Connection,
    claim: Claim,
    now: datetime,
    trouble: Trouble,
    payload: Mapping[str, object],
    sha: str,
) -> bool:
    """The contents were refused: once more as bare text without a file."""
    free_lane(connection, claim.lane, claim.token, now)
    done = _change(
        connection,
        claim,
        state="ready",
        reason=trouble.reason,
        maybe_sent_at=claim.row.maybe_sent_at,
        not_before=now,
        payload=dict(payload),
        payload_sha=sha,
        artifact=sa.null(),
        artifact_name=None,
        artifact_sha=None,
    )
    _keep_try(connection, claim, now, trouble)
    return done


def finish_dead(connection: sa.Connection, claim: Claim, now: datetime, trouble: Trouble) -> bool:
    """It cannot be sent; the reason is the platform's class and word."""
    return _end(connection, claim, now, "dead", trouble)


def finish_ambiguous(
    connection: sa.Connection, claim: Claim, now: datetime, trouble: Trouble
) -> bool:
    """Nobody can find out whether it is there, and it must not be repeated: a person decides."""
    return _end(connection, claim, now, "ambiguous", trouble)


def finish_silent(connection: sa.Connection, claim: Claim, now: datetime, *, most: int) -> bool:
    """End what was claimed more than `most` times without a word: it may end its processes."""
    kept = sa.select(sa.func.count()).where(
        ATTEMPT.c.workspace_id == claim.row.workspace_id,
        ATTEMPT.c.delivery_id == claim.row.id,
        ATTEMPT.c.ended_at.is_not(None),
    )
    silent = claim.row.attempts - connection.execute(kept).scalar_one()
    if silent <= most:
        return False
    unsure = claim.row.maybe_sent_at is not None
    words = Trouble("unknown" if unsure else "refused", f"its process ended {silent - 1} times")
    return _end(connection, claim, now, "ambiguous" if unsure else "dead", words)


def finish_render(connection: sa.Connection, claim: Claim, now: datetime, content: Content) -> bool:
    """The message is made, for good: what is sent again later is the same to the byte."""
    row = claim.row
    return _change(
        connection,
        claim,
        state="ready",
        reason=None,
        attempts=0,
        failures=0,
        not_before=now,
        payload=dict(content.payload),
        payload_sha=content.payload_sha,
        artifact=content.artifact,
        artifact_name=content.artifact_name,
        artifact_sha=content.artifact_sha,
        data_until=content.data_until,
        facts={**row.facts, **content.facts},
    )


def fail_render(
    connection: sa.Connection, claim: Claim, *, not_before: datetime, reason: str
) -> bool:
    """It could not be made; once more from `not_before` on."""
    return _change(
        connection,
        claim,
        state="planned",
        failures=DELIVERY.c.failures + 1,
        reason=reason[:MAX_REASON],
        not_before=not_before,
    )


def put_off(connection: sa.Connection, claim: Claim, *, not_before: datetime) -> bool:
    """It is not made yet, and nothing went wrong; once more from `not_before` on."""
    return _change(connection, claim, state="planned", not_before=not_before)


def end_render(connection: sa.Connection, claim: Claim, now: datetime, reason: str) -> bool:
    """It cannot be made."""
    return _change(connection, claim, state="dead", reason=reason[:MAX_REASON], ended_at=now)


def skip(connection: sa.Connection, claim: Claim, now: datetime, reason: str) -> bool:
    """It need not be said: empty, muted, paused, cancelled."""
    return _change(connection, claim, state="skipped", reason=reason[:MAX_REASON], ended_at=now)


def release(connection: sa.Connection, claim: Claim, now: datetime, *, tried: bool) -> bool:
    """Give a claim back untouched: surely nothing was sent, though `tried` if it nearly was."""
    free_lane(connection, claim.lane, claim.token, now)
    # An untried claim counts for nothing, as none that ended its process.
    values = {} if tried else {"attempts": claim.row.attempts - 1}
    done = _wait(connection, claim, claim.row.not_before, claim.row.reason, **values)
    if tried:
        _keep_try(connection, claim, now, Trouble("stopped", ""))
    return done


def _end(
    connection: sa.Connection,
    claim: Claim,
    now: datetime,
    state: Literal["dead", "ambiguous"],
    trouble: Trouble,
) -> bool:
    free_lane(connection, claim.lane, claim.token, now)
    done = _change(connection, claim, state=state, reason=trouble.reason, ended_at=now)
    _keep_try(connection, claim, now, trouble)
    if done and claim.row.subscription_id is not None:
        more = sa.update(SUBSCRIPTION).where(_its_subscription(claim))
        connection.execute(more.values(fail_streak=SUBSCRIPTION.c.fail_streak + 1))
    return done


def _wait(
    connection: sa.Connection,
    claim: Claim,
    not_before: datetime,
    reason: str | None,
    **values: object,
) -> bool:
    """Back to wait; whether it may have been sent is as it was before this claim."""
    return _change(
        connection,
        claim,
        state="ready",
        reason=reason,
        maybe_sent_at=claim.row.maybe_sent_at,
        missed_at=claim.row.missed_at,
        not_before=not_before,
        **values,
    )


def _change(connection: sa.Connection, claim: Claim, **values: object) -> bool:
    changed = sa.update(DELIVERY).where(is_held(claim))
    done = connection.execute(changed.values(lease_token=None, lease_until=None, **values))
    return done.rowcount == 1


def _keep_try(connection: sa.Connection, claim: Claim, now: datetime, trouble: Trouble) -> None:
    """What became of this try, also when the row belongs to somebody else by now."""
    row = claim.row
    keys = {"workspace_id": row.workspace_id, "delivery_id": row.id, "n": row.attempts}
    told = {
        "ended_at": now,
        "outcome": trouble.outcome,
        "http_status": trouble.status,
        "error_code": trouble.code[:MAX_CODE] or None,
        "retry_after": trouble.retry_after,
    }
    insert = insert_for(connection, ATTEMPT).values(**keys, started_at=now, **told)
    connection.execute(insert.on_conflict_do_update(index_elements=list(keys), set_=told))


def _went_well(connection: sa.Connection, claim: Claim, now: datetime) -> None:
    lane, row = claim.lane, claim.row
    connection.execute(
        sa.update(DESTINATION)
        .where(DESTINATION.c.workspace_id == lane.workspace_id, DESTINATION.c.id == lane.id)
        .values(fail_streak=0, streak_notified=False, last_ok_at=now)
    )
    if row.subscription_id is not None and row.kind == "digest" and row.act == "post":
        connection.execute(
            sa.update(SUBSCRIPTION)
            .where(_its_subscription(claim))
            .values(fail_streak=0, last_period=row.period_key)
        )


def _its_subscription(claim: Claim) -> sa.ColumnElement[bool]:
    return sa.and_(
        SUBSCRIPTION.c.workspace_id == claim.row.workspace_id,
        SUBSCRIPTION.c.id == claim.row.subscription_id,
    )
