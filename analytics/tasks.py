"""What the credits are used for: their share by task, with the multipliers that are typical.

What has no task is a row like any other, is never spread over the others, and its share is always
told.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from analytics.captions import caption, footnotes, heading
from analytics.figures import SplitFigure, SplitRow
from analytics.lines import empty_report, framed, read_changes, spent_text
from analytics.measures import Usage, gather_priced, tier_of
from analytics.numbers import counted, credits_text, multiplier_text, shares
from analytics.query import TIERS, Query, Tier
from analytics.report import Actions, Button, Column, Node, Note, Report, Row, Table, Tree
from analytics.text import clean, distinct, typed

UNCATEGORISED = "Uncategorised"
REST = -1
TIER_LABELS: Mapping[Tier, str] = {
    "premium": "Premium",
    "standard": "Standard",
    "economy": "Economy",
    "unknown": "Unknown tier",
}
Priced = Mapping[int | None, Usage]


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A task (0 is none, REST is several) with its usage by multiplier at the time."""

    key: int
    name: str
    parts: Priced

    @property
    def usage(self) -> Usage:
        """All multipliers together."""
        return sum(self.parts.values(), Usage())


def tasks(query: Query, limit: int, folded: Collection[int] = ()) -> Report:
    """Share of credits, typical multipliers, prompts and credits a prompt of each task.

    `folded` are tasks that must not have a row of their own: too few people are behind them.
    """
    priced = {key: parts for (key,), parts in gather_priced(query, ("task",)).items()}
    title = heading("Credits by Task", query)
    if not priced:
        return empty_report(title, query)
    lines = _lines(query, priced, limit, folded)
    portions = shares([line.usage.credits for line in lines])
    whole = sum((line.usage for line in lines), Usage())
    finding = f"{spent_text(whole)} on {counted(sum(key != 0 for key in priced), 'task')}"
    lead = _lead(lines, portions)
    return framed(
        query,
        title,
        f"{finding}; {lead}",
        (
            *read_changes(query, "model").note(),
            _figure(query, lines, portions, whole),
            Tree(title, tuple(map(_node, lines, portions))),
            _table(lines, portions, whole),
            *footnotes(query, whole),
            *_advice_on_rules(lines, portions),
            _actions(query, lines),
        ),
    )


def _lines(
    query: Query, priced: Mapping[int, Priced], limit: int, folded: Collection[int]
) -> list[TaskLine]:
    """Tasks by credits, the rest beyond the limit as one, and what has no task, even nothing."""
    known = query.reader.names("task")
    names = distinct({key: known[key] for key in priced if key})
    lines = [TaskLine(key, names[key], priced[key]) for key in names]
    lines.sort(key=lambda line: (-line.usage.credits, line.name, line.key))
    secret = [line for line in lines if line.key in folded]
    lines = [line for line in lines if line.key not in folded]
    room = limit if secret or len(lines) > limit + 1 else limit + 1
    shown, hidden = lines[:room], [*lines[room:], *secret]
    if hidden:
        shown.append(TaskLine(REST, counted(len(hidden), "other"), _merged(hidden)))
    return [*shown, TaskLine(0, UNCATEGORISED, priced.get(0, {}))]


def _merged(lines: Sequence[TaskLine]) -> Priced:
    parts: dict[int | None, Usage] = {}
    for multiplier, usage in (pair for line in lines for pair in line.parts.items()):
        parts[multiplier] = parts.get(multiplier, Usage()) + usage
    return parts


def typical(parts: Priced) -> str | None:
    """`mostly 1x` where more than half of the prompts have it, else `1x–2.5x`, the middle 80 %.

    Rows that do not say how many prompts they are count as one; None where nothing has a price.
    """
    weights = {m: usage.prompts + usage.uncounted for m, usage in parts.items() if m is not None}
    whole = sum(weights.values())
    if not whole:
        return None
    most = max(sorted(weights), key=lambda multiplier: weights[multiplier])
    if 2 * weights[most] > whole:
        return ("" if weights[most] == whole else "mostly ") + multiplier_text(most)
    low, high = (_quantile(weights, quarters) for quarters in (1, 3))
    return f"{multiplier_text(low)}–{multiplier_text(high)}"


