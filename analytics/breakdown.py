"""Credits by family, tier, project, department or task: one question, the group is its argument.

Usage without the label is a row of its own, so every breakdown adds up to the same total.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from analytics.bars import ticked_bars
from analytics.captions import caption, footnotes, heading
from analytics.drill import Step, steps
from analytics.figures import Figure, SplitFigure, SplitRow, TierFigure, TierPart
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
    spent_text,
    sum_costs,
    together,
)
from analytics.measures import Costs, Sums, Usage, total
from analytics.model_lines import model_figure, model_lines
from analytics.numbers import shares
from analytics.parts import (
    Group,
    Parts,
    by_group,
    models_of,
    part_costs,
    read_compared,
    split_by_tier,
    tier_name,
)
from analytics.query import TIERS, Query
from analytics.report import Block, Column, Note, Report, Row, Table
from analytics.text import clean, distinct
from analytics.top_model import top_model
from storage.reading import MAX_LEDGER_DAYS


@dataclass(frozen=True, slots=True)
class Words:
    """How a group is spoken of: one and many, where usage is, and usage without it."""

    one: str
    many: str
    on: str = "on"
    none: str = ""


TIER_TITLES = tuple(tier.title() for tier in TIERS)
WORDS: Mapping[Group, Words] = {
    "family": Words("family", "families"),
    "tier": Words("tier", "tiers", "in"),
    "project": Words("project", "projects", none="(no project)"),
    "department": Words("department", "departments", "in", none="(no department)"),
    "task": Words("task", "tasks", none="Uncategorised"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """How a breakdown is wanted: rows, their order, and what its asker may see of people.

    `folded` are ids that must not have a row of their own: too few people are behind them.
    """

    limit: int
    sort: Sort
    with_people: bool = True
    folded: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a breakdown read: a line for `every` group, and the `lines` shown with their shares.

    The last line shown may be that of others.
    """

    query: Query
    group: Group
    parts: Parts
    every: Sequence[Line]
    lines: Sequence[Line]
    portions: Sequence[int]
    whole: Usage

    @property
    def words(self) -> Words:
        """How its group is spoken of."""
        return WORDS[self.group]

    @property
    def rows(self) -> list[tuple[Line, int]]:
        """Lines with their shares."""
        return list(zip(self.lines, self.portions, strict=True))

    @property
    def named(self) -> list[tuple[Line, int]]:
        """The rows of one group each that has a name."""
        return [row for row in self.rows if row[0].key != REST and not self.is_none(row[0].key)]

    def is_none(self, key: int) -> bool:
        """Whether a key stands for usage without the label."""
        return not key and bool(self.words.none)


def breakdown(query: Query, group: Group, asked: Asked) -> Report:
    """Prompts, credits, share, credits per prompt, top model and change of each group."""
    parts, changes = read_compared(query, group)
    title = heading(f"Usage by {group.title()}", query)
    if not parts:
        return empty_report(title, query)
    sums, names = by_group(parts), _names(query, group, parts)
    every = [line_of(key, names[key], usage, changes) for key, usage in sums.items()]
    lines = _cut(ordered_lines(every, asked.sort), asked, changes)
    portions = shares([line.usage.credits for line in lines])
    found = Found(query, group, parts, every, lines, portions, total(parts))
    costs = part_costs(query, group)
    headline = _headline(found, sums)
    # Of what must be folded, not even the largest mover may be named.
    named = (
        None if asked.folded else (lambda key: _short(names.get(key) or _gone(query, group, key)))
    )
    return framed(
        query,
        title,
        headline,
        (
            *changes.note(named),
            _figure(found, headline, changes),
            _table(found, changes, costs),
            *_folded_note(found, asked),
            *footnotes(query, found.whole, costs),
            *_steps(found, with_people=asked.with_people),
        ),
    )


