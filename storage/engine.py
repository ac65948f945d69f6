"""The one place that knows what differs between SQLite and PostgreSQL.

A transaction that will write says so before it starts: on SQLite it takes the write lock at BEGIN,
because one that reads first and writes later fails at once when another writer came between.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    NoSuchModuleError,
    ProgrammingError,
)
from sqlalchemy.pool import ConnectionPoolEntry

from storage.errors import DatabaseBusy, DatabaseUnusable, StorageError, TooSlow

MOST_CONNECTIONS = 25  # of one process; PostgreSQL gives a hundred to all
PATIENCE = 5.0  # seconds that a writer waits for another one
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",  # an answered ingest survives a power cut; free at batch size 5,000
    "foreign_keys=ON",
    f"busy_timeout={int(PATIENCE * 1000)}",
    "temp_store=MEMORY",
    "cache_size=-65536",
    "mmap_size=1073741824",
)
BUSY = ("database is locked", "database table is locked", "lock timeout", "deadlock detected")
STOPPED = ("interrupted", "statement timeout")
PROGRESS_STEPS = 20_000  # virtual machine steps between looks at the clock: below a millisecond
UNUSABLE = {
    "readonly database": "Check who owns the database file and its folder.",
    "database or disk is full": "Free some disk space and try again.",
    "no space left": "Free some disk space and try again.",
    "unable to open database file": "Check that the folder exists and may be written.",
    "file is not a database": "CREDITBOT_DATABASE_URL names another kind of file.",
    "malformed": "Restore the last backup of the database file.",
    "disk i/o error": "Check the disk that holds the database file.",
    "failed to resolve host": "Check the host in CREDITBOT_DATABASE_URL.",
}


def open_engine(url: str) -> sa.Engine:
    """An engine for a database URL; nothing is opened yet.  Raises DatabaseUnusable."""
    try:
        parsed = sa.make_url(url)
        if parsed.drivername in ("postgres", "postgresql"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        # One for each thread of a service that asks at once; an SQLite pool takes no such number.
        shared = {"pool_pre_ping": True, "max_overflow": MOST_CONNECTIONS - 5}
        engine = sa.create_engine(
            parsed,
            hide_parameters=True,  # they hold what people typed
            **({} if parsed.get_backend_name() == "sqlite" else shared),
        )
    except (sa.exc.ArgumentError, NoSuchModuleError):
        raise DatabaseUnusable(
            "CREDITBOT_DATABASE_URL is not a database URL.",
            hint="For example sqlite:///creditbot.db or postgresql://user@host/creditbot.",
        ) from None
    except ImportError:
        name = parsed.get_backend_name()
        hint = "Use SQLite or PostgreSQL."
        if name == "postgresql":
            hint = "Its driver comes with creditbot[postgres]."
        raise DatabaseUnusable(f"The database {name} cannot be used.", hint=hint) from None
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def opened(url: str) -> Iterator[sa.Engine]:
    """An engine whose connections are closed at the end, so that no write-ahead log remains."""
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver must not open transactions on its own
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("write"):
        connection.exec_driver_sql("BEGIN")
        return
    patience: float = options.get("patience", PATIENCE)
    if patience == PATIENCE:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    connection.exec_driver_sql(f"PRAGMA busy_timeout={int(patience * 1000)}")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={int(PATIENCE * 1000)}")


@contextmanager
def reading(engine: sa.Engine, *, seconds: float | None = None) -> Iterator[sa.Connection]:
    """A consistent view of the database; raises StorageError for what a person can mend.

    With `seconds`, a statement that still runs after that time is stopped: TooSlow.
    """
    with _explained(), engine.begin() as connection:
        if seconds is None:
            yield connection
            return
        with _limited(connection, seconds):
            yield connection


@contextmanager
def _limited(connection: sa.Connection, seconds: float) -> Iterator[None]:
    if connection.dialect.name != "sqlite":
        limit = sa.text("SELECT set_config('statement_timeout', :ms, true)")
        connection.execute(limit, {"ms": str(int(seconds * 1000))})
        yield
        return
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    end = time.monotonic() + seconds
    driver.set_progress_handler(lambda: time.monotonic() > end, PROGRESS_STEPS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, PROGRESS_STEPS)


@contextmanager
def writing(engine: sa.Engine, *, patience: float | None = None) -> Iterator[sa.Connection]:
    """One write transaction: everything inside is kept, or nothing.  Raises StorageError.

    With `patience` it waits at most so many seconds for SQLite's only writer.
    """
    options = {} if patience is None else {"patience": patience}
    with _explained(), engine.execution_options(write=True, **options).begin() as connection:
        yield connection


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        explained = explain(error)
        if explained is None:
            raise
        raise explained from error


def explain(error: Exception) -> StorageError | None:
    """The sentence for a driver error that a person can mend; None for our own mistakes."""
    # Those quote values, and a value may read like one of the sentences below.
    if isinstance(error, IntegrityError | DataError | ProgrammingError):
        return None
    # Only what the driver says: around it stands the statement.
    text = str(error.orig if isinstance(error, DBAPIError) else error).lower()
    if any(words in text for words in STOPPED):
        return TooSlow(
            "This question took too long and was stopped.", hint="Ask for a shorter range."
        )
    if any(words in text for words in BUSY):
        return DatabaseBusy(
            "The database is busy: another process is writing.",
            hint="Nothing was changed; try again in a moment.",
        )
    for words, hint in UNUSABLE.items():
        if words in text:
            return DatabaseUnusable(f"The database cannot be used: {words}.", hint=hint)
    if "connection" in text and ("refused" in text or "failed" in text or "closed" in text):
        return DatabaseUnusable(
            "The database server does not answer.", hint="Check CREDITBOT_DATABASE_URL."
        )
    return None


def insert_for(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """The INSERT that knows ON CONFLICT in the connection's dialect."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def fill(connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Put tuples in column order into a table by the fastest way the driver has."""
    names = ",".join(column.name for column in table.columns)
    if connection.dialect.name == "sqlite":
        marks = ",".join("?" * len(table.columns))
        statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608  # our names
        connection.exec_driver_sql(statement, list(rows))
        return
    cursor = connection.connection.cursor()
    statement = f"COPY {table.name} ({names}) FROM STDIN"
    with _wrapped(connection, statement), cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def repeat(connection: sa.Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run a statement of the driver for each row.

    An event changes dozens of cells, and for one row SQLAlchemy takes longer than SQLite.
    """
    cursor = connection.connection.cursor()
    with _wrapped(connection, statement):
        cursor.executemany(statement, rows)
    cursor.close()


@contextmanager
def _wrapped(connection: sa.Connection, statement: str) -> Iterator[None]:
    """Errors of a cursor that SQLAlchemy does not see, as it raises them."""
    driver = connection.dialect.loaded_dbapi
    try:
        yield
    except driver.Error as error:
        raise DBAPIError.instance(
            statement, None, error, driver.Error, dialect=connection.dialect
        ) from error
