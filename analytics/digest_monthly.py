"""The digest of a month that is over: what was used, what paid for it, how its budgets ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from analytics.burn_up import BurnUp, budget_figure
from analytics.credits import Burned
from analytics.digest import (
    Seen,
    Sight,
    beside,
    days_then,
    details,
    endnotes,
    framed_then,
    further,
    known_facts,
    nothing_then,
    people_rows,
    picture,
    read_seen,
    speed_facts,
    tiles,
    told,
)
from analytics.grants import Purse, grant_blocks, purse, remaining_text
from analytics.lines import Changes, spent_text
from analytics.measures import Usage, gather, gather_credits, span_of, stated_costs, total
from analytics.month_budget import month_so_far
from analytics.monthly import Month, month_before, month_changes, month_facts
from analytics.numbers import credits_text, ratio_text
from analytics.parts import read_parts
from analytics.query import Filters, Query
from analytics.report import Actions, Block, Cell, Column, Fact, Note, Report, Row, Table
from analytics.roi import return_blocks
from analytics.scopes import KEYS, KINDS, Scope, scope_alone
from analytics.silence import silences
from analytics.stretches import DAY, stretch_of
from analytics.text import clean
from analytics.timerange import MONTHS
from analytics.tops import model_table, tier_table
from storage.budgets import Budget, budgets_before
from storage.reading import Days
from storage.timekeys import day_number

HIDDEN = Note("Some budgets are not shown here: they tell of people.")
OVER = 3  # budgets that a sentence names


@dataclass(frozen=True, slots=True)
class Limits:
    """Rows of budgets that held at the end of the month; some are `hidden` from the reader."""

    rows: Sequence[Row] = ()
    hidden: bool = False

    @property
    def over(self) -> list[Row]:
        """Those of a part of the workspace that were passed, the largest excess first."""
        parts = [row for row in self.rows if row[1] != "workspace" and _excess(row) > 0]
        return sorted(parts, key=lambda row: -_excess(row))


def _excess(row: Row) -> int:
    left = row[-1]
    return -left if isinstance(left, int) else 0


@dataclass(frozen=True, slots=True)
class Monthly:
    """A month that is over, with the one before; `before` is None where it may not be told."""

    seen: Seen
    month: Month
    before: Usage | None
    limits: Limits

    @property
    def name(self) -> str:
        """`March 2026`."""
        first = self.seen.query.range.first
        return f"{MONTHS[first.month - 1].title()} {first.year}"

    @property
    def turn(self) -> str:
        """`▲ 8% on February`."""
        changes = self.month.changes
        return told(*changes.sides(changes.keys), changes.words)

    @property
    def beside(self) -> str:
        """The same for a tile."""
        changes = self.month.changes
        return beside(*changes.sides(changes.keys))

    @property
    def was(self) -> str:
        """What a prompt cost in the month before."""
        each = self.before.per_prompt if self.before else None
        return "" if each is None else f"was {ratio_text(each)}"


def monthly(query: Query, sight: Sight, advice: Sequence[Note]) -> Report:
    """The digest of a calendar month that is over; `query` speaks from its end.

    `advice` is about the whole workspace, and left out beside filters.
    """
    title = f"Monthly Digest: {query.range.dates}"
    parts, silent = read_parts(query, "tier"), silences(query)
    if not parts:
        return nothing_then(query, title, _steps(query, sight))
    # While a source is silent, what is less says nothing.
    earlier = _earlier(query) if sight.looks_back and not silent else None
    found = Monthly(
        seen=read_seen(query, sight, parts, silent, earlier),
        month=Month(
            query=query,
            stretch=stretch_of("monthly", query.range.first),
            parts=parts,
            purse=_purse(query),
            burn=_burn(query, sight),
            changes=month_changes(query) if earlier else Changes(),
            costs=stated_costs(query, ()),
        ),
        before=total(gather(query, ("model",), span=earlier)) if earlier else None,
        limits=Limits() if query.filters else _limits(query, sight),
    )
    return framed_then(
        query,
        title,
        _headline(found),
        (
            *_deltas(found),
            _picture(found),
            *known_facts(_facts(found)),
            *_details(found),
            *([] if query.filters else advice),
            *endnotes(found.seen),
            _steps(query, sight),
        ),
    )


def _earlier(query: Query) -> Days | None:
    """The days of the month before; None where usage does not reach back to its start."""
    compared = month_before(query)
    return compared.before if compared and isinstance(compared.before, Days) else None


def _purse(query: Query) -> Purse:
    """What the grants paid; grants are the workspace's, no part of it has any."""
    last = day_number(query.range.end) - 1
    if query.filters:
        return Purse([], Burned({}, ()), last)
    found = purse(query, last)
    # What began afterwards is no part of a month that is over.
    return replace(found, grants=[one for one in found.grants if one.first_day <= last])


def _burn(query: Query, sight: Sight) -> BurnUp:
    if sight.looks_back:
        return month_so_far(query, scope_alone(query.filters), days_then(query))
    rows = gather_credits(query, "day", span_of(query))
    by_day = {day: (credits, 0) for day, credits in rows.items()}
    return month_so_far(query, scope_alone(query.filters), by_day)


# ---- words


