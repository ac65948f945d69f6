"""Short tables that several reports share: tiers, the first few models, the first few people.

Each adds up to all usage of the query's range; what is not shown is the sum in its last row.
"""

from __future__ import annotations

from collections.abc import Mapping
from heapq import nsmallest

from analytics.by_person import UNATTRIBUTED
from analytics.lines import Changes, cut_lines, line_of, ordered_lines
from analytics.measures import Usage, gather_credits, span_of, total
from analytics.numbers import counted, shares
from analytics.parts import Parts, by_group, tier_name
from analytics.query import Query
from analytics.report import Column, Row, Table
from analytics.text import distinct

TOP = 5


def fully_known(parts: Parts) -> Usage:
    """Usage of cells of which every row has prompts and credits: those divide."""
    known = (usage for usage in parts.values() if not usage.unpriced and not usage.uncounted)
    return sum(known, Usage())


def by_model(parts: Parts) -> dict[int, Usage]:
    """The usage of each model, of parts by any group and model."""
    return by_group({(model, group): usage for (group, model), usage in parts.items()})


def tier_table(query: Query, parts: Parts) -> Table:
    """Each tier's prompts, credits and share; parts are by tier and model."""
    sums, whole = by_group(parts), total(parts)
    tiers = sorted(sums)
    portions = shares([sums[tier].credits for tier in tiers])
    rows = tuple(
        _tier_row(query, parts, tier, share) for tier, share in zip(tiers, portions, strict=True)
    )
    average = fully_known(parts).per_prompt
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


def _tier_row(query: Query, parts: Parts, tier: int, share: int) -> Row:
    inside = {key: part for key, part in parts.items() if key[0] == tier}
    usage = total(inside)
    return (
        tier_name(query, tier, parts),
        usage.known_prompts,
        usage.known_credits,
        share,
        fully_known(inside).per_prompt,
    )


def _sum_share(whole: Usage) -> int:
    return 100 if whole.credits > 0 else 0


def model_table(query: Query, parts: Parts) -> Table:
    """The first few models with their share, and the rest in one line."""
    sums, nothing = by_model(parts), Changes()
    names = distinct({key: query.reader.catalog.models[key].name for key in sums})
    lines = [line_of(key, names[key], usage, nothing) for key, usage in sums.items()]
    shown, rest = cut_lines(ordered_lines(lines, "credits"), TOP, nothing)
    rows = [*shown, *([rest] if rest else [])]
    portions = shares([line.usage.credits for line in rows])
    whole = total(parts)
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


def people_table(query: Query, whole: Usage) -> Table:
    """Credits of the first few people; thousands are ranked by their number alone."""
    return people_table_of(query, whole, gather_credits(query, "person", span_of(query)))


def people_table_of(query: Query, whole: Usage, credits: Mapping[int, int]) -> Table:
    """The same of micro-credits by person that are known already."""
    kept = nsmallest(
        TOP if len(credits) > TOP + 1 else TOP + 1, credits, key=lambda key: (-credits[key], key)
    )
    known = query.reader.names("person")
    names = distinct({key: known.get(key, UNATTRIBUTED) for key in kept})
    rows: list[tuple[str, int]] = [(names[key], credits[key]) for key in kept]
    hidden = len(credits) - len(kept)
    if hidden:
        rest = whole.credits - sum(credits[key] for key in kept)
        rows.append((counted(hidden, "other"), rest))
    portions = shares([spent for _, spent in rows])
    return Table(
        columns=(
            Column("person", "Top people"),
            Column("credits", "Credits", "credits"),
            Column("share", "Share", "share"),
        ),
        rows=tuple((*row, share) for row, share in zip(rows, portions, strict=True)),
        total=("Total", whole.credits, _sum_share(whole)),
        others=len(rows) - 1 if hidden else None,
    )
