"""Use that adds up over a period: what is reached when, where it ends, how late data are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from analytics.burn_up import BurnUp, budget_figure, burn_up
from analytics.projection import State
from analytics.query import Filters, Query
from analytics.stretches import Stretch, stretch_of
from storage.budgets import Period
from storage.events import MICRO
from tests.analytics.spending import march, noon, rhythm, spend
from tests.analytics.world import World

BUDGET = 20_000 * MICRO


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """An empty workspace in Berlin."""
    return World(sqlite_engine)


@contextmanager
def asked(world: World, now: datetime) -> Iterator[Query]:
    with world.context(now=now) as ctx:
        today = ctx.reader.clock.local_date(now)
        yield Query(ctx.reader, now, stretch_of("monthly", today).so_far(today))


def burned(
    world: World, now: datetime, limit: int | None = BUDGET, period: Period = "monthly"
) -> BurnUp:
    with world.context(now=now) as ctx:
        today = ctx.reader.clock.local_date(now)
        stretch = stretch_of(period, today, 15)
        return burn_up(Query(ctx.reader, now, stretch.so_far(today)), stretch, limit)


def test_the_mission_s_march_is_on_track(world: World) -> None:
    burn = burned(world, march(world))
    assert (burn.spent, burn.percent, burn.state) == (15_230 * MICRO, 76, State.ON_TRACK)
    assert burn.words.startswith("On track: 15,230 of 20,000 used, month end about 19,500 (80%")


def test_thresholds_have_the_day_on_which_they_are_reached_and_expected(world: World) -> None:
    burn = burned(world, march(world))
    assert burn.reached(75) == date(2026, 3, 24)
    assert burn.reached(90) is None
    assert burn.expected(75) is None
    assert burn.expected(90) == date(2026, 3, 29)
    assert burn.expected(100) is None


def test_a_threshold_is_not_reached_one_micro_credit_earlier(world: World) -> None:
    spend(world, {date(2026, 3, 2): 75})
    now = noon(world, date(2026, 3, 4))
    assert burned(world, now, 100 * MICRO).reached(75) == date(2026, 3, 2)
    assert burned(world, now, 100 * MICRO + 1).reached(75) is None


def test_a_passed_limit_tells_the_day(world: World) -> None:
    now = march(world)
    burn = burned(world, now, 15_000 * MICRO)
    assert burn.words == "Over budget since 24 March: 15,230 of 15,000."
    assert burn.percent == 101


def test_a_hundred_per_cent_is_said_when_it_is_reached(world: World) -> None:
    spend(world, {date(2026, 3, 2): 999})
    burn = burned(world, noon(world, date(2026, 3, 4)), 1000 * MICRO)
    assert burn.percent == 99


def test_nothing_is_expected_of_a_budget_of_nothing(world: World) -> None:
    spend(world, rhythm(date(2026, 3, 1), date(2026, 3, 20)))
    burn = burned(world, noon(world, date(2026, 3, 20)), 0)
    assert (burn.percent, burn.thresholds, burn.reached(75)) == (None, (), None)
    assert burn.state is State.PASSED
    assert burn.passed_on == date(2026, 3, 1)


def test_a_finished_period_is_known(world: World) -> None:
    now = march(world)
    february = stretch_of("monthly", date(2026, 2, 3))
    with asked(world, now) as query:
        burn = burn_up(query, february, BUDGET)
    assert burn.projection.is_finished
    assert burn.spent == sum(rhythm(february.first, february.end).values()) * MICRO
    assert len(burn.used) == 28
    assert "Within budget" in burn.words


def test_filters_narrow_the_burn_up(world: World) -> None:
    now = march(world)
    spend(world, {date(2026, 3, 3): 7}, department="Growth")
    growth = world.labels.department_id("Growth")
    with asked(world, now) as query:
        narrowed = replace(query, filters=Filters(department=(growth,)))
        burn = burn_up(narrowed, stretch_of("monthly", date(2026, 3, 24)))
    assert (burn.spent, burn.projection.n) == (7 * MICRO, 21)
    assert burn.state is None
    assert burn.words.startswith("Too early to say: usage on 1 day.")


def test_a_workspace_that_lags_is_projected_from_where_its_data_end(world: World) -> None:
    spend(world, rhythm(date(2026, 1, 1), date(2026, 3, 11)))
    late = burned(world, noon(world, date(2026, 3, 24)))
    assert late.known_to == date(2026, 3, 10)
    assert late.projection.day == 10
    assert late.projection.projected > 1.7 * late.spent
    quiet = burned(world, noon(world, date(2026, 3, 14)))
    assert (quiet.known_to, quiet.projection.day) == (None, 13)


def test_a_quarter_has_a_pace_and_no_state_while_its_end_is_far(world: World) -> None:
    now = march(world)
    near = burned(world, now, 100_000 * MICRO, "quarterly")
    assert near.state is State.ON_TRACK
    assert "quarter's end about" in near.words
    early = burned(world, noon(world, date(2026, 1, 20)), 100_000 * MICRO, "quarterly")
    assert early.state is None
    assert "at this pace quarter's end about" in early.words
    assert early.expected(90) is None


def test_a_picture_has_the_values_of_the_burn_up(world: World) -> None:
    now = march(world)
    burn = burned(world, now)
    with asked(world, now) as query:
        figure = budget_figure(query, burn, burn.words)
    assert (figure.days, figure.used[-1], figure.limit) == (31, burn.spent, BUDGET)
    assert figure.forecast is not None
    low, middle, high = (getattr(figure.forecast, name) for name in ("low", "middle", "high"))
    assert low <= middle <= high <= BUDGET
    assert figure.subtitle == "76% used with 76% of the month gone. Band = 80% range"
    assert "Used 15,230 of 20,000. 80% range" in figure.alt


def test_a_picture_of_the_first_days_has_no_point(world: World) -> None:
    march(world)
    now = noon(world, date(2026, 4, 3))
    with asked(world, now) as query:
        figure = budget_figure(query, burned(world, now), "April")
    assert figure.forecast is not None
    assert figure.forecast.middle is None


@pytest.mark.parametrize(
    ("period", "first", "end", "title"),
    [
        ("monthly", "2026-03-01", "2026-04-01", "March"),
        ("weekly", "2026-03-09", "2026-03-16", "9–15 Mar 2026"),
        ("quarterly", "2026-01-01", "2026-04-01", "1 Jan – 31 Mar 2026"),
        ("billing", "2026-02-15", "2026-03-15", "15 Feb – 14 Mar 2026"),
    ],
)
def test_periods_hold_their_day(period: Period, first: str, end: str, title: str) -> None:
    stretch = stretch_of(period, date(2026, 3, 14), 15)
    assert stretch == Stretch(date.fromisoformat(first), date.fromisoformat(end), period)
    assert stretch.title == title


def test_a_week_begins_on_the_weekday_of_the_workspace() -> None:
    sunday = stretch_of("weekly", date(2026, 3, 14), week_start=6)
    assert (sunday.first, sunday.end) == (date(2026, 3, 8), date(2026, 3, 15))


@given(
    st.dates(date(2001, 1, 1), date(2099, 1, 1)),
    st.sampled_from(("monthly", "weekly", "quarterly", "billing")),
    st.integers(1, 28),
)
def test_neighbouring_periods_meet(day: date, period: Period, billing_day: int) -> None:
    found = stretch_of(period, day, billing_day)
    assert found.first <= day < found.end
    assert stretch_of(period, found.end, billing_day).first == found.end
    assert stretch_of(period, found.first, billing_day) == found
