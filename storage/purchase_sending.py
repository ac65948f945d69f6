"""Sending a purchase: claimed by one process, asked by one key, a pack of credits exactly once.

A row is sent by whoever claimed it, under a fresh token that every later UPDATE repeats; the
provider knows it by `idempotency_key`, which never changes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from storage import locks
from storage.grants import add_grant
from storage.purchases import (
    CEILING,
    COLUMNS,
    LEASE,
    PURCHASE,
    Purchase,
    change,
    counted,
    due,
    one,
)


def claim(
    connection: sa.Connection,
    workspace_id: int,
    *,
    token: str,
    month: int,
    ceiling: int,
    now: datetime,
) -> Purchase | None:
    """The next purchase of a workspace that is to be sent now; its state says what became of it.

    `sending`: the holder of `token` asks the provider until the lease ends.  `cancelled`: the
    ceiling leaves no room for it.  None: there is none.  What is sent first counts in `month`.
    """
    locks.hold(connection, workspace_id)  # or two claims would both find the last room
    wanted = sa.select(*COLUMNS).where(PURCHASE.c.workspace_id == workspace_id, due(now))
    row = connection.execute(wanted.order_by(PURCHASE.c.id).limit(1)).first()
    if row is None:
        return None
    found = Purchase(*row)
    is_same = (one(workspace_id, found.id), due(now))
    if found.maybe_sent_at is None and not found.is_test:
        spent = counted(connection, workspace_id, month, found.provider, but=found.id)
        if spent + found.credits > ceiling:
            changes: dict[str, object] = {"state": "cancelled", "reason": CEILING, "ended_at": now}
            return change(connection, *is_same, **changes)
    return change(
        connection,
        *is_same,
        state="sending",
        month=found.month if found.maybe_sent_at else month,
        lease_token=token,
        lease_until=now + LEASE,
        attempts=found.attempts + 1,
    )


def begin(connection: sa.Connection, purchase: Purchase, *, token: str, now: datetime) -> bool:
    """Keep that the purchase may be sold from now on; False when the claim is gone.

    Committed before a socket is opened.
    """
    at = PURCHASE.c.maybe_sent_at
    first = sa.func.coalesce(at, sa.literal(now, at.type))  # untyped, SQLite keeps another zone's
    return change(connection, *_claimed(purchase, token), maybe_sent_at=first) is not None


def accept(
    connection: sa.Connection,
    purchase: Purchase,
    *,
    token: str,
    reference: str,
    day: int,
    now: datetime,
) -> Purchase | None:
    """Keep that it is sold, with the pack of credits; None when the claim is gone.

    A dry run and a test give no pack, because nobody sold anything.
    """
    locks.hold(connection, purchase.workspace_id)
    accepted = change(
        connection,
        *_claimed(purchase, token),
        state="accepted",
        reason=None,
        provider_ref=reference,
        ended_at=now,
    )
    if accepted is None or accepted.provider == "dry-run":
        return accepted
    pack = add_grant(
        connection,
        purchase.workspace_id,
        kind="pack",
        name=f"Purchase {purchase.id}",
        credits=purchase.credits,
        first_day=day,
        now=now,
    )
    return change(connection, one(purchase.workspace_id, purchase.id), grant_id=pack.id)


def wait(
    connection: sa.Connection,
    purchase: Purchase,
    *,
    token: str,
    state: Literal["pending", "declined", "approved"],
    reason: str,
    not_before: datetime,
) -> Purchase | None:
    """Ask again later; None when the claim is gone.

    Pending may be sold.  Declined and approved are certainly not: they leave the month's sum.
    """
    changes: dict[str, object] = {}
    if state != "pending":
        changes = {"maybe_sent_at": None, "declines": purchase.declines + (state == "declined")}
    claimed = _claimed(purchase, token)
    return change(
        connection, *claimed, state=state, reason=reason, not_before=not_before, **changes
    )


def fail(
    connection: sa.Connection,
    purchase: Purchase,
    *,
    token: str,
    reason: str,
    is_unsold: bool,
    now: datetime,
) -> Purchase | None:
    """Ask no more; None when the claim is gone.

    `declined` is known to be unsold; `failed` is not, and keeps counting against the ceiling.
    """
    changes: dict[str, object] = {"maybe_sent_at": None} if is_unsold else {}
    changes["state"] = "declined" if is_unsold else "failed"
    return change(connection, *_claimed(purchase, token), reason=reason, ended_at=now, **changes)


def _claimed(purchase: Purchase, token: str) -> tuple[sa.ColumnElement[bool], ...]:
    is_ours = PURCHASE.c.lease_token == token
    return (one(purchase.workspace_id, purchase.id), PURCHASE.c.state == "sending", is_ours)
