"""Trials: the same task on two models, drawn at random."""

from __future__ import annotations

from dataclasses import replace

from analytics import trials
from analytics.advice_basis import margin_of, names_of
from analytics.errors import UserError
from analytics.report import Actions, Button, Note, Report
from analytics.trials import Wanted
from bot.context import Context, outranks
from bot.params import Margin, ModelName, Number, Percent, TaskName
from bot.registry import command
from bot.walls import check_task, open_tasks
from storage.trials import TrialRunning, end_trial, list_trials, start_trial

EXAMPLE = 'coding GPT-4o "Claude 3 Haiku" 10%'
MODELS = {"from": "model-now", "to": "cheaper-model"}


@command("trial plan", example=f"trial plan {EXAMPLE}", words=MODELS)
def plan(  # the parts of a trial
    ctx: Context,
    task: TaskName,
    from_: ModelName,
    to: ModelName,
    slice: Percent | None,  # noqa: A002  # what people type
    margin: Margin | None,
) -> Report:
    """How many prompts and days a trial would take.

    Without a slice it is a tenth of the prompts, or the least that ends within 90 days.
    """
    check_task(task, ctx)
    pair, points = (task, from_, to), margin or margin_of(ctx.reader)
    wanted = trials.fitting(ctx.reader, ctx.now, pair, points)
    if slice is not None:
        wanted = replace(wanted, slice_pct=slice)
    try:
        found = trials.plan(ctx.reader, ctx.now, wanted)
    except UserError as error:
        return trials.refused_report(error)
    spoken = names_of(ctx.reader).of(wanted.pair)
    may_start = outranks(ctx.asker.role, "admin")
    return trials.plan_report(found, wanted, spoken, may_start=may_start)


@command(
    "trial start",
    example=f"trial start {EXAMPLE}",
    needs="admin",
    changes=True,
    defaults={"slice": "10%"},
    words=MODELS,
)
def start(  # the parts of a trial
    ctx: Context,
    task: TaskName,
    from_: ModelName,
    to: ModelName,
    slice: Percent,  # noqa: A002  # what people type
    margin: Margin | None,
) -> Report:
    """Compare two models on prompts drawn at random.

    A slice of the task's prompts goes to the cheaper model, an equally large one stays; more than
    90 days are refused. `trial plan` tells what it takes without starting.
    """
    wanted = Wanted((task, from_, to), slice, margin or margin_of(ctx.reader))
    reader = ctx.reader
    spoken = names_of(reader).of(wanted.pair)
    try:
        found = trials.plan(reader, ctx.now, wanted)
        begun = start_trial(
            reader.connection,
            reader.workspace.id,
            task_id=task,
            from_model=from_,
            to_model=to,
            slice_pct=slice,
            margin_pct=wanted.margin_pct,
            planned=found.per_arm,
            started_by=ctx.asker.identity.actor,
            now=ctx.now,
        )
    except UserError as error:
        return trials.refused_report(error)
    except TrialRunning as error:
        return trials.refused_report(UserError(error.message, hint=error.hint))
    words = f"{spoken.costly} to {spoken.cheap} on {spoken.task}, {trials.plan_text(found, wanted)}"
    ctx.record("trial start", f"trial {begun.id}", after=words)
    return trials.started_report(found, wanted, spoken, begun)


@command("trial status", example="trial status", aliases=("trials",))
def status(ctx: Context) -> Report:
    """Every trial: prompts so far, and what came of it."""
    reader, tasks = ctx.reader, open_tasks(ctx)
    every = trials.standings(reader.connection, reader.workspace.id)
    found = [one for one in every if tasks is None or one.trial.task_id in tasks]
    return trials.status_report(found, names_of(reader), ctx.now)


@command("trial stop", example="trial stop 1", needs="admin", changes=True)
def stop(ctx: Context, number: Number | None) -> Report:
    """End a trial before it has an answer."""
    reader = ctx.reader
    place = reader.connection, reader.workspace.id
    running = [trial.id for trial in list_trials(*place) if trial.status == "running"]
    chosen = running[0] if number is None and len(running) == 1 else number
    ended = None if chosen is None else end_trial(*place, chosen, status="ended", now=ctx.now)
    buttons = Actions((Button("Trials", "trial status"), Button("Advice", "recommend")))
    if ended is None:
        listed = ", ".join(map(str, running))
        words = f"Running: {listed}; type `trial stop NUMBER`." if listed else "None is running."
        asked = (
            "There is no single trial to end"
            if chosen is None
            else f"Trial {chosen} is not running"
        )
        return Report("Trial", asked, (Note(words, "hint"), buttons))
    ctx.record("trial stop", f"trial {ended.id}")
    words = "The gateway is told to use the model it asks for."
    return Report("Trial", f"Trial {ended.id} ended without an answer", (Note(words), buttons))
