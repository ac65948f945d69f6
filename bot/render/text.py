"""A report for a terminal: no colours, no control characters, numbers aligned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
from bot.render.cells import UNKNOWN, fact_text
from bot.render.frame import MAX_LINE, Body, Frame, counted, frame_of, freshness, scope
from bot.render.grid import Grid, drawn, fitting, grid
from bot.render.sketch import bar_lines, tree_lines
from bot.render.widths import display_width

RULE = "─"
DOT = " · "
FORMS = ("csv", "json", "pdf", "png", "share")


def render(report: Report, *, width: int = 100, pressable: bool = False) -> str:
    """The report as lines, without a line break at the end; tables are at most `width` wide.

    Where somebody can press them, buttons are numbered; elsewhere the lines they ask are named.

    Trees stand before tables; the chart of models or people is left to them.
    """
    frame = frame_of(report)
    trees = [block for block in frame.body if isinstance(block, Tree)]
    others = [block for block in frame.body if not isinstance(block, Tree)]
    sections = [
        [frame.headline, *frame.deltas],
        *(_body_lines(block, frame, width) for block in (*trees, *others)),
        frame.hints,
        [*frame.contexts, DOT.join([*scope(report), *freshness(report)])],
        _numbered(frame.buttons) if pressable else _next_lines(frame, width),
    ]
    texts = ("\n".join(filter(None, lines)) for lines in sections)
    return "\n\n".join(filter(None, texts))


def _body_lines(block: Body, frame: Frame, width: int) -> list[str]:
    match block:
        case Facts():
            facts = (f"{clean(fact.title)}: {fact_text(fact)}" for fact in block.facts)
            return list(_side_by_side(facts, width))
        case Table():
            return _table_lines(block, width)
        case Tree():
            return tree_lines(block)
        case TimelineFigure():
            return bar_lines(block)
        case Chart():
            is_told = any(isinstance(other, Table | Tree | Facts) for other in frame.body)
            return [] if is_told else [clean(block.alt, MAX_LINE)]
        case _:
            assert_never(block)


def _table_lines(table: Table, width: int) -> list[str]:
    """Titles, rows under their group's heading, and the total under a rule.

    Columns without room are counted below; sentences without room are a line for each row.
    """
    whole = grid(table, indent="  ")
    columns = fitting(table, whole, width=width)
    over = len(whole.titles) - len(columns)
    if over and not any(whole.right):
        return [DOT.join(cell or UNKNOWN for cell in line.cells) for line in whole.lines]
    lines = list(_ruled(whole.pick(columns), width))
    return (
        [*lines, f"{counted(over, 'column')} in a wider window or a CSV file."] if over else lines
    )


def _ruled(shown: Grid, width: int) -> Iterator[str]:
    head, lines = drawn(shown, width=width)
    yield head
    for line, text in zip(shown.lines, lines, strict=True):
        if line.kind == "total":
            yield RULE * max(
                display_width(part) for one in (head, *lines) for part in one.split("\n")
            )
        yield text
    if not lines:
        yield "No rows."


def _side_by_side(texts: Iterable[str], width: int) -> Iterator[str]:
    line = ""
    for text in texts:
        if line and display_width(line + DOT + text) > width:
            yield line
            line = text
        else:
            line = line + DOT + text if line else text
    yield line


def _next_lines(frame: Frame, width: int) -> list[str]:
    """`Ask next: by-model last 7d · by-model this month`; what may be done, where it is clear."""
    lines = [clean(button.line, MAX_LINE) for button in frame.buttons if button.verb == "ask"]
    changes = [button for button in frame.buttons if button.verb == "do"]
    shown = list(_side_by_side((f"Ask next: {lines[0]}", *lines[1:]), width)) if lines else []
    if len(changes) == 1:  # of several, as of five stars, no line is the next step
        line = clean(changes[0].line, MAX_LINE)
        if not any(line in hint for hint in frame.hints):
            shown.insert(0, f"{clean(changes[0].label)}: {line}")
    return shown


def _numbered(buttons: Sequence[Button]) -> list[str]:
    """`[1] 7d  by-model last 7d`, numbered over all buttons of the report.

    Those that give this very answer in another form stand on one line.
    """
    lines: list[str] = []
    forms: list[str] = []
    for number, button in enumerate(buttons, 1):
        shown = f"[{number}] {clean(button.label)}"
        if button.verb in FORMS:
            forms.append(shown)
        else:
            lines.append(f"{shown}  {clean(button.line, MAX_LINE)}")
    return [*lines, "  ".join(forms)]