def _names(query: Query, group: Group, parts: Parts) -> Mapping[int, str]:
    keys = {key[0] for key in parts}
    if group == "tier":
        return {tier: tier_name(query, tier, parts) for tier in keys}
    known = query.reader.names(group)
    return distinct({key: known.get(key) or WORDS[group].none for key in keys})


def _gone(query: Query, group: Group, key: int) -> str:
    """The name of what was only used before."""
    if group == "tier":
        return TIERS[key].title()
    return clean(query.reader.names(group).get(key) or WORDS[group].none)


def _short(name: str) -> str:
    """A tier without its multipliers, for a sentence."""
    return name.partition(" (")[0] if name.startswith(TIER_TITLES) else name


def _cut(lines: Sequence[Line], asked: Asked, changes: Changes) -> list[Line]:
    """The lines to show; those that must be folded are always among the others."""
    folded = [line for line in lines if line.key in asked.folded]
    if not folded:
        shown, rest = cut_lines(lines, asked.limit, changes)
        return [*shown, *([rest] if rest else [])]
    open_ = [line for line in lines if line.key not in asked.folded]
    shown, hidden = open_[: asked.limit], [*open_[asked.limit :], *folded]
    return [*shown, together(hidden, changes, changes.keys - {line.key for line in shown})]


# ---- words


def _headline(found: Found, sums: Mapping[int, Usage]) -> str:
    """`10,390 credits on 12 projects; Atlas takes 31%`."""
    words, spent = found.words, spent_text(found.whole)
    count = sum(not found.is_none(key) for key in sums)
    if not count:
        return f"{spent}, none with a {words.one}"
    many = f"{count:,} {words.one if count == 1 else words.many}"
    return "; ".join([f"{spent} {words.on} {many}", *_lead(found, sums), *_untold(found)])


def _lead(found: Found, sums: Mapping[int, Usage]) -> list[str]:
    """`Atlas takes 31%`, the share of the table; nothing for one row or where it is not shown."""
    if len(found.lines) < 2 or not found.named:
        return []
    leader, share = min(found.named, key=lambda row: (-row[0].usage.credits, row[0].name))
    most = max(usage.credits for key, usage in sums.items() if not found.is_none(key))
    if not share or leader.usage.credits < most:
        return []
    return [f"{_short(leader.name)} takes {share}%"]


def _untold(found: Found) -> list[str]:
    """`18% uncategorised`: of tasks it is always said."""
    share = next((share for line, share in found.rows if found.is_none(line.key)), None)
    return [] if share is None or found.group != "task" else [f"{share}% uncategorised"]


def _folded_note(found: Found, asked: Asked) -> list[Note]:
    if not asked.folded:
        return []
    return [
        Note(f"{found.words.many.title()} with too few people to hide each of them are folded.")
    ]


# ---- table


def _table(found: Found, changes: Changes, costs: Costs | None) -> Table:
    lines = found.lines
    rest = lines[-1] if lines[-1].key == REST else None
    money = cost_cells(lines, rest, costs)
    prompts = shares([line.usage.prompts for line in lines]) if found.group == "tier" else None
    models = models_of(found.parts)
    tops = [top_model(found.query, models.get(line.key, {})) for line in lines]
    rows = [
        _row(line, (share, *([prompts[at]] if prompts else [])), money[at], tops[at])
        for at, (line, share) in enumerate(found.rows)
    ]
    team = Line(REST, "Total", found.whole, None, changes.of(changes.keys))
    sums = (sum(found.portions), *([sum(prompts)] if prompts else []))
    return Table(
        columns=(
            Column(found.group, found.group.title()),
            Column("prompts", "Prompts", "count"),
            Column("credits", "Credits", "credits"),
            Column("share", "Share", "share"),
            *((Column("prompt_share", "Of prompts", "share"),) if prompts else ()),
            Column("credits_per_prompt", "Per prompt", "credits"),
            *((Column("cost", "Cost", "cost", costs.currency),) if costs and money[0] else ()),
            Column("top_model", "Top model"),
            Column("change", "Change", "change"),
        ),
        rows=tuple(rows),
        total=_row(team, sums, sum_costs(money), None),
        others=len(lines) - 1 if rest else None,
    )


