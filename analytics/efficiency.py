"""What a prompt costs and what comes of it: workflows, models and people side by side.

A cheap row is not a good row: success and rating stand beside every price, with their numbers of
prompts.  Below the minimum nothing is ranked; what has no task takes part in no ranking.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from analytics.captions import caption, heading
from analytics.colleagues import Standing, people_blocks
from analytics.frontier import LEAST_PROMPTS, Plot, frontier_figure
from analytics.lines import empty_report, framed
from analytics.numbers import counted, rate_text, ratio_text
from analytics.quality import Cells, Quality, gather_quality
from analytics.query import Query
from analytics.report import Actions, Button, Column, Note, Report, Row, Table
from analytics.text import clean, distinct, typed

SHOWN_SMALL = 4
LISTED = 20


@dataclass(frozen=True, slots=True)
class Workflow:
    """A task with the model that most of its prompts go to, or one model of a chosen task."""

    task: str
    model: str
    quality: Quality


def efficiency(
    query: Query, people: Sequence[Standing] | None, folded: Collection[int] = ()
) -> Report:
    """Credits a prompt, success and rating of workflows and, of a chosen task, of its models.

    `people` are those whose standing the asker may see, the lowest index first; None where
    nothing could be compared.  Tasks that are `folded` are not named: too few people are behind
    them.
    """
    title = heading("Credit Efficiency Leaderboard", query)
    cells = gather_quality(query, ("task", "model"))
    if not cells:
        return empty_report(title, query)
    one_task = len(query.filters.task) == 1
    workflows = _models_of(query, cells) if one_task else _workflows(query, cells, folded)
    ranked = [flow for flow in workflows if flow.quality.prompts >= LEAST_PROMPTS]
    ranked.sort(key=lambda flow: (flow.quality.per_prompt, flow.task, flow.model))
    plot = Plot(_by_model(cells), query.reader.catalog.models, caption(query))
    figure = frontier_figure(plot)
    return framed(
        query,
        title,
        _headline(ranked, one_task=one_task),
        (
            *([figure] if figure else []),
            *([_table(ranked[:LISTED], one_task=one_task)] if ranked else []),
            *_small(workflows, one_task=one_task),
            *people_blocks(people),
            Note("The cheapest row is not the best row: success and rating stand beside it."),
            *_without_task(cells),
            _actions(query, ranked, one_task=one_task),
        ),
    )


def _workflows(query: Query, cells: Cells, folded: Collection[int]) -> list[Workflow]:
    """Every task with its top model: that with most prompts, the dearer one where equal."""
    tops: dict[int, tuple[int, Quality]] = {}
    for (task, model), quality in sorted(cells.items()):
        known = tops.get(task)
        if task and task not in folded and (known is None or _size(quality) > _size(known[1])):
            tops[task] = (model, quality)
    tasks = distinct({key: query.reader.names("task")[key] for key in tops})
    models = query.reader.catalog.models
    return [
        Workflow(tasks[task], clean(models[model].name), quality)
        for task, (model, quality) in tops.items()
    ]


def _size(quality: Quality) -> tuple[int, int]:
    return quality.prompts, quality.credits


def _models_of(query: Query, cells: Cells) -> list[Workflow]:
    """Every model of the chosen task."""
    (task,) = query.filters.task
    name = clean(query.reader.names("task")[task])
    names = distinct({key: query.reader.catalog.models[key].name for _, key in cells})
    return [Workflow(name, names[model], quality) for (_, model), quality in cells.items()]


def _by_model(cells: Cells) -> dict[int, Quality]:
    found: dict[int, Quality] = defaultdict(Quality)
    for (_, model), quality in cells.items():
        found[model] += quality
    return dict(found)


def _headline(ranked: Sequence[Workflow], *, one_task: bool) -> str:
    """`Lowest credits a prompt: Email Writing (Claude 3 Haiku) 0.5, 97.9% success (n 412)`."""
    if not ranked:
        return f"Not enough data yet: a ranking needs {LEAST_PROMPTS} prompts of a task"
    first = ranked[0]
    name = first.model if one_task else f"{first.task} ({first.model})"
    on = f" on {first.task}" if one_task else ""
    words = f"Lowest credits a prompt{on}: {name} {ratio_text(first.quality.per_prompt)}"
    quality = first.quality
    if quality.success is None:
        return f"{words}, success not known"
    return f"{words}, {rate_text(quality.success)} success (n {quality.ok_n:,})"


def _table(ranked: Sequence[Workflow], *, one_task: bool) -> Table:
    columns = (
        Column("task", "Task"),
        Column("model", "Model"),
        Column("credits_per_prompt", "Per prompt", "credits"),
        Column("success_rate", "Success", "rate"),
        Column("n", "Known outcomes", "count"),
        Column("rating", "Rating", "rating"),
        Column("ratings", "Ratings", "count"),
        Column("prompts", "Prompts", "count"),
    )
    first = 1 if one_task else 0  # the headline names the task
    return Table(columns[first:], tuple(_row(flow)[first:] for flow in ranked))


def _row(flow: Workflow) -> Row:
    quality = flow.quality
    return (
        flow.task,
        flow.model,
        quality.per_prompt,
        quality.success,
        quality.ok_n,
        quality.rating,
        quality.rating_n,
        quality.prompts,
    )


def _small(workflows: Iterable[Workflow], *, one_task: bool) -> list[Note]:
    """`Not enough data: Translation (12 of 30)`: what is too small to be ranked."""
    small = [flow for flow in workflows if flow.quality.prompts < LEAST_PROMPTS]
    small.sort(key=lambda flow: (-flow.quality.prompts, flow.task, flow.model))
    if not small:
        return []
    named = [
        f"{flow.model if one_task else flow.task} ({flow.quality.prompts} of {LEAST_PROMPTS})"
        for flow in small[:SHOWN_SMALL]
    ]
    rest = f" and {counted(len(small) - SHOWN_SMALL, 'other')}" if len(small) > SHOWN_SMALL else ""
    return [Note(f"Not enough data: {', '.join(named)}{rest}.")]


def _without_task(cells: Cells) -> list[Note]:
    prompts = sum(quality.prompts for (task, _), quality in cells.items() if not task)
    if not prompts:
        return []
    return [Note(f"{counted(prompts, 'prompt')} without a task: not in the ranking.")]


def _actions(query: Query, ranked: Sequence[Workflow], *, one_task: bool) -> Actions:
    words = query.range.words
    if one_task:
        task = typed(query.reader.names("task")[query.filters.task[0]])
        further = [
            Button("Advice", f"recommend {task}"),
            Button("All tasks", f"efficiency {words}"),
        ]
    else:
        names = list(dict.fromkeys(flow.task for flow in ranked))[:2]
        further = [
            Button(clean(name, 24), f"efficiency {words} task={typed(name)}") for name in names
        ]
        further.append(Button("Advice", "recommend"))
    return Actions((*further, Button("By task", f"tasks {words}")))
