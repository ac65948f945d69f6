"""Questions about where the credits went."""

from __future__ import annotations

from analytics import by_model, by_person, timeline
from analytics.breakdown import Asked, breakdown
from analytics.figures import (
    Grain,
)
from analytics.lines import Sort
from analytics.parts import Group
from analytics.query import Filters, Query
from analytics.report import (
    Report,
)
from analytics.timerange import TimeRange
from bot.context import Context
from bot.params import Limit
from bot.registry import command
from bot.walls import folded

ROWS = {"range": "last 30d", "limit": "20", "sort": "credits"}


@command(
    "by-model",
    example="by-model last 30d",
    native="by model",
    aliases=("models-used", "model"),
    defaults={"range": "last 30d", "limit": "60", "sort": "credits"},
)
def credits_by_model(
    ctx: Context, range: TimeRange, filters: Filters, limit: Limit, sort: Sort
) -> Report:
    """Credits by model, grouped by family.

    Multiplier, prompts, credits, share and change against the time before.
    """
    query = Query(ctx.reader, ctx.now, range, filters)
    return by_model.by_model(query, limit, sort, with_people=ctx.sees_people)


@command(
    "by-user",
    example="by-user last 7d",
    native="by user",
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


def _breakdown(ctx: Context, group: Group, query: Query, limit: int, sort: Sort) -> Report:
    hidden = folded(group, query, ctx)
    return breakdown(query, group, Asked(limit, sort, ctx.sees_people, hidden))


@command(
    "by-family",
    example="by-family last 30d",
    native="by family",
    aliases=("family", "families"),
    defaults=ROWS,
)
def credits_by_family(
    ctx: Context, range: TimeRange, filters: Filters, limit: Limit, sort: Sort
) -> Report:
    """Credits by model family."""
    query = Query(ctx.reader, ctx.now, range, filters)
    return _breakdown(ctx, "family", query, limit, sort)


@command(
    "by-tier",
    example="by-tier last 30d",
    native="by tier",
    aliases=("tier", "tiers"),
    defaults=ROWS,
)
def credits_by_tier(
    ctx: Context, range: TimeRange, filters: Filters, limit: Limit, sort: Sort
) -> Report:
    """Share of prompts and of credits by multiplier tier.

    The tier of a prompt is that of its model's multiplier at its time.
    """
    query = Query(ctx.reader, ctx.now, range, filters)
    return _breakdown(ctx, "tier", query, limit, sort)


@command(
    "by-project",
    example="by-project last 30d",
    native="by project",
    aliases=("project", "projects"),
    defaults=ROWS,
)
def credits_by_project(
    ctx: Context, range: TimeRange, filters: Filters, limit: Limit, sort: Sort
) -> Report:
    """Credits by project, usage without one included."""
    query = Query(ctx.reader, ctx.now, range, filters)
    return _breakdown(ctx, "project", query, limit, sort)


@command(
    "by-department",
    example="by-department last 30d",
    native="by department",
    aliases=("department", "departments", "by-team"),
    defaults=ROWS,
)
def credits_by_department(
    ctx: Context, range: TimeRange, filters: Filters, limit: Limit, sort: Sort
) -> Report:
    """Credits by department, usage without one included."""
    query = Query(ctx.reader, ctx.now, range, filters)
    return _breakdown(ctx, "department", query, limit, sort)


@command(
    "by-task",
    example="by-task last 30d",
    native="by task",
    aliases=("task",),
    defaults=ROWS,
)
def credits_by_task(
    ctx: Context, range: TimeRange, filters: Filters, limit: Limit, sort: Sort
) -> Report:
    """Credits by task, split by tier; the rest is uncategorised."""
    query = Query(ctx.reader, ctx.now, range, filters)
    return _breakdown(ctx, "task", query, limit, sort)


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
