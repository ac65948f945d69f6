"""Every budget that is set, against what the workspace may use in the same days.

Departments, projects and people are three ways to cut one total, so each is added up alone:
`allocated + unallocated = total`, to the micro-credit; what is over is negative.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from analytics.budget_words import (
    amount_text,
    day_text,
    exactly_credits,
    raise_text,
    thresholds_text,
)
from analytics.numbers import counted, shares
from analytics.query import Query
from analytics.report import Actions, Block, Button, Cell, Column, Note, Report, Row, Table
from analytics.scopes import KINDS, Limit, Scope, limits
from storage.budgets import Scope as Kind

TITLE = "Budgets"
COLUMNS = (
    Column("scope", "Scope"),
    Column("kind", "Kind"),
    Column("budget", "Budget", "credits"),
    Column("share", "Share", "share"),
    Column("warns", "Warns at"),
    Column("raised", "Raised until"),
)
PLURALS: Mapping[Kind, str] = {"department": "Departments", "project": "Projects"}
HOW_TO_SET = Note("`budget set 20000 monthly` sets one for the workspace.", "hint")
STEPS = Actions((Button("How they stand", "budget"), Button("How to set one", "help budget set")))
MOST_NOTES = 3
People = Collection[int] | None


@dataclass(frozen=True, slots=True)
class Allocation:
    """The limits of one kind of scope beside the workspace's `whole` for the same days."""

    kind: Kind
    whole: Limit
    parts: tuple[Limit, ...]

    @property
    def total(self) -> int:
        """Micro-credits of the workspace."""
        return self.whole.amount or 0

    @property
    def allocated(self) -> int:
        """Micro-credits of all parts."""
        return sum(part.amount or 0 for part in self.parts)

    @property
    def unallocated(self) -> int:
        """What no part has; negative where they have more than there is."""
        return self.total - self.allocated

    @property
    def words(self) -> str:
        """What they have together: `Departments have 18,000 of 20,000; 2,000 are unallocated`."""
        who, total = PLURALS.get(self.kind, "People"), amount_text(self.total)
        allocated, rest = amount_text(self.allocated), amount_text(abs(self.unallocated))
        if self.unallocated < 0:
            return f"{who} are over-allocated by {rest}: {allocated} of {total}."
        left = f"{rest} are unallocated" if self.unallocated else "nothing is unallocated"
        return f"{who} have {allocated} of {total}; {left}."


def allocations(known: Sequence[Limit]) -> list[Allocation]:
    """What of the workspace's limits is allocated, by kind; those of other days are left out."""
    wholes: dict[tuple[date, date], Limit] = {}
    for limit in known:
        if limit.scope.kind == "workspace" and limit.amount is not None:
            wholes.setdefault(_days(limit), limit)
    found = []
    for days, whole in wholes.items():
        for kind in KINDS[1:]:
            parts = [one for one in known if one.scope.kind == kind and _days(one) == days]
            found += [Allocation(kind, whole, tuple(parts))] if parts else []
    return found


def _days(limit: Limit) -> tuple[date, date]:
    return limit.stretch.first, limit.stretch.end


def over_allocated(query: Query, limit: Limit) -> Iterator[Note]:
    """A sentence for each kind of scope that has more than the workspace, of those it touches."""
    kind = limit.scope.kind
    for one in allocations(limits(query)):
        touches = kind in ("workspace", one.kind) and _days(limit) == _days(one.whole)
        if touches and one.unallocated < 0:
            yield Note(one.words)


def budget_list(query: Query, people: People) -> Report:
    """Every budget as it is today; those of people other than some are summed, None is all.

    What a department or project may use tells nothing of who used it.
    """
    known = limits(query)
    if not any(limit.amount is not None and not limit.is_plan for limit in known):
        return _none_set(known)
    found = allocations(known)
    placed = {limit for one in found for limit in (one.whole, *one.parts)}
    alone = [one for one in known if one not in placed and one.amount is not None]
    ordered = sorted(found, key=lambda one: one.unallocated >= 0)
    headline = ordered[0].words if ordered else _headline(alone)
    return Report(
        TITLE,
        headline,
        (
            *(Note(one.words, "delta") for one in ordered[1:]),
            *(_allocated(query, one, people) for one in found),
            *_others(query, alone, people),
            *_notes(query, known, people),
            STEPS,
        ),
    )


def _may_see(scope: Scope, people: People) -> bool:
    return scope.kind != "person" or people is None or scope.target in people


def _none_set(known: Sequence[Limit]) -> Report:
    plan = next((limit.amount for limit in known if limit.is_plan and limit.amount), None)
    words = "" if plan is None else f" The plan's {exactly_credits(plan)} a month are tracked."
    return Report(TITLE, f"No budget is set yet.{words}", (HOW_TO_SET, STEPS))


def _headline(alone: Sequence[Limit]) -> str:
    count = counted(len(alone), "budget")
    if any(limit.scope.kind == "workspace" for limit in alone):
        return f"{count}; nothing of the workspace's is allocated"
    return f"{count}; none is set for the workspace"


def _allocated(query: Query, one: Allocation, people: People) -> Table:
    """The parts, largest first, and what is left of the whole, which is the total."""
    seen = sorted(
        (part for part in one.parts if _may_see(part.scope, people)),
        key=lambda part: (-(part.amount or 0), part.scope.name(query), part.scope.target),
    )
    hidden = [part for part in one.parts if not _may_see(part.scope, people)]
    rows = [_row(query, part) for part in seen]
    if hidden:
        name = counted(len(hidden), "other")
        rows.append(_sum_row(name, sum(part.amount or 0 for part in hidden)))
    if one.unallocated:
        name = "Unallocated" if one.unallocated > 0 else "Over-allocated"
        rows.append(_sum_row(name, one.unallocated))
    amounts = [row[2] for row in rows if isinstance(row[2], int)]
    # Parts of more than there is are no shares of it.
    parts: list[int | None] = [None] * len(rows)
    if one.unallocated >= 0:
        parts = [*shares(amounts)]
    shown = [(*row[:3], part, *row[4:]) for row, part in zip(rows, parts, strict=True)]
    total = _row(query, one.whole)
    others = len(seen) if hidden else None
    whole = (*total[:3], 100 if one.unallocated >= 0 else None, *total[4:])
    return Table(COLUMNS, tuple(shown), whole, others=others)


def _row(query: Query, limit: Limit) -> Row:
    period, until = limit.stretch.period, limit.until
    kind = "plan" if limit.is_plan else limit.scope.kind
    return (
        limit.scope.name(query),
        kind if period == "monthly" else f"{kind}, {period}",
        limit.amount,
        None,
        None if limit.is_plan else thresholds_text(limit.thresholds),
        None if until is None else day_text(until),
    )


def _sum_row(name: str, amount: Cell) -> Row:
    return (name, None, amount, None, None, None)


def _others(query: Query, alone: Sequence[Limit], people: People) -> Iterator[Block]:
    """Budgets that nothing is added up against."""
    rows = [_row(query, one) for one in alone if _may_see(one.scope, people)]
    if rows:
        kept = [column for column in COLUMNS if column.key != "share"]
        yield Table(tuple(kept), tuple((*row[:3], *row[4:]) for row in rows))


def _notes(query: Query, known: Sequence[Limit], people: People) -> Iterator[Note]:
    raised = [one for one in known if one.until is not None and _may_see(one.scope, people)]
    for one in raised[:MOST_NOTES]:
        yield Note(raise_text(one, one.scope.name(query)))
    if not any(one.scope == Scope() and one.amount is not None for one in known):
        yield HOW_TO_SET
