"""Whether the credits will last: budgets, the forecast of the month."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import product
from typing import Literal

from analytics import budgets, forecast
from analytics.errors import UserError
from analytics.query import Query
from analytics.report import Report
from analytics.scopes import Sight, limits, scope_of
from analytics.stretches import Stretch, stretch_of
from analytics.timerange import parse_range
from bot.context import Context
from bot.params import GroupFilter, ScopeFilter
from bot.registry import command
from bot.walls import unfolded
from storage.budgets import Scope as Kind

GROUPS: tuple[Literal["department", "project"], ...] = ("department", "project")


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
    """Behind walls, of each budget's own days the groups that hide their people."""
    if ctx.visible_people is None:
        return Sight()
    month, today = _month(ctx), ctx.reader.clock.local_date(ctx.now)
    stretches = {limit.stretch for limit in limits(month)} | {stretch_of("monthly", today)}
    groups: dict[tuple[Kind, Stretch], frozenset[int]] = {}
    for kind, stretch in product(GROUPS, stretches):
        # More days than people are kept for: nothing is known to hide anybody.
        with suppress(UserError):
            query = replace(month, range=stretch.so_far(today))
            groups[kind, stretch] = unfolded(kind, query, ctx) or frozenset()
    return Sight(ctx.visible_people, groups)
