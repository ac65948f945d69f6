"""From an alert to the messages that tell of it: one for each destination that its routes name.

What has no route goes to admins and owners, a personal limit to the person alone, and what a
channel must not be told goes to admins instead.  Twice, or on three replicas, it plans the same
deliveries once: their keys are unique, and the workspace's row is held meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from bot.alerts.goals import Desk, Goal, goals_of
from bot.alerts.kinds import (
    FULL,
    KINDS,
    OVER,
    highest_of,
    is_past,
    is_test,
)
from bot.alerts.snoozing import kept_until
from bot.asking import Asking
from bot.context import Identity
from bot.freezing import frozen_facts, frozen_now
from storage.alerts import Alert, alert_by_id, mark_routed, unrouted
from storage.apart import Apart
from storage.destinations import Destination, list_destinations
from storage.engine import reading, writing
from storage.errors import StorageError
from storage.locks import hold
from storage.merged import untie
from storage.notices import RECENT, was_lost
from storage.notices import route_untold as untold_again
from storage.outbox import (
    WAITING,
    DeliveryRow,
    NewDelivery,
    Trigger,
    history,
    insert_deliveries,
)
from storage.routes import (
    keep_facts,
    list_routes,
    quiet_posts,
    seen_posts,
    skip_waiting,
    waiting_posts,
)
from storage.workspaces import list_workspaces

log = structlog.get_logger()
LATE = timedelta(minutes=15)  # what was kept back longer tells how things are when it leaves
SEEN_FOR = timedelta(days=7)
MOST = 200
RECOVERED = "resolved before it left"
REPLACED = "another alert tells how things stand now"
MERGED = "told together with alert {}"


def route(
    engine: sa.Engine,
    now: datetime,
    owners: Sequence[str] = (),
    *,
    is_sure: Callable[[], bool] = lambda: True,
) -> int:
    """Plan what every alert that is not routed yet has to tell; how many messages are new.

    While the clock is not believed no alert is too late to be told.
    """
    with reading(engine) as connection:
        known = list_workspaces(connection)
        since = now - SEEN_FOR
        busy = [
            one
            for one in known
            if unrouted(connection, one.id, limit=1)
            or seen_posts(connection, one.id, since=since)
            or quiet_posts(connection, one.id, now=now)
        ]
    planned = 0
    with Apart() as apart:
        for workspace in busy:
            asking = Asking(now=lambda: now, owners=owners, workspace=workspace.name)
            with apart.turn(workspace.name), writing(engine) as connection:
                hold(connection, workspace.id)
                ctx = asking.context(connection, Identity("terminal", "", ""))
                desk = Desk(
                    connection,
                    asking,
                    ctx,
                    now,
                    owners,
                    list_routes(connection, workspace.id),
                    list_destinations(connection, workspace.id),
                    is_sure(),
                )
                planned += _route(desk)
    return planned


def route_untold(engine: sa.Engine, now: datetime) -> int:
    """Route alerts again that went nowhere, since there may be a route or an admin by now."""
    with reading(engine) as connection:
        known = list_workspaces(connection)
    again = 0
    with Apart() as apart:
        for workspace in known:
            with apart.turn(workspace.name), writing(engine) as connection:
                today = workspace.clock().local_date(now)
                again += untold_again(connection, workspace.id, since=now - RECENT, today=today)
    return again


def _route(desk: Desk) -> int:
    planned = done = 0
    for alert in _waiting(desk):
        if done == MOST:
            break  # the workspace's row is held: the next look goes on
        if (found := _kept_apart(desk, alert)) is not None:
            planned, done = planned + found, done + 1
    return planned + _acknowledged(desk)


def _waiting(desk: Desk) -> Iterator[Alert]:
    """Every alert that nobody was told of, however many before it must wait."""
    after = 0
    while found := unrouted(desk.connection, desk.place, limit=MOST, after=after):
        yield from found
        after = found[-1].id


def _kept_apart(desk: Desk, alert: Alert) -> int | None:
    """How many messages of an alert are new, None for one that waits; our faults hide no other."""
    try:
        with desk.connection.begin_nested():
            return _told(desk, alert)
    except (StorageError, sa.exc.SQLAlchemyError):
        raise
    except Exception:
        log.exception("alert.not_routed", alert=alert.id, kind=alert.kind)
        return None


def _told(desk: Desk, alert: Alert) -> int | None:
    if alert.kind not in KINDS:
        return None  # a newer version's: it knows where it goes
    deliveries = _ended(desk, alert) if alert.state != "fired" else _fired(desk, alert)
    if deliveries is None:
        return None
    planned = len(insert_deliveries(desk.connection, deliveries))
    mark_routed(desk.connection, alert, now=desk.now)
    log.info("alert.routed", alert=alert.id, kind=alert.kind, deliveries=len(deliveries))
    return planned


# ---- what fired


def _fired(desk: Desk, alert: Alert) -> list[NewDelivery] | None:
    """The posts of an alert; None while its subject is quiet, or perhaps its period is over."""
    is_unsure = not desk.is_sure and _is_over(desk, alert)
    if is_unsure or kept_until(desk.connection, alert, desk.now):
        return None
    facts = frozen_facts(alert, desk.ctx.reader)
    if facts is not None:
        keep_facts(desk.connection, alert, facts)
        alert = replace(alert, facts=facts)
    before = _posts(desk, alert)
    has = {row.destination_id for row in before if not was_lost(row)}
    goals = {goal.destination.id: goal for goal in goals_of(desk, alert)}
    posts = [_post(desk, alert, goal, before) for at, goal in goals.items() if at not in has]
    if any(one.state == "planned" and one.not_before == desk.now for one in posts):
        facts = frozen_now(alert, desk.ctx.reader, desk.now)
        if facts is not None:
            keep_facts(desk.connection, alert, facts)
    return posts


def _post(desk: Desk, alert: Alert, goal: Goal, before: Sequence[DeliveryRow]) -> NewDelivery:
    """One post: at once, at the end of quiet hours, or not at all with the reason.

    `before` are earlier ones of the alert: those to the same destination were lost.
    """
    destination, now = goal.destination, desk.now
    again = sum(row.destination_id == destination.id for row in before)
    new = NewDelivery(
        workspace_id=desk.place,
        dedupe_key=f"{alert.dedupe_key}|{destination.id}{f'|{again}' if again else ''}",
        kind="purchase" if KINDS[alert.kind].group == "purchase" else "alert",
        trigger=_trigger(alert),
        destination_id=destination.id,
        actor=goal.actor,
        due_at=alert.fired_at,
        created_at=now,
        priority=0,
        alert_id=alert.id,
        period_key=None if is_test(alert) else alert.period_key,
        window_end=alert.fired_at,
        line=f"alerts show {alert.id}",
    )
    if _is_over(desk, alert):
        return replace(new, state="skipped", reason=OVER)
    held = _held_until(alert, destination, now)
    merged = _merge(desk, alert, destination, new.id)
    first = min((*merged, *_told_along(before)), default=None)
    if held is None and first is None and now - alert.fired_at < LATE:
        return new
    at = held or now
    since = f" from={first}" if first else ""
    line = f"{new.line}{since} at={at.astimezone(desk.ctx.reader.clock.zone).isoformat()}"
    return replace(new, not_before=held or now, window_end=at, line=line)


def _trigger(alert: Alert) -> Trigger:
    if is_test(alert):
        return "test"
    return "crossing" if alert.kind == "threshold" else "sweep"


def _is_over(desk: Desk, alert: Alert) -> bool:
    """Whether the period of a budget's alert has ended: then a digest names it."""
    return is_past(alert, desk.ctx.reader.clock.local_date(desk.now))


