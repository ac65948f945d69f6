"""The lines of a breakdown: what each model or person used, both sides of its change, the rest.

A table's total is the sum of its lines, the line of others included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from analytics.captions import filters_text, nothing_known, period_of
from analytics.measures import Comparison, Costs, Usage, comparison, gather_spend
from analytics.numbers import change_of, change_text, count_text, credits_text
from analytics.query import Query
from analytics.report import Block, Cell, Note, Report

Sort = Literal["credits", "prompts", "change", "name"]
OTHER = "Other"


@dataclass(frozen=True, slots=True)
class Line:
    """One model or person, or `count` of them together, with both sides of its change."""

    key: int
    name: str
    usage: Usage
    now: int
    before: int | None
    family: str = ""
    multiplier: int | None = None
    count: int = 1

    @property
    def change(self) -> float | str | None:
        """The change of its credits."""
        return change_of(self.now, self.before)


def both_sides(
    query: Query, by: Literal["model", "person"], compared: Comparison | None
) -> tuple[dict[int, int], dict[int, int] | None]:
    """Credits by id now and before; before is None when there is nothing to compare with."""
    if compared is None:
        return {}, None
    now, before = (
        {key: usage.credits for (key,), usage in gather_spend(query, (by,), span=span).items()}
        for span in (compared.now, compared.before)
    )
    return now, before or None


def previous_of(before: Mapping[int, int] | None, key: int) -> int | None:
    """What a key used before; None when there is nothing to compare with, else at least 0."""
    return None if before is None else before.get(key, 0)


def ordered_lines(lines: Sequence[Line], sort: Sort) -> list[Line]:
    """Largest first, by name where equal; new ones lead an order by change."""
    keys: Mapping[str, Callable[[Line], tuple[float, str]]] = {
        "credits": lambda line: (-line.usage.credits, line.name),
        "prompts": lambda line: (-line.usage.prompts, line.name),
        "change": lambda line: (line.before - line.now if line.before else -line.now, line.name),
        "name": lambda line: (0, line.name.casefold()),
    }
    return sorted(lines, key=lambda line: (*keys[sort](line), line.key))


def cut_lines(lines: list[Line], limit: int) -> tuple[list[Line], Line | None]:
    """The first lines, and one that sums the rest; one single rest is shown itself."""
    if len(lines) <= limit + 1:
        return lines, None
    return lines[:limit], together(lines[limit:])


def together(lines: Sequence[Line]) -> Line:
    """Several lines as one, called `N others`."""
    count = sum(line.count for line in lines)
    before = [line.before for line in lines if line.before is not None]
    return Line(
        key=0,
        name=f"{count_text(count)} others",
        usage=sum((line.usage for line in lines), Usage()),
        now=sum(line.now for line in lines),
        before=sum(before) if before else None,
        count=count,
    )


def delta_note(lines: Sequence[Line], compared: Comparison | None) -> tuple[Note, ...]:
    """`▲ 8% on the 29 days before (9,620). Biggest change: Claude 3.7 Sonnet +410`."""
    if compared is None or all(line.before is None for line in lines):
        return ()
    now, before = sum(line.now for line in lines), sum(line.before or 0 for line in lines)
    words = f"{change_text(change_of(now, before))} on {compared.words} ({credits_text(before)})."
    mover = max(lines, key=lambda line: (abs(line.now - (line.before or 0)), line.name))
    step = mover.now - (mover.before or 0)
    if len(lines) > 1 and step:
        sign = "+" if step > 0 else "−"
        words += f" Biggest change: {mover.name} {sign}{credits_text(abs(step))}."
    return (Note(words, "delta"),)


def total_delta(query: Query) -> tuple[Note, ...]:
    """`▲ 8% on the 29 days before (9,620).`; nothing without a time to compare with."""
    compared = comparison(query)
    now, before = both_sides(query, "model", compared)
    if compared is None or before is None:
        return ()
    then = sum(before.values())
    change = change_text(change_of(sum(now.values()), then))
    return (Note(f"{change} on {compared.words} ({credits_text(then)}).", "delta"),)


def change_over(lines: Sequence[Line]) -> float | str | None:
    """The change of all lines together."""
    before = [line.before for line in lines if line.before is not None]
    return change_of(sum(line.now for line in lines), sum(before)) if before else None


def cost_cells(
    lines: Sequence[Line], rest: Line | None, costs: Costs | None
) -> list[tuple[Cell, ...]]:
    """The cost cell of each line, none without costs; the rest takes what the others leave."""
    if costs is None:
        return [() for _ in lines]
    cells = [costs.by_key.get((line.key,)) for line in lines]
    if rest is not None:
        cells[-1] = costs.total - sum(cell or 0 for cell in cells[:-1])
    return [(cell,) for cell in cells]


def sum_costs(cells: Sequence[tuple[Cell, ...]]) -> tuple[Cell, ...]:
    """The cost cell of a total row."""
    if not cells or not cells[0]:
        return ()
    known = [cell for (cell,) in cells if isinstance(cell, int)]
    return (sum(known) if known else None,)


def framed(query: Query, title: str, headline: str, blocks: tuple[Block, ...]) -> Report:
    """A report with everything that its query tells: period, filters, freshness."""
    return Report(
        title=title,
        headline=headline,
        blocks=blocks,
        period=period_of(query),
        narrowed=filters_text(query),
        data_to=query.reader.newest,
    )


def empty_report(title: str, query: Query) -> Report:
    """An answer without usage: what is missing and the next step."""
    headline, hint = nothing_known(query)
    return framed(query, title, headline, (hint,))


def alt_text(kind: str, finding: str, lines: Sequence[Line], footer: str) -> str:
    """Kind, finding, the three largest values, range."""
    largest = ", ".join(f"{line.name} {credits_text(line.usage.credits)}" for line in lines[:3])
    return f"{kind}. {finding}. {largest}. {footer}."
