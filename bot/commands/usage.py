"""Questions about where the credits went."""

from __future__ import annotations

from contextlib import suppress

from analytics import by_model, by_person, me, timeline, trends
from analytics.breakdown import Asked, breakdown
from analytics.dashboard import dashboard
from analytics.errors import UserError
from analytics.figures import (
    Grain,
)
from analytics.lines import Sort
from analytics.movers import Kind
from analytics.parts import Group
from analytics.periods import Pace
from analytics.query import Filters, Query
from analytics.report import (
    Report,
)
from analytics.timerange import TimeRange
from bot.context import Context
from bot.params import Limit, Month
from bot.registry import command
from bot.walls import folded

MOST_WEEKS_DAYS = 92  # a longer range is told by month
LABELLED: tuple[Kind, ...] = ("project", "task")
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
    "me",
    example="me this month",
    shows_people=True,
    aliases=("mine", "my-usage"),
    defaults={"range": "this month"},
)
def own_usage(ctx: Context, range: TimeRange) -> Report:
    """What you used yourself, and your rank without names.

    Credits a prompt stand beside everybody's from 50 prompts on; your own limit where one is set.
    """
    person = ctx.asker.person_id
    if person is None:
        identity = ctx.asker.identity
        return me.nobody(identity.actor, is_terminal=identity.platform == "terminal")
    return me.me(Query(ctx.reader, ctx.now, range), person)


@command(
    "trends",
    example="trends last 30d",
    aliases=("trend", "movers"),
    defaults={"range": "last 30d", "limit": "3"},
)
def usage_trends(
    ctx: Context, range: TimeRange, by: Grain | None, filters: Filters, limit: Limit
) -> Report:
    """What moved: models, people, projects, tasks; week by week.

    Contributions to the change, credits per active person and per prompt, the month against its
    budget.  A trend is only claimed of three periods or more.
    """
    if by not in ("week", "month", None):
        raise UserError(f"Trends are not told by {by}.", hint="Ask `by week` or `by month`.")
    query = Query(ctx.reader, ctx.now, range, filters)
    pace: Pace = by or ("week" if range.days <= MOST_WEEKS_DAYS else "month")
    return trends.trends(query, pace, limit, _sight(ctx, query))


def _sight(ctx: Context, query: Query) -> trends.Sight:
    """Behind walls no people, and projects and tasks only where it is known who is behind them."""
    if ctx.sees_people:
        return trends.Sight()
    hidden: dict[Kind, frozenset[int]] = {}
    for kind in LABELLED:
        with suppress(UserError):
            hidden[kind] = folded(kind, query, ctx)
    return trends.Sight(("model", *hidden), hidden)


@command(
    "dashboard",
    example="dashboard",
    aliases=("glance",),
    defaults={"month": "this month"},
)
def month_at_a_glance(ctx: Context, month: Month) -> Report:
    """A month in one picture.

    Used, forecast with its 80 % range, prompts, credits a prompt, typical wait; burn-up, top
    models and, where they may be seen, top people.
    """
    return dashboard(Query(ctx.reader, ctx.now, month), with_people=ctx.sees_people)


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