def _held_until(alert: Alert, destination: Destination, now: datetime) -> datetime | None:
    """The end of the quiet hours that hold it back; 100 % breaks through them."""
    if not KINDS[alert.kind].waits or (highest_of(alert) >= FULL and destination.breaks_through):
        return None
    awake = destination.awake(now)
    return awake if awake > now else None


def _merge(desk: Desk, alert: Alert, destination: Destination, delivery_id: str) -> list[int]:
    """Let what waits there about the same budget be told by this post; those alerts."""
    waiting = waiting_posts(desk.connection, alert, destination.id)
    skipped = skip_waiting(
        desk.connection,
        desk.place,
        [delivery for delivery, _, _ in waiting],
        reason=MERGED.format(alert.id),
        now=desk.now,
        superseded_by=delivery_id,
    )
    mine = [(number, line) for delivery, number, line in waiting if delivery in skipped]
    return [*(number for number, _ in mine), *_from(line for _, line in mine)]


def _told_along(lost: Sequence[DeliveryRow]) -> list[int]:
    """The first alerts that lost posts were to tell of, too."""
    return _from(row.line for row in lost if was_lost(row))


def _from(lines: Iterable[str]) -> list[int]:
    """The first alerts that the lines of posts tell of, besides their own."""
    found = (re.search(r" from=(\d+)", line) for line in lines)
    return [int(one[1]) for one in found if one]


