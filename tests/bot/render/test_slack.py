"""A Slack message has the frame of every answer, with a native table and a plainer way down."""

from __future__ import annotations

from dataclasses import replace

from analytics.report import (
    Actions,
    Button,
    Column,
    Fact,
    Facts,
    Note,
    Report,
    Table,
)
from bot.render import slack
from bot.render.slack_body import text_size
from tests.surfaces.reports import (
    BUTTONS,
    BY_MODEL,
    EMPTY,
    MISTAKE,
    MODEL_TABLE,
    TIMELINE_ALONE,
    answer,
    values_of,
)


def kinds(message: slack.SlackMessage) -> list[object]:
    return [block["type"] for block in message.blocks]


def shown(report: Report) -> str:
    return str(slack.message(report, image=None, values=values_of(report)).blocks)


def test_an_answer_stands_in_its_frame() -> None:
    message = slack.message(BY_MODEL, image="F1", values=values_of(BY_MODEL))
    assert message.text == f"{BY_MODEL.headline}\n▲ 8% on the previous 30 days (9,620)"
    assert kinds(message) == [
        "header", "section", "image", "data_table", "section", "section", "context", "actions",
    ]  # fmt: skip


def test_the_chart_is_the_uploaded_file_with_its_alt_text() -> None:
    image = slack.message(BY_MODEL, image="F1", values={}).blocks[2]
    assert image["slack_file"] == {"id": "F1"}
    assert image["alt_text"] == "Bar chart. GPT-4o takes 47% of 10,390 credits."


def test_cells_of_the_native_table_sort_as_numbers() -> None:
    table = slack.message(answer(MODEL_TABLE), image=None, values={}).blocks[1]
    rows = table["rows"]
    assert isinstance(rows, list)
    assert rows[2][1] == {"type": "raw_number", "value": 2, "text": "2x"}
    assert rows[3][5] == {"type": "raw_number", "value": -0.11, "text": "▼ 11%"}
    assert rows[5][5] == {"type": "raw_text", "text": "new"}
    assert rows[1][0] == {"type": "raw_text", "text": "■ ChatGPT"}
    assert rows[-1][1] == {"type": "raw_text", "text": " "}


def test_only_the_first_table_is_native() -> None:
    message = slack.message(answer(MODEL_TABLE, MODEL_TABLE), image=None, values={})
    assert kinds(message) == ["header", "data_table", "section", "context"]


def test_the_fallback_has_neither_chart_nor_native_table() -> None:
    message = slack.fallback(BY_MODEL, values_of(BY_MODEL))
    assert set(kinds(message)) == {"header", "section", "context", "actions"}
    assert "```\\nModel                Multiplier" in str(message.blocks)


def test_the_last_resort_is_text_alone() -> None:
    text = slack.plain(BY_MODEL)
    assert text.startswith(BY_MODEL.headline)
    assert "Total                              7,000" in text
    assert "`by-user`" in text


def test_the_last_resort_has_room_for_what_keeps_addresses_apart() -> None:
    facts = Facts(tuple(Fact("key", "a.a" * 20, "a." * 90) for _ in range(40)))
    assert len(slack.plain(answer(facts))) <= 4000


def test_text_bars_stand_in_for_a_chart_that_no_table_explains() -> None:
    with_bars = slack.message(TIMELINE_ALONE, image=None, values={})
    with_picture = slack.message(TIMELINE_ALONE, image="F1", values={})
    assert "Week 3:  no data" in str(with_bars.blocks)
    assert "no data" not in str(with_picture.blocks)


def test_a_mistake_is_a_section_and_its_help() -> None:
    message = slack.message(MISTAKE, image=None, values={})
    assert kinds(message) == ["section", "context"]
    assert "Did you mean `by-user`?" in str(message.blocks[1])


def test_an_empty_table_says_so() -> None:
    assert "No rows." in shown(EMPTY)


def test_a_button_carries_its_value_and_a_stable_id() -> None:
    blocks = slack.message(BY_MODEL, image=None, values=values_of(BY_MODEL)).blocks
    elements = blocks[-1]["elements"]
    assert isinstance(elements, list)
    assert [(e["action_id"], e["value"]) for e in elements] == [
        ("ask:0", "ask:by-model last 7d"),
        ("csv:1", "csv:by-model last 30d"),
        ("share:2", "share:by-model last 30d"),
    ]


def test_a_button_without_a_value_is_not_shown() -> None:
    blocks = slack.message(BY_MODEL, image=None, values={BUTTONS[0]: "ask:x"}).blocks
    assert str(blocks).count("'type': 'button'") == 1


def test_more_buttons_than_fit_are_counted() -> None:
    many = tuple(Button(str(i), f"by-model {i}") for i in range(30))
    assert "5 more buttons." in shown(answer(Actions(many)))


def test_more_columns_than_fit_are_counted() -> None:
    columns = tuple(Column(f"c{i}", f"C{i}", "count") for i in range(23))
    assert "3 more columns." in shown(answer(Table(columns, ((1,) * 23,))))


def test_a_native_table_of_many_long_texts_keeps_its_total() -> None:
    columns = tuple(Column(f"c{i}", "title " * 30) for i in range(20))
    row = ("name & " * 40,) * 20
    table = Table(columns, (row,) * 9, ("total " * 40,) * 20, others=8)
    block = slack.message(answer(table), image=None, values={}).blocks[1]
    rows = block["rows"]
    assert isinstance(rows, list)
    assert str(rows[-1]).count("total") >= 20
    assert text_size(rows) <= 10_000


def test_what_a_person_typed_is_shown_but_dead() -> None:
    typed = answer(Note("<!channel> & `<@U1>` `", "hint"), headline="<https://evil.example|pay>")
    text = shown(typed)
    assert "&lt;!channel&gt; &amp; `&lt;@U1&gt;` '" in text
    assert "&lt;https://evil.example|pay&gt;" in text


def test_what_is_past_is_struck_through_and_no_tilde_ends_the_stroke() -> None:
    past = replace(BY_MODEL, headline="90% of ~March~ used", is_past=True)
    message = slack.message(past, image=None, values={})
    assert message.blocks[0]["text"] == {
        "type": "mrkdwn",
        "text": "~90% of ∼March∼ used~",
        "verbatim": True,
    }
    assert message.text.startswith("90% of ~March~ used")
