"""A workspace with a ledger beside an oracle that must always agree with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from storage.catalog import set_multiplier
from storage.changes import Repriced, Values, correct, delete, reprice
from storage.engine import writing
from storage.events import Route, UsageEvent
from storage.labels import Labels
from storage.ledger import Ledger, Origin, Outcome
from storage.models import ImportBatch
from storage.records import EventKey
from storage.timekeys import to_micros
from storage.undo import Undone, undo_batch
from storage.verify import verify
from storage.workspaces import WorkspaceInfo, create_workspace, set_credit_unit, workspace_by_id
from tests.cast import ALICE, BOB, NOW, event
from tests.storage.oracle import Oracle, stored_tables

WHO = {"actor": "alice", "reason": "a mistake"}
PRICES = {"alpha": 1_000_000, "beta": 333_333}
UNPRICED = "gamma"  # a model that nobody gave a price


@dataclass
class World:
    """One workspace of a database; whatever is done to it is done to the oracle too."""

    engine: sa.Engine
    workspace: WorkspaceInfo
    labels: Labels
    ledger: Ledger
    oracle: Oracle

    def write(self, *events: UsageEvent, batch_id: int = 0, now: datetime = NOW) -> Outcome:
        """Write to the ledger and to the oracle."""
        expected = self.oracle.write(events, "feed")
        outcome = self.ledger.write(events, feed(batch_id), now=now)
        got = {name: getattr(outcome, name) for name in OUTCOMES if getattr(outcome, name)}
        assert got == expected
        return outcome

    def replace(self, *events: UsageEvent, batch_id: int = 0, now: datetime = NOW) -> Outcome:
        """Replace slices in the ledger and in the oracle."""
        self.oracle.replace_slices(events, "bill")
        return self.ledger.replace_slices(events, replace(feed(batch_id), source="bill"), now=now)

    def feed(self) -> Origin:
        """Where the events of these tests come from."""
        return feed()

    def set_price(self, model: str, micro: int) -> None:
        """What a prompt of a model costs, since ever."""
        number = self.labels.model_id(model)
        with writing(self.engine) as connection:
            set_multiplier(connection, self.workspace.id, number, multiplier=micro, valid_from=0)
        self.oracle.prices[model] = micro

    def import_batch(self, number: int) -> int:
        """A row of `import_batch`, so that what it brings can be undone."""
        row = {"workspace_id": self.workspace.id, "id": number, "kind": "t", "file": "t"}
        table = ImportBatch.__table__  # type: ignore[attr-defined]  # SQLModel's own attribute
        with writing(self.engine) as connection:
            connection.execute(sa.insert(table).values(**row, started_at=NOW, counts={}))
        return number

    def key(self, event_id: str) -> EventKey:
        """The ledger's key of an event of the feed."""
        return self.labels.source_id("feed", "events", now=NOW), event_id

    def correct(self, event_id: str, values: Values) -> None:
        """Correct an event of the feed in the ledger."""
        key = self.key(event_id)
        correct(self.engine, self.workspace, key, values=values, **WHO, now=NOW)

    def delete(self, event_id: str) -> int:
        """Delete an event of the feed from the ledger."""
        return delete(self.engine, self.workspace, [self.key(event_id)], **WHO, now=NOW)

    def reprice(self, first_day: int, last_day: int, model: str | None = None) -> Repriced:
        """Give the ledger today's prices."""
        return reprice(
            self.engine,
            self.workspace,
            first_day=first_day,
            last_day=last_day,
            model_id=self.labels.model_id(model) if model else None,
            actor="alice",
            reason="a mistake",
            now=NOW,
        )

    def undo(self, number: int) -> Undone:
        """Take an import back."""
        return undo_batch(self.engine, self.workspace, number, actor="alice", now=NOW)

    def check(self) -> None:
        """Every cell of every table is what the oracle says, and `verify` agrees."""
        assert stored_tables(self.engine, self.workspace.id) == self.oracle.tables()
        assert list(verify(self.engine, self.workspace)) == []


OUTCOMES = ("accepted", "duplicate", "merged", "conflicting", "replaced")


def feed(batch_id: int = 0) -> Origin:
    return Origin("feed", "events", Route.API, batch_id)


def world(
    engine: sa.Engine,
    zone: str = "America/New_York",
    *,
    unit: str | None = "credit",
    name: str | None = None,
) -> World:
    """A new workspace in a zone, named like it; its credit is "credit" unless said otherwise."""
    with writing(engine) as connection:
        found = create_workspace(connection, name or zone, zone=zone, now=NOW)
        if unit:
            set_credit_unit(connection, found.id, unit)
        workspace = workspace_by_id(connection, found.id)
    labels = Labels(engine, workspace.id)
    models = (*PRICES, UNPRICED)
    labels.prepare(
        [event(model=model, person=who) for model in models for who in (ALICE, BOB)], now=NOW
    )
    with writing(engine) as connection:
        for model, price in PRICES.items():
            number = labels.model_id(model)
            set_multiplier(connection, workspace.id, number, multiplier=price, valid_from=0)
    labels.reload()
    ledger = Ledger(engine, workspace, labels)
    return World(engine, workspace, labels, ledger, Oracle(ZoneInfo(zone), dict(PRICES)))


def at(text: str, zone: str) -> int:
    """Epoch microseconds of a local time; of a time that occurs twice, the first."""
    return to_micros(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def spread(moments: Sequence[int], **changes: object) -> list[UsageEvent]:
    """One event at each moment."""
    return [event(event_id=f"at-{ts}", ts=ts, model="alpha", **changes) for ts in moments]
