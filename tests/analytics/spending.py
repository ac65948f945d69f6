"""Workspaces that spent chosen amounts on chosen days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from storage.events import MICRO, UsageEvent
from storage.timekeys import to_micros
from tests.analytics.world import World
from tests.cast import event

DAY = timedelta(days=1)
# 15,230 of 20,000 credits in March: what the mission's example tells.
WEEKDAY, WEEKEND, TODAY = 726, 392, 870


def noon(world: World, day: date, hour: int = 12) -> datetime:
    """A moment of a local day."""
    return world.workspace.clock().midnight((day - date(1970, 1, 1)).days) + timedelta(hours=hour)


def spend(world: World, amounts: Mapping[date, float], **more: object) -> None:
    """One prompt a day that cost so many credits."""
    world.write([_prompt(world, day, credits, more) for day, credits in amounts.items()])


def _prompt(world: World, day: date, credits: float, more: Mapping[str, object]) -> UsageEvent:
    ts = to_micros(noon(world, day))
    return event(ts=ts, credits=round(credits * MICRO), **more)


def rhythm(first: date, end: date) -> dict[date, float]:
    """The same working days and weekends from the first day up to the last, which is not in it."""
    days = (first + DAY * n for n in range((end - first).days))
    return {day: WEEKEND if day.weekday() >= 5 else WEEKDAY for day in days}


def march(world: World, *, since: date = date(2025, 9, 1)) -> datetime:
    """Usage up to the evening of 24 March 2026, and that moment."""
    today = date(2026, 3, 24)
    spend(world, {**rhythm(since, today), today: TODAY})
    return noon(world, today, 18)
