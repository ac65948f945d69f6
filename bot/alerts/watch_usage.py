"""The watch over usage: days of unusual spend, sources that fall silent, advice that is new."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
import structlog

from analytics.advice_basis import Advice, Findings, find
from analytics.alert_advice import advice_facts, advice_subject
from analytics.alert_anomaly import freeze_verdict
from analytics.alert_silence import SHORTEST, Silence, late_day_facts
from analytics.anomaly import BASE_DAYS, FACTOR_DAYS, Part, Verdict, verdicts
from analytics.burn_up import NOTHING, read_days
from analytics.day_silence import WEEK, WEEKS, Missing, missed, weekdays_before
from analytics.measures import gather_credits
from analytics.query import Query
from analytics.recommendations import shown_of
from analytics.rises import KINDS
from analytics.trials import standings
from bot.context import Context
from storage.alerts import (
    Alert,
    NewAlert,
    alert_by_id,
    insert_alert,
    list_alerts,
    resolve,
)
from storage.day_sources import day_arrivals, day_rows
from storage.reading import Days
from storage.silences import (
    LastEvent,
    expected_events,
    first_after,
    last_events,
    pauses_between_files,
)
from storage.source_days import credits_by_source
from storage.timekeys import date_of, from_micros, to_micros

log = structlog.get_logger()
JUDGED_DAYS = 3  # closed days: what comes in a day late is still judged
MOST = 200


# ---- unusual days


def unusual_days(ctx: Context, query: Query) -> list[NewAlert]:
    """An alert for each of the last closed days whose spend is unusual and not told yet."""
    told = {one.dedupe_key for one in list_alerts(*_place(ctx), kinds=["anomaly"], limit=MOST)}
    return [
        _unusual(ctx, query, verdict, day, credits)
        for day, verdict, credits in _judged(ctx, query)
        if _day_key(day) not in told
    ]


def usual_again(ctx: Context, query: Query) -> list[Alert]:
    """The open alerts of the last closed days that are not unusual as their usage stands now.

    Older days are not judged again: the days before them are not all read any more.
    """
    today = ctx.reader.clock.day(ctx.now)
    keys = {_day_key(day) for day in range(today - JUDGED_DAYS, today)}
    fired = list_alerts(*_place(ctx), states=["fired"], kinds=["anomaly"], limit=MOST)
    told = [alert for alert in fired if alert.dedupe_key in keys]
    if not told:
        return []
    unusual = {_day_key(day) for day, *_ in _judged(ctx, query)}
    return [alert for alert in told if alert.dedupe_key not in unusual]


def _judged(ctx: Context, query: Query) -> Iterator[tuple[int, Verdict, list[int]]]:
    """The last closed days that are unusual, with what was used by day up to each."""
    reader, today = ctx.reader, ctx.reader.clock.day(ctx.now)
    if reader.oldest is None:
        return
    first = max(reader.clock.day(reader.oldest), today - FACTOR_DAYS - JUDGED_DAYS)
    by_day = read_days(query, (), Days(first, today))
    spent = [by_day.get((day,), NOTHING) for day in range(first, today)]
    credits, prompts = [one for one, _ in spent], [one for _, one in spent]
    for verdict in verdicts(credits, prompts):
        day = first + verdict.index
        if verdict.is_alert and day >= today - JUDGED_DAYS:
            yield day, verdict, credits[: verdict.index + 1]


def end_usual(ctx: Context, alerts: list[Alert]) -> int:
    """End the alerts of days that are usual again; how many."""
    known = [alert_by_id(*_place(ctx), alert.id) for alert in alerts]
    return sum(
        resolve(ctx.reader.connection, alert, facts={}, now=ctx.now) for alert in known if alert
    )


def _day_key(day: int) -> str:
    return f"y|workspace|{date_of(day)}|spend"


def _unusual(
    ctx: Context, query: Query, verdict: Verdict, day: int, credits: list[int]
) -> NewAlert:
    parts = list(_parts(query, day))
    facts = freeze_verdict(verdict, date_of(day), parts, credits[-BASE_DAYS - 1 :])
    return _new(ctx, _day_key(day), "anomaly", "workspace", facts)


def _parts(query: Query, day: int) -> Iterator[Part]:
    """What each person, model, task, project and source used on a day and in the 28 before."""
    place = query.reader.connection, query.reader.workspace.id
    that_day, base = Days(day, day + 1), Days(day - BASE_DAYS, day)
    for kind in KINDS:
        now, before = (
            credits_by_source(*place, days)
            if kind == "source"
            else gather_credits(query, kind, days)
            for days in (that_day, base)
        )
        for key in now.keys() | before.keys():
            # Its name is for who may see it.
            yield Part(kind, key, "", now.get(key, 0), before.get(key, 0))


# ---- silent sources


def silences(ctx: Context, lasts: list[LastEvent]) -> list[NewAlert]:
    """An alert for each source that is silent for much longer than usual."""
    found = []
    for last in lasts:
        facts = _late_day(ctx, last) if last.is_day else _silence(ctx, last)
        if facts is not None:
            key = f"n|{last.source_id}|{last.ts}"
            kept = {**facts, "source_id": last.source_id, "last_ts": last.ts}
            found.append(_new(ctx, key, "silent", f"source:{last.source_id}", kept))
    return found


def _silence(ctx: Context, last: LastEvent) -> dict[str, object] | None:
    """What is told of an unusual silence; None of a short one, and of a source of one file."""
    length = ctx.now - last.at
    if length <= SHORTEST:
        return None
    pauses = pauses_between_files(*_place(ctx), last, ctx.now)
    if pauses is None:
        return None
    expected = expected_events(*_place(ctx), last, ctx.reader.clock, ctx.now)
    local = last.at.astimezone(ctx.reader.clock.zone)
    silence = Silence(last.name, local, length, expected, tuple(pauses))
    return silence.facts if silence.is_unusual else None


def _late_day(ctx: Context, last: LastEvent) -> dict[str, object] | None:
    """What is told of a source of whole days that owes one for too long; None where it does not."""
    clock, place = ctx.reader.clock, (*_place(ctx), last.source_id)
    today = clock.day(ctx.now)
    rows = day_rows(*place, Days(last.day - WEEK * (WEEKS + 1), last.day + 1))
    days = list(missed(rows, last.day, today))
    if not days:
        return None
    before = {day: weekdays_before(day, last.day) for day in days}
    came = day_arrivals(
        *place, {last.day, *days, *(one for known in before.values() for one in known)}
    )
    for day in days:
        if day in came:
            continue  # its file says that it is empty
        moments = ((one, came.get(one)) for one in before[day])
        waits = [at - clock.midnight(one + 1) for one, at in moments if at is not None]
        late = Missing(day, clock.midnight(day + 1), waits, came.get(last.day))
        return late_day_facts(last.name, date_of(last.day), late) if late.due < ctx.now else None
    return None


def newest_events(ctx: Context) -> list[LastEvent]:
    """The newest event of each source."""
    return last_events(*_place(ctx), ctx.reader.clock, ctx.now)


def returned(ctx: Context, lasts: list[LastEvent]) -> int:
    """End the alerts of sources that are back; how many."""
    by_id = {last.source_id: last for last in lasts}
    ended = 0
    for alert in list_alerts(*_place(ctx), states=["fired"], kinds=["silent"], limit=MOST):
        source, before = alert.facts.get("source_id"), alert.facts.get("last_ts")
        last = by_id.get(source) if isinstance(source, int) else None
        if last is None or not isinstance(before, int) or last.ts <= before:
            continue
        back = _back(ctx, last, before)
        facts = {"back": back.astimezone(ctx.reader.clock.zone).isoformat()}
        ended += resolve(ctx.reader.connection, alert, facts=facts, now=ctx.now)
    return ended


def _back(ctx: Context, last: LastEvent, before: int) -> datetime:
    """Since when a source is back; a whole day is there since it came, which is about now."""
    if last.is_day:
        return day_arrivals(*_place(ctx), last.source_id, [last.day]).get(last.day) or ctx.now
    return first_after(*_place(ctx), last.source_id, before) or from_micros(last.ts)


def is_back(ctx: Context, lasts: list[LastEvent]) -> bool:
    """Whether `returned` would end an alert."""
    newest, far = {last.source_id: last.ts for last in lasts}, to_micros(ctx.now)
    return any(
        newest.get(alert.facts.get("source_id", 0), 0) > alert.facts.get("last_ts", far)
        for alert in list_alerts(*_place(ctx), states=["fired"], kinds=["silent"], limit=MOST)
    )


# ---- new advice


def new_advice(ctx: Context) -> list[NewAlert]:
    """An alert for each piece of advice that is worth a trial and was never told."""
    reader = ctx.reader
    results = [one.result(ctx.now) for one in standings(reader.connection, reader.workspace.id)]
    found = find(reader, ctx.now, trials=results)
    if found is None:
        return []
    shown, _ = shown_of(found.advice(ctx.now))
    return [_advice(ctx, found, one) for one in shown if one.proposal.level == "worth a trial"]


def _advice(ctx: Context, found: Findings, one: Advice) -> NewAlert:
    names = found.names.of(one.proposal.pair)
    if one.is_short:
        names = replace(names, task=f"the shortest third of {names.task}")
    task, a, b = one.proposal.pair
    key, facts = f"v|{task}|{a}|{b}", advice_facts(one.proposal, names)
    return _new(ctx, key, "advice", advice_subject(one.proposal.pair), facts)


# ---- all


def keep(ctx: Context, news: list[NewAlert]) -> int:
    """Keep what was not told before; how many that are."""
    numbers = [insert_alert(ctx.reader.connection, one) for one in news]
    for one, number in zip(news, numbers, strict=True):
        if number is not None:
            log.info("alert.fired", kind=one.kind, subject=one.subject, alert=number)
    return sum(number is not None for number in numbers)


def unknown(ctx: Context, news: list[NewAlert]) -> list[NewAlert]:
    """Those that were never told, so that nobody is kept waiting for a write of nothing."""
    fresh = []
    for one in news:
        known = list_alerts(*_place(ctx), kinds=[one.kind], subject=one.subject, limit=MOST)
        if one.dedupe_key not in {alert.dedupe_key for alert in known}:
            fresh.append(one)
    return fresh


def _new(ctx: Context, key: str, kind: str, subject: str, facts: dict[str, object]) -> NewAlert:
    return NewAlert(
        workspace_id=ctx.reader.workspace.id,
        dedupe_key=key,
        kind=kind,
        subject=subject,
        scope="workspace",
        facts=facts,
        fired_at=ctx.now,
    )


def _place(ctx: Context) -> tuple[sa.Connection, int]:
    return ctx.reader.connection, ctx.reader.workspace.id
