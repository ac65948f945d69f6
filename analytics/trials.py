"""Trials as people see them: what one would take, how they stand, what came of them.

Success is told only at the two planned looks: who looks more often finds what is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from analytics.advice import TrialResult
from analytics.advice_basis import Names, current_multipliers
from analytics.advice_words import Names as Spoken
from analytics.errors import UserError
from analytics.evidence import Pair
from analytics.numbers import count_text, counted, rate_text
from analytics.report import Actions, Button, Column, Note, Report, Row, Table
from analytics.text import typed
from analytics.trial import Look, Plan, Status, fitting_slice, looks_of, plan_trial, status_of
from analytics.wilson import Tally
from storage.audit import record_own
from storage.reading import Days, Reader
from storage.trials import Arm, ArmOutcome, Trial, end_trial, list_trials, outcomes

PLAN_DAYS = 60
NO_ROUTE = (
    "creditbot does not route prompts: your gateway asks `GET /v1/trials/assign` for each one and "
    "sends `trial` and `arm` with its usage."
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A trial that somebody wants: a slice of a task's prompts, and a margin in points."""

    pair: Pair
    slice_pct: int
    margin_pct: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A trial and what came of it; `so_far` are all prompts of both arms with known outcome."""

    trial: Trial
    status: Status
    look: Look | None
    so_far: Look

    def result(self, now: datetime) -> TrialResult:
        """What advice needs to know of it."""
        trial, shown = self.trial, self.look or self.so_far
        age = (now - trial.ended_at).days if trial.ended_at else 0
        return TrialResult(
            (trial.task_id, trial.from_model, trial.to_model),
            self.status,
            trial.margin_pct,
            shown.control,
            shown.test,
            age,
        )


# ---- how they stand


def standings(connection: sa.Connection, workspace_id: int) -> list[Standing]:
    """Every trial as it stands, the oldest first, so that the last of a pair counts."""
    trials = reversed(list_trials(connection, workspace_id))
    return [standing(connection, workspace_id, trial) for trial in trials]


def standing(connection: sa.Connection, workspace_id: int, trial: Trial) -> Standing:
    """One trial, judged at the looks that its prompts allow; one that was ended has no answer."""
    so_far = _look(outcomes(connection, workspace_id, trial))
    fewest = min(so_far.control.n, so_far.test.n)
    looks: list[Look] = []
    status: Status = "running"
    for size in looks_of(trial.planned):
        if size > fewest or status != "running":
            break
        looks.append(_look(outcomes(connection, workspace_id, trial, first=size)))
        status = status_of(trial.planned, trial.margin_pct, looks)
    if trial.status == "ended" and status == "running":
        status = "no answer"
    return Standing(trial, status, looks[-1] if looks else None, so_far)


def end_decided(connection: sa.Connection, workspace_id: int, *, now: datetime) -> list[Trial]:
    """End the running trials that have their answer, and give them back."""
    ended = []
    for trial in list_trials(connection, workspace_id):
        if trial.status != "running":
            continue
        status = standing(connection, workspace_id, trial).status
        if status != "running":
            done = end_trial(connection, workspace_id, trial.id, status=status, now=now)
            if done is not None:
                record_own(
                    connection,
                    workspace_id,
                    at=now,
                    action="trial ended",
                    object=f"trial {trial.id}",
                    before="running",
                    after=status,
                )
                ended.append(done)
    return ended


def _look(found: Mapping[Arm, ArmOutcome]) -> Look:
    control, test = found["control"], found["test"]
    return Look(Tally(control.n, control.ok), Tally(test.n, test.ok))


def status_report(found: Sequence[Standing], names: Names, now: datetime) -> Report:
    """Every trial with its prompts so far; success at its last look."""
    if not found:
        return Report(
            "Trials",
            "No trial was started yet",
            (Note("`recommend` proposes some.", "hint"), Actions((Button("Advice", "recommend"),))),
        )
    newest = list(reversed(found))
    running = [one for one in newest if one.status == "running"]
    rows = tuple(_row(one, names, now) for one in newest)
    columns = (
        Column("trial", "Trial", "count"),
        Column("task", "Task"),
        Column("model", "From"),
        Column("to_model", "To"),
        Column("status", "Status"),
        Column("n", "Prompts"),
        Column("success", "Success at the last look"),
        Column("days", "Days", "count"),
    )
    return Report(
        "Trials",
        f"{counted(len(running), 'trial')} running, {count_text(len(newest) - len(running))} ended",
        (
            Table(columns, rows),
            Note("Success is told at half and at the whole of the planned prompts, never between."),
            *([Note(NO_ROUTE)] if running else []),
            Actions((Button("Advice", "recommend"),)),
        ),
    )


def _row(one: Standing, names: Names, now: datetime) -> Row:
    trial = one.trial
    spoken = names.of((trial.task_id, trial.from_model, trial.to_model))
    planned = count_text(trial.planned)
    arms = f"{count_text(one.so_far.control.n)} + {count_text(one.so_far.test.n)}"
    success = None
    if one.look is not None:
        success = f"{rate_text(one.look.test.rate)} against {rate_text(one.look.control.rate)}"
    return (
        trial.id,
        spoken.task,
        spoken.costly,
        spoken.cheap,
        "ended early" if trial.status == "ended" else one.status,
        f"{arms} of {planned} + {planned}",
        success,
        ((trial.ended_at or now) - trial.started_at).days,
    )


# ---- what one would take


def plan(reader: Reader, now: datetime, wanted: Wanted) -> Plan:
    """Prompts an arm and days; raises UserError for a trial that cannot be or is too long."""
    _, a, b = wanted.pair
    multipliers = current_multipliers(reader.catalog, now)
    if a not in multipliers or b not in multipliers or multipliers[b] >= multipliers[a]:
        models = reader.catalog.models
        raise UserError(
            f"{models[b].name} is not cheaper than {models[a].name} by their multipliers now.",
            hint="A trial goes from a model to one with a lower multiplier.",
        )
    current, a_day = _volume(reader, now, wanted.pair)
    return plan_trial(
        current, prompts_a_day=a_day, slice_pct=wanted.slice_pct, margin_pct=wanted.margin_pct
    )


def fitting(reader: Reader, now: datetime, pair: Pair, margin_pct: int) -> Wanted:
    """The trial of a pair with the least slice that ends in time, if any does."""
    current, a_day = _volume(reader, now, pair)
    slice_pct = fitting_slice(current, prompts_a_day=a_day, margin_pct=margin_pct)
    return Wanted(pair, slice_pct, margin_pct)


def _volume(reader: Reader, now: datetime, pair: Pair) -> tuple[Tally, float]:
    """Outcomes of a task on the costly model of a pair, and its prompts a day."""
    task, a, _ = pair
    today = reader.clock.day(now)
    measures = ("prompts", "ok", "ok_n")
    where = {"task": (task,), "model": (a,)}
    rows = reader.sums(("task",), measures, Days(today - PLAN_DAYS, today), where)
    _, prompts, ok, ok_n = rows[0] if rows else (task, 0, 0, 0)
    # A workspace younger than that has fewer days to spread its prompts over.
    oldest = reader.oldest
    days = PLAN_DAYS if oldest is None else min(PLAN_DAYS, today - reader.clock.day(oldest))
    return Tally(ok_n, ok), prompts / max(days, 1)


def plan_text(found: Plan, wanted: Wanted) -> str:
    """`653 + 653 prompts, about 21 days at 10% of the prompts; margin 3 points`."""
    arms = f"{count_text(found.per_arm)} + {counted(found.per_arm, 'prompt')}"
    days = f"about {counted(found.days, 'day')} at {wanted.slice_pct}% of the prompts"
    return f"{arms}, {days}; margin {counted(wanted.margin_pct, 'point')}"


def line_of(verb: str, spoken: Spoken, wanted: Wanted) -> str:
    """The line that plans or starts it."""
    names = " ".join(map(typed, (spoken.task, spoken.costly, spoken.cheap)))
    return f"trial {verb} {names} {wanted.slice_pct}% margin={wanted.margin_pct}"


def plan_report(found: Plan, wanted: Wanted, spoken: Spoken, *, may_start: bool) -> Report:
    """What a trial takes, and the button that starts it."""
    start = Button("Start", line_of("start", spoken, wanted), "do")
    return Report(
        "Trial",
        f"{spoken.cheap} for {spoken.task}: {plan_text(found, wanted)}",
        (
            Note(
                f"{wanted.slice_pct}% of the prompts go to {spoken.cheap}; as many, drawn the same "
                f"way, stay on {spoken.costly} to compare with."
            ),
            Note(NO_ROUTE),
            Actions((*([start] if may_start else []), Button("Trials", "trial status"))),
        ),
    )


def started_report(found: Plan, wanted: Wanted, spoken: Spoken, trial: Trial) -> Report:
    """That a trial runs now."""
    return Report(
        "Trial",
        f"Trial {trial.id} runs: {spoken.cheap} for {spoken.task}",
        (
            Note(f"{plan_text(found, wanted)}.", "delta"),
            Note(NO_ROUTE),
            Actions((Button("Trials", "trial status"), Button("Advice", "recommend"))),
        ),
    )


def refused_report(error: UserError) -> Report:
    """Why there is no such trial, and what would fit."""
    buttons = Actions((Button("Advice", "recommend"), Button("Trials", "trial status")))
    return Report("Trial", error.message, (Note(error.hint, "hint"), buttons))
