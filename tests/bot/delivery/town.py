"""A workspace with usage, whose digests are planned and delivered when a test says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

import bot.commands  # noqa: F401  # registers every command
from analytics.report import Report
from bot.asking import Asking
from bot.context import Identity, Place
from bot.registry import run
from bot.subscriptions.planner import plan
from storage.engine import writing
from storage.outbox import DeliveryRow
from storage.roles import set_role
from storage.subscriptions import Subscription
from storage.workspaces import bind_chat
from tests.analytics.world import World
from tests.bot.delivery.company import Pen
from tests.bot.delivery.delivering import Office, Post
from tests.cast import ALICE, BOB, NOW, ZONE, event
from tests.subscribed import keep_digest

BERLIN = ZoneInfo(ZONE)
MADE = NOW - timedelta(hours=1)


def berlin(text: str) -> datetime:
    """A moment by the workspace's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@dataclass
class Town:
    """A workspace with usage, whose digests are planned and delivered when a test says so."""

    office: Office

    @property
    def engine(self) -> sa.Engine:
        return self.office.engine

    def subscribe(
        self,
        schedule: str = "daily 09:00",
        *,
        channel: str = "general",
        **changes: Any,  # noqa: ANN401  # the parts of a subscription
    ) -> Subscription:
        place = Place(f"C{channel}", channel)
        with writing(self.engine) as connection:
            return keep_digest(connection, schedule, place=place, **{"made": MADE, **changes})

    async def at(self, moment: datetime | str, *after: float) -> list[Post]:
        """Plan and deliver at a moment and after some pauses; the posts that this brought."""
        moment = berlin(moment) if isinstance(moment, str) else moment
        self.office.clock.forward((moment - self.office.clock.now()).total_seconds())
        known = len(self.office.platform.posts)
        plan(self.engine, moment)
        await self.office.work(*(after or (2.0, 2.0, 2.0)))
        return [one for one in self.office.platform.posts[known:] if one.act == "post"]

    def ask(self, line: str) -> Report:
        """What an admin is answered in the channel."""
        asking = Asking(now=self.office.clock.now, owners=(), workspace=None)
        alice = Identity("slack", "T1", "UALICE", place=Place("Cgeneral", "general"))
        with writing(self.engine) as connection:
            return run(line, asking.context(connection, alice, may_change=True))

    @property
    def rows(self) -> list[DeliveryRow]:
        """Every message of its own, oldest first."""
        return [row for row in self.office.mail.rows() if row.act == "post"]


@pytest.fixture
def town(sqlite_engine: sa.Engine) -> Town:
    return _town(sqlite_engine)


@pytest.fixture
def shared(engine: sa.Engine) -> Town:
    """The same where claims and races matter: on both databases."""
    return _town(engine)


def _town(engine: sa.Engine) -> Town:
    with writing(engine) as connection:
        bind_chat(connection, 1, platform="slack", external_id="T1", now=NOW)
        chat = {"platform": "slack", "external_id": "T1"}
        set_role(connection, 1, **chat, user_id="UALICE", role="admin")
    World(engine).write([event(person=ALICE), event(person=BOB, model="gpt-4o-mini")])
    return Town(Office(engine, drawing=Pen(), owners=["slack:T1:UOWNER"]))
