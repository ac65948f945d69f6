"""The socket to Slack: which faults it survives, what it refuses, and that it leaves nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa
import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.chat import Fatal
from bot.desk import Desk
from bot.platforms.slack import SlackPlatform
from bot.platforms.slack.socket import Socket
from bot.settings import Settings
from storage.engine import reading, writing
from storage.errors import DatabaseBusy
from storage.workspaces import bind_chat, bound_workspace, create_workspace
from tests.cast import NOW
from tests.doubles.slack import APP_TOKEN, BOT_TOKEN, SlackDouble, slack_double
from tests.doubles.slack_payloads import TEAM, slash
from tests.doubles.slack_stage import QUICK, Sketch, Stage, desk_of, serving, settings_for, stage

Fault = Callable[[SlackDouble], None]


def reset(slack: SlackDouble) -> None:
    slack.cut()


def silent_peer(slack: SlackDouble) -> None:
    slack.silence()


def failing_handshake(slack: SlackDouble) -> None:
    slack.faults["link"].append(500)
    slack.cut()


def no_new_connections(slack: SlackDouble) -> None:
    slack.faults["apps.connections.open"].extend([500, "internal_error", 429, 500])
    slack.cut()


def ignored(state: str) -> None:
    del state


@pytest.fixture
async def scene(sqlite_engine: sa.Engine) -> AsyncIterator[Stage]:
    async with stage(sqlite_engine) as scene:
        yield scene


async def answers_to_help(slack: SlackDouble) -> int:
    """How many answers a command gets; fails when none comes."""
    before = len(slack.responses["r1"])
    await slack.send("slash_commands", slash("help", url=slack.response_url()))
    await slack.until(lambda: len(slack.responses["r1"]) > before)
    return len(slack.responses["r1"]) - before


@pytest.mark.parametrize("fault", [reset, silent_peer, failing_handshake, no_new_connections])
async def test_commands_are_answered_again_after(scene: Stage, fault: Fault) -> None:
    old = scene.slack.sockets[-1]
    fault(scene.slack)
    await scene.slack.until(lambda: scene.slack.sockets and scene.slack.sockets[-1] is not old)
    assert await answers_to_help(scene.slack) == 1


async def test_commands_are_answered_on_the_next_socket_when_slack_asks_for_it(
    scene: Stage,
) -> None:
    old = scene.slack.sockets[-1]
    await scene.slack.disconnect()
    await scene.slack.until(lambda: scene.slack.sockets and scene.slack.sockets[-1] is not old)
    assert await answers_to_help(scene.slack) == 1


async def test_the_state_tells_of_a_socket_that_is_down(scene: Stage) -> None:
    old = scene.slack.sockets[-1]
    scene.slack.faults["apps.connections.open"].extend([500] * 2)
    scene.slack.cut()
    await scene.slack.until(lambda: scene.slack.sockets and scene.slack.sockets[-1] is not old)
    assert scene.states[:3] == ["connecting", "up", "reconnecting"]


async def test_no_ticket_and_no_question_is_wasted_at_the_start(scene: Stage) -> None:
    assert await answers_to_help(scene.slack) == 1
    assert len(scene.slack.called("apps.connections.open")) == 1
    assert len(scene.slack.called("auth.test")) == 1


@pytest.mark.parametrize("word", ["invalid_auth", "account_inactive", "token_revoked"])
@pytest.mark.parametrize(
    ("method", "setting"),
    [
        ("auth.test", "CREDITBOT_SLACK_BOT_TOKEN"),
        ("apps.connections.open", "CREDITBOT_SLACK_APP_TOKEN"),
    ],
)
async def test_a_dead_token_names_its_setting(
    sqlite_engine: sa.Engine, method: str, setting: str, word: str
) -> None:
    with desk_of(sqlite_engine, Sketch()) as desk:
        async with slack_double() as slack:
            slack.faults[method].append(word)
            platform = SlackPlatform(settings_for(slack), desk, report=ignored, pace=QUICK)
            with pytest.raises(Fatal, match=f"{setting}.*{word}"):
                await platform.run(asyncio.Event())


async def test_swapped_tokens_name_the_setting(sqlite_engine: sa.Engine) -> None:
    with desk_of(sqlite_engine, Sketch()) as desk:
        async with slack_double() as slack:
            settings = settings_for(slack, bot="xoxb-good", app="xoxb-good")
            platform = SlackPlatform(settings, desk, report=ignored, pace=QUICK)
            with pytest.raises(Fatal, match="CREDITBOT_SLACK_APP_TOKEN"):
                await platform.run(asyncio.Event())


async def test_a_missing_token_names_its_setting(sqlite_engine: sa.Engine) -> None:
    with desk_of(sqlite_engine, Sketch()) as desk:
        settings = Settings(_env_file=None)  # type: ignore[call-arg]  # pydantic-settings' own
        platform = SlackPlatform(settings, desk, report=ignored)
        with pytest.raises(Fatal, match="CREDITBOT_SLACK_BOT_TOKEN is not set"):
            await platform.run(asyncio.Event())


@pytest.mark.parametrize("fault", [500, "internal_error", 429])
async def test_a_passing_failure_at_the_start_is_tried_again(
    sqlite_engine: sa.Engine, fault: int | str
) -> None:
    with desk_of(sqlite_engine, Sketch()) as desk:
        async with slack_double() as slack:
            slack.faults["auth.test"].append(fault)
            slack.faults["link"].append(500)
            async with serving(slack, desk):
                assert await answers_to_help(slack) == 1


async def test_stopping_during_the_first_connection_is_clean(sqlite_engine: sa.Engine) -> None:
    with desk_of(sqlite_engine, Sketch()) as desk:
        async with slack_double() as slack:
            slack.faults["auth.test"].append(429)
            slack.retry_after = "600"
            stop = asyncio.Event()
            platform = SlackPlatform(settings_for(slack), desk, report=ignored, pace=QUICK)
            running = asyncio.create_task(platform.run(stop))
            await slack.until(lambda: slack.called("auth.test"))
            stop.set()
            await asyncio.wait_for(running, 30)
            assert not slack.sockets


async def test_stopping_beside_a_silent_peer_does_not_wait_for_it(
    sqlite_engine: sa.Engine,
) -> None:
    patient = replace(QUICK, ping=60.0)  # the library itself notices nothing in time
    async with asyncio.timeout(40), stage(sqlite_engine, patient) as scene:
        scene.slack.silence()
    # It left in good order, and did not begin to connect anew instead.
    assert scene.states[-1] == "stopped"
    assert scene.states.count("connecting") == 1


async def test_a_goodbye_that_is_cut_short_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = asyncio.all_tasks()
    web = AsyncWebClient(APP_TOKEN)
    app = AsyncApp(token=BOT_TOKEN, request_verification_enabled=False)
    socket = Socket(app, web, ping=60.0, logger=logging.getLogger("slack"))
    began = asyncio.Event()

    async def disconnect() -> None:
        began.set()
        await asyncio.sleep(60)  # a peer that is silent

    monkeypatch.setattr(socket, "disconnect", disconnect)
    ending = asyncio.create_task(socket.end())
    await began.wait()
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    assert asyncio.all_tasks() == before
    assert socket.aiohttp_client_session.closed


async def test_an_answer_on_its_way_is_finished_before_the_stop(sqlite_engine: sa.Engine) -> None:
    async with stage(sqlite_engine) as scene:
        await scene.slack.send("slash_commands", slash("by-model", url=scene.slack.response_url()))
    assert len(scene.slack.responses["r1"]) == 1


async def test_no_token_and_no_typed_text_is_logged(sqlite_engine: sa.Engine) -> None:
    with structlog.testing.capture_logs() as logs:
        async with stage(sqlite_engine) as scene:
            scene.slack.faults["response"].extend(["invalid_blocks", 500])
            payload = slash("by-model canary", url=scene.slack.response_url())
            await scene.slack.send("slash_commands", payload)
            failing_handshake(scene.slack)
            await scene.slack.until(lambda: not scene.slack.sockets)
    said = str(logs)
    assert "slack.team_bound" in said
    assert not [secret for secret in ("xox", "xapp", "canary", "ticket=") if secret in said]


# ---- the team of the token


async def test_the_team_of_the_token_is_bound_once_to_the_default_workspace(
    sqlite_engine: sa.Engine,
) -> None:
    for _ in range(2):
        async with stage(sqlite_engine):
            pass
    with reading(sqlite_engine) as connection:
        assert bound_workspace(connection, "slack", TEAM) == 1
        rows = connection.execute(sa.text("SELECT object, after FROM audit")).all()
    assert [tuple(row) for row in rows] == [(f"slack:{TEAM}", "default")]


async def test_a_busy_database_at_the_start_is_tried_again(
    sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bind, tries = Desk.bind_team, iter([DatabaseBusy("The database is busy.")])

    def busy_once(desk: Desk, platform: str, external_id: str) -> str | None:
        for busy in tries:
            raise busy
        return bind(desk, platform, external_id)

    monkeypatch.setattr(Desk, "bind_team", busy_once)
    async with stage(sqlite_engine):
        pass
    with reading(sqlite_engine) as connection:
        assert bound_workspace(connection, "slack", TEAM) == 1


async def test_a_team_that_an_operator_bound_stays_there(sqlite_engine: sa.Engine) -> None:
    with writing(sqlite_engine) as connection:
        other = create_workspace(connection, "Elsewhere", zone="UTC", now=NOW)
        bind_chat(connection, other.id, platform="slack", external_id=TEAM, now=NOW)
    async with stage(sqlite_engine):
        pass
    with reading(sqlite_engine) as connection:
        assert bound_workspace(connection, "slack", TEAM) == other.id
