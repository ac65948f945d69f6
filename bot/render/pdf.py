"""Answers on paper: one page for any line, a briefing of four pages for the monthly report.

Invariant: what is printed are the report's own numbers, written as everywhere else; a table says
how many of its rows are not shown and where they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import assert_never

from analytics.figures import BudgetFigure, Chart, DashboardFigure, Figure, Tile, TimelineFigure
from analytics.report import (
    TEST,
    Cell,
    Fact,
    Facts,
    Report,
    Table,
    Tree,
)
from analytics.roi import NO_RETURN
from analytics.text import clean
from bot.render.cells import cell_text, cleaned, fact_text, prose
from bot.render.frame import Frame, frame_of, freshness, line_of, scope
from bot.render.grid import grid
from bot.render.limits import marked_up
from bot.render.sketch import tree_lines
from charts.document import (
    Document,
    Opening,
    Page,
    Part,
    Picture,
    PrintedTable,
    Sentences,
    TableLine,
    Tiles,
)

MAX_TITLE = 120
_LIMIT = re.compile(r" limit=\d+")  # a table that was cut has its other rows elsewhere
TEST_PAPER = "TEST, counts for nothing"
TILES = 4  # side by side
MAX_TILE_VALUE, MAX_TILE_NOTE = 14, 28  # characters that fit a tile
MATTERS = 5  # sentences on the first page
LIMITS, GRANTS = 4, 4  # budgets and grants there
METHOD = (
    "Credits are frozen when usage is recorded, with the multiplier valid then. Shares are rounded "
    "so that they add up to 100. Changes compare complete days with as many before them. Unknown "
    "is shown as –, never as 0. A range around a projection holds the end of the month in 8 of 10 "
    "cases. Savings are upper ends at the volume of the last 30 days, and no prompt counts twice."
)


@dataclass(frozen=True, slots=True)
class Briefing:
    """A monthly report with the answers that stand around it, by the name of their part."""

    report: Report
    parts: Mapping[str, Report] = field(default_factory=dict)
    workspace: str = ""

    def frame(self, name: str) -> Frame | None:
        """A part in its frame; None where it is missing."""
        part = self.parts.get(name)
        return frame_of(part) if part is not None else None


def _opening(kicker: str, frame: Frame) -> Opening:
    headline, *deltas = _unticked((frame.headline, *frame.deltas))
    return Opening(kicker, headline, tuple(deltas))


# ---- any line


def one_page(report: Report) -> Document:
    """Headline, delta, numbers, chart, table and notes of one answer."""
    frame = frame_of(report)
    opening = _opening(clean(report.title, MAX_TITLE), frame)
    # A dashboard has its own tiles.
    numbers = () if isinstance(report.figure, DashboardFigure) else _numbers(frame)
    parts = [opening, *numbers, *_untitled(report), *_tables(report, frame)]
    if frame.contexts or frame.hints:
        parts.append(Sentences("Notes", _unticked((*frame.hints, *frame.contexts))))
    return _document(report, (Page(tuple(parts)),), workspace="")


def _unticked(texts: Iterable[str]) -> tuple[str, ...]:
    """Sentences whose `code` stands in quotes: paper has no code."""
    return tuple(marked_up(text, plain=str, code=lambda code: f"“{code}”") for text in texts)


def _document(report: Report, pages: tuple[Page, ...], *, workspace: str) -> Document:
    test = [TEST_PAPER] if report.headline.startswith(TEST) else []
    footer = [*test, *([clean(workspace)] if workspace else []), "AI credits"]
    return Document(
        title=clean(report.title, MAX_TITLE),
        subject=cleaned(report.headline),
        footer=" · ".join((*footer, *scope(report), *freshness(report))),
        pages=pages,
    )


def _numbers(frame: Frame) -> Iterator[Part]:
    """Facts as tiles, four in a row; those of more words than a tile holds as lines below."""
    facts = [fact for block in frame.body if isinstance(block, Facts) for fact in block.facts]
    tiles = [tile for tile in map(_tile, facts) if _is_short(tile)]
    for start in range(0, len(tiles), TILES):
        yield Tiles(tuple(tiles[start : start + TILES]))
    long = [fact for fact in facts if not _is_short(_tile(fact))]
    if long:
        texts = (f"{clean(fact.title)}: {fact_text(fact)}" for fact in long)
        yield Sentences("", tuple(texts), points=True)


def _is_short(tile: Tile) -> bool:
    return len(tile.value) <= MAX_TILE_VALUE and len(tile.note) <= MAX_TILE_NOTE


def _tile(fact: Fact) -> Tile:
    return Tile(
        clean(fact.title),
        cell_text(fact.value, fact.unit, fact.currency),
        cleaned(fact.note),
    )


def _pictures(report: Report | None) -> Iterator[Part]:
    if report is not None and report.figure is not None:
        yield Picture(report.figure)


def _untitled(report: Report) -> Iterator[Part]:
    """The chart; where its title is the page's headline, its subtitle stands for it."""
    figure = report.figure
    if figure is None:
        return
    finding = figure.title.removeprefix(TEST).rstrip(".")
    is_said = clean(report.headline.removeprefix(TEST)).startswith(finding)
    if is_said and isinstance(figure, DashboardFigure):
        figure = replace(figure, title="At a glance")
    elif is_said and figure.subtitle:
        title, _, rest = figure.subtitle.partition(". ")
        figure = replace(figure, title=title, subtitle=rest)
    yield Picture(figure)


