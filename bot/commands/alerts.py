"""Alerts: what stands now, who is told of what, and what people do about one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Literal

import sqlalchemy as sa

from analytics.alert_advice import advice_title
from analytics.alert_lists import (
    ActiveRow,
    HistoryRow,
    Message,
    active_report,
    history_report,
    said,
)
from analytics.captions import moment_text
from analytics.query import Query
from analytics.report import Note, Report
from analytics.scopes import Scope, limits, tracked
from analytics.text import clean
from analytics.timerange import parse_range
from bot.alerts.kinds import (
    KINDS,
    alert_of_number,
    check_sight,
    highest_of,
    is_past,
    may_see,
    tell,
    tell_resolved,
    told_of,
)
from bot.alerts.routing import MERGED, RECOVERED, REPLACED
from bot.alerts.snoozing import kept_until
from bot.alerts.standing import end_of, standing
from bot.context import Context, NotAllowed, outranks
from bot.freezing import scope_of_alert
from bot.params import (
    AlertId,
    Earliest,
    Instant,
    Pause,
)
from bot.refusals import in_words
from bot.registry import command
from storage.alerts import (
    Alert,
    NewAlert,
    acknowledge,
    insert_alert,
    list_alerts,
    snooze,
)
from storage.destinations import Destination, list_destinations
from storage.merged import ALONE
from storage.outbox import WAITING, history
from storage.reading import Days
from storage.roles import home_of

ADMINS = "admins and owners, directly"
FULL = 100
SHOWN, LISTED = 20, 50
READ = 500  # alerts among which those that somebody may see are looked for
REASONS = {"period_closed": "its period was over", "None": "nobody was told"}
MESSAGES = {"post": "", "edit": "its change ", "reply": "the line below ", "file": "its file "}
CAME = {
    **dict.fromkeys(WAITING, "on its way to"),
    "sent": "sent to",
    "skipped": "not sent to",
    "dead": "not delivered to",
    "ambiguous": "perhaps delivered to",
}
LOST = ("dead", "skipped", "ambiguous")
ELSEWHERE = (MERGED.partition("{")[0], REPLACED, RECOVERED, ALONE)
RECENT_DAYS = 30
DAY = timedelta(days=1)
_REST = re.compile(r"; |, | \(")
# What a list that is read on a phone has no room for.
_MORE = re.compile(r" used$| since ")
_EXPECTED = re.compile(r" are (?:expected|likely) to be used up")
TITLE = "Alerts"
Part = Literal["post", "resolved", "reminder"]


# ---- looking


@command("alerts", example="alerts", native="alerts active")
def active(ctx: Context) -> Report:
    """What is alerted now, and what was done about it."""
    return active_report([_active_row(ctx, one) for one in standing(ctx)[:SHOWN]])


@command("alerts show", example="alerts show 1", defaults={"part": "post"})
def show(
    ctx: Context, number: AlertId, part: Part, from_: Earliest | None, at: Instant | None
) -> Report:
    """One alert with its numbers as they were when it fired.

    `at` tells how things are at another moment, and `from` names the first of several alerts that
    were kept back until then; `part=resolved` is the line that says it is over, `part=reminder`
    says again that nobody acknowledged it.
    """
    alert = alert_of_number(ctx, number)
    if part == "resolved":
        return tell_resolved(alert, ctx)
    merged = _kept_back(ctx, alert, from_)
    return tell(alert, ctx, merged=merged, at=at, reminds=part == "reminder")


@command("alerts history", example="alerts history")
def past(ctx: Context) -> Report:
    """What was alerted, and what became of every message.

    Fired, seen, resolved; what was not delivered has its reason.
    """
    found = (one for one in list_alerts(*_where(ctx), limit=READ) if may_see(one, ctx))
    known = list_destinations(*_where(ctx))
    shown = [one for one in islice(found, SHOWN) if one.kind in KINDS]
    came = {one.id: list(_messages(ctx, one, known)) for one in shown}
    rows = [_history_row(ctx, one, came[one.id]) for one in shown]
    return history_report(rows, [message for one in shown for message in came[one.id]])


# ---- what people do about one


@command("alerts ack", example="alerts ack 1", changes=True)
def ack(ctx: Context, number: AlertId) -> Report:
    """Say that you saw an alert: its posts name you."""
    alert = _owned(ctx, number)
    if not acknowledge(*_where(ctx), number, actor=ctx.asker.identity.actor, now=ctx.now):
        return said(TITLE, _why_not_open(ctx, alert))
    ctx.record("alerts.ack", f"alert {number}", after=alert.subject)
    return said(TITLE, f"Alert {number}: seen. Its posts will say so")


@command("alerts snooze", example="alerts snooze 1 24h", changes=True)
def snooze_one(ctx: Context, number: AlertId, pause: Pause) -> Report:
    """Let what an alert is about be quiet for a while, at most to the end of its period.

    Only an admin does that once 100 % is reached. What is quiet already stays so: a shorter pause
    ends it earlier, one that is a day longer adds to it.
    """
    alert = _owned(ctx, number)
    if highest_of(alert) >= FULL and not outranks(ctx.asker.role, "admin"):
        raise NotAllowed(
            "Only an admin may snooze an alert of 100%.", hint="`alerts ack` says that you saw it."
        )
    until, running = min(ctx.now + pause, end_of(ctx, alert)), alert.snoozed_until
    if until <= ctx.now:
        return said(TITLE, f"Alert {number} is about a period that is over; nothing was changed")
    if running is not None and ctx.now < running <= until < running + DAY:
        shown = moment_text(_local(ctx, running))
        return said(TITLE, f"Alert {number} is quiet until {shown} already; nothing was changed")
    if not snooze(*_where(ctx), number, until=until):
        return said(TITLE, _why_not_open(ctx, alert))
    shown = moment_text(_local(ctx, until))
    ctx.record("alerts.snooze", f"alert {number}", after=f"{alert.subject} until {shown}")
    return said(
        TITLE,
        f"Alert {number}: quiet until {shown}",
        Note("What happens meanwhile is told then. 100% of a budget is told at once.")
        if highest_of(alert) < FULL
        else Note("What happens meanwhile is told then."),
    )


@command("alerts test", example="alerts test", needs="admin", changes=True)
def test(ctx: Context) -> Report:
    """Send a marked alert the way real ones go."""
    query = _month(ctx)
    row = tracked(query, [limits(query)[0]])[0]
    burn, limit = row.burn, row.limit
    amount = limit.amount or max(burn.spent, 1_000_000)
    last = list_alerts(*_where(ctx), limit=1)
    shares = [one for one in limit.thresholds if isinstance(one, int)] or [FULL]
    reached = [one for one in shares if 100 * burn.spent >= one * amount]
    number = insert_alert(
        ctx.reader.connection,
        NewAlert(
            workspace_id=ctx.reader.workspace.id,
            dedupe_key=f"t|{last[0].id + 1 if last else 1}",
            kind="threshold",
            subject="test",
            scope="workspace",
            period_key=f"monthly:{limit.stretch.first:%Y-%m}",
            facts={
                "test": True,
                "limit": amount,
                "used": burn.spent,
                "percents": reached[-1:] or shares[:1],
                "first": str(limit.stretch.first),
                "end": str(limit.stretch.end),
                "as_of": ctx.now.isoformat(),
            },
            fired_at=ctx.now,
        ),
    )
    if number is None:
        return said(TITLE, "Another test is on its way already")
    ctx.record("alerts.test", f"alert {number}")
    return said(TITLE, f"Test alert {number} is on its way; `alerts history` tells what came of it")


# ---- one alert


def _owned(ctx: Context, number: int) -> Alert:
    """An alert that the asker may do something about; raises NotAllowed."""
    alert = alert_of_number(ctx, number)
    check_sight(alert, ctx)
    if not _is_own(ctx, scope_of_alert(alert)):
        raise NotAllowed(
            f"Alert {number} is for those whose budget it is, and for admins.",
            hint="Ask an admin of this workspace.",
        )
    return alert


def _is_own(ctx: Context, scope: Scope) -> bool:
    """Whether a scope is the asker's: oneself, the home department, a project one works in."""
    person = ctx.asker.person_id
    if outranks(ctx.asker.role, "admin"):
        return True
    if person is None or scope.kind == "workspace":
        return False
    if scope.kind == "person":
        return scope.target == person or scope.target in ctx.asker.team
    if scope.kind == "department":
        return home_of(*_where(ctx), person) == scope.target
    where = {"project": (scope.target,), "person": (person,)}
    today = ctx.reader.clock.day(ctx.now)
    recent = Days(today - RECENT_DAYS, today + 1)
    return bool(ctx.reader.sums(("project",), ("events",), recent, where))


