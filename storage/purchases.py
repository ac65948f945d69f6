"""Purchases of credits: at most one for each crossing, sold at most once, a pack exactly once.

```
proposed -> approved -> sending -> accepted
    |          |           |-> pending    (said so, or no answer: asked again by the same key)
    |          |           |-> declined   (asked again later by the same key; in the end for good)
    |          |           |-> approved   (surely not reached)
    '----------'-----------'-> cancelled, expired, failed (reason)
```
A crossing has one row by its unique `dedupe_key`, and a workspace one open row at a time.  How one
is sent stands in `storage.purchase_sending`.  Whatever may have been sold counts against the
month's ceiling until it is known that it was not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.outgoing  # noqa: F401  # declares the table that is looked up below
from storage import locks
from storage.engine import insert_for
from storage.numbering import next_id
from storage.purchase_policy import Provider

State = Literal[
    "proposed",
    "approved",
    "sending",
    "pending",
    "accepted",
    "declined",
    "failed",
    "cancelled",
    "expired",
]
LEASE: Final = timedelta(seconds=60)  # longer than a request may take, several times
LONGEST_WAIT: Final = timedelta(hours=25)  # no provider is left alone for more than a day
AHEAD: Final = timedelta(minutes=10)  # two replicas' clocks are never quite equal
CEILING: Final = "the month's ceiling is reached"
OVER: Final = "its period is over"
REFUSED: Final = "an admin declined it"
MAX_REASON: Final = 200
_UNSENT: Final = ("proposed", "approved", "declined")
PURCHASE = SQLModel.metadata.tables["purchase"]


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase of micro-credits; one that is `declined` without `ended_at` is asked again.

    `facts` are the numbers of the moment it was proposed.  With `maybe_sent_at` it may be sold.
    """

    workspace_id: int
    id: int
    dedupe_key: str
    idempotency_key: str
    credits: int
    month: int
    state: State
    reason: str | None
    provider: Provider
    url: str | None
    is_test: bool
    facts: Mapping[str, Any]
    created_at: datetime
    expires_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    not_before: datetime
    attempts: int
    declines: int
    maybe_sent_at: datetime | None
    provider_ref: str | None
    grant_id: int | None
    rearmed_at: datetime | None
    ended_at: datetime | None

    @property
    def is_answered(self) -> bool:
        """Whether it is over by what somebody said of it: an admin's no, or the provider.

        What was turned off, found no room below the ceiling or no answer in time was not.
        """
        if self.state in ("cancelled", "expired"):
            return self.reason == REFUSED
        return self.ended_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPurchase:
    """What is to be bought; with `approved_by` nobody has to say yes any more."""

    workspace_id: int
    dedupe_key: str
    idempotency_key: str
    credits: int
    month: int
    provider: Provider
    url: str | None
    is_test: bool = False
    facts: Mapping[str, object]
    expires_at: datetime
    approved_by: str | None = None


COLUMNS = [PURCHASE.c[name] for name in Purchase.__slots__]


def propose(connection: sa.Connection, new: NewPurchase, *, now: datetime) -> Purchase | None:
    """A new purchase; None when its crossing has one already, or another one is still open.

    A test waits for nobody, and nobody waits for it.
    """
    number = next_id(connection, PURCHASE, new.workspace_id)  # holds the workspace's row
    if not new.is_test and open_purchase(connection, new.workspace_id) is not None:
        return None
    values = {name: getattr(new, name) for name in NewPurchase.__slots__} | {
        "id": number,
        "facts": dict(new.facts),
        "state": "approved" if new.approved_by else "proposed",
        "approved_at": now if new.approved_by else None,
        "created_at": now,
        "not_before": now,
        "attempts": 0,
        "declines": 0,
    }
    insert = insert_for(connection, PURCHASE).values(**values).on_conflict_do_nothing()
    row = connection.execute(insert.returning(*COLUMNS)).first()
    return Purchase(*row) if row else None


# ---- reading


