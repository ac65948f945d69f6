"""Advice on cheaper models: what is proposed, why, what people think of it."""

from __future__ import annotations

from analytics import recommendations as advice
from analytics import trials
from analytics.advice_basis import Findings, find
from analytics.advice_why import why
from analytics.alert_advice import advice_subject
from analytics.errors import UserError
from analytics.evidence import Pair
from analytics.followed import follow
from analytics.percentiles import Spread, spread_of
from analytics.report import Actions, Button, Note, Report
from bot.context import Context, outranks
from bot.params import Margin, ModelName, TaskName
from bot.registry import command
from bot.walls import check_task, open_tasks
from storage.advice import Opinion, OpinionStatus, set_opinion
from storage.alerts import list_alerts, resolve
from storage.reading import Days
from storage.timekeys import HourClass

MODELS = {"from": "model-now", "to": "cheaper-model"}


@command(
    "recommend",
    example="recommend",
    aliases=("advice", "suggest"),
    native="recommend summary",
)
def recommend(ctx: Context, task: TaskName | None, margin: Margin | None) -> Report:
    """Which task a cheaper model could take, and how much less.

    At most three proposals, from the prompts of 60 days of people who use both models. Logs make
    one worth a trial, only a trial confirms it. `margin` is the loss of success, in points, that
    counts as none; 3 unless an admin chose another.
    """
    found = _seen(ctx, task, margin)
    if found is None:
        return advice.no_evidence()
    asked = advice.Asked(ctx.now, task, may_decide=outranks(ctx.asker.role, "admin"))
    every = found.advice(ctx.now, task)
    shown = [one for part in advice.shown_of(every) for one in part]
    models = {model for one in shown for model in one.proposal.pair[1:]}
    today = ctx.reader.clock.day(ctx.now)
    followed = follow(ctx.reader, found.opinions, today)
    return advice.recommend(found, asked, every, _waits(ctx, models), followed)


@command("recommend why", example='recommend why coding GPT-4o "Claude 3 Haiku"', words=MODELS)
def explain(
    ctx: Context, task: TaskName, from_: ModelName, to: ModelName, margin: Margin | None
) -> Report:
    """Every gate of one proposal, and what nobody checked."""
    found = _seen(ctx, task, margin)
    if found is None:
        return advice.no_evidence()
    return why(found, (task, from_, to), _times(ctx, {from_, to}))


@command(
    "recommend decline",
    example='recommend decline coding GPT-4o "Claude 3 Haiku"',
    words=MODELS,
    changes=True,
)
def decline(ctx: Context, task: TaskName, from_: ModelName, to: ModelName) -> Report:
    """Do not propose this again for 90 days."""
    pair: Pair = (task, from_, to)
    words = _decide(ctx, pair, "declined")
    return _decided(words, f"It stays quiet for {advice.QUIET.days} days.")


@command(
    "recommend accept",
    example='recommend accept coding GPT-4o "Claude 3 Haiku"',
    words=MODELS,
    needs="admin",
    changes=True,
)
def accept(ctx: Context, task: TaskName, from_: ModelName, to: ModelName) -> Report:
    """Follow a proposal up: what it promised beside what comes."""
    pair: Pair = (task, from_, to)
    words = _decide(ctx, pair, "accepted")
    return _decided(words, "`recommend` tells after a week what a prompt costs now.")


def _seen(ctx: Context, task: int | None, margin: int | None) -> Findings | None:
    """What the asker may see; raises UserError for a task with too few people behind it."""
    if task is not None:
        check_task(task, ctx)
    found, tasks = _find(ctx, margin), open_tasks(ctx)
    return found if found is None or tasks is None else found.only(tasks)


def _find(ctx: Context, margin: int | None = None) -> Findings | None:
    reader = ctx.reader
    known = trials.standings(reader.connection, reader.workspace.id)
    results = [one.result(ctx.now) for one in known]
    return find(reader, ctx.now, trials=results, margin_pct=margin)


def _waits(ctx: Context, models: set[int]) -> advice.Waits:
    """Response times over 30 complete days: of some models, and of all by class of hour."""
    today = ctx.reader.clock.day(ctx.now)
    bins = ctx.reader.bins("hour_class", Days(today - 30, today))
    peak, off = (spread_of(bins.get((kind,), {})) for kind in (HourClass.PEAK, HourClass.OFF_PEAK))
    return advice.Waits(_times(ctx, models), peak, off)


def _times(ctx: Context, models: set[int]) -> dict[int, Spread]:
    """Response times of models over 30 complete days, on all tasks."""
    if not models:
        return {}
    today = ctx.reader.clock.day(ctx.now)
    bins = ctx.reader.bins("model", Days(today - 30, today), {"model": sorted(models)})
    spreads = {model: spread_of(found) for (model,), found in bins.items()}
    return {model: spread for model, spread in spreads.items() if spread is not None}


def _decide(ctx: Context, pair: Pair, status: OpinionStatus) -> str:
    """Keep an opinion; the proposal in words.  Raises UserError for one that cannot be."""
    task, from_, to = pair
    if from_ == to:
        name = ctx.reader.catalog.models[to].name
        raise UserError(f"'{name}' is named twice.", hint="Name the model from and the model to.")
    found = _find(ctx)
    saving = 0 if found is None else found.saving(pair, ctx.now)
    until = ctx.now + advice.QUIET if status == "declined" else None
    opinion = Opinion(task, from_, to, status, ctx.now, ctx.asker.identity.actor, saving, until)
    reader = ctx.reader
    set_opinion(reader.connection, reader.workspace.id, opinion)
    models = reader.catalog.models
    words = f"{models[to].name} instead of {models[from_].name} on {reader.names('task')[task]}"
    ctx.record(f"advice {status}", words, after=str(saving))
    _answer(ctx, pair, status)
    return f"{words}: {status}"


def _answer(ctx: Context, pair: Pair, status: OpinionStatus) -> None:
    """Let the posts about a piece of advice say what became of it."""
    place, person = (ctx.reader.connection, ctx.reader.workspace.id), ctx.asker.person_id
    who = ctx.reader.names("person").get(person or 0, "somebody")
    subject = advice_subject(pair)
    for alert in list_alerts(*place, states=["fired"], kinds=["advice"], subject=subject):
        resolve(ctx.reader.connection, alert, facts={"words": f"{status} by {who}"}, now=ctx.now)


def _decided(words: str, then: str) -> Report:
    return Report("Advice", words, (Note(then, "hint"), Actions((Button("Advice", "recommend"),))))
