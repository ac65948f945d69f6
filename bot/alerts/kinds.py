"""The kinds of alerts: how each is told, what is said when it is over, what its key begins with.

Whoever adds a kind adds one function here; a kind without docs, key or resolved text fails at
import.  What an alert says comes from the facts that were frozen when it fired.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from analytics.alert_advice import advice_report, advice_resolved, pair_of
from analytics.alert_anomaly import anomaly_report, anomaly_resolved
from analytics.alert_budget import (
    closed_text,
    projected_report,
    projected_resolved,
    replaced_words,
    threshold_report,
    threshold_resolved,
    untold_text,
)
from analytics.alert_facts import Told, as_number, post, resolved_report
from analytics.alert_silence import silence_report, silence_resolved
from analytics.alert_standing import crossed_of
from analytics.errors import UserError
from analytics.purchases import purchase_report, resolved_words
from analytics.query import Query
from analytics.report import Report
from analytics.scopes import Scope
from analytics.stretches import Stretch
from analytics.text import clean
from analytics.timerange import TimeRange, parse_range
from bot.context import Context
from bot.freezing import BUDGETS, scope_of_alert, thresholds_then
from bot.rights import budget_refused
from bot.walls import open_tasks, unfolded, walled
from storage.alerts import Alert, alert_by_id, list_alerts
from storage.labels import person_of_alias
from storage.marks import Threshold, hundredths, ordered, passed_in
from storage.reading import RangeTooLong, Reader
from storage.routes import untold_alerts
from storage.timekeys import day_number

Resolved = Callable[[Told], str]
Answer = Callable[[Told], Report]
MOST = 50
FULL = 100
OVER = "its period was over before it could be told"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: its report, what its `dedupe_key` begins with, what is said when it is over.

    `group` is what people route it by; `waits` is whether quiet hours and a snooze hold it back.
    """

    name: str
    summary: str
    key: str
    answer: Answer
    resolved: Resolved
    group: str
    waits: bool = True


KINDS: dict[str, Kind] = {}


def kind(
    name: str, *, key: str, resolved: Resolved, group: str = "", waits: bool = True
) -> Callable[[Answer], Answer]:
    """Register the decorated function as a kind; its docstring's first line is shown to people."""

    def add(answer: Answer) -> Answer:
        summary = (inspect.getdoc(answer) or "").partition("\n")[0].strip()
        if name in KINDS or not summary or not key:
            raise ValueError(f"the alert kind {name} is there twice, or lacks its docs or key")
        KINDS[name] = Kind(name, summary, key, answer, resolved, group or name, waits)
        return answer

    return add


@kind("threshold", key="a", resolved=threshold_resolved)
def threshold(told: Told) -> Report:
    """A budget passed some of its percentages."""
    return threshold_report(told, _thresholds(told))


@kind("projected", key="f", resolved=projected_resolved)
def projected(told: Told) -> Report:
    """A budget is expected to be passed before its period ends."""
    return projected_report(told, _thresholds(told))


@kind("anomaly", key="y", resolved=anomaly_resolved)
def anomaly(told: Told) -> Report:
    """A day's spend was far above what is usual."""
    return anomaly_report(told)


@kind("silent", key="n", resolved=silence_resolved)
def silent(told: Told) -> Report:
    """A source brings nothing for much longer than usual."""
    return silence_report(told)


@kind("advice", key="v", resolved=advice_resolved)
def advice(told: Told) -> Report:
    """New advice on a cheaper model passed its gates."""
    return advice_report(told)


def _answered(told: Told) -> str:
    return f"{resolved_words(told.facts)}."


def _of_purchase(told: Told) -> Report:
    """What is said of a purchase; answered, its buttons are gone."""
    report = purchase_report(told.query, told.facts)
    framed = report if told.is_open else report.without("do")
    return post(told, framed, now=resolved_words(told.facts), may_wait=False)


@kind("purchase", key="p", resolved=_answered, waits=False)
def purchase(told: Told) -> Report:
    """Credits are to be bought, were bought, or could not be."""
    return _of_purchase(told)


