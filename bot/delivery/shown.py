"""What a post tells, in the few numbers by which it is decided later whether it is still right.

Rows are kept by a digest of their names: whoever is forgotten is not named by what was told once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2s
from typing import Any

from analytics.late_data import OTHERS, REST, Rows, Told
from analytics.report import Cell, Facts, Report, Table
from bot.delivery.wording import credits_of, is_empty

MOST = 40  # rows of a table that are kept; the least of the others are one
NAMED = 8  # bytes of a name's digest


def told_by(report: Report) -> Told:
    """What a report tells; one without anything tells of no credits."""
    total = credits_of(report)
    return Told(
        0 if total is None and is_empty(report) else total,
        {**dict(_tables(report)), **dict(_tops(report))},
    )


def told_in(facts: Mapping[str, Any]) -> Told:
    """What a delivery told, by its facts; less is known of one by an earlier version."""
    credits, rows = facts.get("credits"), facts.get("rows")
    return Told(credits if isinstance(credits, int) else None, rows or {})


def facts_of(told: Told) -> dict[str, object]:
    """What is kept of it in a delivery's facts."""
    total = {} if told.credits is None else {"credits": told.credits}
    rows = {table: dict(rows) for table, rows in told.tables.items()}
    return {**total, "rows": rows} if rows else dict(total)


def _tables(report: Report) -> Iterator[tuple[str, Rows]]:
    seen: dict[str, int] = {}
    for table in report.blocks:
        if not isinstance(table, Table):
            continue
        keys = [column.key for column in table.columns]
        if "credits" in keys:
            name = keys[0]
            seen[name] = seen.get(name, 0) + 1
            rows = _rows(table, keys.index("credits"))
            yield (name if seen[name] == 1 else f"{name}{seen[name]}"), _largest(rows)


def _tops(report: Report) -> Iterator[tuple[str, Rows]]:
    """Whoever is named as the first of many: the rest is less, and nobody knows how much."""
    for block in report.blocks:
        if isinstance(block, Facts):
            for fact in block.facts:
                if fact.spent is not None:
                    yield fact.key, {_named(fact.key, fact.value): fact.spent, REST: 0}


def _rows(table: Table, place: int) -> dict[str, int]:
    found = [(at, row[0], row[place]) for at, row in enumerate(table.rows)]
    known = [(at, cell, credits) for at, cell, credits in found if isinstance(credits, int)]
    named = [credits for at, _, credits in known if at != table.others]
    rest = REST if named == sorted(named, reverse=True) else OTHERS
    rows: dict[str, int] = {}
    for at, cell, credits in known:
        key = rest if at == table.others else _named(table.columns[0].key, cell)
        rows[key] = rows.get(key, 0) + credits
    return rows


def _largest(rows: dict[str, int]) -> Rows:
    """The rows, the smallest of very many as one."""
    if len(rows) <= MOST + 1:
        return rows
    rest = OTHERS if OTHERS in rows else REST
    named = sorted(rows.keys() - {rest}, key=lambda key: (-rows[key], key))
    kept = {key: rows[key] for key in named[:MOST]}
    return {**kept, rest: sum(rows.values()) - sum(kept.values())}


def _named(column: str, cell: Cell) -> str:
    name = str(cell)
    if column == "tier":  # its name tells which multipliers were used, too
        name = name.partition(" (")[0]
    return blake2s(f"{column}|{name}".encode(), digest_size=NAMED).hexdigest()
