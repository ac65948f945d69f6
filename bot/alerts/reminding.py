"""Once a day people are reminded of a budget that is used up and that nobody acknowledged.

Off unless a workspace wants it.  A reminder is planned when it may leave: none waits through quiet
hours and arrives when somebody has seen the alert.  Its key makes it one for each post and local
day, for all replicas.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
import structlog

from bot.alerts.snoozing import kept_until
from bot.preferences import REMINDERS
from storage.alerts import Alert, alert_by_id
from storage.apart import Apart
from storage.destinations import Destination, list_destinations
from storage.engine import reading, writing
from storage.locks import hold
from storage.outbox import NewDelivery, insert_deliveries, keys_there
from storage.preferences import preference
from storage.reminders import Overdue, overdue
from storage.timekeys import date_of
from storage.workspaces import WorkspaceInfo, list_workspaces

log = structlog.get_logger()
FROM: Final = timedelta(hours=9)  # into a local day: nobody is reminded in the night


def remind(engine: sa.Engine, now: datetime) -> int:
    """Plan today's reminders in every workspace that wants them; how many are new."""
    with reading(engine) as connection:
        known = list_workspaces(connection)
    planned = 0
    with Apart() as apart:
        for workspace in known:
            with apart.turn(workspace.name):
                planned += _remind(engine, workspace, now)
    return planned


def _remind(engine: sa.Engine, workspace: WorkspaceInfo, now: datetime) -> int:
    with reading(engine) as connection:
        if not _due(connection, workspace, now):
            return 0
    with writing(engine) as connection:
        # Whoever acknowledges or ends an alert does it before this look or after.
        hold(connection, workspace.id)
        news = _due(connection, workspace, now)
        log.info("alerts.reminded", workspace=workspace.name, messages=len(news))
        return len(insert_deliveries(connection, news))


def _due(connection: sa.Connection, workspace: WorkspaceInfo, now: datetime) -> list[NewDelivery]:
    """The reminders that are to leave now and did not yet."""
    clock = workspace.clock()
    today = clock.day(now)
    midnight = clock.midnight(today)
    if now - midnight < FROM:
        return []
    if preference(connection, workspace.id, REMINDERS) != "daily":
        return []
    posts = overdue(connection, workspace.id, today=today, before=midnight)
    places = list_destinations(connection, workspace.id) if posts else {}
    news = []
    for post in posts:
        alert = alert_by_id(connection, workspace.id, post.alert_id)
        place = places.get(post.destination_id)
        if alert is not None and place is not None and _may_leave(connection, alert, place, now):
            news.append(_reminder(workspace, alert, post, now))
    known = keys_there(connection, workspace.id, [one.dedupe_key for one in news])
    return [one for one in news if one.dedupe_key not in known]


def _may_leave(connection: sa.Connection, alert: Alert, place: Destination, now: datetime) -> bool:
    is_awake = place.breaks_through or place.awake(now) <= now
    return place.state == "ok" and is_awake and not kept_until(connection, alert, now)


def _reminder(workspace: WorkspaceInfo, alert: Alert, post: Overdue, now: datetime) -> NewDelivery:
    clock = workspace.clock()
    day, local = clock.day(now), now.astimezone(clock.zone)
    return NewDelivery(
        workspace_id=workspace.id,
        dedupe_key=f"m|{post.delivery_id}|{date_of(day)}",
        kind="reminder",
        trigger="sweep",
        destination_id=post.destination_id,
        actor=post.actor,
        due_at=clock.midnight(day) + FROM,
        created_at=now,
        priority=0,
        alert_id=alert.id,
        period_key=post.period_key,
        window_end=now,
        line=f"alerts show {alert.id} part=reminder at={local.isoformat()}",
    )
