"""Questions about when people work."""

from __future__ import annotations

from contextlib import suppress

from analytics import patterns
from analytics.errors import UserError
from analytics.query import Filters, Query
from analytics.report import Report
from analytics.timerange import TimeRange
from bot.context import Context
from bot.registry import command
from bot.walls import folded


@command(
    "patterns",
    example="patterns last 30d",
    aliases=("heatmap", "rhythm", "peak-hours"),
    defaults={"range": "last 3 months"},
)
def usage_patterns(ctx: Context, range: TimeRange, filters: Filters) -> Report:
    """When credits are used: hours, weekdays, weekends.

    A heat map of weekday and hour; busy and quiet windows; the busiest and quietest days; what
    peak hours, off-peak and weekends took, and what weekends were for.
    """
    query = Query(ctx.reader, ctx.now, range, filters)
    hidden = None
    with suppress(UserError):  # a range too long to know who is behind a task: none is named
        hidden = folded("task", query, ctx)
    return patterns.patterns(query, hidden)
