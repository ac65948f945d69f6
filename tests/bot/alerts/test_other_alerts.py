"""What other products' alerts were found to do wrong, tried on ours, from crossing to message.

T1 to T8 are the probes that a widely used gateway failed; the docstrings name where else people
complained.  T2, T7 and T8 as races stand in `storage/test_levels.py`, `test_threshold_races.py`
and `test_routing.py`; that every split adds up to its total (T5) in `analytics/test_totals.py`.
`tests/test_complaints.py` knows all that people complained of.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier

import pytest
import sqlalchemy as sa

import bot.commands  # noqa: F401  # registers every command
from bot.alerts import goals, routing
from bot.alerts.routing import route
from bot.asking import Asking
from bot.context import Identity, Place
from bot.registry import run
from storage.alerts import Alert, snooze
from storage.destinations import destination_of
from storage.engine import reading, writing
from storage.levels import check_levels
from storage.marks import Mark
from storage.routes import add_route, end_routes
from storage.timekeys import to_micros
from storage.workspaces import bind_chat
from tests.alerted import crossing, fire, happening
from tests.analytics.world import column, table_of, total_of
from tests.bot.delivery.delivering import BUSY, LOST, Arrives, Office
from tests.cast import ALICE, BOB, NOW, event
from tests.storage.budgeted import DAY, MINUTE, Budgeted, budgeted
from tests.storage.world import feed

OWNER = "slack:T1:UOWNER"


@dataclass
class Desk:
    """A workspace whose usage meets limits, and a channel that is told of them."""

    place: Budgeted
    office: Office

    @property
    def engine(self) -> sa.Engine:
        return self.place.engine

    @property
    def number(self) -> int:
        return self.place.place.workspace.id

    def tell(self, channel: str) -> None:
        """Let a channel be told of alerts."""
        with writing(self.engine) as connection:
            made = destination_of(
                connection,
                self.number,
                platform="slack",
                external_id="T1",
                place=Place(f"C{channel}", channel),
                actor=OWNER,
                now=NOW,
            )
            add_route(connection, self.number, destination_id=made.id, actor=OWNER, now=NOW)

    async def spend(self, *credits: int) -> list[str]:
        """Use so many micro-credits in one batch; what people read then."""
        self.place.spend(*credits)
        return await self.look()

    async def look(self, after: timedelta = timedelta(minutes=1)) -> list[str]:
        """Let time pass, look at the levels and deliver; the new posts."""
        known = len(self.office.said)
        self.place.look(after)
        self.office.clock.forward((self.place.now - self.office.clock.now()).total_seconds())
        route(self.engine, self.place.now, self.office.owners)
        await self.office.work(2.0, 2.0, 2.0)
        self.place.now = self.office.clock.now()
        posts = self.office.platform.posts[known:]
        return [str(post.payload["text"]) for post in posts if post.act == "post"]


@pytest.fixture
def desk(sqlite_engine: sa.Engine) -> Desk:
    return _desk(sqlite_engine)


@pytest.fixture
def shared(engine: sa.Engine) -> Desk:
    """The same where claims, races and broken statements matter: on both databases."""
    return _desk(engine)


def _desk(engine: sa.Engine) -> Desk:
    place = budgeted(engine)
    number = place.place.workspace.id
    with writing(engine) as connection:
        bind_chat(connection, number, platform="slack", external_id="T1", now=NOW)
    desk = Desk(place, Office(engine, owners=[OWNER]))
    desk.tell("ops")
    return desk


def starts(posts: list[str]) -> list[str]:
    """`75%` of `75% of March credits used (…)`."""
    return [text.split()[0] for text in posts]


# ---- the probes


async def test_t1_each_threshold_that_is_reached_is_one_post(desk: Desk) -> None:
    """The next threshold shared a key of 24 hours with the one before, and was never sent."""
    desk.place.limit(100)
    await desk.look()
    told = [starts(await desk.spend(used)) for used in (50, 30, 6, 4, 6, 3)]
    assert told == [[], ["80%"], [], ["90%"], [], []]


async def test_t2_of_many_looks_and_replicas_comes_one_post(shared: Desk) -> None:
    """Twenty looks at once were twenty messages; so they were for superset#32524, litellm#14809."""
    shared.place.spend(80)
    shared.place.limit(100)

    def replica(_: int) -> None:
        check_levels(shared.engine, NOW)
        route(shared.engine, NOW)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(replica, range(20)))
    workers = [shared.office.worker() for _ in range(3)]
    await asyncio.gather(*(worker.settle() for worker in workers))
    await shared.look()
    assert starts(shared.office.said) == ["80%"]