def _row(line: Line, portions: Row, cost: Row, top: str | None) -> Row:
    usage = line.usage
    return (
        line.name,
        usage.known_prompts,
        usage.known_credits,
        *portions,
        usage.per_prompt,
        *cost,
        top,
        line.change,
    )


# ---- figures


def _figure(found: Found, headline: str, changes: Changes) -> Figure:
    lead = headline.split("; ")[1:2]
    title = f"{lead[0]} of {spent_text(found.whole)}" if lead and "takes" in lead[0] else headline
    match found.group:
        case "family":
            models: Sums = {(model,): usage for (_, model), usage in found.parts.items()}
            lines = model_lines(found.query, models, Changes())
            words = "Credits by family and model. Pill = multiplier"
            return replace(model_figure(found.query, title, lines), subtitle=words)
        case "tier":
            return _tiers(found, title)
        case "task":
            return _split(found, title)
        case _:
            return ticked_bars(
                found.query, found.words.one, title, lines=found.lines, changes=changes
            )


def _tiers(found: Found, title: str) -> TierFigure:
    lines = sorted(found.every, key=lambda line: line.key)
    sides = [
        shares([getattr(line.usage, side) for line in lines]) for side in ("prompts", "credits")
    ]
    footer = caption(found.query)
    if found.whole.prompts and "takes" in title:
        first = max(range(len(lines)), key=lambda at: (lines[at].usage.credits, -at))
        title += f", with {sides[0][first]}% of prompts"
    return TierFigure(
        title=title,
        subtitle="Share of prompts against share of credits, by multiplier tier",
        footer=footer,
        alt=alt_text("Stacked bars by tier", title, ordered_lines(lines, "credits"), footer),
        tiers=tuple(
            TierPart(
                tier=TIERS[line.key],
                label=line.name,
                prompts=line.usage.prompts,
                credits=line.usage.known_credits,
                prompt_share=of_prompts,
                share=share,
            )
            for line, of_prompts, share in zip(lines, *sides, strict=True)
        ),
    )


def _split(found: Found, title: str) -> SplitFigure:
    """Bars split by tier, only of tiers that were used; what the others hold is the rest."""
    credits = split_by_tier(found.query, "task", found.parts)
    used = sorted({tier for _, tier in credits})
    wholes = [sum(credits.get((key, tier), 0) for key in by_group(found.parts)) for tier in used]
    rows, left = [], wholes
    for line, share in sorted(
        found.rows, key=lambda row: (row[0].key == REST, -row[0].usage.credits)
    ):
        if line.key != REST:
            parts = [credits.get((line.key, tier), 0) for tier in used]
            left = [whole - part for whole, part in zip(left, parts, strict=True)]
        else:
            parts = left
        rows.append(SplitRow(line.name, line.usage.credits, share, tuple(parts)))
    footer = caption(found.query)
    return SplitFigure(
        title=title,
        subtitle="Credits by task, split by multiplier tier",
        footer=footer,
        alt=alt_text("Bar chart by task", title, ordered_lines(found.lines, "credits"), footer),
        tiers=tuple(TIERS[tier] for tier in used),
        rows=tuple(rows),
    )


# ---- what is behind a row


def _steps(found: Found, *, with_people: bool) -> Sequence[Block]:
    rows = [(line.key, line.name) for line, _ in found.named]
    few = found.query.range.days <= MAX_LEDGER_DAYS  # else kept prompt by prompt only
    has_people = found.group == "department" or (few and found.group in ("project", "task"))
    if with_people and has_people:
        return steps(found.query, Step("by-user", found.group, "People: {}"), rows)
    if found.group == "tier":
        tiers = [(TIERS[key], _short(name)) for key, name in rows]
        return steps(found.query, Step("by-model", "tier", "Models: {}"), tiers)
    return steps(found.query, Step("by-model", found.group, "Models: {}"), rows)