def purchase_by_id(connection: sa.Connection, workspace_id: int, number: int) -> Purchase | None:
    """One purchase; None when there is no such."""
    row = connection.execute(sa.select(*COLUMNS).where(one(workspace_id, number))).first()
    return Purchase(*row) if row else None


def list_purchases(
    connection: sa.Connection, workspace_id: int, *, limit: int = 20
) -> list[Purchase]:
    """The newest purchases."""
    wanted = sa.select(*COLUMNS).where(PURCHASE.c.workspace_id == workspace_id)
    rows = connection.execute(wanted.order_by(PURCHASE.c.id.desc()).limit(limit))
    return [Purchase(*row) for row in rows]


def open_purchase(connection: sa.Connection, workspace_id: int) -> Purchase | None:
    """The purchase that something still has to become of; tests do not count."""
    wanted = sa.select(*COLUMNS).where(_open(workspace_id), ~PURCHASE.c.is_test)
    row = connection.execute(wanted.order_by(PURCHASE.c.id)).first()
    return Purchase(*row) if row else None


def asked_for(
    connection: sa.Connection,
    workspace_id: int,
    provider: Provider,
    *,
    since: datetime,
    crossings: str,
) -> list[Purchase]:
    """What was to be bought of a provider `since` a moment, oldest first; tests do not count.

    Earlier ones only where their keys begin with `crossings`.
    """
    wanted = sa.select(*COLUMNS).where(
        PURCHASE.c.workspace_id == workspace_id,
        PURCHASE.c.provider == provider,
        ~PURCHASE.c.is_test,
        sa.or_(
            PURCHASE.c.created_at >= since,
            PURCHASE.c.dedupe_key.startswith(crossings, autoescape=True),
        ),
    )
    return [Purchase(*row) for row in connection.execute(wanted.order_by(PURCHASE.c.id))]


def counted(
    connection: sa.Connection,
    workspace_id: int,
    month: int,
    provider: Provider,
    *,
    but: int = 0,
    is_sold: bool = False,
) -> int:
    """Micro-credits of a month that were bought, or may be; `but` is the number of one left out.

    With `is_sold` only what surely was.

    What was only tried out counts beside other tries, never beside what is really bought.
    """
    may_be_sold = sa.or_(
        PURCHASE.c.state.in_(("accepted", "pending", "sending")),
        sa.and_(PURCHASE.c.state == "failed", PURCHASE.c.maybe_sent_at.is_not(None)),
    )
    wanted = sa.select(sa.func.coalesce(sa.func.sum(PURCHASE.c.credits), 0)).where(
        PURCHASE.c.workspace_id == workspace_id,
        PURCHASE.c.month == month,
        PURCHASE.c.id != but,
        ~PURCHASE.c.is_test,
        PURCHASE.c.state == "accepted" if is_sold else may_be_sold,
        PURCHASE.c.provider.in_({"webhook", provider}),
    )
    return int(connection.execute(wanted).scalar_one())


def due_workspaces(connection: sa.Connection, *, now: datetime) -> list[int]:
    """The workspaces with a purchase to send, or one whose time is over."""
    is_late = sa.and_(PURCHASE.c.state == "proposed", _is_over(now))
    wanted = sa.select(PURCHASE.c.workspace_id).where(sa.or_(due(now), is_late)).distinct()
    return list(connection.execute(wanted.order_by(PURCHASE.c.workspace_id)).scalars())


# ---- what people decide


def approve(
    connection: sa.Connection, workspace_id: int, number: int, *, actor: str, now: datetime
) -> Purchase | None:
    """Let a proposed purchase be sent; None when it is not waiting for that (any more)."""
    return change(
        connection,
        one(workspace_id, number),
        PURCHASE.c.state == "proposed",
        PURCHASE.c.expires_at > now,
        state="approved",
        approved_by=actor,
        approved_at=now,
        not_before=now,
    )


def cancel(
    connection: sa.Connection, workspace_id: int, number: int, *, reason: str, now: datetime
) -> Purchase | None:
    """End a purchase that was certainly not sent; None for any other."""
    return _end_unsent(connection, one(workspace_id, number), "cancelled", reason, now=now)


