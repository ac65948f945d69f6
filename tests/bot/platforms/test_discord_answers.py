"""What a person in a guild sees: commands, buttons, forms, shares and refusals."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, NoReturn
from unittest.mock import patch

import discord
import pytest
import simcord
import sqlalchemy as sa

from analytics.figures import (
    Figure,
)
from bot.desk import Desk
from bot.drawing import Drawing
from bot.platforms.discord.answers import NOWHERE, STALE
from bot.platforms.discord.connection import DiscordClient
from bot.registry import COMMANDS
from bot.render import csv
from bot.render import discord as renderer
from charts import ThemeName
from storage.engine import reading, writing
from storage.errors import DatabaseBusy
from storage.models import Audit
from storage.preferences import set_preference
from tests.databases import home
from tests.doubles.discord_description import parts_of
from tests.doubles.discord_desk import bind, desk_of

# More than the 100 characters that a button may carry.
LONG = {
    "range": "last 7d",
    "model": "gpt-4o",
    "person": "alice@example.com",
    "department": "Platform",
    "project": "Atlas",
    "task": "coding",
    "limit": "19",
    "sort": "prompts",
}


@dataclass
class Room:
    """A guild that is bound to the desk's workspace, with Alice in its channel."""

    env: simcord.Env
    desk: Desk
    guild: simcord.GuildHandle
    channel: simcord.ChannelHandle
    alice: simcord.MemberActor

    async def ask(self, **options: str) -> simcord.InteractionResult:
        return await self.alice.slash(self.channel, "credits by user", **options)

    async def click(
        self, answer: simcord.InteractionResult, label: str
    ) -> simcord.InteractionResult:
        assert answer.response is not None
        return await self.alice.click(answer.response, label=label)

    async def restart(self) -> None:
        await self.env.restart_bot(client_of(self.desk))


def client_of(desk: Desk) -> DiscordClient:
    return DiscordClient(desk, report=lambda _: None, guild_ready_timeout=0.01)


def words(answer: simcord.InteractionResult | simcord.ResponseMessage) -> str:
    """Everything that is to be read in an answer."""
    message = answer.response if isinstance(answer, simcord.InteractionResult) else answer
    assert message is not None
    texts = [part.get("content", "") for part in parts_of(message.components)]
    return "\n".join([message.content, *texts])


def number(answer: simcord.InteractionResult) -> int:
    assert answer.response is not None
    return answer.response.id


def files(answer: simcord.InteractionResult) -> list[str]:
    assert answer.response is not None
    return [file.filename for file in answer.response.attachments]


@pytest.fixture
async def room(sqlite_engine: sa.Engine) -> AsyncIterator[Room]:
    """The room; what the bot swallowed is raised at the end."""
    with desk_of(sqlite_engine) as desk:
        env = simcord.Env(client_of(desk))
        await env.start()
        guild = env.create_guild()
        bind(desk, str(guild.id))
        channel = guild.create_text_channel("general")
        yield Room(env, desk, guild, channel, guild.add_member(env.create_user("alice")))
        await env.shutdown()
        simcord.assert_no_errors(env)


async def test_an_answer_is_private_and_carries_its_chart(room: Room) -> None:
    asked = await room.ask(range="last 7d")
    assert asked.ephemeral
    assert files(asked) == ["chart.png"]
    assert "5 credits" in words(asked)


async def test_a_mistake_is_answered_with_what_was_typed_and_what_helps(room: Room) -> None:
    asked = await room.ask(range="last sevn days")
    assert "last sevn days" in words(asked)
    assert asked.ephemeral


async def test_options_complete_to_ranges_and_to_known_models(room: Room) -> None:
    complete = room.alice.autocomplete
    ranges = await complete(room.channel, "credits by user", "range", "last 3")
    models = await complete(room.channel, "credits by user", "model", "gpt-4o")
    assert "last 30d" in [choice["value"] for choice in ranges]
    assert "GPT-4o" in [choice["value"] for choice in models]


async def test_a_button_works_after_a_restart_and_rewrites_its_own_answer(room: Room) -> None:
    asked = await room.ask(range="last 7d")
    await room.restart()
    clicked = await room.click(asked, "30d")
    assert clicked.followups == []
    assert number(clicked) == number(asked)
    assert "24–30 Mar" not in words(clicked)


