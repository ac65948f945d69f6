"""The CSV holds every row with every digit, and nothing a spreadsheet would run."""

from __future__ import annotations

import csv as reader
import io
import subprocess
import sys

import pytest

from analytics.report import (
    Column,
    Table,
)
from bot.render import csv
from tests.surfaces.reports import BY_MODEL, MARCH, MISTAKE, MODEL_TABLE, TIMELINE, answer


def test_a_table_is_its_keys_and_rows_without_total() -> None:
    assert csv.render(BY_MODEL).decode("utf-8-sig").split("\r\n") == [
        "model,multiplier,prompts,credits,share,change",
        "GPT-4o,2,2450,4900,47,0.06",
        "GPT-3.5 Turbo,0.3,800,240,2,-0.11",
        "Claude 3.7 Sonnet,2.5,1100,2750,27,new",
        "5 others,,2650,2500.500001,24,",
        "",
    ]


def test_the_file_starts_with_a_byte_order_mark() -> None:
    assert csv.render(BY_MODEL).startswith(b"\xef\xbb\xbfmodel,")


def test_two_tables_are_parted_by_a_blank_line() -> None:
    days = Table((Column("start", "From", "moment"),), ((MARCH.start,),))
    lines = csv.render(answer(MODEL_TABLE, TIMELINE, days)).decode().split("\r\n")
    assert lines[5:] == ["", "start", "2026-03-01T00:00:00+01:00", ""]


def test_an_answer_without_table_is_an_empty_file() -> None:
    assert csv.render(MISTAKE) == b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    "typed",
    ["=1+1", "+1", "-1", "@SUM(A1)", "|calc", "%0a", "＝1+1", " =1", "\t=1", "\u200b=1"],
)
def test_a_text_that_would_be_a_formula_gets_an_apostrophe(typed: str) -> None:
    table = Table((Column("person", "Person"), Column("change", "", "change")), ((typed, -0.5),))
    row = csv.render(answer(table)).decode().split("\r\n")[1]
    assert row.startswith("'")
    assert row.endswith(",-0.5")


def test_quotes_commas_and_line_breaks_come_back() -> None:
    table = Table((Column("person", "Person"),), (('a "b", c\r\nd',),))
    text = csv.render(answer(table)).decode("utf-8-sig")
    assert list(reader.reader(io.StringIO(text))) == [["person"], ['a "b", c d']]


def test_credits_beyond_a_float_keep_every_digit() -> None:
    columns = (Column("credits", "Credits", "credits"),)
    table = Table(columns, ((9_007_199_254_740_993_000_001,), (1,), (None,)))
    got = csv.render(answer(table)).decode().split("\r\n")
    assert got[1:4] == ["9007199254740993.000001", "0.000001", '""']


def test_pandas_is_loaded_only_by_an_export() -> None:
    program = "import sys, bot.render.csv; sys.exit('pandas' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603  # our own words
