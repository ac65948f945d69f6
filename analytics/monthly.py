"""The credit report of a month: what was used, what paid for it, what is left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from heapq import nsmallest

from analytics.budgets import projected_facts
from analytics.burn_up import BurnUp, budget_figure
from analytics.captions import footnotes, nothing_known
from analytics.credits import MonthUse
from analytics.grants import HOW_TO_ADD, Purse, grant_table, purse, remaining_text
from analytics.lines import (
    Changes,
    changes_between,
    cut_lines,
    framed,
    line_of,
    ordered_lines,
    spent_text,
)
from analytics.measures import (
    Comparison,
    Costs,
    Usage,
    gather_credits,
    span_of,
    stated_costs,
    total,
)
from analytics.month_budget import month_burn
from analytics.numbers import count_text, counted, credits_text, shares
from analytics.parts import Parts, by_group, read_parts, tier_name
from analytics.query import Query
from analytics.report import Actions, Block, Button, Column, Fact, Facts, Report, Row, Table
from analytics.scopes import Scope
from analytics.stretches import Stretch, stretch_of
from analytics.text import clean, distinct
from analytics.timerange import MONTHS
from storage.reading import Days
from storage.timekeys import day_number, month_number

TOP = 5
UNATTRIBUTED = "(unattributed)"


@dataclass(frozen=True, slots=True)
class _Month:
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
        owned = (grant_table(bought),) if bought.grants else ()
        return framed(query, title, headline, (*owned, hint, _steps(query, with_people)))
    month = _Month(
        query=query,
        stretch=stretch,
        parts=parts,
        purse=bought,
        burn=month_burn(query, Scope(), query.range.first),
        changes=_changes(query),
        costs=stated_costs(query, ()),
    )
    blocks = (*_blocks(month, with_people), _steps(query, with_people))
    return framed(query, title, _headline(month), blocks)


def _blocks(month: _Month, with_people: bool) -> Iterator[Block]:  # noqa: FBT001  # a right
    catalog = month.query.reader.catalog
    yield from month.changes.note(lambda key: clean(catalog.models[key].name))
    card = f"{spent_text(month.whole)} used in {month.stretch.title}"
    yield budget_figure(month.query, month.burn, f"{card}.")
    yield Facts(tuple(_facts(month)))
    yield _tiers(month)
    if month.purse.grants:
        yield grant_table(month.purse)
    yield _models(month)
    if with_people and month.whole.known_credits is not None:
        yield _people(month)
    if not month.purse.grants:
        yield HOW_TO_ADD
    yield from footnotes(month.query, month.whole, month.costs)


# ---- beside the month before


def _changes(query: Query) -> Changes:
    compared = month_before(query)
    return Changes() if compared is None else changes_between(query, "model", compared)


def month_before(query: Query) -> Comparison | None:
    """Complete days of a month with as many of the month before; None where it is not known.

    A month that is over is compared with all of the one before, however long.
    """
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
    )


def _days(count: int) -> str:
    return "day" if count == 1 else f"{count} days"


# ---- numbers


def _headline(month: _Month) -> str:
    """`17,847 credits used: 15,000 of the plan, 2,847 additional. 2,153 credits remaining`."""
    words, paid = f"{spent_text(month.whole)} used", month.paid
    if paid is None or month.whole.known_credits is None:
        return words
    over = f", {credits_text(paid.overage)} over" if paid.overage else ""
    parts = f"{credits_text(paid.plan)} of the plan, {credits_text(paid.packs)} additional{over}"
    return f"{words}: {parts}. {remaining_text(month.purse.burned)}"


def _facts(month: _Month) -> Iterator[Fact]:
    whole, paid = month.whole, month.paid
    yield Fact("credits", "Total credits used", whole.known_credits, "credits")
    if paid is not None:
        yield Fact("plan_used", "Plan credits used", paid.plan, "credits")
        yield Fact("additional_used", "Additional credits used", paid.packs, "credits", "packs")
        if paid.overage:
            yield Fact("overage", "Overage", paid.overage, "credits", "paid by no grant")
    known = _fully_known(month.parts)
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


def _fully_known(parts: Parts) -> Usage:
    """Usage of models of which every row has prompts and credits: those divide."""
    known = (usage for usage in parts.values() if not usage.unpriced and not usage.uncounted)
    return sum(known, Usage())


def _two_places(micro: int) -> str:
    """`1.85`: an average over a whole month deserves more places than a cell."""
    return f"{micro / 1_000_000:,.2f}"


# ---- tables


def _tiers(month: _Month) -> Table:
    sums, whole = by_group(month.parts), month.whole
    tiers = sorted(sums)
    portions = shares([sums[tier].credits for tier in tiers])
    rows = tuple(
        _tier_row(month, tier, sums[tier], share)
        for tier, share in zip(tiers, portions, strict=True)
    )
    average = _fully_known(month.parts).per_prompt
    return Table(
        columns=(
            Column("tier", "Tier"),
            Column("prompts", "Prompts", "count"),
            Column("credits", "Credits", "credits"),
            Column("share", "Share", "share"),
            Column("credits_per_prompt", "Per prompt", "credits"),
        ),
        rows=rows,
        total=("Total", whole.known_prompts, whole.known_credits, _sum_share(whole), average),
    )


def _tier_row(month: _Month, tier: int, usage: Usage, share: int) -> Row:
    known = _fully_known({key: part for key, part in month.parts.items() if key[0] == tier})
    return (
        tier_name(month.query, tier, month.parts),
        usage.known_prompts,
        usage.known_credits,
        share,
        known.per_prompt,
    )


def _sum_share(whole: Usage) -> int:
    return 100 if whole.credits > 0 else 0


def _models(month: _Month) -> Table:
    """The first few models with their share, and the rest in one line."""
    catalog, sums, nothing = month.query.reader.catalog, dict[int, Usage](), Changes()
    for (_, model), usage in month.parts.items():
        sums[model] = sums.get(model, Usage()) + usage
    names = distinct({key: catalog.models[key].name for key in sums})
    lines = [line_of(key, names[key], usage, nothing) for key, usage in sums.items()]
    shown, rest = cut_lines(ordered_lines(lines, "credits"), TOP, nothing)
    rows = [*shown, *([rest] if rest else [])]
    portions = shares([line.usage.credits for line in rows])
    whole = month.whole
    return Table(
        columns=(
            Column("model", "Top models"),
            Column("prompts", "Prompts", "count"),
            Column("credits", "Credits", "credits"),
            Column("share", "Share", "share"),
        ),
        rows=tuple(
            (line.name, line.usage.known_prompts, line.usage.known_credits, share)
            for line, share in zip(rows, portions, strict=True)
        ),
        total=("Total", whole.known_prompts, whole.known_credits, _sum_share(whole)),
        others=len(rows) - 1 if rest else None,
    )


def _people(month: _Month) -> Table:
    """Credits of the first few people; thousands are ranked by their number alone."""
    credits = gather_credits(month.query, "person", span_of(month.query))
    kept = nsmallest(
        TOP if len(credits) > TOP + 1 else TOP + 1, credits, key=lambda key: (-credits[key], key)
    )
    known = month.query.reader.names("person")
    names = distinct({key: known.get(key, UNATTRIBUTED) for key in kept})
    rows: list[tuple[str, int]] = [(names[key], credits[key]) for key in kept]
    hidden = len(credits) - len(kept)
    if hidden:
        rest = month.whole.credits - sum(credits[key] for key in kept)
        rows.append((f"{count_text(hidden)} others", rest))
    portions = shares([spent for _, spent in rows])
    return Table(
        columns=(
            Column("person", "Top people"),
            Column("credits", "Credits", "credits"),
            Column("share", "Share", "share"),
        ),
        rows=tuple((*row, share) for row, share in zip(rows, portions, strict=True)),
        total=("Total", month.whole.credits, _sum_share(month.whole)),
        others=len(rows) - 1 if hidden else None,
    )


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
