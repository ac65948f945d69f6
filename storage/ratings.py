"""Stars that people give a model in chat, for a task and a day; no usage event carries them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.decisions  # noqa: F401  # declares the table that is looked up below
from storage.crossings import Days, column, narrowed
from storage.engine import insert_for

RatingKey = Literal["model", "task", "person", "day"]
_RATING = SQLModel.metadata.tables["chat_rating"]
_PERSON = SQLModel.metadata.tables["person"]
_ID = ["workspace_id", "day", "person_id", "model_id", "task_id"]


def rate(  # noqa: PLR0913  # what is rated, by whom and when, each by name
    connection: sa.Connection,
    workspace_id: int,
    *,
    person_id: int,
    model_id: int,
    task_id: int,
    day: int,
    stars: int,
    now: datetime,
) -> None:
    """Remember 1 to 5 stars; a later rating of the same model, task and day replaces the earlier.

    `task_id` 0 says that no task was named.  Raises ValueError for other numbers of stars.
    """
    if not 1 <= stars <= 5:
        raise ValueError(f"{stars} is not between 1 and 5.")
    insert = insert_for(connection, _RATING).values(
        workspace_id=workspace_id,
        day=day,
        person_id=person_id,
        model_id=model_id,
        task_id=task_id,
        stars=stars,
        at=now,
    )
    connection.execute(
        insert.on_conflict_do_update(index_elements=_ID, set_={"stars": stars, "at": now})
    )


def rating_sums(
    connection: sa.Connection,
    workspace_id: int,
    by: Sequence[RatingKey],
    days: Days,
    where: Mapping[str, Collection[int]] | None = None,
) -> dict[tuple[int, ...], tuple[int, int]]:
    """(stars, ratings) by keys; a cell without ratings is absent.

    `where` is that of `Reader.sums`.  A department stands for the people who belong to it today; a
    rating knows no project, so a filter by one finds nothing.
    """
    keys = [_RATING.c[column(name)] for name in by]
    count = sa.func.count()
    wanted = (
        sa.select(*keys, sa.func.sum(_RATING.c.stars), count)
        .where(
            _RATING.c.workspace_id == workspace_id,
            _RATING.c.day >= days.first,
            _RATING.c.day < days.end,
            *(_chosen(workspace_id, name, ids) for name, ids in narrowed(where).items()),
        )
        .group_by(*keys)
        .having(count > 0)  # without keys there is a row even of nothing
    )
    rows = (tuple(map(int, row)) for row in connection.execute(wanted))
    return {row[:-2]: (row[-2], row[-1]) for row in rows}


def _chosen(workspace_id: int, name: str, ids: Sequence[int]) -> sa.ColumnElement[Any]:
    if name in _RATING.c:
        return _RATING.c[name].in_(ids)
    if name != "department_id":
        return sa.false()
    at_home = sa.select(_PERSON.c.id).where(
        _PERSON.c.workspace_id == workspace_id, _PERSON.c.department_id.in_(ids)
    )
    belongs = _RATING.c.person_id.in_(at_home)
    return sa.or_(belongs, _RATING.c.person_id == 0) if 0 in ids else belongs
