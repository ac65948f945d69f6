"""What makes messages due: one line a job, the same in the service and in the demo.

A job gets the engine and the time, opens its own transactions and says how many rows are new.  It
may run in several replicas at once and be killed anywhere: only unique keys decide what is told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial

import sqlalchemy as sa

from bot.alerts.expiring import end_past
from bot.alerts.reminding import remind
from bot.alerts.routing import route, route_untold
from bot.asking import Asking
from bot.delivery.corrections import correcting
from bot.delivery.worker import Job, Return
from bot.subscriptions.overdue import catch_up, catch_up_after, catch_up_at_start
from bot.subscriptions.planner import plan
from bot.subscriptions.realign import realign
from storage.apart import Apart
from storage.levels import check_levels
from storage.pauses import Pause

# Of all jobs, those that only new usage, a person or the watch gives something to do.
ON_USAGE = frozenset({"levels", "router"})


def tick(platforms: Collection[str] | None = None) -> Mapping[str, Job]:
    """Every tick, while the clock is believed; digests of `platforms` alone, None is all."""
    return {
        "levels": check_levels,
        "realign": realign,
        "planner": partial(plan, platforms=platforms),
        "overdue": catch_up,  # after the planner: what is new names what is late
        "past": end_past,
        "reminders": remind,
    }


def prompt(owners: Sequence[str], is_sure: Callable[[], bool] = lambda: True) -> Mapping[str, Job]:
    """Twice a second, so that what crossed a line leaves within two.

    `is_sure` tells whether the clock is believed.
    """
    return {"router": partial(route, owners=owners, is_sure=is_sure)}


def at_start(is_sure: Callable[[], bool] = lambda: True) -> Job:
    """Before a process sends anything: what waited while none ran may not leave as it is.

    While the clock is in doubt nothing is taken for too old; the tick does it when it is right.
    """

    def job(engine: sa.Engine, now: datetime) -> int:
        done = 0
        if is_sure():
            with Apart() as apart:
                for begin in (end_past, catch_up_at_start):
                    with apart.turn(begin.__name__):
                        done += begin(engine, now)
        return done

    return job


def after_a_pause(is_sure: Callable[[], bool] = lambda: True) -> Return:
    """Before anything leaves for a platform workspace that works again, in the same way."""

    def job(engine: sa.Engine, now: datetime, pause: Pause) -> int:
        return catch_up_after(engine, now, pause) if is_sure() else 0

    return job


def late(asking: Asking) -> Mapping[str, Job]:
    """What has time."""
    return {"corrections": correcting(asking), "untold": route_untold}
