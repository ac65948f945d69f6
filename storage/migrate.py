"""Brings a database to the tables of this program: `creditbot migrate`.

Alembic walks the steps in `storage/migrations` inside one transaction, so a walk that fails leaves
everything as it was.  It is imported only here and only when a step is due: it costs 150 ms.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.decisions
import storage.outgoing
import storage.rollups  # noqa: F401  # with storage.models they declare every table
from storage.engine import explain, reading, writing
from storage.errors import DatabaseUnusable, SchemaOutdated
from storage.failpoints import failpoint
from storage.workspaces import DEFAULT_NAME, create_workspace, list_workspaces

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0004_quiet_digests"  # the newest step; the tests compare it with the folder
KNOWN = ("0001_first_light", "0002_every_question", "0003_unasked", HEAD)
LOCK = 0x63726564  # two programs that migrate one PostgreSQL database take turns
_VERSION = "alembic_version"


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What a walk did: the steps before and after, and the copy of the SQLite file it made."""

    before: str | None
    after: str
    backup: Path | None


def upgrade(engine: sa.Engine, *, zone: str, now: datetime) -> Upgrade:
    """Bring the tables up to date and make sure that the workspace "default" exists.

    A SQLite file with tables in it is copied first.  Raises StorageError for a database of another
    program or of a newer one, and for a zone that does not exist.
    """
    before = _version(engine)
    _refuse_foreign(engine, before)
    backup = None
    if engine.dialect.name == "sqlite" and before != HEAD:
        if _tables(engine):
            backup = _back_up(engine, before, now=now)
        else:
            _let_shrink(engine)
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        _walk(connection)
        if all(known.name != DEFAULT_NAME for known in list_workspaces(connection)):
            create_workspace(connection, DEFAULT_NAME, zone=zone, now=now)
        failpoint("P15", connection)
    return Upgrade(before=before, after=HEAD, backup=backup)


def is_current(engine: sa.Engine) -> bool:
    """Whether the tables are those of this program."""
    return _version(engine) == HEAD


def require_current(engine: sa.Engine) -> None:
    """Raises SchemaOutdated unless the tables are those of this program; makes no file."""
    version = require_tables(engine)
    if version != HEAD:
        raise _of_a_newer_program(version)


def require_tables(engine: sa.Engine) -> str:
    """The step of tables that a running program may go on with; raises SchemaOutdated, else.

    Steps only add, so that old processes go on while a deploy replaces them by newer ones.
    """
    file = Path(engine.url.database or "") if engine.dialect.name == "sqlite" else Path()
    is_missing = file.parent.is_dir() and not file.exists()
    version = None if is_missing else _version(engine)
    if version is None or version in KNOWN[:-1]:
        raise SchemaOutdated(
            "The database is empty or older than this program.", hint="Run `creditbot migrate`."
        )
    return version


def configuration(connection: sa.Connection) -> Config:
    """Alembic's configuration for a walk through a connection; there is no file of it."""
    from alembic.config import Config  # noqa: PLC0415  # slow

    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _walk(connection: sa.Connection) -> None:
    if _version_in(connection) == HEAD:
        return
    from alembic import command  # noqa: PLC0415  # slow

    command.upgrade(configuration(connection), "head")


def _version(engine: sa.Engine) -> str | None:
    with reading(engine) as connection:
        return _version_in(connection)


def _version_in(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(_VERSION):
        return None
    found: str | None = connection.execute(
        sa.select(sa.column("version_num")).select_from(sa.table(_VERSION))
    ).scalar()
    return found


def _tables(engine: sa.Engine) -> set[str]:
    with reading(engine) as connection:
        return set(sa.inspect(connection).get_table_names())


def _refuse_foreign(engine: sa.Engine, version: str | None) -> None:
    if version is not None and version not in KNOWN:
        raise _of_a_newer_program(version)
    taken = sorted(_tables(engine) & set(SQLModel.metadata.tables)) if version is None else []
    if taken:
        raise DatabaseUnusable(
            f'The database already has a table "{taken[0]}" that is not creditbot\'s.',
            hint="Name a database of its own in CREDITBOT_DATABASE_URL.",
        )


def _of_a_newer_program(version: str) -> SchemaOutdated:
    return SchemaOutdated(
        f'The database is at step "{version}", which this program does not know.',
        hint="A newer creditbot made it: update this one.",
    )


# ---- SQLite files


def _back_up(engine: sa.Engine, version: str | None, *, now: datetime) -> Path:
    """A consistent copy beside the file; VACUUM INTO also takes what is still in the WAL."""
    file = Path(str(engine.url.database))
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    copy = file.with_name(f"{file.stem}-before-{version or 'creditbot'}-{stamp}{file.suffix}")
    _run_alone(engine, f"VACUUM INTO '{str(copy).replace(chr(39), 2 * chr(39))}'")
    return copy


def _let_shrink(engine: sa.Engine) -> None:
    """Let a new file give back space later; entering WAL mode has already written its first page.

    In WAL mode VACUUM can still change this one property (https://sqlite.org/lang_vacuum.html).
    """
    _run_alone(engine, "PRAGMA auto_vacuum=INCREMENTAL", "VACUUM")


def _run_alone(engine: sa.Engine, *statements: str) -> None:
    """Run statements that refuse to be inside a transaction.  Raises DatabaseUnusable."""
    with engine.connect() as connection:
        driver = connection.connection.dbapi_connection
        assert isinstance(driver, sqlite3.Connection)  # noqa: S101  # only called for SQLite
        with closing(driver.cursor()) as cursor:
            try:
                for statement in statements:
                    cursor.execute(statement)
            except sqlite3.Error as error:
                raise explain(error) or DatabaseUnusable(
                    f"The database file could not be made ready: {error}.",
                    hint="Nothing was changed.",
                ) from error
