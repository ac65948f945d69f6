"""A Discord message is one container with the frame of every answer, and rows of buttons."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analytics.report import (
    Column,
    Note,
    Report,
    Table,
)
from bot.render import discord
from tests.surfaces.reports import (
    BY_MODEL,
    EMPTY,
    MISTAKE,
    MODEL_TABLE,
    NOW,
    TIMELINE_ALONE,
    answer,
    values_of,
)

TABLE = """\
```
Model               Credits  Share
ChatGPT               5,140    49%
 GPT-4o               4,900    47%
 GPT-3.5 Turbo          240     2%
Other                 5,251    51%
 Claude 3.7 Sonnet    2,750    27%
 5 others             2,501    24%
Total                10,391   100%
```"""


def components(report: Report, *, image: bool = False) -> list[dict[str, object]]:
    inner = discord.message(report, image=image, values={})[0]["components"]
    assert isinstance(inner, list)
    return inner


def shown(report: Report) -> str:
    return "\n".join(str(part.get("content", "")) for part in components(report))


def test_an_answer_stands_in_its_frame() -> None:
    message = discord.message(BY_MODEL, image=True, values=values_of(BY_MODEL))
    assert [part["type"] for part in message] == [17, 1]
    assert [part["type"] for part in components(BY_MODEL, image=True)] == [10, 12, 10, 10, 14, 10]


def test_the_headline_and_the_delta_come_first() -> None:
    assert components(BY_MODEL)[0]["content"] == (
        f"### {BY_MODEL.headline}\n▲ 8% on the previous 30 days (9,620)"
    )


def test_the_chart_is_the_attached_file_with_its_alt_text() -> None:
    assert components(BY_MODEL, image=True)[1]["items"] == [
        {
            "media": {"url": "attachment://chart.png"},
            "description": "Bar chart. GPT-4o takes 47% of 10,390 credits.",
        }
    ]


def test_a_table_fits_a_phone_and_counts_the_columns_left_out() -> None:
    text = shown(BY_MODEL)
    assert TABLE in text
    assert "-# 3 more columns: press Export CSV." in text


def test_a_table_of_words_is_a_list() -> None:
    columns = (Column("command", "Command"), Column("what", "What"))
    table = Table(columns, (("by-user", "Credits by *person*, `help by-user`"),))
    assert r"**by-user** · Credits by \*person\*, `help by-user`" in shown(answer(table))


def test_text_bars_stand_in_for_a_chart_that_no_table_explains() -> None:
    assert "Week 3:  no data" in shown(TIMELINE_ALONE)
    assert not any("no data" in str(part) for part in components(TIMELINE_ALONE, image=True))


def test_small_print_says_what_was_covered_and_how_fresh_it_is() -> None:
    covered = shown(replace(BY_MODEL, narrowed="model: *x*"))
    assert r"-# 1–30 Mar 2026, so far · Europe/Berlin · model: \*x\* · data to <t:" in covered
    assert f"<t:{int(NOW.timestamp())}:R> · `by-model last 30d`\n-# All people" in covered


def test_a_mistake_is_marked_as_one_and_helps() -> None:
    container = discord.message(MISTAKE, image=False, values={})[0]
    assert container["accent_color"] == discord.WARNING
    assert "Did you mean `by-user`?" in shown(MISTAKE)


def test_an_empty_table_says_so() -> None:
    assert "No rows." in shown(EMPTY)


def test_two_buttons_never_share_an_id() -> None:
    same = dict.fromkeys(values_of(BY_MODEL), "ask:x")
    row = discord.message(BY_MODEL, image=False, values=same)[1]["components"]
    assert row == [{"type": 2, "style": 2, "label": "7d", "custom_id": "ask:x"}]


def test_a_long_table_stops_before_it_hides_the_buttons() -> None:
    columns = (Column("person", "Person"), Column("credits", "Credits", "credits"))
    table = Table(columns, tuple((f"p{i}", 1) for i in range(40)), ("Total", 40))
    assert "-# 16 more rows: type `by-model last 30d` with a filter." in shown(answer(table))


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("gpt-4o at 14:05", "gpt-4o at 14:05"),
        ("<@&1> </pay:1>", "\\<@\u200b&1\\> \\</pay\\:1\\>"),
        ("@everyone", "@\u200beveryone"),
        ("[pay](http://x.io)", "\\[pay\\](http\\://x.io)"),
        ("discord.gg/x", "discord\\.gg/x"),
        ("# - 1. ", "\\# - 1. "),
        ("1. list", "1\\. list"),
        (":smile: ||x||", "\\:smile: \\|\\|x\\|\\|"),
    ],
)
def test_markdown_of_others_is_escaped(typed: str, written: str) -> None:
    assert discord.escape(typed) == written


def test_the_table_of_others_cannot_end_its_code_block() -> None:
    table = replace(MODEL_TABLE, rows=(("```<@1>", 1, 1, 1, 1, 0.0),), groups=(), others=None)
    assert "'''<@1>" in shown(answer(table))
    assert "`<@1>`" in shown(answer(Note("`<@1>`", "hint")))


def test_what_is_past_is_struck_through() -> None:
    past = replace(BY_MODEL, headline="90% of ~~March~~ used", is_past=True)
    assert "### ~~90% of \\~\\~March\\~\\~ used~~" in shown(past)
