"""What a workspace bought: the plan's allowance of every month, and packs of credits.

Amounts are micro-credits, days workspace-local day numbers; spans are half-open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.decisions  # noqa: F401  # declares the table that is looked up below
from storage.numbering import next_id
from storage.text import clean, folded
from storage.timekeys import date_of, first_day, month_number

GrantKind = Literal["plan", "pack"]
_GRANT = SQLModel.metadata.tables["credit_grant"]
_FOREVER = 10**9  # later than any day number


@dataclass(frozen=True, slots=True)
class Grant:
    """A plan gives `credits` in each calendar month from that of `first_day` on; a pack once.

    `end_day` is the first day on which it is over, None for never.  A smaller `priority` is used
    first.
    """

    id: int
    kind: GrantKind
    name: str
    credits: int
    first_day: int
    end_day: int | None
    priority: int


_COLUMNS = [_GRANT.c[name] for name in Grant.__slots__]


def list_grants(connection: sa.Connection, workspace_id: int) -> list[Grant]:
    """Every grant that was not removed, in the order in which they were added."""
    wanted = sa.select(*_COLUMNS).where(_kept(workspace_id)).order_by(_GRANT.c.id)
    return [Grant(*row) for row in connection.execute(wanted)]


def add_grant(  # noqa: PLR0913  # the parts of a grant, each by name
    connection: sa.Connection,
    workspace_id: int,
    *,
    kind: GrantKind,
    name: str,
    credits: int,
    first_day: int,
    end_day: int | None = None,
    priority: int = 0,
    now: datetime,
) -> Grant:
    """Add a grant.

    A plan takes the place of an earlier one of the same name from the month of its first day on.
    """
    number = next_id(connection, _GRANT, workspace_id)
    grant = Grant(number, kind, clean(name), credits, first_day, end_day, priority)
    if kind == "plan":
        _succeed(connection, workspace_id, grant)
    row = {column.name: getattr(grant, column.name) for column in _COLUMNS}
    connection.execute(sa.insert(_GRANT).values(workspace_id=workspace_id, **row, created_at=now))
    return grant


def remove_grant(
    connection: sa.Connection, workspace_id: int, grant_id: int, *, now: datetime
) -> Grant | None:
    """Take a grant out of every count, as if it had never been; None when there is no such."""
    removed = connection.execute(
        sa.update(_GRANT)
        .where(_kept(workspace_id), _GRANT.c.id == grant_id)
        .values(removed_at=now)
        .returning(*_COLUMNS)
    ).first()
    return Grant(*removed) if removed else None


def in_month(plan: Grant, month: int) -> bool:
    """Whether a plan gives its credits in a month: from that of its first day until it ends."""
    begins = month_number(date_of(plan.first_day))
    return begins <= month and first_day(month) < (plan.end_day or _FOREVER)


def allowance(grants: Sequence[Grant], month: int) -> int:
    """What the plans give in a month."""
    return sum(one.credits for one in grants if one.kind == "plan" and in_month(one, month))


def _succeed(connection: sa.Connection, workspace_id: int, plan: Grant) -> None:
    """End the earlier plans of its name where it begins; one that begins later is in its place."""
    border = first_day(month_number(date_of(plan.first_day)))
    ended = [
        known.id
        for known in list_grants(connection, workspace_id)
        if known.kind == "plan"
        and folded(known.name) == folded(plan.name)
        and (known.end_day is None or known.end_day > border)
    ]
    connection.execute(
        sa.update(_GRANT)
        .where(_GRANT.c.workspace_id == workspace_id, _GRANT.c.id.in_(ended))
        .values(end_day=border)
    )


def _kept(workspace_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(_GRANT.c.workspace_id == workspace_id, _GRANT.c.removed_at.is_(None))
