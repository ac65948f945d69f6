"""Questions about how long people wait, and for which model it is worth it."""

from __future__ import annotations

from analytics import performance
from analytics.query import Filters, Query
from analytics.report import Report
from analytics.timerange import TimeRange
from analytics.timings import Split
from bot.context import Context
from bot.params import Limit
from bot.registry import command


@command(
    "performance",
    example="performance last 30d",
    aliases=("latency", "response-times", "speed"),
    defaults={"range": "last 30d", "by": "model", "limit": "60"},
    native="performance summary",
)
def response_times(
    ctx: Context, range: TimeRange, by: Split, filters: Filters, limit: Limit
) -> Report:
    """Response times and success by model, person, hour or day.

    Average, p50 and p95, time to the first token, output tokens a second, success; peak hours,
    off-peak and weekend; the fastest hours. `by day` shows them over time.
    """
    return performance.performance(Query(ctx.reader, ctx.now, range, filters), by, limit)
