"""Whether the credits will last: budgets, the forecast of the month."""

from __future__ import annotations

from analytics import budgets, forecast
from analytics.query import Query
from analytics.report import Report
from analytics.scopes import Sight, scope_of
from analytics.timerange import parse_range
from bot.context import Context
from bot.params import GroupFilter, ScopeFilter
from bot.registry import command
from bot.walls import folded
from storage.budgets import Scope as Kind


@command("budget", example="budget", native="budget status")
def budget_status(ctx: Context, filters: ScopeFilter) -> Report:
    """How the budget stands, and where the month will end.

    Used, left, projection with its 80 % range, and the day each threshold is reached; a table of
    every budget.  Without a budget the plan's allowance is tracked.
    """
    return budgets.budget_status(_month(ctx), scope_of(filters), _sight(ctx))


@command("forecast", example="forecast", native="budget forecast")
def forecast_of_month(ctx: Context, filters: GroupFilter) -> Report:
    """What the month will have used at its end.

    The expected end with its 80 % range and how the budget will stand; each department and project
    has a projection of its own.
    """
    return forecast.forecast(_month(ctx), scope_of(filters), _sight(ctx))


def _month(ctx: Context) -> Query:
    today = ctx.reader.clock.local_date(ctx.now)
    return Query(ctx.reader, ctx.now, parse_range("this month", today))


def _sight(ctx: Context) -> Sight:
    kinds: tuple[Kind, ...] = ("department", "project")
    month = _month(ctx)
    return Sight(ctx.visible_people, {kind: folded(kind, month, ctx) for kind in kinds})
