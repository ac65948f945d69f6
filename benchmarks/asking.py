"""What a line costs on a database: its SQL alone through the driver, and its whole report.

The lines are the examples of all commands and a few longer ones.  The SQL is what the report
really asked, recorded once and repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, cast

import sqlalchemy as sa

import bot.commands  # noqa: F401  # registers every command
from analytics.errors import UserError
from benchmarks.lab import HERE, NOW
from benchmarks.measurement import median_ms
from bot.context import Asker, Context
from bot.registry import COMMANDS, run
from storage.catalog import Catalog
from storage.engine import reading
from storage.reading import Reader
from storage.workspaces import find_workspace

LONGER = (
    "by-model last 12 months",
    "by-user last 12 months",
    "timeline last 12 months by month",
    "timeline last 7d by hour",
    "performance last 12 months",
    "by-task last 12 months",
    "by-project last 12 months",
    "by-department last 12 months",
)
Asked = tuple[str, Any]  # a statement with its parameters, in the form of the driver


@dataclass(frozen=True, slots=True)
class Times:
    """Median milliseconds of one line, and how many statements it asks."""

    sql: float
    report: float
    statements: int


class _Rows(Protocol):
    def fetchall(self) -> list[Any]: ...


class _Driver(Protocol):
    """What the connections of sqlite3 and psycopg have in common."""

    def execute(self, statement: str, parameters: Any, /) -> _Rows: ...  # noqa: ANN401  # each driver's own


def times_by_line(engine: sa.Engine, repeats: int) -> dict[str, Times]:
    """Times of every line that asks the database something."""
    asking = [known.example for known in COMMANDS.values() if not known.changes]
    lines = dict.fromkeys((*asking, *LONGER))
    times = {}
    with reading(engine) as connection:
        driver = cast("_Driver", connection.connection.dbapi_connection)
        reader = _reader(connection)
        for line in lines:
            try:
                _answer(line, reader)  # what is computed once a night is there then
            except UserError:  # it is about an alert or a digest, and here is none
                continue
            with _recorded(engine) as asked:
                _answer(line, reader)
            if asked:
                sql = median_ms(partial(_repeat, driver, asked), repeats)
                whole = median_ms(partial(_answer, line, reader), repeats)
                times[line] = Times(sql, whole, len(asked))
    return times


def opening_ms(engine: sa.Engine, repeats: int) -> float:
    """Milliseconds to look up workspace and catalogue, as before every question."""
    with reading(engine) as connection:
        return median_ms(partial(_reader, connection), repeats)


@contextmanager
def _recorded(engine: sa.Engine) -> Iterator[list[Asked]]:
    """The statements that go through an engine meanwhile."""
    asked: list[Asked] = []

    def listen(*event: Any) -> None:  # noqa: ANN401  # the arguments of SQLAlchemy's event
        _, _, statement, parameters, *_ = event
        asked.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", listen, named=False)
    try:
        yield asked
    finally:
        sa.event.remove(engine, "before_cursor_execute", listen)


def _repeat(driver: _Driver, asked: list[Asked]) -> None:
    for statement, parameters in asked:
        driver.execute(statement, parameters).fetchall()


def _answer(line: str, reader: Reader) -> None:
    """A question at a fresh desk: names are read again, workspace and catalogue are there."""
    fresh = Reader(reader.connection, reader.workspace, reader.catalog)
    run(line, Context(now=NOW, reader=fresh, asker=Asker(HERE, "owner")))


def _reader(connection: sa.Connection) -> Reader:
    workspace = find_workspace(connection, None)
    return Reader(connection, workspace, Catalog.load(connection, workspace.id))
