"""One crossing of a line, one purchase: whatever is watched, and whatever was answered."""

from __future__ import annotations

import asyncio
from datetime import date, datetime

import pytest
import sqlalchemy as sa

from bot.purchases import worker as purchasing
from tests.analytics.spending import spend
from tests.bot.purchases.shop import (
    MINUTE,
    SECRET,
    URL,
    Shop,
    automatic,
)
from tests.doubles.provider import provider


async def test_a_no_buys_nothing_and_is_not_asked_about_again(engine: sa.Engine) -> None:
    shop = Shop(engine, URL)
    shop.use(18_000)
    await shop.turn()
    shop.ask("purchase decline 1")
    shop.use(4_000)
    await shop.turn()
    assert shop.states == ["cancelled"]


async def test_after_a_no_the_next_crossing_is_asked_about(engine: sa.Engine) -> None:
    shop = Shop(engine, URL)
    shop.use(18_000)
    await shop.turn()
    shop.ask("purchase decline 1")
    for use, states in ((4_999, 1), (1, 2)):  # as much as was asked for
        shop.use(use)
        for _ in range(2):
            await shop.turn()
        assert len(shop.states) == states
    shop.ask("purchase decline 2")
    await shop.turn()
    assert "This crossing was asked about already" in shop.notes("purchase")


async def test_after_a_no_a_balance_that_was_filled_and_falls_again_is_asked_about(
    engine: sa.Engine,
) -> None:
    shop = Shop(engine, "grants add pack 10000", "purchase policy trigger=2000")
    shop.use(8_500)
    await shop.turn()
    shop.ask("purchase decline 1")
    shop.ask("grants add pack 3000")
    await shop.turn()
    shop.use(3_000)
    for _ in range(2):
        await shop.turn()
    assert shop.states == ["cancelled", "proposed"]


@pytest.mark.parametrize(
    "lines",
    [("purchase off", "purchase on"), ("purchase url https://other.example/buy",)],
)
async def test_what_ended_without_an_answer_is_asked_about_again(
    engine: sa.Engine, lines: tuple[str, ...]
) -> None:
    shop = Shop(engine, URL)
    shop.use(18_000)
    await shop.turn()
    for line in lines:
        shop.ask(line)
    for _ in range(3):
        await shop.turn()
    assert shop.states == ["cancelled", "proposed"]
    assert len({one.dedupe_key for one in shop.purchases}) == 2


async def test_three_replicas_ask_again_once(engine: sa.Engine) -> None:
    shop = Shop(engine, URL)
    shop.use(18_000)
    await shop.turn()
    shop.ask("purchase off")
    shop.ask("purchase on")
    await asyncio.gather(*(shop.replica().turn() for _ in range(3)))
    assert shop.states == ["cancelled", "proposed"]


async def test_another_limit_is_another_crossing_whatever_was_said_before(
    engine: sa.Engine,
) -> None:
    shop = Shop(engine, URL)
    shop.use(18_000)
    await shop.turn()
    shop.ask("purchase decline 1")
    shop.ask("purchase policy trigger=80%")
    await shop.turn()
    assert shop.states == ["cancelled", "proposed"]


async def test_each_line_buys_once_and_a_purchase_moves_it_up(engine: sa.Engine) -> None:
    shop = automatic(engine)
    async with provider(SECRET) as double:
        for use, bought in ((18_000, 1), (4_499, 1), (1, 2), (4_499, 2), (1, 3)):
            shop.use(use)
            for _ in range(2):
                await shop.turn(double.url)
            assert len(shop.packs) == bought
    assert list(double.sold.values()) == [1, 1, 1]


async def test_one_leap_of_use_buys_once(engine: sa.Engine) -> None:
    shop = automatic(engine)
    shop.use(60_000)
    async with provider(SECRET) as double:
        for _ in range(3):
            await shop.turn(double.url)
        assert shop.packs == [5_000]
        shop.use(5_000)  # as much as was bought
        for _ in range(3):
            await shop.turn(double.url)
    assert shop.packs == [5_000, 5_000]


