"""A report as a Discord message of components, version 2, in Discord's JSON form.

Invariant: every message keeps every limit, whatever the report holds, and names what it leaves
out.  Text from outside is escaped, or stands in a code block that it cannot end.

Limits: docs.discord.com/developers/components/reference (40 components, nested ones counted; text
displays of 4,000 characters in all; labels 80, custom_id 100, descriptions 1,024).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from analytics.figures import (
    Chart,
    TimelineFigure,
)
from analytics.report import (
    Button,
    Facts,
    Report,
    Table,
    Tree,
)
from analytics.text import clean
from bot.render.cells import UNKNOWN, fact_text, prose
from bot.render.frame import (
    SHOWN_LINE,
    Body,
    Frame,
    counted,
    frame_of,
    freshness,
    left_out,
    line_of,
    ref,
    scope,
)
from bot.render.grid import Line, drawn, fitting, grid, keep, rows_cut
from bot.render.limits import clip, marked_up, units
from bot.render.sketch import bar_lines, tree_lines

ACTION_ROW, BUTTON, TEXT, GALLERY, SEPARATOR, CONTAINER = 1, 2, 10, 12, 14, 17
SECONDARY = 2
ACCENT, WARNING = 0x2F5BD8, 0xA86400
MAX_TEXT = 4_000
MAX_BUTTONS, ROW_BUTTONS, MAX_LABEL, MAX_CUSTOM_ID = 25, 5, 80, 100
PICTURE = "attachment://chart.png"

# Our own shares of MAX_TEXT; they leave 1,500 for the body.  A third party cuts alt text at 256.
HEADLINE, DELTAS, HINTS, CONTEXT, SCOPE, ALT = 500, 500, 600, 900, 200, 256
WIDTH = 34  # columns of a code block on a phone
CODE_LINE, BULLET = 150, 300
MOST_LINES = 25  # a longer code block pushes the buttons off the screen; the rest is in the CSV
LEAST_ROOM = 3 * CODE_LINE
NOTE = 200  # what is kept free of a message with a reference, for a later word about its sending
SHORT_TITLES = {
    "multiplier": "",
    "saving": "Up to",
    "index": "Times",
    "credits_per_prompt": "Each",
    "success_rate": "OK",
}

Payload = dict[str, object]


@dataclass(slots=True)
class _Room:
    """What is left of a message while its body is filled, and what had to be left out."""

    chars: int
    sketches: bool
    cuts: list[str] = field(default_factory=list)

    def takes(self, text: str) -> bool:
        """Take the room of a paragraph if there is enough."""
        size = units(text) + 1
        if size > self.chars:
            return False
        self.chars -= size
        return True


def message(
    report: Report, *, image: bool, values: Mapping[Button, str], reference: str = ""
) -> list[Payload]:
    """The answer as a container with its frame, and rows of buttons below it.

    `image` says whether the chart goes along as chart.png; `values` says what each button carries,
    and a button without one is not shown.  `reference` is the word by which a message is found
    again.
    """
    frame = frame_of(report)
    top = _top(frame, is_past=report.is_past)
    hints = clip("\n".join(frame.hints), HINTS, marked)
    picture = _picture(report) if image else []
    buttons, unshown = _buttons(frame.buttons, values)
    room = _Room(
        chars=MAX_TEXT - units(top) - units(hints) - CONTEXT - (NOTE if reference else 0),
        sketches=not frame.has_table and not picture,
    )
    body = "\n".join(_body(frame.body, room))
    room.cuts += unshown
    context = _context(report, frame, room, ref(reference))
    below = [_text(text) for text in (body, hints) if text]
    if context:
        below += [{"type": SEPARATOR, "divider": True}, _text(context)]
    container: Payload = {
        "type": CONTAINER,
        "accent_color": ACCENT if report.line else WARNING,
        "components": [_text(top), *picture, *below],
    }
    return [container, *buttons]


# ---- the frame


def _top(frame: Frame, *, is_past: bool) -> str:
    stroke = "~~" if is_past else ""
    headline = f"### {stroke}{clip(frame.headline, HEADLINE, marked)}{stroke}"
    deltas = clip("\n".join(frame.deltas), DELTAS, marked)
    return f"{headline}\n{deltas}" if deltas else headline


def _picture(report: Report) -> list[Payload]:
    if report.figure is None:
        return []
    alt = clip(prose(report.figure.alt) or clean(report.title), ALT)
    item: Payload = {"media": {"url": PICTURE}, "description": alt}
    return [{"type": GALLERY, "items": [item]}]


def _context(report: Report, frame: Frame, room: _Room, reference: str) -> str:
    """Small print: what was left out; dates, zone, filter, freshness and the line; notes."""
    cuts = [clip(text, CONTEXT // 2, marked) for text in left_out(report, room.cuts)]
    covered = clip(" · ".join(scope(report)), SCOPE, escape)
    line = clip(line_of(report), SHOWN_LINE)
    parts = (covered, *_freshness(report), f"`{line}`" if line else "", reference)
    own = " · ".join(filter(None, parts))
    first = "\n".join(f"-# {text}" for text in (*cuts, own) if text)
    spare = CONTEXT - units(first) - 1
    notes = clip("\n".join(frame.contexts), spare, _small) if spare > 50 else ""
    return "\n".join(filter(None, (first, notes)))


def _freshness(report: Report) -> Iterator[str]:
    """Up to when there are data; a moment of today Discord shows as "5 minutes ago"."""
    newest, (words, *_) = report.data_to, (*freshness(report), "")
    is_moment = words.startswith("data to") and not words.endswith("whole day")
    if newest is not None and is_moment:
        yield f"data to <t:{int(newest.timestamp())}:R>"
    elif words:
        yield escape(words)


def _small(text: str) -> str:
    return "\n".join(f"-# {marked(line)}" for line in text.splitlines())


def _buttons(
    buttons: Sequence[Button], values: Mapping[Button, str]
) -> tuple[list[Payload], list[str]]:
    """Rows of buttons, and what to say about those that there is no room for."""
    usable: dict[str, str] = {}
    for button in buttons:
        value = values.get(button, "")
        if 0 < units(value) <= MAX_CUSTOM_ID:
            usable.setdefault(value, clean(button.label))
    items: list[Payload] = [
        {"type": BUTTON, "style": SECONDARY, "label": clip(label, MAX_LABEL), "custom_id": value}
        for value, label in usable.items()
    ]
    unshown = len(items[MAX_BUTTONS:])
    del items[MAX_BUTTONS:]
    rows: list[Payload] = [
        {"type": ACTION_ROW, "components": items[start : start + ROW_BUTTONS]}
        for start in range(0, len(items), ROW_BUTTONS)
    ]
    return rows, [counted(unshown, "button")] if unshown else []


# ---- the body


def _body(blocks: Sequence[Body], room: _Room) -> Iterator[str]:
    for block in blocks:
        match block:
            case Facts():
                yield from _facts(block, room)
            case Table():
                yield from _table(block, room)
            case Tree():
                yield from _sketch(tree_lines(block), room)
            case TimelineFigure():
                yield from _sketch(bar_lines(block), room)
            case Chart():
                pass  # the picture says it, or else the table or tree beside it
            case _:
                assert_never(block)


def _facts(facts: Facts, room: _Room) -> Iterator[str]:
    pairs = ((clean(fact.title), fact_text(fact)) for fact in facts.facts)
    lines = [
        f"**{clip(title, BULLET // 2, escape)}** {clip(value, BULLET, escape)}"
        for title, value in pairs
    ]
    yield from _lines(lines, room, "value")


def _table(table: Table, room: _Room) -> Iterator[str]:
    if not table.rows:
        yield from _lines(["No rows."], room, "table")
    elif len(table.columns) > 1 and all(column.unit == "text" for column in table.columns):
        # Sentences do not fit columns: each row is a line of its own.
        yield from _lines([_bullet(line) for line in grid(table).lines], room, "row")
    else:
        yield from _narrow(table, room)


def _bullet(line: Line) -> str:
    limit = BULLET // len(line.cells)
    name, *rest = (clip(cell or UNKNOWN, limit, marked) for cell in line.cells)
    return " · ".join((f"**{name}**", *rest))


def _lines(lines: Sequence[str], room: _Room, thing: str) -> Iterator[str]:
    for index, line in enumerate(lines):
        if not room.takes(line):
            room.cuts.append(counted(len(lines) - index, thing))
            return
        yield line


def _narrow(table: Table, room: _Room) -> Iterator[str]:
    """The table in a phone's width: its name and the columns that are wanted most."""
    whole = grid(table, indent=" ")
    titles = [
        SHORT_TITLES.get(column.key, title)
        for column, title in zip(table.columns, whole.titles, strict=True)
    ]
    whole = replace(whole, titles=tuple(titles))
    columns = fitting(table, whole, width=WIDTH)
    if over := len(table.columns) - len(columns):
        room.cuts.append(counted(over, "column"))
    shown = whole.pick(columns)
    head, texts = drawn(shown, width=WIDTH)
    yield from _code(shown.lines, [head, *texts], room)


