"""What is said before a budget is changed, and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analytics.allocations import over_allocated
from analytics.budget_words import (
    allowance_text,
    amount_text,
    line_of,
    raised_text,
    terms_text,
    thresholds_text,
    typed_credits,
)
from analytics.lines import framed
from analytics.numbers import credits_text
from analytics.past_use import PastUse, past_facts
from analytics.query import Query
from analytics.report import Actions, Block, Button, Column, Facts, Note, Report, Row, Table
from analytics.scopes import Scope, limit_of
from analytics.stretches import Stretch, stretch_of
from storage.budgets import Budget, Period, Revision
from storage.marks import is_reached, ordered
from storage.timekeys import from_micros, to_micros

TITLE = "Budget"
COLUMNS = (Column("what", "What"), Column("before", "Now"), Column("after", "Then"))
HISTORY = (
    Column("start", "Since", "moment"),
    Column("what", "What"),
    Column("budget", "Budget", "credits"),
    Column("warns", "Warns at"),
    Column("raised", "Raise"),
)
TOO_FEW = Note("What so few people used before is not shown here.")
NOTHING_KNOWN = Note("No complete month of usage is known, so nothing is suggested.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a budget would be about."""

    scope: Scope
    period: Period


@dataclass(frozen=True, slots=True)
class Change:
    """A budget before and after; None before is a first one, None after a removal."""

    before: Budget | None
    after: Budget | None

    @property
    def budget(self) -> Budget:
        """The side that there is."""
        found = self.after or self.before
        if found is None:
            raise ValueError("a change of nothing into nothing")
        return found

    @property
    def scope(self) -> Scope:
        """Whose budget it is."""
        return scope_of_budget(self.budget)


def scope_of_budget(budget: Budget) -> Scope:
    """Whose budget it is."""
    return Scope(budget.scope, budget.target_id)


def confirm_report(query: Query, change: Change, line: str, past: PastUse) -> Report:
    """What would change, with a button that does it; the line is empty where none can be typed."""
    name, before, after = change.scope.name(query), change.before, change.after
    if before is None:
        raise ValueError("a first budget needs no confirmation")
    if after is None:
        headline = f"Remove the budget of {name}: {allowance_text(before)}?"
        label = "Remove it"
    else:
        headline = f"Change the budget of {name}: {_step(before, after)}?"
        label = "Change it"
    steps = [Button(label, line, "do")] if line else []
    # Of two with one name a line of ours could mean the other: the asker's own line is good.
    again = f"Type your line again with `revision={before.revision}`."
    how = f"Press the button, or type `{line}`." if line else again
    hint = f"Nothing is changed yet. {how}"
    return Report(
        TITLE,
        headline,
        (
            Table(COLUMNS, tuple(_sides(before, after))),
            *(() if after is None else (*_at_once(query, after, past), *_past(query, after, past))),
            Note(hint, "hint"),
            Actions((*steps, Button("Leave it", "budget list"))),
        ),
    )


def _step(before: Budget, after: Budget) -> str:
    """`2,500 to 3,000 credits a month`, or the part that changes where the credits stay."""
    if before.amount != after.amount:
        return f"{amount_text(before.amount)} to {allowance_text(after)}"
    if before.thresholds != after.thresholds:
        return f"warn at {thresholds_text(after.thresholds)}"
    if before.billing_day != after.billing_day:
        return allowance_text(after)
    return raised_text(after.raised, after.raise_end) or "end its raise"


def _sides(before: Budget, after: Budget | None) -> Iterator[Row]:
    sides = (before, after)
    yield ("Credits", *(None if one is None else allowance_text(one) for one in sides))
    yield ("Warns at", *(None if one is None else thresholds_text(one.thresholds) for one in sides))
    raises = [None if one is None else raised_text(one.raised, one.raise_end) for one in sides]
    if any(raises):
        yield ("Raise", *(words or None for words in raises))


def changed_report(query: Query, change: Change, past: PastUse) -> Report:
    """What was done, what is used usually, and whether more is given out than there is."""
    name, before, after = change.scope.name(query), change.before, change.after
    status = line_of(query, change.scope, "budget") or "budget"
    steps = Actions((Button("How it stands", status), Button("Budgets", "budget list")))
    if after is None:
        return Report(TITLE, f"Removed: {name}, {allowance_text(change.budget)}.", (steps,))
    was = "" if before is None else f"Before: {terms_text(before)}."
    return Report(
        TITLE,
        f"{name}: {terms_text(after)}.",
        (
            *([Note(was, "delta")] if was else []),
            *_limit_now(query, after),
            *_at_once(query, after, past),
            *_past(query, after, past),
            *over_allocated(query, limit_of(after, query)),
            steps,
        ),
    )


