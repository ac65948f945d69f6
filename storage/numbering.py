"""The next free number of a table whose rows are numbered inside their workspace."""

from __future__ import annotations

import sqlalchemy as sa

from storage import locks


def next_id(connection: sa.Connection, table: sa.Table, workspace_id: int) -> int:
    """One more than the highest id; the workspace's row is held, so nobody else gets it too."""
    locks.hold(connection, workspace_id)
    highest = sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0)).where(
        table.c.workspace_id == workspace_id
    )
    return int(connection.execute(highest).scalar_one()) + 1
