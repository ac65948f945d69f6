"""What the pretended company bought and wants to spend, fitted to what it uses.

So there is a plan that does not quite suffice, a pack that pays the rest, and budgets of which one
is close, one too small and one ample.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from storage.budgets import Scope, set_budget
from storage.catalog import Catalog
from storage.events import MICRO
from storage.grants import add_grant
from storage.reading import Days, Reader
from storage.timekeys import first_day, month_number
from storage.workspaces import WorkspaceInfo

LATELY = 28  # days: as many of each weekday
MONTH = 30.4
PLAN, PACK, BUDGET = 0.85, 0.5, 1.02  # of a usual month
SMALL, AMPLE = 0.93, 1.3
PLAN_MONTHS, PACK_AGE, PACK_MONTHS = 6, 1, 4


def decide(connection: sa.Connection, workspace: WorkspaceInfo, *, now: datetime) -> None:
    """Add plan, pack and budgets to a company with usage; one without gets none."""
    reader = Reader(connection, workspace, Catalog.load(connection, workspace.id))
    today = reader.clock.day(now)
    rows = reader.sums(("department",), ("credits",), Days(today - LATELY, today))
    usual = {key: _a_month(credits) for key, credits in rows if key and credits}
    if not usual:
        return
    _buy(connection, workspace.id, sum(usual.values()), now=now, month=_month(reader, now))
    largest, *others = sorted(usual, key=lambda key: (-usual[key], key))
    wanted: list[tuple[Scope, int, float]] = [
        ("workspace", 0, sum(usual.values()) * BUDGET),
        ("department", largest, usual[largest] * SMALL),
        *(("department", key, usual[key] * AMPLE) for key in others[:1]),
    ]
    for scope, target, amount in wanted:
        set_budget(
            connection,
            workspace.id,
            scope=scope,
            target_id=target,
            period="monthly",
            amount=_round(amount),
            now=now,
        )


def _buy(
    connection: sa.Connection, workspace_id: int, usual: float, *, now: datetime, month: int
) -> None:
    add_grant(
        connection,
        workspace_id,
        kind="plan",
        name="Team Plan",
        credits=_round(usual * PLAN),
        first_day=first_day(month - PLAN_MONTHS),
        now=now,
    )
    begun = month - PACK_AGE
    add_grant(
        connection,
        workspace_id,
        kind="pack",
        name="Credit Pack",
        credits=_round(usual * PACK),
        first_day=first_day(begun),
        end_day=first_day(begun + PACK_MONTHS),
        now=now,
    )


def _month(reader: Reader, now: datetime) -> int:
    return month_number(reader.clock.local_date(now))


def _a_month(credits: int) -> float:
    return credits / LATELY * MONTH


def _round(micro: float) -> int:
    """To two significant digits: nobody buys 31,416 credits."""
    whole = max(1, round(micro / MICRO))
    step = int("1" + "0" * max(0, len(str(whole)) - 2))
    return round(whole / step) * step * MICRO
