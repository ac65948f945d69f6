"""Who may write one workspace at the same time.

SQLite has one writer anyway.  On PostgreSQL every write of usage holds its workspace shared and a
rebuild holds it alone, because a rebuild throws away cells that a writer may just be adding to.
What else is kept of a workspace (names, prices, audit) is written under its row.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.models  # noqa: F401  # declares the table that is looked up below

_ROW = SQLModel.metadata.tables["workspace"]
# First halves of PostgreSQL's two-number advisory locks; any number nobody else uses.
_WORKSPACE = 0x6372_6564
_SOURCE = 0x6372_7372


def share(connection: sa.Connection, workspace_id: int) -> None:
    """Write beside other writers, never beside a rebuild, until the transaction ends."""
    _lock(connection, "pg_advisory_xact_lock_shared", _WORKSPACE, workspace_id)


def alone(connection: sa.Connection, workspace_id: int) -> None:
    """Wait until every other writer of the workspace is done, and keep them waiting."""
    _lock(connection, "pg_advisory_xact_lock", _WORKSPACE, workspace_id)


def hold(connection: sa.Connection, workspace_id: int) -> None:
    """Hold the workspace's row until the transaction ends.

    Before any other row that is not usage, or two writers wait for each other.
    """
    connection.execute(
        sa.select(_ROW.c.workspace_id)
        .where(_ROW.c.workspace_id == workspace_id)
        .with_for_update()  # SQLite writes nothing here: its only writer already holds the file
    )


def try_hold(connection: sa.Connection, workspace_id: int) -> bool:
    """Hold the workspace's row if nobody does: for who holds other rows and must not wait."""
    free = sa.select(_ROW.c.workspace_id).where(_ROW.c.workspace_id == workspace_id)
    return connection.execute(free.with_for_update(skip_locked=True)).first() is not None


def be_impatient(connection: sa.Connection, seconds: float) -> None:
    """Wait at most so long for any lock of this transaction, then DatabaseBusy."""
    if connection.dialect.name == "postgresql":  # SQLite's only lock was taken at the beginning
        limit = sa.text("SELECT set_config('lock_timeout', :ms, true)")
        connection.execute(limit, {"ms": str(int(seconds * 1000))})


def one_by_one(connection: sa.Connection, workspace_id: int, source_ids: Iterable[int]) -> None:
    """Let only one transaction at a time replace slices of the sources."""
    for source_id in sorted(source_ids):
        # Both are SMALLINT, so their pair fits the second number of the lock.
        _lock(
            connection,
            "pg_advisory_xact_lock",
            _SOURCE,
            (workspace_id << 15 | source_id) & 0x7FFF_FFFF,
        )


def _lock(connection: sa.Connection, function: str, kind: int, number: int) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT {function}(%s, %s)", (kind, number))  # our names
