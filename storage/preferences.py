"""Small remembered values: choices of people and workspaces, and the program's own state."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.models  # noqa: F401  # declares the tables that are looked up below
from storage.engine import insert_for

_PREFERENCE = SQLModel.metadata.tables["preference"]
_STATE = SQLModel.metadata.tables["state"]
MAX_VALUE = 2000  # characters of a state
# Built once, because every event that is written alone asks for a state first.
_CHOSEN = sa.select(_PREFERENCE.c.value).where(
    _PREFERENCE.c.workspace_id == sa.bindparam("ours"),
    _PREFERENCE.c.person_id == sa.bindparam("person"),
    _PREFERENCE.c.name == sa.bindparam("name"),
)
_KEPT = sa.select(_STATE.c.value).where(
    _STATE.c.workspace_id == sa.bindparam("ours"), _STATE.c.name == sa.bindparam("name")
)


def preference(
    connection: sa.Connection, workspace_id: int, name: str, *, person_id: int = 0
) -> str | None:
    """The choice of one person, or of the workspace (`person_id` 0); None when none was made."""
    keys = {"ours": workspace_id, "person": person_id, "name": name}
    found: str | None = connection.execute(_CHOSEN, keys).scalar()
    return found


def preferences(
    connection: sa.Connection, workspace_id: int, person_id: int | None
) -> tuple[dict[str, str], dict[str, str]]:
    """Every choice of the workspace, and those of one person; none for nobody."""
    here = _PREFERENCE.c.workspace_id == workspace_id
    wanted = sa.select(_PREFERENCE.c.person_id, _PREFERENCE.c.name, _PREFERENCE.c.value).where(
        here, _PREFERENCE.c.person_id.in_({0, person_id or 0})
    )
    ours: dict[str, str] = {}
    own: dict[str, str] = {}
    for owner, name, value in connection.execute(wanted):
        (own if owner else ours)[name] = value
    return ours, own


def drop_preference(
    connection: sa.Connection, workspace_id: int, name: str, *, person_id: int = 0
) -> None:
    """Forget a choice: what holds without one holds again."""
    connection.execute(
        sa.delete(_PREFERENCE).where(
            _PREFERENCE.c.workspace_id == workspace_id,
            _PREFERENCE.c.person_id == person_id,
            _PREFERENCE.c.name == name,
        )
    )


def set_preference(
    connection: sa.Connection, workspace_id: int, name: str, value: str, *, person_id: int = 0
) -> None:
    """Remember a choice, replacing an earlier one."""
    keys = {"workspace_id": workspace_id, "person_id": person_id, "name": name}
    _upsert(connection, _PREFERENCE, keys, value=value)


def state(connection: sa.Connection, name: str, workspace_id: int = 0) -> str | None:
    """What the program remembered under a name; workspace 0 is the installation."""
    found: str | None = connection.execute(_KEPT, {"ours": workspace_id, "name": name}).scalar()
    return found


def set_state(connection: sa.Connection, name: str, value: str, *, workspace_id: int = 0) -> None:
    """Remember a value of the program's own, replacing an earlier one.

    Raises ValueError for a longer one than a row holds: SQLite alone would take it.
    """
    if len(value) > MAX_VALUE:
        raise ValueError(f"{name} is {len(value)} characters long")
    _upsert(connection, _STATE, {"workspace_id": workspace_id, "name": name}, value=value)


def count_up(connection: sa.Connection, name: str, workspace_id: int) -> None:
    """Raise a number the program remembers by one; the database adds, so none is lost."""
    keys = {"workspace_id": workspace_id, "name": name}
    raised = sa.cast(_STATE.c.value, sa.BigInteger) + 1
    insert = insert_for(connection, _STATE).values(**keys, value="1")
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=list(keys), set_={"value": sa.cast(raised, sa.String)}
        )
    )


def _upsert(
    connection: sa.Connection, table: sa.Table, keys: Mapping[str, object], *, value: str
) -> None:
    insert = insert_for(connection, table).values(**keys, value=value)
    connection.execute(
        insert.on_conflict_do_update(index_elements=list(keys), set_={"value": value})
    )