@pytest.mark.parametrize(
    "lines",
    [
        ("budget remove monthly revision=1",),
        ("budget remove monthly revision=1", "budget set 20000 monthly"),
        ("budget set 20000 quarterly", "budget remove monthly revision=1"),
        ("budget set 15000 weekly",),
    ],
)
@pytest.mark.parametrize(("words", "sold"), [("accept", 1), ("other amount", 0)])
async def test_the_same_use_is_bought_for_once_whatever_is_watched_next(
    engine: sa.Engine, lines: tuple[str, ...], words: str, sold: int
) -> None:
    shop = automatic(engine, "grants add plan 20000 monthly")
    shop.use(18_500)
    async with provider(SECRET, words) as double:
        await shop.turn(double.url)
        for line in lines:
            shop.ask(line)
            for _ in range(2):
                await shop.turn(double.url, after=MINUTE)
    assert (len(shop.states), len(double.asked), shop.packs.count(5_000)) == (1, 1, sold)


async def test_a_budget_that_says_what_the_plan_is_buys_again_when_as_much_was_used(
    engine: sa.Engine,
) -> None:
    shop = automatic(engine, "grants add plan 20000 monthly")
    shop.ask("budget remove monthly revision=1")
    shop.use(18_500)
    async with provider(SECRET) as double:
        await shop.turn(double.url)
        shop.ask("budget set 20000 monthly")
        for use, bought in ((3_999, 1), (1, 2)):  # 90% of 25,000
            for _ in range(2):
                await shop.turn(double.url)
            shop.use(use)
            await shop.turn(double.url)
            assert len(double.sold) == bought
    assert [one.facts["subject"][:6] for one in shop.purchases] == ["plan", "budget"]


async def test_a_no_is_a_no_to_the_same_limit_as_a_budget(engine: sa.Engine) -> None:
    shop = Shop(engine, URL, "grants add plan 20000 monthly")
    shop.use(18_000)
    await shop.turn()
    shop.ask("purchase decline 1")
    shop.ask("budget remove monthly revision=1")
    await shop.turn()
    assert shop.states == ["cancelled"]
    shop.ask("budget set 19000 monthly")
    await shop.turn()
    assert shop.states == ["cancelled", "proposed"]


async def test_what_a_week_uses_is_not_held_against_the_use_of_a_month(
    engine: sa.Engine,
) -> None:
    shop = automatic(engine)
    spend(shop.world, {date(2026, 3, 2): 15_000})
    shop.use(10_000)  # this week
    async with provider(SECRET) as double:
        await shop.turn(double.url)
        shop.ask("budget set 4000 weekly")
        for use, bought in ((0, 1), (4_999, 1), (1, 2)):
            shop.use(use)
            await shop.turn(double.url)
            assert len(double.sold) == bought


def test_what_was_bought_while_it_was_read_is_not_bought_again(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = automatic(engine, "grants add plan 20000 monthly", "budget remove monthly revision=1")
    shop.use(18_500)
    read = purchasing._found

    def slowly(connection: sa.Connection, workspace_id: int, now: datetime) -> object:
        found = read(connection, workspace_id, now)
        monkeypatch.setattr(purchasing, "_found", read)
        shop.ask("budget set 20000 monthly")
        other = shop.replica()
        other.look_at(1)
        claimed = other._claim(1, "other")
        assert claimed is not None
        other.settle(claimed[0], purchasing.DRY_RUN, "other")
        return found

    monkeypatch.setattr(purchasing, "_found", slowly)
    shop.replica().look_at(1)
    assert shop.states == ["accepted"]


async def test_few_credits_left_are_a_trigger_of_their_own(engine: sa.Engine) -> None:
    shop = automatic(engine, "grants add pack 10000", "purchase policy trigger=2000 pack=1000")
    async with provider(SECRET) as double:
        for use, bought in ((8_000, 0), (1, 1), (999, 1), (1, 2)):
            shop.use(use)
            for _ in range(3):
                await shop.turn(double.url)
            assert len(shop.packs) - 1 == bought


async def test_without_budget_and_plan_a_share_is_no_line(engine: sa.Engine) -> None:
    shop = automatic(engine)
    revision = shop.world.ask("budget remove").headline
    assert revision.startswith("Remove")
    shop.world.ask("budget remove monthly revision=1")
    shop.use(50_000)
    await shop.turn()
    assert shop.states == []


async def test_the_plan_is_the_line_where_no_budget_is_set(engine: sa.Engine) -> None:
    shop = automatic(engine, "grants add plan 10000 monthly")
    shop.world.ask("budget remove monthly revision=1")
    shop.use(9_000)
    await shop.turn()
    assert shop.purchases[0].dedupe_key == "p|webhook|plan|monthly:2026-03|r0|90%|e1"
