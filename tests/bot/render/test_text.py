"""The terminal shows trees, bars and aligned tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from analytics.report import (
    Actions,
    Button,
    Column,
    Fact,
    Facts,
    Group,
    Note,
    Table,
)
from bot.render import text
from bot.render.widths import display_width
from tests.surfaces.reports import (
    BY_MODEL,
    EMPTY,
    MARCH,
    MISTAKE,
    MODEL_FIGURE,
    MODEL_TABLE,
    MODEL_TREE,
    TIMELINE,
    answer,
)

TREE = """\
Model Usage (Last 30 Days)
├── ChatGPT Models
│ ├── GPT-4o (2x): 2,450 prompts (4,900 credits used)
│ └── GPT-3.5 Turbo (0.3x): 800 prompts (240 credits used)
├── Other Models: Llama 3.3 70B (1x), DeepSeek V3 (1x), All Others
└── Total Credits Used: 10,390"""

SUMMED = ("One", "Two", "a", "b", "c", "d", "Total")
BARS = """\
Week 1:  ████████████████ 2,850 credits
Week 2:  █████████████████ 3,100 credits
Week 3:  no data
Week 10: █ 0.4 credits (partial)"""

TABLE = """\
Model                Multiplier  Prompts  Credits  Share  Change
ChatGPT                            3,250    5,140    49%
  GPT-4o                     2x    2,450    4,900    47%    ▲ 6%
  GPT-3.5 Turbo            0.3x      800      240     2%   ▼ 11%
Other                              3,750    5,251    51%
  Claude 3.7 Sonnet        2.5x    1,100    2,750    27%     new
  5 others                    –    2,650    2,501    24%       –
────────────────────────────────────────────────────────────────
Total                              7,000   10,391   100%    ▲ 8%"""


def test_a_tree_is_drawn_with_branches() -> None:
    assert TREE in text.render(answer(MODEL_TREE))


def test_buckets_are_bars_and_unknown_ones_say_so() -> None:
    assert BARS in text.render(answer(TIMELINE))


def test_a_table_is_aligned_under_headings_with_its_total_under_a_rule() -> None:
    assert TABLE in text.render(answer(MODEL_TABLE))


def test_the_tree_stands_before_the_table_and_replaces_the_chart() -> None:
    shown = text.render(BY_MODEL)
    assert shown.index("└── Total") < shown.index("Multiplier")
    assert MODEL_FIGURE.alt not in shown
    assert MODEL_FIGURE.alt in text.render(answer(MODEL_FIGURE))


def test_facts_stand_side_by_side_as_far_as_the_width_goes() -> None:
    facts = Facts(
        (
            Fact("peak_day", "Peak Day", "March 15", note="485 credits"),
            Fact("spent", "Spent", 12_400_000_000, "cost", currency="USD"),
        )
    )
    assert "Peak Day: March 15 (485 credits) · Spent: $12.40" in text.render(answer(facts))
    assert "(485 credits)\nSpent: $12.40" in text.render(answer(facts), width=40)


def test_the_frame_says_what_was_covered_and_what_to_type_next() -> None:
    report = replace(BY_MODEL, narrowed="model: GPT-4o")
    shown = text.render(report)
    covered = "1–30 Mar 2026, so far · Europe/Berlin · model: GPT-4o · data to 30 Mar 14:10"
    assert shown.startswith(f"{BY_MODEL.headline}\n▲ 8% on the previous 30 days (9,620)\n\n")
    assert f"All people\n{covered}\n" in shown
    assert shown.endswith("Ask next: by-model last 7d")
    assert text.render(report, pressable=True).endswith(
        "[1] 7d  by-model last 7d\n[2] Export CSV  [3] Share"
    )


def test_the_one_thing_to_do_is_told_once() -> None:
    do = Actions((Button("Save", "tasks rule save a -> b", "do"),))
    told = Note("Press the button, or type `tasks rule save a -> b`.", "hint")
    assert text.render(answer(do)).endswith("Save: tasks rule save a -> b")
    assert text.render(answer(told, do)).count("rule save") == 1


def test_old_data_is_shown_with_its_year() -> None:
    old = replace(EMPTY, data_to=MARCH.start - timedelta(days=365, hours=-9))
    assert "data to 1 Mar 2025 09:00" in text.render(old)


def test_an_empty_table_says_so() -> None:
    assert "No rows." in text.render(EMPTY)


def test_a_mistake_is_two_sentences() -> None:
    assert text.render(MISTAKE).splitlines() == [
        "I don't know the command 'by-usr'.",
        "",
        "Did you mean `by-user`? `help` lists every command.",
    ]


@pytest.mark.parametrize("width", [30, 60, 100])
def test_names_of_any_script_keep_columns_aligned_and_apart(width: int) -> None:
    names = (
        "日本語のモデル-turbo-2026-01",
        "日本語のモデル-turbo-2026-02",
        "e\u0301" * 40,
        "x" * 90,
    )
    columns = (Column("model", "Model"), Column("credits", "Credits", "credits"))
    table = Table(columns, tuple((name, 5_000_000) for name in names), ("Total", 20_000_000))
    lines = text.render(answer(table), width=width).split("\n\n")[1].splitlines()
    assert {display_width(line) for line in lines} == {display_width(lines[0])}
    assert len(set(lines)) == len(lines)


def test_hours_are_shown_when_any_row_has_one() -> None:
    columns = (Column("start", "From", "moment"), Column("credits", "Credits", "credits"))
    days = ((MARCH.start, 1), (MARCH.start + timedelta(days=1), 2))
    hours = ((MARCH.start, 1), (MARCH.start + timedelta(hours=1), 2))
    assert "1 Mar 2026  " in text.render(answer(Table(columns, days)))
    assert "1 Mar 2026 00:00  " in text.render(answer(Table(columns, hours)))


def test_a_column_that_repeats_the_headings_is_left_out() -> None:
    columns = (Column("family", "Family"), *MODEL_TABLE.columns)
    families = ("ChatGPT", "ChatGPT", "Other", "")
    grouped = replace(
        MODEL_TABLE,
        columns=columns,
        rows=tuple((f, *row) for f, row in zip(families, MODEL_TABLE.rows, strict=True)),
        groups=tuple(replace(g, subtotal=("", *g.subtotal)) for g in MODEL_TABLE.groups),
        total=("", *(MODEL_TABLE.total or ())),
    )
    assert text.render(answer(grouped)) == text.render(answer(MODEL_TABLE))


def test_rows_and_groups_add_up_as_they_are_written() -> None:
    rows = tuple((name, 10_600_000, None) for name in "abcd")
    groups = tuple(Group(name, 2, (name, 21_200_000, None)) for name in ("One", "Two"))
    columns = (Column("name", "Name"), Column("credits", "Credits", "credits"))
    table = Table(
        (*columns, Column("each", "Each", "credits")), rows, ("", 42_400_000, None), groups
    )
    lines = text.render(replace(BY_MODEL, blocks=(table,))).splitlines()
    shown = [line.split()[1] for line in lines if line.split()[:1] and line.split()[0] in SUMMED]
    assert shown == ["21", "11", "10", "21", "11", "10", "42"]


def test_a_column_that_is_no_sum_is_rounded_row_by_row() -> None:
    columns = (Column("model", "Model"), Column("each", "Per prompt", "credits"))
    table = Table(columns, (("a", 10_600_000), ("b", 10_600_000)), ("", 10_600_000))
    lines = text.render(replace(BY_MODEL, blocks=(table,))).splitlines()
    assert [line.split()[1] for line in lines if line[:2] in ("a ", "b ", "To")] == ["11"] * 3
