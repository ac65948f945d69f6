"""A workspace that buys, its replicas and its clock."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from analytics.report import Note
from bot.purchases.webhook import Webhook
from bot.purchases.worker import Purchasing
from storage.alerts import list_alerts
from storage.engine import reading
from storage.events import MICRO
from storage.grants import list_grants
from storage.purchases import Purchase, counted, list_purchases
from tests.analytics.spending import spend
from tests.analytics.world import World
from tests.cast import NOW, event

SECRET = "0123456789abcdef0123456789abcdef"  # noqa: S105  # of a double
TODAY = date(2026, 3, 30)
MARCH = 2026 * 12 + 2
POLICY = "purchase policy trigger=90% pack=5000 ceiling=20000"
URL = "purchase url https://shop.example/buy"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Shop:
    """A workspace with a budget of 20,000 that buys, and the clock of its replicas."""

    def __init__(self, engine: sa.Engine, *lines: str) -> None:
        self.world = World(engine)
        self.engine = engine
        self.now = NOW
        self.timeout = 10.0  # of a request, however busy the machine is
        self.world.write([event(credits=0)])
        for line in ("budget set 20000 monthly", POLICY, *lines, "purchase on"):
            self.ask(line)

    def ask(self, line: str) -> str:
        return self.world.ask(line, now=self.now).headline

    def notes(self, line: str) -> str:
        blocks = self.world.ask(line, now=self.now).blocks
        return " ".join(block.text for block in blocks if isinstance(block, Note))

    def use(self, credits: int) -> None:
        spend(self.world, {TODAY: credits})

    def replica(self, url: str = "") -> Purchasing:
        webhook = Webhook(SECRET, trusted=url, timeout=self.timeout) if url else None
        return Purchasing(self.engine, lambda: self.now, webhook)

    async def turn(self, url: str = "", *, after: timedelta = timedelta()) -> None:
        self.now += after
        await self.replica(url).turn()

    @property
    def purchases(self) -> list[Purchase]:
        """All of them, oldest first."""
        with reading(self.engine) as connection:
            return list_purchases(connection, 1)[::-1]

    @property
    def states(self) -> list[str]:
        return [one.state for one in self.purchases]

    @property
    def packs(self) -> list[int]:
        with reading(self.engine) as connection:
            return [grant.credits // MICRO for grant in list_grants(connection, 1)]

    @property
    def counted(self) -> int:
        with reading(self.engine) as connection:
            return counted(connection, 1, MARCH, "webhook") // MICRO

    def told(self, kind: str = "purchase") -> list[Any]:
        """What people were told, oldest first."""
        with reading(self.engine) as connection:
            alerts = list_alerts(connection, 1, kinds=[kind])[::-1]
        key = "news" if kind == "purchase" else "percents"
        return [alert.facts[key] for alert in alerts]


def automatic(engine: sa.Engine, *lines: str) -> Shop:
    return Shop(engine, URL, "purchase policy approval=automatic", *lines)
