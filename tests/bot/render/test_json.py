"""The JSON of a report is a contract: exact numbers, stable keys, times with offset."""

from __future__ import annotations

import json as reader
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from analytics.report import (
    Cell,
    Column,
    Fact,
    Facts,
    Row,
    Table,
    Unit,
)
from bot.render import json
from tests.surfaces.reports import (
    BY_MODEL,
    MARCH,
    MISTAKE,
    PERSON_FIGURE,
    TIMELINE,
    answer,
    summed_tables,
)


def read(written: str) -> dict[str, Any]:
    """The report as a program reads it that keeps every digit."""
    loaded: dict[str, Any] = reader.loads(written, parse_float=Decimal)
    return loaded


def test_a_report_says_what_was_asked_and_when() -> None:
    got = read(json.render(BY_MODEL))
    assert list(got) == ["line", "title", "headline", "period", "as_of", "blocks"]
    assert got["line"] == "by-model last 30d"
    assert got["as_of"] == "2026-03-30T14:10:00+02:00"
    assert got["period"] == {
        "start": "2026-03-01T00:00:00+01:00",
        "end": "2026-03-31T00:00:00+02:00",
        "zone": "Europe/Berlin",
        "label": "last 30d",
        "partial": True,
    }


def test_a_table_has_columns_rows_total_groups_and_others() -> None:
    table = next(b for b in read(json.render(BY_MODEL))["blocks"] if b["type"] == "table")
    assert table["columns"][3] == {"key": "credits", "title": "Credits", "unit": "credits"}
    assert table["rows"][1] == ["GPT-3.5 Turbo", Decimal("0.3"), 800, 240, 2, Decimal("-0.11")]
    assert table["total"] == ["Total", None, 7000, Decimal("10390.500001"), 100, Decimal("0.08")]
    assert [(group["name"], group["size"]) for group in table["groups"]] == [
        ("ChatGPT", 2),
        ("Other", 2),
    ]
    assert table["others"] == 3


@pytest.mark.parametrize(
    ("unit", "cell", "written"),
    [
        ("credits", 4_900_000_000, "4900"),
        ("credits", 9_007_199_254_740_993_000_001, "9007199254740993.000001"),
        ("credits", 1, "0.000001"),
        ("cost", 12_400_000_001, "12.400000001"),
        ("multiplier", 300_000, "0.3"),
        ("share", 47, "47"),
        ("duration", 840, "840"),
        ("change", 1.08 - 1, "0.08"),
        ("change", "new", '"new"'),
        ("change", None, "null"),
        ("moment", MARCH.start, '"2026-03-01T00:00:00+01:00"'),
        ("text", "日本 \u202e`x`", '"日本 `x`"'),
    ],
)
def test_a_value_is_written_with_exactly_its_digits(unit: Unit, cell: Cell, written: str) -> None:
    table = Table((Column("key", "Title", unit),), ((cell,),))
    assert f'"rows": [[{written}]]' in json.render(answer(table))


@given(summed_tables())
def test_credits_of_the_rows_add_up_to_the_total(table: Table) -> None:
    got = read(json.render(answer(table)))["blocks"][0]
    assert sum(Decimal(row[1]) for row in got["rows"]) == got["total"][1]


def test_every_kind_of_figure_carries_its_values() -> None:
    blocks = read(json.render(answer(TIMELINE, PERSON_FIGURE, *BY_MODEL.blocks)))["blocks"]
    figures = {block["kind"]: block for block in blocks if block["type"] == "figure"}
    assert figures["timeline"]["bars"][2]["credits"] is None
    assert figures["timeline"]["bars"][3]["partial"] is True
    assert figures["by_person"]["people"][0]["credits_per_prompt"] == Decimal("1.7")
    assert figures["by_model"]["families"][0]["models"][0]["multiplier"] == 2


def test_facts_trees_notes_and_buttons_are_typed() -> None:
    blocks = {block["type"]: block for block in read(json.render(BY_MODEL))["blocks"]}
    assert blocks["facts"]["facts"][1]["value"] == Decimal("12.4")
    assert blocks["facts"]["facts"][1]["currency"] == "USD"
    assert len(blocks["tree"]["nodes"][0]["children"]) == 2
    assert blocks["note"] == {"type": "note", "role": "hint", "text": "See `by-user` for who"}
    assert blocks["actions"]["buttons"][1]["verb"] == "csv"


def test_a_mistake_has_no_line_and_no_period() -> None:
    got = read(json.render(MISTAKE))
    assert (got["line"], got["period"], got["as_of"]) == ("", None, None)


def test_the_order_of_keys_does_not_change() -> None:
    fact = Facts((Fact("a", "A", 1, "count"),))
    assert json.render(answer(fact)) == json.render(answer(fact))
    row: Row = ("x", 1)
    columns = (Column("b", "B"), Column("a", "A", "count"))
    written = json.render(answer(Table(columns, (row,))))
    assert written.index('"columns"') < written.index('"rows"') < written.index('"total"')
