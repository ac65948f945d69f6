"""The lines of a breakdown: what each model or person used, its change, and the rest.

A table's total is the sum of its lines, the line of others included.  A change looks at everything
on both sides of its comparison, so what is not used any more pulls the total down, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from analytics.captions import data_to, filters_text, nothing_known, period_of
from analytics.measures import Comparison, Costs, Usage, comparison, gather, gather_credits
from analytics.numbers import change_of, change_text, counted, counted_credits, credits_text
from analytics.query import Query
from analytics.report import (
    Block,
    Cell,
    Note,
    Report,
)
from analytics.silence import silence_note, silent_then

Sort = Literal["credits", "prompts", "change", "name"]
By = Literal["model", "person"]
OTHER = "Other"
REST = -1  # the key of a line that stands for several; 0 is what no name is known for


@dataclass(frozen=True, slots=True)
class Changes:
    """Credits by id on both sides of a comparison, of ids that are priced on both.

    `words` say what is compared; they are empty when there is nothing to compare with.  What is
    `left_out` of the range is on neither side.
    """

    words: str = ""
    left_out: str = ""
    now: Mapping[int, int] = field(default_factory=dict)
    before: Mapping[int, int] = field(default_factory=dict)
    unknown: frozenset[int] = frozenset()

    @property
    def keys(self) -> frozenset[int]:
        """Every id that was used on either side."""
        return frozenset(self.now) | frozenset(self.before)

    def sides(self, keys: Iterable[int]) -> tuple[int, int | None]:
        """Credits of some ids now and before; before is None when that is not known."""
        chosen = [key for key in keys if key not in self.unknown]
        now = sum(self.now.get(key, 0) for key in chosen)
        if not self.words or not chosen:
            return now, None
        return now, sum(self.before.get(key, 0) for key in chosen)

    def of(self, keys: Iterable[int]) -> float | str | None:
        """The change of some ids together."""
        return change_of(*self.sides(keys))

    def note(
        self, name: Callable[[int], str] | None = None, *, is_headline: bool = False
    ) -> tuple[Note, ...]:
        """`▲ 8% on the 29 days before (9,620). Biggest change: Claude 3.7 Sonnet +410.` as a note.

        While the range runs both sides are told: `Without today: 10,390 credits, ▲ 8% on …`.
        Nothing without a time before, or when nothing was used then; the biggest change only
        with names.  Where the headline tells the change, `September: 7,184 credits.` comes first.
        """
        now, before = self.sides(self.keys)
        if not before:
            return ()
        words = f"{change_text(change_of(now, before))} on {self.words} ({credits_text(before)})."
        if is_headline:
            words = f"{self.words}: {counted_credits(before)}."
        elif self.left_out:
            words = f"Without {self.left_out}: {counted_credits(now)}, {words}"
        steps = {key: self.now.get(key, 0) - self.before.get(key, 0) for key in self.keys}
        known = {key: step for key, step in steps.items() if step and key not in self.unknown}
        if name is not None and known and len(self.keys) > 1:
            mover = max(known, key=lambda key: (abs(known[key]), -key))
            sign = "+" if known[mover] > 0 else "−"
            words += f" Biggest change: {name(mover)} {sign}{credits_text(abs(known[mover]))}."
        return (Note(words, "delta"),)


def read_changes(query: Query, by: By) -> Changes:
    """Both sides of the query's change, by id."""
    compared = comparison(query)
    if compared is None:
        return Changes()
    return changes_between(query, by, compared)