@kind("ceiling", key="p", resolved=_answered, group="purchase", waits=False)
def ceiling(told: Told) -> Report:
    """Purchases of a month come near their ceiling."""
    return _of_purchase(told)


GROUPS = tuple(dict.fromkeys(one.group for one in KINDS.values()))


# ---- an alert for somebody


def alert_of_number(ctx: Context, number: int) -> Alert:
    """The alert of a number; raises UserError when there is none, or of a kind unknown here."""
    found = alert_by_id(ctx.reader.connection, ctx.reader.workspace.id, number)
    if found is None or found.kind not in KINDS:
        raise UserError(f"There is no alert {number}.", hint="`alerts history` lists them.")
    return found


def tell(
    alert: Alert,
    ctx: Context,
    *,
    merged: Sequence[Alert] = (),
    at: datetime | None = None,
    reminds: bool = False,
) -> Report:
    """The post of an alert as an asker may see it; raises UserError for one they may not.

    `merged` are alerts of the same budget that were kept back with it, up to the moment `at`.  One
    that `reminds` says in short how things stand then.
    """
    check_sight(alert, ctx)
    told = told_of(alert, ctx, merged=merged, at=at)
    return KINDS[alert.kind].answer(replace(told, reminds=reminds))


def tell_resolved(alert: Alert, ctx: Context) -> Report:
    """The one line that says an alert is over; raises UserError for one that may not be seen."""
    check_sight(alert, ctx)
    return resolved_report(KINDS[alert.kind].resolved(told_of(alert, ctx)))


def told_of(
    alert: Alert, ctx: Context, *, merged: Sequence[Alert] = (), at: datetime | None = None
) -> Told:
    """An alert with what its asker may be told of."""
    reader, now = ctx.reader, at or alert.fired_at
    query = Query(reader, now, parse_range("today", reader.clock.local_date(now)))
    passed = [one for each in (alert, *merged) for one in passed_in(each.facts)]
    return Told(
        query=query,
        number=alert.id,
        kind=alert.kind,
        scope=scope_of_alert(alert),
        facts=alert.facts,
        fired_at=min(one.fired_at for one in (alert, *merged)),
        period_key=alert.period_key or "",
        people=ctx.visible_people,
        tasks=open_tasks(ctx),
        projects=unfolded("project", _recent(query), ctx),
        resolved_at=alert.resolved_at if alert.state == "resolved" else None,
        quiet_until=_running(alert.snoozed_until, ctx.now),
        acked_at=alert.acked_at,
        acked_by=_name_of(reader, alert.acked_by or ""),
        passed=tuple(ordered(passed, as_number(alert.facts.get("limit")) or 0)),
        held=at is not None,
        over=_over(alert, ctx),
        may_raise=_may_raise(alert, ctx),
    )


def _may_raise(alert: Alert, ctx: Context) -> bool:
    """Whether an asker may raise the limit; under the post of a channel somebody may."""
    asker = ctx.asker.person_id
    return asker is None or budget_refused(ctx, scope_of_alert(alert)) is None


def _running(until: datetime | None, now: datetime) -> datetime | None:
    return until if until is not None and until > now else None


def _over(alert: Alert, ctx: Context) -> str:
    """Why nothing may be done about an alert any more that nobody resolved; empty where it may."""
    if alert.state == "replaced":
        return replaced_words(alert.facts, _local(alert.resolved_at, ctx))
    if alert.state == "skipped" or is_past(alert, ctx.reader.clock.local_date(ctx.now)):
        return "Its period is over"
    return ""


def _local(moment: datetime | None, ctx: Context) -> datetime | None:
    return None if moment is None else moment.astimezone(ctx.reader.clock.zone)


def is_past(alert: Alert, today: date) -> bool:
    """Whether the period of a budget's alert has ended."""
    return alert.kind in BUDGETS and str(alert.facts.get("end", "9999")) <= str(today)


def is_test(alert: Alert) -> bool:
    """Whether somebody sent it to see that alerts arrive: nothing happened."""
    return bool(alert.facts.get("test"))


