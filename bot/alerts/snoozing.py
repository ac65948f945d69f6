"""Until when an alert is kept back because people asked for quiet about its budget.

A snooze holds for the limit that it was said of: once another is set, what is reached of that is
another story, and told.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from bot.alerts.kinds import FULL, KINDS, highest_of, is_test
from bot.freezing import BUDGETS
from storage.alerts import Alert, list_alerts

MOST = 200


def kept_until(connection: sa.Connection, alert: Alert, now: datetime) -> datetime | None:
    """The end of the snooze that keeps an alert back; None where nothing does.

    At 100 % only what was said of 100 % does.
    """
    if not KINDS[alert.kind].waits or is_test(alert):
        return None
    others = list_alerts(connection, alert.workspace_id, subject=alert.subject, limit=MOST)
    moments = [
        one.snoozed_until
        for one in others
        if one.snoozed_until is not None
        and one.snoozed_until > now
        and _limit(one) == _limit(alert)
        and (highest_of(alert) < FULL or highest_of(one) >= FULL)
    ]
    return max(moments, default=None)


def _limit(alert: Alert) -> object:
    """What tells one limit of a subject from the next: nobody counts those of the plan."""
    if alert.kind not in BUDGETS:
        return None
    return alert.facts.get("revision" if alert.facts.get("budget") else "limit")
