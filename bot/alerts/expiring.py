"""Alerts of budgets that could not leave before their period ended: a digest names them instead."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
import structlog

from bot.alerts.kinds import OVER, is_past
from storage.alerts import alerts_by_id
from storage.apart import Apart
from storage.engine import reading, writing
from storage.outbox import moment
from storage.overdue import leave_alerts_out, waiting_alerts
from storage.workspaces import WorkspaceInfo, list_workspaces

log = structlog.get_logger()


def end_past(engine: sa.Engine, now: datetime) -> int:
    """End, in every workspace, what nobody needs to be told by itself any more; how many.

    Raises StorageError; what was not looked at then is at the next tick.
    """
    with reading(engine) as connection:
        workspaces = list_workspaces(connection)
    ended = 0
    with Apart() as apart:
        for workspace in workspaces:
            with apart.turn(workspace.name):
                ended += _end(engine, workspace, now)
    return ended


def _end(engine: sa.Engine, workspace: WorkspaceInfo, now: datetime) -> int:
    with reading(engine) as connection:
        posts = _past(connection, workspace, now)
    if not posts:
        return 0
    with writing(engine) as connection:
        free_at = moment(connection, now)
        ended = leave_alerts_out(
            connection, workspace.id, posts, reason=OVER, now=now, free_at=free_at
        )
    if ended:
        log.info("alerts.past", workspace=workspace.name, posts=ended)
    return ended


def _past(connection: sa.Connection, workspace: WorkspaceInfo, now: datetime) -> list[str]:
    waiting = waiting_alerts(connection, workspace.id)
    if not waiting:
        return []
    today = workspace.clock().local_date(now)
    alerts = alerts_by_id(connection, workspace.id, set(waiting.values()))
    past = {alert.id for alert in alerts if is_past(alert, today)}
    return [post for post, number in waiting.items() if number in past]
