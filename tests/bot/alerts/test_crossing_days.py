"""The day that a post says a threshold was passed on is the one that `budget` says."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from analytics.report import Note
from bot.alerts.routing import route
from storage.levels import check_levels
from tests.analytics.advised import advised
from tests.analytics.spending import march, spend
from tests.analytics.world import World, column, table_of
from tests.bot.alerts.routed import EVENING, HOUR
from tests.bot.alerts.test_watch import DAY, Looking
from tests.cast import NOW


@pytest.fixture
def world(engine: sa.Engine) -> World:
    """A workspace that used 15,230 credits up to the evening of 24 March."""
    world = World(engine)
    march(world)
    return world


def said(world: World) -> str:
    """What the newest alert says first."""
    check_levels(world.engine, EVENING)
    route(world.engine, EVENING)
    report = world.ask("alerts show 1", now=EVENING + HOUR)
    return next(block.text for block in report.blocks if isinstance(block, Note))


def test_a_budget_that_was_full_when_it_was_set_says_both_days(world: World) -> None:
    budget = world.ask("budget set 10000 monthly", now=EVENING)
    assert "That passes 75, 90 and 100% at once" in repr(budget)
    told = said(world)
    status = repr(world.ask("budget", now=EVENING + HOUR))
    day = told.removeprefix("Passed 100% on ").partition(" Mar;")[0]
    assert int(day) < 24
    assert told == f"Passed 100% on {day} Mar; the budget was set on 24 Mar 18:00."
    assert f"100% reached {day} March" in status


def test_a_limit_that_was_changed_says_so(world: World) -> None:
    world.ask("budget set 30000 monthly", now=EVENING - HOUR)
    world.ask("budget set 10000 monthly revision=1", now=EVENING)
    assert said(world).endswith(" Mar; the budget became what it is on 24 Mar 18:00.")


@pytest.mark.parametrize(
    ("day", "words"), [(24, "24 Mar; known since 30 Mar 14:05."), (30, "30 Mar 14:05.")]
)
def test_usage_that_comes_in_late_says_its_day_and_since_when_it_is_known(
    world: World, day: int, words: str
) -> None:
    world.ask("budget set 20400 monthly", now=EVENING - HOUR)
    check_levels(world.engine, EVENING - HOUR)
    spend(world, {date(2026, 3, day): 1_000})  # the ledger writes at 14:05 on the 30th
    assert said(world) == f"Passed 75% on {words}"


def test_lists_name_what_new_advice_is_about(sqlite_engine: sa.Engine) -> None:
    world = advised(World(sqlite_engine))
    looking = Looking(sqlite_engine, NOW)
    looking.look()
    looking.look(DAY)
    name = column(table_of(world.ask("alerts", now=looking.now)), "what")[-1]
    assert str(name).startswith("New advice: ")
    assert " instead of " in str(name)


def test_a_scope_without_a_budget_is_led_to_its_own(world: World) -> None:
    report = repr(world.ask("budget department=Platform", now=EVENING))
    assert "monthly department=Platform`." in report
    assert "grants add" not in report
