"""Where the benches work: a folder for their files, the sizes of this run, filled databases."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path

import sqlalchemy as sa

from analytics.figures import (
    Figure,
)
from bot.context import Identity
from bot.demo import database
from bot.demo.usage import Workload, prompts
from bot.desk import Desk
from storage.engine import opened, reading
from storage.events import UsageEvent
from storage.labels import Labels
from storage.ledger import Ledger, Origin
from storage.migrate import upgrade
from storage.workspaces import find_workspace

NOW = datetime(2026, 11, 10, 14, 30, tzinfo=UTC)
EVENTS = 1_000_000
HERE = Identity("terminal", "local", "")
# A line of each kind of chart.
DRAWN = (
    "by-model last 30d",
    "by-user last 7d",
    "timeline last 3 months by week",
    "budget",
    "patterns last 30d",
    "performance last 30d",
    "performance last 30d by=day",
    "by-tier last 30d",
    "tasks last 30d",
    "efficiency last 30d",
    "trends last 30d",
    "dashboard",
)
ZONE = "Europe/Berlin"
GATEWAY: Origin = database.GATEWAY


@dataclass(slots=True)
class Lab:
    """Sizes of one run; databases are filled once for each number of events.

    `sample` is the number of events for ratios (ingest, imports); what takes seconds is measured
    in `rounds`, what takes milliseconds `repeats` times;
    `writers` are processes that write at once.
    """

    folder: Path
    events: int = EVENTS
    small: int = 100_000
    sample: int = 100_000
    people: int = 2_000
    rounds: int = 3
    repeats: int = 15
    keep: Path | None = None  # where filled databases stay, and are found again
    charts: int = 1_000
    answers: int = 200
    calls: int = 1_000
    writers: int = 3
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _filled: dict[int, Path] = field(default_factory=dict)

    def work(self, events: int) -> Workload:
        """A workload of this run's people."""
        return Workload(now=NOW, zone=ZONE, events=events, people=self.people)

    def plain_events(self, count: int) -> list[UsageEvent]:
        """Events with only what a row of the ledger holds: no cost, error or first token."""
        bare = dict.fromkeys(("provider", "cost_nano", "currency", "error", "ttft_ms"))
        return [replace(event, **bare) for event in self.full_events(count)]  # type: ignore[arg-type]  # all of them are optional

    def full_events(self, count: int) -> list[UsageEvent]:
        """Events as the demo's gateway reports them: the first of as many as a database gets.

        How many share a day decides what a batch costs.
        """
        return list(islice(chain.from_iterable(prompts(self.work(self.events), 20_000)), count))

    def filled(self, events: int) -> Path:
        """A database with that many events; only to be read."""
        if events not in self._filled:
            file, work = (self.keep or self.folder) / f"filled-{events}.db", self.work(events)
            if not database.is_fresh(file, work):
                database.create(file, work, step=lambda _: None)
            self._filled[events] = file
        return self._filled[events]

    def figures(self) -> dict[str, Figure]:
        """Figures of real answers by their line."""
        with (
            opened(f"sqlite:///{self.filled(self.small)}") as engine,
            closing(Desk(engine, now=lambda: NOW)) as desk,
        ):
            figures = {line: desk.answer(line, HERE).figure for line in DRAWN}
        return {line: figure for line, figure in figures.items() if figure is not None}

    def fresh(self) -> Path:
        """A migrated database without usage."""
        template = self.folder / "template.db"
        if not template.exists():
            with opened(f"sqlite:///{template}") as engine:
                upgrade(engine, zone=ZONE, now=NOW)
        return Path(shutil.copy(template, self.folder / f"fresh-{next(self._numbers)}.db"))


def ledger_of(engine: sa.Engine) -> Ledger:
    """The ledger of the only workspace."""
    with reading(engine) as connection:
        workspace = find_workspace(connection, None)
    return Ledger(engine, workspace, Labels(engine, workspace.id))