def _quantile(weights: Mapping[int, int], quarters: int) -> int:
    """The multiplier up to which so many quarters of the prompts lie."""
    rest = quarters * sum(weights.values())
    for multiplier in sorted(weights):
        rest -= 4 * weights[multiplier]
        if rest <= 0:
            break
    return multiplier


def _lead(lines: Sequence[TaskLine], portions: Sequence[int]) -> str:
    """`Email Writing takes 28%, 18% uncategorised`, with the shares that the table shows."""
    first = lines[0]
    leader = f"{clean(first.name)} takes {portions[0]}%, " if first.key > 0 and portions[0] else ""
    return f"{leader}{portions[-1]}% uncategorised"


def _node(line: TaskLine, share: int) -> Node:
    """`Email Writing: 28% of credits, mostly 1x models`."""
    models = typical(line.parts)
    return Node(line.name, f"{share}% of credits" + (f", {models} models" if models else ""))


def _table(lines: Sequence[TaskLine], portions: Sequence[int], whole: Usage) -> Table:
    rest = next((index for index, line in enumerate(lines) if line.key == REST), None)
    return Table(
        columns=(
            Column("task", "Task"),
            Column("share", "Share", "share"),
            Column("credits", "Credits", "credits"),
            Column("typical", "Multipliers"),
            Column("prompts", "Prompts", "count"),
            Column("credits_per_prompt", "Per prompt", "credits"),
        ),
        rows=tuple(
            _row(line.name, share, line.usage, typical(line.parts))
            for line, share in zip(lines, portions, strict=True)
        ),
        total=_row("Total", sum(portions), whole, typical(_merged(lines))),
        others=rest,
    )


def _row(name: str, share: int, usage: Usage, models: str | None) -> Row:
    return name, share, usage.known_credits, models, usage.known_prompts, usage.per_prompt


def _figure(
    query: Query, lines: Sequence[TaskLine], portions: Sequence[int], whole: Usage
) -> SplitFigure:
    parts = [_by_tier(query, line.parts) for line in lines]
    tiers = tuple(tier for tier in TIERS if any(tier in one for one in parts))
    first = lines[0]
    share, name = (portions[0], clean(first.name)) if first.key > 0 else (portions[-1], "No task")
    title = f"{name} takes {share}% of {spent_text(whole)}"
    footer = caption(query)
    largest = ", ".join(
        f"{clean(line.name)} {credits_text(line.usage.credits)}" for line in lines[:3]
    )
    return SplitFigure(
        title=title,
        subtitle=f"Credits by task and multiplier tier; {portions[-1]}% uncategorised",
        footer=footer,
        alt=f"Stacked bars by task. {title}. {largest}. {footer}.",
        tiers=tiers,
        labels=tuple(TIER_LABELS[tier] for tier in tiers),
        rows=tuple(
            SplitRow(
                line.name,
                line.usage.credits,
                share,
                tuple(one.get(tier, 0) for tier in tiers),
            )
            for line, share, one in zip(lines, portions, parts, strict=True)
        ),
    )


def _by_tier(query: Query, parts: Priced) -> dict[Tier, int]:
    """Micro-credits by tier."""
    found: dict[Tier, int] = {}
    for multiplier, usage in parts.items():
        tier = tier_of(query, multiplier)
        found[tier] = found.get(tier, 0) + usage.credits
    return found


def _advice_on_rules(lines: Sequence[TaskLine], portions: Sequence[int]) -> list[Note]:
    if portions[-1] < 20 and len(lines) > 1:
        return []
    words = "An admin can give usage a task by rules: `help tasks` tells more."
    return [Note(words, "hint")]


def _actions(query: Query, lines: Sequence[TaskLine]) -> Actions:
    words = query.range.words
    named = [line for line in lines if line.key > 0][:1]
    leader = [
        Button(f"{clean(line.name, 24)} by model", f"efficiency {words} task={typed(line.name)}")
        for line in named
    ]
    return Actions((*leader, Button("Efficiency", f"efficiency {words}"), ADVICE))


ADVICE = Button("Advice", "recommend")
