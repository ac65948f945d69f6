"""Documents on A4 paper: parts placed from top to bottom, a footer on every page.

Invariant: nothing stands on another thing and nothing is lost: a part without room moves to a
further page, and a table that is shortened says how many of its rows are elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import assert_never

from matplotlib.backends.backend_pdf import PdfPages

from analytics.text import clean
from charts.document import (
    Document,
    Opening,
    Page,
    Part,
    Picture,
    PrintedTable,
    Sentences,
    Tiles,
)
from charts.lettering import Style, cut_end, paragraph, width, wrapped
from charts.paper import BOTTOM, HEIGHT, MARGIN, RIGHT, ROOM, Paper
from charts.picture import compose
from charts.print_table import LEAST_LINES, print_table, table_height
from charts.sheet import Sheet
from charts.theme import LIGHT
from charts.typeface import legible, prepare

HEADLINES = (Style(22, 700), Style(18, 700), Style(15, 700))
PAGE_TITLE = Style(17, 700)
SECTION = Style(12, 600)
TEXT = Style(9.5)
KICKER = Style(9.5, 500)
FOOTER = Style(7.5)
TILE_NOTES = tuple(Style(size) for size in (8.5, 8, 7.5, 7))
TILE_NAMES = tuple(Style(size, 500) for size in (9, 8.5, 8, 7.5))
TILE_VALUES = tuple(Style(size, 700) for size in (18, 16, 14, 12, 11))
LEADING = 14  # 1.45 of the text's size
LINE_HEIGHT, TILE, TILE_GAP = 1.23, 56, 8
GAP, LEAST_GAP = 22, 10
TILES = 4  # in a row
AUTHOR = "creditbot"


def pdf(document: Document) -> bytes:
    """The document as a file with embedded fonts and without a time stamp."""
    prepare()
    papers = [paper for page in document.pages for paper in _papers(page)]
    words = {
        "Title": clean(document.title),
        "Author": AUTHOR,
        "Subject": clean(document.subject, 400),
        "CreationDate": None,
    }
    file = BytesIO()
    with PdfPages(file, metadata=words) as pages:
        for number, paper in enumerate(papers, 1):
            _footer(paper, legible(clean(document.footer, 200)), f"{number} / {len(papers)}")
            pages.savefig(paper.canvas)
    return file.getvalue()


def _footer(paper: Paper, text: str, place: str) -> None:
    y = HEIGHT - 28
    room = ROOM - width(place, FOOTER) - 12
    paper.text((MARGIN, y), cut_end(text, room, FOOTER), FOOTER, colour=LIGHT.muted)
    paper.text((RIGHT, y), place, FOOTER, colour=LIGHT.muted, right=True)


def _papers(page: Page) -> list[Paper]:
    """The papers that the parts of a page take: one, when they fit."""
    filling = _Filling(page.title, _gap(page))
    for place, part in enumerate(page.parts):
        filling.put(part, after=page.parts[place + 1 :])
    return filling.papers


def _gap(page: Page) -> float:
    """The space between parts: smaller where that keeps all of them on one paper."""
    head = 17 + GAP if page.title else 0
    spaces = max(len(page.parts) - 1, 1)
    for height in (height_of, _least_height):  # whole tables rather than wide spaces
        gap = (BOTTOM - MARGIN - head - sum(map(height, page.parts))) / spaces
        if gap >= LEAST_GAP:
            return min(gap, GAP)
    return LEAST_GAP


def _least_height(part: Part) -> float:
    if isinstance(part, PrintedTable):
        return min(table_height(part), table_height(part, LEAST_LINES))
    return height_of(part)


class _Filling:
    """Papers being filled; `y` is where the next part begins on the last of them."""

    def __init__(self, title: str, gap: float) -> None:
        self._title = title
        self._gap = gap
        self.papers: list[Paper] = []
        self._turn()

    def _turn(self) -> None:
        again = " (continued)" if self.papers else ""
        self.papers.append(Paper())
        self._y = float(MARGIN)
        if self._title:
            self._paper.text((MARGIN, MARGIN + 14), self._title + again, PAGE_TITLE)
            self._y += 17 + GAP
        self._top = self._y

    @property
    def _paper(self) -> Paper:
        return self.papers[-1]

    def put(self, part: Part, *, after: Sequence[Part]) -> None:
        """Draw a part below the last one, leaving room for those `after` it where it can."""
        room = BOTTOM - self._y
        height = height_of(part)
        if isinstance(part, PrintedTable):
            others = sum(height_of(other) + self._gap for other in after)
            height = _table_room(part, room, others)
        # Half a point of slack: gaps that fill a paper exactly add up to a little more.
        if height > room + 0.5 and self._y > self._top:
            self._turn()
            height = min(height_of(part), BOTTOM - self._y)
        _draw(self._paper, part, self._y, height)
        self._y += height + self._gap


def _table_room(table: PrintedTable, room: float, others: float) -> float:
    """The height a table takes: shortened, where the parts after it need its place."""
    whole = table_height(table)
    least = table_height(table, LEAST_LINES)
    for wanted in (room - others, room):
        if wanted >= min(least, whole):
            return min(whole, wanted)
    return whole


# ---- parts


def height_of(part: Part) -> float:
    """How high a part is when it has all the room it wants."""
    match part:
        case Opening():
            lines = [line for note in part.notes for line in paragraph(note, ROOM, TEXT)]
            headline, style = _headline(part)
            head = LINE_HEIGHT * style.size * len(headline) + 16
            return head + LEADING * len(lines) + (4 if lines else 0)
        case Tiles():
            return TILE
        case Picture():
            return compose(part.figure, Sheet(LIGHT, ROOM, 0, has_footer=False)).height
        case PrintedTable():
            return table_height(part)
        case Sentences():
            lines = [line for text in part.texts for line in _lines(part, text)]
            return (20 if part.title else 0) + LEADING * len(lines)
        case _:
            assert_never(part)


def _draw(paper: Paper, part: Part, y: float, height: float) -> None:
    match part:
        case Opening():
            _opening(paper, part, y)
        case Tiles():
            _tiles(paper, part, y)
        case Picture():
            compose(part.figure, Sheet.box(paper.canvas, (MARGIN, y), ROOM, LIGHT))
        case PrintedTable():
            print_table(paper, part, y, height)
        case Sentences():
            _sentences(paper, part, y)
        case _:
            assert_never(part)


def _headline(part: Opening) -> tuple[list[str], Style]:
    """The headline in at most two lines of the first size that holds all of it."""
    text = legible(part.headline)
    fitting = (style for style in HEADLINES if len(paragraph(text, ROOM, style)) <= 2)
    style = next(fitting, HEADLINES[-1])
    return wrapped(text, ROOM, style, balance=True), style


def _opening(paper: Paper, part: Opening, y: float) -> None:
    kicker = cut_end(legible(part.kicker), ROOM, KICKER)
    paper.text((MARGIN, y + 8), kicker, KICKER, colour=LIGHT.accent)
    lines, style = _headline(part)
    y += 16 + style.size * 0.9
    for line in lines:
        paper.text((MARGIN, y), line, style)
        y += LINE_HEIGHT * style.size
    y -= style.size * 0.9 - 12
    for note in part.notes:
        for line in paragraph(legible(note), ROOM, TEXT):
            paper.text((MARGIN, y), line, TEXT, colour=LIGHT.muted)
            y += LEADING


def _tiles(paper: Paper, part: Tiles, y: float) -> None:
    columns = max(len(part.tiles), TILES)  # rows of fewer tiles keep the grid
    size = (ROOM - TILE_GAP * (columns - 1)) / columns
    inside = size - 20
    for place, tile in enumerate(part.tiles):
        x = MARGIN + place * (size + TILE_GAP)
        paper.box((x, y), (size, TILE))
        name, style = _fitted(tile.label, inside, TILE_NAMES)
        paper.text((x + 10, y + 15), name, style, colour=LIGHT.ink2)
        value, style = _fitted(tile.value, inside, TILE_VALUES)
        paper.text((x + 10, y + 35), value, style)
        note, style = _fitted(tile.note, inside, TILE_NOTES)
        paper.text((x + 10, y + 48), note, style, colour=LIGHT.muted)


def _fitted(text: str, room: float, styles: Sequence[Style]) -> tuple[str, Style]:
    """A text in the first style in which it fits; cut in the last one."""
    text = legible(text)
    style = next((one for one in styles if width(text, one) <= room), styles[-1])
    return cut_end(text, room, style), style


def _lines(part: Sentences, text: str) -> list[str]:
    return paragraph(legible(text), ROOM - (12 if part.points else 0), TEXT)


def _sentences(paper: Paper, part: Sentences, y: float) -> None:
    if part.title:
        paper.text((MARGIN, y + 10), cut_end(legible(part.title), ROOM, SECTION), SECTION)
        y += 20
    for text in part.texts:
        if part.points:
            paper.text((MARGIN + 1, y + 10), "•", TEXT, colour=LIGHT.accent)
        for line in _lines(part, text):
            x = MARGIN + (12 if part.points else 0)
            paper.text((x, y + 10), line, TEXT, colour=LIGHT.ink2)
            y += LEADING
