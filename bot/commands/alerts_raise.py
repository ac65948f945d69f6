"""Raising the limit behind an alert: what it would take is asked before anything is changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa

from analytics.alert_budget import alert_of, suggested_raise
from analytics.budget_words import amount_text, day_text, line_of, typed_credits
from analytics.errors import UserError
from analytics.numbers import credits_text
from analytics.query import Query
from analytics.report import Actions, Button, Note, Report
from analytics.scopes import Limit, limit_of, tracked
from analytics.stretches import Stretch
from analytics.timerange import parse_range
from bot.alerts.kinds import alert_of_number, check_sight, is_past, told_of
from bot.context import Context, NotAllowed
from bot.freezing import BUDGETS
from bot.params import AlertId
from bot.registry import command
from bot.rights import budget_refused
from storage.alerts import Alert
from storage.budgets import Budget, list_budgets


@command("alerts raise", example="alerts raise 1")
def raise_limit(ctx: Context, number: AlertId) -> Report:
    """What raising the limit behind an alert would take; a button does it."""
    alert = alert_of_number(ctx, number)
    check_sight(alert, ctx)
    found = alert_of(told_of(alert, ctx)) if alert.kind in BUDGETS else None
    if found is None or not alert.facts.get("budget"):
        raise UserError(
            f"Alert {number} is about no budget that can be raised.",
            hint="`budget raise 500` raises the workspace's.",
        )
    if is_past(alert, ctx.reader.clock.local_date(ctx.now)):
        raise UserError(
            f"Alert {number} is about {found.crossed.stretch.title}, which is over.",
            hint="`budget raise 500` raises what runs now, `budget` shows how that stands.",
        )
    return _raise_report(ctx, number, *_limit_now(ctx, alert, found.crossed.stretch))


def _limit_now(ctx: Context, alert: Alert, stretch: Stretch) -> tuple[Budget, Limit]:
    """The budget behind an alert, and its limit of now; raises UserError where it is gone."""
    wanted = alert.facts["budget"]
    budget = next((one for one in list_budgets(*_where(ctx)) if one.id == wanted), None)
    limit = None if budget is None else limit_of(budget, _month(ctx))
    if budget is None or limit is None or limit.stretch != stretch:
        raise UserError(
            f"The budget that alert {alert.id} is about is not there any more.",
            hint="`budget list` shows what limits there are.",
        )
    return budget, limit


def _raise_report(ctx: Context, number: int, budget: Budget, limit: Limit) -> Report:
    """What a raise would take, counted from how things are now: it replaces one that runs."""
    query, scope, stretch = _month(ctx), limit.scope, limit.stretch
    (row,) = tracked(query, [limit])
    amount = limit.amount or 0
    wanted = limit.raised + suggested_raise(row.burn, amount)
    # A button may be pressed when the period is over: the line raises this one or nothing.
    until = f"until {stretch.end - timedelta(days=1)}"
    line = line_of(query, scope, "budget raise", typed_credits(wanted), stretch.period, until)
    refused = budget_refused(ctx, scope)
    if refused is not None:
        raise NotAllowed(refused.message, hint=f"Ask an admin to type `{line}`." if line else "")
    other = line_of(query, scope, "budget raise", "500", stretch.period)
    # What it says of now is said of this revision: of another one it is asked anew.
    done = f"{line} revision={budget.revision}"
    steps = [Button(f"Raise by {amount_text(wanted)}", done, "do")] if line else []
    leave = Button("Leave it", f"alerts show {number}")
    whole, then = amount - limit.raised, amount - limit.raised + wanted
    now = (
        f"The limit becomes {amount_text(whole)} + {amount_text(wanted)} = {amount_text(then)}; "
        f"{credits_text(row.burn.spent)} were used."
    )
    hint = f" For another amount type `{other}`." if other else ""
    return Report(
        "Raise limit",
        f"Raise the {stretch.period} budget of {scope.name(query)} by {amount_text(wanted)} until "
        f"{stretch.title} ends?",
        (
            Note(now, "delta"),
            *_replaced(limit),
            Note(f"Nothing is changed yet.{hint}", "hint"),
            Actions((*steps, leave)),
        ),
    )


def _replaced(limit: Limit) -> Iterator[Note]:
    """That a raise which runs ends with the new one."""
    if limit.raised and limit.until is not None:
        running = f"{amount_text(limit.raised)} until {day_text(limit.until)}"
        yield Note(f"It takes the place of the raise by {running}.")


def _where(ctx: Context) -> tuple[sa.Connection, int]:
    return ctx.reader.connection, ctx.reader.workspace.id


def _month(ctx: Context) -> Query:
    today = ctx.reader.clock.local_date(ctx.now)
    return Query(ctx.reader, ctx.now, parse_range("this month", today))