def _tables(report: Report, frame: Frame) -> Iterator[Part]:
    """Tables; a tree only where no table or chart says the same."""
    for block in frame.body:
        match block:
            case Table():
                yield _printed(block, rest=_rest(report))
            case Tree():
                if not frame.has_table and report.figure is None:
                    title, *lines = tree_lines(block)
                    yield Sentences(title, tuple(lines))
            case Facts() | Chart():
                pass
            case _:
                assert_never(block)


def _rest(report: Report) -> str:
    """Where the rows are that found no room."""
    line = _LIMIT.sub("", line_of(report))
    return f"“export csv {line}” has them" if line else ""


def _printed(table: Table, *, rest: str) -> PrintedTable:
    shown = grid(table, indent="   ")
    return PrintedTable(
        title="",
        heads=shown.titles,
        right=shown.right,
        lines=tuple(TableLine(line.kind, line.cells) for line in shown.lines),
        rest=rest,
    )


# ---- the briefing


def briefing(whole: Briefing) -> Document:
    """Verdict and what matters; where credits go; who and when; performance and next steps."""
    report, label = whole.report, _month(whole.report)
    pages = (
        Page(tuple(_verdict(whole, label))),
        Page(tuple(_where(whole)), "Where credits go"),
        Page(tuple(_who(whole)), "Who and when"),
        Page(tuple(_next(whole)), "Performance and next steps"),
    )
    filled = tuple(page for page in pages if page.parts)
    return _document(report, filled, workspace=whole.workspace)


def _month(report: Report) -> str:
    period = report.period
    return f"{period.start:%B %Y}" if period is not None else clean(report.title)


def _verdict(whole: Briefing, label: str) -> Iterator[Part]:
    frame, budget = frame_of(whole.report), whole.frame("budget")
    burn_up = _burn_up(whole)
    lead = budget or frame
    yield _opening(f"Monthly executive briefing · {label}", lead)
    # Beside budgets there is room for one row of tiles, and for less of what stands elsewhere.
    limits = list(_limits(whole.report))
    yield from list(_numbers(frame))[: 1 if limits else 2]
    if burn_up is not None:
        yield Picture(burn_up)
    own = (frame.headline, *frame.deltas) if lead is budget else ()
    sentences = (*own, *_findings(whole))
    kept = tuple(dict.fromkeys(filter(None, sentences)))
    if kept:
        yield Sentences("What matters", _unticked(kept[: MATTERS - len(limits)]), points=True)
    yield from limits
    value = whole.frame("value")
    paid, worth = tuple(_grants(whole.report)), tuple(_return(value, frame))
    for title, texts in (("Plan and packs", paid), ("Return", worth)):
        if texts:
            yield Sentences(title, _unticked(texts))
    if value is not None and value.has_table and not limits:
        yield from list(_numbers(value))[:1]