def _why_not_open(ctx: Context, alert: Alert) -> str:
    """Why nothing was changed about an alert."""
    if alert.state != "fired":
        return f"Alert {alert.id} is over; nothing was changed"
    if alert.acked_at is not None:
        at = moment_text(alert.acked_at.astimezone(ctx.reader.clock.zone))
        who = told_of(alert, ctx).acked_by or "somebody"
        return f"{who} saw alert {alert.id} on {at}; nothing was changed"
    return f"Alert {alert.id} cannot be changed"


def _kept_back(ctx: Context, alert: Alert, first: int | None) -> Sequence[Alert]:
    """The alerts of the same budget and period from a number on, before this one."""
    if first is None:
        return ()
    same = list_alerts(*_where(ctx), kinds=[alert.kind], subject=alert.subject, limit=LISTED)
    return [
        one
        for one in same
        if first <= one.id < alert.id
        and one.period_key == alert.period_key
        # What was over by then is no part of how things stand.
        and (one.resolved_at is None or one.resolved_at > alert.fired_at)
    ]


# ---- rows


def _active_row(ctx: Context, alert: Alert) -> ActiveRow:
    return ActiveRow(alert.id, _what(ctx, alert), _local(ctx, alert.fired_at), _state(ctx, alert))


def _what(ctx: Context, alert: Alert) -> str:
    """What an alert says first, without where it may lead."""
    if alert.kind == "advice":
        return advice_title(told_of(alert, ctx))
    return _REST.split(KINDS[alert.kind].answer(told_of(alert, ctx)).headline)[0]


