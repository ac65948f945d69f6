"""Every command on Discord, over the wire: the same numbers as in the terminal."""

from __future__ import annotations

import sqlalchemy as sa

from bot.context import Identity
from bot.desk import Desk
from bot.drawing import Drawing
from bot.registry import parse
from storage.alerts import insert_alert
from storage.budgets import THRESHOLDS, Budget, keep_budget
from storage.engine import writing
from storage.roles import set_role
from tests.alerted import crossing
from tests.cast import NOW
from tests.databases import home
from tests.doubles.discord import DiscordDouble, running_double
from tests.doubles.discord_desk import bind, desk_of, serving
from tests.subscribed import keep_digest
from tests.surfaces.reports import SPOKEN

TERMINAL = Identity("terminal", "", "")


async def said_on_discord(double: DiscordDouble, line: str) -> str:
    call = parse(line)
    options = {name: texts[0] for name, texts in call.given.items()}
    answer = await double.command(" ".join(call.command.path), **options)
    return answer.text.replace("\\", "")


def headline(desk: Desk, line: str) -> str:
    return desk.answer(line, TERMINAL).headline


async def test_every_example_says_on_discord_what_it_says_in_the_terminal(
    sqlite_engine: sa.Engine,
) -> None:
    async with running_double() as double:
        with desk_of(sqlite_engine) as desk:
            bind(desk, double.guild)
            _may_change(desk, double)
            async with serving(double, desk):
                for command in SPOKEN:
                    said = await said_on_discord(double, command.example)
                    assert headline(desk, command.example) in said, command.example
        double.check_answers()
        assert double.violations == []


def _may_change(desk: Desk, double: DiscordDouble) -> None:
    """Let who types in the double change things; there is a budget to change."""
    with writing(desk.engine) as connection:
        who = {"platform": "discord", "external_id": double.guild, "user_id": double.alice["id"]}
        set_role(connection, home(desk.engine).id, **who, role="owner")
        insert_alert(connection, crossing())
        keep_digest(connection, created_by=":".join(who.values()))
        budget = Budget(0, "workspace", 0, "monthly", 10**10, THRESHOLDS, 1, 0)
        keep_budget(connection, home(desk.engine).id, budget, now=NOW)


async def test_a_real_chart_travels_with_its_alternative_text(sqlite_engine: sa.Engine) -> None:
    async with running_double() as double:
        with desk_of(sqlite_engine, Drawing()) as desk:
            bind(desk, double.guild)
            async with serving(double, desk):
                await double.command("by model")
                await double.until(lambda: double.calls[-1].files, seconds=60)
        sent = double.calls[-1]
        assert sent.files["chart.png"].startswith(b"\x89PNG")
        assert "credits" in sent.body["attachments"][0]["description"]
        assert double.violations == []