async def test_a_table_comes_privately_as_a_file(room: Room) -> None:
    asked = await room.ask()
    clicked = await room.click(asked, "Export CSV")
    assert clicked.ephemeral
    assert files(clicked) == ["creditbot-by-user-2026-03-24-to-2026-03-30.csv"]


@pytest.mark.parametrize(("label", "form"), [("PDF", "pdf"), ("JSON", "json"), ("PNG", "png")])
async def test_each_form_comes_privately_as_a_file(room: Room, label: str, form: str) -> None:
    clicked = await room.click(await room.ask(), label)
    assert clicked.ephemeral
    assert files(clicked) == [f"creditbot-by-user-2026-03-24-to-2026-03-30.{form}"]


async def test_a_typed_export_comes_as_a_file_and_keeps_its_quotes(room: Room) -> None:
    line = 'by-user last 7d model="GPT-4o"'
    asked = await room.alice.slash(room.channel, "credits export", form="csv", line=line)
    assert files(asked) == ["creditbot-by-user-2026-03-24-to-2026-03-30.csv"]


async def test_a_shared_answer_stays_when_somebody_clicks_on_it(room: Room) -> None:
    asked = await room.ask()
    await room.click(asked, "Share to channel")
    posted = room.channel.last_message
    assert posted is not None
    bob = room.guild.add_member(room.env.create_user("bob"))
    clicked = await bob.click(posted, label="30d")
    assert clicked.ephemeral
    assert number(clicked) != posted.id
    assert len(room.channel.history()) == 1


async def test_a_share_is_in_the_audit_and_works_once(room: Room) -> None:
    asked = await room.ask()
    for expected in ("Shared to this channel.", STALE):
        clicked = await room.click(asked, "Share to channel")
        assert words(clicked).strip() == expected
    with reading(room.desk.engine) as connection:
        rows = connection.execute(sa.select(Audit.actor, Audit.action, Audit.result)).all()  # type: ignore[call-overload]  # SQLModel columns
    actor = f"discord:{room.guild.id}:{room.alice.id}"
    assert rows == [(actor, "share", "begun"), (actor, "share", "done")]


async def test_nobody_shares_where_they_may_not_write(room: Room) -> None:
    silent = discord.PermissionOverwrite(send_messages=False)
    news = room.guild.create_text_channel("news", overwrites={room.guild.default_role: silent})
    asked = await room.alice.slash(news, "credits by user")
    clicked = await room.click(asked, "Share to channel")
    assert "may not write" in words(clicked)
    assert news.history() == []


async def test_the_form_is_filled_in_and_its_answer_replaces_the_old_one(room: Room) -> None:
    asked = await room.ask(range="last 7d", model="gpt-4o")
    clicked = await room.click(asked, "More…")
    assert clicked.modal
    filled = {
        part.get("custom_id"): part.get("value") for part in parts_of(clicked.modal["components"])
    }
    assert filled["range"] == "last 7d"
    assert filled["options"] == "model=gpt-4o"
    await room.restart()
    sent = await room.alice.submit_modal(clicked, {"range": "today", "options": ""})
    assert "30 Mar" in words(sent)
    assert number(sent) == number(asked)


async def test_a_mistake_in_the_form_leaves_the_answer_alone(room: Room) -> None:
    asked = await room.ask(range="last 7d")
    clicked = await room.click(asked, "More…")
    sent = await room.alice.submit_modal(clicked, {"range": "whenever"})
    assert "whenever" in words(sent.followups[0])
    assert sent.followups[0].ephemeral
    assert "5 credits" in words(asked)


async def test_a_guild_that_is_not_connected_learns_nothing(room: Room) -> None:
    strange = room.env.create_guild()
    channel = strange.create_text_channel("general")
    charlie = strange.add_member(room.env.create_user("charlie"))
    asked = await charlie.slash(channel, "credits by user")
    assert "not connected" in words(asked)
    assert asked.ephemeral
    assert await charlie.autocomplete(channel, "credits by user", "model", "") == []


async def test_a_direct_message_is_answered_for_the_one_connected_guild(room: Room) -> None:
    person = room.env.create_user("dora")
    room.guild.add_member(person)
    asked = await person.slash("credits by user")
    assert asked.response
    assert "5 credits" in words(asked)
    labels = [part.get("label") for part in parts_of(asked.response.components)]
    assert "Export CSV" in labels
    assert "Share to channel" not in labels


