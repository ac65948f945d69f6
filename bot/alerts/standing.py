"""Which alerts still hold: nobody resolved them, and their period runs or they are fresh."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.alerts.kinds import KINDS, is_test, may_see, told_of
from bot.context import Context
from bot.freezing import BUDGETS
from storage.alerts import Alert, list_alerts
from storage.timekeys import day_number

LISTED = 500
TOLD = frozenset({"bought", "declined", "stopped"})  # of purchases: nothing is left to decide
FRESH: Mapping[str, timedelta] = {
    "anomaly": timedelta(days=2),
    "advice": timedelta(days=7),
    "purchase": timedelta(days=7),
    "ceiling": timedelta(days=7),
}


def standing(ctx: Context) -> list[Alert]:
    """The alerts that still hold, as far as the asker may see them, the newest first."""
    place = ctx.reader.connection, ctx.reader.workspace.id
    found = list_alerts(*place, states=["fired"], limit=LISTED)
    return [one for one in found if _stands(ctx, one) and may_see(one, ctx)]


def _stands(ctx: Context, alert: Alert) -> bool:
    """Whether an alert that nobody resolved is still news: its period runs, or it is fresh."""
    if alert.kind not in KINDS or is_test(alert):
        return False
    if alert.facts.get("news") in TOLD or alert.facts.get("is_test"):
        return False
    if alert.kind in BUDGETS:
        return ctx.now < end_of(ctx, alert)
    fresh = FRESH.get(alert.kind)
    return fresh is None or ctx.now - alert.fired_at < fresh


def end_of(ctx: Context, alert: Alert) -> datetime:
    """The end of the period that an alert is about, or of the longest pause."""
    end = told_of(alert, ctx).day_of("end")
    far = ctx.now + timedelta(days=31)
    return far if end is None else min(far, ctx.reader.clock.midnight(day_number(end)))
