"""Where there is little room columns go, not the letters of names."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from analytics.report import Column, Table
from bot.render import discord, text
from bot.render.widths import display_width, window_width
from tests.surfaces.reports import answer

ADVICE = Table(
    (
        Column("task", "Task"),
        Column("model", "From"),
        Column("to_model", "To"),
        Column("saving", "Up to, a month", "credits"),
        Column("level", "Level"),
        Column("success_change", "Against"),
        Column("p50_before_ms", "p50 before", "duration"),
    ),
    (
        ("Data analysis", "Claude Opus 4.8", "GPT-5.4", 924 * 10**6, "worth a trial", "+0.7", 5700),
        ("Coding", "GPT-5.4", "GPT-5.4 mini", 553 * 10**6, "worth a trial", "−0.5", 3300),
    ),
)
FLAT = Table(
    (Column("family", "Family"), Column("model", "Model"), Column("credits", "Credits", "credits")),
    (("Claude", "Claude Opus 4.8", 2), ("Claude", "Claude Sonnet 5", 1), ("", "3 others", 1)),
    total=("", "Total", 4),
    others=2,
)


@pytest.mark.parametrize("width", [34, 60, 80, 100])
def test_a_narrow_table_has_whole_words(width: int) -> None:
    lines = text.render(answer(ADVICE), width=width).split("\n\n")[1].splitlines()
    assert "Data analysis" in lines[1]
    assert "…" not in "".join(lines)
    assert max(map(display_width, lines[:-1])) <= width


def test_what_a_narrow_table_leaves_out_is_counted() -> None:
    assert "3 more columns in a wider window" in text.render(answer(ADVICE), width=60)
    assert "more column" not in text.render(answer(ADVICE), width=100)


def test_sentences_without_room_are_a_line_for_each_row() -> None:
    words = Table(
        tuple(Column(str(i), f"C{i}") for i in range(4)), (("some words here " * 2,) * 4,)
    )
    assert " · ".join(["some words here some words here"] * 4) in text.render(
        answer(words), width=60
    )


def test_models_of_one_family_are_told_apart_on_a_phone() -> None:
    shown = str(discord.message(answer(FLAT), image=False, values={}))
    assert "Claude Opus 4.8" in shown


def test_a_total_has_its_word_once() -> None:
    assert text.render(answer(FLAT)).count("Total") == 1


def test_a_pipe_gets_a_hundred_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert window_width(Console(file=StringIO())) == 100
    monkeypatch.setenv("COLUMNS", "60")
    assert window_width(Console(file=StringIO())) == 60
