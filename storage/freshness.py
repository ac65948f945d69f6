"""How fresh usage is: what each source brought the last time, and what came in at all."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.models  # noqa: F401  # declares the tables that are looked up below
from storage.timekeys import DAY_US

RECENT_DAYS = 2  # days whose events are read one by one; for older ones the day is enough
_DAY = SQLModel.metadata.tables["usage_source_day"]
_EVENT = SQLModel.metadata.tables["usage_event"]
_SOURCE = SQLModel.metadata.tables["source"]
_WORKSPACE = SQLModel.metadata.tables["workspace"]


@dataclass(frozen=True, slots=True)
class Freshness:
    """The last local day a source has usage on, and its newest event if that is recent.

    `newest` is in epoch microseconds; `day` is None for a source that brought nothing.
    """

    source: str
    day: int | None
    newest: int | None


def freshness_of(connection: sa.Connection, workspace_id: int, *, now_us: int) -> list[Freshness]:
    """Every source of a workspace by name."""
    days = (
        sa.select(_DAY.c.source_id, sa.func.max(_DAY.c.day).label("day"))
        .where(_DAY.c.workspace_id == workspace_id, _DAY.c.events > 0)
        .group_by(_DAY.c.source_id)
        .subquery()
    )
    newest = (
        sa.select(_EVENT.c.source_id, sa.func.max(_EVENT.c.ts).label("ts"))
        .where(_EVENT.c.workspace_id == workspace_id, _EVENT.c.ts > now_us - RECENT_DAYS * DAY_US)
        .group_by(_EVENT.c.source_id)
        .subquery()
    )
    wanted = (
        sa.select(_SOURCE.c.name, days.c.day, newest.c.ts)
        .select_from(
            _SOURCE.outerjoin(days, days.c.source_id == _SOURCE.c.id).outerjoin(
                newest, newest.c.source_id == _SOURCE.c.id
            )
        )
        .where(_SOURCE.c.workspace_id == workspace_id)
        .order_by(_SOURCE.c.name)
    )
    return [Freshness(*row) for row in connection.execute(wanted)]


def arrived(connection: sa.Connection) -> tuple[int, int | None]:
    """How many usage events are kept in all workspaces, and the newest's epoch microseconds."""
    events = connection.execute(sa.select(sa.func.coalesce(sa.func.sum(_DAY.c.events), 0)))
    # For each workspace apart, because the ledger's index of times begins with it.
    newest = (
        sa.select(sa.func.max(_EVENT.c.ts))
        .where(_EVENT.c.workspace_id == _WORKSPACE.c.workspace_id)
        .scalar_subquery()
    )
    found = connection.execute(sa.select(newest).select_from(_WORKSPACE)).scalars()
    return int(events.scalar_one()), max((ts for ts in found if ts is not None), default=None)
