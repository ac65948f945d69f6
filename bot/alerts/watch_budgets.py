"""The watch over budgets: which are expected to be passed, told when that has held for a while.

An expectation must be found in two looks six hours apart, unless the limit is less than two days
away.  Since when it is found is kept, so that a restart forgets nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

import sqlalchemy as sa
import structlog

from analytics.overrun import Overrun, is_safe, overrun_facts, overrun_of
from analytics.query import Filters, Query
from analytics.scopes import Limit, Tracked, limit_of, limits, tracked
from bot.context import Context
from storage.alerts import Alert, NewAlert, insert_alert, list_alerts, resolve
from storage.budgets import Budget, list_budgets
from storage.periods import period_key
from storage.preferences import set_state, state
from storage.routes import full_fired
from storage.timekeys import day_number

log = structlog.get_logger()
KIND = "projected"
PLAN = "plan"
HELD = timedelta(hours=6)
MEMORY = "watch_projected"
MOST = 200
LINES = 15


@dataclass(frozen=True, slots=True)
class Watched:
    """A budget, or the plan's allowance, with how it stands; its `key` holds for one revision."""

    subject: str
    budget_id: int
    revision: int
    row: Tracked
    found: Overrun | None

    @property
    def period(self) -> str:
        """The name of its period."""
        stretch = self.row.limit.stretch
        return period_key(stretch.period, day_number(stretch.first))

    @property
    def key(self) -> str:
        """What an alert about it is told once by."""
        owner = self.budget_id or f"{PLAN}{self.row.limit.amount}"
        status = self.found.status if self.found else "none"
        return f"f|{owner}|{self.period}|r{self.revision}|{status}"


def watched(ctx: Context, query: Query) -> list[Watched]:
    """Every budget with its standing; the plan where the workspace has no budget."""
    query = replace(query, filters=Filters())
    budgets: list[Budget | None] = list(list_budgets(*_place(ctx)))
    known: list[Limit] = [limit_of(one, query) for one in budgets if one is not None]
    plan = next((one for one in limits(query) if one.is_plan), None)
    if plan is not None:
        budgets.append(None)
        known.append(plan)
    rows = tracked(query, known)
    return [
        Watched(
            f"budget:{budget.id}" if budget else PLAN,
            budget.id if budget else 0,
            budget.revision if budget else 1,
            row,
            overrun_of(query, row.burn),
        )
        for budget, row in zip(budgets, rows, strict=True)
    ]


def settle(ctx: Context, found: list[Watched]) -> int:
    """Fire and end alerts, and remember since when each expectation is found; how many changed."""
    since = _remembered(ctx)
    kept = {one.key: since.get(one.key, ctx.now) for one in found if one.found is not None}
    fired = sum(_fire(ctx, one, kept[one.key]) for one in found if one.found is not None)
    ended = sum(_end(ctx, alert, found) for alert in _open(ctx))
    if kept.keys() != since.keys():
        _remember(ctx, kept)
    return fired + ended


def is_due(ctx: Context, found: list[Watched]) -> bool:
    """Whether `settle` would change anything, so that nobody is kept waiting for a write."""
    since = _remembered(ctx)
    wanted = {one.key for one in found if one.found is not None}
    ripe = any(
        _is_ripe(one, since.get(one.key, ctx.now), ctx.now) and not _is_told(ctx, one)
        for one in found
        if one.found is not None
    )
    return wanted != since.keys() or ripe or any(_ending(alert, found) for alert in _open(ctx))


def _is_ripe(one: Watched, since: datetime, now: datetime) -> bool:
    return one.found is not None and (one.found.is_near or now - since >= HELD)


def _is_told(ctx: Context, one: Watched) -> bool:
    known = list_alerts(*_place(ctx), kinds=[KIND], subject=one.subject, limit=MOST)
    return any(alert.dedupe_key == one.key for alert in known)


def _fire(ctx: Context, one: Watched, since: datetime) -> bool:
    """Tell of one, where it has held and 100 % has not fired."""
    limit, burn = one.row.limit, one.row.burn
    if one.found is None or not _is_ripe(one, since, ctx.now) or _is_told(ctx, one):
        return False
    if full_fired(*_place(ctx), one.budget_id, day_number(limit.stretch.first)):
        return False
    number = insert_alert(
        ctx.reader.connection,
        NewAlert(
            workspace_id=ctx.reader.workspace.id,
            dedupe_key=one.key,
            kind=KIND,
            subject=one.subject,
            scope=limit.scope.kind,
            target_id=limit.scope.target,
            period_key=one.period,
            facts={
                "budget": one.budget_id,
                "revision": one.revision,
                **overrun_facts(burn, one.found, ctx.now),
            },
            fired_at=ctx.now,
        ),
    )
    log.info("alert.fired", kind=KIND, subject=one.subject, alert=number)
    return number is not None


def _open(ctx: Context) -> list[Alert]:
    return list_alerts(*_place(ctx), states=["fired"], kinds=[KIND], limit=MOST)


def _ending(alert: Alert, found: list[Watched]) -> tuple[str, Watched | None] | None:
    """Why an alert is over: what it was about is safe, gone, told otherwise; None while it holds.

    A period that simply ends ends no alert.
    """
    one = next((one for one in found if one.subject == alert.subject), None)
    if one is None:
        return "removed", None
    if one.period != alert.period_key:
        return None
    is_revised = alert.facts.get("revision") != one.revision
    if not is_revised and one.row.burn.spent >= (one.row.limit.amount or 0):
        return "passed", one
    if is_safe(one.row.burn):
        return "below", one
    return ("revised", one) if is_revised else None


def _end(ctx: Context, alert: Alert, found: list[Watched]) -> bool:
    ending = _ending(alert, found)
    if ending is None:
        return False
    reason, one = ending
    facts: dict[str, object] = {"reason": reason}
    if one is not None:
        facts |= {"used": one.row.burn.spent, "limit": one.row.limit.amount}
    # The thresholds tell of what is passed, another alert of what is expected of a new limit.
    is_news = reason in ("below", "removed") or (one is not None and one.found is None)
    state_ = "resolved" if is_news and reason != "passed" else "replaced"
    done = resolve(
        ctx.reader.connection,
        alert,
        state="resolved" if state_ == "resolved" else "replaced",
        facts=facts,
        now=ctx.now,
    )
    log.info("alert.ended", alert=alert.id, reason=reason)
    return done


def _remembered(ctx: Context) -> dict[str, datetime]:
    """Since when each expectation is found."""
    found: dict[str, datetime] = {}
    for number in count():
        text = state(ctx.reader.connection, f"{MEMORY}_{number}", ctx.reader.workspace.id)
        if not text:
            return found
        parts = (line.rsplit(" ", 1) for line in text.splitlines())
        found |= {key: datetime.fromisoformat(moment) for key, moment in parts}
    return found


def _remember(ctx: Context, kept: Mapping[str, datetime]) -> None:
    """Keep that, a few lines a row: a row holds 2,000 characters, and an empty one ends them."""
    lines = [f"{key} {moment.isoformat(timespec='seconds')}" for key, moment in kept.items()]
    texts = ["\n".join(lines[at : at + LINES]) for at in range(0, len(lines), LINES)]
    for number, text in enumerate((*texts, "")):
        name, place = f"{MEMORY}_{number}", ctx.reader.workspace.id
        set_state(ctx.reader.connection, name, text, workspace_id=place)


def _place(ctx: Context) -> tuple[sa.Connection, int]:
    return ctx.reader.connection, ctx.reader.workspace.id