def _headline(found: Monthly) -> str:
    """`17,847 credits in March 2026, ▲ 8% on February. Within budget: 17,847 of 20,000 used`."""
    words = f"{spent_text(found.seen.whole)} in {found.name}"
    words += f", {found.turn}" if found.turn else ""
    return f"{words}. {_standing(found.month.burn)}" if found.month.burn.limit else words


def _standing(burn: BurnUp) -> str:
    """How the budget ended: `Within budget: 89% of 20,000 used`, `Over budget since 24 March`."""
    return burn.words.removesuffix(".")


def _deltas(found: Monthly) -> Iterator[Note]:
    catalog, changes = found.seen.query.reader.catalog, found.month.changes
    yield from changes.note(lambda key: clean(catalog.models[key].name), is_headline=True)
    if found.month.paid is not None:
        yield Note(f"{remaining_text(found.month.purse.burned)}.", "delta")
    if found.limits.over:
        yield Note(_over_text(found.limits.over), "delta")


def _over_text(rows: Sequence[Row]) -> str:
    """`Over budget: Sales 3,210 of 3,000, Noah Jansen 565 of 500.`."""
    told = [
        f"{clean(str(name))} {_credits(used)} of {_credits(limit)}"
        for name, _, limit, used, *_ in rows[:OVER]
    ]
    more = f" and {len(rows) - OVER} more" if len(rows) > OVER else ""
    return f"Over budget: {', '.join(told)}{more}."


def _credits(cell: Cell) -> str:
    return credits_text(cell) if isinstance(cell, int) else ""


# ---- the picture and the numbers


def _picture(found: Monthly) -> Block:
    query, burn = found.seen.query, found.month.burn
    title = f"{found.name}: {spent_text(found.seen.whole)}"
    if burn.limit:
        title += f" of {credits_text(burn.limit)}"
    shown = tiles(
        found.seen, found.beside, found.was, found.before.known_prompts if found.before else None
    )
    card = budget_figure(query, burn, f"{title}.")
    return picture(found.seen, title, shown, burn_up=card)


def _facts(found: Monthly) -> Iterator[Fact]:
    burn = found.month.burn
    yield from month_facts(found.month)
    if burn.limit is not None:
        note = "" if burn.percent is None else f"{burn.percent}% used"
        yield Fact("budget", "Limit", burn.limit, "credits", note)
        left = burn.limit - burn.spent
        title = "Left of the limit" if left >= 0 else "Over the limit by"
        yield Fact("left" if left >= 0 else "over", title, abs(left), "credits")
    if found.seen.people.active:
        people = found.seen.people
        yield Fact("people", "Active people", people.active, "count", people.was)


def _details(found: Monthly) -> Iterator[Block]:
    seen, month = found.seen, found.month
    yield from known_facts(speed_facts(seen), is_detail=True)
    yield from details(*_budgets(found.limits))
    yield from details(tier_table(seen.query, seen.parts))
    yield from details(*grant_blocks(month.purse))
    yield from details(model_table(seen.query, seen.parts), *people_rows(seen))
    if not seen.query.filters:
        yield from details(*return_blocks(seen.query))


def _limits(query: Query, sight: Sight) -> Limits:
    """Every monthly budget that held at the end of the month, beside what its scope used."""
    reader, stretch = query.reader, stretch_of("monthly", query.range.first)
    place = reader.connection, reader.workspace.id
    known = [one for one in budgets_before(*place, query.now) if one.period == "monthly"]
    shown = [
        one for one in known if sight.budgets.may_see(Scope(one.scope, one.target_id), stretch)
    ]
    ordered = sorted(shown, key=lambda one: (KINDS.index(one.scope), one.id))
    used = {kind: _used(query, kind) for kind in {one.scope for one in ordered}}
    rows = [_budget_row(query, one, used[one.scope].get(one.target_id, 0)) for one in ordered]
    return Limits(tuple(rows), hidden=len(shown) < len(known))


def _budgets(limits: Limits) -> Iterator[Table | Note]:
    if limits.hidden:
        yield HIDDEN
    if not limits.rows:
        return
    columns = (
        Column("scope", "Budget of"),
        Column("kind", "Kind"),
        Column("budget", "Budget", "credits"),
        Column("used", "Used", "credits"),
        Column("used_rate", "Of it", "rate"),
        Column("remaining", "Left", "credits"),
    )
    yield Table(columns, tuple(limits.rows))


def _used(query: Query, kind: str) -> dict[int, int]:
    """Micro-credits of the month by id of a kind; of the workspace under 0."""
    every = replace(query, filters=Filters())
    if kind == "workspace":
        return {0: sum(gather_credits(every, "day", span_of(query)).values())}
    return gather_credits(
        every, {str(name): key for name, key in KEYS.items()}[kind], span_of(query)
    )


def _budget_row(query: Query, budget: Budget, used: int) -> Row:
    limit = budget.limit_on(day_number(query.range.end - DAY))
    name = Scope(budget.scope, budget.target_id).name(query)
    return (name, budget.scope, limit, used, used / limit if limit else None, limit - used)


def _steps(query: Query, sight: Sight) -> Actions:
    month = f"{query.range.first:%Y-%m}"
    return further(
        {
            "By model": f"by-model {month}",
            "By person": f"by-user {month}" if sight.people else "",
            "By department": f"by-department {month}",
            "Advice": "recommend",
            "Budget now": "budget",
        }
    )
