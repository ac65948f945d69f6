"""Several `creditbot run` on one PostgreSQL, and one that stands still: real processes."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.operation.ticking import EXIT_STUCK
from tests.bot.operation.replica import Replica, replica
from tests.doubles.discord import DiscordDouble, running_double
from tests.doubles.discord_desk import bind, desk_of
from tests.doubles.discord_gateway import TOKEN

pytestmark = pytest.mark.long
# The lease ends after 8 s and is asked for each second; the rest is for a busy machine.
TAKEOVER_SECONDS = 45.0


def settings_for(engine: sa.Engine, double: DiscordDouble) -> dict[str, str]:
    return {
        "CREDITBOT_DATABASE_URL": engine.url.render_as_string(hide_password=False),
        "CREDITBOT_DISCORD_TOKEN": TOKEN,
        "CREDITBOT_DISCORD_API_URL": double.api_url,
        "CREDITBOT_DISCORD_GATEWAY_URL": double.gateway_url,
    }


def holder_of(three: list[Replica]) -> Replica:
    [one] = [one for one in three if one.states.get("discord") == "up"]
    return one


async def next_holder(rest: list[Replica], double: DiscordDouble) -> Replica:
    """Who holds the gateway next."""
    up = [asyncio.create_task(one.until_discord("up", seconds=60)) for one in rest]
    async with asyncio.timeout(TAKEOVER_SECONDS):
        await asyncio.wait(up, return_when=asyncio.FIRST_COMPLETED)
    for task in up:
        task.cancel()
    await asyncio.gather(*up, return_exceptions=True)
    assert double.connections == 1
    return holder_of(rest)


async def answered_once(double: DiscordDouble) -> None:
    """A command is answered, by one answer."""
    answer = await double.command("by model", range="2026-03")
    assert "GPT-4o" in answer.text
    assert (len(answer.answers), answer.followups) == (1, [])


@pytest.mark.timeout(240)
async def test_one_of_three_holds_the_gateway_and_another_follows_it(
    postgres_engine: sa.Engine, tmp_path: Path
) -> None:
    async with running_double() as double, AsyncExitStack() as stack:
        bind(stack.enter_context(desk_of(postgres_engine)), double.guild)
        settings = settings_for(postgres_engine, double)
        starting = (replica(tmp_path, **settings) for _ in range(3))
        three = [await stack.enter_async_context(one) for one in starting]
        await asyncio.gather(*(one.until_discord("up", "standby") for one in three))
        first = await next_holder(three, double)
        assert [(await one.health())[0] for one in three] == [200] * 3
        await answered_once(double)

        assert await first.end(signal.SIGTERM) == 0
        rest = [one for one in three if one is not first]
        second = await next_holder(rest, double)
        await answered_once(double)

        assert await second.end(signal.SIGKILL) == -signal.SIGKILL
        [last] = [one for one in rest if one is not second]
        assert await next_holder([last], double) is last
        await answered_once(double)
        assert (await last.health("/health/ready"))[0] == 200
        assert await last.end(signal.SIGTERM) == 0
    assert double.violations == []


@pytest.mark.timeout(240)
async def test_a_holder_that_was_frozen_answers_nothing_twice_and_stands_by(
    postgres_engine: sa.Engine, tmp_path: Path
) -> None:
    async with running_double() as double, AsyncExitStack() as stack:
        bind(stack.enter_context(desk_of(postgres_engine)), double.guild)
        settings = settings_for(postgres_engine, double)
        frozen = await stack.enter_async_context(replica(tmp_path, **settings))
        await frozen.until_discord("up")
        other = await stack.enter_async_context(replica(tmp_path, **settings))
        await other.until_discord("standby")

        frozen.send(signal.SIGSTOP)
        await other.until_discord("up", seconds=TAKEOVER_SECONDS)
        assert double.connections == 2  # what is asked now reaches the frozen one when it wakes
        answers = [await double.command("by model", range="2026-03") for _ in range(3)]
        frozen.send(signal.SIGCONT)
        await frozen.until_discord("standby")
        await double.until(lambda: double.connections == 1)
        await answered_once(double)
        assert [(len(one.answers), one.followups) for one in answers] == [(1, [])] * 3
        edits = [one.edits for one in answers]
        assert not frozen.logged("tick.stuck")
        assert await other.end(signal.SIGTERM) == 0
        await frozen.until_discord("up")
        assert [one.edits for one in answers] == edits
    assert double.violations == []


@pytest.mark.timeout(240)
async def test_a_tick_that_hangs_turns_the_health_red_and_ends_the_process(
    postgres_engine: sa.Engine, tmp_path: Path
) -> None:
    url = postgres_engine.url.render_as_string(hide_password=False)
    async with replica(tmp_path, CREDITBOT_DATABASE_URL=url) as one:
        assert await one.health() == (200, '{"parts": {}}')
        with postgres_engine.begin() as hanging:
            hanging.execute(sa.text("LOCK TABLE state IN ACCESS EXCLUSIVE MODE"))
            await one.until(lambda: one.logged("tick.stuck"), seconds=60)
            async with asyncio.timeout(10):  # it is logged a moment before it is told
                while (await one.health())[0] != 503:
                    pass
            assert await one.health() == (503, '{"parts": {"tick": "stuck"}}')
            assert (await one.health("/health/live"))[0] == 200
            assert await one.ended(seconds=60) == EXIT_STUCK
