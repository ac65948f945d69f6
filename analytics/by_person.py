"""Credits by person, with everybody's top model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from analytics.captions import caption, footnotes, heading
from analytics.lines import (
    Line,
    Sort,
    alt_text,
    both_sides,
    change_over,
    cost_cells,
    cut_lines,
    delta_note,
    empty_report,
    framed,
    ordered_lines,
    previous_of,
    sum_costs,
    together,
)
from analytics.measures import (
    Costs,
    Usage,
    comparison,
    gather,
    gather_spend,
    stated_costs,
    total,
)
from analytics.numbers import credits_text, shares
from analytics.query import Query
from analytics.report import Cell, Column, PersonBar, PersonFigure, Report, Row, Table
from analytics.text import clean

UNATTRIBUTED = "(unattributed)"
CHART_PEOPLE = 12
ByModel = Mapping[tuple[int, ...], Usage]


def by_person(query: Query, limit: int, sort: Sort) -> Report:
    """Prompts, top model, credits, credits per prompt and change of each person."""
    sums = gather_spend(query, ("person",))
    title = heading("Usage by Person", query)
    if not sums:
        return empty_report(title, query)
    compared = comparison(query)
    now, before = both_sides(query, "person", compared)
    names = query.reader.names("person")
    lines = [
        Line(
            key,
            clean(names.get(key, UNATTRIBUTED)),
            usage,
            now.get(key, 0),
            previous_of(before, key),
        )
        for (key,), usage in sums.items()
    ]
    shown, rest = cut_lines(ordered_lines(lines, sort), limit)
    models = _models_of(query, [line.key for line in shown])
    shown = [replace(line, usage=total(models[line.key])) for line in shown]
    everyone = gather(query, ("model",))
    if rest is not None:
        rest = replace(rest, usage=total(everyone) - sum((s.usage for s in shown), Usage()))
    costs = stated_costs(query, ("person",), only={"person": tuple(line.key for line in shown)})
    headline = _headline(lines)
    return framed(
        query,
        title,
        headline,
        (
            *delta_note(lines, compared),
            _figure(query, _card_title(lines), shown, rest),
            _table(query, shown, rest, models, everyone, costs),
            *footnotes(query, total(everyone), costs),
        ),
    )


def _models_of(query: Query, people: Sequence[int]) -> dict[int, dict[tuple[int, ...], Usage]]:
    """Usage by model of each of a few people."""
    found: dict[int, dict[tuple[int, ...], Usage]] = {person: {} for person in people}
    if people:
        rows = gather(query, ("person", "model"), only={"person": tuple(people)})
        for (person, model), usage in rows.items():
            found[person][model,] = usage
    return found


def _top_model(query: Query, models: ByModel) -> str | None:
    """The model with most prompts; with most credits where prompts are not stated."""
    if not models:
        return None
    (key,) = min(models, key=lambda k: (-models[k].prompts, -models[k].credits, k))
    return clean(query.reader.catalog.models[key].name)


def _team_model(query: Query, models: ByModel) -> str | None:
    """The top model when it has more than half of the prompts, else `Mixed`."""
    whole = total(models)
    best = max(models.values(), key=lambda usage: (usage.prompts, usage.credits))
    share = (best.prompts, whole.prompts) if whole.prompts else (best.credits, whole.credits)
    return _top_model(query, models) if 2 * share[0] > share[1] else "Mixed"


def _headline(lines: Sequence[Line]) -> str:
    """`6,165 credits by 4 people; Sarah and Mike use 78%`."""
    words, two = _spent(lines), _two_first(lines)
    if two is None:
        return words
    (first, second), share = two
    return f"{words}; {first.name} and {second.name} use {share}%"


def _card_title(lines: Sequence[Line]) -> str:
    """The same without names: one written from right to left would reorder a drawn line."""
    words, two = _spent(lines), _two_first(lines)
    if two is None:
        return words
    spent = credits_text(sum(line.usage.credits for line in lines))
    return f"Top 2 of {len(lines)} people use {two[1]}% of {spent} credits"


def _spent(lines: Sequence[Line]) -> str:
    people = f"{len(lines)} people" if len(lines) > 1 else "1 person"
    return f"{credits_text(sum(line.usage.credits for line in lines))} credits by {people}"


def _two_first(lines: Sequence[Line]) -> tuple[list[Line], int] | None:
    """The two with most credits and their share together; None where that says nothing."""
    ordered = ordered_lines(lines, "credits")
    parts = shares([line.usage.credits for line in ordered])
    return (ordered[:2], sum(parts[:2])) if len(lines) > 2 and any(parts) else None


def _table(
    query: Query,
    shown: Sequence[Line],
    rest: Line | None,
    models: Mapping[int, ByModel],
    everyone: ByModel,
    costs: Costs | None,
) -> Table:
    lines = [*shown, *([rest] if rest else [])]
    money = cost_cells(lines, rest, costs)
    rows = tuple(
        _row(line, line.name, _top_model(query, models.get(line.key, {})), cost)
        for line, cost in zip(lines, money, strict=True)
    )
    whole = total(everyone)
    team = Line(0, "Team", whole, sum(line.now for line in lines), None)
    team_row = _row(team, "Team", _team_model(query, everyone), sum_costs(money))
    return Table(
        columns=(
            Column("person", "Person"),
            Column("prompts", "Prompts", "count"),
            Column("top_model", "Top model"),
            Column("credits", "Credits", "credits"),
            Column("credits_per_prompt", "Per prompt", "credits"),
            *((Column("cost", "Cost", "cost", costs.currency),) if costs else ()),
            Column("change", "Change", "change"),
        ),
        rows=rows,
        total=(*team_row[:-1], change_over(lines)),
        others=len(rows) - 1 if rest else None,
    )


def _row(line: Line, name: str, top: str | None, cost: tuple[Cell, ...]) -> Row:
    usage = line.usage
    return (
        name,
        usage.known_prompts,
        top,
        usage.known_credits,
        usage.per_prompt,
        *cost,
        line.change,
    )


def _figure(query: Query, title: str, shown: Sequence[Line], rest: Line | None) -> PersonFigure:
    ordered = ordered_lines(shown, "credits")
    lead, hidden = ordered[:CHART_PEOPLE], ordered[CHART_PEOPLE:]
    folded = [*hidden, *([rest] if rest else [])]
    footer = caption(query)
    return PersonFigure(
        title=title,
        subtitle="Credits by person. Tick = the period before",
        footer=footer,
        alt=alt_text("Bar chart by person", title, ordered, footer),
        people=tuple(map(_bar, lead)),
        others=_bar(together(folded)) if folded else None,
    )


def _bar(line: Line) -> PersonBar:
    return PersonBar(line.name, line.usage.credits, line.before, line.change, line.usage.per_prompt)
