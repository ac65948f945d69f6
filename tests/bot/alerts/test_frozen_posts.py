"""A post that is changed keeps the numbers of its crossing: only its state and buttons move."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from analytics.alert_standing import _within
from analytics.report import Actions, Note, Report, Table
from bot.alerts.routing import route
from bot.context import Place
from bot.freezing import freeze_moment
from storage.alerts import Alert, acknowledge, alert_by_id, resolve, snooze
from storage.budgets import set_budget
from storage.destinations import destination_of, set_quiet_hours
from storage.engine import reading, writing
from storage.events import MICRO
from storage.levels import check_levels
from storage.outbox import history
from storage.routes import add_route
from storage.timekeys import to_micros
from storage.workspaces import bind_chat
from tests.alerted import kept
from tests.analytics.spending import march
from tests.analytics.world import World, table_of
from tests.bot.delivery.delivering import Clock, Office
from tests.cast import BOB, NOW, event

HOUR = timedelta(hours=1)
EVENING = NOW.replace(day=24, hour=18, minute=0)
NIGHT = NOW.replace(day=24, hour=23, minute=0)
STATES = ("Seen by", "Quiet until", "Resolved", "The limit was", "The budget was set")


@pytest.fixture
def world(engine: sa.Engine) -> World:
    """A workspace with a channel that is told: 15,230 of 20,000 credits are used."""
    world = World(engine)
    march(world)
    with writing(engine) as connection:
        bind_chat(connection, 1, platform="slack", external_id="T1", now=NOW)
        place: dict[str, Any] = {"platform": "slack", "external_id": "T1"}
        place["place"] = Place("Cops", "ops")
        made = destination_of(connection, 1, **place, actor="slack:T1:UADMIN", now=NOW)
        add_route(connection, 1, destination_id=made.id, actor="slack:T1:UADMIN", now=NOW)
    limit(world, 20_000, (75, 90, 100))
    return world


def limit(world: World, credits: int, thresholds: tuple[int, ...]) -> None:
    with writing(world.engine) as connection:
        set_budget(
            connection, 1, scope="workspace", target_id=0, period="monthly",
            amount=credits * MICRO, thresholds=thresholds, now=EVENING,
        )  # fmt: skip


def spend(world: World) -> None:
    """Others use much that evening, and somebody else uses most."""
    at = to_micros(EVENING + HOUR)
    world.write([event(ts=at + n, person=BOB, credits=2_500 * MICRO) for n in range(4)])


def frozen(report: Report) -> dict[str, Any]:
    """What must stay: everything but the state and the buttons."""
    blocks = [
        block
        for block in report.blocks
        if not isinstance(block, Actions)
        and not (isinstance(block, Note) and block.text.startswith(STATES))
    ]
    return {
        "headline": report.headline, "blocks": blocks, "data_to": report.data_to,
        "period": report.period,
    }  # fmt: skip


def change(world: World, work: Callable[[sa.Connection, Alert], object]) -> None:
    with writing(world.engine) as connection:
        alert = alert_by_id(connection, 1, 1)
        assert alert is not None
        work(connection, alert)


CHANGES: dict[str, Callable[[sa.Connection, Alert], object]] = {
    "seen": lambda c, a: acknowledge(c, 1, a.id, actor="slack:T1:U9", now=EVENING),
    "quiet": lambda c, a: snooze(c, 1, a.id, until=EVENING + 24 * HOUR),
    "over": lambda c, a: resolve(c, a, facts={"used": 1, "limit": 20_000 * MICRO}, now=EVENING),
    "replaced": lambda c, a: resolve(
        c, a, state="replaced", facts={"reason": "revised", "limit": 1}, now=EVENING
    ),
}


@pytest.mark.parametrize("what", list(CHANGES))
def test_what_an_alert_told_stays_whatever_is_used_edited_or_done(world: World, what: str) -> None:
    check_levels(world.engine, EVENING)
    route(world.engine, EVENING)
    before = world.ask("alerts show 1", now=EVENING)
    spend(world)
    limit(world, 50_000, (10, 60))
    change(world, CHANGES[what])
    after = world.ask("alerts show 1", now=EVENING + 26 * HOUR)
    assert frozen(after) == frozen(before)
    assert (after.blocks == before.blocks) is (what == "quiet")


async def test_what_waited_for_the_morning_keeps_the_numbers_of_the_morning(world: World) -> None:
    with writing(world.engine) as connection:
        set_quiet_hours(connection, 1, 1, hours=(22 * 60, 7 * 60), zone="Europe/Berlin")
    office = Office(world.engine, clock=Clock(NIGHT))
    check_levels(world.engine, NIGHT)
    route(world.engine, NIGHT)
    spend(world)  # still before the morning: told then
    await office.work(9 * 3600)
    (row,) = world_rows(world)
    before = world.ask(row.line, now=NIGHT + 9 * HOUR)
    assert "126% of March credits used" in before.headline
    world.write([event(ts=to_micros(NIGHT + 9 * HOUR), credits=900 * MICRO)])
    assert frozen(world.ask(row.line, now=NIGHT + 10 * HOUR)) == frozen(before)


async def test_a_changed_post_keeps_the_word_by_which_people_know_it(world: World) -> None:
    office = Office(world.engine, clock=Clock(EVENING))
    check_levels(world.engine, EVENING)
    route(world.engine, EVENING)
    await office.work()
    change(world, CHANGES["seen"])
    route(world.engine, EVENING)
    await office.work(2)
    ((post,), (edit,)) = office.platform.posts, office.platform.edits
    assert edit.payload["reference"] == post.payload["reference"] == post.reference


def test_who_used_most_adds_up_to_what_was_used_though_more_came_in_since(world: World) -> None:
    check_levels(world.engine, EVENING)
    spend(world)
    route(world.engine, EVENING)
    table = table_of(world.ask("alerts show 1", now=EVENING))
    assert isinstance(table, Table)
    assert table.total is not None
    parts = [row[1] for row in table.rows if isinstance(row[1], int)]
    assert table.total[1] == sum(parts) == 15_230 * MICRO


def test_two_moments_that_one_alert_is_told_at_are_both_kept(world: World) -> None:
    check_levels(world.engine, EVENING)
    for hours in (2, 3):
        with world.context(may_change=True) as ctx:
            freeze_moment(ctx.reader, 1, EVENING + hours * HOUR)
    assert len(kept(world.engine, 1).facts["told"]) == 2


@given(st.integers(0, 10**6), st.lists(st.integers(1, 10**6), max_size=3))
def test_drivers_never_used_more_than_was_used(used: int, parts: list[int]) -> None:
    ranked = [(at, micro) for at, micro in enumerate(sorted(parts, reverse=True))]
    found = _within(used, ranked)
    assert sum(micro for _, micro in found) == min(used, sum(parts))
    assert all(0 < micro <= dict(ranked)[key] for key, micro in found)


def world_rows(world: World) -> list[Any]:
    with reading(world.engine) as connection:
        return [row for row in history(connection, 1, limit=9) if row.act == "post"]
