"""Setting budgets: what is set first happens at once, what replaces something is shown before."""

from __future__ import annotations

import typing
from dataclasses import replace
from datetime import date, timedelta

import sqlalchemy as sa

from analytics import allocations, budget_changes
from analytics.budget_changes import Change, Wanted
from analytics.budget_words import (
    amount_text,
    line_of,
    terms_text,
    typed_credits,
    typed_threshold,
)
from analytics.errors import UserError
from analytics.past_use import PastUse, past_use
from analytics.query import Query
from analytics.report import Report
from analytics.scopes import KEYS, PERIODS, Scope, limit_of, scope_of
from analytics.timerange import parse_range
from bot.alerts.watch_budgets import follow
from bot.context import Context
from bot.params import Amount, BillingDay, BudgetPeriod, Day, ScopeFilter, Seen, Thresholds
from bot.params.amounts import MAX_CREDITS
from bot.registry import command
from bot.rights import budget_refused
from bot.walls import unfolded
from storage.budgets import (
    THRESHOLDS,
    Budget,
    Period,
    budget_history,
    find_budget,
    keep_budget,
    list_budgets,
    remove_budget,
)
from storage.events import MICRO
from storage.timekeys import date_of, day_number

LONGEST_RAISE = timedelta(days=366)


@command("budget list", example="budget list")
def list_of_budgets(ctx: Context) -> Report:
    """Every budget, and what of the workspace's is unallocated.

    Departments, projects and people are added up apart: each is another way to cut the total.
    """
    return allocations.budget_list(_month(ctx), ctx.visible_people)


@command("budget show", example="budget show")
def show(ctx: Context, period: BudgetPeriod | None, scope: ScopeFilter) -> Report:
    """A budget with its thresholds, raise and history.

    Without a budget it says what would suit.
    """
    chosen = scope_of(scope)
    ours = _of(ctx, chosen)
    if period is not None:
        ours = [one for one in ours if one.period == period]
    if not ours:
        wanted = typing.cast("Period", period or "monthly")
        may_set = budget_refused(ctx, chosen) is None
        return budget_changes.proposal(
            _month(ctx), Wanted(chosen, wanted), _past(ctx, chosen), None, may_set=may_set
        )
    budget = min(ours, key=lambda one: PERIODS.index(one.period))
    history = budget_history(*_place(ctx), budget.id)
    return budget_changes.shown_report(_month(ctx), budget, history, _past(ctx, chosen))


@command("budget set", example="budget set 20000 monthly", needs="lead", changes=True)
def set_one(  # noqa: PLR0913, PLR0917  # the parts of a budget
    ctx: Context,
    amount: Amount | None,
    period: BudgetPeriod | None,
    thresholds: Thresholds | None,
    day: BillingDay | None,
    scope: ScopeFilter,
    revision: Seen | None,
) -> Report:
    """Set a budget: for the workspace, or one of its parts.

    Without credits it shows what was used and what would suit.  People are warned at 75, 90 and
    100 %, or at up to ten `thresholds=80,15000cr,500left`: per cents, credits used, credits left.
    A billing period begins on `day=15`.  What replaces a budget is shown first, with a button.
    """
    chosen = _permitted(ctx, scope)
    wanted = typing.cast("Period", period or "monthly")
    before = _found(ctx, chosen, wanted)
    if amount is None:
        if thresholds or day:
            raise UserError(
                "`budget set` needs credits.", hint="`budget edit` changes only the other parts."
            )
        return budget_changes.proposal(
            _month(ctx), Wanted(chosen, wanted), _past(ctx, chosen), before
        )
    known = before or Budget(0, chosen.kind, chosen.target, wanted, amount, THRESHOLDS, 1, 0)
    if wanted == "billing" and before is None and day is None:
        raise UserError("A billing period needs its first day.", hint="Add it: `day=15`.")
    after = _edited(known, amount, thresholds, day)
    return _settle(ctx, "budget set", Change(before, after), revision)


