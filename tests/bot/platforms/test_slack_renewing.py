"""A live answer in Slack renews itself as often as its response URL allows."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from tests.bot.pauses import Pauses, use
from tests.doubles.slack import SlackDouble
from tests.doubles.slack_payloads import CHANNEL, Payload, direct, mention, press, slash
from tests.doubles.slack_stage import Stage, stage

FIRST = "3 prompts in the last 15 minutes"


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
async def scene(sqlite_engine: sa.Engine, pauses: Pauses) -> AsyncIterator[Stage]:
    async with stage(sqlite_engine) as scene:
        scene.desk.pause = pauses
        yield scene
    assert scene.slack.violations == []


async def live(slack: SlackDouble) -> list[Payload]:
    """The answers of `/credits live` so far: one."""
    await slack.send("slash_commands", slash("live", url=slack.response_url()))
    await slack.until(lambda: slack.responses["r1"])
    return slack.responses["r1"]


async def test_a_response_url_renews_four_times_in_ten_minutes(
    scene: Stage, pauses: Pauses
) -> None:
    answers = await live(scene.slack)
    use(scene.desk)
    pauses.end(9)
    await scene.slack.until(lambda: len(answers) == 5)
    assert FIRST in answers[0]["text"]
    assert "Renews itself for 10 minutes." in str(answers[0])
    assert all("4 prompts in the last" in again["text"] for again in answers[1:])
    assert all(again["replace_original"] for again in answers[1:])
    assert "Renews itself for 5 minutes." in str(answers[2])
    assert "No longer renews itself." in str(answers[4])
    assert pauses.asked == [150.0] * 4


async def test_a_direct_message_is_changed_every_half_minute(scene: Stage, pauses: Pauses) -> None:
    await scene.slack.send("events_api", direct("live"))
    await pauses.begun()
    pauses.end(20)
    await scene.slack.until(lambda: len(scene.slack.called("chat.update")) == 20)
    assert pauses.asked == [30.0] * 20


async def test_what_only_one_person_was_whispered_stays_as_it_is(
    scene: Stage, pauses: Pauses
) -> None:
    await scene.slack.send("events_api", mention("live"))
    await scene.slack.until(lambda: scene.slack.messages)
    (answer,) = scene.slack.messages
    assert (answer["kind"], answer["channel"]) == ("ephemeral", CHANNEL)
    assert "Renews itself" not in str(answer)
    assert pauses.asked == []


async def test_a_message_that_is_replaced_renews_no_more(scene: Stage, pauses: Pauses) -> None:
    slack = scene.slack
    (answer,) = await live(slack)
    (row,) = [block["block_id"] for block in answer["blocks"] if block["type"] == "actions"]
    again = press("ask:by-model last 7d", url=slack.response_url("r2"), row=row)
    await slack.send("interactive", again)
    await slack.until(lambda: slack.responses["r2"])
    pauses.end(4)
    await live_is_over(scene)
    assert len(slack.responses["r1"]) == 1


async def live_is_over(scene: Stage) -> None:
    """Another question, answered behind whatever was under way."""
    slack = scene.slack
    await slack.send("slash_commands", slash("help", url=slack.response_url("r9")))
    await slack.until(lambda: slack.responses["r9"])


async def test_a_renewal_that_slack_refuses_is_the_last(scene: Stage, pauses: Pauses) -> None:
    await scene.slack.send("events_api", direct("live"))
    await pauses.begun()
    scene.slack.faults["chat.update"].append("message_not_found")
    pauses.end(5)
    await live_is_over(scene)
    assert pauses.asked == [30.0]


async def test_a_service_that_leaves_does_not_wait_for_renewals(
    sqlite_engine: sa.Engine, pauses: Pauses
) -> None:
    async with stage(sqlite_engine) as scene:  # which looks that no task is left
        scene.desk.pause = pauses
        await live(scene.slack)
        await pauses.begun()
    assert len(scene.slack.responses["r1"]) == 1
