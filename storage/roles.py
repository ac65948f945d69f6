"""What one chat identity may do in one workspace; everybody starts as a member.

The identity is (platform, team, user id) of a signed envelope, never a name that was typed.
"""

from __future__ import annotations

from typing import Literal, cast

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.models  # noqa: F401  # declares the table that is looked up below
from storage.engine import insert_for

Role = Literal["member", "lead", "admin", "owner"]

_ROLE = SQLModel.metadata.tables["role"]
_PERSON = SQLModel.metadata.tables["person"]


def role_of(
    connection: sa.Connection,
    workspace_id: int,
    *,
    platform: str,
    external_id: str,
    user_id: str,
) -> Role:
    """The role of a user of a team; "member" for everybody nobody gave one."""
    found = connection.execute(
        sa.select(_ROLE.c.role).where(
            _ROLE.c.workspace_id == workspace_id,
            _ROLE.c.platform == platform,
            _ROLE.c.external_id == external_id,
            _ROLE.c.user_id == user_id,
        )
    ).scalar()
    return cast("Role", found or "member")


def set_role(
    connection: sa.Connection,
    workspace_id: int,
    *,
    platform: str,
    external_id: str,
    user_id: str,
    role: Role,
) -> None:
    """Give a user of a team a role, replacing the earlier one."""
    keys = {
        "workspace_id": workspace_id,
        "platform": platform,
        "external_id": external_id,
        "user_id": user_id,
    }
    insert = insert_for(connection, _ROLE).values(**keys, role=role)
    connection.execute(insert.on_conflict_do_update(index_elements=list(keys), set_={"role": role}))


def list_roles(connection: sa.Connection, workspace_id: int) -> list[tuple[str, Role]]:
    """Everybody who was given a role, as (`slack:TEAM:USER`, role), by identity."""
    columns = (_ROLE.c.platform, _ROLE.c.external_id, _ROLE.c.user_id)
    wanted = sa.select(*columns, _ROLE.c.role).order_by(*columns)
    rows = connection.execute(wanted.where(_ROLE.c.workspace_id == workspace_id))
    return [(":".join(identity), cast("Role", role)) for *identity, role in rows]


def home_of(connection: sa.Connection, workspace_id: int, person_id: int) -> int:
    """The department that a person is at home in; 0 where none is known."""
    wanted = sa.select(_PERSON.c.department_id).where(
        _PERSON.c.workspace_id == workspace_id, _PERSON.c.id == person_id
    )
    return int(connection.execute(wanted).scalar() or 0)


def team_of(connection: sa.Connection, workspace_id: int, person_id: int) -> frozenset[int]:
    """Everybody whose home department is that of a person; nobody where that has none."""
    here = _PERSON.c.workspace_id == workspace_id
    home = sa.select(_PERSON.c.department_id).where(here, _PERSON.c.id == person_id)
    chosen = sa.select(_PERSON.c.id).where(
        here, _PERSON.c.department_id == home.scalar_subquery(), _PERSON.c.department_id != 0
    )
    return frozenset(connection.execute(chosen).scalars())
