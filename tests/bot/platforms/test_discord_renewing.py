"""A live answer on Discord renews itself for ten of the fifteen minutes its token lives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import sqlalchemy as sa

from bot.desk import Desk
from tests.bot.pauses import Pauses, use
from tests.doubles.discord import DiscordDouble, running_double
from tests.doubles.discord_desk import bind, desk_of, serving

LIVE = "performance live"


@pytest.fixture
async def double() -> AsyncIterator[DiscordDouble]:
    async with running_double() as double:
        yield double
    double.check_answers()
    assert double.violations == []


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def desk(sqlite_engine: sa.Engine, double: DiscordDouble, pauses: Pauses) -> Iterator[Desk]:
    with desk_of(sqlite_engine) as desk:
        bind(desk, double.guild)
        desk.pause = pauses
        yield desk


async def test_an_answer_renews_itself_for_ten_minutes(
    double: DiscordDouble, desk: Desk, pauses: Pauses
) -> None:
    async with serving(double, desk):
        answer = await double.command(LIVE)
        assert "3 prompts in the last 15 minutes" in answer.text
        assert "Renews itself for 10 minutes." in answer.text
        use(desk)
        pauses.end(30)
        await double.until(lambda: answer.edits == 21)
    assert "4 prompts in the last 15 minutes" in answer.text
    assert "No longer renews itself." in answer.text
    assert pauses.asked == [30.0] * 20


async def test_a_message_that_is_replaced_renews_no_more(
    double: DiscordDouble, desk: Desk, pauses: Pauses
) -> None:
    async with serving(double, desk):
        answer = await double.command(LIVE)
        assert answer.original
        clicked = await double.click(answer.original, "Last 7 days")
        await double.until(lambda: clicked.edits)
        pauses.end(30)
        await double.command("help")  # behind whatever was under way
    assert (answer.edits, pauses.asked) == (1, [30.0])


async def test_a_message_that_is_refreshed_renews_once_each_time(
    double: DiscordDouble, desk: Desk, pauses: Pauses
) -> None:
    async with serving(double, desk):
        answer = await double.command(LIVE)
        await pauses.begun()
        assert answer.original
        clicked = await double.click(answer.original, "Refresh")
        await double.until(lambda: clicked.edits)
        await pauses.begun(2)
        pauses.end(22)
        await double.until(lambda: clicked.edits == 21)
    assert answer.edits == 1


async def test_a_renewal_that_discord_refuses_is_the_last(
    double: DiscordDouble, desk: Desk, pauses: Pauses
) -> None:
    async with serving(double, desk):
        answer = await double.command(LIVE)
        await pauses.begun()
        double.faults["/messages/@original"].append(404)
        pauses.end(5)
        await double.command("help")
    assert (answer.edits, pauses.asked) == (1, [30.0])


async def test_a_service_that_leaves_ends_renewals(
    double: DiscordDouble, desk: Desk, pauses: Pauses
) -> None:
    async with serving(double, desk):  # which looks that no task is left
        answer = await double.command(LIVE)
        await pauses.begun()
    assert answer.edits == 1
