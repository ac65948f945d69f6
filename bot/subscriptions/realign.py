"""Subscriptions whose next time lies further ahead than their schedule says: the clock was moved.

A clock that jumped ahead unnoticed uses up days that have not come, and when it is right again the
next digest would be due after them.  The next time follows from the schedule alone, so it is worked
out anew; what was kept for times that have not come and nobody was told of is forgotten.  What was
sent stays: its key makes it once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from analytics.errors import UserError
from bot.subscriptions.rounds import rounds
from storage.engine import reading, writing
from storage.outbox import forget_untold
from storage.subscriptions import Course, courses, keep_next, lock_beyond
from storage.timekeys import day_number

log = structlog.get_logger()
SLACK = timedelta(minutes=10)  # two replicas' clocks are never quite equal
BATCH = 200


def realign(engine: sa.Engine, now: datetime) -> int:
    """Work out anew what is due too late; how many subscriptions were.  Raises StorageError."""
    with reading(engine) as connection:
        found = {course: _next(course, now + SLACK) for course in courses(connection, now)}
    beyond = {
        course: expected
        for course, expected in found.items()
        if expected is not None and course.furthest > expected
    }
    changed = 0
    while beyond:
        with writing(engine) as connection:
            kept = lock_beyond(connection, now, beyond, limit=BATCH)
            anew = []
            for one in kept:
                schedule, zone = one.subscription.schedule, one.subscription.zone
                coming = next(rounds(schedule, zone, one.zone).after(now))
                anew.append(
                    {
                        "workspace_id": one.workspace_id,
                        "id": one.subscription.id,
                        "next_due": coming.due_at,
                        "next_first_day": day_number(coming.period.first),
                    }
                )
            keys = [(one.workspace_id, one.subscription.id) for one in kept]
            forget_untold(connection, keys, after=now + SLACK)
            keep_next(connection, anew)
        changed += len(kept)
        if len(kept) < BATCH:
            break
    if changed:
        log.warning("subscriptions.realigned", subscriptions=changed)
    return changed


def _next(course: Course, moment: datetime) -> datetime | None:
    """When a schedule is due next; None for one that is not known any more: the planner says so."""
    try:
        return next(rounds(course.schedule, course.zone, course.home).after(moment)).due_at
    except UserError:
        return None
