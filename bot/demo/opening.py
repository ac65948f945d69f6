"""The lines that a demo begins with: typed one after the other, they let something arrive."""

from __future__ import annotations

import math
from datetime import datetime

import sqlalchemy as sa

from bot.demo.company import TEAMS
from storage.budgets import list_budgets
from storage.catalog import Catalog
from storage.events import MICRO
from storage.reading import Days, Reader
from storage.routes import list_routes
from storage.subscriptions import list_subscriptions
from storage.timekeys import first_day, month_number
from storage.workspaces import WorkspaceInfo

NEARLY = 0.897  # of a budget whose warning at 90 % is close
FIRST = "Design"  # small enough that hours decide
SKIP = "skip 1d"
BUDGET = "budget set department"


def opening_lines(
    connection: sa.Connection, workspace: WorkspaceInfo, now: datetime
) -> tuple[str, ...]:
    """What to type in a channel; what an earlier sitting did is left out."""
    reader = Reader(connection, workspace, Catalog.load(connection, workspace.id))
    lines = []
    if not list_routes(connection, workspace.id):
        lines.append("alerts here")
    if not list_subscriptions(connection, workspace.id):
        lines.append("digest subscribe daily 09:00")
    taken = {
        one.target_id
        for one in list_budgets(connection, workspace.id)
        if one.scope == "department" and one.period == "monthly"
    }
    names = sorted((team.name for team in TEAMS), key=lambda name: name != FIRST)
    free = next((name for name in names if reader.find("department", name) not in taken), None)
    if free is not None:
        shown = f'"{free}"' if " " in free else free
        lines.append(f"{BUDGET}={shown} {nearly_used(reader, free, now)} monthly")
    return (*lines, SKIP)


def nearly_used(reader: Reader, department: str, now: datetime) -> int:
    """Credits a month of which a department used a little less than nine tenths so far."""
    today, month = reader.clock.day(now), month_number(reader.clock.local_date(now))
    days, key = Days(first_day(month), today + 1), reader.find("department", department)
    rows = reader.sums((), ("credits",), days, {"department": [key or 0]})
    return max(1, math.ceil(sum(used for (used,) in rows) / MICRO / NEARLY))