def changes_between(query: Query, by: By, compared: Comparison) -> Changes:
    """The credits of both sides of any comparison, by id."""
    # Unpriced rows are kept by model only: by person they would cost the largest tables.
    if by == "person":
        return Changes(
            words=compared.words,
            left_out=compared.left_out,
            now=gather_credits(query, by, compared.now),
            before=gather_credits(query, by, compared.before),
        )
    now, before = (
        {key: usage for (key,), usage in gather(query, (by,), span=side).items()}
        for side in (compared.now, compared.before)
    )
    return Changes(
        words=compared.words,
        left_out=compared.left_out,
        now={key: usage.credits for key, usage in now.items()},
        before={key: usage.credits for key, usage in before.items()},
        unknown=frozenset(
            key for part in (now, before) for key, usage in part.items() if usage.unpriced
        ),
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One model or person, or `count` of them together, with its credits before and its change."""

    key: int
    name: str
    usage: Usage
    before: int | None
    change: float | str | None
    step: int = 0
    family: str = ""
    multiplier: int | None = None
    count: int = 1

    @property
    def compared(self) -> int | None:
        """Its credits on the side of now, where there is a time before."""
        return None if self.before is None else self.before + self.step


def line_of(key: int, name: str, usage: Usage, changes: Changes) -> Line:
    """The line of one id."""
    now, before = changes.sides([key])
    step = now - before if before is not None else 0
    return Line(key, name, usage, before, changes.of([key]), step)


def ordered_lines(lines: Sequence[Line], sort: Sort) -> list[Line]:
    """Largest first, by name where equal; the largest rise leads an order by change."""
    keys: Mapping[Sort, Callable[[Line], tuple[float, str]]] = {
        "credits": lambda line: (-line.usage.credits, line.name),
        "prompts": lambda line: (-line.usage.prompts, line.name),
        "change": lambda line: (-line.step, line.name),
        "name": lambda line: (0, line.name.casefold()),
    }
    return sorted(lines, key=lambda line: (*keys[sort](line), line.key))


def cut_lines(
    lines: Sequence[Line], limit: int, changes: Changes
) -> tuple[list[Line], Line | None]:
    """The first lines, and one that sums the rest; one single rest is shown itself.

    What was used only before belongs to the rest's change.
    """
    if len(lines) <= limit + 1:
        return list(lines), None
    shown = list(lines[:limit])
    return shown, together(lines[limit:], changes, changes.keys - {line.key for line in shown})


def together(lines: Sequence[Line], changes: Changes, keys: Iterable[int]) -> Line:
    """Several lines as one, called `N others`; `keys` are the ids its change is about."""
    whole = sum((line.usage for line in lines), Usage())
    return together_as(sum(line.count for line in lines), whole, changes, keys)


def together_as(count: int, usage: Usage, changes: Changes, keys: Iterable[int]) -> Line:
    """The line of `count` others whose usage is known as a whole."""
    hidden = list(keys)
    now, before = changes.sides(hidden)
    return Line(
        key=REST,
        name=counted(count, "other"),
        usage=usage,
        before=before,
        change=change_of(now, before),
        step=0 if before is None else now - before,
        count=count,
    )


def cost_cells(
    lines: Sequence[Line], rest: Line | None, costs: Costs | None
) -> list[tuple[Cell, ...]]:
    """The cost cell of each line, none without costs; the rest takes what the others leave."""
    if costs is None or costs.is_mixed:
        return [() for _ in lines]
    cells: list[int | None] = [costs.by_key.get((line.key,)) for line in lines]
    if rest is not None:
        cells[-1] = costs.total - sum(cell or 0 for cell in cells[:-1]) or None
    return [(cell,) for cell in cells]


def sum_costs(cells: Sequence[tuple[Cell, ...]]) -> tuple[Cell, ...]:
    """The cost cell of a total row."""
    if not cells or not cells[0]:
        return ()
    known = [cell for (cell,) in cells if isinstance(cell, int)]
    return (sum(known) if known else None,)


def spent_text(usage: Usage) -> str:
    """`10,390 credits`, or that they are not known."""
    known = usage.known_credits
    if known is None:
        return "Credits not known"
    return counted_credits(known)


def framed(query: Query, title: str, headline: str, blocks: tuple[Block, ...]) -> Report:
    """A report with everything that its query tells: silent sources, period, filters, freshness."""
    return Report(
        title=title,
        headline=headline,
        blocks=(*silence_note(silent_then(query)), *blocks),
        period=period_of(query),
        narrowed=filters_text(query),
        data_to=data_to(query),
    )


def empty_report(title: str, query: Query) -> Report:
    """An answer without usage: what is missing and the next step."""
    headline, hint = nothing_known(query)
    return framed(query, title, headline, (hint,))


def alt_text(kind: str, finding: str, lines: Sequence[Line], footer: str) -> str:
    """Kind, finding, the three largest values, range."""
    largest = ", ".join(f"{line.name} {credits_text(line.usage.credits)}" for line in lines[:3])
    return f"{kind}. {finding}. {largest}. {footer}."
