"""The accounts usage belongs to, and what their units are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import SQLModel

from storage.engine import insert_for
from storage.errors import StorageError
from storage.pricing import factors

_SOURCE = SQLModel.metadata.tables["source"]
_FACTOR = SQLModel.metadata.tables["source_factor"]
_DETAIL = SQLModel.metadata.tables["usage_detail"]


@dataclass(frozen=True, slots=True)
class Account:
    """A source with the micro-credits that one of each of its units is worth."""

    id: int
    name: str
    kind: str
    factors: Mapping[str, int]


def list_accounts(connection: sa.Connection, workspace_id: int) -> list[Account]:
    """Every source of a workspace, by name."""
    known = factors(connection, workspace_id)
    rows = connection.execute(
        sa.select(_SOURCE).where(_SOURCE.c.workspace_id == workspace_id).order_by(_SOURCE.c.name)
    )
    return [Account(row.id, row.name, row.kind, known.get(row.id, {})) for row in rows]


def set_factor(
    connection: sa.Connection, workspace_id: int, *, name: str, unit: str | None, factor: int
) -> str:
    """Keep what a unit is worth, in micro-credits; returns the unit.

    Without a unit it is the only one the source has stated that is not priced; raises
    StorageError when there is no such source, or none or several such units.
    """
    accounts = {account.name: account for account in list_accounts(connection, workspace_id)}
    if name not in accounts:
        known = ", ".join(accounts) or "none yet"
        raise StorageError(f"There is no source '{name}'.", hint=f"Sources: {known}.")
    source = accounts[name].id
    chosen = unit or _only_unit(connection, workspace_id, source, name)
    insert = insert_for(connection, _FACTOR).values(
        workspace_id=workspace_id, source_id=source, unit=chosen, factor=factor
    )
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["workspace_id", "source_id", "unit"], set_={"factor": factor}
        )
    )
    return chosen


def _only_unit(connection: sa.Connection, workspace_id: int, source: int, name: str) -> str:
    stated = sa.select(_DETAIL.c.unit).where(
        _DETAIL.c.workspace_id == workspace_id,
        _DETAIL.c.source_id == source,
        _DETAIL.c.unit.is_not(None),
    )
    units = sorted({row.unit for row in connection.execute(stated.distinct())})
    if len(units) == 1:
        return str(units[0])
    listed = ", ".join(units) or "none in another unit than the workspace's"
    raise StorageError(f"Which unit of '{name}'?", hint=f"Name it with --unit: {listed}.")
