"""What is kept as the next turn of a subscription, when a person pauses, resumes or edits it.

What was told is known by `next_first_day`: days before it are not told again by another schedule.
"""

from __future__ import annotations

from datetime import datetime

from analytics.schedule import Period
from bot.subscriptions.rounds import Rounds
from storage.subscriptions import Subscription
from storage.timekeys import date_of, day_number


def next_turn(kept: Subscription, found: Rounds, moment: datetime) -> dict[str, object]:
    """The first time after a moment, and the first period that is told then or later.

    After an edit a schedule may be due once more on a day whose period was told.
    """
    coming = next(found.untold(moment, date_of(kept.next_first_day)))
    due_at = next(found.after(moment)).due_at
    return {"next_due": due_at, "next_first_day": day_number(coming.period.first)}


def open_period(kept: Subscription, found: Rounds, now: datetime) -> Period | None:
    """The period that another schedule would have told by now, while not all of it was told."""
    newest = found.newest(now).period
    is_told = newest.since is not None or newest.end <= date_of(kept.next_first_day)
    return None if is_told or kept.paused_at(now) else newest


def moved_turn(kept: Subscription, found: Rounds, now: datetime) -> dict[str, object]:
    """What comes next by another schedule: what is open leaves at once, so that no day is lost."""
    newest = open_period(kept, found, now)
    if newest is not None:
        return {"next_due": now, "next_first_day": day_number(newest.first)}
    return next_turn(kept, found, max(now, kept.paused_until or now))
