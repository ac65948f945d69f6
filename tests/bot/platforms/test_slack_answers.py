"""Every way into the bot gives the same answer: text at once, a native table, the chart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import sqlalchemy as sa
import structlog

from bot.desk import Desk
from bot.pacing import Pacing
from bot.platforms.slack.pictures import is_slacks
from bot.registry import COMMANDS
from bot.render.slack_body import entities
from bot.settings import SLACK_API
from storage.engine import writing
from storage.roles import set_role
from storage.workspaces import release_chat
from tests.databases import home
from tests.doubles.slack import SlackDouble
from tests.doubles.slack_payloads import (
    CHANNEL,
    DIRECT,
    Payload,
    direct,
    home_opened,
    mention,
    slash,
)
from tests.doubles.slack_stage import PNG, QUICK, Stage, stage

LINE = "by-model last 7d"


@pytest.fixture
async def scene(sqlite_engine: sa.Engine) -> AsyncIterator[Stage]:
    async with stage(sqlite_engine) as scene:
        yield scene


@pytest.fixture
async def slack(scene: Stage) -> SlackDouble:
    return scene.slack


def kinds(message: Payload) -> set[str]:
    return {block["type"] for block in message.get("blocks", ())}


async def answers(slack: SlackDouble, payload: Payload, *, count: int = 1) -> list[Payload]:
    """What the bot has sent to a response URL once `count` messages are there."""
    await slack.send("slash_commands", payload)
    await slack.until(lambda: len(slack.responses["r1"]) >= count)
    return slack.responses["r1"]


# ---- the ways in


async def test_a_command_is_answered_privately_with_chart_and_table(slack: SlackDouble) -> None:
    (answer,) = await answers(slack, slash(LINE, url=slack.response_url()))
    assert answer["response_type"] == "ephemeral"
    assert {"image", "data_table", "actions"} <= kinds(answer)
    assert list(slack.files.values()) == [PNG]


async def test_a_mention_is_whispered_in_its_thread(slack: SlackDouble) -> None:
    await slack.send("events_api", mention(LINE, thread="1774875900.000001"))
    await slack.until(lambda: slack.messages)
    (answer,) = slack.messages
    assert (answer["kind"], answer["channel"], answer["user"]) == ("ephemeral", CHANNEL, "U1")
    assert answer["thread_ts"] == "1774875900.000001"
    assert {"image", "data_table"} <= kinds(answer)


async def test_a_direct_message_is_answered_in_its_conversation(slack: SlackDouble) -> None:
    await slack.send("events_api", direct(LINE))
    await slack.until(lambda: slack.messages)
    (answer,) = slack.messages
    assert (answer["kind"], answer["channel"]) == ("message", DIRECT)
    assert {"image", "data_table"} <= kinds(answer)


@pytest.mark.parametrize(
    "event", [{"bot_id": "B9"}, {"subtype": "message_changed"}, {"channel": CHANNEL}]
)
async def test_what_bots_and_channels_write_is_not_answered(
    sqlite_engine: sa.Engine, event: Payload
) -> None:
    async with stage(sqlite_engine) as scene:
        await scene.slack.send("events_api", direct(LINE, **event))
    assert not scene.slack.messages


async def test_what_nobody_listens_to_is_acknowledged(slack: SlackDouble) -> None:
    await slack.send("events_api", direct("help") | {"event": {"type": "reaction_added"}})
    await slack.send("interactive", {"type": "shortcut", "callback_id": "x", "team": {"id": "T1"}})
    assert not slack.messages


async def test_a_malformed_envelope_is_logged_and_the_next_one_answered(
    slack: SlackDouble,
) -> None:
    with structlog.testing.capture_logs() as logs:
        await slack.send(
            "events_api",
            direct("help") | {"event_id": None, "event": {"type": "message", "user": "U1"}},
        )
        await answers(slack, slash("help", url=slack.response_url()))
    assert "slack.envelope_not_understood" in [entry["event"] for entry in logs]


async def test_the_home_tab_tells_what_can_be_asked(slack: SlackDouble) -> None:
    await slack.send("events_api", home_opened())
    await slack.until(lambda: slack.called("views.publish"))
    (published,) = slack.called("views.publish")
    assert published["user_id"] == "U1"
    shown = str(published["view"])
    assert all(entities(command.example) in shown for command in COMMANDS.values())


async def test_a_mistake_is_quoted_and_harmless(slack: SlackDouble) -> None:
    url = slack.response_url()
    (answer,) = await answers(slack, slash("by-modle &lt;!channel&gt;", url=url))
    assert "by-modle" in answer["text"]
    assert "<!" not in str(answer)


@pytest.fixture
def governed(scene: Stage) -> Stage:
    """U1 is an admin."""
    who = {"platform": "slack", "external_id": "T1", "user_id": "U1"}
    with writing(scene.desk.engine) as connection:
        set_role(connection, 1, **who, role="admin")
    return scene


CHOICES = ("alerts here", "digest subscribe daily 09:00")


@pytest.mark.parametrize("line", [*CHOICES, "budget set 100 monthly"])
async def test_a_private_channel_is_told_nothing_until_the_bot_is_invited(
    governed: Stage, line: str
) -> None:
    slack = governed.slack
    hidden = slack.channels.pop(CHANNEL)
    (refused,) = await answers(slack, slash(line, url=slack.response_url()))
    assert "cannot see who reads along" in refused["text"]
    assert "/invite @creditbot" in str(refused)
    slack.channels[CHANNEL] = hidden
    done = (await answers(slack, slash(line, url=slack.response_url()), count=2))[1]
    assert "reads along" not in done["text"]


async def test_what_is_for_oneself_may_be_asked_for_in_a_hidden_channel(governed: Stage) -> None:
    slack = governed.slack
    slack.channels.clear()
    line = "digest subscribe daily 09:00 to=me"
    (done,) = await answers(slack, slash(line, url=slack.response_url()))
    assert "to you, directly" in done["text"]


# ---- once


async def test_a_command_that_comes_twice_is_answered_once(sqlite_engine: sa.Engine) -> None:
    async with stage(sqlite_engine) as scene:
        payload = slash("help", url=scene.slack.response_url())
        again = await scene.slack.send("slash_commands", payload)
        await scene.slack.send("slash_commands", payload, again=again)
    assert len(scene.slack.responses["r1"]) == 1


async def test_a_message_that_comes_twice_is_answered_once(sqlite_engine: sa.Engine) -> None:
    async with stage(sqlite_engine) as scene:
        payload = direct("help")
        again = await scene.slack.send("events_api", payload)
        await scene.slack.send("events_api", payload, again=again)
        # Slack Connect may deliver one message under two event ids.
        await scene.slack.send("events_api", payload | {"event_id": "EvOther"})
    assert len(scene.slack.messages) == 1


# ---- pictures


async def test_a_slow_chart_follows_in_the_place_of_the_text(sqlite_engine: sa.Engine) -> None:
    async with stage(sqlite_engine, replace(QUICK, chart=0.01)) as scene:
        scene.sketch.held.clear()
        url = scene.slack.response_url()
        (first,) = list(await answers(scene.slack, slash(LINE, url=url)))
        scene.sketch.held.set()
        await scene.slack.until(lambda: len(scene.slack.responses["r1"]) == 2)
    later = scene.slack.responses["r1"][1]
    assert "image" not in kinds(first)
    assert later["replace_original"]
    assert "image" in kinds(later)


async def test_a_slow_chart_of_a_mention_comes_alone(sqlite_engine: sa.Engine) -> None:
    async with stage(sqlite_engine, replace(QUICK, chart=0.01)) as scene:
        scene.sketch.held.clear()
        await scene.slack.send("events_api", mention(LINE))
        await scene.slack.until(lambda: scene.slack.messages)
        scene.sketch.held.set()
        await scene.slack.until(lambda: len(scene.slack.messages) == 2)
    assert [kinds(message) for message in scene.slack.messages][1] == {"image"}


async def test_a_slow_chart_of_a_direct_message_changes_it(sqlite_engine: sa.Engine) -> None:
    async with stage(sqlite_engine, replace(QUICK, chart=0.01)) as scene:
        scene.sketch.held.clear()
        await scene.slack.send("events_api", direct(LINE))
        await scene.slack.until(lambda: scene.slack.messages)
        scene.sketch.held.set()
        await scene.slack.until(lambda: scene.slack.called("chat.update"))
    (message,) = scene.slack.messages
    assert "image" in kinds(message)


@pytest.mark.parametrize("fault", ["broken", "raises", "upload", "never ready", "refused"])
async def test_without_its_chart_the_answer_still_comes_and_says_so(
    scene: Stage, fault: str
) -> None:
    scene.sketch.broken = fault == "broken"
    scene.sketch.error = RuntimeError("shutdown") if fault == "raises" else None
    scene.slack.polls_until_ready = 99 if fault == "never ready" else 1
    scene.slack.faults["upload"].extend([500] if fault == "upload" else [])
    word = "files.getUploadURLExternal"
    scene.slack.faults[word].extend(["missing_scope"] if fault == "refused" else [])
    (answer,) = await answers(scene.slack, slash(LINE, url=scene.slack.response_url()))
    assert {"data_table"} == kinds(answer) & {"image", "data_table"}
    assert "The chart could not be drawn." in str(answer)


async def test_the_picture_waits_until_slack_has_seen_the_file(slack: SlackDouble) -> None:
    slack.polls_until_ready = 3
    (answer,) = await answers(slack, slash(LINE, url=slack.response_url()))
    assert "image" in kinds(answer)
    assert len(slack.called("files.info")) == 3


# ---- what Slack refuses


@pytest.mark.parametrize(
    ("refusals", "left"),
    [(1, {"data_table"}), (2, set()), (3, set())],
    ids=["no chart", "no native table", "bare text"],
)
async def test_rejected_blocks_are_sent_again_plainer(
    slack: SlackDouble, refusals: int, left: set[str]
) -> None:
    slack.faults["response"].extend(["invalid_blocks"] * refusals)
    (answer,) = await answers(slack, slash(LINE, url=slack.response_url()))
    assert kinds(answer) & {"image", "data_table"} == left
    assert bool(answer.get("blocks")) == (refusals < 3)
    assert "credits" in answer["text"]


async def test_rejected_blocks_of_a_post_are_sent_again_plainer(slack: SlackDouble) -> None:
    slack.faults["chat.postMessage"].extend(["invalid_blocks", "msg_blocks_too_long"])
    await slack.send("events_api", direct(LINE))
    await slack.until(lambda: slack.messages)
    assert not kinds(slack.messages[0]) & {"image", "data_table"}


async def test_a_post_that_slack_did_not_take_is_sent_again(slack: SlackDouble) -> None:
    slack.faults["chat.postMessage"].append(429)
    await slack.send("events_api", direct("help"))
    await slack.until(lambda: slack.messages)
    posts = [call for call in slack.called("chat.postMessage") if "blocks" in call]
    assert (len(posts), len(slack.messages)) == (2, 1)


@pytest.mark.parametrize("fault", ["lost", 500])
async def test_a_post_that_slack_may_have_taken_is_not_sent_again(
    sqlite_engine: sa.Engine, fault: str | int
) -> None:
    async with stage(sqlite_engine) as scene:
        scene.slack.faults["chat.postMessage"].append(fault)
        await scene.slack.send("events_api", direct("help"))
    answers = [call for call in scene.slack.called("chat.postMessage") if "blocks" in call]
    assert len(answers) == 1


@pytest.mark.parametrize("fault", [500, 429, "lost"])
async def test_a_question_to_slack_is_repeated(slack: SlackDouble, fault: int | str) -> None:
    slack.faults["users.info"].append(fault)
    (answer,) = await answers(slack, slash("help", url=slack.response_url()))
    assert kinds(answer)


@pytest.mark.parametrize(
    "url", ["https://evil.example/response/r1", "https://hooks.slack.com.evil.example/", ""]
)
async def test_nothing_is_sent_to_an_address_that_is_not_slacks(
    sqlite_engine: sa.Engine, url: str
) -> None:
    with structlog.testing.capture_logs() as logs:
        async with stage(sqlite_engine) as scene:
            await scene.slack.send("slash_commands", slash("help", url=url))
    assert ("slack.answer_lost", "Untrusted") in [
        (entry["event"], entry.get("reason")) for entry in logs
    ]


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://hooks.slack.com/commands/T1/1/x", True),
        ("https://files.slack.com/upload/v1/x", True),
        ("http://hooks.slack.com/commands/T1/1/x", False),
        ("https://hooks.slack.com@evil.example/", False),
        ("https://evilslack.com/", False),
        ("https://slack.com.evil.example/", False),
    ],
)
def test_only_slacks_own_addresses_are_trusted(url: str, *, trusted: bool) -> None:
    assert is_slacks(url, SLACK_API) is trusted


async def test_a_flood_of_one_person_gets_one_busy_line(sqlite_engine: sa.Engine) -> None:
    async with stage(sqlite_engine, pacing=Pacing(lambda: 0.0)) as scene:
        for number in range(9):
            url = scene.slack.response_url(f"flood-{number}")
            await scene.slack.send("slash_commands", slash("help", url=url))
        others = scene.slack.response_url("other")
        await scene.slack.send("slash_commands", slash("help", url=others, user="U2"))
    said = [answer["text"] for answers in scene.slack.responses.values() for answer in answers]
    assert len([text for text in said if "commands" in text]) == 6
    assert [text for text in said if "a lot at once" in text] == [
        "That was a lot at once. Try again in 6 seconds."
    ]


# ---- whom a line mentions


@pytest.mark.parametrize("line", ["by-user <@U2|bob>", "by-model person=<@U2>"])
async def test_a_mention_is_the_person_with_that_mail(slack: SlackDouble, line: str) -> None:
    slack.people["U2"] = {"profile": {"email": "bob@example.com"}}
    (answer,) = await answers(slack, slash(line, url=slack.response_url()))
    assert "data_table" in kinds(answer)
    assert "person=bob@example.com" in str(answer)


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"profile": {"email": "eve@example.com"}}, "no person"),
        ({"profile": {"real_name": "Eve"}}, "of 'Eve'"),
    ],
)
async def test_a_mention_of_a_stranger_is_told_without_ids(
    slack: SlackDouble, known: Payload, words: str
) -> None:
    slack.people["U2"] = known
    for user in ("U2", "U404"):
        slack.responses["r1"].clear()
        line = f"by-user <@{user}>"
        (answer,) = await answers(slack, slash(line, url=slack.response_url()))
        assert (words if user == "U2" else "who you mention") in answer["text"]
        assert "U2" not in answer["text"]


# ---- who asks


@pytest.mark.parametrize("flag", ["is_restricted", "is_ultra_restricted", "is_stranger", "is_bot"])
async def test_bad_input_23_guests_get_no_numbers_but_help(slack: SlackDouble, flag: str) -> None:
    slack.people["U2"] = {flag: True}
    (answer,) = await answers(slack, slash(LINE, url=slack.response_url(), user="U2"))
    assert "Guests" in answer["text"]
    assert kinds(answer) & {"image", "data_table", "actions"} == set()
    helped = slash("help", url=slack.response_url(), user="U2")
    assert "commands" in (await answers(slack, helped, count=2))[1]["text"]


async def test_a_person_of_another_team_is_a_guest(slack: SlackDouble) -> None:
    slack.people["U2"] = {"team_id": "T9"}
    (answer,) = await answers(slack, slash(LINE, url=slack.response_url(), user="U2"))
    assert "Guests" in answer["text"]


async def test_another_team_gets_one_neutral_sentence(slack: SlackDouble) -> None:
    (answer,) = await answers(slack, slash(LINE, url=slack.response_url(), team="T9"))
    assert "not connected" in answer["text"]
    assert not slack.called("users.info")


async def test_whom_slack_does_not_know_is_told_so(slack: SlackDouble) -> None:
    (answer,) = await answers(slack, slash(LINE, url=slack.response_url(), user="U404"))
    assert "did not tell me who you are" in answer["text"]


async def test_slack_is_asked_once_a_day_who_somebody_is(slack: SlackDouble) -> None:
    await answers(slack, slash("help", url=slack.response_url()))
    await answers(slack, slash("help", url=slack.response_url()), count=2)
    assert len(slack.called("users.info")) == 1


async def test_a_released_team_gets_no_numbers(scene: Stage) -> None:
    _release(scene.desk)
    (answer,) = await answers(scene.slack, slash(LINE, url=scene.slack.response_url()))
    assert "not connected" in answer["text"]


def _release(desk: Desk) -> None:
    with writing(desk.engine) as connection:
        workspace = home(desk.engine)
        assert release_chat(connection, workspace.id, platform="slack", external_id="T1")
