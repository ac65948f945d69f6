"""Lines, rows and JSON items do not depend on where the file was cut into pieces.

A test that matters: a fault here shows only in files larger than one piece.
"""

from __future__ import annotations

import csv
import json
from io import BytesIO, StringIO
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import UnusableFile
from storage.sources import csv_rows, json_rows, lines
from storage.sources.base import Rejected, SourceOptions
from storage.sources.csv_rows import CsvRow, open_csv
from storage.sources.json_scan import pieces
from storage.sources.ordinals import Ordinals
from storage.sources.slices import Slices
from storage.timekeys import DAY_US
from tests.cast import event

cuts = st.lists(st.integers(0, 200), max_size=12)
words = st.text(st.sampled_from('ab"\\{}[],:\n\r\t é€😀'), max_size=8)
cells = st.text(st.sampled_from('ab", \né;'), max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


def _cut(whole: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(place, len(whole)) for place in places), len(whole)]
    return [whole[a:b] for a, b in pairwise(edges)]


@given(
    st.lists(st.dictionaries(words, values, max_size=3), max_size=5),
    cuts,
    st.sampled_from([1, None]),
)
def test_an_array_gives_its_items_however_it_is_cut(
    items: list[dict[str, object]], places: list[int], indent: int | None
) -> None:
    text = json.dumps(items, indent=indent, ensure_ascii=False)
    found = list(pieces(_cut(text.encode(), places)))
    assert [piece.fault for piece in found] == [""] * len(items)
    assert [json.loads(piece.raw) for piece in found] == items


@given(st.lists(st.dictionaries(words, values, max_size=3), min_size=1, max_size=5), cuts)
def test_objects_one_after_the_other_are_told_apart(
    items: list[dict[str, object]], places: list[int]
) -> None:
    text = "\n".join(json.dumps(item, indent=2) for item in items)
    found = list(pieces(_cut(text.encode(), places)))
    assert [json.loads(piece.raw) for piece in found] == items


@given(st.text(st.sampled_from('{}[]",\\a1 \n'), max_size=40), cuts)
def test_no_text_breaks_the_scanner(text: str, places: list[int]) -> None:
    whole = list(pieces([text.encode()]))
    assert list(pieces(_cut(text.encode(), places))) == whole


@given(st.text(st.sampled_from("ab\n\r"), max_size=40), cuts)
def test_lines_are_those_of_the_whole_text(text: str, places: list[int]) -> None:
    found = list(lines.lines(_cut(text.encode(), places)))
    assert [line.text for line in found] == text.splitlines()
    assert [line.number for line in found] == list(range(1, len(found) + 1))


@given(st.lists(st.lists(cells, min_size=2, max_size=2), max_size=6))
def test_every_row_a_csv_writer_writes_is_read_back(rows: list[list[str]]) -> None:
    out = StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([["first", "second"], *rows])
    opened = open_csv(BytesIO(out.getvalue().encode()), SourceOptions())
    found = [list(row.cells.values()) for row in opened.rows if isinstance(row, CsvRow)]
    assert found == rows


def test_an_item_over_the_limit_is_dropped_while_the_next_is_read() -> None:
    parts = [b'[{"a": "', *[b"x" * 65_536] * 40, b'"}, {"b": 1}]']
    big, small = pieces(parts)
    assert "longer than" in big.fault
    assert json.loads(small.raw) == {"b": 1}


def test_items_of_an_array_know_their_line_and_place() -> None:
    file = BytesIO(b'[\n {"a": 1},\n 7,\n {"a": 1, "a": 2},\n\n {"b":\n 2}\n]')
    found = list(json_rows.json_items(file, SourceOptions()))
    assert [item.line for item in found] == [2, 3, 4, 6]
    assert [item.index for item in found if isinstance(item, json_rows.JsonItem)] == [0, 3]
    assert [isinstance(item, Rejected) for item in found] == [False, True, True, False]


def test_a_row_that_never_ends_is_refused_and_the_next_one_read() -> None:
    long = '"' + ("x" * 60_000 + "\n") * 30 + '",1\n'
    opened = open_csv(BytesIO(f"a,b\n{long}2,3\n".encode()), SourceOptions())
    refused, row = opened.rows
    assert isinstance(refused, Rejected)
    assert "longer than" in refused.reason
    assert isinstance(row, CsvRow)
    assert row.line == 33


def test_a_header_is_needed() -> None:
    with pytest.raises(UnusableFile, match="empty input"):
        open_csv(BytesIO(b"\n\n"), SourceOptions())


def test_an_item_with_a_foreign_byte_is_refused_alone() -> None:
    file = BytesIO(b'[{"a": "\xe9"}, {"b": 1}]')
    refused, item = json_rows.json_items(file, SourceOptions())
    assert isinstance(refused, Rejected)
    assert "--encoding" in refused.reason
    assert isinstance(item, json_rows.JsonItem)


def test_a_long_text_between_two_items_is_one_fault() -> None:
    found = list(pieces([b'[{"a": 1}, ', b"7, " * 5_000, b'{"b": 1}]']))
    assert [bool(piece.fault) for piece in found] == [False, True, False]


def test_day_sums_beyond_the_buffer_come_back_whole_and_in_order() -> None:
    slices = Slices()
    sums = [
        event(event_id=str(n), ts=n % 5 * DAY_US, account=f"a{n % 2}", tags=("x",))
        for n in range(2_500)
    ]
    for one in sums:
        slices.add(one)
    groups = list(slices.whole(300))
    slices.close()
    assert sorted((one for group in groups for one in group), key=lambda e: int(e.event_id)) == sums
    places = [{(one.account, one.ts) for one in group} for group in groups]
    assert sum(map(len, places)) == len(set().union(*places)) == 10


def test_identical_rows_are_counted_apart() -> None:
    ordinals = Ordinals()
    assert [ordinals.of(key) for key in (b"a", b"b", b"a", b"a")] == [0, 0, 1, 2]
    ordinals.close()


def test_limits_are_those_the_docs_name() -> None:
    assert (lines.MAX_LINE, json_rows.MAX_DEPTH) == (1 << 20, 64)
    assert ";" in csv_rows.DELIMITERS
