"""Buying by policy, from a crossing to a pack: once, whatever happens on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa

from bot.operation.clock_guard import ClockGuard
from bot.purchases import worker as purchasing
from bot.purchases.webhook import MOST_WAIT, Webhook
from bot.purchases.worker import DECLINED_WAITS, GIVE_UP, WAITS, Purchasing
from storage.alerts import list_alerts
from storage.engine import reading
from storage.events import MICRO
from storage.purchases import LEASE, LONGEST_WAIT
from tests.analytics.spending import spend
from tests.bot.purchases.shop import (
    HOUR,
    MINUTE,
    SECRET,
    URL,
    Shop,
    automatic,
)
from tests.cast import NOW
from tests.doubles.provider import provider

# ---- from a crossing to a pack


async def test_nothing_is_bought_below_the_line_or_before_it_is_on(engine: sa.Engine) -> None:
    shop = Shop(engine)
    shop.use(17_999)
    await shop.turn()
    shop.ask("purchase off")
    shop.use(1)
    await shop.turn()
    assert (shop.states, shop.told()) == ([], [])


async def test_a_crossing_asks_an_admin_once_and_a_yes_buys_a_pack(engine: sa.Engine) -> None:
    shop = Shop(engine, URL)
    shop.use(18_000)
    async with provider(SECRET) as double:
        for _ in range(3):
            await shop.turn(double.url)
        assert (shop.states, double.asked) == (["proposed"], [])
        assert shop.ask("purchase approve 1") == "Purchase 1 of 5,000 credits is approved"
        for _ in range(3):
            await shop.turn(double.url)
    assert double.sold == {shop.purchases[0].idempotency_key: 1}
    assert double.is_signed(double.asked[0])
    assert (shop.states, shop.packs) == (["accepted"], [5_000])
    assert shop.told() == ["wanted", "bought"]


async def test_a_budget_that_is_exceeded_before_buying_is_on_is_a_crossing(
    engine: sa.Engine,
) -> None:
    shop = Shop(engine)
    shop.ask("purchase off")
    shop.use(30_000)
    await shop.turn()
    assert shop.states == []
    shop.ask("purchase on")
    assert "proposed within seconds" in shop.notes("purchase")
    await shop.turn()
    assert (shop.states, shop.told()) == (["proposed"], ["wanted"])
    assert "proposed within seconds" not in shop.notes("purchase")


async def test_what_is_crossed_but_not_asked_about_says_why(engine: sa.Engine) -> None:
    shop = Shop(engine)
    shop.use(30_000)
    await shop.turn()
    shop.ask("purchase decline 1")
    assert "This crossing was asked about already" in shop.notes("purchase")
    shop.ask("purchase off")
    assert "already" not in shop.notes("purchase")


async def test_while_the_clock_is_in_doubt_nothing_is_asked_or_ended(engine: sa.Engine) -> None:
    shop = Shop(engine, URL)
    shop.use(18_000)
    await shop.turn()
    shop.now += timedelta(days=40)
    doubtful = Purchasing(shop.engine, lambda: shop.now, None, is_sure=lambda: False)
    await doubtful.turn()
    assert shop.states == ["proposed"]
    await shop.turn()
    assert shop.states == ["expired"]


async def test_a_jump_between_two_ticks_ends_no_question_and_buys_nothing(
    engine: sa.Engine,
) -> None:
    shop, running = automatic(engine, "purchase policy approval=admin"), [0.0]
    guard = ClockGuard(running=lambda: running[0])
    buying = Purchasing(engine, lambda: shop.now, None, is_sure=lambda: guard.may_plan(shop.now))
    shop.use(18_000)
    assert guard.may_plan(shop.now)  # the last tick before it
    await buying.turn()
    shop.now += timedelta(days=40)
    running[0] += 1
    await buying.turn()
    assert shop.states == ["proposed"]


async def test_after_the_clock_was_set_back_a_purchase_is_asked_about_again(
    engine: sa.Engine,
) -> None:
    shop = automatic(engine)
    shop.use(18_000)
    shop.now += timedelta(hours=28)
    async with provider(SECRET, "pending", "accept") as double:
        await shop.turn(double.url)
        await shop.turn(double.url, after=timedelta(hours=-28))
    assert (shop.states, shop.packs) == (["accepted"], [5_000])


async def test_a_question_of_a_day_still_to_come_keeps_no_other_waiting(
    engine: sa.Engine,
) -> None:
    shop = Shop(engine, URL)
    shop.use(18_000)
    shop.now += timedelta(hours=28)
    await shop.turn()
    for _ in range(2):
        await shop.turn(after=timedelta(hours=-14))
    await shop.turn()
    assert shop.states[-1] == "proposed"
    assert set(shop.states[:-1]) == {"expired"}
    assert shop.purchases[-1].created_at == NOW


def test_no_wait_is_taken_for_one_of_another_clock() -> None:
    longest = max(*WAITS, *DECLINED_WAITS, timedelta(seconds=MOST_WAIT))
    assert longest < LONGEST_WAIT


def believed(times: int) -> Callable[[], bool]:
    """A clock that is believed so often, and then no more."""
    asked = iter([True] * times)
    return lambda: next(asked, False)


@pytest.mark.parametrize("times", [1, 2])
async def test_a_clock_that_jumps_during_a_turn_ends_nothing_either(
    engine: sa.Engine, times: int
) -> None:
    shop = Shop(engine, URL)
    shop.use(18_000)
    await shop.turn()
    shop.now += timedelta(days=40)
    await Purchasing(shop.engine, lambda: shop.now, None, is_sure=believed(times)).turn()
    assert shop.states == ["proposed"]


async def test_a_clock_that_jumps_while_a_provider_is_asked_gives_nothing_up(
    engine: sa.Engine,
) -> None:
    shop = automatic(engine)
    shop.use(18_000)
    async with provider(SECRET, "hang", "hang", "accept") as double:
        await shop.turn(double.url)
        webhook = Webhook(SECRET, trusted=double.url, timeout=0.5)
        shop.now += HOUR
        jumped = Purchasing(engine, lambda: shop.now + GIVE_UP, webhook, is_sure=believed(3))
        await jumped.turn()
        assert shop.states == ["sending"]
        await shop.turn(double.url, after=2 * LEASE)
    assert (shop.states, shop.packs) == (["accepted"], [5_000])


async def test_a_target_buys_what_is_missing_in_whole_credits(engine: sa.Engine) -> None:
    shop = automatic(engine, "grants add pack 3000.5", "purchase policy target=8000")
    shop.use(18_000)
    async with provider(SECRET) as double:
        await shop.turn(double.url)
    assert double.asked[0].said["credits"] == "8000"
    assert shop.packs == [3_000, 8_000]


async def test_a_dry_run_goes_the_whole_way_and_buys_nothing(engine: sa.Engine) -> None:
    shop = Shop(engine, "purchase policy approval=automatic")
    shop.use(18_000)
    for _ in range(3):
        await shop.turn()
    assert (shop.states, shop.packs, shop.told()) == (["accepted"], [], ["bought"])
    # What was only tried out stands in no way of what is really bought.
    shop.ask(URL)
    await shop.turn()
    assert (shop.states, shop.counted) == (["accepted", "approved"], 0)


async def test_a_test_is_approved_like_any_other_and_counts_nowhere(engine: sa.Engine) -> None:
    shop = Shop(engine, URL)
    shop.ask("purchase test")
    shop.ask("purchase approve 1")
    shop.use(18_000)
    await shop.turn()
    assert (shop.states, shop.counted, shop.packs) == (["accepted", "proposed"], 0, [])


# ---- the ceiling


async def test_the_last_purchase_is_cut_and_each_notice_comes_once(engine: sa.Engine) -> None:
    shop = automatic(engine, "purchase policy ceiling=12000")
    told = []
    async with provider(SECRET) as double:
        for use in (18_000, 6_000, 6_000, 6_000, 9_000):
            shop.use(use)
            for _ in range(2):
                await shop.turn(double.url)
            told.append(shop.told("ceiling"))
    assert shop.packs == [5_000, 5_000, 2_000]
    assert told == [[], [[80]], [[80], [90, 100]], [[80], [90, 100]], [[80], [90, 100]]]


async def test_a_ceiling_that_was_lowered_meanwhile_stops_it(engine: sa.Engine) -> None:
    shop = Shop(engine, URL)
    shop.use(18_000)
    await shop.turn()
    shop.ask("purchase policy pack=1000 ceiling=4000")
    shop.ask("purchase approve 1")
    async with provider(SECRET) as double:
        await shop.turn(double.url)
        assert (shop.states, double.asked, shop.told()) == (
            ["cancelled"],
            [],
            ["wanted", "stopped"],
        )
        await shop.turn(double.url)  # what there is room for
    assert [one.credits // MICRO for one in shop.purchases] == [5_000, 1_000]


# ---- providers that do not answer as they should


@pytest.mark.parametrize("word", ["fail", "late", "half", "garbage", "redirect again", "busy"])
async def test_whatever_happened_first_it_is_sold_once(engine: sa.Engine, word: str) -> None:
    shop = automatic(engine)
    shop.use(18_000)
    script = ["late", "redirect"] if word == "redirect again" else [word]
    async with provider(SECRET, *script, "accept") as double:
        await shop.turn(double.url)
        assert shop.states in (["pending"], ["approved"])
        for _ in range(3):
            await shop.turn(double.url, after=3 * HOUR)
    assert list(double.sold.values()) == [1]
    assert len({asked.headers["idempotency-key"] for asked in double.asked}) == 1
    assert (shop.states, shop.packs) == (["accepted"], [5_000])


async def test_a_provider_that_hangs_is_pending_then_failed_and_counts(engine: sa.Engine) -> None:
    shop = automatic(engine)
    shop.use(18_000)
    shop.timeout = 0.5
    async with provider(SECRET, "hang") as double:
        await shop.turn(double.url)
        (waiting,) = shop.purchases
        assert (waiting.state, waiting.reason) == ("pending", "no answer in time")
        assert shop.counted == 5_000
        await shop.turn(double.url, after=GIVE_UP)
        await shop.turn(double.url, after=GIVE_UP)
    assert (shop.states, shop.counted, shop.packs) == (["failed"], 5_000, [])
    assert (len(double.asked), shop.told()) == (2, ["failed"])


@pytest.mark.parametrize("word", ["other amount", "other unit"])
async def test_one_that_sold_something_else_fails_with_the_reason(
    engine: sa.Engine, word: str
) -> None:
    shop = automatic(engine)
    shop.use(18_000)
    async with provider(SECRET, word) as double:
        for _ in range(3):
            await shop.turn(double.url, after=HOUR)
    (failed,) = shop.purchases
    assert (failed.state, len(double.asked), shop.packs) == ("failed", 1, [])
    assert str(failed.reason).startswith("it sold")
    assert shop.counted == 5_000


async def test_one_that_declines_is_asked_less_and_less_and_then_no_more(
    engine: sa.Engine,
) -> None:
    shop = automatic(engine)
    shop.now = datetime(2026, 3, 20, 9, tzinfo=NOW.tzinfo)
    spend(shop.world, {date(2026, 3, 20): 18_000})
    async with provider(SECRET, "declined") as double:
        await shop.turn(double.url)
        for asked, pause in enumerate(DECLINED_WAITS, 1):
            await shop.turn(double.url, after=pause - MINUTE)
            assert (len(double.asked), shop.counted) == (asked, 0)
            await shop.turn(double.url, after=MINUTE)
        await shop.turn(double.url, after=timedelta(days=3))
    (declined,) = shop.purchases
    assert (declined.state, declined.reason, len(double.asked)) == ("declined", "no funds", 5)
    assert declined.ended_at is not None
    assert shop.told() == ["declined"]


async def test_what_is_declined_in_one_period_is_not_bought_in_the_next(engine: sa.Engine) -> None:
    shop = automatic(engine)
    shop.use(18_000)
    async with provider(SECRET, "declined", "accept") as double:
        await shop.turn(double.url)
        await shop.turn(double.url, after=timedelta(days=2))
    (over,) = shop.purchases
    assert (over.state, over.reason) == ("expired", "its period is over; no funds")


async def test_without_a_secret_nothing_is_sent(engine: sa.Engine) -> None:
    shop = automatic(engine)
    shop.use(18_000)
    await shop.turn()
    (waiting,) = shop.purchases
    assert (waiting.state, waiting.maybe_sent_at) == ("approved", None)
    assert waiting.reason == "CREDITBOT_PURCHASE_SECRET is not set"


# ---- crashes and replicas


async def test_three_replicas_buy_once(engine: sa.Engine) -> None:
    shop = automatic(engine)
    shop.use(18_000)
    async with provider(SECRET) as double:
        for _ in range(3):
            await asyncio.gather(*(shop.turn(double.url) for _ in range(3)))
    assert (list(double.sold.values()), shop.packs) == ([1], [5_000])
    assert (shop.states, shop.told()) == (["accepted"], ["bought"])


@pytest.mark.parametrize("step", ["_begin", "settle"])
async def test_a_crash_before_or_after_the_request_buys_once(
    engine: sa.Engine, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = automatic(engine)
    shop.use(18_000)

    def crash(*_: object) -> None:
        raise RuntimeError(step)

    async with provider(SECRET) as double:
        with monkeypatch.context() as patch:
            patch.setattr(Purchasing, step, crash)
            with pytest.raises(RuntimeError):
                await shop.turn(double.url)
        await shop.turn(double.url, after=LEASE - MINUTE / 2)
        assert shop.states == ["sending"]
        await shop.turn(double.url, after=MINUTE)
    assert (list(double.sold.values()), shop.packs) == ([1], [5_000])


async def test_who_was_asleep_too_long_keeps_nothing(engine: sa.Engine) -> None:
    shop = automatic(engine)
    shop.use(18_000)
    async with provider(SECRET) as double:
        slow, token = shop.replica(double.url), "of the slow one"
        await asyncio.to_thread(slow.look_at, 1)
        claimed = await asyncio.to_thread(slow._claim, 1, token)
        assert claimed is not None
        await shop.turn(double.url, after=LEASE)
        slow.settle(claimed[0], purchasing.DRY_RUN, token)
    assert (shop.packs, shop.told()) == ([5_000], ["bought"])


async def test_a_question_whose_period_is_over_is_answered_by_itself(engine: sa.Engine) -> None:
    shop = Shop(engine)
    shop.use(18_000)
    await shop.turn()
    await shop.turn(after=timedelta(days=2))
    assert shop.states == ["expired"]
    with reading(engine) as connection:
        (asked,) = list_alerts(connection, 1, kinds=["purchase"])
    assert (asked.state, asked.facts["resolved"]["words"]) == (
        "resolved",
        "not approved in time",
    )
