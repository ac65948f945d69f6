"""A limit that is changed is one story: what was said of the old one ends, the new one is told."""

from __future__ import annotations

from datetime import date

import pytest

from analytics.report import Report
from bot.alerts.routing import route
from storage.alerts import Alert, list_alerts, snooze
from storage.engine import reading, writing
from storage.levels import check_levels
from tests.alerted import crossing, fire
from tests.analytics.spending import spend
from tests.analytics.world import World, column, table_of
from tests.bot.alerts.routed import EVENING, HOUR, channel, rows, sent, world
from tests.bot.alerts.test_watch import Looking

__all__ = ["world"]  # fixtures
SOON = EVENING + HOUR / 60


def alerts(world: World, kind: str = "") -> list[Alert]:
    """The alerts, oldest first."""
    with reading(world.engine) as connection:
        return list_alerts(connection, 1, kinds=[kind] if kind else ())[::-1]


def budget(world: World, credits: int, revision: int) -> Report:
    return world.ask(f"budget set {credits} monthly revision={revision}", now=SOON)


def arrived(world: World) -> None:
    """Let every post have arrived."""
    for row in rows(world):
        if row.act == "post" and row.state == "planned":
            sent(world, row)


@pytest.fixture
def warned(world: World) -> World:
    """75 % of 20,000 was told, and somebody let it wait for a day."""
    channel(world)
    check_levels(world.engine, EVENING)
    route(world.engine, EVENING)
    arrived(world)
    with writing(world.engine) as connection:
        assert snooze(connection, 1, 1, until=EVENING + 24 * HOUR)
    return world


@pytest.fixture
def expected(world: World) -> World:
    """16,000 are expected to be used up within two days, and that was told."""
    channel(world)
    budget(world, 16_000, 1)
    assert Looking(world.engine, SOON).look() == 1
    route(world.engine, SOON)
    arrived(world)
    return world


# ---- what was snoozed


def test_what_is_reached_of_a_raised_limit_is_told_though_the_old_one_was_snoozed(
    warned: World,
) -> None:
    budget(warned, 20_300, 1)
    check_levels(warned.engine, SOON)
    assert route(warned.engine, SOON) == 2
    (old, new) = alerts(warned)
    assert "a newer post tells how it stands" in repr(warned.ask("alerts show 1", now=SOON))
    assert [row.act for row in rows(warned, new.id)] == ["post"]
    assert old.state == "replaced"


def test_a_list_says_of_an_alert_that_is_held_back_up_to_when_it_is_quiet(warned: World) -> None:
    fire(warned.engine, crossing(90, facts={"revision": 1}, fired_at=SOON))
    assert route(warned.engine, SOON) == 1  # the first post says that it is quiet
    states = column(table_of(warned.ask("alerts", now=SOON)), "state")
    assert states == ["quiet until 25 Mar 18:00"] * 2


def test_a_second_snooze_is_said_by_the_post_too(warned: World) -> None:
    route(warned.engine, SOON)
    with writing(warned.engine) as connection:
        assert snooze(connection, 1, 1, until=EVENING + 48 * HOUR)
    assert [route(warned.engine, SOON) for _ in range(2)] == [1, 0]
    edits = [row for row in rows(warned, 1) if row.act == "edit"]
    assert len({row.dedupe_key for row in edits}) == 2


# ---- what was expected


def test_a_raise_that_keeps_the_limit_resolves_what_was_expected_with_it(expected: World) -> None:
    budget(expected, 25_000, 2)
    (alert,) = alerts(expected, "projected")
    assert (alert.state, alert.facts["resolved"]["reason"]) == ("resolved", "below")
    assert "Raise limit" not in repr(expected.ask(f"alerts show {alert.id}", now=SOON))


def test_a_limit_that_will_be_passed_still_is_told_anew_with_the_change(expected: World) -> None:
    budget(expected, 17_000, 2)  # five days away: it would have to hold for six hours
    old, new = alerts(expected, "projected")
    assert (old.state, new.state, new.facts["revision"]) == ("replaced", "fired", 3)
    route(expected.engine, SOON)
    acts = {(row.alert_id, row.act) for row in rows(expected)}
    assert {(old.id, "edit"), (new.id, "post")} <= acts
    said = repr(expected.ask(f"alerts show {old.id}", now=SOON))
    assert "The limit was raised to 17,000 on 24 Mar 18:01; a newer post tells" in said


def test_a_limit_that_is_lowered_below_the_use_is_told_by_its_threshold(expected: World) -> None:
    budget(expected, 15_000, 2)
    (old,) = alerts(expected, "projected")
    check_levels(expected.engine, SOON)
    assert [one.facts["percents"] for one in alerts(expected, "threshold")][-1] == [100]
    assert old.state == "replaced"


def test_a_budget_that_is_removed_ends_what_was_expected_of_it(expected: World) -> None:
    expected.ask("budget remove revision=2", now=SOON)
    (alert,) = alerts(expected, "projected")
    assert (alert.state, alert.facts["resolved"]["reason"]) == ("resolved", "removed")


def test_what_was_expected_of_the_plan_is_told_of_the_budget_that_takes_its_place(
    world: World,
) -> None:
    world.ask("budget remove revision=1", now=EVENING)
    world.ask("grants add plan 16000 monthly", now=EVENING)
    assert Looking(world.engine, EVENING).look() == 1
    world.ask("budget set 17000 monthly", now=SOON)
    plan, own = alerts(world, "projected")
    assert (plan.subject, plan.state, own.subject) == ("plan", "replaced", "budget:1")


def test_a_limit_that_was_full_and_is_raised_is_watched_again(world: World) -> None:
    budget(world, 15_000, 1)
    check_levels(world.engine, EVENING)
    budget(world, 17_000, 2)
    check_levels(world.engine, SOON)
    looking = Looking(world.engine, SOON)
    assert [looking.look(), looking.look(7 * HOUR)] == [0, 1]


# ---- a period that was moved


@pytest.mark.parametrize(("used", "state"), [(300, "resolved"), (16_000, "replaced")])
def test_a_billing_day_that_moves_leaves_a_newer_post_or_good_news(
    world: World, used: int, state: str
) -> None:
    world.ask("budget remove revision=1", now=EVENING)
    world.ask("budget set 20000 billing day=1", now=EVENING)
    check_levels(world.engine, EVENING)
    spend(world, {date(2026, 3, 24): used})
    world.ask("budget set 20000 billing day=24 revision=1", now=SOON)
    check_levels(world.engine, SOON)
    first, *newer = [one for one in alerts(world, "threshold") if one.subject == "budget:2"]
    assert first.state == state
    assert bool(newer) == (state == "replaced")
