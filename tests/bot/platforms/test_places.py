"""Every question knows where it was asked: a channel by its name, or the bot's own conversation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bot.context import Place
from bot.platforms.discord.asking import identity_of
from bot.platforms.slack import envelopes
from bot.platforms.slack.forms import Memory
from tests.doubles.slack_payloads import CHANNEL, DIRECT, direct, mention, press, slash

URL = "http://127.0.0.1/response/r1"
GENERAL, ALONE = Place(CHANNEL, "general"), Place(DIRECT, "", is_direct=True)


def test_a_slash_command_names_its_channel() -> None:
    assert envelopes.slash_command(slash("overview", url=URL)).place == GENERAL


def test_what_slack_calls_a_channel_without_a_name_is_no_name() -> None:
    secret = slash("overview", url=URL) | {"channel_name": "privategroup"}
    assert envelopes.slash_command(secret).place == Place(CHANNEL, "")


def test_a_slash_command_in_a_direct_message_is_direct() -> None:
    told = slash("overview", url=URL) | {"channel_id": DIRECT, "channel_name": "directmessage"}
    assert envelopes.slash_command(told).place == ALONE


@pytest.mark.parametrize(
    ("body", "place"),
    [(mention("overview"), Place(CHANNEL, "")), (direct("overview"), ALONE)],
)
def test_a_message_says_its_channel_by_id(body: dict[str, Any], place: Place) -> None:
    spoken = envelopes.message(body)
    assert spoken is not None
    assert spoken.place == place


def test_a_click_and_the_form_it_opens_stand_in_the_same_channel() -> None:
    click = envelopes.click(press("ask:overview", url=URL))
    assert click.place == GENERAL
    memory = Memory("overview", URL, "", click.channel, channel_name="general")
    assert Memory.read(memory.text).place == GENERAL


def test_a_form_of_an_older_version_stands_nowhere() -> None:
    assert Memory.read('{"line":"overview","url":"u","over":""}').place is None


def interaction(guild: int | None, channel: object) -> Any:  # noqa: ANN401  # the library's class is a net of slots
    ada = SimpleNamespace(id=7, display_name="Ada")
    return SimpleNamespace(guild_id=guild, channel_id=5, channel=channel, user=ada)


async def test_discord_names_the_channel_or_thread_of_a_guild() -> None:
    asked = interaction(1, SimpleNamespace(name="finance"))
    identity = await identity_of(None, asked)  # type: ignore[arg-type]  # a guild needs no desk
    assert identity is not None
    assert identity.place == Place("5", "finance")
