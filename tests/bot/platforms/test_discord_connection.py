"""Discord on the wire: what happens to the connection, and to what is sent or said twice."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa

from analytics.figures import (
    Figure,
)
from analytics.report import (
    Report,
)
from bot.chat import Fatal
from bot.context import Identity
from bot.desk import Desk
from bot.drawing import Drawing
from bot.pacing import QUESTIONS, Pacing
from bot.platforms.discord import DiscordPlatform, connection, filling, sync_commands
from bot.platforms.discord.answers import LEAVING
from bot.platforms.discord.nonces import nonce_of
from bot.registry import COMMANDS
from charts import ThemeName
from storage.engine import reading
from storage.models import Audit
from tests.doubles.discord import (
    COMMAND,
    COMPLETION,
    FORM,
    LOST,
    DiscordDouble,
    Interaction,
    button,
    running_double,
)
from tests.doubles.discord_desk import PNG, bind, desk_of, serving, settings_for
from tests.doubles.discord_gateway import IDENTIFY, INVALID, RECONNECT, RESUME

EDIT = "/messages/@original"
MODAL = 9


@pytest.fixture
async def double() -> AsyncIterator[DiscordDouble]:
    """A Discord; at the end each interaction was answered once, and nothing was amiss."""
    async with running_double() as double:
        yield double
    double.check_answers()
    assert double.violations == []


@pytest.fixture
def desk(sqlite_engine: sa.Engine, double: DiscordDouble) -> Iterator[Desk]:
    with desk_of(sqlite_engine) as desk:
        bind(desk, double.guild)
        yield desk


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library lets 5 seconds pass before it identifies a second time."""

    async def at_once(*_: object, **__: object) -> None:
        pass

    monkeypatch.setattr(connection.DiscordClient, "before_identify_hook", at_once)


WORDS = {command.path[0] for command in COMMANDS.values()}  # groups and single commands


async def ask(double: DiscordDouble) -> Interaction:
    return await double.command("by user", range="last 7d")


async def test_a_command_is_answered_privately_with_its_picture(
    double: DiscordDouble, desk: Desk
) -> None:
    async with serving(double, desk):
        asked = await ask(double)
    assert "5 credits" in asked.text
    assert asked.answers == [{"type": 5, "data": {"flags": 64}}]
    assert double.calls[-1].files.keys() == {"chart.png"}


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


async def test_the_same_frame_twice_is_answered_once(double: DiscordDouble, desk: Desk) -> None:
    async with serving(double, desk):
        asked = await ask(double)
        await double.dispatch("INTERACTION_CREATE", asked.frame)
        await ask(double)
    assert (asked.edits, asked.followups) == (1, [])


async def test_a_flood_is_told_once_and_leaves_nothing_else_behind(
    double: DiscordDouble, sqlite_engine: sa.Engine
) -> None:
    with desk_of(sqlite_engine, pacing=Pacing(lambda: 0.0)) as desk:
        bind(desk, double.guild)
        async with serving(double, desk):
            asked = [await ask(double) for _ in range(int(QUESTIONS.burst))]
            told = await ask(double)
            late = [await double.interact(COMMAND, double.command_data("help")) for _ in range(3)]
            await double.until(lambda: all(one.deleted for one in late))
            assert asked[0].original
            clicked = await double.click(asked[0].original, "30d")
            await double.until(lambda: clicked.answers)
    assert all("5 credits" in one.text for one in asked)
    assert "Try again in" in told.text
    assert (clicked.deleted, clicked.followups) == (False, [])


@pytest.mark.parametrize("fault", [500, LOST, 0.01])
async def test_an_edit_that_is_repeated_stays_one_answer(
    double: DiscordDouble, desk: Desk, fault: float
) -> None:
    double.faults[EDIT].append(fault)
    async with serving(double, desk):
        asked = await ask(double)
        await double.until(lambda: double.calls[-1].status == 200)
    assert asked.followups == []
    assert "5 credits" in asked.text


