"""Shortened text fits, names that differ stay different, and no letter is torn apart."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charts.lettering import (
    MARK,
    Style,
    cut_end,
    cut_middle,
    left_to_right,
    paragraph,
    shortened,
    width,
    wrapped,
)
from charts.letters import letters
from charts.typeface import legible

STYLE = Style(9)
WORDS = st.text(st.sampled_from("abWi. -@ñ王मुักी\u0301\u200d🚀"), max_size=60).map(legible)
some = settings(deadline=None, max_examples=60)


@some
@given(WORDS, st.floats(12, 200))
def test_what_is_cut_fits(text: str, room: float) -> None:
    for cut in (cut_end(text, room, STYLE), cut_middle(text, room, STYLE)):
        assert width(cut, STYLE) <= room
        assert cut == text or "…" in cut


@some
@given(st.lists(WORDS, max_size=8), st.floats(60, 120))
def test_names_that_differ_stay_different_and_fit(names: list[str], room: float) -> None:
    short = shortened(names, room, STYLE)
    assert len(set(short)) == len(set(names))
    assert all(width(name, STYLE) <= room for name in short)


@some
@given(WORDS, st.floats(60, 200))
def test_a_sentence_has_at_most_two_lines_that_fit(text: str, room: float) -> None:
    lines = wrapped(text, room, STYLE, balance=True)
    assert len(lines) <= 2
    assert all(width(line, STYLE) <= room for line in lines)


def test_two_lines_of_a_title_are_alike_long() -> None:
    text = "Five models use 3.9M credits, and this headline is far too long for a single line"
    first, second = wrapped(text, 332, Style(13.5, 600), balance=True)
    assert f"{first} {second}" == text
    assert len(second) > len(first) * 0.7


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("e\u0301a", ["e\u0301", "a"]),
        ("👩\u200d🚀!", ["👩\u200d🚀", "!"]),
        ("🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"]),
        ("👍🏽", ["👍🏽"]),
        ("प्रिया", ["प्रि", "या"]),
    ],
)
def test_letters_are_whole(text: str, pieces: list[str]) -> None:
    assert letters(text) == pieces


def test_long_names_keep_their_end() -> None:
    assert cut_middle("very.long.name@company.com", 90, STYLE).endswith("any.com")


def test_names_that_share_both_ends_show_what_is_their_own() -> None:
    names = [f"Model with a very long name v{i} preview 2026-03" for i in (1, 2)]
    assert shortened(names, 90, STYLE) == ["Model with a v…v1…", "Model with a v…v2…"]


def test_a_line_of_ours_runs_from_the_left_though_it_begins_with_a_name_from_the_right() -> None:
    name = "قسم البحث"
    assert left_to_right(f"{name}: 90% used") == f"{MARK}{name}{MARK}: 90% used"
    assert left_to_right("90% used") == "90% used"
    lines = wrapped(f"{name}: 90% used with 80% of the month gone", 90, STYLE)
    assert all(line.startswith(MARK) == (name[:3] in line) for line in lines)
    assert width(left_to_right(name), STYLE) == width(name, STYLE)


def test_names_without_anything_of_their_own_in_sight_are_numbered() -> None:
    names = ["W" * 40, "W" * 41, "other"]
    assert shortened(names, 60, STYLE)[:2] == ["WWW…W (1)", "WWW…W (2)"]


def test_one_name_twice_is_written_twice_the_same() -> None:
    assert shortened(["Sarah", "Sarah"], 90, STYLE) == ["Sarah", "Sarah"]


@pytest.mark.parametrize("room", range(40, 300, 10))
def test_a_number_and_its_seconds_are_never_parted(room: int) -> None:
    lines = paragraph("Typical wait from 0.9 s to 85 ms on 3 sunny days", room, STYLE)
    assert not any(line.startswith(("s ", "ms ")) for line in lines)
