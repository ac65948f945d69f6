"""Questions about what the credits are used for, and the rules that give usage a task."""

from __future__ import annotations

from analytics import tasks
from analytics.query import Filters, Query
from analytics.report import Report
from analytics.timerange import TimeRange
from bot.context import Context
from bot.params import Limit
from bot.registry import command


@command(
    "tasks",
    example="tasks last 30d",
    aliases=("use-cases", "what-for"),
    defaults={"range": "last 30d", "limit": "20"},
    native="tasks shares",
)
def credits_by_task(ctx: Context, range: TimeRange, filters: Filters, limit: Limit) -> Report:
    """Share of credits by task, with the multipliers that are typical.

    What has no task is a row of its own: its share is always told and never spread over others.
    """
    return tasks.tasks(Query(ctx.reader, ctx.now, range, filters), limit)
