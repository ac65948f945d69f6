"""Credits by person, with everybody's top model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from analytics.captions import caption, footnotes, heading
from analytics.lines import (
    REST,
    Changes,
    Line,
    Sort,
    alt_text,
    cost_cells,
    cut_lines,
    empty_report,
    framed,
    line_of,
    ordered_lines,
    read_changes,
    spent_text,
    sum_costs,
    together,
)
from analytics.measures import Costs, Usage, gather, gather_spend, stated_costs, total
from analytics.numbers import shares
from analytics.query import Query
from analytics.report import Cell, Column, PersonBar, PersonFigure, Report, Row, Table
from analytics.text import clean, distinct
from analytics.top_model import ByModel, model_ranks, top_model

UNATTRIBUTED = "(unattributed)"
CHART_PEOPLE = 12


def by_person(query: Query, limit: int, sort: Sort) -> Report:
    """Prompts, top model, credits, credits per prompt and change of each person."""
    sums = gather_spend(query, ("person",))
    title = heading("Usage by Person", query)
    if not sums:
        return empty_report(title, query)
    changes, known = read_changes(query, "person"), query.reader.names("person")
    keys = {key for (key,) in sums} | changes.keys
    names = distinct({key: known.get(key, UNATTRIBUTED) for key in keys})
    lines = [line_of(key, names[key], usage, changes) for (key,), usage in sums.items()]
    shown, rest = cut_lines(ordered_lines(lines, sort), limit, changes)
    models = _models_of(query, [line.key for line in shown])
    shown = [replace(line, usage=total(models[line.key])) for line in shown]
    everyone = gather(query, ("model",))
    if rest is not None:
        rest = replace(rest, usage=total(everyone) - sum((s.usage for s in shown), Usage()))
    costs = stated_costs(query, ("person",), only={"person": tuple(line.key for line in shown)})
    spent = spent_text(total(everyone))
    rows = [*shown, *([rest] if rest else [])]
    tops = [top_model(query, models.get(line.key, {})) for line in rows]
    team = Line(0, "Team", total(everyone), None, changes.of(changes.keys))
    return framed(
        query,
        title,
        _headline(lines, spent),
        (
            *changes.note(lambda key: clean(names[key])),
            _figure(query, _card_title(lines, spent), rows, changes),
            _table(rows, [*tops, _team_model(query, everyone)], team, costs),
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


def _team_model(query: Query, models: ByModel) -> str | None:
    """The top model when it has more than half of what models are ranked by, else `Mixed`."""
    ranks = model_ranks(models)
    best = max(ranks.values())
    return top_model(query, models) if 2 * best > sum(ranks.values()) else "Mixed"


def _headline(lines: Sequence[Line], spent: str) -> str:
    """`6,165 credits by 4 people; Sarah and Mike use 78%`."""
    words, two = f"{spent} by {_people(lines)}", _two_first(lines)
    if two is None:
        return words
    (first, second), share = two
    return f"{words}; {clean(first.name)} and {clean(second.name)} use {share}%"


def _card_title(lines: Sequence[Line], spent: str) -> str:
    """The same without names: one written from right to left would reorder a drawn line."""
    two = _two_first(lines)
    if two is None:
        return f"{spent} by {_people(lines)}"
    return f"Top 2 of {_people(lines)} use {two[1]}% of {spent}"


def _people(lines: Sequence[Line]) -> str:
    """`40 people`; what no name is known for is none of them."""
    count = sum(line.key != 0 for line in lines)
    return f"{count} people" if count != 1 else "1 person"


def _two_first(lines: Sequence[Line]) -> tuple[list[Line], int] | None:
    """The two with most credits and their share together; None where that says nothing."""
    ordered = ordered_lines(lines, "credits")
    parts = shares([line.usage.credits for line in ordered])
    named = [(line, part) for line, part in zip(ordered, parts, strict=True) if line.key]
    if len(named) < 3 or not any(parts):
        return None
    return [line for line, _ in named[:2]], sum(part for _, part in named[:2])


def _table(
    lines: Sequence[Line], tops: Sequence[str | None], team: Line, costs: Costs | None
) -> Table:
    """One row a line; `tops` are their top models, the last one that of the team."""
    rest = lines[-1] if lines[-1].key == REST else None
    money = cost_cells(lines, rest, costs)
    return Table(
        columns=(
            Column("person", "Person"),
            Column("prompts", "Prompts", "count"),
            Column("top_model", "Top model"),
            Column("credits", "Credits", "credits"),
            Column("credits_per_prompt", "Per prompt", "credits"),
            *((Column("cost", "Cost", "cost", costs.currency),) if costs and money[0] else ()),
            Column("change", "Change", "change"),
        ),
        rows=tuple(map(_row, lines, tops, money)),
        total=_row(team, tops[-1], sum_costs(money)),
        others=len(lines) - 1 if rest else None,
    )


def _row(line: Line, top: str | None, cost: tuple[Cell, ...]) -> Row:
    usage = line.usage
    return (
        line.name,
        usage.known_prompts,
        top,
        usage.known_credits,
        usage.per_prompt,
        *cost,
        line.change,
    )


def _figure(query: Query, title: str, lines: Sequence[Line], changes: Changes) -> PersonFigure:
    ordered = sorted(ordered_lines(lines, "credits"), key=lambda line: line.count > 1)
    single = [line for line in ordered if line.count == 1][:CHART_PEOPLE]
    folded = ordered[len(single) :]
    keys = changes.keys - {line.key for line in single}
    footer = caption(query)
    return PersonFigure(
        title=title,
        subtitle="Credits by person. Tick = the period before",
        footer=footer,
        alt=alt_text("Bar chart by person", title, single, footer),
        people=tuple(map(_bar, single)),
        others=_bar(together(folded, changes, keys)) if folded else None,
    )


def _bar(line: Line) -> PersonBar:
    return PersonBar(line.name, line.usage.credits, line.before, line.change, line.usage.per_prompt)
