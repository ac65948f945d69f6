"""Who is known in a workspace, for an operator to look at: people with their identities."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.models  # noqa: F401  # declares the tables that are looked up below

_PERSON = SQLModel.metadata.tables["person"]
_ALIAS = SQLModel.metadata.tables["person_alias"]
_DEPARTMENT = SQLModel.metadata.tables["department"]


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """A person with the department its usage belongs to, None for none, and its identities."""

    name: str
    department: str | None
    identities: tuple[str, ...]


def list_people(connection: sa.Connection, workspace_id: int) -> list[KnownPerson]:
    """Every person of a workspace, by name; identities by alphabet."""
    identities: defaultdict[int, list[str]] = defaultdict(list)
    aliases = sa.select(_ALIAS.c.person_id, _ALIAS.c.alias).order_by(_ALIAS.c.alias)
    for person_id, alias in connection.execute(
        aliases.where(_ALIAS.c.workspace_id == workspace_id)
    ):
        identities[person_id].append(alias)
    home = sa.and_(
        _DEPARTMENT.c.workspace_id == _PERSON.c.workspace_id,
        _DEPARTMENT.c.id == _PERSON.c.department_id,
    )
    wanted = (
        sa.select(_PERSON.c.id, _PERSON.c.name, _DEPARTMENT.c.name)
        .select_from(_PERSON.outerjoin(_DEPARTMENT, home))
        .where(_PERSON.c.workspace_id == workspace_id)
        .order_by(sa.func.lower(_PERSON.c.name), _PERSON.c.id)
    )
    return [
        KnownPerson(name, department, tuple(identities[number]))
        for number, name, department in connection.execute(wanted)
    ]
