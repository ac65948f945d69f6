"""Any report fits every surface; nothing typed by a person comes alive there.

What is left out is named.  This file is one of those that matter most: a fault here is found by
the platform, in front of people.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.report import (
    Actions,
    Column,
    Report,
    Table,
)
from bot.render import csv, discord, json, slack, text
from tests.surfaces.reports import (
    BUTTONS,
    SAMPLES,
    TEXTS,
    answer,
    reports,
    values_of,
)

Messages = Iterator[slack.SlackMessage]
FENCED = re.compile(r"```\n(.*?)\n```", re.DOTALL)


def slack_messages(report: Report) -> Messages:
    yield slack.message(report, image="F1", values=values_of(report))
    yield slack.message(report, image=None, values=values_of(report))
    yield slack.fallback(report, values_of(report))


def size(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def strings(payload: object, *keys: str) -> list[str]:
    """Every string of a payload under one of the keys, at any depth."""
    if isinstance(payload, list):
        return [text for part in payload for text in strings(part, *keys)]
    if not isinstance(payload, dict):
        return []
    own = [value for key, value in payload.items() if key in keys and isinstance(value, str)]
    return own + [text for value in payload.values() for text in strings(value, *keys)]


def objects(payload: object, kind: str | int) -> list[dict[str, object]]:
    """Every object of a type in a payload, at any depth."""
    if isinstance(payload, list):
        return [found for part in payload for found in objects(part, kind)]
    if not isinstance(payload, dict):
        return []
    own = [payload] if payload.get("type") == kind else []
    return own + [found for value in payload.values() for found in objects(value, kind)]


# ---- Slack


@settings(max_examples=60)
@given(reports())
def test_any_report_fits_a_slack_message(report: Report) -> None:
    for message in slack_messages(report):
        shown = strings(message.blocks, "text", "alt_text", "caption")
        assert 0 < size(message.text) <= 4000
        assert size(message.text) + sum(map(size, shown)) <= 12_000
        assert 0 < len(message.blocks) <= 50
        assert all(0 < size(found) <= 3000 for found in shown)
        for kind, limit in (("header", 150), ("button", 75)):
            assert all(size(t) <= limit for t in strings(objects(message.blocks, kind), "text"))
    assert 0 < size(slack.plain(report)) <= 4000


@settings(max_examples=60)
@given(reports())
def test_slack_gets_one_even_table_within_its_size(report: Report) -> None:
    for message in slack_messages(report):
        tables = objects(message.blocks, "data_table")
        assert len(tables) <= 1
        for table in tables:
            rows = table["rows"]
            assert isinstance(rows, list)
            assert 2 <= len(rows) <= 101
            assert {len(row) for row in rows} <= set(range(1, 21))
            assert len({len(row) for row in rows}) == 1
            assert 1 <= int(str(table["page_size"])) <= 100
            assert sum(map(size, strings(table, "text", "caption"))) <= 10_000


@settings(max_examples=60)
@given(reports())
def test_slack_buttons_are_few_and_told_apart(report: Report) -> None:
    for message in slack_messages(report):
        buttons = objects(message.blocks, "button")
        ids = [button["action_id"] for button in buttons]
        assert len(ids) <= 25
        assert len(ids) == len(set(ids))
        assert all(len(value) <= 2000 for value in strings(buttons, "value"))


@settings(max_examples=60)
@given(reports())
def test_nothing_typed_is_markup_in_slack(report: Report) -> None:
    for message in slack_messages(report):
        shown = [message.text, *strings(message.blocks, "text", "alt_text", "caption")]
        assert not any(set("<>") & set(found) for found in shown)
        assert not any(re.search(r"&(?!(amp|lt|gt);)", found) for found in shown)
        assert all(found["verbatim"] is True for found in objects(message.blocks, "mrkdwn"))
        assert all(found["emoji"] is False for found in objects(message.blocks, "plain_text"))


@settings(max_examples=60)
@given(reports())
def test_no_text_ends_a_code_block_of_slack(report: Report) -> None:
    marked = [part for m in slack_messages(report) for part in objects(m.blocks, "mrkdwn")]
    for found in (*strings(marked, "text"), slack.plain(report)):
        assert "`" not in "".join(FENCED.findall(found))
        rest = FENCED.sub("", found)
        assert "```" not in rest


@settings(max_examples=60)
@given(reports())
def test_slack_without_blocks_has_nothing_that_links_itself(report: Report) -> None:
    outside = re.sub(r"`[^`\n]*`", " ", FENCED.sub(" ", slack.plain(report)))
    assert not re.search(r"://|\w\.[^\W\d]|@\w", outside)


# ---- Discord


@settings(max_examples=60)
@given(reports(), st.booleans())
def test_any_report_fits_a_discord_message(report: Report, image: bool) -> None:  # noqa: FBT001  # drawn
    message = discord.message(report, image=image, values=values_of(report))
    kinds = (1, 2, 10, 12, 14, 17)
    texts = strings(objects(message, 10), "content")
    assert sum(len(objects(message, kind)) for kind in kinds) <= 40
    assert all(texts)
    assert sum(map(size, texts)) <= 4000
    assert all(0 < size(alt) <= 1024 for alt in strings(message, "description"))
    assert all(
        len(str(row["components"])) and len(objects(row, 2)) <= 5 for row in objects(message, 1)
    )


@settings(max_examples=60)
@given(reports())
def test_discord_buttons_are_few_short_and_told_apart(report: Report) -> None:
    buttons = objects(discord.message(report, image=False, values=values_of(report)), 2)
    ids = strings(buttons, "custom_id")
    assert len(ids) == len(set(ids)) == len(buttons) <= 25
    assert all(0 < size(value) <= 100 for value in ids)
    assert all(0 < size(label) <= 80 for label in strings(buttons, "label"))


def alive(markdown: str) -> str:
    """What Discord's client would read as markup: no code, no escapes, nothing of our own."""
    foreign = re.sub(r"^(### |-# )", "", FENCED.sub("", markdown), flags=re.MULTILINE)
    ours = r"(?<=data to )<t:-?\d+:R>"
    return re.sub(rf"\\[^0-9A-Za-z\s]|`[^`\n]+`|{ours}", "x", foreign)  # whichever begins first