def cancel_open(
    connection: sa.Connection, workspace_id: int, *, reason: str, now: datetime
) -> list[Purchase]:
    """End whatever was certainly not sent yet."""
    locks.hold(connection, workspace_id)
    waiting = sa.select(PURCHASE.c.id).where(
        _open(workspace_id), PURCHASE.c.state.in_(_UNSENT), PURCHASE.c.maybe_sent_at.is_(None)
    )
    numbers = connection.execute(waiting.order_by(PURCHASE.c.id)).scalars().all()
    ended = (cancel(connection, workspace_id, one, reason=reason, now=now) for one in numbers)
    return [one for one in ended if one is not None]


def expire(connection: sa.Connection, workspace_id: int, *, now: datetime) -> list[Purchase]:
    """End what was not sent before its period was over, or was asked of a day still to come."""
    locks.hold(connection, workspace_id)
    late = sa.select(PURCHASE.c.id, PURCHASE.c.reason).where(
        _open(workspace_id), PURCHASE.c.state.in_(_UNSENT), _is_over(now)
    )
    ended = []
    for number, reason in connection.execute(late.order_by(PURCHASE.c.id)).all():
        words = f"{OVER}; {reason}"[:MAX_REASON] if reason else OVER
        which = one(workspace_id, number)
        ended.append(_end_unsent(connection, which, "expired", words, now=now))
    return [one for one in ended if one is not None]


def _end_unsent(
    connection: sa.Connection,
    which: sa.ColumnElement[bool],
    state: State,
    reason: str,
    *,
    now: datetime,
) -> Purchase | None:
    return change(
        connection,
        which,
        PURCHASE.c.state.in_(_UNSENT),
        PURCHASE.c.maybe_sent_at.is_(None),
        PURCHASE.c.ended_at.is_(None),
        state=state,
        reason=reason,
        ended_at=now,
    )


def rearm(connection: sa.Connection, purchase: Purchase, *, now: datetime) -> None:
    """Say that use was seen below its line since: from here on crossing it again is a new one."""
    is_first = PURCHASE.c.rearmed_at.is_(None)
    change(connection, one(purchase.workspace_id, purchase.id), is_first, rearmed_at=now)


# ---- rows


def one(workspace_id: int, number: int) -> sa.ColumnElement[bool]:
    """The row of a purchase."""
    return sa.and_(PURCHASE.c.workspace_id == workspace_id, PURCHASE.c.id == number)


def _open(workspace_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(PURCHASE.c.workspace_id == workspace_id, PURCHASE.c.ended_at.is_(None))


def _is_over(now: datetime) -> sa.ColumnElement[bool]:
    """Whether its time is over; what was made in the future was by a clock that was moved back."""
    return sa.or_(PURCHASE.c.expires_at <= now, PURCHASE.c.created_at > now + AHEAD)


def due(now: datetime) -> sa.ColumnElement[bool]:
    """What may be claimed: waiting rows whose time has come, and those whose holder is gone.

    What ends far in the future, a lease or a wait, was given by a clock that was moved back since.
    """
    until, start = PURCHASE.c.lease_until, PURCHASE.c.not_before
    is_waiting = sa.and_(
        PURCHASE.c.state.in_(("approved", "pending", "declined")),
        sa.or_(start <= now, start > now + LONGEST_WAIT),
        PURCHASE.c.ended_at.is_(None),
    )
    is_left = sa.or_(until <= now, until > now + 2 * LEASE)
    return sa.or_(is_waiting, sa.and_(PURCHASE.c.state == "sending", is_left))


def change(
    connection: sa.Connection, *conditions: sa.ColumnElement[bool], **values: object
) -> Purchase | None:
    """Change the row that meets every condition; None when there is none."""
    changed = sa.update(PURCHASE).where(*conditions).values(**values).returning(*COLUMNS)
    row = connection.execute(changed).first()
    return Purchase(*row) if row else None
