"""What budgets cost while usage is written, and that each threshold is told exactly once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from statistics import median

import sqlalchemy as sa

from benchmarks.ingest import BATCHES, parts
from benchmarks.lab import GATEWAY, Lab, ledger_of
from benchmarks.measurement import Measurement, Spent, spending
from benchmarks.postgres import fresh_database, server
from benchmarks.racing import THREADS, Race
from storage.budgets import Period, Scope, set_budget
from storage.engine import opened, reading, writing
from storage.events import UsageEvent
from storage.levels import check_levels
from storage.timekeys import from_micros
from storage.workspaces import find_workspace

PERIODS: tuple[Period, ...] = ("monthly", "weekly", "quarterly", "billing")
LABELS: tuple[Scope, ...] = ("department", "project", "person")
BUDGETS = 20
ENOUGH = 10**15  # micro-credits that nobody passes
SLOWER = 1.03
CROSSINGS = "thresholds crossed by {} processes of {} threads, {}: not told exactly once"


def measure(lab: Lab) -> list[Measurement]:
    """The price of twenty budgets, and the faults of the races."""
    return [*_price(lab), *_races(lab)]


def _price(lab: Lab) -> list[Measurement]:
    events = lab.plain_events(lab.sample)
    # In turns, so that whatever else the machine does falls on both.
    pairs = [(_ingest(lab, events, 0), _ingest(lab, events, BUDGETS)) for _ in range(lab.rounds)]
    ratio = median(many.cpu / none.cpu for none, many in pairs)
    name = f"ingest with {BUDGETS} budgets, batches of {BATCHES[0]:,}: cpu"
    return [Measurement(name, ratio, SLOWER, "x without budgets")]


def _ingest(lab: Lab, events: Sequence[UsageEvent], budgets: int) -> Spent:
    now = from_micros(max(event.ts for event in events)) + timedelta(minutes=1)
    with opened(f"sqlite:///{lab.fresh()}") as engine:
        ledger = ledger_of(engine)
        _limit(engine, budgets, now)
        check_levels(engine, now)
        with spending() as spent:
            for batch in parts(events, BATCHES[0]):
                ledger.write(batch, GATEWAY, now=now)
    return spent


def _limit(engine: sa.Engine, budgets: int, now: datetime) -> None:
    with writing(engine) as connection:
        ours = find_workspace(connection, None).id
        kinds: list[tuple[Scope, int, Period]] = [("workspace", 0, one) for one in PERIODS]
        kinds += [(scope, target, "monthly") for target in range(1, 7) for scope in LABELS]
        for scope, target, period in kinds[:budgets]:
            set_budget(
                connection,
                ours,
                scope=scope,
                target_id=target,
                period=period,
                amount=ENOUGH,
                now=now,
            )


def _races(lab: Lab) -> Iterator[Measurement]:
    race = Race(people=max(2, lab.events // 1_000), processes=lab.writers)
    yield _race(race, f"sqlite:///{lab.fresh()}", "SQLite")
    name = "PostgreSQL"
    try:
        with server() as url, fresh_database(url) as engine:
            yield _race(race, engine.url.render_as_string(hide_password=False), name)
    except ImportError:
        yield Measurement(CROSSINGS.format(race.processes, THREADS, name), None, 0, "of them")


def _race(race: Race, url: str, name: str) -> Measurement:
    with opened(url) as engine:
        with reading(engine) as connection:
            workspace = find_workspace(connection, None)
        race.prepare(engine, workspace)
        with spending() as spent:
            _run(race, url, workspace.id)
        faults = race.faults(engine, workspace)
    note = f"{race.crossings:,} crossings, {spent.wall:.0f} s"
    goal = CROSSINGS.format(race.processes, THREADS, name)
    return Measurement(goal, faults, 0, "of them", note=note)


def _run(race: Race, url: str, workspace_id: int) -> None:
    command = [sys.executable, "-m", "benchmarks.racing", url]
    command += map(str, (workspace_id, race.people, race.processes))
    running = [
        subprocess.Popen([*command, str(number)])  # noqa: S603  # our own interpreter and module
        for number in range(race.processes)
    ]
    for one in running:
        if one.wait():
            raise RuntimeError(f"A writer ended with {one.returncode}.")