def _sketch(texts: list[str], room: _Room) -> Iterator[str]:
    """A tree or text bars; the first line stands for the title."""
    if room.sketches and texts:
        yield from _code([Line("row", (), ()) for _ in texts[1:]], texts, room)


def _code(lines: Sequence[Line], texts: Sequence[str], room: _Room) -> Iterator[str]:
    """A code block of a title line and its lines, as many as there is room for."""
    head, *rest = [clip(text, CODE_LINE, in_code) for text in texts]
    fences = "```\n\n```"
    spare = room.chars - units(head) - units(fences) - 2
    kept: list[int] = []
    if room.chars >= LEAST_ROOM:
        kept = keep(lines, [units(text) + 1 for text in rest], room=spare, most=MOST_LINES)
        block = "\n".join(("```", head, *(rest[i] for i in kept), "```"))
        if room.takes(block):
            yield block
    if cut := rows_cut(lines, kept):
        room.cuts.append(counted(cut, "row"))


# ---- text


def _text(content: str) -> Payload:
    return {"type": TEXT, "content": content}


def escape(text: str) -> str:
    """Text in which no markdown, mention, timestamp, emoji, link or invite comes alive.

    discord.py's own escapes leave `<`, bare addresses and lists alone.  A zero-width space parts
    an @ from what follows, because mentions are found before backslashes are read.
    """
    inert = _LINE_START.sub(r"\g<0>\\", _SPECIAL.sub(r"\\\g<0>", text))
    return inert.replace("@", "@\u200b")


# A colon may stand before a blank and between digits: 14:05 needs no escape.  A dot before a
# domain's end and a slash begins an invite or address without a scheme.
_SPECIAL = re.compile(r"[\\*_~|<>`\[\]]|\.(?=[A-Za-z]+/)|:(?![\s\d]|$)|(?<!\d):(?=\d)")
_LINE_START = re.compile(r"^\s*(?=[-+#])|^\s*\d+(?=\.)", re.MULTILINE)


def in_code(text: str) -> str:
    """Text for a code block, which it cannot end."""
    return text.replace("`", "'")


def marked(text: str) -> str:
    """Sentences whose `code` stays code."""
    return marked_up(text, plain=escape, code=lambda code: f"`{code}`")
