"""What people think of proposals: those they declined or accepted are not made again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.decisions  # noqa: F401  # declares the table that is looked up below
from storage.engine import insert_for

OpinionStatus = Literal["declined", "accepted"]
_OPINION = SQLModel.metadata.tables["advice_opinion"]
_ID = ["workspace_id", "task_id", "from_model", "to_model"]


@dataclass(frozen=True, slots=True)
class Opinion:
    """What somebody decided about a cheaper model for a task.

    `predicted` are the micro-credits a month that the proposal promised; `until` ends a refusal,
    None for never.
    """

    task_id: int
    from_model: int
    to_model: int
    status: OpinionStatus
    at: datetime
    actor: str
    predicted: int
    until: datetime | None = None


_COLUMNS = [_OPINION.c[name] for name in Opinion.__slots__]


def list_opinions(connection: sa.Connection, workspace_id: int) -> list[Opinion]:
    """Every opinion, the newest first; also those whose time is over."""
    order = (_OPINION.c.at.desc(), *(_OPINION.c[name] for name in _ID))
    wanted = sa.select(*_COLUMNS).where(_OPINION.c.workspace_id == workspace_id).order_by(*order)
    return [Opinion(*row) for row in connection.execute(wanted)]


def set_opinion(connection: sa.Connection, workspace_id: int, opinion: Opinion) -> None:
    """Remember an opinion, replacing an earlier one of the same proposal."""
    values = {column.name: getattr(opinion, column.name) for column in _COLUMNS}
    insert = insert_for(connection, _OPINION).values(workspace_id=workspace_id, **values)
    rest = {name: value for name, value in values.items() if name not in _ID}
    connection.execute(insert.on_conflict_do_update(index_elements=_ID, set_=rest))
