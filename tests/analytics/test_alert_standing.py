"""How a budget stood: what is frozen comes back, and adds up to what decided the crossing."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from analytics.alert_standing import Crossed, _summing_to, crossed_of, freeze, read_standing, thaw
from analytics.figures import BudgetFigure
from analytics.query import Query
from analytics.scopes import Scope
from analytics.stretches import stretch_of
from analytics.timerange import parse_range
from bot.alerts.routing import route
from storage.alerts import list_alerts
from storage.engine import reading
from storage.events import MICRO, Route
from storage.ledger import Origin
from storage.levels import check_levels
from storage.timekeys import to_micros
from tests.analytics.spending import march
from tests.analytics.world import World
from tests.cast import NOW, event

LIVE = Origin("feed", "events", Route.API)
EVENING = NOW.replace(day=24, hour=18, minute=0)
DAYS = st.dictionaries(st.integers(0, 30), st.tuples(st.integers(0, 10**9), st.integers(0, 99)))


@given(DAYS, st.integers(0, 10**11))
def test_the_days_of_a_period_always_sum_to_what_was_used(
    days: dict[int, tuple[int, int]], used: int
) -> None:
    found = _summing_to(used, days, 5, 25)
    assert sum(credits for day, (credits, _) in found.items() if 5 <= day < 25) == used
    assert all(credits >= 0 for credits, _ in found.values())
    before = {day: spent for day, spent in days.items() if day < 5}
    assert {day: spent for day, spent in found.items() if day < 5} == before


@given(st.dictionaries(st.sampled_from(["first", "end", "limit", "used"]), st.text(max_size=5)))
def test_facts_that_make_no_sense_are_no_crossing(facts: dict[str, str]) -> None:
    assert crossed_of(Scope(), "monthly:2026-03", facts) is None


@pytest.mark.parametrize("used", [15_230, 15_000, 16_000, 0])
def test_what_is_frozen_as_json_comes_back_whole(sqlite_engine: sa.Engine, used: int) -> None:
    world = World(sqlite_engine)
    march(world)
    month = stretch_of("monthly", date(2026, 3, 24))
    crossed = Crossed(Scope(), month, 20_000 * MICRO, used * MICRO)
    with world.context() as ctx:
        query = Query(ctx.reader, EVENING, parse_range("this month", date(2026, 3, 24)))
        standing = read_standing(query, crossed)
    assert standing.burn.spent == standing.burn.used[-1] == used * MICRO
    assert thaw(json.loads(json.dumps(freeze(standing))), crossed) == standing


def test_a_standing_that_is_not_whole_is_none() -> None:
    crossed = Crossed(Scope(), stretch_of("monthly", date(2026, 3, 24)), 1, 1)
    assert thaw({}, crossed) is None
    assert thaw({"days": [1], "projection": {}, "path": []}, crossed) is None


def test_a_crossing_says_what_budget_says_at_that_moment(engine: sa.Engine) -> None:
    """Through the ledger, the thresholds and the router, on both databases."""
    world = World(engine)
    march(world)
    world.ask("budget set 20000 monthly", now=EVENING)
    check_levels(engine, EVENING)
    route(engine, EVENING)
    later = EVENING + timedelta(hours=1)
    world.ledger.write([event(ts=to_micros(later), credits=2_782 * MICRO)], LIVE, now=later)
    route(engine, later)
    budget = world.ask("budget", now=later)
    with reading(engine) as connection:
        newest = list_alerts(connection, 1, kinds=["threshold"])[0]
    told = world.ask(f"alerts show {newest.id}")
    assert told.headline.startswith("90% of March credits used (18,012 of 20,000); 7 days left")
    assert "Passed 90% on 24 Mar 19:00." in repr(told)
    mine, its = told.figure, budget.figure
    assert isinstance(mine, BudgetFigure)
    assert isinstance(its, BudgetFigure)
    assert (mine.used, mine.forecast) == (its.used, its.forecast)
