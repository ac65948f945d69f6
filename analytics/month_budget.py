"""One scope's calendar month against its monthly budget, for answers that show no other budget."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from analytics.burn_up import BurnUp, burn_up
from analytics.query import Query
from analytics.scopes import Scope
from analytics.stretches import stretch_of
from storage.budgets import THRESHOLDS, find_budget
from storage.grants import allowance, list_grants
from storage.timekeys import month_number


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
