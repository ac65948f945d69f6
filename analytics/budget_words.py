"""Budgets in words: what one allows, when it warns, how it is typed.

Amounts are exact here: what is set is not rounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from analytics.numbers import exact_credits
from analytics.query import Query
from analytics.scopes import Limit, Scope
from analytics.text import joined, typed
from analytics.timerange import MONTH_NAMES
from storage.budgets import Budget, Period
from storage.events import MICRO
from storage.marks import Threshold
from storage.reading import DIMENSIONS
from storage.timekeys import date_of

PER: Mapping[Period, str] = {
    "monthly": "a month",
    "weekly": "a week",
    "quarterly": "a quarter",
    "billing": "a billing month",
}


def amount_text(micro: int) -> str:
    """`20,000`, `1,500.25`: every decimal there is."""
    return f"{exact_credits(micro):,f}"


def exactly_credits(micro: int) -> str:
    """`1 credit`, `1,500.25 credits`: with every decimal there is."""
    return f"{amount_text(micro)} credit" + ("" if micro == MICRO else "s")


def allowance_text(budget: Budget) -> str:
    """`3,000 credits a month`; of a billing month also the day it begins."""
    begins = f" from day {budget.billing_day} on" if budget.period == "billing" else ""
    return f"{exactly_credits(budget.amount)} {PER[budget.period]}{begins}"


def thresholds_text(thresholds: Sequence[Threshold]) -> str:
    """`75, 90 and 100%`, `75%, 15,000 used and 500 left`."""
    shares = [str(one) for one in thresholds if isinstance(one, int)]
    words = [f"{joined(shares)}%"] if shares else []
    marks = [threshold_text(one) for one in thresholds if not isinstance(one, int)]
    return ", ".join([*words, *([joined(marks)] if marks else [])])


def threshold_text(threshold: Threshold) -> str:
    """`75%`, `15,000 used`, `500 left`."""
    if isinstance(threshold, int):
        return f"{threshold}%"
    return f"{amount_text(threshold.amount)} {threshold.kind}"


def typed_threshold(threshold: Threshold) -> str:
    """A threshold as a line carries it: `75`, `15000cr`, `500left`."""
    if isinstance(threshold, int):
        return str(threshold)
    return typed_credits(threshold.amount) + ("cr" if threshold.kind == "used" else "left")


def terms_text(budget: Budget) -> str:
    """Everything that was set, as the audit keeps it."""
    words = f"{allowance_text(budget)}, warning at {thresholds_text(budget.thresholds)}"
    raised = raised_text(budget.raised, budget.raise_end)
    return f"{words}, {raised}" if raised else words


def raised_text(raised: int, raise_end: int | None) -> str:
    """`raised by 500 until 30 Apr 2026`; empty without a raise."""
    if not raised or raise_end is None:
        return ""
    return f"raised by {amount_text(raised)} until {day_text(date_of(raise_end - 1))}"


def raise_text(limit: Limit, name: str) -> str:
    """What a raise does to a limit, and what it is afterwards; empty without one."""
    if limit.amount is None or limit.until is None:
        return ""
    after = amount_text(limit.amount - limit.raised)
    ends = day_text(limit.until)
    return f"{name} is raised by {amount_text(limit.raised)} until {ends}, then {after} again."


def day_text(day: date) -> str:
    """`30 Apr 2026`."""
    return f"{day.day} {MONTH_NAMES[day.month - 1]} {day.year}"


def line_of(query: Query, scope: Scope, *words: str) -> str:
    """A command's line about a scope; empty where its name would not mean it again."""
    before = " ".join(filter(None, words))
    if scope.kind == "workspace":
        return before
    name = query.reader.typed(DIMENSIONS[scope.kind], (scope.target,)).get(scope.target)
    return f"{before} {scope.kind}={typed(name)}" if name else ""


def typed_credits(micro: int) -> str:
    """Credits as a line carries them: `20000`, `0.5`."""
    return f"{exact_credits(micro):f}"
