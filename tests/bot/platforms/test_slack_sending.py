"""The Slack sender against the wire: one request each, classed as it must be, found again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.chat import NO_PICTURE, Act, Address, Outgoing, SendError
from bot.delivery.sending import REPEAT
from bot.platforms.slack.faults import send_error
from bot.platforms.slack.sending import SlackSender
from tests.bot.platforms.sending_cast import (
    HUGE,
    PDF,
    PICTURE,
    REFERENCE,
    REPORT,
    SINCE,
    composed,
    no_generator_left,
    outgoing,
)
from tests.doubles.closed_port import closed_port
from tests.doubles.slack import SlackDouble, slack_double
from tests.doubles.slack_payloads import CHANNEL, DIRECT, TEAM
from tests.doubles.slack_rules import complaints
from tests.doubles.slack_stage import settings_for

HERE = Address(TEAM, CHANNEL)
ALONE = Address(TEAM, "U1", is_direct=True)


@asynccontextmanager
async def sending(http_seconds: float = 20.0) -> AsyncIterator[tuple[SlackDouble, SlackSender]]:
    async with slack_double() as slack:
        sender = SlackSender(settings_for(slack), http_seconds=http_seconds)
        try:
            yield slack, sender
        finally:
            await sender.close()


def post(sender: SlackSender, act: Act = "post", **more: Any) -> Outgoing:  # noqa: ANN401  # fields of Outgoing
    return outgoing(HERE, {} if act == "file" else composed(sender), act, **more)


async def failure(sender: SlackSender, wanted: Outgoing) -> SendError:
    with pytest.raises(SendError) as caught:
        await sender.send(wanted)
    return caught.value


async def test_a_post_carries_its_reference_and_expands_nothing() -> None:
    async with sending() as (slack, sender):
        ts = await sender.send(post(sender))
        (sent,) = slack.called("chat.postMessage")
    assert ts == slack.messages[0]["ts"]
    assert sent["metadata"]["event_payload"] == {"key": REFERENCE}
    assert f"ref {REFERENCE}" in json.dumps(sent["blocks"])
    assert "plain" not in sent


def test_equal_reports_are_equal_messages() -> None:
    sender = SlackSender(settings_for(SlackDouble()))
    assert json.dumps(composed(sender)) == json.dumps(composed(sender))


@pytest.mark.parametrize("report", [REPORT, HUGE], ids=["usual", "huge"])
def test_every_form_of_a_message_is_taken(report: object) -> None:
    sender = SlackSender(settings_for(SlackDouble()))
    full = composed(sender, report)  # type: ignore[arg-type]  # a parameter's type is lost
    bare = sender.plainer(full)
    assert bare is not None
    assert sender.plainer(bare) is None
    for form in (full, bare):
        noted = sender.noted(form, "may be a repeat: the first try got no answer")
        body = {"channel": CHANNEL, "text": noted["text"]}
        body |= {"blocks": noted["blocks"]} if "blocks" in noted else {}
        assert list(complaints("request", "chat.postMessage", body)) == []
        assert "may be a repeat" in json.dumps(body)
        assert f"ref {REFERENCE}" in json.dumps(body)
        assert "<!channel>" not in json.dumps(body)


async def test_the_picture_stands_in_its_place() -> None:
    async with sending() as (slack, sender):
        payload = composed(sender, pictured=True)
        await sender.send(outgoing(HERE, payload, attachment=PICTURE))
        await sender.send(outgoing(HERE, payload, attachment=PICTURE, reference="other"))
    images = [b for m in slack.messages for b in m["blocks"] if b["type"] == "image"]
    assert [image["slack_file"] for image in images] == [{"id": "F00000001"}] * 2


@pytest.mark.parametrize("step", ["files.getUploadURLExternal", "files.completeUploadExternal"])
async def test_a_picture_that_must_wait_is_waited_for_by_its_message(step: str) -> None:
    async with sending() as (slack, sender):
        slack.faults[step].append(429)
        slack.retry_after = "30"
        payload = composed(sender, pictured=True)
        for _ in range(2):
            with pytest.raises(SendError) as refused:
                await sender.send(outgoing(HERE, payload, attachment=PICTURE))
            assert refused.value.failure == "refused"
            assert 29 < (refused.value.retry_after or 0) <= 30
        assert len(slack.called(step)) == 1
        assert not slack.messages


@pytest.mark.parametrize("broken", ["upload", "look", "none"])
async def test_a_picture_that_fails_is_told_and_stops_no_text(broken: str) -> None:
    async with sending() as (slack, sender):
        if broken == "upload":
            slack.faults["upload"].append(500)
        if broken == "look":
            slack.faults["files.info"].append("file_not_found")
        picture = None if broken == "none" else PICTURE
        payload = composed(sender, pictured=True)
        await sender.send(outgoing(HERE, payload, attachment=picture))
    (message,) = slack.messages
    assert "image" not in {block["type"] for block in message["blocks"]}
    assert NO_PICTURE in json.dumps(message["blocks"])


async def test_a_reply_stands_in_the_thread_and_a_change_in_the_message() -> None:
    async with sending() as (slack, sender):
        root = await sender.send(post(sender))
        await sender.send(post(sender, "reply", parent=root, reference="other"))
        changed = replace(post(sender, "edit", parent=root), payload={"text": "resolved"})
        assert await sender.send(changed) == root
    assert slack.messages[1]["thread_ts"] == root
    assert slack.messages[0]["text"] == "resolved"
    assert slack.messages[0]["metadata"]["event_payload"] == {"key": REFERENCE}


async def test_a_direct_message_opens_the_conversation_once() -> None:
    async with sending() as (slack, sender):
        await sender.send(outgoing(ALONE, composed(sender)))
        await sender.send(outgoing(ALONE, composed(sender), reference="other"))
    assert [message["channel"] for message in slack.messages] == [DIRECT] * 2
    assert len(slack.called("conversations.open")) == 1


# ---- found again


async def test_a_post_whose_answer_was_lost_is_found() -> None:
    async with sending() as (slack, sender):
        slack.faults["chat.postMessage"].append("lost")
        assert (await failure(sender, post(sender))).failure == "unknown"
        with no_generator_left():
            assert await sender.find(post(sender), since=SINCE) == slack.messages[0]["ts"]
        assert await sender.find(post(sender, reference="other"), since=SINCE) is None
    assert len(slack.called("chat.postMessage")) == 1


async def test_somebody_elses_message_is_not_ours() -> None:
    async with sending() as (slack, sender):
        await sender.send(post(sender))
        slack.messages[0]["said_by"] = {"user": "U9", "bot_id": "B9"}
        assert await sender.find(post(sender), since=SINCE) is None


async def test_a_reply_and_a_file_are_found_in_their_thread() -> None:
    async with sending() as (slack, sender):
        root = await sender.send(post(sender))
        reply = post(sender, "reply", parent=root, reference="other")
        file = post(sender, "file", parent=root, reference="third", attachment=PDF)
        assert await sender.find(file, since=SINCE) is None
        sent = [await sender.send(reply), await sender.send(file)]
        assert [await sender.find(one, since=SINCE) for one in (reply, file)] == sent
    assert slack.messages[2]["thread_ts"] == root


async def test_a_file_that_may_be_a_repeat_says_so_above_itself() -> None:
    async with sending() as (slack, sender):
        root = await sender.send(post(sender))
        file = post(sender, "file", parent=root, attachment=PDF)
        await sender.send(replace(file, payload=sender.noted(file.payload, REPEAT)))
        assert await sender.find(file, since=SINCE) is not None
    assert slack.messages[1]["initial_comment"] == REPEAT


async def test_a_message_on_a_later_page_is_found() -> None:
    async with sending() as (slack, sender):
        await sender.send(post(sender))
        for _ in range(250):
            slack._said("message", {"channel": CHANNEL, "text": "chatter"})
        assert await sender.find(post(sender), since=SINCE) == slack.messages[0]["ts"]


async def test_what_was_said_last_is_read_whatever_our_clock_says() -> None:
    async with sending() as (_, sender):
        root = await sender.send(post(sender))
        reply = post(sender, "reply", parent=root, reference="other")
        sent = [root, await sender.send(reply)]
        ahead = SINCE + timedelta(hours=1)
        assert [await sender.find(one, since=ahead) for one in (post(sender), reply)] == sent


async def test_what_is_older_is_not_read_any_further() -> None:
    async with sending() as (slack, sender):
        for _ in range(450):
            slack._said("message", {"channel": CHANNEL, "text": "chatter"})
        assert await sender.find(post(sender), since=SINCE + timedelta(hours=1)) is None
        assert len(slack.called("conversations.history")) == 1


async def test_not_found_in_a_channel_too_busy_to_read_is_no_answer() -> None:
    async with sending() as (slack, sender):
        for _ in range(2_100):
            slack._said("message", {"channel": CHANNEL, "text": "chatter"})
        with pytest.raises(SendError, match="history_too_long"):
            await sender.find(post(sender), since=SINCE)


@pytest.mark.parametrize("word", ["missing_scope", "not_in_channel"])
async def test_a_history_that_may_not_be_read_says_so(word: str) -> None:
    async with sending() as (slack, sender):
        slack.faults["conversations.history"].append(word)
        with pytest.raises(SendError) as caught:
            await sender.find(post(sender), since=SINCE)
    assert (caught.value.failure, caught.value.code) == ("destination", word)


async def test_a_change_is_never_looked_for() -> None:
    async with sending() as (slack, sender):
        assert await sender.find(post(sender, "edit", parent="1.1"), since=SINCE) is None
    assert not slack.calls


# ---- what goes wrong


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (500, "refused"),
        (503, "refused"),
        (502, "unknown"),
        ("ratelimited", "refused"),
        ("internal_error", "refused"),
        ("service_unavailable", "refused"),
        ("fatal_error", "unknown"),
        ("channel_not_found", "destination"),
        ("is_archived", "destination"),
        ("not_in_channel", "destination"),
        ("restricted_action_read_only_channel", "destination"),
        ("user_not_found", "destination"),
        ("cannot_dm_bot", "destination"),
        ("invalid_auth", "account"),
        ("token_revoked", "account"),
        ("account_inactive", "account"),
        ("not_authed", "account"),
        ("missing_scope", "account"),
        ("org_login_required", "account"),
        ("team_added_to_org", "account"),
        ("team_access_not_granted", "account"),
        ("access_denied", "account"),
        ("accesslimited", "account"),
        ("ekm_access_denied", "account"),
        ("enterprise_is_restricted", "account"),
        ("two_factor_setup_required", "account"),
        ("request_timeout", "refused"),
        ("external_channel_migrating", "refused"),
        ("message_limit_exceeded", "refused"),
        ("invalid_blocks", "payload"),
        ("msg_too_long", "payload"),
        ("too_many_attachments", "payload"),
        ("metadata_too_large", "payload"),
        ("a_word_of_next_year", "payload"),
    ],
)
async def test_a_refusal_is_classed_by_what_helps(fault: int | str, expected: str) -> None:
    async with sending() as (slack, sender):
        slack.faults["chat.postMessage"].append(fault)
        failed = await failure(sender, post(sender))
    assert failed.failure == expected
    assert len(slack.called("chat.postMessage")) == 1


async def test_an_answer_that_does_not_come_is_unknown() -> None:
    async with sending(http_seconds=2.0) as (slack, sender):
        slack.weather.lost, slack.weather.late, slack.weather.hold = 1.0, 0.0, 60.0
        assert (await failure(sender, post(sender))).failure == "unknown"
    assert len(slack.messages) == 1


async def test_a_server_that_is_not_there_got_nothing() -> None:
    async with sending() as (slack, _):
        with closed_port() as port:
            away_url = {"slack_api_url": f"http://127.0.0.1:{port}/api/"}
            away = SlackSender(settings_for(slack).model_copy(update=away_url))
            assert (await failure(away, post(away))).failure == "refused"
            await away.close()


async def test_after_a_429_the_method_is_not_called_before_its_time() -> None:
    async with sending() as (slack, sender):
        slack.retry_after = "600"
        slack.faults["chat.postMessage"].append(429)
        first = await failure(sender, post(sender))
        again = await failure(sender, post(sender))
    assert (first.failure, first.retry_after, first.status) == ("refused", 600, 429)
    assert again.retry_after == pytest.approx(600, abs=1)
    assert len(slack.called("chat.postMessage")) == 1


@pytest.mark.parametrize("step", ["files.getUploadURLExternal", "upload"])
async def test_a_file_that_was_not_completed_was_surely_not_sent(step: str) -> None:
    async with sending() as (slack, sender):
        root = await sender.send(post(sender))
        slack.faults[step].append(502)
        file = post(sender, "file", parent=root, attachment=PDF)
        assert (await failure(sender, file)).failure == "refused"


@pytest.mark.parametrize("step", ["files.getUploadURLExternal", "files.completeUploadExternal"])
async def test_without_the_scope_for_files_only_the_file_is_refused(step: str) -> None:
    async with sending() as (slack, sender):
        root = await sender.send(post(sender))
        slack.faults[step].append("missing_scope")
        failed = await failure(sender, post(sender, "file", parent=root, attachment=PDF))
    assert (failed.failure, failed.code) == ("payload", "missing_scope files:write")


async def test_without_the_scope_for_conversations_only_that_one_is_closed() -> None:
    async with sending() as (slack, sender):
        slack.faults["conversations.open"].append("missing_scope")
        failed = await failure(sender, outgoing(ALONE, composed(sender)))
    assert (failed.failure, failed.code) == ("destination", "missing_scope im:write")


@pytest.mark.parametrize("said", ["Wed, 21 Oct 2026 07:28:00 GMT", "inf", "nan"])
async def test_a_pause_that_cannot_be_read_is_half_a_minute(said: str) -> None:
    async with sending() as (slack, sender):
        slack.retry_after = said
        slack.faults["chat.postMessage"].append(429)
        failed = await failure(sender, post(sender))
    assert (failed.failure, failed.retry_after) == ("refused", 30)


def test_a_fault_is_told_by_a_word_only() -> None:
    failed = send_error(TimeoutError("http://secret.example/?token=xoxb-1"), effect=True)
    assert failed.code == "TimeoutError"


# ---- how it stands


async def test_a_channel_tells_how_the_bot_and_a_person_stand() -> None:
    async with sending() as (slack, sender):
        slack.members = [f"U{n}" for n in range(1500)]
        found = await sender.standing(HERE, person="U1499")
        stranger = await sender.standing(HERE, person="U9999")
    assert (found.name, found.can_post, found.can_read_history) == ("general", True, True)
    assert (found.is_member, stranger.is_member, found.is_external) == (True, False, False)


async def test_a_public_channel_without_the_bot_can_be_posted_to_but_not_read() -> None:
    async with sending() as (slack, sender):
        slack.is_member = False
        found = await sender.standing(HERE)
    assert (found.can_post, found.can_read_history, found.is_member) == (True, False, None)


async def test_without_its_scope_no_history_can_be_read() -> None:
    async with sending() as (slack, sender):
        slack.scopes = ["chat:write", "im:history"]
        assert (await sender.standing(HERE)).can_read_history is False
        assert (await sender.standing(ALONE)).can_read_history is True
    assert not slack.called("conversations.history")


@pytest.mark.parametrize("flag", ["is_archived", "is_private"])
async def test_an_archived_or_closed_channel_takes_nothing(flag: str) -> None:
    async with sending() as (slack, sender):
        slack.is_member = False
        slack.channel[flag] = True
        assert (await sender.standing(HERE)).can_post is False


async def test_an_unknown_channel_is_a_dead_destination() -> None:
    async with sending() as (_, sender):
        with pytest.raises(SendError, match="channel_not_found"):
            await sender.standing(Address(TEAM, "C404"))


async def test_a_person_stands_alone_with_the_bot() -> None:
    async with sending() as (_, sender):
        found = await sender.standing(ALONE, person="U1")
    assert (found.name, found.can_post, found.is_member) == ("Person U1", True, True)


@pytest.mark.parametrize("flag", ["is_restricted", "is_ultra_restricted", "is_stranger", "deleted"])
async def test_a_guest_and_who_left_stand_outside(flag: str) -> None:
    async with sending() as (slack, sender):
        assert not (await sender.standing(ALONE)).is_external
        slack.people["U1"][flag] = True
        assert (await sender.standing(ALONE)).is_external


async def test_the_token_of_another_team_is_told_by_the_probe() -> None:
    async with sending() as (slack, sender):
        await sender.probe(TEAM)
        with pytest.raises(SendError, match="wrong_team"):
            await sender.probe("T2")
    assert len(slack.called("auth.test")) == 2
