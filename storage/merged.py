"""Posts that were to tell of other alerts, too, and never left: those alerts are free again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import sqlalchemy as sa

from storage.alerts import route_again
from storage.outbox import DELIVERY

ALONE: Final = "the post that was to tell of it never left"


def untie(connection: sa.Connection, workspace_id: int, delivery_ids: Collection[str]) -> None:
    """Let what some posts were to tell along be routed again, however often it was handed on.

    They certainly told nobody.  The workspace's row is held.
    """
    lost, alerts, row = set(delivery_ids), set[int](), DELIVERY.c
    while lost:
        theirs = sa.update(DELIVERY).where(
            row.workspace_id == workspace_id,
            row.superseded_by.in_(sorted(lost)),
            row.kind == "alert",
            row.state == "skipped",
        )
        freed = theirs.values(reason=ALONE, superseded_by=None).returning(row.id, row.alert_id)
        found = connection.execute(freed).all()
        alerts |= {one.alert_id for one in found if one.alert_id is not None}
        lost = {one.id for one in found}
    if alerts:
        route_again(connection, workspace_id, alerts)
