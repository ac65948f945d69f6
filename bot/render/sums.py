"""Tables as they are written: the parts that are shown add up to the total that is shown.

Invariant: only how credits are rounded changes; cells for programs stay exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from analytics.numbers import as_written
from analytics.report import Cell, Row, Table


def written(table: Table) -> Table:
    """The table with the credits of its rows and groups rounded to add up, level by level.

    A column whose rows are not the parts of its total, as credits a prompt, stays as it is.
    """
    for index, column in enumerate(table.columns):
        if column.unit == "credits":
            table = _column_written(table, index)
    return table


def _column_written(table: Table, index: int) -> Table:
    cells = [row[index] for row in table.rows]
    total = table.total[index] if table.total is not None else None
    if not table.groups:
        return replace(table, rows=_filled(table.rows, index, _parts(cells, total, table.others)))
    subtotals = _parts([group.subtotal[index] for group in table.groups], total)
    groups = [
        replace(group, subtotal=_with(group.subtotal, index, cell))
        for group, cell in zip(table.groups, subtotals, strict=True)
    ]
    edges = pairwise(accumulate((group.size for group in groups), initial=0))
    found: list[Cell] = []
    for group, shown, (start, end) in zip(table.groups, subtotals, edges, strict=True):
        found += _parts(cells[start:end], group.subtotal[index], shown=shown)
    rows = _filled(table.rows, index, [*found, *cells[len(found) :]])
    return replace(table, rows=rows, groups=tuple(groups))


def _parts(
    cells: Sequence[Cell], total: Cell, others: int | None = None, *, shown: Cell = None
) -> list[Cell]:
    """The cells as they are written under their total, or under what is `shown` of it."""
    known = [at for at, cell in enumerate(cells) if isinstance(cell, int)]
    amounts = [cell for cell in cells if isinstance(cell, int)]
    if not isinstance(total, int) or sum(amounts) != total:
        return list(cells)
    place = known.index(others) if others in known else None
    under = shown if isinstance(shown, int) else total
    found = dict(zip(known, as_written(amounts, under, others=place), strict=True))
    return [found.get(at, cell) for at, cell in enumerate(cells)]


def _filled(rows: Sequence[Row], index: int, cells: Sequence[Cell]) -> tuple[Row, ...]:
    return tuple(_with(row, index, cell) for row, cell in zip(rows, cells, strict=True))


def _with(row: Row, index: int, cell: Cell) -> Row:
    return (*row[:index], cell, *row[index + 1 :])