async def test_a_direct_message_of_a_stranger_is_not_answered(room: Room) -> None:
    stranger = room.env.create_user("eve")
    strange = room.env.create_guild()
    strange.add_member(stranger)
    assert words(await stranger.slash("credits by user")).strip() == NOWHERE


class Broken(Drawing):
    """Cannot draw at all."""

    async def draw(self, figure: Figure, theme: ThemeName) -> bytes | None:
        raise RuntimeError(f"no {theme} {figure.kind}")


async def test_a_figure_that_fails_never_stops_the_text(room: Room) -> None:
    room.desk.drawing = Broken()
    asked = await room.ask()
    assert "5 credits" in words(asked)
    assert files(asked) == []


class Huge(Drawing):
    """Draws more than any guild takes."""

    async def draw(self, figure: Figure, theme: ThemeName) -> bytes | None:
        del figure, theme
        return bytes(101 << 20)


async def test_a_picture_too_large_for_the_guild_stays_away(room: Room) -> None:
    room.desk.drawing = Huge()
    asked = await room.ask()
    assert files(asked) == []
    assert "5 credits" in words(asked)


async def test_no_picture_is_sent_where_files_are_not_allowed(room: Room) -> None:
    no_files = discord.PermissionOverwrite(attach_files=False)
    plain = room.guild.create_text_channel("plain", overwrites={room.guild.default_role: no_files})
    asked = await room.alice.slash(plain, "credits by user")
    assert files(asked) == []
    assert "5 credits" in words(asked)


async def test_a_table_too_large_for_the_guild_is_told(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await room.ask()
    monkeypatch.setattr(csv, "render", lambda _: bytes(101 << 20))
    assert "Narrow the range" in words(await room.click(asked, "Export CSV"))


@pytest.mark.parametrize("label", ["Export CSV", "Share to channel"])
async def test_a_button_does_not_outlive_the_right_behind_it(room: Room, label: str) -> None:
    asked = await room.ask()
    with writing(room.desk.engine) as connection:
        home_id = home(room.desk.engine).id
        set_preference(connection, home_id, "people_visibility", value="admins")
    clicked = await room.click(asked, label)
    assert "for admins here" in words(clicked)
    assert files(clicked) == []
    assert room.channel.history() == []


def busy(*_: object, **__: object) -> NoReturn:
    raise DatabaseBusy("The database is busy.")


async def test_an_answer_whose_buttons_cannot_be_kept_goes_out_without_them(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room.desk, "button_values", busy)
    asked = await room.ask()
    assert asked.response
    assert "5 credits" in words(asked)
    assert [part for part in parts_of(asked.response.components) if part["type"] == 2] == []


async def test_a_form_opens_though_nothing_can_be_written(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await room.ask(**LONG)
    for writing_name in ("button_values", "is_new"):
        monkeypatch.setattr(room.desk, writing_name, busy)
    assert (await room.click(asked, "More…")).modal


async def test_a_database_that_is_busy_is_told_and_not_called_our_mistake(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await room.ask()
    monkeypatch.setattr(room.desk, "wish", busy)
    assert words(await room.click(asked, "Share to channel")).strip() == "The database is busy."


async def test_a_line_too_long_for_a_button_is_asked_exported_and_edited(room: Room) -> None:
    asked = await room.ask(**LONG)
    assert number(await room.click(asked, "30d")) == number(asked)
    assert files(await room.click(asked, "Export CSV"))
    opened = await room.click(asked, "More…")
    assert "sort=prompts" in str(opened.modal)
    sent = await room.alice.submit_modal(opened, {"range": "today", "options": ""})
    assert number(sent) == number(asked)


async def test_a_message_is_written_outside_the_loop(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    writers = []
    write = renderer.message

    def noting(*given: Any, **named: Any) -> Any:  # noqa: ANN401  # passes on what it gets
        writers.append(threading.current_thread())
        return write(*given, **named)

    monkeypatch.setattr(renderer, "message", noting)
    await room.ask()
    assert writers
    assert threading.main_thread() not in writers


async def test_a_button_whose_line_no_longer_parses_says_so(room: Room) -> None:
    asked = await room.ask()
    shown = await room.click(asked, "More…")
    with patch.dict(COMMANDS):  # which restores the order, too
        del COMMANDS["by-user"]
        clicked = await room.click(asked, "More…")
        sent = await room.alice.submit_modal(shown, {"range": "today"})
    assert "by-user" in words(clicked)
    assert "by-user" in words(sent)
