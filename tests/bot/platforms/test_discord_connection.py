"""Discord on the wire: how a connection begins, is lost and found again, and is left."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from analytics.report import (
    Report,
)
from bot.chat import Fatal
from bot.context import Identity
from bot.desk import Desk
from bot.platforms.discord import DiscordPlatform, connection, sync_commands
from bot.platforms.discord.answers import LEAVING
from bot.registry import COMMANDS
from tests.doubles.discord import (
    COMMAND,
    DiscordDouble,
    Interaction,
)
from tests.doubles.discord_desk import ask, serving, settings_for
from tests.doubles.discord_gateway import IDENTIFY, INVALID, RECONNECT, RESUME


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library lets 5 seconds pass before it identifies a second time."""

    async def at_once(*_: object, **__: object) -> None:
        pass

    monkeypatch.setattr(connection.DiscordClient, "before_identify_hook", at_once)


SHARE = "Share to channel"
WORDS = {command.path[0] for command in COMMANDS.values()}  # groups and single commands


async def test_commands_are_told_once_and_not_at_every_start(
    double: DiscordDouble, desk: Desk
) -> None:
    for _ in range(2):
        async with serving(double, desk):
            pass
    assert [call.method for call in double.calls].count("PUT") == 1
    names = {option["name"] for option in double.commands[0]["options"]}
    assert names == WORDS


async def test_refused_commands_do_not_keep_the_bot_from_answering(
    double: DiscordDouble, desk: Desk
) -> None:
    double.faults["/commands"].append(400)
    async with serving(double, desk):
        assert "5 credits" in (await ask(double)).text


async def test_commands_are_told_on_request(double: DiscordDouble, desk: Desk) -> None:
    guild, settings = int(double.guild), settings_for(double)
    assert await sync_commands(settings, desk, guild=guild) == len(WORDS)
    assert double.calls[-1].path.endswith(f"/guilds/{guild}/commands")
    assert await sync_commands(settings, desk, guild=None) == len(WORDS)
    assert double.calls[-1].path == f"/applications/{double.bot['id']}/commands"


async def test_a_wrong_token_is_fatal_and_names_its_setting(
    double: DiscordDouble, desk: Desk
) -> None:
    settings = settings_for(double, token="another")  # noqa: S106  # opens nothing
    platform = DiscordPlatform(settings, desk, report=lambda _: None)
    with pytest.raises(Fatal, match="CREDITBOT_DISCORD_TOKEN"):
        await platform.run(asyncio.Event())


async def test_a_token_that_the_gateway_no_longer_takes_is_fatal(
    double: DiscordDouble, desk: Desk
) -> None:
    platform = DiscordPlatform(
        settings_for(double), desk, report=lambda _: None, guilds_timeout=0.01
    )
    running = asyncio.create_task(platform.run(asyncio.Event()))
    await double.until(lambda: IDENTIFY in double.opcodes)
    await double.close(4004)
    with pytest.raises(Fatal, match="CREDITBOT_DISCORD_TOKEN"):
        await running


async def test_a_missing_token_is_fatal(double: DiscordDouble, desk: Desk) -> None:
    settings = settings_for(double).model_copy(update={"discord_token": None})
    with pytest.raises(Fatal, match="not set"):
        await DiscordPlatform(settings, desk, report=lambda _: None).run(asyncio.Event())


async def test_a_refused_first_connection_is_tried_again(double: DiscordDouble, desk: Desk) -> None:
    double.refuse_connections = 1
    async with serving(double, desk):
        assert "5 credits" in (await ask(double)).text


async def test_a_dropped_connection_resumes_and_misses_no_command(
    double: DiscordDouble, desk: Desk
) -> None:
    async with serving(double, desk) as states:
        double.drop()
        asked = await ask(double)  # waits at Discord until the connection is back
        assert "5 credits" in asked.text
    assert RESUME in double.opcodes
    assert double.opcodes.count(IDENTIFY) == 1
    assert states[-3:-1] == ["reconnecting", "up"]


