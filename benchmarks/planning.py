"""Ten thousand schedules due in one minute: how long until all of them stand in the outbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import cycle, islice

import sqlalchemy as sa
from sqlmodel import SQLModel

import bot.commands  # noqa: F401  # registers every command
from benchmarks.lab import NOW, ZONE, Lab
from benchmarks.measurement import Measurement, spending
from benchmarks.postgres import fresh_database, server
from bot.context import Place
from bot.subscriptions.planner import plan
from bot.subscriptions.rounds import rounds
from storage.destinations import destination_of
from storage.engine import opened, writing
from storage.timekeys import day_number
from storage.workspaces import find_workspace

MANY = 10_000
CHANNELS = 200
GOAL = "10,000 schedules due in one minute are planned, {}"
# All are due in the same minute of the day after NOW, a Wednesday.
SCHEDULES = (
    ("daily 09:00", "digest daily"),
    ("weekly wed 09:00", "digest weekly"),
    ("monthly 11 09:00", "by-department this month"),
    ('cron "0 9 * * mon-fri"', "by-model last 30d"),
)


def measure(lab: Lab) -> list[Measurement]:
    """Seconds of one planner on either database."""
    return list(_measured(lab))


def _measured(lab: Lab) -> Iterator[Measurement]:
    count = min(MANY, lab.events)
    with opened(f"sqlite:///{lab.fresh()}") as engine:
        yield _planned(engine, count, "SQLite")
    try:
        with server() as url, fresh_database(url) as engine:
            yield _planned(engine, count, "PostgreSQL")
    except ImportError:
        yield Measurement(GOAL.format("PostgreSQL"), None, 10, "s")


def _planned(engine: sa.Engine, count: int, name: str) -> Measurement:
    _subscribe(engine, count)
    with spending() as spent:
        planned = 0
        while new := plan(engine, NOW + timedelta(days=1)):
            planned += new
    if planned != count:
        raise RuntimeError(f"{planned} of {count} were planned")
    note = f"{count:,} subscriptions, {spent.cpu:.1f} s of this processor"
    return Measurement(GOAL.format(name), spent.wall, 10, "s", note=note)


def _subscribe(engine: sa.Engine, count: int) -> None:
    """So many subscriptions of some channels, each due once on the next morning."""
    table = SQLModel.metadata.tables["subscription"]
    with writing(engine) as connection:
        workspace = find_workspace(connection, None)
        channels = [
            destination_of(
                connection,
                workspace.id,
                platform="slack",
                external_id="T1",
                place=Place(f"C{number}", f"channel-{number}"),
                actor="slack:T1:U1",
                now=NOW,
            )
            for number in range(CHANNELS)
        ]
        firsts = {text: next(rounds(text, ZONE, ZONE).after(NOW)) for text, _ in SCHEDULES}
        kinds = islice(cycle(SCHEDULES), count)
        rows = [
            {
                "workspace_id": workspace.id,
                "id": number,
                "destination_id": channels[number % CHANNELS].id,
                "line": line,
                "schedule": text,
                "zone": ZONE,
                "next_due": firsts[text].due_at,
                "next_first_day": day_number(firsts[text].period.first),
                "catchup": "latest",
                "created_by": "slack:T1:U1",
                "created_at": NOW,
            }
            for number, (text, line) in enumerate(kinds, 1)
        ]
        connection.execute(sa.insert(table), rows)
