"""The body of a Slack message: facts, tables and sketches within the room the frame leaves.

Invariant: what does not fit is counted in `Room.cuts`, never dropped silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from analytics.figures import (
    Chart,
    TimelineFigure,
)
from analytics.report import (
    Cell,
    Facts,
    Table,
    Tree,
    Unit,
)
from analytics.text import clean
from bot.render.cells import exact, fact_text
from bot.render.frame import Body, counted
from bot.render.grid import Line, drawn, fitting, grid, keep, rows_cut
from bot.render.limits import clip, marked_up, units
from bot.render.sketch import bar_lines, tree_lines

MAX_SECTION = 3_000
MAX_FIELDS, FIELD = 10, 300  # Slack takes fields of 2,000
# A data table may hold more rows and characters by now; these are the lowest figures published.
TABLE_ROWS, TABLE_COLUMNS, TABLE_CHARS, PAGE_ROWS = 100, 20, 10_000, 20
CAPTION, CELL = 150, 200
WIDTH = 64  # columns of a code block on a desktop
CODE_LINE = 400
LEAST_ROOM = 1_500  # titles, others and total of a table fit
FENCES = len("```\n\n```")
TEXT_KEYS = frozenset({"text", "alt_text", "caption"})
# What Slack turns into a link or mention by itself: evil.example, https://, @name.
_ADDRESS = re.compile(r"(?<=\w)\.(?=[^\W\d])|:(?=//)|@(?=\w)")

Payload = dict[str, object]


@dataclass(slots=True)
class Room:
    """What is left of a message while its body is filled, and what had to be left out.

    `may_table` is whether a native table may still come; Slack takes one in a message.
    `sketches` is whether trees and bars are drawn in text.
    """

    chars: int
    blocks: int
    may_table: bool
    sketches: bool
    cuts: list[str] = field(default_factory=list)

    def takes(self, block: Payload) -> bool:
        """Take the room of a block if there is enough."""
        size = text_size(block)
        if self.blocks < 1 or size > self.chars:
            return False
        self.blocks -= 1
        self.chars -= size
        return True


def body_of(blocks: Sequence[Body], room: Room, *, title: str) -> Iterator[Payload]:
    """The blocks that fit; `title` is the caption of a native table."""
    for block in blocks:
        match block:
            case Facts():
                yield from _facts(block, room)
            case Table():
                yield from _table(block, room, title)
            case Tree():
                yield from _sketch(tree_lines(block), room)
            case TimelineFigure():
                yield from _sketch(bar_lines(block), room)
            case Chart():
                pass  # the picture says it, or else the table or tree beside it
            case _:
                assert_never(block)


def _facts(facts: Facts, room: Room) -> Iterator[Payload]:
    fields: list[Payload] = [
        mrkdwn(f"*{clean(fact.title)}*\n{fact_text(fact)}", FIELD) for fact in facts.facts
    ]
    for start in range(0, len(fields), MAX_FIELDS):
        block: Payload = {"type": "section", "fields": fields[start : start + MAX_FIELDS]}
        if not room.takes(block):
            room.cuts.append(counted(len(fields) - start, "value"))
            return
        yield block


def _table(table: Table, room: Room, title: str) -> Iterator[Payload]:
    if not table.rows:
        yield from _fitting([section("No rows.", FIELD)], room, "table")
    elif room.may_table and room.chars > LEAST_ROOM:
        yield from _fitting([_data_table(table, room, title)], room, "table")
        room.may_table = False
    else:
        whole = grid(table, indent="  ")
        shown = whole.pick(fitting(table, whole, width=WIDTH))
        if over := len(whole.titles) - len(shown.titles):
            room.cuts.append(counted(over, "column"))
        head, texts = drawn(shown, width=WIDTH)
        yield from _code(shown.lines, [head, *texts], room)


def _sketch(texts: list[str], room: Room) -> Iterator[Payload]:
    """A tree or text bars; the first line stands for the title."""
    if room.sketches and texts:
        lines = [Line("row", (), ()) for _ in texts[1:]]
        yield from _code(lines, texts, room)


def _fitting(blocks: Sequence[Payload], room: Room, thing: str) -> Iterator[Payload]:
    taken = [block for block in blocks if room.takes(block)]
    if len(taken) < len(blocks):
        room.cuts.append(counted(len(blocks) - len(taken), thing))
    yield from taken


# ---- code blocks


def _code(lines: Sequence[Line], texts: Sequence[str], room: Room) -> Iterator[Payload]:
    """Code blocks of a title line and its lines, as many as there is room for."""
    head, *rest = [clip(text, CODE_LINE, in_code) for text in texts]
    sections = room.chars // (MAX_SECTION - CODE_LINE) + 1
    if room.chars < LEAST_ROOM or room.blocks < sections:
        room.cuts.append(counted(max(rows_cut(lines, ()), 1), "row"))
        return
    spare = room.chars - units(head) - sections * FENCES - 1
    kept = keep(lines, [units(text) + 1 for text in rest], room=spare, most=len(lines))
    if cut := rows_cut(lines, kept):
        room.cuts.append(counted(cut, "row"))
    for piece in _pieces([head, *(rest[i] for i in kept)]):
        block: Payload = {"type": "section", "text": _verbatim(f"```\n{piece}\n```")}
        if room.takes(block):
            yield block


def _pieces(texts: Sequence[str]) -> Iterator[str]:
    """The lines in as few texts as sections can hold."""
    piece: list[str] = []
    size = FENCES
    for text in texts:
        if size + units(text) + 1 > MAX_SECTION:
            yield "\n".join(piece)
            piece, size = [], FENCES
        piece.append(text)
        size += units(text) + 1
    yield "\n".join(piece)


# ---- the native table


def _data_table(table: Table, room: Room, title: str) -> Payload:
    """Titles, then rows in order; a group's subtotal heads its rows, the total comes last."""
    shown = grid(table)
    over = len(shown.titles) - TABLE_COLUMNS
    if over > 0:
        room.cuts.append(counted(over, "column"))
        shown = shown.pick(range(TABLE_COLUMNS))
    chars = min(TABLE_CHARS, room.chars) - CAPTION
    # So that titles, others and total always fit together.
    limit = min(CELL, chars // (3 * len(shown.titles)))
    titles = [_text_cell(title, limit) for title in shown.titles]
    rows = [_cells(line, table, limit) for line in shown.lines]
    sizes = [text_size(row) for row in rows]
    kept = keep(shown.lines, sizes, room=chars - text_size(titles), most=TABLE_ROWS)
    if cut := rows_cut(shown.lines, kept):
        room.cuts.append(counted(cut, "row"))
    return {
        "type": "data_table",
        "caption": clip(title, CAPTION, entities),
        "page_size": min(len(kept), PAGE_ROWS),
        "rows": [titles, *(rows[i] for i in kept)],
    }


def _cells(line: Line, table: Table, limit: int) -> list[Payload]:
    columns = table.columns[: len(line.cells)]
    mark = "■ " if line.kind == "group" else ""
    cells: list[Payload] = []
    for text, value, column in zip(line.cells, line.values, columns, strict=True):
        number = _number(value, column.unit)
        if number is None:
            cells.append(_text_cell(mark + text if text else " ", limit))
            mark = ""
        else:
            cells.append(
                {"type": "raw_number", "value": number, "text": clip(text, limit, entities)}
            )
    return cells


def _number(value: Cell, unit: Unit) -> int | float | None:
    """What a native table sorts by; None for a text, a moment or an unknown value."""
    number = exact(value, unit)
    if isinstance(number, str) or number is None:
        return None
    return number if isinstance(number, int) else float(number)


def _text_cell(text: str, limit: int) -> Payload:
    return {"type": "raw_text", "text": clip(text, limit, entities)}


# ---- text objects


def section(text: str, limit: int) -> Payload:
    """A section of a sentence or more."""
    return {"type": "section", "text": words(text, limit)}


def words(text: str, limit: int) -> Payload:
    """A text object: mrkdwn when the text holds `code`, else plain text."""
    return mrkdwn(text, limit) if "`" in text else plain_text(text, limit)


def plain_text(text: str, limit: int) -> Payload:
    """A text object in which nothing has a meaning."""
    return {"type": "plain_text", "text": clip(text, limit, entities), "emoji": False}


def mrkdwn(text: str, limit: int) -> Payload:
    """A text object in which nothing becomes a link or a mention."""
    return _verbatim(clip(text, limit, marked))


def _verbatim(text: str) -> Payload:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def entities(text: str) -> str:
    """The three characters that mean something to Slack in every string."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def in_code(text: str) -> str:
    """Text for a code span or block, which it cannot end."""
    return entities(text.replace("`", "'"))


def marked(text: str) -> str:
    """Sentences whose `code` stays code; a lone backtick becomes an apostrophe."""
    return marked_up(text, plain=in_code, code=lambda code: f"`{entities(code)}`")


def unlinked(text: str) -> str:
    """The same for a top-level text, which has no verbatim mode: addresses are parted."""
    return marked_up(
        text,
        plain=lambda words: parted(in_code(words)),
        code=lambda code: f"`{entities(code)}`",
    )


def parted(text: str) -> str:
    """Text with an invisible joiner in what Slack would turn into a link or mention by itself."""
    return _ADDRESS.sub("\\g<0>\u2060", text)


def texts_of(payload: object) -> Iterator[str]:
    """Everything in a payload that is shown or read aloud, in order."""
    match payload:
        case dict():
            for key, value in payload.items():
                if isinstance(value, str):
                    yield from [value] if key in TEXT_KEYS else []
                else:
                    yield from texts_of(value)
        case list():
            for part in payload:
                yield from texts_of(part)


def text_size(payload: object) -> int:
    """How much of Slack's limit over all text a payload takes."""
    return sum(map(units, texts_of(payload)))
