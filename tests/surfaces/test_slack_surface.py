"""Every command, asked in Slack, says what the terminal says, in a message that Slack takes."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from analytics.report import (
    Report,
    Table,
)
from bot.context import Identity
from bot.drawing import Drawing
from bot.render import text
from bot.render.cells import cell_text
from storage.alerts import insert_alert
from storage.budgets import THRESHOLDS, Budget, keep_budget
from storage.engine import writing
from storage.roles import set_role
from tests.alerted import crossing
from tests.cast import NOW
from tests.databases import home
from tests.doubles.slack import SlackDouble, slack_double
from tests.doubles.slack_payloads import TEAM, Payload, direct, mention, slash
from tests.doubles.slack_stage import QUICK, desk_of, serving, stage
from tests.subscribed import keep_digest
from tests.surfaces.reports import SPOKEN

TERMINAL = Identity("terminal", "", "")


def cells_of(report: Report) -> Iterator[str]:
    """Every cell of the report's tables, as people read it."""
    for table in report.blocks:
        if isinstance(table, Table):
            for row in (*table.rows, *([table.total] if table.total else [])):
                for cell, column in zip(row, table.columns, strict=True):
                    yield cell_text(cell, column.unit, column.currency)


def strings(part: Any) -> Iterator[str]:  # noqa: ANN401  # any part of a JSON document
    """Every text of a message, unescaped."""
    if isinstance(part, dict):
        for value in part.values():
            yield from strings(value)
    elif isinstance(part, list):
        for value in part:
            yield from strings(value)
    elif isinstance(part, str):
        yield html.unescape(part)


async def answered(slack: SlackDouble, line: str) -> Payload:
    """What the bot says to a command."""
    key = f"r-{line}".replace(" ", "-").replace("/", "-")  # it is part of a path
    await slack.send("slash_commands", slash(line, url=slack.response_url(key)))
    await slack.until(lambda: slack.responses[key])
    return slack.responses[key][0]


async def test_slack_says_what_the_terminal_says(sqlite_engine: sa.Engine) -> None:
    async with stage(sqlite_engine) as scene:
        _may_change(sqlite_engine)
        for command in SPOKEN:
            report = await scene.desk.ask(command.example, TERMINAL)
            answer = await answered(scene.slack, command.example)
            said, shown = " ".join(strings(answer)), text.render(report)
            assert report.line, command.name
            assert report.headline in said.replace("\u200b", ""), command.name
            for cell in cells_of(report):
                assert (cell in said, cell in shown) == (True, True), (command.name, cell)


def _may_change(engine: sa.Engine) -> None:
    """Let who types in the double change things; there is a budget to change."""
    with writing(engine) as connection:
        who = {"platform": "slack", "external_id": TEAM, "user_id": "U1"}
        set_role(connection, home(engine).id, **who, role="owner")
        insert_alert(connection, crossing())
        keep_digest(connection, created_by=":".join(who.values()))
        budget = Budget(0, "workspace", 0, "monthly", 10**10, THRESHOLDS, 1, 0)
        keep_budget(connection, home(engine).id, budget, now=NOW)


@pytest.mark.parametrize("say", [mention, direct])
async def test_every_entrance_gives_the_same_numbers(
    sqlite_engine: sa.Engine, say: Callable[[str], Payload]
) -> None:
    async with stage(sqlite_engine) as scene:
        commanded = await answered(scene.slack, "by-user last 7d")
        await scene.slack.send("events_api", say("by-user last 7d"))
        await scene.slack.until(lambda: scene.slack.messages)
    assert scene.slack.messages[0]["text"] == commanded["text"]
    assert _tables(scene.slack.messages[0]) == _tables(commanded)


async def test_a_real_chart_is_uploaded_with_its_description(sqlite_engine: sa.Engine) -> None:
    async with slack_double() as slack:
        with desk_of(sqlite_engine, Drawing()) as desk:
            async with serving(slack, desk, replace(QUICK, chart=60.0)):
                answer = await answered(slack, "by-model last 7d")
    (content,) = slack.files.values()
    (upload,) = slack.called("files.getUploadURLExternal")
    assert content.startswith(b"\x89PNG")
    assert "credits" in upload["alt_text"]
    assert upload["alt_text"] == upload["alt_txt"]
    assert "slack_file" in str(answer)


def _tables(message: Payload) -> list[Payload]:
    return [block for block in message["blocks"] if block["type"] == "data_table"]
