"""A company whose channel is sent digests, and a pen that draws them as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from analytics.figures import Figure
from bot.drawing import Drawing
from charts import ThemeName
from storage.claims import DESTINATION
from storage.engine import reading, writing
from storage.outbox import DELIVERY
from storage.preferences import set_preference
from storage.roles import set_role
from storage.subscriptions import add_subscription, find_subscription
from storage.workspaces import bind_chat
from tests.analytics.world import World
from tests.bot.delivery.delivering import Office
from tests.cast import ALICE, BOB, NOW, event
from tests.storage.mail import at

MAKER = "slack:T1:UALICE"
PNG = b"\x89PNG a picture"


class Pen(Drawing):
    """Draws without matplotlib, as it is told."""

    def __init__(self, picture: bytes | Exception | None = PNG, *, hangs: bool = False) -> None:
        self.picture, self.hangs = picture, hangs
        self.themes: list[ThemeName] = []

    async def draw(self, figure: Figure, theme: ThemeName) -> bytes | None:
        del figure
        self.themes.append(theme)
        if self.hangs:
            await asyncio.Event().wait()
        if isinstance(self.picture, Exception):
            raise self.picture
        return self.picture


@dataclass
class Company:
    """A channel of a workspace with usage of two people, and an office that delivers to it."""

    office: Office
    channel: int

    def digest(self, line: str = "by-model last 7d", **changes: Any) -> str:  # noqa: ANN401  # fields of NewDelivery
        usual: dict[str, Any] = {"line": line, "actor": MAKER, "window_end": NOW}
        return self.office.mail.due(self.channel, **usual | changes)

    def subscribe(self, line: str, **changes: object) -> int:
        with writing(self.office.engine) as connection:
            kept = add_subscription(
                connection,
                1,
                destination_id=self.channel,
                line=line,
                schedule="daily 09:00",
                zone="Europe/Berlin",
                next_due=at(86_400),
                next_first_day=20_000,
                catchup="latest",
                attach="",
                created_by=MAKER,
                now=NOW,
            )
            table = sa.table("subscription", *map(sa.column, ("id", *changes)))
            if changes:
                connection.execute(sa.update(table).values(**changes))
        return kept.id

    def is_paused(self, number: int) -> bool:
        with reading(self.office.engine) as connection:
            kept = find_subscription(connection, 1, number)
        return kept is not None and kept.is_paused

    def role(self, user: str, role: Any) -> None:  # noqa: ANN401  # a role
        with writing(self.office.engine) as connection:
            set_role(connection, 1, platform="slack", external_id="T1", user_id=user, role=role)

    def restrict(self, walls: str = "admins") -> None:
        with writing(self.office.engine) as connection:
            set_preference(connection, 1, "people_visibility", walls)

    def open_to_people(self) -> None:
        with writing(self.office.engine) as connection:
            connection.execute(sa.update(DESTINATION).values(people_rows=True))

    def stored(self, delivery: str) -> Mapping[str, Any]:
        columns = (DELIVERY.c.payload, DELIVERY.c.artifact)
        with reading(self.office.engine) as connection:
            found = connection.execute(sa.select(*columns).where(DELIVERY.c.id == delivery)).one()
        return {"payload": found.payload, "artifact": found.artifact}


@pytest.fixture
def company(sqlite_engine: sa.Engine) -> Company:
    with writing(sqlite_engine) as connection:
        bind_chat(connection, 1, platform="slack", external_id="T1", now=NOW)
    World(sqlite_engine).write([event(person=ALICE), event(person=BOB, model="gpt-4o-mini")])
    office = Office(sqlite_engine, drawing=Pen(), owners=["slack:T1:UOWNER"])
    made = Company(office, office.mail.channel())
    made.role("UALICE", "admin")
    return made
