"""A workspace with budgets and a clock that tests move; usage is stated to the micro-credit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from storage.alerts import Alert, list_alerts
from storage.budgets import Budget, Period, Scope, set_budget
from storage.changes import correct, delete
from storage.engine import reading, writing
from storage.labels import Labels
from storage.ledger import Ledger, Origin
from storage.levels import check_levels
from storage.timekeys import to_micros
from storage.undo import undo_batch
from storage.verify import verify
from tests.cast import NOW, event
from tests.storage.world import World, feed, world

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@dataclass
class Budgeted:
    """A workspace whose usage meets limits; `now` is the only clock."""

    place: World
    now: datetime = NOW

    @property
    def engine(self) -> sa.Engine:
        return self.place.engine

    @property
    def today(self) -> int:
        return self.place.workspace.clock().day(self.now)

    def limit(  # the parts of a budget
        self,
        amount: int,
        scope: Scope = "workspace",
        target: int = 0,
        period: Period = "monthly",
        **more: Any,  # noqa: ANN401  # the other parts of a budget
    ) -> Budget:
        """Set a budget; nobody has looked at it yet."""
        with writing(self.engine) as connection:
            return set_budget(
                connection,
                self.place.workspace.id,
                scope=scope,
                target_id=target,
                period=period,
                amount=amount,
                now=self.now,
                **more,
            )

    def spend(
        self,
        *credits: int,
        ago: timedelta = MINUTE,
        origin: Origin | None = None,
        **fields: object,
    ) -> list[str]:
        """Write events of so many micro-credits each, in one batch; their ids."""
        ts = to_micros(self.now - ago)
        events = [event(ts=ts, model="alpha", credits=one, **fields) for one in credits]
        self.place.ledger.write(events, origin or feed(), now=self.now)
        return [one.event_id for one in events]

    def correct(self, event_id: str, credits: int) -> None:
        """Let an event cost something else; now, not when the tests play."""
        place = self.place
        correct(
            self.engine,
            place.workspace,
            place.key(event_id),
            values={"credits": credits},
            actor="alice",
            reason="a mistake",
            now=self.now,
        )

    def delete(self, event_id: str) -> None:
        """Delete an event, if it is there."""
        delete(
            self.engine,
            self.place.workspace,
            [self.place.key(event_id)],
            actor="alice",
            reason="a mistake",
            now=self.now,
        )

    def undo(self, number: int) -> list[str]:
        """Take an import back; the ids of what others changed since, which stays."""
        ours = self.place.workspace
        undone = undo_batch(self.engine, ours, number, actor="alice", now=self.now)
        return [event_id for _, event_id in undone.kept]

    def look(self, after: timedelta = timedelta()) -> int:
        """Let time pass and look at all levels."""
        self.now += after
        return check_levels(self.engine, self.now)

    def alerts(self, **narrowed: Any) -> list[Alert]:  # noqa: ANN401  # as in `list_alerts`
        """Every alert, oldest first."""
        with reading(self.engine) as connection:
            found = list_alerts(connection, self.place.workspace.id, limit=10_000, **narrowed)
        return found[::-1]

    def told(self) -> list[list[int]]:
        """The thresholds that each alert names, oldest first."""
        return [alert.facts["percents"] for alert in self.alerts(states=["fired"])]

    def used(self) -> dict[tuple[int, int], int]:
        """What `budget_usage` says by budget and first day."""
        wanted = sa.text(
            "SELECT budget_id, first_day, used FROM budget_usage WHERE workspace_id = :place"
        )
        with reading(self.engine) as connection:
            rows = connection.execute(wanted, {"place": self.place.workspace.id}).all()
        return {(row.budget_id, row.first_day): row.used for row in rows}

    def used_by(self, budget_id: int) -> int:
        """What the only row of a budget says."""
        (used,) = (used for (number, _), used in self.used().items() if number == budget_id)
        return used

    def check(self) -> None:
        """Ledger, rollups and budgets agree."""
        assert list(verify(self.engine, self.place.workspace)) == []

    def writer(self) -> Ledger:
        """A ledger of its own, as another replica or thread has it."""
        labels = Labels(self.engine, self.place.workspace.id)
        return Ledger(self.engine, self.place.workspace, labels)


def budgeted(engine: sa.Engine, name: str | None = None) -> Budgeted:
    """A new workspace with nothing used and no budget."""
    return Budgeted(world(engine, "Europe/Berlin", name=name))
