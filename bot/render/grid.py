"""Tables as aligned lines of equally wide characters.

Invariant: numbers stand to the right and are never cut; two different names never look the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from analytics.report import Group, Row, Table
from analytics.text import clean
from bot.render.cells import UNKNOWN, cell_text
from bot.render.widths import display_width, pad, shorten_all

GAP = "  "
MIN_TEXT, MAX_TEXT = 10, 40
Kind = Literal["row", "group", "others", "total"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table; a "group" heads the rows after it and carries their subtotal."""

    kind: Kind
    cells: tuple[str, ...]
    values: Row

    @property
    def is_pinned(self) -> bool:
        """Whether it stays however little room there is."""
        return self.kind in ("others", "total")

    def pick(self, columns: Sequence[int]) -> Line:
        """Some of its cells, in that order."""
        cells = tuple(self.cells[i] for i in columns)
        return Line(self.kind, cells, tuple(self.values[i] for i in columns))


@dataclass(frozen=True, slots=True)
class Grid:
    """A table in words: titles, which columns stand to the right, and the lines in order."""

    titles: tuple[str, ...]
    right: tuple[bool, ...]
    lines: tuple[Line, ...]

    def pick(self, columns: Sequence[int]) -> Grid:
        """Some of its columns, in that order."""
        return Grid(
            tuple(self.titles[i] for i in columns),
            tuple(self.right[i] for i in columns),
            tuple(line.pick(columns) for line in self.lines),
        )

    def natural_width(self, column: int) -> int:
        """Width of the widest cell or the title of a column."""
        texts = (self.titles[column], *(line.cells[column] for line in self.lines))
        return max(map(display_width, texts))


def grid(table: Table, *, indent: str = "") -> Grid:
    """The table in words; rows of a group are indented."""
    units = [column.unit for column in table.columns]
    named = units.index("text") if "text" in units else 0

    def words(row: Row) -> tuple[str, ...]:
        pairs = zip(row, table.columns, strict=True)
        return tuple(cell_text(cell, column.unit, column.currency) for cell, column in pairs)

    def summed(row: Row, title: str) -> tuple[str, ...]:
        cells = ["" if cell == UNKNOWN else cell for cell in words(row)]
        cells[named] = title or cells[named] or "Total"
        return tuple(cells)

    lines: list[Line] = []
    heads = _heads(table)
    for index, row in enumerate(table.rows):
        for group in heads.get(index, ()):
            heading = summed(group.subtotal, clean(group.name))
            lines.append(Line("group", heading, group.subtotal))
        cells = list(words(row))
        if table.groups:
            cells[named] = indent + cells[named]
        lines.append(Line("others" if index == table.others else "row", tuple(cells), row))
    if table.total is not None:
        lines.append(Line("total", summed(table.total, ""), table.total))
    right = tuple(unit not in ("text", "moment") for unit in units)
    return Grid(tuple(clean(column.title) for column in table.columns), right, tuple(lines))


def drawn(shown: Grid, *, width: int) -> tuple[str, list[str]]:
    """The title line and one text for each line; names are cut in the middle to fit the width.

    Numbers are never cut, so a table of many columns may be wider.
    """
    widths = _widths(shown, width)
    columns = [
        shorten_all([title, *(line.cells[i] for line in shown.lines)], widths[i])
        for i, title in enumerate(shown.titles)
    ]
    rows = [
        GAP.join(
            pad(cell, size, right=right)
            for cell, size, right in zip(cells, widths, shown.right, strict=True)
        ).rstrip()
        for cells in zip(*columns, strict=True)
    ]
    return (rows[0], rows[1:]) if rows else ("", [""] * len(shown.lines))


def keep(lines: Sequence[Line], sizes: Sequence[int], *, room: int, most: int) -> list[int]:
    """Indices of the lines that fit: the pinned ones, and the others from the top."""
    pinned = [i for i, line in enumerate(lines) if line.is_pinned]
    used = sum(sizes[i] for i in pinned)
    kept: list[int] = []
    for index, line in enumerate(lines):
        if line.is_pinned:
            continue
        used += sizes[index]
        if used > room or len(kept) + len(pinned) >= most:
            break
        kept.append(index)
    else:
        return sorted([*kept, *pinned])
    while kept and lines[kept[-1]].kind == "group":
        kept.pop()  # a heading whose rows were cut
    return sorted([*kept, *pinned])


def rows_cut(lines: Sequence[Line], kept: Collection[int]) -> int:
    """How many rows are not among the kept lines."""
    return sum(line.kind == "row" for line in lines) - sum(lines[i].kind == "row" for i in kept)


def _heads(table: Table) -> dict[int, list[Group]]:
    heads: dict[int, list[Group]] = {}
    start = 0
    for group in table.groups:
        heads.setdefault(start, []).append(group)
        start += group.size
    return heads


def _widths(shown: Grid, width: int) -> list[int]:
    widths = [shown.natural_width(i) for i in range(len(shown.titles))]
    texts = [i for i, right in enumerate(shown.right) if not right]
    for i in texts:
        widths[i] = min(widths[i], MAX_TEXT)
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - width
    while excess > 0 and texts:
        widest = max(texts, key=lambda i: widths[i])
        if widths[widest] <= MIN_TEXT:
            break
        widths[widest] -= 1
        excess -= 1
    return widths