async def test_a_lost_acknowledgement_does_not_lose_the_answer(
    double: DiscordDouble, desk: Desk
) -> None:
    double.faults["/callback"].append(LOST)
    async with serving(double, desk):
        assert "5 credits" in (await ask(double)).text


class Slow(Drawing):
    """Draws when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()

    async def draw(self, figure: Figure, theme: ThemeName) -> bytes | None:
        del figure, theme
        await self.go_on.wait()
        return PNG


async def test_a_late_picture_is_put_in_after_the_text(
    double: DiscordDouble, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "PATIENCE", 0)
    desk.drawing = slow = Slow()
    async with serving(double, desk):
        asked = await ask(double)
        assert double.calls[-1].files == {}
        slow.go_on.set()
        await double.until(lambda: asked.edits == 2)
    assert double.calls[-1].files.keys() == {"chart.png"}


async def test_a_late_picture_never_overwrites_a_newer_answer(
    double: DiscordDouble, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "PATIENCE", 0)
    desk.drawing = slow = Slow()
    async with serving(double, desk):
        asked = await ask(double)
        assert asked.original
        clicked = await double.click(asked.original, "30d")
        await double.until(lambda: clicked.edits)
        slow.go_on.set()
        await double.until(lambda: clicked.edits == 2)
    assert asked.edits == 1


async def test_a_refused_picture_never_stops_the_text(double: DiscordDouble, desk: Desk) -> None:
    double.faults[EDIT].append(413)
    async with serving(double, desk):
        asked = await ask(double)
    assert "5 credits" in asked.text
    assert double.calls[-1].files == {}


async def test_an_answer_that_fails_is_told_with_a_reference(
    double: DiscordDouble, desk: Desk
) -> None:
    double.faults[EDIT] += [400, 400]
    async with serving(double, desk):
        asked = await ask(double)
    assert "Reference " in asked.text


async def test_a_shared_answer_is_posted_once_though_its_reply_is_lost(
    double: DiscordDouble, desk: Desk
) -> None:
    posts = f"{double.channel}/messages"
    double.faults[posts].append(LOST)
    async with serving(double, desk):
        asked = await ask(double)
        assert asked.original
        shared = await double.click(asked.original, "Share to channel")
        await double.until(lambda: shared.edits)
    assert len(double.posts) == 1
    post = next(call.body for call in double.calls if call.path.endswith(posts))
    assert post["allowed_mentions"] == {"parse": []}
    assert post["nonce"] == nonce_of("share", shared.id)
    assert "Shared" in shared.text


SHARE = "Share to channel"


def shares(desk: Desk) -> list[str]:
    """What the audit says came of shares, in order."""
    with reading(desk.engine) as connection:
        kept = sa.select(Audit.result).where(Audit.action == "share").order_by(Audit.seq)  # type: ignore[call-overload]  # SQLModel columns
        return list(connection.scalars(kept))


async def test_a_share_that_cannot_be_does_not_use_the_button_up(
    double: DiscordDouble, desk: Desk
) -> None:
    posts = f"{double.channel}/messages"
    async with serving(double, desk):
        asked = await ask(double)
        assert asked.original
        silent = await double.click(asked.original, SHARE, app_permissions="0")
        await double.until(lambda: "may not write" in silent.text)
        double.faults[posts] += [403, 403]  # with the picture, and without
        refused = await double.click(asked.original, SHARE)
        await double.until(lambda: "nothing was shared" in refused.text)
        shared = await double.click(asked.original, SHARE)
        await double.until(lambda: "Shared to this channel." in shared.text)
    assert len(double.posts) == 1
    assert shares(desk) == ["begun", "failed", "begun", "done"]


async def test_a_share_of_which_discord_says_nothing_is_not_offered_again(
    double: DiscordDouble, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lose(*_: object, **__: object) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(filling.Filling, "post", lose)
    async with serving(double, desk):
        asked = await ask(double)
        assert asked.original
        shared = await double.click(asked.original, SHARE)
        await double.until(lambda: "did not answer" in shared.text)
    assert shares(desk) == ["begun", "unknown"]


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


@pytest.mark.parametrize("label", ["30d", "Export CSV", SHARE, "More…"])
async def test_a_click_is_acknowledged_while_another_process_writes(
    double: DiscordDouble, desk: Desk, label: str
) -> None:
    async with serving(double, desk):
        asked = await ask(double)
        assert asked.original
        with closing(sqlite3.connect(str(desk.engine.url.database))) as other:
            other.execute("BEGIN IMMEDIATE")
            clicked = await double.click(asked.original, label)
            await double.until(lambda: clicked.answers)
        await double.until(lambda: clicked.edits or clicked.answers[0]["type"] == MODAL)


async def test_a_form_is_acknowledged_while_another_process_writes(
    double: DiscordDouble, desk: Desk
) -> None:
    async with serving(double, desk):
        asked = await ask(double)
        with closing(sqlite3.connect(str(desk.engine.url.database))) as other:
            other.execute("BEGIN IMMEDIATE")
            data = {"custom_id": "f|edit:by-user", "components": []}
            sent = await double.interact(FORM, data, message=asked.original)
            await double.until(lambda: sent.answers)
            assert not sent.edits
        await double.until(lambda: sent.edits)
        assert len(sent.answers) == 1


@pytest.mark.parametrize("custom_id", ["c|many:invented", "c|share:by-user", "of-another-version"])
async def test_an_altered_button_is_refused_in_words(
    double: DiscordDouble, desk: Desk, custom_id: str
) -> None:
    async with serving(double, desk):
        asked = await ask(double)
        assert asked.original
        button(asked.original, "30d")["custom_id"] = custom_id
        clicked = await double.click(asked.original, "30d")
        await double.until(lambda: clicked.answers)
    assert "no longer valid" in clicked.answers[0]["data"]["content"]


async def test_buttons_and_tables_fit_the_description(double: DiscordDouble, desk: Desk) -> None:
    async with serving(double, desk):
        asked = await ask(double)
        assert asked.original
        table = await double.click(asked.original, "Export CSV")
        month = await double.click(asked.original, "30d")
        await double.until(lambda: table.edits and month.edits)
    assert {name[-4:] for call in double.calls for name in call.files} == {".csv", ".png"}
    assert month.answers == [{"type": 6}]


async def test_a_form_fits_the_description_and_is_answered(
    double: DiscordDouble, desk: Desk
) -> None:
    async with serving(double, desk):
        asked = await ask(double)
        assert asked.original
        opened = await double.click(asked.original, "More…")
        await double.until(lambda: opened.answers)
        form = opened.answers[0]["data"]
        boxes = [part["component"] for part in form["components"]]
        filled = [{"type": 4, "custom_id": box["custom_id"], "value": ""} for box in boxes]
        data = {
            "custom_id": form["custom_id"],
            "components": [{"type": 18, "component": filled[0]}],
        }
        sent = await double.interact(FORM, data, message=asked.original)
        await double.until(lambda: sent.edits)
    assert "5 credits" in sent.text


async def test_an_altered_form_is_refused_in_words(double: DiscordDouble, desk: Desk) -> None:
    async with serving(double, desk):
        sent = await double.interact(FORM, {"custom_id": "f|many:invented", "components": []})
        await double.until(lambda: sent.answers)
    assert "no longer valid" in sent.answers[0]["data"]["content"]


async def test_completions_fit_the_description(double: DiscordDouble, desk: Desk) -> None:
    async with serving(double, desk):
        data = double.command_data("by user", range="last")
        data["options"][0]["options"][0]["options"][0]["focused"] = True
        typed = await double.interact(COMPLETION, data)
        await double.until(lambda: typed.answers)
    choices = typed.answers[0]["data"]["choices"]
    assert {"name": "last 7d", "value": "last 7d"} in choices


async def test_a_command_of_an_older_version_is_explained(
    double: DiscordDouble, desk: Desk
) -> None:
    async with serving(double, desk):
        asked = await double.interact(COMMAND, double.command_data("by-weather"))
        await double.until(lambda: asked.answers)
    assert "Reload Discord" in asked.answers[0]["data"]["content"]


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