def _limit_now(query: Query, budget: Budget) -> Iterator[Note]:
    """What counts while a raise does: `The limit is now 10,290 (9,800 + 490).`."""
    limit = limit_of(budget, query)
    if limit.raised and limit.amount is not None:
        parts = f"{amount_text(limit.amount - limit.raised)} + {amount_text(limit.raised)}"
        yield Note(f"The limit is now {amount_text(limit.amount)} ({parts}).", "delta")


def _at_once(query: Query, budget: Budget, past: PastUse) -> Iterator[Note]:
    """`March so far: 15,230 used, 76%. That passes 75% at once: one warning tells of it.`."""
    limit = limit_of(budget, query)
    used, amount = past.used_in(limit.stretch), limit.amount
    if used is None or amount is None:
        return
    share = f", {100 * used // amount}%" if amount else ""
    words = f"{limit.stretch.title} so far: {credits_text(used)} used{share}"
    passed = [one for one in ordered(limit.thresholds, amount) if is_reached(one, used, amount)]
    if passed:
        told = f"That passes {thresholds_text(passed)} at once: one warning tells of it"
    else:
        told = "That passes no threshold"
    yield Note(f"{words}. {told}.", "delta")


def unchanged_report(query: Query, budget: Budget) -> Report:
    """That a budget is what was asked for already."""
    name = scope_of_budget(budget).name(query)
    steps = Actions((Button("Budgets", "budget list"),))
    return Report(TITLE, f"{name} has that already: {terms_text(budget)}.", (steps,))


def proposal(
    query: Query, wanted: Wanted, past: PastUse, budget: Budget | None, *, may_set: bool = True
) -> Report:
    """What a scope used in the last three months, and the budget that would suit it."""
    scope, period = wanted.scope, wanted.period
    stretch = _stretch(query, period, budget)
    suggested = past.suggested(stretch)
    name = scope.name(query)
    has = f"{name} has {allowance_text(budget)}" if budget else f"{name} has no {period} budget"
    words = "" if suggested is None else f"; {credits_text(suggested)} would suit"
    buttons = [Button("Budgets", "budget list")]
    line = "" if suggested is None else _setting(query, scope, suggested, stretch)
    if may_set and line and suggested is not None:
        buttons.insert(0, Button(f"Set {credits_text(suggested)}", line, "do"))
    return Report(
        TITLE,
        f"{has}{words}",
        (
            *_facts(past, stretch),
            *_how_to_set(query, scope, suggested),
            Actions(tuple(buttons)),
        ),
    )


def _how_to_set(query: Query, scope: Scope, suggested: int | None) -> Iterator[Note]:
    """The line for this very scope; of two with one name a line of ours could mean the other."""
    amount = "20000" if suggested is None else typed_credits(suggested)
    line = line_of(query, scope, f"budget set {amount} monthly")
    if line:
        yield Note(f"Set it with `{line}`, or `weekly`, `quarterly`.", "hint")


def _setting(query: Query, scope: Scope, amount: int, stretch: Stretch) -> str:
    period = stretch.period
    day = f"day={stretch.first.day}" if period == "billing" else ""
    return line_of(query, scope, "budget set", typed_credits(amount), period, day)


def _stretch(query: Query, period: Period, budget: Budget | None) -> Stretch:
    if budget is not None:
        return limit_of(budget, query).stretch
    today = query.reader.clock.local_date(query.now)
    return stretch_of(period, today, week_start=query.reader.workspace.week_start)


def _past(query: Query, budget: Budget, past: PastUse) -> Iterator[Block]:
    """The last three months beside what is set."""
    yield from _facts(past, limit_of(budget, query).stretch)


def _facts(past: PastUse, stretch: Stretch) -> Iterator[Block]:
    facts = tuple(past_facts(past, stretch))
    if facts:
        yield Facts(facts)
    else:
        yield TOO_FEW if past.is_hidden else NOTHING_KNOWN


def shown_report(
    query: Query, budget: Budget, history: Sequence[Revision], past: PastUse
) -> Report:
    """A budget with everything it was, newest first."""
    scope = scope_of_budget(budget)
    status = line_of(query, scope, "budget") or "budget"
    return framed(
        query,
        TITLE,
        f"{scope.name(query)}: {terms_text(budget)}",
        (
            *_past(query, budget, past),
            Table(HISTORY, tuple(_revision(query, one) for one in history)),
            *over_allocated(query, limit_of(budget, query)),
            Actions((Button("How it stands", status), Button("Budgets", "budget list"))),
        ),
    )


def _revision(query: Query, one: Revision) -> Row:
    at = from_micros(to_micros(one.at)).astimezone(query.reader.clock.zone)
    if one.amount is None:
        return (at, "removed", None, None, None)
    raised = raised_text(one.raised, one.raise_end)
    return (
        at,
        "raised" if raised else "set",
        one.amount,
        thresholds_text(one.thresholds),
        raised.removeprefix("raised ") or None,
    )
