"""Questions about where the credits went."""

from __future__ import annotations

from analytics import by_model, by_person, timeline
from analytics.figures import (
    Grain,
)
from analytics.lines import Sort
from analytics.query import Filters, Query
from analytics.report import (
    Report,
)
from analytics.timerange import TimeRange
from bot.context import Context
from bot.params import Limit
from bot.registry import command


@command(
    "by-model",
    example="by-model last 30d",
    aliases=("models-used", "model"),
    defaults={"range": "last 30d", "limit": "60", "sort": "credits"},
)
def credits_by_model(
    ctx: Context, range: TimeRange, filters: Filters, limit: Limit, sort: Sort
) -> Report:
    """Credits by model, grouped by family.

    Multiplier, prompts, credits, share and change against the time before.
    """
    return by_model.by_model(Query(ctx.reader, ctx.now, range, filters), limit, sort)


@command(
    "by-user",
    example="by-user last 7d",
    shows_people=True,
    aliases=("by-person", "user", "person"),
    defaults={"range": "last 7d", "limit": "20", "sort": "credits"},
)
def credits_by_person(
    ctx: Context, range: TimeRange, filters: Filters, limit: Limit, sort: Sort
) -> Report:
    """Credits by person, with everybody's top model.

    Prompts, top model, credits, credits per prompt and change; the team in the last row.
    """
    return by_person.by_person(Query(ctx.reader, ctx.now, range, filters), limit, sort)


@command(
    "timeline",
    example="timeline last 3 months by week",
    aliases=("over-time", "by-time"),
    defaults={"range": "last 30d"},
)
def credits_over_time(ctx: Context, range: TimeRange, by: Grain | None, filters: Filters) -> Report:
    """Credits over time, by hour, day, week or month.

    Average, peak day, peak hour and the most active weekdays of the range.
    """
    return timeline.timeline(Query(ctx.reader, ctx.now, range, filters), by)
