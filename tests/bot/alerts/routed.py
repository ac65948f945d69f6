"""A workspace with one admin and a budget, channels that are told of it, and what is planned."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot.context import Place
from storage.alerts import alert_by_id, resolve
from storage.budgets import set_budget
from storage.destinations import destination_of, list_destinations, set_quiet_hours
from storage.engine import reading, writing
from storage.events import MICRO
from storage.outbox import DELIVERY, DeliveryRow, history
from storage.roles import set_role
from storage.routes import add_route
from storage.workspaces import bind_chat
from tests.analytics.spending import march
from tests.analytics.world import World
from tests.cast import NOW

HOUR = timedelta(hours=1)
EVENING = NOW.replace(day=24, hour=18, minute=0)
NIGHT = NOW.replace(day=24, hour=23, minute=0)
MORNING = NOW.replace(day=25, hour=7, minute=0)
QUIET = (22 * 60, 7 * 60)


@pytest.fixture
def world(engine: sa.Engine) -> World:
    """A workspace that Slack's T1 talks to, with one admin; 15,230 of 20,000 credits are used."""
    return prepared(engine)


def prepared(engine: sa.Engine) -> World:
    world = World(engine)
    march(world)
    with writing(engine) as connection:
        bind_chat(connection, 1, platform="slack", external_id="T1", now=NOW)
        who = {"platform": "slack", "external_id": "T1", "user_id": "UADMIN"}
        set_role(connection, 1, **who, role="admin")
        set_budget(
            connection, 1, scope="workspace", target_id=0, period="monthly",
            amount=20_000 * MICRO, now=NOW,
        )  # fmt: skip
    return world


def channel(world: World, name: str = "ops", **wanted: Any) -> int:  # noqa: ANN401
    """The destination of a channel that is told of alerts."""
    with writing(world.engine) as connection:
        made = destination_of(
            connection,
            1,
            platform="slack",
            external_id="T1",
            place=Place(f"C{name}", name),
            actor="slack:T1:UADMIN",
            now=NOW,
        )
        add_route(connection, 1, destination_id=made.id, actor="slack:T1:UADMIN", now=NOW, **wanted)
    return made.id


def quiet(world: World, destination: int) -> None:
    with writing(world.engine) as connection:
        set_quiet_hours(connection, 1, destination, hours=QUIET, zone="Europe/Berlin")


def rows(world: World, alert: int | None = None) -> list[DeliveryRow]:
    """The deliveries, oldest first."""
    with reading(world.engine) as connection:
        return history(connection, 1, alert_id=alert, limit=100)[::-1]


def told(world: World, alert: int | None = None) -> list[str]:
    """The names of the destinations that a message is planned for."""
    with reading(world.engine) as connection:
        known = list_destinations(connection, 1)
    return [known[row.destination_id].name for row in rows(world, alert) if row.act == "post"]


def sent(world: World, delivery: DeliveryRow, now: datetime = EVENING) -> None:
    """Let a post have arrived."""
    values = {"state": "sent", "platform_message_id": "m1", "sent_at": now, "ended_at": now}
    with writing(world.engine) as connection:
        connection.execute(sa.update(DELIVERY).where(DELIVERY.c.id == delivery.id).values(**values))


def posted(world: World) -> DeliveryRow:
    """The only post, arrived."""
    (post,) = rows(world)
    sent(world, post)
    return post


def ended(world: World, number: int, now: datetime = EVENING) -> None:
    with writing(world.engine) as connection:
        alert = alert_by_id(connection, 1, number)
        assert alert is not None
        facts = {"used": 14_200 * MICRO, "limit": 20_000 * MICRO, "percents": [75]}
        resolve(connection, alert, facts=facts, now=now)
