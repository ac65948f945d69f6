"""Ingest into SQLite through the public API, beside raw inserts and beside a naive ORM.

Raw is the driver's `executemany` into the bare ledger with its indexes: no names, no prices, no
rollups.  Event ids are random; with ids that begin with the time raw would be faster.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import TypeVar

from sqlmodel import Session

from benchmarks.lab import GATEWAY, NOW, Lab, ledger_of
from benchmarks.measurement import Measurement, Spent, spending
from storage.engine import PRAGMAS, opened
from storage.events import UsageEvent
from storage.models import LedgerEvent

SINGLES = 100  # what is slow is done with one event of so many
BATCHES = (5_000, 20_000)
Row = tuple[int | str | None, ...]
COLUMNS = tuple(column.name for column in LedgerEvent.__table__.columns)  # type: ignore[attr-defined]  # SQLModel does not declare it
_Item = TypeVar("_Item")


def measure(lab: Lab) -> list[Measurement]:
    """Ratios to raw and to the ORM, microseconds for each event."""
    plain = lab.plain_events(lab.sample)
    rows = _rows(lab, plain)
    found = [m for size in BATCHES for m in _against_raw(lab, plain, rows=rows, size=size)]
    events = lab.full_events(lab.sample)
    full = median(_api(lab, events, BATCHES[0]).cpu for _ in range(lab.rounds)) / len(events)
    return [
        *found,
        Measurement("ingest with costs and errors: cpu", full * 1e6, None, "us an event"),
        *_one_by_one(lab, plain, rows),
    ]


def _against_raw(
    lab: Lab, events: Sequence[UsageEvent], *, rows: Sequence[Row], size: int
) -> list[Measurement]:
    # In turns, so that whatever else the machine does falls on both.
    pairs = [(_raw(lab, rows, size), _api(lab, events, size)) for _ in range(lab.rounds)]
    wall = median(raw.wall / api.wall for raw, api in pairs)
    cpu = median(api.cpu / raw.cpu for raw, api in pairs)
    used = median(api.cpu for _, api in pairs) / len(events) * 1e6
    name = f"ingest, batches of {size:,}"
    return [
        Measurement(f"{name}: speed", wall, 0.30, "of raw", at_least=True),
        Measurement(f"{name}: cpu", cpu, 3.5, "x raw", note=f"{used:.1f} us an event"),
    ]


def _one_by_one(lab: Lab, events: Sequence[UsageEvent], rows: Sequence[Row]) -> list[Measurement]:
    count = max(1, len(events) // SINGLES)
    orm = _orm(lab, rows[:count])
    # The goal compares a stream of batches with a program that commits every event.
    batch = _api(lab, events, BATCHES[0])
    faster = orm.wall / count / (batch.wall / len(events))
    single = _singles(lab, events[:-count], events[-count:])
    return [
        Measurement("ingest: speed", faster, 15, "x ORM, a commit an event", at_least=True),
        Measurement("ingest, one event a call: cpu", single.cpu / count * 1e3, 0.35, "ms"),
    ]


def _singles(lab: Lab, before: Sequence[UsageEvent], events: Sequence[UsageEvent]) -> Spent:
    """Events one by one; with many before them their names are known."""
    with opened(f"sqlite:///{lab.fresh()}") as engine:
        ledger = ledger_of(engine)
        for batch in parts(before, BATCHES[1]):
            ledger.write(batch, GATEWAY, now=NOW)
        with spending() as spent:
            for event in events:
                ledger.write_one(event, GATEWAY, now=NOW)
    return spent


def _rows(lab: Lab, events: Sequence[UsageEvent]) -> list[Row]:
    """What the ledger makes of the events, in its order."""
    file = lab.fresh()
    _write(file, events, BATCHES[0])
    with closing(sqlite3.connect(file)) as connection:
        chosen = f"SELECT {','.join(COLUMNS)} FROM usage_event ORDER BY rowid"  # noqa: S608  # our names
        return connection.execute(chosen).fetchall()


def _api(lab: Lab, events: Sequence[UsageEvent], size: int) -> Spent:
    return _write(lab.fresh(), events, size)


def _write(file: Path, events: Sequence[UsageEvent], size: int) -> Spent:
    with opened(f"sqlite:///{file}") as engine:
        ledger = ledger_of(engine)
        with spending() as spent:
            for batch in parts(events, size):
                ledger.write(batch, GATEWAY, now=NOW)
    return spent


def _raw(lab: Lab, rows: Sequence[Row], size: int) -> Spent:
    marks = ",".join("?" * len(COLUMNS))
    insert = f"INSERT INTO usage_event ({','.join(COLUMNS)}) VALUES ({marks})"  # noqa: S608  # our names
    with closing(sqlite3.connect(lab.fresh(), isolation_level=None)) as connection:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        with spending() as spent:
            for batch in parts(rows, size):
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(insert, batch)
                connection.execute("COMMIT")
    return spent


def _orm(lab: Lab, rows: Sequence[Row]) -> Spent:
    with opened(f"sqlite:///{lab.fresh()}") as engine, spending() as spent:
        for row in rows:
            with Session(engine.execution_options(write=True)) as session:
                session.add(LedgerEvent(**dict(zip(COLUMNS, row, strict=True))))
                session.commit()
    return spent


def parts(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    """The items in parts of at most `size`."""
    for first in range(0, len(items), size):
        yield items[first : first + size]
