"""One cell of the crash-point matrix and what it plays with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from storage.engine import opened, reading
from storage.outbox import DELIVERY
from tests.chaos.stage import Nursery, Platforms, until
from tests.chaos.storm import is_open

PATIENCE = 60.0  # seconds for a step of a cell on a busy machine


@dataclass(frozen=True, slots=True)
class Cell:
    """One point, what happens there, and where."""

    point: str
    act: str
    platform: str
    engine: str

    def __str__(self) -> str:
        """As `make chaos` names it."""
        return f"{self.point}:{self.act} {self.platform} {self.engine}"


@dataclass(frozen=True, slots=True)
class Scene:
    """A cell with its own database, and the platforms and replicas that it shares."""

    cell: Cell
    url: str
    platforms: Platforms
    nursery: Nursery

    @property
    def armed(self) -> dict[str, str]:
        """The environment of who is to fail."""
        return {"CREDITBOT_FAILPOINT": f"{self.cell.point}:{self.cell.act}"}

    def spawn(self, **more: str) -> int:
        """A replica on this database."""
        return self.nursery.spawn(CREDITBOT_DATABASE_URL=self.url, **more)

    def waits_for(self, ready: Callable[[], bool]) -> bool:
        """Whether something came about in time."""
        return until(ready, PATIENCE)

    def count(self, *states: str) -> int:
        """How many messages are in one of the states."""
        wanted = sa.select(sa.func.count()).where(DELIVERY.c.state.in_(states))
        with opened(self.url) as engine, reading(engine) as connection:
            return int(connection.scalar(wanted) or 0)

    def is_sending(self) -> bool:
        """Whether it has begun."""
        return self.count("sending", "sent") > 0

    def has_ended(self, *, but: str = "") -> bool:
        """Whether nothing is left to do, except for messages of one kind."""
        with opened(self.url) as engine:
            return not is_open(engine, but=but)