async def test_t3_what_the_platform_refuses_once_is_sent_later(shared: Desk) -> None:
    """The error was swallowed, the queue emptied, and the store said that it had been sent."""
    shared.place.limit(100)
    await shared.look()
    shared.office.platform.script.append(BUSY)
    assert starts(await shared.spend(80)) == ["80%"]
    assert len(shared.office.platform.requests) == 2
    assert await shared.look(10 * MINUTE) == []


async def test_t4_what_fires_while_another_leaves_is_told_too(shared: Desk) -> None:
    """What came while a flush was on its way was thrown away with what had been sent."""
    shared.place.limit(100)
    shared.place.look()
    shared.place.spend(80)
    route(shared.engine, NOW)
    platform = shared.office.platform
    worker, platform.hold = shared.office.worker(), asyncio.Event()
    first = asyncio.create_task(worker.settle())
    await platform.asked.wait()
    shared.place.spend(12)
    route(shared.engine, NOW)
    platform.hold.set()
    await first
    await shared.look()
    assert starts(shared.office.said) == ["80%", "92%"]


async def test_t5_parts_of_a_report_add_up_to_its_total(desk: Desk) -> None:
    """Tags overlap, so their sum was 6,454 of 3,872; each prompt of ours has one project."""
    desk.place.spend(30, project="Atlas")
    desk.place.spend(50, project="Apollo")
    desk.place.spend(7, project=None)
    asking = Asking(now=lambda: NOW, owners=(), workspace=desk.place.place.workspace.name)
    with reading(desk.engine) as connection:
        ctx = asking.context(connection, Identity("terminal", "", ""))
        report = run("by-project today", ctx)
    parts = column(table_of(report), "credits")
    assert sorted(map(str, parts)) == ["30", "50", "7"]
    assert total_of(table_of(report), "credits") == 87


async def test_t7_every_period_tells_for_itself(desk: Desk) -> None:
    """Over, reset, over again: the key did not name the period, so the second was a repeat."""
    desk.place.limit(100)
    await desk.look()
    assert starts(await desk.spend(120)) == ["120%"]
    assert await desk.look(2 * DAY) == []
    assert starts(await desk.spend(110)) == ["110%"]


async def test_t8_three_budgets_of_one_batch_are_three_posts(desk: Desk) -> None:
    """One message said "[3]", and two teams did not learn of their budgets."""
    labels = desk.place.place.labels
    desk.place.spend(1, project="Atlas")
    for scope, target in (
        ("workspace", 0),
        ("department", labels.department_id("Platform")),
        ("project", labels.project_id("Atlas")),
    ):
        desk.place.limit(100, scope, target)  # type: ignore[arg-type]  # of a table
    await desk.look()
    assert len(set(await desk.spend(80))) == 3


# ---- silence


async def test_a_fact_that_is_missing_does_not_kill_the_alert(desk: Desk) -> None:
    """A field that was not there ended the sender with a KeyError (probe, 1.101.6)."""
    fire(desk.engine, happening("silent", {}, workspace_id=desk.number))
    fire(desk.engine, happening("anomaly", {}, workspace_id=desk.number))
    assert len(await desk.look()) == 2


async def test_an_alert_that_cannot_be_routed_hides_no_other(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kubecost#2257: one broken alert silenced all that stood beside it."""
    broken = fire(shared.engine, happening("silent", {}, workspace_id=shared.number))

    def faulty(told: goals.Desk, alert: Alert) -> object:
        return 1 / 0 if alert.id == broken else goals.goals_of(told, alert)

    monkeypatch.setattr(routing, "goals_of", faulty)
    fire(shared.engine, crossing(workspace_id=shared.number, facts={"end": "2026-04-01"}))
    assert len(await shared.look()) == 1
    monkeypatch.undo()
    assert len(await shared.look()) == 1


async def test_hundreds_of_alerts_that_must_wait_hide_no_other(shared: Desk) -> None:
    """litellm#16185: behind what could not be sent nothing else was."""
    for n in range(routing.MOST + 1):
        new = happening("eclipse", {}, dedupe_key=f"x|{n}", workspace_id=shared.number)
        fire(shared.engine, new)
    shared.place.limit(100)
    await shared.look()
    assert starts(await shared.spend(80)) == ["80%"]


async def test_without_a_channel_for_it_an_alert_reaches_who_looks_after_us(desk: Desk) -> None:
    """metabase#8402: alerts were set up, and none was ever sent."""
    with writing(desk.engine) as connection:
        assert end_routes(connection, desk.number, [1])
    desk.place.limit(100)
    await desk.look()
    assert starts(await desk.spend(80)) == ["80%"]
    assert [post.channel for post in desk.office.platform.posts] == ["UOWNER"]


async def test_an_outage_of_the_platform_loses_no_alert_in_any_channel(shared: Desk) -> None:
    """grafana#21256, #15746: two channels ran into a deadline, and neither was tried again."""
    shared.tell("other")
    shared.place.limit(100)
    await shared.look()
    shared.office.platform.script.extend([LOST] * 4)
    told = await shared.spend(80)
    for _ in range(5):
        told += await shared.look()
    assert starts(told) == ["80%", "80%"]
    assert {post.channel for post in shared.office.platform.posts} == {"Cops", "Cother"}


async def test_a_snoozed_budget_is_told_afterwards(desk: Desk) -> None:
    """What happened in a silence must not be lost with it."""
    desk.place.limit(100)
    await desk.look()
    await desk.spend(80)
    (alert,) = desk.place.alerts()
    with writing(desk.engine) as connection:
        snooze(connection, desk.number, alert.id, until=desk.place.now + 60 * MINUTE)
    assert await desk.spend(12) == []
    assert starts(await desk.look(61 * MINUTE)) == ["92%"]


# ---- doubles


async def test_what_stays_above_is_told_once(desk: Desk) -> None:
    """metabase#56978, blnk#318, litellm#3738: as long as it was above, each look told it."""
    desk.place.limit(100)
    await desk.look()
    assert starts(await desk.spend(80)) == ["80%"]
    for _ in range(5):
        assert await desk.spend(1) == []
    assert await desk.look(DAY) == []


async def test_writers_that_cross_together_are_one_post(shared: Desk) -> None:
    """Litellm PR#32011: requests that crossed a threshold at once each told it."""
    place = shared.place
    place.limit(100, thresholds=(75,))
    await shared.look()
    gate = Barrier(4)

    def spend(_: int) -> None:
        writer, ts = place.writer(), to_micros(place.now)
        gate.wait(30)
        writer.write([event(ts=ts, model="alpha", credits=76)], feed(), now=place.now)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(spend, range(4)))
    assert len(await shared.look()) == 1
    assert place.told() == [[75]]


