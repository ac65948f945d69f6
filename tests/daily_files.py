"""A source that reports whole days, one file each, as a nightly import brings them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from storage.engine import writing
from storage.events import Granularity, Route
from storage.import_log import BATCH, Exports
from storage.ledger import Origin
from storage.timekeys import DAY_US, Clock, day_number
from tests.analytics.world import World
from tests.cast import ZONE, event

DAY, WEEK = timedelta(days=1), timedelta(days=7)


def came(day: date, wait: timedelta) -> datetime:
    """The moment so long after the local end of a day."""
    return Clock(ZONE).midnight(day_number(day) + 1) + wait


def bring(world: World, days: Sequence[date], at: datetime, *, rows: int = 2) -> None:
    """One file about some days that comes at a moment, after those before; no rows are empty."""
    batch = _batch(world.engine, at)
    origin = Origin("copilot", "copilot", Route.FILE, batch)
    numbers = [day_number(day) for day in days]
    events = [
        event(event_id=f"{day}-{row}", ts=day * DAY_US, granularity=Granularity.DAY, prompts=40)
        for day in numbers
        for row in range(rows)
    ]
    source = 1
    if events:
        world.ledger.replace_slices(events, origin, now=at)
    with writing(world.engine) as connection:
        slices = {(source, day) for day in numbers}
        exports = Exports(connection, world.workspace.id)
        exports.note(slices, int(at.timestamp()), batch_id=batch)


def _batch(engine: sa.Engine, at: datetime) -> int:
    with writing(engine) as connection:
        number = 1 + (connection.execute(sa.select(sa.func.max(BATCH.c.id))).scalar() or 0)
        row = {"workspace_id": 1, "kind": "copilot", "file": "a.csv", "counts": {}}
        connection.execute(sa.insert(BATCH).values(**row, id=number, started_at=at))
    return int(number)


def every_day(world: World, last: date, *, weeks: int = 5, wait: timedelta = DAY / 3) -> None:
    """A file for each day up to the last, which comes so long after its end."""
    for ago in range(7 * weeks, -1, -1):
        day = last - ago * DAY
        bring(world, [day], came(day, wait))
