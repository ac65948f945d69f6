"""A table on paper: names shortened to fit, numbers never cut, what has no room counted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from charts.document import PrintedTable, TableLine
from charts.lettering import Style, cut_end, shortened, widest
from charts.paper import MARGIN, RIGHT, ROOM, Paper
from charts.theme import LIGHT
from charts.typeface import legible

TITLE = Style(12, 600)
HEAD = Style(8, 500)
CELL, NUMBER, STRONG = Style(8.5), Style(8.5, 500), Style(8.5, 600)
NOTE = Style(8)
TITLE_HEIGHT, LINE, NOTE_HEIGHT = 20, 17, 14
GAP = 12
LEAST_TEXT = 60  # points that a column of names keeps
LEAST_LINES = 6  # a table of fewer moves to the next page


def table_height(table: PrintedTable, lines: int | None = None) -> float:
    """How high a table is, with all of its lines or some of them and the note about the rest."""
    shown = len(table.lines) if lines is None else min(lines, len(table.lines))
    note = NOTE_HEIGHT if shown < len(table.lines) or len(_columns(table)) < len(table.heads) else 0
    return _head(table) + LINE * shown + note


def _head(table: PrintedTable) -> float:
    return (TITLE_HEIGHT if table.title else 0) + LINE


def print_table(paper: Paper, table: PrintedTable, y: float, height: float) -> None:
    """Draw as many lines as the height holds; others and the total stay."""
    columns = _columns(table)
    lines, cut = _kept(table, height)
    if table.title:
        paper.text((MARGIN, y + 10), cut_end(legible(table.title), ROOM, TITLE), TITLE)
        y += TITLE_HEIGHT
    cells = [[legible(line.cells[i]) for i in columns] for line in lines]
    heads, rights = [table.heads[i] for i in columns], [table.right[i] for i in columns]
    widths = _widths(heads, cells, rights)
    edges = _edges(widths, rights)
    for text, edge, right in zip(heads, edges, rights, strict=True):
        paper.text((edge, y + 11), text, HEAD, colour=LIGHT.muted, right=right)
    paper.hairline(y + LINE - 1, LIGHT.border)
    y += LINE
    fitted = [
        column if right else shortened(column, size, STRONG)
        for column, size, right in zip(zip(*cells, strict=True), widths, rights, strict=True)
    ]
    for line, row in zip(lines, zip(*fitted, strict=True), strict=True):
        _line(paper, y, line, zip(row, edges, rights, strict=True))
        y += LINE
    if note := _note(table, cut, len(table.heads) - len(columns)):
        paper.text((MARGIN, y + 10), cut_end(note, ROOM, NOTE), NOTE, colour=LIGHT.muted)


def _line(
    paper: Paper, y: float, line: TableLine, cells: Iterable[tuple[str, float, bool]]
) -> None:
    is_strong = line.kind in ("group", "total")
    colour = LIGHT.muted if line.kind == "others" else LIGHT.ink
    for text, edge, right in cells:
        style = STRONG if is_strong else NUMBER if right else CELL
        paper.text((edge, y + 11.5), text, style, colour=colour, right=right)
    if line.kind == "total":
        paper.hairline(y, LIGHT.border)
    elif line.kind != "group":
        paper.hairline(y + LINE - 0.5)


def _kept(table: PrintedTable, height: float) -> tuple[list[TableLine], int]:
    """The lines that a height holds, and how many rows are left out."""
    room = math.floor((height - _head(table) + 0.01) / LINE)
    if room >= len(table.lines):
        return list(table.lines), 0
    room = math.floor((height - _head(table) - NOTE_HEIGHT + 0.01) / LINE)
    pinned = [line for line in table.lines if line.kind in ("others", "total")]
    free = [line for line in table.lines if line.kind not in ("others", "total")]
    kept = free[: max(room - len(pinned), 0)]
    while kept and kept[-1].kind == "group":
        kept.pop()
    rows = sum(line.kind == "row" for line in free) - sum(line.kind == "row" for line in kept)
    return [*kept, *pinned], rows


def _note(table: PrintedTable, rows: int, columns: int) -> str:
    counts = ((rows, "row"), (columns, "column"))
    parts = [f"{n:,} more {thing}{'' if n == 1 else 's'}" for n, thing in counts if n]
    if not parts:
        return ""
    return f"{' and '.join(parts)}: {table.rest}." if table.rest else f"{' and '.join(parts)}."


# ---- columns


def _columns(table: PrintedTable) -> list[int]:
    """Indices of the columns that fit beside each other, from the left."""
    kept: list[int] = []
    used = -float(GAP)
    for index, right in enumerate(table.right):
        natural = _natural(table, index)
        used += (natural if right else min(natural, LEAST_TEXT)) + GAP
        if used > ROOM and kept:
            break
        kept.append(index)
    return kept


def _natural(table: PrintedTable, index: int) -> float:
    cells = [legible(line.cells[index]) for line in table.lines]
    return max(widest(cells, STRONG), widest([table.heads[index]], HEAD))


def _widths(
    heads: Sequence[str], rows: Sequence[Sequence[str]], rights: Sequence[bool]
) -> list[float]:
    """Natural widths; what is too much is taken from the widest names, a rest is for all names."""
    columns = list(zip(*rows, strict=True)) or [()] * len(heads)
    widths = [
        max(widest(list(cells), STRONG), widest([head], HEAD))
        for head, cells in zip(heads, columns, strict=True)
    ]
    spare = ROOM - GAP * (len(widths) - 1) - sum(widths)
    texts = [i for i, right in enumerate(rights) if not right] or [0]
    while spare < 0 and max(widths[i] for i in texts) > LEAST_TEXT:
        longest = max(texts, key=lambda i: widths[i])
        step = min(-spare, 4.0)
        widths[longest] -= step
        spare += step
    for index in texts:
        widths[index] += max(spare, 0) / len(texts)
    return widths


def _edges(widths: Sequence[float], rights: Sequence[bool]) -> list[float]:
    """Where each column's texts are aligned: at its left edge, numbers at its right one."""
    edges, x = [], float(MARGIN)
    for size, right in zip(widths, rights, strict=True):
        edges.append(x + size if right else x)
        x += size + GAP
    if rights and rights[-1]:
        edges[-1] = float(RIGHT)
    return edges
