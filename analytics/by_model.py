"""Credits by model, grouped by family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analytics.captions import footnotes, heading
from analytics.drill import Step, steps
from analytics.lines import (
    OTHER,
    REST,
    Changes,
    Line,
    Sort,
    cost_cells,
    cut_lines,
    empty_report,
    framed,
    ordered_lines,
    read_changes,
    spent_text,
    sum_costs,
)
from analytics.measures import Costs, Usage, gather, stated_costs, total
from analytics.model_lines import by_family, model_figure, model_lines
from analytics.numbers import (
    as_written,
    counted,
    counted_credits,
    credits_text,
    multiplier_text,
    nested_shares,
)
from analytics.query import Query
from analytics.report import (
    Actions,
    Cell,
    Column,
    Group,
    Node,
    Report,
    Row,
    Table,
    Tree,
)
from analytics.text import clean

PEOPLE = Step("by-user", "model", "People: {}")
NAMED_SMALL = 4
EXPANDED_FAMILIES = 6  # the tree stays on one screen; smaller families share its last branch


def by_model(query: Query, limit: int, sort: Sort, *, with_people: bool = True) -> Report:
    """Multiplier, prompts, credits, share and change of each model, grouped by family."""
    sums = gather(query, ("model",))
    title = heading("Model Usage", query)
    if not sums:
        return empty_report(title, query)
    changes = read_changes(query, "model")
    lines = model_lines(query, sums, changes)
    shown, rest = cut_lines(ordered_lines(lines, sort), limit, changes)
    # What a limit hides belongs to some family: a subtotal of what is left would be a lie.
    groups = [[*shown, rest]] if rest else by_family(shown, sort)
    portions = nested_shares([[line.usage.credits for line in group] for group in groups])
    whole, lead = total(sums), _lead(lines, groups, portions)
    costs = stated_costs(query, ("model",))
    headline = f"{spent_text(whole)} on {counted(len(lines), 'model')}" + (
        f"; {lead}" if lead else ""
    )
    return framed(
        query,
        title,
        headline,
        (
            *changes.note(lambda key: clean(query.reader.catalog.models[key].name)),
            model_figure(query, f"{lead} of {spent_text(whole)}" if lead else headline, lines),
            _tree(title, groups, whole),
            _table(query, groups, portions, changes, costs),
            *footnotes(query, whole, costs),
            *(_people(query, lines) if with_people else ()),
        ),
    )


def _people(query: Query, lines: Sequence[Line]) -> tuple[Actions, ...]:
    """The people of the largest models, one click away."""
    largest = ordered_lines(lines, "credits")
    return steps(query, PEOPLE, ((line.key, line.name) for line in largest))


def _lead(
    lines: Sequence[Line], groups: Sequence[Sequence[Line]], portions: Sequence[Sequence[int]]
) -> str:
    """`GPT-4o takes 47%`, with the share that the table shows; empty when it is not shown."""
    if len(lines) < 2:
        return ""
    leader = ordered_lines(lines, "credits")[0]
    shown = (
        (line, share)
        for group, parts in zip(groups, portions, strict=True)
        for line, share in zip(group, parts, strict=True)
    )
    share = next((share for line, share in shown if line.key == leader.key), 0)
    return f"{clean(leader.name)} takes {share}%" if share else ""


def _table(
    query: Query,
    groups: Sequence[Sequence[Line]],
    portions: Sequence[Sequence[int]],
    changes: Changes,
    costs: Costs | None,
) -> Table:
    lines = [line for group in groups for line in group]
    parts = [share for group in portions for share in group]
    rest = lines[-1] if lines[-1].key == REST else None
    money = cost_cells(lines, rest, costs)
    columns = (
        Column("family", "Family"),
        Column("model", "Model"),
        Column("multiplier", "Multiplier", "multiplier"),
        Column("prompts", "Prompts", "count"),
        Column("credits", "Credits", "credits"),
        Column("share", "Share", "share"),
        *((Column("cost", "Cost", "cost", costs.currency),) if costs and money[0] else ()),
        Column("change", "Change", "change"),
    )
    headings, at = [], 0
    for group in groups:
        part = slice(at, at + len(group))
        family = group[0].family
        change = _family_change(query, family, changes)
        subtotal = _sum(group, sum(parts[part]), money[part], family, change)
        headings.append(Group(family, len(group), subtotal))
        at += len(group)
    return Table(
        columns,
        rows=tuple(map(_row, lines, parts, money)),
        total=_sum(lines, sum(parts), money, "", changes.of(changes.keys)),
        groups=() if rest else tuple(headings),
        others=len(lines) - 1 if rest else None,
    )


def _family_change(query: Query, family: str, changes: Changes) -> float | str | None:
    """The change of a whole family, models that are not used any more included."""
    models = query.reader.catalog.models
    return changes.of(key for key in changes.keys if clean(models[key].family, 40) == family)


def _row(line: Line, share: int, cost: tuple[Cell, ...]) -> Row:
    usage = line.usage
    return (
        line.family,
        line.name,
        line.multiplier,
        usage.known_prompts,
        usage.known_credits,
        share,
        *cost,
        line.change,
    )


def _sum(
    lines: Sequence[Line],
    share: int,
    costs: Sequence[tuple[Cell, ...]],
    family: str,
    change: float | str | None,
) -> Row:
    usage = sum((line.usage for line in lines), Usage())
    return (
        family,
        "Total",
        None,
        usage.known_prompts,
        usage.known_credits,
        share,
        *sum_costs(costs),
        change,
    )


def _tree(title: str, groups: Sequence[Sequence[Line]], usage: Usage) -> Tree:
    """Families with several models as branches, single models and small families on one line.

    Where a limit hides models, the shown ones are the branches.
    """
    written = _written(groups)
    if groups[0][-1].key == REST:
        nodes = [Node(line.name, _words(line, written)) for line in groups[0][:-1]]
        small = list(groups[0][-1:])
    else:
        large = [group for group in groups if len(group) > 1 and group[0].family != OTHER]
        large = large[:EXPANDED_FAMILIES]
        small = [line for group in groups if group not in large for line in group]
        nodes = [
            Node(
                f"{group[0].family} Models",
                children=tuple(Node(line.name, _words(line, written)) for line in group),
            )
            for group in large
        ]
    if small:
        named = [f"{line.name} ({_pill(line)})" for line in small[:NAMED_SMALL] if line.key != REST]
        listed = [*named, *(["All Others"] if len(small) > len(named) else [])]
        together = sum((line.usage for line in small), Usage())
        spent = sum(written[line.key] for line in small)
        nodes.append(Node("Other Models", f"{', '.join(listed)} — {_used(together, spent)}"))
    known = usage.known_credits
    told = spent_text(usage) if known is None else credits_text(known)
    nodes.append(Node("Total Credits Used", told))
    return Tree(title, tuple(nodes))


def _written(groups: Sequence[Sequence[Line]]) -> dict[int, int]:
    """Micro-credits of every line as the table writes them: families add up, and their models."""
    sums = [[line.usage.credits for line in group] for group in groups]
    totals = as_written([sum(amounts) for amounts in sums])
    found: dict[int, int] = {}
    for group, amounts, total_micro in zip(groups, sums, totals, strict=True):
        rest = next((at for at, line in enumerate(group) if line.key == REST), None)
        keys = (line.key for line in group)
        found |= zip(keys, as_written(amounts, total_micro, others=rest), strict=True)
    return found


def _pill(line: Line) -> str:
    return "unpriced" if line.multiplier is None else multiplier_text(line.multiplier)


def _words(line: Line, written: Mapping[int, int]) -> str:
    """`(2x): 2,450 prompts (4,900 credits used)`."""
    return f"({_pill(line)}): {_used(line.usage, written[line.key])}"


def _used(usage: Usage, written: int) -> str:
    prompts, credits = usage.known_prompts, usage.known_credits
    words = "prompts not stated" if prompts is None else counted(prompts, "prompt")
    spent = "credits not known" if credits is None else f"{counted_credits(written)} used"
    return f"{words} ({spent})"
