"""Channels that another organisation reads, too: only help is answered there, whoever asks.

Row 24 of the bad inputs of the security rules, for every command and every button.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from bot.context import Identity, Place
from bot.registry import COMMANDS
from storage.engine import reading
from tests.doubles.slack import SlackDouble
from tests.doubles.slack_payloads import CHANNEL, Payload, mention, press, slash, submit, type_into
from tests.doubles.slack_stage import Stage, stage

LINE = "by-model last 7d"
SHARED = "This channel is shared with another organisation"


@pytest.fixture
async def scene(sqlite_engine: sa.Engine) -> AsyncIterator[Stage]:
    async with stage(sqlite_engine) as scene:
        yield scene


@pytest.fixture
async def slack(scene: Stage) -> SlackDouble:
    """U1 is an owner."""
    return scene.slack


async def ask(slack: SlackDouble, line: str) -> Payload:
    """The next answer to a slash command."""
    before = len(slack.responses["r1"])
    await slack.send("slash_commands", slash(line, url=slack.response_url()))
    await slack.until(lambda: len(slack.responses["r1"]) > before)
    answer: Payload = slack.responses["r1"][before]
    return answer


async def click(slack: SlackDouble, payload: Payload, *, count: int = 1) -> Payload:
    """What is said to somebody who presses a button or sends a form."""
    await slack.send("interactive", payload)
    await slack.until(lambda: len(slack.responses["r2"]) >= count)
    answer: Payload = slack.responses["r2"][count - 1]
    return answer


def carried(answer: Payload) -> dict[str, str]:
    """What each button of an answer carries."""
    rows = [block for block in answer["blocks"] if block["type"] == "actions"]
    found = [one for row in rows for one in row["elements"] if one["type"] == "button"]
    return {one["text"]["text"]: one["value"] for one in found}


# ---- lines


@pytest.mark.parametrize("flag", ["is_ext_shared", "is_pending_ext_shared"])
@pytest.mark.parametrize("line", [LINE, "", "me", "budget set 100 monthly", "alerts here"])
async def test_bad_input_24_a_shared_channel_is_told_where_to_ask(
    slack: SlackDouble, flag: str, line: str
) -> None:
    slack.channel[flag] = True
    answer = await ask(slack, line)
    assert answer["response_type"] == "ephemeral"
    assert SHARED in answer["text"]
    assert "direct message" in str(answer)
    assert not {block["type"] for block in answer["blocks"]} & {"image", "data_table", "actions"}


async def test_bad_input_24_no_command_is_answered_there_but_help(scene: Stage) -> None:
    slack = scene.slack
    slack.channel["is_ext_shared"] = True
    for line in ("help", "help by-user"):
        assert SHARED not in (await ask(slack, line))["text"]
    place = Place(CHANNEL, "general", is_external=True)
    for command in COMMANDS.values():
        told = scene.desk.answer(command.example, Identity("slack", "T1", "U1", place=place))
        assert (SHARED in told.headline) == (command.name != "help"), command.name


async def test_bad_input_24_a_mention_there_is_whispered_the_same(slack: SlackDouble) -> None:
    slack.channel["is_ext_shared"] = True
    await slack.send("events_api", mention(LINE))
    await slack.until(lambda: slack.messages)
    (answer,) = slack.messages
    assert (answer["kind"], answer["channel"]) == ("ephemeral", CHANNEL)
    assert SHARED in answer["text"]


async def test_bad_input_24_what_was_to_be_changed_there_is_in_the_audit(scene: Stage) -> None:
    scene.slack.channel["is_ext_shared"] = True
    await ask(scene.slack, "budget set 100 monthly")
    with reading(scene.desk.engine) as connection:
        refused = connection.execute(sa.text("SELECT action, result FROM audit")).all()
    assert ("budget set", "refused") in [tuple(row) for row in refused]


# ---- buttons


@pytest.fixture
async def values(slack: SlackDouble) -> dict[str, str]:
    """The buttons of an answer to U1 in a channel of our own; C9 is shared."""
    slack.add_channel("C9", name="with-partners")["is_ext_shared"] = True
    return carried(await ask(slack, "by-model last 30d"))


@pytest.mark.parametrize("label", ["7d", "Export CSV", "PDF", "Share to channel"])
async def test_bad_input_24_a_button_is_answered_as_a_line_is(
    slack: SlackDouble, values: dict[str, str], label: str
) -> None:
    answer = await click(slack, press(values[label], url=slack.response_url("r2"), channel="C9"))
    assert "another organisation" in answer["text"]
    assert not slack.messages


async def test_bad_input_24_a_form_that_was_opened_there_is_answered_as_a_line_is(
    slack: SlackDouble, values: dict[str, str]
) -> None:
    pressed = press(values["More…"], url=slack.response_url("r2"), channel="C9")
    await slack.send("interactive", pressed)
    await slack.until(lambda: slack.called("views.open"))
    view = slack.called("views.open")[0]["view"]
    answer = await click(slack, submit(view, {}))
    assert SHARED in answer["text"]
    said = await slack.ask("interactive", type_into(view, "model", "gpt-4.1 m"))
    assert said == {"options": []}
    again = await click(slack, pressed | {"trigger_id": "later"}, count=2)
    assert SHARED in again["text"]
    assert len(slack.called("views.open")) == 1


# ---- what it costs, and what is done where Slack tells nothing


async def test_a_usual_channel_is_looked_at_once_in_ten_minutes(scene: Stage) -> None:
    for _ in range(3):
        assert SHARED not in (await ask(scene.slack, LINE))["text"]
    assert len(scene.slack.called("conversations.info")) == 1


@pytest.mark.parametrize("fault", ["missing_scope", 500, "lost"])
async def test_where_slack_does_not_tell_a_question_is_answered_and_asked_about_once_a_minute(
    slack: SlackDouble, fault: int | str
) -> None:
    slack.faults["conversations.info"].extend([fault] * 9)
    assert SHARED not in (await ask(slack, LINE))["text"]
    asked = len(slack.called("conversations.info"))
    assert SHARED not in (await ask(slack, LINE))["text"]
    assert len(slack.called("conversations.info")) == asked
