"""One scope's calendar month against its monthly budget, for answers that show no other budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from analytics.burn_up import BurnUp, Spent, added_up, burn_up
from analytics.query import Query
from analytics.scopes import Scope
from analytics.stretches import DAY, stretch_of
from storage.budgets import THRESHOLDS, budgets_before, find_budget
from storage.grants import allowance, list_grants
from storage.timekeys import day_number, month_number


def month_burn(query: Query, scope: Scope, day: date) -> BurnUp:
    """The burn-up of the month that holds a day; the query's filters do not matter.

    For the workspace the plan's allowance stands in where no budget is set, and always in a month
    that is over: today's budget says nothing about it.
    """
    reader, stretch = query.reader, stretch_of("monthly", day)
    place = (reader.connection, reader.workspace.id)
    is_running = reader.clock.local_date(query.now) < stretch.end
    budget = find_budget(*place, scope.kind, scope.target) if is_running else None
    limit = budget.limit_on(reader.clock.day(query.now)) if budget else None
    amount, thresholds = limit, budget.thresholds if budget else THRESHOLDS
    if budget is None and scope.kind == "workspace":
        amount = allowance(list_grants(*place), month_number(day)) or None
    return burn_up(replace(query, filters=scope.filters), stretch, amount, thresholds)


def month_so_far(query: Query, scope: Scope | None, by_day: Mapping[int, Spent]) -> BurnUp:
    """The burn-up of the month of the range's last day, as things stood when the range ended.

    `query.now` is that moment; `by_day` is what the query's filters leave, and nothing later.  The
    limit is the one that held then: what was decided afterwards says nothing about these days.
    """
    reader, last = query.reader, query.range.end - DAY
    place, stretch = (reader.connection, reader.workspace.id), stretch_of("monthly", last)
    known = budgets_before(*place, query.now) if scope else []
    budget = next(
        (
            one
            for one in known
            if scope
            and (one.scope, one.target_id, one.period) == (scope.kind, scope.target, "monthly")
        ),
        None,
    )
    limit = budget.limit_on(day_number(last)) if budget else None
    if budget is None and scope == Scope():
        limit = allowance(list_grants(*place), month_number(last)) or None
    thresholds = budget.thresholds if budget else THRESHOLDS
    return added_up(query, stretch, by_day, limit, thresholds)
