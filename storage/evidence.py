"""What advice on models is drawn from: who did which task with which model, and how it went.

Gathered once a night from the 60 complete days before, because it reads the ledger.  Only single
prompts with a known task count.  The thirds are those of prompt size within a task, so that easy
prompts are compared with easy ones: 1 is the shortest, 0 holds prompts of unknown size.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.decisions  # noqa: F401  # declares the tables that are looked up below
from storage import locks
from storage.engine import fill, reading, writing
from storage.preferences import count_up, set_state, state
from storage.records import EVENT
from storage.timekeys import Clock, to_micros
from storage.workspaces import WorkspaceInfo

DAYS = 60
THIRDS = 3
_DAY, _VERSION = "evidence_day", "evidence_version"
_EVIDENCE = SQLModel.metadata.tables["evidence"]
_RATING = SQLModel.metadata.tables["chat_rating"]


class Evidence(NamedTuple):
    """The prompts of one person with one model in one third of a task's prompt sizes, 1 to 3.

    `ok` of `ok_n` prompts with known outcome succeeded; `credits` are micro-credits.  The ratings
    are those of the prompts, and in part 0 also the stars given in chat, which know no size.
    """

    task_id: int
    model_id: int
    person_id: int
    third: int
    prompts: int
    ok_n: int
    ok: int
    credits: int
    rating_sum: int
    rating_n: int


def gather(engine: sa.Engine, workspace: WorkspaceInfo, *, now: datetime) -> None:
    """Gather the evidence of the days before today.

    Read first and written then, so that other writers wait only for the writing.
    """
    clock = workspace.clock()
    day = clock.day(now)
    with reading(engine) as connection:
        found = _found(connection, workspace.id, clock, day)
    with writing(engine) as connection:
        _keep(connection, workspace.id, day, found)


def rebuild_evidence(connection: sa.Connection, workspace_id: int, clock: Clock, day: int) -> None:
    """Gather the evidence of the 60 days before a local day in one transaction."""
    _keep(connection, workspace_id, day, _found(connection, workspace_id, clock, day))


def read_evidence(connection: sa.Connection, workspace_id: int) -> list[Evidence]:
    """Everything that was gathered last, by key."""
    wanted = (
        sa.select(*(_EVIDENCE.c[name] for name in Evidence._fields))
        .where(_EVIDENCE.c.workspace_id == workspace_id)
        .order_by(*(_EVIDENCE.c[name] for name in Evidence._fields[:4]))
    )
    return [Evidence._make(row) for row in connection.execute(wanted)]


def work_by_person(
    connection: sa.Connection, workspace_id: int
) -> dict[tuple[int, int], tuple[int, int]]:
    """Prompts and micro-credits of everybody's tasks, by person and task."""
    keys = (_EVIDENCE.c.person_id, _EVIDENCE.c.task_id)
    sums = (sa.func.sum(_EVIDENCE.c.prompts), sa.func.sum(_EVIDENCE.c.credits))
    wanted = sa.select(*keys, *sums).where(_EVIDENCE.c.workspace_id == workspace_id)
    rows = (tuple(map(int, row)) for row in connection.execute(wanted.group_by(*keys)))
    return {(person, task): (prompts, credits) for person, task, prompts, credits in rows}


def evidence_day(connection: sa.Connection, workspace_id: int) -> int | None:
    """The local day before which the evidence lies; None when none was gathered yet."""
    found = state(connection, _DAY, workspace_id)
    return int(found) if found else None


def evidence_version(connection: sa.Connection, workspace_id: int) -> str | None:
    """Another text each time evidence was gathered; None before the first time."""
    return state(connection, _VERSION, workspace_id)


def is_stale(connection: sa.Connection, workspace_id: int, day: int) -> bool:
    """Whether the evidence is not that of a local day."""
    return evidence_day(connection, workspace_id) != day


def forget(connection: sa.Connection, workspace_id: int) -> None:
    """Let the evidence be gathered again soon, because much of the past has changed."""
    set_state(connection, _DAY, "", workspace_id=workspace_id)


def _keep(
    connection: sa.Connection, workspace_id: int, day: int, found: Sequence[tuple[int, ...]]
) -> None:
    locks.hold(connection, workspace_id)
    connection.execute(sa.delete(_EVIDENCE).where(_EVIDENCE.c.workspace_id == workspace_id))
    if found:
        fill(connection, _EVIDENCE, [(workspace_id, *row) for row in found])
    set_state(connection, _DAY, str(day), workspace_id=workspace_id)
    count_up(connection, _VERSION, workspace_id)


def _found(
    connection: sa.Connection, workspace_id: int, clock: Clock, day: int
) -> list[tuple[int, ...]]:
    prompts = _prompts(workspace_id, clock, day)
    every = sa.union_all(sa.select(prompts), _stars(workspace_id, day)).subquery()
    keys = [every.c[name] for name in Evidence._fields[:4]]
    sums = [sa.func.sum(every.c[name]) for name in Evidence._fields[4:]]
    rows = connection.execute(sa.select(*keys, *sums).group_by(*keys).order_by(*keys))
    return [tuple(map(int, row)) for row in rows]


def _prompts(workspace_id: int, clock: Clock, day: int) -> sa.Subquery:
    """Each prompt as a row of evidence."""
    first, end = (to_micros(clock.midnight(edge)) for edge in (day - DAYS, day))
    columns: list[sa.ColumnElement[Any]] = [
        EVENT.c.task_id,
        EVENT.c.model_id,
        EVENT.c.person_id,
        _third().label("third"),
        EVENT.c.prompts,
        EVENT.c.ok_n,
        EVENT.c.ok,
        EVENT.c.credits,
        EVENT.c.rating.label("rating_sum"),
        sa.case((EVENT.c.rating > 0, 1), else_=0).label("rating_n"),
    ]
    return (
        sa.select(*columns)
        .where(
            EVENT.c.workspace_id == workspace_id,
            EVENT.c.ts >= first,
            EVENT.c.ts < end,
            EVENT.c.grain == 0,
            EVENT.c.prompts == 1,
            EVENT.c.task_id != 0,
        )
        .subquery()
    )


def _third() -> sa.ColumnElement[int]:
    """Equal sizes share a third, whatever order a database finds them in; 0 is unknown."""
    alike = (EVENT.c.task_id, EVENT.c.tokens_in > 0)
    smaller = sa.func.rank().over(partition_by=alike, order_by=EVENT.c.tokens_in) - 1
    of_task = sa.func.count().over(partition_by=alike)
    return sa.case((EVENT.c.tokens_in > 0, 1 + smaller * THIRDS // of_task), else_=0)


def _stars(workspace_id: int, day: int) -> sa.Select[Any]:
    """The stars given in chat as rows of evidence without a prompt."""
    none = [sa.literal(0).label(name) for name in ("third", "prompts", "ok_n", "ok", "credits")]
    keys = (_RATING.c.task_id, _RATING.c.model_id, _RATING.c.person_id)
    return sa.select(*keys, *none, _RATING.c.stars, sa.literal(1)).where(
        _RATING.c.workspace_id == workspace_id,
        _RATING.c.day >= day - DAYS,
        _RATING.c.day < day,
        _RATING.c.task_id != 0,
    )