def _past(ctx: Context, alert: Alert, came: Sequence[Message]) -> str:
    """How it stands, and that it reached nobody where everything was lost."""
    is_lost = bool(came) and all(one.is_lost for one in came)
    return f"not delivered, {_state(ctx, alert)}" if is_lost else _state(ctx, alert)


def _state(ctx: Context, alert: Alert) -> str:
    """`fired`, `seen by Anna`, `quiet until 25 Mar 07:00`, `resolved 25 Mar`."""
    if alert.resolved_at is not None:
        return f"{alert.state} {moment_text(_local(ctx, alert.resolved_at)).rpartition(' ')[0]}"
    if alert.state != "fired":
        return alert.state
    words = []
    if alert.acked_at is not None:
        words.append(f"seen by {told_of(alert, ctx).acked_by or 'somebody'}")
    if (quiet := _quiet_until(ctx, alert)) is not None:
        words.append(f"quiet until {moment_text(_local(ctx, quiet))}")
    if is_past(alert, ctx.reader.clock.local_date(ctx.now)):
        words.append("period over")
    return ", ".join(words) or "fired"


def _quiet_until(ctx: Context, alert: Alert) -> datetime | None:
    """Up to when people let it wait, or what they said of its budget keeps it back."""
    if alert.routed_at is None:
        return kept_until(ctx.reader.connection, alert, ctx.now)
    until = alert.snoozed_until
    return until if until is not None and until > ctx.now else None


def _history_row(ctx: Context, alert: Alert, came: Sequence[Message]) -> HistoryRow:
    """An alert in few words: its messages are told below."""
    what = _MORE.split(_EXPECTED.sub(" run out", _what(ctx, alert)))[0]
    return HistoryRow(alert.id, what, _local(ctx, alert.fired_at), _past(ctx, alert, came))


def _messages(ctx: Context, alert: Alert, known: Mapping[int, Destination]) -> Iterator[Message]:
    """What became of an alert's messages, or why there are none."""
    rows = history(*_where(ctx), alert_id=alert.id, limit=LISTED)
    # What changed a post, or stands below it, is told only where it did not arrive.
    for row in reversed([one for one in rows if one.act == "post" or one.state != "sent"]):
        where, reason = _named(ctx, known.get(row.destination_id)), in_words(row.reason or "")
        if row.state in WAITING and row.not_before > ctx.now:
            wait = f"not before {moment_text(_local(ctx, row.not_before))}"
            reason = f"{reason}, {wait}" if reason else wait
        came = f"{MESSAGES[row.act]}{CAME[row.state]} {where}"
        is_lost = row.state in LOST and not reason.startswith(ELSEWHERE)
        yield Message(alert.id, came[:1].upper() + came[1:], reason, is_lost=is_lost)
    if not rows:
        yield Message(alert.id, "Nobody was told", _why_untold(ctx, alert))


def _why_untold(ctx: Context, alert: Alert) -> str:
    """Why an alert has no message at all."""
    if alert.state == "skipped":
        return REASONS.get(str(alert.facts.get("reason")), "skipped")
    if alert.routed_at is None and alert.state != "fired":
        return "over before it was told"
    if alert.routed_at is None:
        quiet = _quiet_until(ctx, alert)
        return f"quiet until {moment_text(_local(ctx, quiet))}" if quiet else "not told yet"
    return "nobody to tell: no route, and no admin with a chat"


def _named(ctx: Context, destination: Destination | None) -> str:
    """`#ops`; whose conversation a direct one is, is for that person and for admins."""
    if destination is None:
        return "a destination that is gone"
    if not destination.is_direct:
        return f"#{clean(destination.name.removeprefix('#'))}"
    is_own = destination.actor == ctx.asker.identity.actor
    if is_own or outranks(ctx.asker.role, "admin"):
        return f"{clean(destination.name)}, directly"
    return "a person, directly"


# ---- small things


def _where(ctx: Context) -> tuple[sa.Connection, int]:
    return ctx.reader.connection, ctx.reader.workspace.id


def _local(ctx: Context, moment: datetime) -> datetime:
    return moment.astimezone(ctx.reader.clock.zone)


def _month(ctx: Context) -> Query:
    today = ctx.reader.clock.local_date(ctx.now)
    return Query(ctx.reader, ctx.now, parse_range("this month", today))
