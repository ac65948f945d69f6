"""Tables as aligned lines of equally wide characters.

Invariant: numbers stand to the right and are never cut; two different names never look the same;
rows add up to their total as they are written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest
from typing import Literal

from analytics.report import (
    Cell,
    Row,
    Table,
)
from analytics.text import clean
from bot.render.cells import UNKNOWN, cell_text, has_hour, moment_text
from bot.render.sums import written
from bot.render.widths import broken, display_width, pad, shorten_all

GAP = "  "
MIN_TEXT = 16  # a name cut shorter than this is no longer read
# Where not all columns fit, these stay longest; a forecast's range or a second median goes first.
WANTED = (
    "credits",
    "used",
    "saving",
    "share",
    "status",
    "change",
    "step",
    "index",
    "multiplier",
    "credits_per_prompt",
    "to_model",
    "model",
    "p50_ms",
    "success_rate",
    "prompts",
)
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
    """A table in words: titles, which columns stand to the right, and the lines in order.

    Cells of columns that are `whole` go on below where they are wider than the column.
    """

    titles: tuple[str, ...]
    right: tuple[bool, ...]
    whole: tuple[bool, ...]
    lines: tuple[Line, ...]

    def pick(self, columns: Sequence[int]) -> Grid:
        """Some of its columns, in that order."""
        return Grid(
            tuple(self.titles[i] for i in columns),
            tuple(self.right[i] for i in columns),
            tuple(self.whole[i] for i in columns),
            tuple(line.pick(columns) for line in self.lines),
        )

    def natural_width(self, column: int) -> int:
        """Width of the widest cell or the title of a column."""
        texts = (self.titles[column], *(line.cells[column] for line in self.lines))
        return max(map(display_width, texts))

    def least_width(self, column: int) -> int:
        """To what width a column may be cut: numbers and short words never."""
        natural = self.natural_width(column)
        return natural if self.right[column] else min(natural, MIN_TEXT)


def grid(table: Table, *, indent: str = "") -> Grid:
    """The table in words; rows under the heading of their group are indented."""
    units = [column.unit for column in table.columns]
    right = tuple(unit not in ("text", "moment") for unit in units)
    titles = tuple(clean(column.title) for column in table.columns)
    whole = tuple(column.whole for column in table.columns)
    return Grid(titles, right, whole, tuple(_lines(table, indent)))


def headed(table: Table) -> Table:
    """The table without a column that only repeats the names of its groups, if another is left."""
    names = [group.name for group in table.groups for _ in range(group.size)]
    if len(names) != len(table.rows) or len(table.columns) == 1:
        return table
    for index, column in enumerate(table.columns):
        cells = [row[index] for row in table.rows]
        pairs = list(zip(cells, names, strict=True))
        repeats = any(cell == name for cell, name in pairs)
        if column.unit == "text" and repeats and all(c in (name, "", None) for c, name in pairs):
            return _without(table, index)
    return table


def _without(table: Table, index: int) -> Table:
    def rest(row: Row) -> Row:
        return row[:index] + row[index + 1 :]

    return Table(
        table.columns[:index] + table.columns[index + 1 :],
        tuple(map(rest, table.rows)),
        total=rest(table.total) if table.total is not None else None,
        groups=tuple(replace(group, subtotal=rest(group.subtotal)) for group in table.groups),
        others=table.others,
    )


def _lines(table: Table, indent: str) -> Iterator[Line]:
    words, shown = _Words(table), written(table)
    heads = _heads(table, alone=not indent)
    inside = 0
    for index, row in enumerate(table.rows):
        for at in heads.get(index, ()):
            exact, group = table.groups[at].subtotal, shown.groups[at]
            yield Line("group", words.summed(group.subtotal, clean(group.name)), exact)
            inside = index + group.size
        kind: Kind = "others" if index == table.others else "row"
        yield Line(kind, words.of(shown.rows[index], indent if index < inside else ""), row)
    if table.total is not None:
        yield Line("total", words.summed(table.total, ""), table.total)


def _heads(table: Table, *, alone: bool) -> dict[int, list[int]]:
    """The places of groups by the index of the row they stand above.

    Others need no heading; a row `alone` in its group needs none where rows are indented.
    """
    heads: dict[int, list[int]] = {}
    start = 0
    for at, group in enumerate(table.groups):
        if group.size > 1 or (alone and start != table.others):
            heads.setdefault(start, []).append(at)
        start += group.size
    return heads


class _Words:
    """How the cells of one table are written: its name column, and which moments need an hour."""

    def __init__(self, table: Table) -> None:
        self._columns = table.columns
        self._name = name_column(table)
        indices = range(len(table.columns))
        self._timed = [any(has_hour(row[i]) for row in table.rows) for i in indices]

    def of(self, row: Row, indent: str = "") -> tuple[str, ...]:
        """The cells of a row."""
        words = [self._word(index, cell) for index, cell in enumerate(row)]
        words[self._name] = indent + words[self._name]
        return tuple(words)

    def summed(self, row: Row, title: str) -> tuple[str, ...]:
        """The cells of a total: what has no sum stays blank."""
        words = ["" if word == UNKNOWN else word for word in self.of(row)]
        words[self._name] = title or words[self._name] or "Total"
        return tuple(words)

    def _word(self, index: int, cell: Cell) -> str:
        if isinstance(cell, datetime):
            return moment_text(cell, hour=self._timed[index])
        column = self._columns[index]
        return cell_text(cell, column.unit, column.currency)


def name_column(table: Table) -> int:
    """Index of the column that names the rows: the first of text that tells them apart.

    Where none does it is the first of text, else the first of all.
    """
    texts = [i for i, column in enumerate(table.columns) if column.unit == "text"]
    rows = [row for index, row in enumerate(table.rows) if index != table.others]
    telling = (i for i in texts if len({row[i] for row in rows}) == len(rows))
    return next(telling, texts[0] if texts else 0)


def fitting(table: Table, whole: Grid, *, width: int) -> list[int]:
    """Indices of the columns that fit a width, in the table's order; the name is always there."""
    name = name_column(table)
    ranks = {key: rank for rank, key in enumerate(WANTED)}
    rest = sorted(
        (i for i in range(len(table.columns)) if i != name),
        key=lambda i: ranks.get(table.columns[i].key, len(ranks)),
    )
    sizes = [whole.least_width(i) + len(GAP) for i in range(len(table.columns))]
    if sum(sizes) - len(GAP) <= width:
        return list(range(len(sizes)))
    spare = width + len(GAP) - sizes[name]
    kept = [name]
    for index in rest:
        if sizes[index] <= spare:
            spare -= sizes[index]
            kept.append(index)
    return sorted(kept)


