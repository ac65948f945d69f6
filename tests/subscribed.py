"""A subscription on a real database, for whatever needs one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.context import Place
from bot.subscriptions.rounds import rounds
from storage.destinations import destination_of
from storage.subscriptions import Subscription, add_subscription, change_subscription
from storage.timekeys import day_number
from tests.cast import NOW, ZONE

ACTOR = "slack:T1:UALICE"
GENERAL = Place("C1", "general")


def keep_digest(  # noqa: PLR0913  # the parts of a subscription, each by name
    connection: sa.Connection,
    schedule: str = "daily 09:00",
    *,
    line: str = "by-model last 7d",
    zone: str = ZONE,
    made: datetime = NOW,
    created_by: str = ACTOR,
    place: Place = GENERAL,
    **changes: Any,  # noqa: ANN401  # columns that are not as usual
) -> Subscription:
    """A subscription of a channel in Slack, made at a moment."""
    first = next(rounds(schedule, zone, ZONE).after(made))
    to = destination_of(
        connection,
        1,
        platform="slack",
        external_id="T1",
        place=place,
        actor=created_by,
        now=made,
    )
    kept = add_subscription(
        connection,
        1,
        destination_id=to.id,
        line=line,
        schedule=schedule,
        zone=zone,
        next_due=first.due_at,
        next_first_day=day_number(first.period.first),
        catchup="latest",
        created_by=created_by,
        now=made,
    )
    return change_subscription(connection, 1, kept.id, changes) or kept
