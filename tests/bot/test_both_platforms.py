"""One running service on both wires: the same line, the same numbers, a chart each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from pydantic import SecretStr

from bot.service import Service
from bot.settings import Settings
from storage.engine import writing
from storage.workspaces import bind_chat
from tests.analytics.world import World
from tests.cast import NOW, event
from tests.doubles.discord import DiscordDouble, running_double
from tests.doubles.discord_gateway import TOKEN
from tests.doubles.slack import APP_TOKEN, BOT_TOKEN, SlackDouble, slack_double
from tests.doubles.slack_payloads import slash
from tests.surfaces.test_slack_surface import strings

HEADLINE = "5 credits by 2 people"
LINE = "by-user last 7d"


def settings_for(engine: sa.Engine, slack: SlackDouble, discord: DiscordDouble) -> Settings:
    """One bot on both doubles."""
    return Settings(
        _env_file=None,  # type: ignore[call-arg]  # pydantic-settings reads it itself
        database_url=str(engine.url),
        http_port=0,
        slack_bot_token=SecretStr(BOT_TOKEN),
        slack_app_token=SecretStr(APP_TOKEN),
        slack_api_url=slack.api_url,
        discord_token=SecretStr(TOKEN),
        discord_api_url=discord.api_url,
        discord_gateway_url=discord.gateway_url,
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Service]:
    """The service until both platforms are up; it is told to stop in the end."""
    service = Service(settings, lambda: NOW)
    work = asyncio.create_task(service.run())
    try:
        async with asyncio.timeout(30):
            while list(service.states.values()) != ["up", "up"]:
                await asyncio.wait([work], timeout=0.02)
                assert not work.done()
        yield service
    finally:
        service.stop.set()
        await work


async def test_both_platforms_give_the_same_numbers_and_a_chart(
    sqlite_engine: sa.Engine,
) -> None:
    world = World(sqlite_engine)
    people = ("alice@example.com", "alice@example.com", "bob@example.com")
    models = ("gpt-4o", "gpt-4o", "o3-mini")
    world.write([event(person=p, model=m) for p, m in zip(people, models, strict=True)])
    async with slack_double() as slack, running_double() as discord:
        with writing(sqlite_engine) as connection:
            bind_chat(connection, 1, platform="discord", external_id=discord.guild, now=NOW)
        async with running(settings_for(sqlite_engine, slack, discord)) as service:
            url = slack.response_url("both")
            await slack.send("slash_commands", slash(LINE, url=url))
            answer = await discord.command("by user", range="last 7d")
            await slack.until(lambda: slack.files and slack.responses["both"], seconds=60)
            await discord.until(lambda: discord.calls[-1].files, seconds=60)
        assert HEADLINE in " ".join(strings(slack.responses["both"]))
        assert all(one.startswith(b"\x89PNG") for one in slack.files.values())
        assert HEADLINE in answer.text
        assert discord.calls[-1].files["chart.png"].startswith(b"\x89PNG")
        assert sorted(service.states.values()) == ["stopped", "stopped"]
        assert slack.violations == []
        assert discord.violations == []
