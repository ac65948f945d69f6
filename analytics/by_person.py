"""Credits by person, with everybody's top model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from heapq import nsmallest

from analytics.bars import ticked_bars
from analytics.captions import footnotes, heading
from analytics.drill import Step, steps
from analytics.lines import (
    REST,
    Changes,
    Line,
    Sort,
    cost_cells,
    empty_report,
    framed,
    line_of,
    read_changes,
    spent_text,
    sum_costs,
    together_as,
)
from analytics.measures import (
    Costs,
    Usage,
    Where,
    comparison,
    gather,
    gather_credits,
    gather_spend,
    span_of,
    stated_costs,
    total,
)
from analytics.numbers import count_text, shares
from analytics.query import Query
from analytics.report import (
    Cell,
    Column,
    Report,
    Row,
    Table,
)
from analytics.text import clean, distinct
from analytics.top_model import ByModel, model_ranks, top_model
from storage.reading import Days, Hours

MODELS = Step("by-model", "person", "Models: {}")
UNATTRIBUTED = "(unattributed)"


def by_person(query: Query, limit: int, sort: Sort) -> Report:
    """Prompts, top model, credits, credits per prompt and change of each person."""
    changes, title = read_changes(query, "person"), heading("Usage by Person", query)
    sums = _spent(query, changes)
    if not sums:
        return empty_report(title, query)
    known = query.reader.names("person")
    # Thousands of people are ranked by their numbers; lines and names are made for a few.
    ranked = _ranked(_by(query, sort, sums), sort, changes, known)
    keys = ranked if len(ranked) <= limit + 1 else ranked[:limit]
    # A database takes no list of thousands; where everybody is shown, none is needed.
    only = {"person": tuple(keys)} if len(keys) < len(ranked) else None
    models, everyone = _models_of(query, only), gather(query, ("model",))
    whole, names = total(everyone), distinct({key: known.get(key, UNATTRIBUTED) for key in keys})
    lines = [line_of(key, names[key], total(models[key]), changes) for key in keys]
    lines += _rest(len(ranked) - len(keys), whole, lines, changes)
    costs = stated_costs(query, ("person",), only=only)
    leaders = _leaders(sums)
    spent, people = spent_text(whole), _people(sums)
    tops = [top_model(query, models.get(line.key, {})) for line in lines]
    team = Line(0, "Team", whole, None, changes.of(changes.keys))
    return framed(
        query,
        title,
        _headline(leaders, known, f"{spent} by {people}"),
        (
            *changes.note(lambda key: clean(known.get(key, UNATTRIBUTED))),
            ticked_bars(
                query,
                "person",
                _card_title(leaders, spent, people),
                lines=lines,
                changes=changes,
            ),
            _table(lines, [*tops, _team_model(query, everyone)], team, costs),
            *footnotes(query, whole, costs),
            *steps(query, MODELS, ((key, names[key]) for key in keys if key)),
        ),
    )


def _spent(query: Query, changes: Changes) -> dict[int, int]:
    """Everybody's micro-credits: of complete days as their change has them, and those since."""
    compared, span = comparison(query), span_of(query)
    if compared is None or isinstance(compared.now, Hours):
        return gather_credits(query, "person", span)
    found = dict(changes.now)
    if compared.now.end < span.end:
        since = gather_credits(query, "person", Days(compared.now.end, span.end))
        found |= {key: found.get(key, 0) + credits for key, credits in since.items()}
    return found


def _by(query: Query, sort: Sort, spent: Mapping[int, int]) -> Mapping[int, int]:
    """The numbers that people are ranked by."""
    if sort != "prompts":
        return spent
    return {key: usage.prompts for (key,), usage in gather_spend(query, ("person",)).items()}


def _ranked(
    sums: Mapping[int, int], sort: Sort, changes: Changes, known: Mapping[int, str]
) -> list[int]:
    """Ids in the order of the answer; equal ones by name, then by id."""

    def name(key: int) -> str:
        return known.get(key, UNATTRIBUTED).casefold()

    def step(key: int) -> int:
        return changes.before.get(key, 0) - changes.now.get(key, 0)

    orders: Mapping[Sort, Callable[[int], int]] = {
        "credits": lambda key: -sums[key],
        "prompts": lambda key: -sums[key],
        "change": step,
        "name": lambda key: 0,  # noqa: ARG005  # one of several orders
    }
    order = orders[sort]
    return sorted(sums, key=lambda key: (order(key), name(key), key))


def _rest(count: int, whole: Usage, lines: Sequence[Line], changes: Changes) -> list[Line]:
    """The line of everybody who is not shown; nothing when all are."""
    if not count:
        return []
    hidden = changes.keys - {line.key for line in lines}
    usage = whole - sum((line.usage for line in lines), Usage())
    return [together_as(count, usage, changes, hidden)]


def _models_of(query: Query, only: Where | None) -> dict[int, dict[tuple[int, ...], Usage]]:
    """Usage by model of each of a few people, or of everybody."""
    found: dict[int, dict[tuple[int, ...], Usage]] = defaultdict(dict)
    for (person, model), usage in gather(query, ("person", "model"), only=only).items():
        found[person][model,] = usage
    return found


def _team_model(query: Query, models: ByModel) -> str | None:
    """The top model when it has more than half of what models are ranked by, else `Mixed`."""
    ranks = model_ranks(models)
    best = max(ranks.values())
    return top_model(query, models) if 2 * best > sum(ranks.values()) else "Mixed"


Leaders = tuple[list[int], int]


def _leaders(sums: Mapping[int, int]) -> Leaders | None:
    """The two with most credits and their share together; None where that says nothing."""
    named = {key: credits for key, credits in sums.items() if key}
    two = nsmallest(2, named, key=lambda key: (-named[key], key))
    whole = sum(sums.values())
    if len(named) < 3 or not whole:
        return None
    rest = whole - sum(named[key] for key in two)
    return two, sum(shares([*(named[key] for key in two), rest])[:2])


def _headline(leaders: Leaders | None, known: Mapping[int, str], words: str) -> str:
    """`6,165 credits by 4 people; Sarah and Mike use 78%`."""
    if leaders is None:
        return words
    first, second = (clean(known[key]) for key in leaders[0])
    return f"{words}; {first} and {second} use {leaders[1]}%"


def _card_title(leaders: Leaders | None, spent: str, people: str) -> str:
    """The same without names: one written from right to left would reorder a drawn line."""
    if leaders is None:
        return f"{spent} by {people}"
    return f"Top 2 of {people} use {leaders[1]}% of {spent}"


def _people(sums: Mapping[int, int]) -> str:
    """`40 people`; what no name is known for is none of them."""
    count = sum(key != 0 for key in sums)
    return f"{count_text(count)} people" if count != 1 else "1 person"


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