def _own_table(report: Report, key: str) -> Table | None:
    """The report's table of a kind, by the key of its first column."""
    tables = (block for block in report.blocks if isinstance(block, Table))
    return next((table for table in tables if table.columns[0].key == key and table.rows), None)


def _limits(report: Report) -> Iterator[PrintedTable]:
    """How budgets ended, the largest excess first; the others are counted."""
    table = _own_table(report, "scope")
    if table is None:
        return
    left = [column.key for column in table.columns].index("remaining")
    rows = sorted(table.rows, key=lambda row: _number(row[left]))
    shown = _printed(replace(table, rows=tuple(rows[:LIMITS])), rest="")
    more = len(rows) - LIMITS
    yield replace(shown, title="Budgets" if more <= 0 else f"Budgets, {more} more in the CSV")


def _number(cell: Cell) -> float:
    return cell if isinstance(cell, int | float) else 0


def _grants(report: Report) -> Iterator[str]:
    """`Team Plan, monthly: 8,300 of 8,300 used, 0 left.`, of the first few."""
    table = _own_table(report, "grant")
    if table is None:
        return
    for name, _, valid, *amounts in table.rows[:GRANTS]:
        given, used, left = (cell_text(amount, "credits") for amount in amounts[:3])
        words = f"{cleaned(str(name))}, {cleaned(str(valid))}"
        yield f"{words}: {used} of {given} used, {left} left."


def _return(value: Frame | None, report: Frame) -> Iterator[str]:
    """What came of it, with what was assumed; nothing before somebody said, as a digest tells."""
    if value is None or not value.has_table:
        yield from (text for text in report.contexts if text == prose(NO_RETURN))
        return
    yield value.headline
    yield from (text for text in value.deltas if text not in report.deltas)


def _burn_up(whole: Briefing) -> Figure | None:
    """How use added up, under a title that does not repeat the page's own; None without days."""
    budget = whole.parts["budget"].figure if "budget" in whole.parts else None
    if budget is not None:
        title, _, rest = budget.subtitle.partition(". ")
        return replace(budget, title=title or budget.title, subtitle=rest)
    glance = whole.report.figure
    if isinstance(glance, DashboardFigure) and glance.burn_up is not None:
        return glance.burn_up  # of a digest: with the limit that held then
    days = whole.parts["days"].figure if "days" in whole.parts else None
    if not isinstance(days, TimelineFigure) or days.grain != "day" or not days.bars:
        return None
    used = tuple(accumulate(bar.credits or 0 for bar in days.bars))
    return BudgetFigure(
        title="How the credits added up",
        subtitle="Credits from the first day on",
        footer="",
        alt=days.alt,
        start=days.bars[0].start.date(),
        days=len(used),
        used=used,
    )


def _findings(whole: Briefing) -> Iterator[str]:
    """What the other pages find, the weightiest first; a chart's title says it shortest."""
    for name in ("models", "tiers", "advice", "people", "hours", "speed"):
        part = whole.parts.get(name)
        if part is None:
            continue
        figure = None if name == "advice" else part.figure
        yield frame_of(part).headline if figure is None else figure.title


def _where(whole: Briefing) -> Iterator[Part]:
    yield from _pictures(whole.parts.get("models"))
    yield from _first_table(whole, "models")
    yield from _pictures(whole.parts.get("tiers"))


def _who(whole: Briefing) -> Iterator[Part]:
    for name in ("people", "days", "hours"):
        yield from _pictures(whole.parts.get(name))


def _next(whole: Briefing) -> Iterator[Part]:
    yield from _pictures(whole.parts.get("speed"))
    yield from _pictures(whole.parts.get("quality"))
    advice = whole.frame("advice")
    if advice is not None:
        yield Sentences("Recommendations", _unticked((advice.headline,)))
        yield from _first_table(whole, "advice")
    yield Sentences("Method", (METHOD,))


def _first_table(whole: Briefing, name: str) -> Iterator[Part]:
    report = whole.parts.get(name)
    if report is None:
        return
    tables = [block for block in frame_of(report).body if isinstance(block, Table)]
    for table in tables[:1]:
        if table.rows:
            yield _printed(table, rest=_rest(report))
