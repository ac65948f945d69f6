"""A small company on a real database, for questions: a workspace, its ledger, a way to ask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa

import bot.commands  # noqa: F401  # registers every command
from analytics.report import (
    Report,
    Table,
)
from bot.context import Asker, Context, Identity, Place, Role, Visibility
from bot.registry import parse, run
from storage.catalog import Catalog
from storage.engine import reading, writing
from storage.events import Route, UsageEvent
from storage.labels import Labels
from storage.ledger import Ledger, Origin
from storage.reading import Reader
from storage.workspaces import find_workspace
from tests.cast import ALICE, NOW

TERMINAL = Identity("terminal", "", "", place=Place("C1", "ops"))


class World:
    """One workspace of a database."""

    def __init__(self, engine: sa.Engine, name: str | None = None) -> None:
        self.engine = engine
        with reading(engine) as connection:
            self.workspace = find_workspace(connection, name)
        self.labels = Labels(engine, self.workspace.id)
        self.ledger = Ledger(engine, self.workspace, self.labels)

    def write(self, events: Sequence[UsageEvent], *, source: str = "test") -> None:
        """Record usage."""
        self.ledger.write(events, Origin(source, "events", Route.FILE), now=NOW)

    def write_days(self, events: Sequence[UsageEvent], *, source: str = "bill") -> None:
        """Record what a source that only sums up says."""
        self.ledger.replace_slices(events, Origin(source, "copilot", Route.FILE), now=NOW)

    @contextmanager
    def context(
        self,
        *,
        role: Role = "owner",
        walls: Visibility = "everyone",
        now: datetime = NOW,
        may_change: bool = False,
        person: str | None = None,
    ) -> Iterator[Context]:
        """What a command is given; `person` is who the asker is linked to."""
        with (writing if may_change else reading)(self.engine) as connection:
            with reading(self.engine) as fresh:
                workspace = find_workspace(fresh, self.workspace.name)
            catalog = Catalog.load(connection, workspace.id)
            reader = Reader(connection, workspace, catalog)
            linked = reader.find("person", person) if person else None
            yield Context(now, reader, Asker(TERMINAL, role, linked), walls, may_change)

    def ask(self, line: str, *, now: datetime = NOW) -> Report:
        """The report of a line."""
        changes = parse(line).command.changes
        with self.context(now=now, may_change=changes, person=ALICE) as ctx:
            return run(line, ctx)


def table_of(report: Report) -> Table:
    """The table of a report that has one."""
    return next(block for block in report.blocks if isinstance(block, Table))


def column(table: Table, key: str) -> list[object]:
    """The cells of a column, top to bottom."""
    index = [column.key for column in table.columns].index(key)
    return [row[index] for row in table.rows]


def total_of(table: Table, key: str) -> object:
    """The total of a column."""
    assert table.total is not None
    return table.total[[column.key for column in table.columns].index(key)]
