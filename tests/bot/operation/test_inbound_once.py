"""What two replicas are given, one of them answers, and what it changes is changed once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from bot.context import Identity
from bot.desk import Desk
from bot.platforms.discord import DiscordPlatform
from bot.platforms.slack import SlackPlatform
from bot.platforms.slack.forms import FORM, Memory
from storage.engine import opened, reading
from tests.cast import NOW
from tests.doubles import discord_desk, slack_stage
from tests.doubles.discord import DiscordDouble, running_double
from tests.doubles.slack import Kind, SlackDouble, slack_double
from tests.doubles.slack_payloads import Payload, direct, mention, press, slash, submit
from tests.doubles.slack_stage import QUICK, Sketch

LINE = "by-model last 7d"


@dataclass(frozen=True, slots=True)
class Replicas:
    """Two bots over one database, connected to one Slack."""

    slack: SlackDouble
    one: Desk

    async def give_both(self, kind: Kind, payload: Payload) -> None:
        """The envelope for one of them and, as if its acknowledgement was lost, for the other."""
        key = await self.slack.send(kind, payload)
        self.slack.sockets.reverse()
        await self.slack.send(kind, payload, again=key)


@asynccontextmanager
async def replicas(engine: sa.Engine) -> AsyncIterator[Replicas]:
    """Two of them; when the block ends they finish what they are at."""
    url = engine.url.render_as_string(hide_password=False)
    async with slack_double() as slack, AsyncExitStack() as stack:
        first = stack.enter_context(slack_stage.desk_of(engine, Sketch()))
        second_engine = stack.enter_context(opened(url))
        second = Desk(second_engine, now=lambda: NOW, drawing=Sketch(), owners=["slack:T1:U1"])
        stack.callback(second.close)
        await stack.enter_async_context(slack_stage.serving(slack, first))
        await stack.enter_async_context(_second(slack, second))
        yield Replicas(slack, first)


@asynccontextmanager
async def _second(slack: SlackDouble, desk: Desk) -> AsyncIterator[None]:
    platform = SlackPlatform(slack_stage.settings_for(slack), desk, report=print, pace=QUICK)
    stop = asyncio.Event()
    running = asyncio.create_task(platform.run(stop))
    await slack.until(lambda: len(slack.sockets) == 2)
    yield
    stop.set()
    await running


def shown(slack: SlackDouble) -> list[str]:
    """What people were shown: posts, and answers that did not replace an earlier one."""
    answers = [one for each in slack.responses.values() for one in each]
    fresh = [one for one in answers if not one.get("replace_original")]
    return [one["text"] for one in [*slack.messages, *fresh] if one.get("text")]


def form(url: str) -> Payload:
    """The open form of a line whose answer goes to a response URL."""
    remembered = Memory(LINE, url, over="").text
    return {"type": "modal", "callback_id": FORM, "private_metadata": remembered}


@pytest.mark.parametrize("entrance", ["command", "mention", "message", "click", "form"])
async def test_a_question_that_two_replicas_get_is_answered_once(
    postgres_engine: sa.Engine, entrance: str
) -> None:
    """bolt-js#1539: an envelope that came twice was answered twice."""
    async with replicas(postgres_engine) as two:
        url = two.slack.response_url()
        arrivals: dict[str, tuple[Kind, Payload]] = {
            "command": ("slash_commands", slash(LINE, url=url)),
            "mention": ("events_api", mention(LINE)),
            "message": ("events_api", direct(LINE)),
            "click": ("interactive", press(f"ask:{LINE}", url=url, ephemeral=False)),
            "form": ("interactive", submit(form(url), {})),
        }
        await two.give_both(*arrivals[entrance])
    assert len(shown(two.slack)) == 1


