"""The watch over budgets: which are expected to be passed, told when that has held for a while.

An expectation must be found in two looks six hours apart, unless the limit is less than two days
away.  Since when it is found is kept, so that a restart forgets nothing.  Of a limit that takes
the place of one that was told of already it is told at once, with the change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

import sqlalchemy as sa
import structlog

from analytics.overrun import Overrun, is_safe, overrun_facts, overrun_of
from analytics.query import Filters, Query
from analytics.scopes import Limit, Tracked, limit_of, limits, tracked
from bot.alerts.kinds import is_past
from bot.context import Context
from storage.alerts import Alert, NewAlert, insert_alert, list_alerts, resolve
from storage.budgets import Budget, list_budgets
from storage.locks import hold
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


Ending = tuple[Alert, str, Watched | None]  # why an alert is over, and what holds instead


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
    endings = _endings(ctx, found)
    anew = {one.key for _, reason, one in endings if reason == "revised" and one is not None}
    ripe = [one for one in found if one.key in anew or _is_ripe(one, since, ctx.now)]
    fired = sum(_fire(ctx, one) for one in ripe)
    ended = sum(_end(ctx, *ending) for ending in endings)
    if kept.keys() != since.keys():
        _remember(ctx, kept)
    return fired + ended


def is_due(ctx: Context, found: list[Watched]) -> bool:
    """Whether `settle` would change anything, so that nobody is kept waiting for a write."""
    since = _remembered(ctx)
    wanted = {one.key for one in found if one.found is not None}
    ripe = any(_is_ripe(one, since, ctx.now) and _may_fire(ctx, one) for one in found)
    return wanted != since.keys() or ripe or bool(_endings(ctx, found))


def follow(ctx: Context, query: Query) -> None:
    """Let what was told of expectations follow a limit that was just changed."""
    if _open(ctx):
        hold(*_place(ctx))
        settle(ctx, watched(ctx, query))


def _is_ripe(one: Watched, since: Mapping[str, datetime], now: datetime) -> bool:
    return one.found is not None and (one.found.is_near or now - since.get(one.key, now) >= HELD)


def _may_fire(ctx: Context, one: Watched) -> bool:
    """Whether nobody was told of it yet, nor that 100 % are used."""
    known = list_alerts(*_place(ctx), kinds=[KIND], subject=one.subject, limit=MOST)
    first = day_number(one.row.limit.stretch.first)
    return not any(alert.dedupe_key == one.key for alert in known) and not full_fired(
        *_place(ctx), one.budget_id, first, one.revision
    )


def _fire(ctx: Context, one: Watched) -> bool:
    """Tell of one that is to be told."""
    limit, burn = one.row.limit, one.row.burn
    if one.found is None or not _may_fire(ctx, one):
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
    """The alerts that stand, of periods that run: one that simply ends ends no alert."""
    found = list_alerts(*_place(ctx), states=["fired"], kinds=[KIND], limit=MOST)
    today = ctx.reader.clock.local_date(ctx.now)
    return [one for one in found if not is_past(one, today)]


def _endings(ctx: Context, found: Sequence[Watched]) -> list[Ending]:
    """The alerts that are over: what each was about is safe, gone, told otherwise."""
    return [
        (alert, reason, one)
        for alert in _open(ctx)
        for one in [_heir(alert, found)]
        if (reason := _reason(alert, one))
    ]


def _heir(alert: Alert, found: Sequence[Watched]) -> Watched | None:
    """What holds of the subject of an alert by now: a budget takes the place of the plan."""
    same = next((one for one in found if one.subject == alert.subject), None)
    if same is not None or alert.subject != PLAN:
        return same
    return next((one for one in found if one.row.limit.scope.kind == "workspace"), None)


def _reason(alert: Alert, one: Watched | None) -> str:
    """Why an alert is over; empty while it holds."""
    if one is None:
        return "removed"
    then = (alert.subject, alert.period_key, alert.facts.get("revision"))
    is_revised = then != (one.subject, one.period, one.revision) or (
        one.subject == PLAN and alert.facts.get("limit") != one.row.limit.amount
    )
    if not is_revised and _is_passed(one):
        return "passed"
    if is_safe(one.row.burn):
        return "below"
    return "revised" if is_revised else ""


def _is_passed(one: Watched) -> bool:
    return one.row.burn.spent >= (one.row.limit.amount or 0)


def _end(ctx: Context, alert: Alert, reason: str, one: Watched | None) -> bool:
    facts: dict[str, object] = {"reason": reason}
    if one is not None:
        facts |= {"used": one.row.burn.spent, "limit": one.row.limit.amount}
    # The thresholds tell of what is passed, another alert of what is expected of a new limit.
    is_told = one is not None and (one.found is not None or _is_passed(one))
    is_news = reason in ("below", "removed") or not is_told
    done = resolve(
        ctx.reader.connection,
        alert,
        state="resolved" if is_news else "replaced",
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