@command("budget edit", example="budget edit thresholds=50,80,100", needs="lead", changes=True)
def edit(  # noqa: PLR0913, PLR0917  # the parts of a budget
    ctx: Context,
    amount: Amount | None,
    period: BudgetPeriod | None,
    thresholds: Thresholds | None,
    day: BillingDay | None,
    scope: ScopeFilter,
    revision: Seen | None,
) -> Report:
    """Change parts of a budget; the others stay.

    What would change is shown first, with a button.  New credits end a raise.
    """
    before = _one(ctx, _permitted(ctx, scope), period, "budget edit")
    if not (amount or thresholds or day):
        raise UserError(
            "`budget edit` needs something to change.",
            hint="For example `budget edit 25000` or `budget edit thresholds=50,80,100`.",
        )
    after = _edited(before, before.amount if amount is None else amount, thresholds, day)
    return _settle(ctx, "budget edit", Change(before, after), revision)


@command("budget raise", example="budget raise 500 until 2026-04-30", needs="lead", changes=True)
def raise_one(  # the parts of a raise
    ctx: Context,
    amount: Amount,
    period: BudgetPeriod | None,
    until: Day | None,
    scope: ScopeFilter,
    revision: Seen | None,
) -> Report:
    """Allow so many credits more for some time.

    The raise counts up to the end of its day, then the budget is what it was; without a day it
    ends with the period.
    """
    before = _one(ctx, _permitted(ctx, scope), period, "budget raise")
    if before.amount + amount > MAX_CREDITS * MICRO:
        raise UserError(
            f"{amount_text(before.amount + amount)} credits are too many.",
            hint="A budget goes up to a billion.",
        )
    last = _last_day(ctx, before, until)
    after = replace(before, raised=amount, raise_end=day_number(last) + 1)
    # A raise that is over is nothing that another one would replace.
    is_free = not before.raised_on(ctx.reader.clock.day(ctx.now))
    seen = Seen(before.revision) if is_free and revision is None else revision
    return _settle(ctx, "budget raise", Change(before, after), seen)


@command("budget remove", example="budget remove", needs="lead", changes=True)
def remove(
    ctx: Context, period: BudgetPeriod | None, scope: ScopeFilter, revision: Seen | None
) -> Report:
    """Remove a budget; a button does it.

    Its history stays: `budget show` tells it when one is set again.
    """
    before = _one(ctx, _permitted(ctx, scope), period, "budget remove")
    return _settle(ctx, "budget remove", Change(before, None), revision)


# ---- who may


def _permitted(ctx: Context, scope: ScopeFilter) -> Scope:
    """The scope whose budget the asker may change; raises NotAllowed that says who may."""
    chosen = scope_of(scope)
    refused = budget_refused(ctx, chosen)
    if refused is not None:
        raise refused
    return chosen


# ---- which one


def _of(ctx: Context, scope: Scope) -> list[Budget]:
    known, today = list_budgets(*_place(ctx)), ctx.reader.clock.day(ctx.now)
    ours = [one for one in known if (one.scope, one.target_id) == (scope.kind, scope.target)]
    return [one.on(today) for one in ours]


def _found(ctx: Context, scope: Scope, period: Period) -> Budget | None:
    found = find_budget(*_place(ctx), scope.kind, scope.target, period)
    return found and found.on(ctx.reader.clock.day(ctx.now))


def _place(ctx: Context) -> tuple[sa.Connection, int]:
    return ctx.reader.connection, ctx.reader.workspace.id


def _one(ctx: Context, scope: Scope, period: str | None, verb: str) -> Budget:
    """The budget that is meant; raises UserError where there is none, or more than one."""
    known, name = _of(ctx, scope), scope.name(_month(ctx))
    ours = [one for one in known if period in (None, one.period)]
    if len(ours) == 1:
        return ours[0]
    if not known:
        line = line_of(_month(ctx), scope, "budget set 20000 monthly")
        raise UserError(f"{name} has no budget.", hint=f"Set one first: `{line}`." if line else "")
    listed = ", ".join(one.period for one in known)
    if not ours:
        raise UserError(f"{name} has no {period} budget.", hint=f"There is: {listed}.")
    line = line_of(_month(ctx), scope, verb, known[0].period)
    raise UserError(
        f"{name} has several budgets: {listed}.", hint=f"Say which, for example `{line}`."
    )


# ---- doing it


def _edited(
    budget: Budget, amount: Amount | int, thresholds: Thresholds | None, day: BillingDay | None
) -> Budget:
    """The budget with what was typed; raises UserError for a day that its period has not."""
    if day is not None and budget.period != "billing":
        raise UserError(
            f"A {budget.period} budget has no billing day.", hint=f"Write `billing day={day}`."
        )
    after = replace(
        budget,
        amount=int(amount),
        thresholds=thresholds or budget.thresholds,
        billing_day=day or budget.billing_day,
    )
    _check_marks(after)
    if after.amount != budget.amount:
        return replace(after, raised=0, raise_end=None)
    return after