async def test_a_change_that_two_replicas_get_is_made_and_told_once(
    postgres_engine: sa.Engine,
) -> None:
    async with replicas(postgres_engine) as two:
        await two.give_both(
            "slash_commands", slash("budget set 500 monthly", url=two.slack.response_url())
        )
    assert audited(postgres_engine, "budget") == 1
    [told] = shown(two.slack)
    assert "already" not in told


async def test_a_share_that_two_replicas_get_is_posted_once(postgres_engine: sa.Engine) -> None:
    async with replicas(postgres_engine) as two:
        url = two.slack.response_url()
        await two.slack.send("slash_commands", slash(LINE, url=url))
        await two.slack.until(lambda: two.slack.responses["r1"])
        rows = [b for b in two.slack.responses["r1"][0]["blocks"] if b["type"] == "actions"]
        labels = {one["text"]["text"]: one["value"] for row in rows for one in row["elements"]}
        value = next(v for label, v in labels.items() if "share" in label.lower())
        await two.give_both("interactive", press(value, url=two.slack.response_url("r2")))
    posts = [one for one in two.slack.messages if one["kind"] == "message"]
    assert len(posts) == 1
    assert len(two.slack.responses["r2"]) == 1


def audited(engine: sa.Engine, action: str) -> int:
    with reading(engine) as connection:
        found = connection.execute(sa.text("SELECT action FROM audit")).scalars()
        return sum(one.startswith(action) for one in found)


async def test_a_second_process_knows_what_the_first_one_answered(
    postgres_engine: sa.Engine,
) -> None:
    alice = Identity("slack", "T1", "U1")
    with slack_stage.desk_of(postgres_engine, Sketch()) as one:
        two = Desk(postgres_engine, now=lambda: NOW)
        assert await one.is_new("event:1", alice, "message:C1:1")
        assert not await two.is_new("event:1", alice, "message:C1:1")
        assert not await two.is_new("event:2", alice, "message:C1:1")
        assert await two.is_new("event:1", Identity("slack", "T2", "U1"))
        two.close()


async def test_of_many_replicas_at_once_one_answers(postgres_engine: sa.Engine) -> None:
    alice = Identity("slack", "T1", "U1")
    desks = [Desk(postgres_engine, now=lambda: NOW) for _ in range(4)]
    for turn in range(25):
        keys = (f"event:{turn}", f"message:{turn}")
        orders = (keys, keys[::-1], keys, keys[::-1])
        asked = zip(desks, orders, strict=True)
        found = await asyncio.gather(*(one.is_new(a, alice, b) for one, (a, b) in asked))
        assert sum(found) == 1
    for desk in desks:
        desk.close()


@asynccontextmanager
async def gateways(engine: sa.Engine) -> AsyncIterator[DiscordDouble]:
    """Two replicas that hold a gateway at once, as in a takeover; each gets everything."""
    url = engine.url.render_as_string(hide_password=False)
    async with running_double() as double, AsyncExitStack() as stack:
        first = stack.enter_context(discord_desk.desk_of(engine))
        discord_desk.bind(first, double.guild)
        second = Desk(stack.enter_context(opened(url)), now=lambda: NOW, drawing=first.drawing)
        stack.callback(second.close)
        stop, ups = asyncio.Event(), asyncio.Queue[str]()
        settings = discord_desk.settings_for(double)
        bots = [
            DiscordPlatform(settings, desk, report=ups.put_nowait, guilds_timeout=0.01)
            for desk in (first, second)
        ]
        running = [asyncio.create_task(bot.run(stop)) for bot in bots]
        assert [await ups.get() for _ in bots] == ["up", "up"]
        yield double
        stop.set()
        await asyncio.gather(*running)


async def test_a_command_that_two_gateways_get_is_answered_once(
    postgres_engine: sa.Engine,
) -> None:
    async with gateways(postgres_engine) as double:
        answer = await double.command("by model", range="last 7d")
    assert "GPT-4o" in answer.text
    assert len(answer.answers) == 1
    assert answer.followups == []
    assert double.violations == []
