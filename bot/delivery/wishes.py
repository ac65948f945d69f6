"""What the subscription of a message wants by now: it may be paused, ended, or wait for more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import SQLModel

from bot.delivery.wording import LATE
from storage.claims import Claim
from storage.outbox import DeliveryRow
from storage.overdue import SCHEDULED

PUT_OFF = 4  # ticks that a late digest waits for the planner
_SUBSCRIPTION = SQLModel.metadata.tables["subscription"]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a subscription wants besides its line; one that `comes_later` waits for the planner."""

    skip_empty: bool = False
    is_paused: bool = False
    is_ended: bool = False
    comes_later: bool = False

    def stops(self, row: DeliveryRow) -> str | None:
        """Why a subscription's message is not made any more, which a person ordered meanwhile."""
        if row.trigger in ("manual", "test") or row.kind != "digest":
            return None
        if self.is_ended:
            return "cancelled"
        return "paused" if self.is_paused else None

    def skips_empty(self, row: DeliveryRow) -> bool:
        """Whether a post without usage is left out; what names missed periods has its news."""
        return self.skip_empty and row.trigger != "test" and "missed" not in row.facts


def wishes_of(connection: sa.Connection, now: datetime, claim: Claim) -> Wishes:
    """What the subscription of a delivery wants at a moment; nothing special without one."""
    row, c = claim.row, _SUBSCRIPTION.c
    if row.subscription_id is None:
        return Wishes()
    columns = (c.skip_empty, c.is_paused, c.ended_at.is_not(None), c.next_due)
    wanted = sa.select(*columns).where(
        c.workspace_id == row.workspace_id, c.id == row.subscription_id
    )
    found = connection.execute(wanted).first()
    if found is None:
        return Wishes(is_ended=True)
    skip_empty, is_paused, is_ended, next_due = found
    return Wishes(skip_empty, is_paused, is_ended, _comes_later(row, now, next_due))


def _comes_later(row: DeliveryRow, now: datetime, next_due: datetime | None) -> bool:
    """Whether a late digest waits until newer ones are planned, which may name it.

    Not for long: while the clock is in doubt nothing is planned, and what is planned leaves.
    """
    is_late = row.trigger in SCHEDULED and row.kind == "digest" and now - row.due_at > LATE
    return is_late and next_due is not None and next_due <= now and row.attempts <= PUT_OFF