def drawn(shown: Grid, *, width: int) -> tuple[str, list[str]]:
    """The title line and one text for each line; names are cut in the middle to fit the width.

    Numbers are never cut: columns that do not fit are left out before, by `fitting`.  The text of
    a line has several lines where a cell goes on below.
    """
    widths = _widths(shown, width)
    columns = [
        _cells([title, *(line.cells[i] for line in shown.lines)], widths[i], whole=shown.whole[i])
        for i, title in enumerate(shown.titles)
    ]
    rows = [_row_text(cells, widths, shown.right) for cells in zip(*columns, strict=True)]
    return (rows[0], rows[1:]) if rows else ("", [""] * len(shown.lines))


def _cells(texts: Sequence[str], width: int, *, whole: bool) -> list[list[str]]:
    """The lines of each cell of a column."""
    if whole:
        return [broken(text, width) for text in texts]
    return [[text] for text in shorten_all(texts, width)]


def _row_text(cells: Sequence[list[str]], widths: Sequence[int], rights: Sequence[bool]) -> str:
    lines = (
        GAP.join(
            pad(cell, size, right=right)
            for cell, size, right in zip(parts, widths, rights, strict=True)
        ).rstrip()
        for parts in zip_longest(*cells, fillvalue="")
    )
    return "\n".join(lines)


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


def _widths(shown: Grid, width: int) -> list[int]:
    widths = [shown.natural_width(i) for i in range(len(shown.titles))]
    texts = [i for i, right in enumerate(shown.right) if not right]
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - width
    while excess > 0 and texts:
        widest = max(texts, key=lambda i: widths[i])
        if widths[widest] <= MIN_TEXT:
            break
        widths[widest] -= 1
        excess -= 1
    return widths
