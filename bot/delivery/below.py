"""The rows of what goes into the thread below a post: its details and its files."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import SQLModel

from analytics.report import FORMS
from storage.claims import Claim
from storage.outbox import NewDelivery

_SUBSCRIPTION = SQLModel.metadata.tables["subscription"]


def files_below(connection: sa.Connection, claim: Claim, now: datetime) -> list[NewDelivery]:
    """The rows of the files that a subscription wants below its post, in their order."""
    row, c = claim.row, _SUBSCRIPTION.c
    if row.kind != "digest" or row.subscription_id is None or not row.line:
        return []
    wanted = sa.select(c.attach).where(
        c.workspace_id == row.workspace_id, c.id == row.subscription_id
    )
    forms = str(connection.execute(wanted).scalar() or "").split(",")
    below = part_below(claim, now)
    return [
        replace(
            below,
            id=uuid4().hex,
            dedupe_key=f"{row.dedupe_key.removesuffix('|0')}|{part}",
            act="file",
            part=part,
            line=row.line,
            facts={"form": form},
            state="planned",
        )
        for part, form in enumerate((form for form in forms if form in FORMS), 1)
    ]


def part_below(claim: Claim, now: datetime) -> NewDelivery:
    """The row of a post's details, which leaves right after it, before its files."""
    row = claim.row
    return NewDelivery(
        workspace_id=row.workspace_id,
        dedupe_key=f"{row.dedupe_key}|details",
        kind=row.kind,
        trigger=row.trigger,
        act="reply",
        priority=row.priority,
        destination_id=row.destination_id,
        actor=row.actor,
        due_at=row.due_at,
        created_at=row.created_at,
        subscription_id=row.subscription_id,
        alert_id=row.alert_id,
        parent_id=row.id,
        period_key=row.period_key,
        window_start=row.window_start,
        window_end=row.window_end,
        not_before=now,
        state="ready",
    )
