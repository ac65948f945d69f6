"""Trials: the same task on two models, drawn at random for each prompt.

The bot cannot route prompts.  It says which arm a prompt belongs to; the team's gateway obeys, and
the usage events carry `trial` and `arm`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal, NamedTuple

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.decisions  # noqa: F401  # declares the table that is looked up below
from storage.errors import StorageError
from storage.events import ARMS, Arm
from storage.numbering import next_id

__all__ = [
    "ARMS",
    "Arm",
    "ArmOutcome",
    "Trial",
    "TrialRunning",
    "arm_of",
    "end_trial",
    "list_trials",
    "outcomes",
    "running_trial",
    "start_trial",
]

Status = Literal["running", "confirmed", "stopped", "no answer", "ended"]
MAX_SLICE_PCT = 50  # the control arm is as large as the slice
_EVENT = SQLModel.metadata.tables["usage_event"]
_DETAIL = SQLModel.metadata.tables["usage_detail"]
_TASK = SQLModel.metadata.tables["task"]
_TRIAL = SQLModel.metadata.tables["trial"]


class TrialRunning(StorageError):  # noqa: N818  # the mistake is the name
    """A second trial of the same task away from the same model."""


@dataclass(frozen=True, slots=True)
class Trial:
    """`slice_pct` of the prompts of a task go to `to_model`, as many stay on `from_model`.

    `planned` is the number of prompts an arm needs; `margin_pct` the loss of success, in points,
    that is still no loss.
    """

    id: int
    task_id: int
    from_model: int
    to_model: int
    slice_pct: int
    margin_pct: int
    planned: int
    status: Status
    started_at: datetime
    ended_at: datetime | None
    started_by: str


_COLUMNS = [_TRIAL.c[name] for name in Trial.__slots__]


def start_trial(  # noqa: PLR0913  # the parts of a trial, each by name
    connection: sa.Connection,
    workspace_id: int,
    *,
    task_id: int,
    from_model: int,
    to_model: int,
    slice_pct: int,
    margin_pct: int,
    planned: int,
    started_by: str,
    now: datetime,
) -> Trial:
    """Start a trial.  Raises TrialRunning, and ValueError for a slice over a half."""
    if not 0 < slice_pct <= MAX_SLICE_PCT:
        raise ValueError(f"A slice of {slice_pct} % leaves no equal control arm.")
    number = next_id(connection, _TRIAL, workspace_id)
    known = running_trial(connection, workspace_id, task_id, from_model)
    if known is not None:
        raise TrialRunning(
            f"Trial {known.id} of this task and model is still running.",
            hint="End it before another one starts.",
        )
    row = {
        "workspace_id": workspace_id,
        "id": number,
        "task_id": task_id,
        "from_model": from_model,
        "to_model": to_model,
        "slice_pct": slice_pct,
        "margin_pct": margin_pct,
        "planned": planned,
        "status": "running",
        "started_at": now,
        "started_by": started_by,
    }
    inserted = connection.execute(sa.insert(_TRIAL).values(**row).returning(*_COLUMNS))
    return Trial(*inserted.one())


def list_trials(connection: sa.Connection, workspace_id: int) -> list[Trial]:
    """Every trial, the newest first."""
    wanted = sa.select(*_COLUMNS).where(_TRIAL.c.workspace_id == workspace_id)
    return [Trial(*row) for row in connection.execute(wanted.order_by(_TRIAL.c.id.desc()))]


def running_trials(connection: sa.Connection, workspace_id: int) -> list[tuple[Trial, str]]:
    """The running trials, each with the name of its task."""
    same = sa.and_(_TASK.c.workspace_id == _TRIAL.c.workspace_id, _TASK.c.id == _TRIAL.c.task_id)
    wanted = (
        sa.select(*_COLUMNS, _TASK.c.name)
        .select_from(_TRIAL.join(_TASK, same))
        .where(_TRIAL.c.workspace_id == workspace_id, _TRIAL.c.status == "running")
        .order_by(_TRIAL.c.id)
    )
    return [(Trial(*row[:-1]), str(row[-1])) for row in connection.execute(wanted)]


def running_trial(
    connection: sa.Connection, workspace_id: int, task_id: int, from_model: int
) -> Trial | None:
    """The running trial of a task away from a model; None when there is none."""
    wanted = sa.select(*_COLUMNS).where(
        _TRIAL.c.workspace_id == workspace_id,
        _TRIAL.c.status == "running",
        _TRIAL.c.task_id == task_id,
        _TRIAL.c.from_model == from_model,
    )
    row = connection.execute(wanted).first()
    return Trial(*row) if row else None


def end_trial(
    connection: sa.Connection, workspace_id: int, trial_id: int, *, status: Status, now: datetime
) -> Trial | None:
    """End a running trial with what came of it; None when it is not running."""
    ended = connection.execute(
        sa.update(_TRIAL)
        .where(
            _TRIAL.c.workspace_id == workspace_id,
            _TRIAL.c.id == trial_id,
            _TRIAL.c.status == "running",
        )
        .values(status=status, ended_at=now)
        .returning(*_COLUMNS)
    ).first()
    return Trial(*ended) if ended else None


class ArmOutcome(NamedTuple):
    """`ok` of `n` prompts with known outcome succeeded; these prompts cost `credits` (micro)."""

    ok: int = 0
    n: int = 0
    credits: int = 0


def outcomes(
    connection: sa.Connection, workspace_id: int, trial: Trial, *, first: int | None = None
) -> dict[Arm, ArmOutcome]:
    """What came of the prompts of both arms so far, or of the `first` so many of each in time.

    By the arm that was drawn, whatever model answered: or a gateway that gives up on hard prompts
    would flatter the cheaper model.  Only prompts of the trial's task.
    """
    same = (_EVENT.c[name] == _DETAIL.c[name] for name in ("workspace_id", "source_id", "event_id"))
    order = (_EVENT.c.ts, _EVENT.c.source_id, _EVENT.c.event_id)
    place = sa.func.row_number().over(partition_by=_DETAIL.c.arm, order_by=order)
    drawn = (
        sa.select(_DETAIL.c.arm, _EVENT.c.ok, _EVENT.c.ok_n, _EVENT.c.credits, place.label("place"))
        .select_from(_DETAIL.join(_EVENT, sa.and_(*same)))
        .where(_DETAIL.c.workspace_id == workspace_id, _DETAIL.c.trial_id == trial.id)
        .where(_EVENT.c.task_id == trial.task_id, _EVENT.c.ok_n > 0)
        .subquery()
    )
    sums = (sa.func.sum(drawn.c[name]) for name in ("ok", "ok_n", "credits"))
    wanted = sa.select(drawn.c.arm, *sums).group_by(drawn.c.arm)
    if first is not None:
        wanted = wanted.where(drawn.c.place <= first)
    found = {arm: ArmOutcome(*map(int, sums)) for arm, *sums in connection.execute(wanted)}
    return {arm: found.get(arm, ArmOutcome()) for arm in ARMS}


def arm_of(trial_id: int, key: str, slice_pct: int) -> Arm | None:
    """The arm of a prompt, always the same for the same key; None for prompts outside the trial.

    Both arms are equally large and drawn by the same hash, because the rest of the traffic is no
    fair comparison.
    """
    digest = sha256(f"{trial_id}:{key}".encode("utf-8", "surrogatepass")).digest()
    place = int.from_bytes(digest[:8]) % 100
    if place < slice_pct:
        return "test"
    return "control" if place < 2 * slice_pct else None