# ---- what is over, or was seen


def _ended(desk: Desk, alert: Alert) -> list[NewDelivery] | None:
    """The changes of the posts of an alert that is over; None while one may just be leaving.

    Good news also stands below the post; of what another alert tells, the post alone says so.
    """
    posts, is_good = _posts(desk, alert), alert.state == "resolved"
    reason = RECOVERED if is_good else REPLACED
    waiting = [row.id for row in posts if row.state == "planned"]
    skipped = skip_waiting(desk.connection, desk.place, waiting, reason=reason, now=desk.now)
    untie(desk.connection, desk.place, skipped)
    if any(row.state in WAITING and row.id not in skipped for row in posts):
        return None
    sent = [row for row in posts if row.state == "sent"]
    told = [row for row in sent if is_good and row.kind != "reminder"]
    anew = _anew(alert)
    edits = [_edit(desk, row, f"e|{row.id}|2{anew}") for row in sent]
    return [*edits, *(_reply(desk, row, f"r|{row.id}{anew}") for row in told)]


def _anew(alert: Alert) -> str:
    """What sets the keys apart of an alert that ended in another way since it was told over."""
    times = (alert.facts.get("resolved") or {}).get("times", 1)
    return "" if times == 1 else f"|{times}"


def _posts(desk: Desk, alert: Alert) -> list[DeliveryRow]:
    rows = history(desk.connection, desk.place, alert_id=alert.id, limit=MOST)
    return [row for row in rows if row.act == "post"]


def _acknowledged(desk: Desk) -> int:
    """Let posts say who saw their alert, and that it is quiet; how many changes are new."""
    place = desk.connection, desk.place
    quiet = quiet_posts(*place, now=desk.now)
    seen = seen_posts(*place, since=desk.now - SEEN_FOR)
    edits = []
    for key, delivery_id, alert_number in (*quiet, *seen):
        alert = alert_by_id(*place, alert_number)
        rows = _posts(desk, alert) if alert else []
        edits += [_edit(desk, row, key) for row in rows if row.id == delivery_id]
    return len(insert_deliveries(desk.connection, edits))


def _edit(desk: Desk, post: DeliveryRow, key: str) -> NewDelivery:
    """The post once more, as its alert stands now."""
    return _below(desk, post, key=key, act="edit", line=post.line)


def _reply(desk: Desk, post: DeliveryRow, key: str) -> NewDelivery:
    """The line below a post that says it is over; good news of a budget's wakes nobody."""
    line = f"alerts show {post.alert_id} part=resolved"
    reply = _below(desk, post, key=key, act="reply", line=line)
    place = desk.destinations.get(post.destination_id) if post.kind == "alert" else None
    return replace(reply, not_before=place.awake(desk.now)) if place else reply


def _below(desk: Desk, post: DeliveryRow, *, key: str, act: str, line: str) -> NewDelivery:
    return NewDelivery(
        workspace_id=desk.place,
        dedupe_key=key,
        kind="resolved",
        trigger=post.trigger,
        act="edit" if act == "edit" else "reply",
        destination_id=post.destination_id,
        actor=post.actor,
        due_at=desk.now,
        created_at=desk.now,
        priority=0,
        alert_id=post.alert_id,
        parent_id=post.id,
        part=1,
        period_key=post.period_key,
        window_end=post.window_end,
        line=line,
    )
