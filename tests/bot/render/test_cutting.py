"""What is cut keeps its limit after escaping, and different names stay different."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.report import Column, Table
from bot.render import discord, slack_body
from bot.render.grid import Kind, Line, drawn, grid, keep, rows_cut
from bot.render.limits import clip
from bot.render.widths import broken, display_width, shorten, shorten_all
from tests.surfaces.reports import TEXTS

ESCAPES = (str, slack_body.entities, slack_body.marked, discord.escape, discord.marked)


@given(TEXTS, st.integers(1, 300), st.sampled_from(ESCAPES))
def test_a_cut_text_keeps_its_limit(text: str, limit: int, escape: Callable[[str], str]) -> None:
    cut = clip(text, limit, escape)
    assert len(cut.encode("utf-16-le", "surrogatepass")) <= 2 * limit
    assert cut == escape(text) or cut.endswith("…")


def test_a_cut_tears_no_escape_apart() -> None:
    assert clip("a&&&", 10, slack_body.entities) == "a&amp;…"
    assert clip("😀😀😀", 5) == "😀😀…"


@given(st.lists(st.text(min_size=1), unique=True, max_size=30), st.integers(10, 20))
def test_names_cut_to_a_width_stay_apart(names: list[str], width: int) -> None:
    short = shorten_all([f"{'a' * 20}{name}{'b' * 20}" for name in names], width)
    assert len(set(short)) == len(short)
    assert all(display_width(text) <= width for text in short)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("claude-3-7-sonnet-20250219", "claude-3…0250219"),
        ("日本語の長い名前のモデル", "日本語の…モデル"),
        ("e\u0301" * 20, "e\u0301" * 8 + "…" + "e\u0301" * 7),
        ("short", "short"),
    ],
)
def test_a_name_is_cut_in_the_middle(name: str, shown: str) -> None:
    assert shorten(name, 16) == shown


@given(TEXTS, st.integers(2, 40))
def test_a_text_that_goes_on_below_loses_nothing(text: str, width: int) -> None:
    lines = broken(text, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(display_width(line) <= width for line in lines)


def test_a_whole_column_is_never_cut() -> None:
    when = 'cron "30 8 * * mon-fri" America/Argentina/Buenos_Aires, quiet 22:00-07:00'
    columns = (Column("line", "Line"), Column("schedule", "When", whole=True))
    _, rows = drawn(grid(Table(columns, (("mine", when),))), width=40)
    lines = rows[0].splitlines()
    assert all(display_width(line) <= 40 for line in lines)
    assert "".join(line[6:] for line in lines).replace(" ", "") == when.replace(" ", "")


def test_a_heading_goes_with_its_last_row_and_totals_stay() -> None:
    kinds: tuple[Kind, ...] = ("group", "row", "row", "group", "row", "others", "total")
    lines = [Line(kind, (), ()) for kind in kinds]
    sizes = [10] * len(lines)
    assert keep(lines, sizes, room=60, most=99) == [0, 1, 2, 5, 6]
    assert keep(lines, sizes, room=20, most=99) == [5, 6]
    assert keep(lines, sizes, room=99, most=4) == [0, 1, 5, 6]
    assert rows_cut(lines, [0, 1, 5, 6]) == 2
