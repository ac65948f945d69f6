"""The credit report of a month: what was used, what paid for it, what is left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from analytics.budgets import projected_facts
from analytics.burn_up import BurnUp, budget_figure
from analytics.captions import footnotes, nothing_known
from analytics.credits import MonthUse
from analytics.grants import HOW_TO_ADD, Purse, grant_blocks, purse, remaining_text
from analytics.lines import (
    Changes,
    changes_between,
    framed,
    spent_text,
)
from analytics.measures import (
    Comparison,
    Costs,
    Usage,
    stated_costs,
    total,
)
from analytics.month_budget import month_burn
from analytics.numbers import counted, credits_text
from analytics.parts import Parts, read_parts
from analytics.query import Query
from analytics.report import Actions, Block, Button, Fact, Facts, Report
from analytics.scopes import Scope
from analytics.silence import silent_then
from analytics.stretches import Stretch, stretch_of
from analytics.text import clean
from analytics.timerange import MONTHS
from analytics.tops import fully_known, model_table, people_table, tier_table
from storage.reading import Days
from storage.timekeys import day_number, month_number


@dataclass(frozen=True, slots=True)
class Month:
    """Everything a report reads of a month, each in one question."""

    query: Query
    stretch: Stretch
    parts: Parts
    purse: Purse
    burn: BurnUp
    changes: Changes
    costs: Costs | None

    @property
    def whole(self) -> Usage:
        """All usage of the month."""
        return total(self.parts)

    @property
    def paid(self) -> MonthUse | None:
        """What paid for it; None where no grant had begun."""
        first = min((grant.first_day for grant in self.purse.grants), default=None)
        if first is None or first >= day_number(self.stretch.end):
            return None
        return self.purse.burned.month(month_number(self.stretch.first))


def monthly(query: Query, *, with_people: bool) -> Report:
    """Total, what paid for it, tiers, grants, top models and, where allowed, people."""
    stretch = stretch_of("monthly", query.range.first)
    title = f"{stretch.title} {stretch.first.year} Credit Usage"
    parts = read_parts(query, "tier")
    bought = purse(query, day_number(query.range.end) - 1)
    if not parts:
        headline, hint = nothing_known(query)
        owned = grant_blocks(bought)
        return framed(query, title, headline, (*owned, hint, _steps(query, with_people)))
    month = Month(
        query=query,
        stretch=stretch,
        parts=parts,
        purse=bought,
        burn=month_burn(query, Scope(), query.range.first),
        changes=month_changes(query),
        costs=stated_costs(query, ()),
    )
    blocks = (*_blocks(month, with_people), _steps(query, with_people))
    return framed(query, title, used_text(month), blocks)


def _blocks(month: Month, with_people: bool) -> Iterator[Block]:  # noqa: FBT001  # a right
    catalog = month.query.reader.catalog
    yield from month.changes.note(lambda key: clean(catalog.models[key].name))
    card = f"{spent_text(month.whole)} used in {month.stretch.title}"
    yield budget_figure(month.query, month.burn, f"{card}.")
    yield Facts(tuple(month_facts(month)))
    yield tier_table(month.query, month.parts)
    yield from grant_blocks(month.purse)
    yield model_table(month.query, month.parts)
    if with_people and month.whole.known_credits is not None:
        yield people_table(month.query, month.whole)
    if not month.purse.grants:
        yield HOW_TO_ADD
    yield from footnotes(month.query, month.whole, month.costs)


# ---- beside the month before


def month_changes(query: Query) -> Changes:
    """Both sides of a month's change, by model; none where the month before is not known."""
    compared = month_before(query)
    return Changes() if compared is None else changes_between(query, "model", compared)


def month_before(query: Query) -> Comparison | None:
    """Complete days of a month with as many of the month before; None where it is not known.

    A month that is over is compared with all of the one before, however long; none is in what is
    sent while a source is silent.
    """
    if silent_then(query):
        return None
    first, today = query.range.first, query.range.today
    before = (first - timedelta(days=1)).replace(day=1)
    name = MONTHS[before.month - 1].title()
    length = (first - before).days
    count = (today - first).days if query.range.is_partial else length
    clock, oldest = query.reader.clock, query.reader.oldest
    if oldest is None or clock.local_date(oldest) > before or not count:
        return None
    end = today if query.range.is_partial else query.range.end
    words = name if count >= length else f"the first {_days(count)} of {name}"
    return Comparison(
        Days(day_number(first), day_number(end)),
        Days(day_number(before), day_number(before) + min(count, length)),
        words,
        "today" if query.range.is_partial else "",
    )


def _days(count: int) -> str:
    return "day" if count == 1 else f"{count} days"


# ---- numbers


def used_text(month: Month) -> str:
    """`17,847 credits used: 15,000 of the plan, 2,847 additional. 2,153 credits remaining`."""
    words, paid = f"{spent_text(month.whole)} used", month.paid
    if paid is None or month.whole.known_credits is None:
        return words
    over = f", {credits_text(paid.overage)} over" if paid.overage else ""
    parts = f"{credits_text(paid.plan)} of the plan, {credits_text(paid.packs)} additional{over}"
    return f"{words}: {parts}. {remaining_text(month.purse.burned)}"


def month_facts(month: Month) -> Iterator[Fact]:
    """Total, what paid for it, averages, what remains, and of a running month its end."""
    whole, paid = month.whole, month.paid
    yield Fact("credits", "Total credits used", whole.known_credits, "credits")
    if paid is not None:
        yield Fact("plan_used", "Plan credits used", paid.plan, "credits")
        yield Fact("additional_used", "Additional credits used", paid.packs, "credits", "packs")
        if paid.overage:
            yield Fact("overage", "Overage", paid.overage, "credits", "paid by no grant")
    known = fully_known(month.parts)
    each = known.per_prompt
    average = None if each is None else _two_places(each)
    note = f"of {counted(known.prompts, 'prompt')}" if each and known != whole else ""
    yield Fact("credits_per_prompt", "Average credits per prompt", average, note=note)
    yield Fact("prompts", "Prompts", whole.known_prompts, "count")
    if paid is not None:
        yield Fact("remaining", "Credits remaining", month.purse.burned.left, "credits")
    if month.costs is not None and not month.costs.is_mixed:
        yield Fact("cost", "Cost", month.costs.total, "cost", currency=month.costs.currency)
    yield from projected_facts(month.burn)


def _two_places(micro: int) -> str:
    """`1.85`: an average over a whole month deserves more places than a cell."""
    return f"{micro / 1_000_000:,.2f}"


# ---- what comes next


def _steps(query: Query, with_people: bool) -> Actions:  # noqa: FBT001  # a right
    first = query.range.first
    before = f"{(first - timedelta(days=1)):%Y-%m}"
    days = f"{first:%Y-%m}"
    people = (Button("By person", f"by-user {days}"),) if with_people else ()
    return Actions(
        (
            Button("Month before", f"report {before}"),
            Button("By model", f"by-model {days}"),
            *people,
            Button("By department", f"by-department {days}"),
            Button("Grants", "grants list"),
        )
    )
