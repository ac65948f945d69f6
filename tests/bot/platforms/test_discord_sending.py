"""The Discord sender against the wire: REST alone, once by its nonce, found again, classed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bot.chat import NO_PICTURE, Act, Address, Outgoing, SendError
from bot.delivery.sending import REPEAT
from bot.platforms.discord.requests import _seconds
from bot.platforms.discord.sending import DiscordSender
from bot.platforms.discord.standing import permissions
from tests.bot.platforms.sending_cast import (
    HUGE,
    PDF,
    PICTURE,
    PNG,
    REFERENCE,
    REPORT,
    SINCE,
    composed,
    no_generator_left,
    outgoing,
)
from tests.doubles.discord import LOST, DiscordDouble, running_double, text_of
from tests.doubles.discord_description import refusal
from tests.doubles.discord_desk import settings_for

VIEW, SEND, HISTORY = 1 << 10, 1 << 11, 1 << 16


@asynccontextmanager
async def sending(http_seconds: float = 20.0) -> AsyncIterator[tuple[DiscordDouble, DiscordSender]]:
    async with running_double() as discord:
        sender = DiscordSender(settings_for(discord), http_seconds=http_seconds)
        try:
            yield discord, sender
        finally:
            await sender.close()
        assert discord.violations == []
        assert discord.opcodes == []  # no gateway was needed


def here(discord: DiscordDouble) -> Address:
    return Address(discord.guild, discord.channel)


def post(
    discord: DiscordDouble,
    sender: DiscordSender,
    act: Act = "post",
    **more: Any,  # noqa: ANN401  # fields of Outgoing
) -> Outgoing:
    return outgoing(here(discord), {} if act == "file" else composed(sender), act, **more)


async def failure(sender: DiscordSender, wanted: Outgoing) -> SendError:
    with pytest.raises(SendError) as caught:
        await sender.send(wanted)
    return caught.value


async def test_a_post_pings_nobody_and_shows_its_reference() -> None:
    async with sending() as (discord, sender):
        sent = await sender.send(post(discord, sender))
        (call,) = discord.calls
    assert sent == discord.posts[0]["id"]
    assert call.body["allowed_mentions"] == {"parse": []}
    assert call.body["enforce_nonce"] is True
    assert f"ref {REFERENCE}" in text_of(discord.posts[0])


async def test_a_second_try_is_the_same_bytes_and_the_same_message() -> None:
    async with sending() as (discord, sender):
        discord.faults["/messages"].append(LOST)
        assert (await failure(sender, post(discord, sender))).failure == "refused"
        again = await sender.send(post(discord, sender))
        first, second = discord.calls
    assert again == discord.posts[0]["id"]
    assert len(discord.posts) == 1
    assert first.body == second.body


async def test_other_channels_and_deliveries_have_other_nonces() -> None:
    async with sending() as (discord, sender):
        discord.add_channel("77", name="finance")
        await sender.send(post(discord, sender))
        await sender.send(outgoing(Address(discord.guild, "77"), composed(sender)))
        await sender.send(post(discord, sender, reference="other"))
    assert len({call.body["nonce"] for call in discord.calls}) == len(discord.posts) == 3


@pytest.mark.parametrize("report", [REPORT, HUGE], ids=["usual", "huge"])
def test_every_form_of_a_message_is_taken(report: object) -> None:
    sender = DiscordSender(settings_for(DiscordDouble()))
    full = composed(sender, report)  # type: ignore[arg-type]  # a parameter's type is lost
    bare = sender.plainer(full)
    assert bare is not None
    assert sender.plainer(bare) is None
    for form in (full, bare):
        body = dict(sender.noted(form, "may be a repeat: the first try got no answer"))
        assert refusal(body, {}, v2=False) == ""
        assert "may be a repeat" in json.dumps(body)
        assert f"ref {REFERENCE}" in json.dumps(body)


async def test_the_picture_comes_with_the_message() -> None:
    async with sending() as (discord, sender):
        payload = composed(sender, pictured=True)
        await sender.send(outgoing(here(discord), payload, attachment=PICTURE))
        (call,) = discord.calls
    assert call.files == {"chart.png": PNG}
    assert call.body["attachments"][0]["description"] == PICTURE.alt


async def test_a_message_without_its_picture_says_so() -> None:
    async with sending() as (discord, sender):
        await sender.send(outgoing(here(discord), composed(sender, pictured=True)))
    assert NO_PICTURE in text_of(discord.posts[0])


async def test_parts_answer_their_message_and_a_change_takes_its_place() -> None:
    async with sending() as (discord, sender):
        root = await sender.send(post(discord, sender))
        await sender.send(post(discord, sender, "reply", parent=root, reference="other"))
        await sender.send(
            post(discord, sender, "file", parent=root, reference="third", attachment=PDF)
        )
        changed = sender.noted(composed(sender), "resolved 14:02")
        edit = outgoing(here(discord), changed, "edit", parent=root)
        assert await sender.send(edit) == root
    told = [message.get("message_reference", {}).get("message_id") for message in discord.posts]
    assert told == [None, root, root]
    assert discord.posts[2]["attachments"][0]["filename"] == "digest-third.pdf"
    assert "resolved 14:02" in text_of(discord.posts[0])


async def test_a_bare_message_can_take_the_place_of_a_rich_one() -> None:
    async with sending() as (discord, sender):
        root = await sender.send(post(discord, sender))
        bare = sender.plainer(composed(sender))
        assert bare is not None
        await sender.send(outgoing(here(discord), bare, "edit", parent=root))


async def test_a_direct_message_opens_the_conversation_once() -> None:
    async with sending() as (discord, sender):
        alone = Address(discord.guild, discord.alice["id"], is_direct=True)
        await sender.send(outgoing(alone, composed(sender)))
        await sender.send(outgoing(alone, composed(sender), reference="other"))
    assert len(discord.posts) == 2
    assert [call.path for call in discord.calls].count("/users/@me/channels") == 1


# ---- found again


async def test_a_message_is_found_after_its_nonce_is_forgotten() -> None:
    async with sending() as (discord, sender):
        discord.nonce_window = 0.0
        sent = await sender.send(post(discord, sender))
        with no_generator_left():
            assert await sender.find(post(discord, sender), since=SINCE) == sent
        assert await sender.find(post(discord, sender, reference="7f3"), since=SINCE) is None


async def test_a_file_is_found_by_its_name_and_a_bare_form_by_its_foot() -> None:
    async with sending() as (discord, sender):
        bare = sender.plainer(composed(sender))
        assert bare is not None
        told = outgoing(here(discord), bare)
        root = await sender.send(told)
        file = post(discord, sender, "file", parent=root, reference="third", attachment=PDF)
        sent = await sender.send(file)
        assert await sender.find(told, since=SINCE) == root
        assert await sender.find(file, since=SINCE) == sent


async def test_a_file_that_may_be_a_repeat_says_so_above_itself() -> None:
    async with sending() as (discord, sender):
        root = await sender.send(post(discord, sender))
        file = post(discord, sender, "file", parent=root, reference="third", attachment=PDF)
        sent = await sender.send(replace(file, payload=sender.noted(file.payload, REPEAT)))
        assert await sender.find(file, since=SINCE) == sent
    assert discord.posts[1]["content"] == f"-# {REPEAT}"


async def test_a_message_on_a_later_page_is_found_and_others_are_not_ours() -> None:
    async with sending() as (discord, sender):
        for _ in range(120):
            discord.post(discord.channel, {"content": "chatter"}, {})
        sent = await sender.send(post(discord, sender))
        assert await sender.find(post(discord, sender), since=SINCE) == sent
        discord.posts[-1]["author"] = discord.alice
        assert await sender.find(post(discord, sender), since=SINCE) is None


async def test_a_hidden_history_is_no_empty_one() -> None:
    async with sending() as (discord, sender):
        discord.everyone = str(VIEW | SEND)
        with pytest.raises(SendError, match="history_hidden"):
            await sender.find(post(discord, sender), since=SINCE)


async def test_an_empty_history_that_may_be_read_is_an_answer() -> None:
    async with sending() as (discord, sender):
        assert await sender.find(post(discord, sender), since=SINCE) is None


# ---- what goes wrong


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (500, "refused"),
        (503, "refused"),
        (504, "unknown"),
        (401, "account"),
        (403, "banned"),
        (404, "payload"),
        (400, "payload"),
        (413, "payload"),
    ],
)
async def test_a_status_is_classed_by_what_helps(status: int, expected: str) -> None:
    async with sending() as (discord, sender):
        discord.faults["/messages"].append(status)
        failed = await failure(sender, post(discord, sender))
        discord.violations.clear()  # Discord describes not all of these for a post
    assert (failed.failure, failed.status) == (expected, status)
    assert len(discord.calls) == 1


@pytest.mark.parametrize("code", [50001, 50007, 50013])
async def test_a_channel_that_is_closed_to_us_is_dead(code: int) -> None:
    async with sending() as (discord, sender):
        discord.may_not = code
        failed = await failure(sender, post(discord, sender))
    assert (failed.failure, failed.code) == ("destination", str(code))


@pytest.mark.parametrize(("code", "expected"), [(40333, "banned"), (200000, "payload")])
async def test_a_refusal_that_is_not_about_the_channel_kills_none(code: int, expected: str) -> None:
    async with sending() as (discord, sender):
        discord.may_not = code
        assert (await failure(sender, post(discord, sender))).failure == expected


async def test_a_wall_before_discord_hides_no_history() -> None:
    async with sending() as (discord, sender):
        discord.faults["/messages"].append(403)
        with pytest.raises(SendError) as caught:
            await sender.find(post(discord, sender), since=SINCE)
        discord.violations.clear()
    assert caught.value.failure == "banned"


async def test_a_channel_that_is_gone_is_dead_and_a_message_that_is_gone_is_not() -> None:
    async with sending() as (discord, sender):
        gone = outgoing(Address(discord.guild, "404"), composed(sender))
        assert (await failure(sender, gone)).failure == "destination"
        edit = post(discord, sender, "edit", parent="404")
        assert (await failure(sender, edit)).failure == "payload"


async def test_a_429_names_its_pause_and_the_bucket_then_rests() -> None:
    async with sending() as (discord, sender):
        discord.faults["/messages"].append(600.0)
        first = await failure(sender, post(discord, sender))
        again = await failure(sender, post(discord, sender))
        assert len(discord.calls) == 1
    assert (first.failure, first.retry_after, first.is_global) == ("refused", 600.0, False)
    assert again.retry_after == pytest.approx(600, abs=1)


async def test_a_global_429_says_so_and_all_requests_rest() -> None:
    async with sending() as (discord, sender):
        discord.limits_all = True
        discord.faults["/messages"].append(600.0)
        first = await failure(sender, post(discord, sender))
        with pytest.raises(SendError, match="waiting") as again:
            await sender.probe(discord.guild)
        assert len(discord.calls) == 1
    assert (first.retry_after, first.is_global, again.value.is_global) == (600.0, True, True)


@pytest.mark.parametrize("said", ["inf", "nan", "-inf", "soon", None])
def test_a_pause_that_cannot_be_read_is_five_seconds(said: str | None) -> None:
    assert _seconds(said) == 5.0


async def test_a_429_that_is_not_discords_own_is_a_ban() -> None:
    async with sending() as (discord, sender):
        discord.is_banned = True
        assert (await failure(sender, post(discord, sender))).failure == "banned"


async def test_an_answer_that_does_not_come_is_unknown() -> None:
    async with sending(http_seconds=2.0) as (discord, sender):
        discord.weather.lost, discord.weather.late, discord.weather.hold = 1.0, 0.0, 60.0
        assert (await failure(sender, post(discord, sender))).failure == "unknown"
    assert len(discord.posts) == 1


async def test_the_probe_tells_a_dead_token() -> None:
    async with sending() as (discord, sender):
        await sender.probe(discord.guild)
        discord.revoked = True
        with pytest.raises(SendError, match="account"):
            await sender.probe(discord.guild)


# ---- how it stands


async def test_a_channel_tells_how_the_bot_and_a_person_stand() -> None:
    async with sending() as (discord, sender):
        found = await sender.standing(here(discord), person=discord.alice["id"])
        stranger = await sender.standing(here(discord), person="404")
    assert (found.name, found.can_post, found.can_read_history) == ("general", True, True)
    assert (found.is_member, stranger.is_member, found.is_external) == (True, False, False)


async def test_who_left_the_guild_stands_outside() -> None:
    async with sending() as (discord, sender):
        inside, outside = [
            await sender.standing(Address(discord.guild, user, is_direct=True))
            for user in (discord.alice["id"], "404")
        ]
    assert (inside.is_external, outside.is_external) == (False, True)


async def test_a_channel_that_denies_writing_cannot_be_posted_to() -> None:
    async with sending() as (discord, sender):
        discord.everyone = str(VIEW | SEND | HISTORY)
        denied = {"id": discord.bot["id"], "type": 1, "allow": "0", "deny": str(SEND)}
        discord.overwrites = [denied]
        found = await sender.standing(here(discord))
    assert (found.can_post, found.can_read_history) == (False, True)


@pytest.mark.parametrize(
    ("overwrites", "may"),
    [
        ([], True),
        ([("1", 0, SEND)], False),
        ([("1", 0, SEND), ("5", SEND, 0)], True),
        ([("5", SEND, 0), ("9", 0, SEND)], False),
        ([("5", 0, SEND), ("9", SEND, 0)], True),
    ],
    ids=["roles", "everyone's denial", "a role's allowance", "one's own denial", "one's own right"],
)
def test_overwrites_count_from_everyone_over_roles_to_oneself(
    overwrites: list[tuple[str, int, int]], *, may: bool
) -> None:
    guild = {"id": "1", "owner_id": "2", "roles": [{"id": "1", "permissions": str(SEND)}]}
    rows = [{"id": key, "allow": str(a), "deny": str(d)} for key, a, d in overwrites]
    found = permissions(guild, {"permission_overwrites": rows}, user="9", roles=["5"])
    assert found.send_messages is may


def test_an_owner_and_an_administrator_may_everything() -> None:
    rows = [{"id": "9", "allow": "0", "deny": str(SEND)}]
    guild = {"id": "1", "owner_id": "9", "roles": [{"id": "5", "permissions": "8"}]}
    channel = {"permission_overwrites": rows}
    assert permissions(guild, channel, user="9", roles=[]).send_messages
    assert permissions(guild, channel, user="7", roles=["5"]).send_messages
