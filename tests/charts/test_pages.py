"""Documents on paper: everything is there, nothing overlaps, text is text."""

from __future__ import annotations

import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.figures import Tile
from charts import printed
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
from charts.pages import LEAST_GAP, _papers, height_of
from charts.paper import BOTTOM, MARGIN
from charts.print_table import table_height
from tests.charts.samples import samples

MODELS = samples()["models"]
ROWS = tuple(TableLine("row", (f"Model {n}", f"{n},000")) for n in range(60))
TABLE = PrintedTable(
    title="Models",
    heads=("Model", "Credits"),
    right=(False, True),
    lines=(*ROWS, TableLine("total", ("Total", "1,770,000"))),
    rest="the CSV has them",
)
OPENING = Opening("Briefing", "On track: 19,500 of 20,000 credits", ("80% range 19,060–19,940.",))


def document(*parts: Part, title: str = "March", footer: str = "Acme · 1–30 Mar 2026") -> Document:
    return Document(title, "On track", footer, (Page(parts),))


def text_of(pdf: bytes) -> str:
    """Everything that can be selected, a line for each text; codes are those of Unicode."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    contents = (zlib.decompress(stream) for stream in streams)
    texts = (text for one in contents for text in re.findall(rb"BT\n(.*?)ET\n", one, re.DOTALL))
    return "\n".join(map(_letters, texts))


def _letters(text: bytes) -> str:
    """The letters of one text, without the distances between them."""
    pieces = re.findall(rb"\(((?:\\.|[^\\()])*)\)", text, re.DOTALL)
    plain = b"".join(re.sub(rb"\\(.)", rb"\1", piece, flags=re.DOTALL) for piece in pieces)
    return plain.decode("utf-16-be", "replace")


def pages_of(pdf: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", pdf))


def test_a_page_is_a4_and_equal_documents_are_equal_files() -> None:
    first, second = (printed(document(OPENING)) for _ in range(2))
    assert first == second
    assert b"/MediaBox [ 0 0 595 842 ]" in first


def test_fonts_are_embedded_and_words_describe_the_file() -> None:
    pdf = printed(document(OPENING, Picture(MODELS)))
    assert b"/Type3" not in pdf
    assert pdf.count(b"/FontFile2") == pdf.count(b"/Subtype /Type0") > 0
    for words in (b"/Title (March)", b"/Author (creditbot)", b"/Subject (On track)"):
        assert words in pdf
    assert b"CreationDate" not in pdf


def test_text_is_text() -> None:
    text = text_of(printed(document(OPENING, Tiles((Tile("Used", "15,230", "76%"),)), TABLE)))
    for words in ("19,500", "15,230", "Model 5", "Total", "Acme", "1 / 1"):
        assert words in text


def test_a_table_that_is_too_long_says_what_is_left_out_and_keeps_its_total() -> None:
    pdf = printed(document(OPENING, TABLE))
    text = text_of(pdf)
    shown = len(re.findall(r"Model \d+", text))
    assert 6 < shown < 60
    assert f"{60 - shown} more rows: the CSV has them." in text
    assert "1,770,000" in text
    assert pages_of(pdf) == 1


def test_a_long_table_leaves_room_for_what_comes_after() -> None:
    pdf = printed(document(TABLE, Sentences("Notes", ("Today is partial.",))))
    assert pages_of(pdf) == 1
    assert "Today is partial." in text_of(pdf)


def test_what_has_no_room_moves_to_a_further_page_under_the_same_title() -> None:
    pictures = (Picture(MODELS),) * 4
    paper = Document("t", "s", "f", (Page(pictures, "Where credits go"),))
    pdf = printed(paper)
    assert pages_of(pdf) > 1
    assert "Where credits go (continued)" in text_of(pdf)
    assert f"{pages_of(pdf)} / {pages_of(pdf)}" in text_of(pdf)


def test_columns_without_room_are_counted() -> None:
    heads = ("Model", *(f"A long heading {n}" for n in range(20)))
    lines = (TableLine("row", ("GPT-4o", *["1,234,567"] * 20)),)
    wide = PrintedTable("", heads, (False, *[True] * 20), lines)
    assert re.search(r"1\d more columns\.", text_of(printed(document(wide))))


@pytest.mark.parametrize("name", ["王小明", "محمد عبد الله", "प्रिया शर्मा", "x" * 300, "$x^2$"])
def test_any_name_is_printed(name: str) -> None:
    lines = (TableLine("row", (name, "1")),)
    table = PrintedTable("", ("Person", "Credits"), (False, True), lines)
    assert printed(document(Opening("k", name), table)).startswith(b"%PDF")


@given(rows=st.integers(0, 60), room=st.integers(120, 700))
def test_a_table_never_takes_more_than_its_height(rows: int, room: int) -> None:
    from charts.print_table import _kept

    table = PrintedTable("t", ("A", "B"), (False, True), (*ROWS[:rows], TABLE.lines[-1]))
    kept, cut = _kept(table, room)
    assert table_height(table, len(kept)) <= max(room, table_height(table, 1))
    assert sum(line.kind == "row" for line in kept) + cut == rows


def test_a_paragraph_takes_the_lines_it_needs() -> None:
    short, long = Sentences("", ("word",)), Sentences("", ("word " * 200,))
    assert height_of(long) > 5 * height_of(short)
    assert height_of(Sentences("", ("word " * 200,), points=True)) < BOTTOM - MARGIN


@given(lines=st.integers(1, 44), parts=st.integers(2, 9))
def test_parts_that_fit_closer_together_stay_on_one_page(lines: int, parts: int) -> None:
    sentences = Sentences("", ("word",) * lines)
    needed = height_of(sentences) * parts + LEAST_GAP * (parts - 1)
    papers = _papers(Page((sentences,) * parts))
    assert (len(papers) == 1) == (needed <= BOTTOM - MARGIN)