def _recent(query: Query) -> Query:
    return replace(query, range=parse_range("last 30d", query.reader.clock.local_date(query.now)))


def highest_of(alert: Alert) -> int:
    """The highest percentage that an alert tells of; 0 where it is about no threshold."""
    limit, passed = as_number(alert.facts.get("limit")) or 0, passed_in(alert.facts)
    return max((_share(one, limit) for one in passed), default=0)


def _share(threshold: Threshold, limit: int) -> int:
    """Whole per cent of a limit at which a threshold is reached."""
    if isinstance(threshold, int):
        return threshold
    return hundredths(threshold, limit) // limit if limit else 0


def _name_of(reader: Reader, actor: str) -> str:
    """The shown name of an actor (`slack:T1:U2`); empty where no person is linked to it."""
    if not actor:
        return ""
    person = person_of_alias(reader.connection, reader.workspace.id, actor)
    name = reader.names("person").get(person or 0, "")
    return clean(name, 60) if name else ""


def _thresholds(told: Told) -> tuple[Threshold, ...]:
    """The thresholds of an alert's budget, with those that it tells of."""
    known = thresholds_then(told.facts, told.query.reader)
    return tuple(ordered({*known, *told.passed}, told.number_of("limit") or 0))


# ---- who may see it


def check_sight(alert: Alert, ctx: Context) -> None:
    """Raise UserError for an alert about people whom the asker may not see."""
    if not may_see(alert, ctx):
        raise UserError(
            f"Alert {alert.id} is about too few people to be told here.",
            hint=f"Other people's rows are for {ctx.people_visibility} here; ask an admin.",
        )


def may_see(alert: Alert, ctx: Context) -> bool:
    """Whether an alert tells its asker nothing about people they may not see."""
    visible = ctx.visible_people
    if visible is None:
        return True
    if alert.kind == "advice":
        told = told_of(alert, ctx)
        pair = pair_of(told)
        return pair is not None and (told.tasks is None or pair[0] in told.tasks)
    scope = scope_of_alert(alert)
    if scope.kind == "workspace":
        return True
    if scope.kind == "person":
        return scope.target in visible
    return _hides(scope, alert, ctx)


def _hides(scope: Scope, alert: Alert, ctx: Context) -> bool:
    """Whether enough people are behind a department or project in the days of its budget."""
    today = ctx.reader.clock.local_date(alert.fired_at)
    crossed = crossed_of(scope, alert.period_key or "", alert.facts)
    days = crossed.stretch if crossed else Stretch(today.replace(day=1), today)
    try:
        values = {"filters": scope.filters, "range": days.so_far(today)}
        walled(values, replace(ctx, now=alert.fired_at), shows_people=False)
    except (UserError, RangeTooLong):  # too few, or more days than people are kept for
        return False
    return True


# ---- for digests


def late_crossings(ctx: Context, days: TimeRange) -> list[str]:
    """Sentences about what nobody was told of: its period was over by then, on some days.

    Thresholds that late usage passed, and alerts that fired in time and could not leave.
    """
    reader = ctx.reader
    first, end = (reader.clock.midnight(day_number(day)) for day in (days.first, days.end))
    place = reader.connection, reader.workspace.id
    known = list_alerts(*place, states=["skipped"], kinds=["threshold"], since=first, limit=MOST)
    query = Query(reader, ctx.now, days)
    untold = [
        untold_text(scope_of_alert(one), one.period_key or "", one.facts, query)
        for one in untold_alerts(*place, reason=OVER, since=first, until=end)
        if may_see(one, ctx) and not is_test(one)
    ]
    texts = [
        closed_text(scope_of_alert(one), one.period_key or "", one.facts, query)
        for one in reversed(known)
        if one.fired_at < end and may_see(one, ctx)
    ]
    return [text for text in (*texts, *untold) if text]


__all__ = [
    "GROUPS",
    "KINDS",
    "Kind",
    "may_see",
    "tell",
    "tell_resolved",
]