async def test_an_alert_whose_answer_was_lost_is_no_second_post(shared: Desk) -> None:
    """grafana#7437, litellm#3113: the channel had it, and got it again at the next look."""
    shared.place.limit(100)
    await shared.look()
    shared.office.platform.script.append(Arrives())
    assert starts(await shared.spend(80)) == ["80%"]
    for _ in range(4):
        assert await shared.look(MINUTE) == []


async def test_a_budget_set_below_what_is_used_names_where_it_stands(desk: Desk) -> None:
    """Litellm PR#35814: at 83 % the message said 50 %, and the others followed."""
    desk.place.spend(83)
    desk.place.limit(100, thresholds=(50, 75, 90))
    assert starts(await desk.look()) == ["83%"]
    assert desk.place.told() == [[75]]
    assert await desk.look() == []


# ---- thresholds


async def test_a_threshold_that_is_edited_fires_again(desk: Desk) -> None:
    """RedHat rhsm PR#6198: under the new threshold nothing was told any more."""
    desk.place.limit(100, thresholds=(75,))
    await desk.look()
    assert starts(await desk.spend(80)) == ["80%"]
    desk.place.limit(100, thresholds=(78,))
    assert starts(await desk.look()) == ["80%"]
    assert desk.place.told()[-1] == [78]


async def test_all_of_a_limit_is_told_when_nothing_is_left(desk: Desk) -> None:
    """Openmeter PR#4157: at a balance of exactly zero the 100 % were not reached."""
    desk.place.limit(100)
    await desk.look()
    await desk.spend(99)
    assert starts(await desk.spend(1)) == ["100%"]


async def test_credits_used_and_left_are_told_and_never_silent(desk: Desk) -> None:
    """openmeter#3200: absolute thresholds could be set and never fired."""
    desk.place.limit(100, thresholds=(Mark("used", 60), Mark("left", 10)))
    await desk.look()
    assert starts(await desk.spend(59)) == []
    assert starts(await desk.spend(1)) == ["60%"]
    assert starts(await desk.spend(30)) == ["90%"]


@pytest.mark.parametrize("typed", ["500", "-5cr", "101", "ninety", "1e2"])
def test_a_threshold_that_is_none_is_refused_and_not_silent(desk: Desk, typed: str) -> None:
    asking = Asking(now=lambda: NOW, owners=[OWNER], workspace=None)
    with writing(desk.engine) as connection:
        ctx = asking.context(connection, Identity("slack", "T1", "UOWNER"), may_change=True)
        with pytest.raises(Exception, match="is not a threshold"):
            run(f"budget set 20000 monthly thresholds={typed}", ctx)


async def test_people_s_own_limits_do_not_reach_the_channel(desk: Desk) -> None:
    """Whose limit it is, everybody would read."""
    labels = desk.place.place.labels
    desk.place.spend(1)
    for person in (ALICE, BOB):
        desk.place.limit(100, "person", labels.person_id(person))
    await desk.look()
    await desk.spend(80)
    assert all(post.channel != "Cops" for post in desk.office.platform.posts)