@pytest.mark.usefixtures("no_pause")
@pytest.mark.parametrize("opcode", [RECONNECT, INVALID])
async def test_a_connection_that_discord_ends_comes_back(
    double: DiscordDouble, desk: Desk, opcode: int
) -> None:
    async with serving(double, desk):
        await double.send_opcode(opcode, data=False)
        await double.until(lambda: RESUME in double.opcodes or double.opcodes.count(IDENTIFY) == 2)
        assert "5 credits" in (await ask(double)).text


@pytest.mark.usefixtures("no_pause")
async def test_a_session_that_discord_forgot_starts_anew(double: DiscordDouble, desk: Desk) -> None:
    async with serving(double, desk):
        double.forget_sessions = True
        await double.close(4000)
        await double.until(lambda: double.opcodes.count(IDENTIFY) == 2)
        assert "5 credits" in (await ask(double)).text


async def test_a_connection_that_stays_down_is_given_up(
    double: DiscordDouble, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "DOWN_SECONDS", 0.01)
    platform = DiscordPlatform(
        settings_for(double), desk, report=lambda _: None, guilds_timeout=0.01
    )
    running = asyncio.create_task(platform.run(asyncio.Event()))
    await double.until(lambda: IDENTIFY in double.opcodes)
    double.refuse_connections = 99
    double.drop()
    with pytest.raises(ConnectionError, match="stayed down"):
        await running


async def test_a_token_revoked_in_the_middle_ends_the_connection_and_the_next_login_says_why(
    double: DiscordDouble, desk: Desk
) -> None:
    platform = DiscordPlatform(
        settings_for(double), desk, report=lambda _: None, guilds_timeout=0.01
    )
    running = asyncio.create_task(platform.run(asyncio.Event()))
    await double.until(lambda: double.commands and double.is_connected)
    asked = await ask(double)
    assert asked.original
    double.revoked = True
    shared = await double.click(asked.original, SHARE)
    with pytest.raises(ConnectionError, match="token is refused"):
        await running
    assert "nothing was shared" in shared.text
    with pytest.raises(Fatal, match="CREDITBOT_DISCORD_TOKEN"):
        await platform.run(asyncio.Event())


async def test_a_command_under_way_is_finished_before_the_bot_stops(
    double: DiscordDouble, desk: Desk
) -> None:
    async with serving(double, desk):
        data = double.command_data("by user", range="last 7d")
        asked = await double.interact(COMMAND, data)
        await double.until(lambda: asked.answers)
    assert "5 credits" in asked.text


@pytest.fixture
def held(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Questions are answered once this is set."""
    go_on, answer = threading.Event(), desk.answer

    def wait_and_answer(line: str, identity: Identity, **key: str) -> Report:
        go_on.wait(20)
        return answer(line, identity, **key)

    monkeypatch.setattr(desk, "answer", wait_and_answer)
    yield go_on
    go_on.set()


async def under_way(double: DiscordDouble) -> Interaction:
    """A command that is acknowledged and not answered."""
    asked = await double.interact(COMMAND, double.command_data("by user", range="last 7d"))
    await double.until(lambda: asked.answers)
    return asked


async def test_the_gateway_is_left_before_the_last_answers_are_waited_for(
    double: DiscordDouble, desk: Desk, held: threading.Event
) -> None:
    stop, up = asyncio.Event(), asyncio.Event()
    platform = DiscordPlatform(
        settings_for(double), desk, report=lambda _: up.set(), guilds_timeout=0.01
    )
    running = asyncio.create_task(platform.run(stop))
    await up.wait()
    asked = await under_way(double)
    stop.set()
    await double.until(lambda: not double.is_connected)
    held.set()
    await running
    assert "5 credits" in asked.text


@pytest.mark.usefixtures("held")
async def test_who_is_cut_off_by_the_end_is_told(
    double: DiscordDouble, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "FINISH_SECONDS", 0.0)
    async with serving(double, desk):
        asked = await under_way(double)
    assert asked.text == LEAVING
