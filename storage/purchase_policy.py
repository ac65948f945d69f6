"""When a workspace buys credits by itself: off until somebody with the right turns it on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.outgoing  # noqa: F401  # declares the table that is looked up below
from storage.engine import insert_for

Provider = Literal["dry-run", "webhook"]
Approval = Literal["admin", "automatic"]
Approvers = Literal["owners", "admins"]
_POLICY = SQLModel.metadata.tables["purchase_policy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules of buying; amounts are micro-credits.

    It begins when `trigger_pct` per cent are used, or fewer than `trigger_left` are left: one of
    them is None.  Either a `pack` is bought, or what brings the balance to `target`.  No month buys
    more than `ceiling`.  `approvers` may say yes to a purchase, and change these rules.
    """

    is_on: bool = False
    provider: Provider = "dry-run"
    url: str | None = None
    trigger_pct: int | None = 100
    trigger_left: int | None = None
    pack: int | None = None
    target: int | None = None
    ceiling: int
    approval: Approval = "admin"
    approvers: Approvers = "owners"


_COLUMNS = [_POLICY.c[name] for name in Policy.__slots__]


def find_policy(connection: sa.Connection, workspace_id: int) -> Policy | None:
    """The policy of a workspace; None where nobody made one."""
    wanted = sa.select(*_COLUMNS).where(_POLICY.c.workspace_id == workspace_id)
    row = connection.execute(wanted).mappings().first()
    return None if row is None else Policy(**row)


def keep_policy(
    connection: sa.Connection, workspace_id: int, policy: Policy, *, actor: str, now: datetime
) -> None:
    """Set the policy of a workspace, replacing the earlier one."""
    values = asdict(policy) | {"updated_by": actor, "updated_at": now}
    insert = insert_for(connection, _POLICY).values(workspace_id=workspace_id, **values)
    connection.execute(insert.on_conflict_do_update(index_elements=["workspace_id"], set_=values))


def buying_workspaces(connection: sa.Connection) -> list[int]:
    """The workspaces whose policy is on."""
    wanted = sa.select(_POLICY.c.workspace_id).where(_POLICY.c.is_on)
    return list(connection.execute(wanted.order_by(_POLICY.c.workspace_id)).scalars())
