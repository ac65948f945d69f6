"""What a prompt costs and what comes of it."""

from __future__ import annotations

from analytics import efficiency
from analytics.colleagues import colleagues
from analytics.query import Filters, Query
from analytics.report import Report
from analytics.timerange import TimeRange
from bot.context import Context
from bot.registry import command
from bot.walls import folded


@command(
    "efficiency",
    example="efficiency last 30d",
    aliases=("leaderboard",),
    defaults={"range": "last 30d"},
)
def leaderboard(ctx: Context, range: TimeRange, filters: Filters) -> Report:
    """Credits a prompt of workflows, with success and rating.

    Each task with its top model; with `task=` the models of that task. People are compared with
    colleagues on the same tasks, over the 60 days before today.
    """
    query = Query(ctx.reader, ctx.now, range, filters)
    people = colleagues(query, ctx.visible_people)
    return efficiency.efficiency(query, people, folded("task", query, ctx))