def _check_marks(budget: Budget) -> None:
    """Raise UserError for thresholds in credits that would warn at once, or not before the end."""
    for one in budget.thresholds:
        if isinstance(one, int) or one.amount < budget.amount:
            continue
        if one.kind == "used" and one.amount == budget.amount:
            continue
        raise UserError(
            f"'{typed_threshold(one)}' does not fit a budget of {amount_text(budget.amount)}.",
            hint="Thresholds in credits are below the budget, for example "
            "`thresholds=75,15000cr,500left`.",
        )


def _last_day(ctx: Context, budget: Budget, until: date | None) -> date:
    """The last day of a raise; raises UserError for one that is over or far away."""
    today = ctx.reader.clock.local_date(ctx.now)
    if until is None:
        return limit_of(budget, _month(ctx)).stretch.end - timedelta(days=1)
    if until < today:
        raise UserError(f"'{until}' is over.", hint=f"Today is {today}; name a later day.")
    if until > today + LONGEST_RAISE:
        raise UserError(
            f"'{until}' is more than a year away.", hint="For longer, `budget edit` the credits."
        )
    return until


def _settle(ctx: Context, verb: str, change: Change, seen: Seen | None) -> Report:
    """Do what was typed, or first show what it would replace.

    A yes names the revision that was shown: what others changed meanwhile is shown again.
    """
    before, after, query = change.before, change.after, _month(ctx)
    if before is None and seen is not None:
        raise UserError(
            "The budget that this would change is gone.", hint="`budget list` shows what is set."
        )
    if before == after and before is not None:
        return budget_changes.unchanged_report(query, before)
    if before is not None and seen != before.revision:
        return budget_changes.confirm_report(
            query, change, _line(query, verb, change), _past(ctx, change.scope)
        )
    kept = _kept(ctx, change)
    follow(ctx, query)
    ctx.record(
        verb,
        f"budget of {change.scope.kind} {change.scope.target}, {change.budget.period}",
        before=None if before is None else terms_text(before),
        after=None if kept.after is None else terms_text(kept.after),
    )
    return budget_changes.changed_report(query, kept, _past(ctx, change.scope))


def _kept(ctx: Context, change: Change) -> Change:
    budget, place = change.budget, _place(ctx)
    scope, target, period = budget.scope, budget.target_id, budget.period
    if change.after is None:
        remove_budget(*place, scope=scope, target_id=target, period=period, now=ctx.now)
        return change
    kept = keep_budget(*place, budget, now=ctx.now)
    return replace(change, after=kept)


def _line(query: Query, verb: str, change: Change) -> str:
    """The line that says yes: everything that is to hold, and what it was said about."""
    budget = change.budget
    parts: list[str] = []
    match verb:
        case "budget remove":
            parts = [budget.period]
        case "budget raise":
            last = date_of((budget.raise_end or 1) - 1)
            parts = [typed_credits(budget.raised), budget.period, f"until {last}"]
        case _:
            listed = ",".join(map(typed_threshold, budget.thresholds))
            day = f"day={budget.billing_day}" if budget.period == "billing" else ""
            parts = [typed_credits(budget.amount), budget.period, f"thresholds={listed}", day]
    line = line_of(query, change.scope, verb, *parts)
    revision = change.before.revision if change.before else 0
    return f"{line} revision={revision}" if line else ""


def _past(ctx: Context, scope: Scope) -> PastUse:
    """The last months of a scope; behind walls none that few people are behind."""
    query = _month(ctx)
    past = past_use(query, scope)
    if ctx.visible_people is None or scope.kind in ("workspace", "person"):
        return past
    for month, credits in past.months:
        range_ = parse_range(f"{month:%Y-%m}", query.range.today)
        known = unfolded(KEYS[scope.kind], replace(query, range=range_), ctx) or ()
        if credits and scope.target not in known:
            return PastUse(is_hidden=True)
    is_open = scope.target in (unfolded(KEYS[scope.kind], query, ctx) or ())
    return past if is_open else replace(past, running=0, by_day=None)


def _month(ctx: Context) -> Query:
    today = ctx.reader.clock.local_date(ctx.now)
    return Query(ctx.reader, ctx.now, parse_range("this month", today))
