"""Which budgets are over their limit though nobody has seen it: posts that are told again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.outgoing  # noqa: F401  # declares the tables that are looked up below
from storage.outbox import DELIVERY

_ALERT = SQLModel.metadata.tables["alert"]
_FIRED = SQLModel.metadata.tables["alert_threshold"]
_USAGE = SQLModel.metadata.tables["budget_usage"]
FULL = 100


@dataclass(frozen=True, slots=True)
class Overdue:
    """A post of an alert that nobody acknowledged, though its budget is still used up."""

    alert_id: int
    delivery_id: str
    destination_id: int
    actor: str
    period_key: str | None


def overdue(
    connection: sa.Connection, workspace_id: int, *, today: int, before: datetime
) -> list[Overdue]:
    """The posts that arrived of alerts that fired before a moment; of each budget the last alert.

    Only while its period runs, 100 % or more is open, and as much as the limit is used.
    """
    a, f, u, d = _ALERT.c, _FIRED.c, _USAGE.c, DELIVERY.c
    columns = (d.alert_id, d.id, d.destination_id, d.actor, d.period_key)
    wanted = (
        sa.select(*columns, a.subject, a.facts, u.used)
        .join(_FIRED, sa.and_(f.workspace_id == a.workspace_id, f.alert_id == a.id))
        .join(
            _USAGE,
            sa.and_(
                u.workspace_id == a.workspace_id,
                u.budget_id == f.budget_id,
                u.first_day == f.first_day,
            ),
        )
        .join(DELIVERY, sa.and_(d.workspace_id == a.workspace_id, d.alert_id == a.id))
        .where(
            a.workspace_id == workspace_id, a.state == "fired", a.acked_at.is_(None),
            a.fired_at < before, f.percent >= FULL, f.resolved_at.is_(None), u.end_day > today,
            d.act == "post", d.kind == "alert", d.state == "sent",
        )
        .order_by(a.id)
    )  # fmt: skip
    found: dict[str, dict[str, Overdue]] = {}
    last: dict[str, int] = {}
    for *post, subject, facts, used in connection.execute(wanted):
        if used >= facts["limit"]:
            one = Overdue(*post)
            if last.setdefault(subject, one.alert_id) != one.alert_id:
                found[subject], last[subject] = {}, one.alert_id
            found.setdefault(subject, {})[one.delivery_id] = one
    return [one for posts in found.values() for one in posts.values()]
