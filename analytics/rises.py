"""Who and what carries an unusual day: the largest rises of each kind and, in one row, all others.

The rises of a kind add up to that of the day to the micro-credit, and their shares to 100.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from analytics.anomaly import BASE_DAYS, Carrier, Kind, Part
from analytics.lines import REST
from analytics.numbers import shares
from analytics.report import Column, Group, Row, Table
from analytics.text import distinct

KINDS: tuple[Kind, ...] = get_args(Kind)
MOST = 3
CARRIES = 50  # per cent of the rise from which on a kind's first is named in a sentence
TITLES: Mapping[Kind, str] = {
    "person": "People",
    "model": "Models",
    "task": "Tasks",
    "project": "Projects",
    "source": "Sources and keys",
}
Frozen = Sequence[Sequence[int]]  # id, that day's micro-credits, those of the 28 days before


@dataclass(frozen=True, slots=True)
class Rise:
    """One row of a kind, `REST` for all others: micro-credits of the day and its usual ones."""

    key: int
    name: str
    total: int
    usual: int
    share: int = 0

    @property
    def step(self) -> int:
        """Micro-credits above its usual."""
        return self.total - self.usual


def frozen(parts: Collection[Part]) -> dict[str, list[list[int]]]:
    """The largest rises of each kind and, last and without an id, all its others together."""
    found = {}
    for kind in KINDS:
        ranked = sorted(
            (part for part in parts if part.kind == kind), key=lambda part: (-part.rise, part.key)
        )
        rows = [[part.key, part.total, part.before] for part in ranked[:MOST]]
        if rest := ranked[MOST:]:
            others = sum(part.total for part in rest), sum(part.before for part in rest)
            rows.append([REST, *others])
        if rows:
            found[str(kind)] = rows
    return found


def rises(rows: Frozen, names: Mapping[int, str], hidden: Collection[int] = ()) -> list[Rise]:
    """The rows of a kind as they may be told; who is `hidden` or has no name is with the others."""
    shown = [row for row in rows if row[0] in names and row[0] not in hidden]
    rest = [row for row in rows if row not in shown]
    if rest:
        shown = [*shown, [REST, sum(row[1] for row in rest), sum(row[2] for row in rest)]]
    labels = distinct({key: names.get(key, "All others") for key, _, _ in shown})
    usual = _means([before for _, _, before in shown])
    steps = [total - mean for (_, total, _), mean in zip(shown, usual, strict=True)]
    return [
        Rise(key, labels[key], total, mean, share)
        for (key, total, _), mean, share in zip(shown, usual, shares(steps), strict=True)
    ]


def _means(sums: Sequence[int]) -> list[int]:
    """Daily means of sums over 28 days, whole micro-credits that add up to the mean of all."""
    means, before, told = [], 0, 0
    for one in sums:
        before += one
        means.append(before // BASE_DAYS - told)
        told += means[-1]
    return means


def carriers(kinds: Mapping[Kind, Sequence[Rise]]) -> Iterator[tuple[Kind, Carrier]]:
    """The first of each kind that carries most of the rise, the largest share first."""
    firsts = [(kind, rows[0]) for kind, rows in kinds.items() if rows and rows[0].key != REST]
    for kind, one in sorted(firsts, key=lambda found: -found[1].share):
        if one.step > 0:
            part = Part(kind, one.key, one.name, one.total, one.usual * BASE_DAYS)
            yield kind, Carrier(part, one.share / 100)


def also_text(others: Sequence[tuple[Kind, Carrier]]) -> str:
    """`Of the rise also: person Dana 84%, task Coding 77%.`; nothing where none carries most."""
    named = [
        f"{kind} {found.part.name} {found.share:.0%}"
        for kind, found in others
        if 100 * found.share >= CARRIES
    ]
    return f"Of the rise also: {', '.join(named)}." if named else ""


def rise_table(kinds: Mapping[Kind, Sequence[Rise]]) -> Table:
    """One group of rows a kind, each with the whole day as its subtotal."""
    groups, rows = [], []
    for kind, found in kinds.items():
        whole = Rise(REST, "Total", sum(r.total for r in found), sum(r.usual for r in found), 100)
        rows += [_row(kind, one) for one in found]
        groups.append(Group(TITLES[kind], len(found), _row(kind, whole)))
    columns = (
        Column("kind", "By"),
        Column("name", "Name"),
        Column("credits", "That day", "credits"),
        Column("usual", f"Mean of {BASE_DAYS} days", "credits"),
        Column("step", "Rise", "credits"),
        Column("share", "Of the rise", "share"),
    )
    return Table(columns, tuple(rows), groups=tuple(groups), is_detail=True)


def _row(kind: Kind, one: Rise) -> Row:
    return (TITLES[kind], one.name, one.total, one.usual, one.step, one.share)