@settings(max_examples=60)
@given(reports())
def test_nothing_typed_is_markup_in_discord(report: Report) -> None:
    message = discord.message(report, image=False, values=values_of(report))
    for content in strings(message, "content"):
        left = alive(content)
        bold = left.replace("**", "")
        assert not re.search(r"[<>`\[\]|~_*]|://|@(?!\u200b)|\.gg/", bold), bold
        assert not re.search(r"^\s*([-+#]|\d+\.)", bold, re.MULTILINE), bold
        assert left.count("**") % 2 == 0


@settings(max_examples=60)
@given(reports())
def test_no_text_ends_a_code_block_of_discord(report: Report) -> None:
    message = discord.message(report, image=False, values=values_of(report))
    for content in strings(message, "content"):
        assert "`" not in "".join(FENCED.findall(content))
        assert "```" not in FENCED.sub("", content)


@settings(max_examples=60)
@given(TEXTS)
def test_what_discord_shows_of_an_escaped_text_is_the_text(typed: str) -> None:
    line = typed.replace("\n", " ").replace("\r", " ")
    shown = re.sub(r"\\([^0-9A-Za-z\s])", r"\1", discord.escape(line)).replace("@\u200b", "@")
    assert shown == line


# ---- every surface


@settings(max_examples=60)
@given(reports())
def test_a_terminal_gets_no_control_characters(report: Report) -> None:
    kinds = {unicodedata.category(char) for char in text.render(report).replace("\u200d", "")}
    assert not (kinds - {"Cc"}) & {"Cf", "Cs"}
    assert not set(text.render(report)) & {chr(i) for i in (*range(10), *range(11, 32), 127)}


@settings(max_examples=60)
@given(reports())
def test_a_spreadsheet_gets_no_formula(report: Report) -> None:
    import csv as reader

    rows = list(reader.reader(csv.render(report).decode("utf-8-sig").splitlines()))
    for cell in (cell for row in rows for cell in row):
        start = unicodedata.normalize("NFKC", cell).lstrip()[:1]
        is_number = re.fullmatch(r"-?\d+(\.\d+)?", cell)
        assert start not in set("=+-@|%") or is_number


@settings(max_examples=60)
@given(reports())
def test_any_report_is_valid_json_without_surrogates(report: Report) -> None:
    import json as reader

    written = json.render(report)
    assert written.encode()
    assert set(reader.loads(written)) == {
        "line", "title", "headline", "period", "as_of", "blocks",
    }  # fmt: skip


@pytest.mark.parametrize("report", SAMPLES)
def test_a_usual_answer_is_cut_nowhere(report: Report) -> None:
    shown = (
        text.render(report),
        *strings(slack.message(report, image="F1", values=values_of(report)).blocks, "text"),
        *strings(slack.fallback(report, values_of(report)).blocks, "text"),
    )
    assert not any(re.search(r"more (row|value|button|table)", found) for found in shown)


@pytest.mark.parametrize("surface", ["native", "fallback", "plain", "discord"])
def test_rows_that_do_not_fit_are_counted(surface: str) -> None:
    columns = (Column("person", "Person"), Column("credits", "Credits", "credits"))
    rows = tuple((f"person-{i:03}", i * 1_000_000) for i in range(700))
    report = answer(Table(columns, rows, ("Total", 244_650_000_000)), Actions(BUTTONS))
    shown = "\n".join(
        {
            "native": lambda: strings(slack.message(report, image=None, values={}).blocks, "text"),
            "fallback": lambda: strings(slack.fallback(report, {}).blocks, "text"),
            "plain": lambda: [slack.plain(report)],
            "discord": lambda: strings(discord.message(report, image=False, values={}), "content"),
        }[surface]()
    )
    seen = len(set(re.findall(r"person-\d{3}", shown)))
    assert f"{700 - seen} more rows: press Export CSV, or type `by-model last 30d`" in shown
    assert "244,650" in shown
