"""Projections: bounds for any series, examples by hand, states at their borders."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.projection import (
    Projection,
    State,
    chance_of_passing,
    day_expected,
    project,
    state_of,
)
from analytics.weekdays import levels, weekday_factors
from storage.events import MICRO

AMOUNTS = st.one_of(st.just(0), st.integers(0, 10**6), st.integers(0, 10**18))
SERIES = st.one_of(
    st.lists(AMOUNTS, max_size=70),
    # Long ones, where range and cleaning look back, from a short pattern.
    st.tuples(st.lists(AMOUNTS, min_size=1, max_size=9), st.integers(1, 200)).map(
        lambda made: (made[0] * made[1])[: made[1]]
    ),
)
# 100 credits a day are used up to now, 3,000 are expected for the month.
PLAIN = Projection(
    used=1_000 * MICRO,
    complete=1_000 * MICRO,
    expected=2_000 * MICRO,
    projected=3_000 * MICRO,
    low=2_500 * MICRO,
    high=4_000 * MICRO,
    path=tuple(range(1_100 * MICRO, 3_001 * MICRO, 100 * MICRO)),
    n=60,
    usage_days=40,
    day=10,
    month_days=30,
    has_fallen=False,
)


def projected(daily: list[int], day: int, **more: int) -> Projection:
    """Of a month of 30 days; a prompt is a credit."""
    micro = [spent * MICRO for spent in daily]
    return project(micro, daily, day=day, month_days=30, **more)


@given(SERIES, st.integers(0, 31), st.integers(28, 31), AMOUNTS, AMOUNTS)
def test_any_series_gives_ordered_finite_numbers_never_below_what_is_used(
    daily: list[int], day: int, month_days: int, today: int, budget: int
) -> None:
    day = min(day, month_days)
    found = project(daily, daily, day=day, month_days=month_days, today=today)
    in_month = daily[len(daily) - min(day, len(daily)) :]
    chance = chance_of_passing(found, budget)
    assert found.used == sum(in_month) + today
    assert found.used <= found.low <= found.projected <= found.high
    assert chance is None or 0 <= chance <= 1
    assert state_of(found, budget) in State


@given(SERIES, st.integers(0, 29), AMOUNTS)
def test_path_and_fan_end_at_the_projection_and_its_range(
    daily: list[int], day: int, today: int
) -> None:
    found = project(daily, daily, day=day, month_days=30, today=today)
    fan = found.fan()
    assert (len(found.path), found.path[-1]) == (30 - day, found.projected)
    assert list(found.path) == sorted(found.path)
    assert fan[-1] == (found.low, found.high)
    assert all(
        found.used <= low <= point <= high
        for (low, high), point in zip(fan, found.path, strict=True)
    )


@given(SERIES, st.integers(5, 25))
def test_the_chance_falls_as_the_budget_grows(daily: list[int], day: int) -> None:
    found = project(daily, daily, day=day, month_days=30)
    budgets = [found.used, found.low, found.projected, found.high, 2 * found.high]
    chances = [chance_of_passing(found, budget) for budget in budgets]
    known = [chance for chance in chances if chance is not None]
    assert known == sorted(known, reverse=True)


def test_a_short_history_goes_on_at_the_rate_of_the_month() -> None:
    found = projected([900] * 5 + [100] * 10, 10)
    assert (found.used, found.projected) == (1_000 * MICRO, 3_000 * MICRO)
    assert found.is_from_month_alone


def test_the_first_of_a_month_goes_on_at_the_rate_of_the_days_known() -> None:
    assert projected([100, 300], 0).projected == 200 * 30 * MICRO


def test_with_history_the_weekdays_left_decide() -> None:
    # Work on one day of seven; the 3 days left begin with the weekday of day 56 - 7.
    busy = projected([70, 0, 0, 0, 0, 0, 0] * 8, 27)
    idle = projected([0, 0, 0, 70, 0, 0, 0] * 8, 27)
    assert busy.projected - busy.used > 55 * MICRO
    assert idle.projected - idle.used < 20 * MICRO


def test_equal_days_go_on_equally() -> None:
    assert projected([100] * 60, 10).projected == 3_000 * MICRO


def test_the_range_of_a_short_history_is_the_fitted_one() -> None:
    found = projected([100] * 10, 10)  # no noise: cv is taken as 0.05
    s = math.exp(-0.834 + 0.614 * math.log(0.05) + 0.134 * math.log(20))
    assert found.low == math.floor(MICRO * (1_000 + 2_000 * math.exp(-1.63 * s)))
    assert found.high == math.ceil(MICRO * (1_000 + 2_000 * math.exp(2.69 * s)))


@pytest.mark.parametrize("n", [28, 59])
def test_from_28_days_on_the_range_is_another(n: int) -> None:
    found = projected([100] * n, 10)
    s = math.exp(-0.642 + 0.804 * math.log(0.05) - 0.005 * math.log(20))
    assert found.low == math.floor(MICRO * (1_000 + 2_000 * math.exp(-1.58 * s)))
    assert found.high == math.ceil(MICRO * (1_000 + 2_000 * math.exp(2.45 * s)))


@pytest.mark.parametrize(
    ("n", "left", "width"),
    [
        (180, 20, 0.5),  # its own past was never missed: half the width, in logarithms
        (60, 20, 1),  # 7 origins, every second day: too few
        (60, 5, 0.5),  # 28 origins, every day
        (60, 6, 0.5),  # 14 origins
    ],
)
def test_a_replay_draws_the_range_to_what_was_missed_before(
    n: int, left: int, width: float
) -> None:
    found = projected([100] * n, 30 - left)
    s = math.exp(-0.657 + 0.720 * math.log(0.05) - 0.061 * math.log(left))
    rise = 100 * left * math.exp(2.02 * s * width)
    assert found.high == pytest.approx((3_000 - 100 * left + rise) * MICRO)


@pytest.mark.parametrize(("weeks", "half_lives"), [(4, [7, 28]), (3, [7])])
def test_a_noisy_level_is_the_mean_of_two(weeks: int, half_lives: list[int]) -> None:
    days = ([0] * 7 + [200] * 7) * weeks  # no weekday is special; 56 days or 42
    decay = [[0.5 ** (age / half) for age in range(len(days))] for half in half_lives]
    levels_ = [
        sum(w * spent for w, spent in zip(ws, reversed(days), strict=True)) / sum(ws)
        for ws in decay
    ]
    expected = 20 * sum(levels_) / len(levels_)
    assert projected(days, 10).expected == pytest.approx(expected * MICRO)


def test_what_today_used_raises_the_floor_and_not_the_level() -> None:
    before = projected([100] * 60, 10)
    little, much = (projected([100] * 60, 10, today=today * MICRO) for today in (90, 9_000))
    assert (little.projected, little.used) == (before.projected, before.used + 90 * MICRO)
    assert much.used == much.low == much.projected == 10_000 * MICRO


def test_one_huge_day_stays_used_but_does_not_shape_the_rest() -> None:
    days = [90, 110] * 30
    spiked = [*days[:-3], 2_000, *days[-2:]]
    plain, huge = projected(days, 10), projected(spiked, 10)
    assert huge.used - plain.used == 1_890 * MICRO
    assert huge.expected == pytest.approx(plain.expected, rel=0.02)


def test_with_few_prompts_a_huge_day_counts() -> None:
    days = [90, 110] * 30
    spiked = [spent * MICRO for spent in [*days[:-3], 2_000, *days[-2:]]]
    found = project(spiked, [4] * 60, day=10, month_days=30)
    assert found.expected > 2 * projected(days, 10).expected


def test_only_the_last_180_days_count() -> None:
    days = [spent % 50 for spent in range(180)]
    assert projected([10**6] * 40 + days, 10) == projected(days, 10)


def test_after_nothing_for_weeks_the_high_end_is_an_average_month() -> None:
    found = projected([100] * 10 + [0] * 112, 10)
    mean = sum([100] * 10) / 122
    assert (found.projected, found.low) == (0, 0)
    assert found.high == pytest.approx(mean * 20 * MICRO)
    assert found.is_range_first


@pytest.mark.parametrize(
    "daily",
    [
        [0] * 100 + [100] * 10,  # nothing was predicted at most origins: too few ratios
        ([100] * 30 + [0] * 30) * 3,  # a tenth of the ratios are 0, which has no logarithm
    ],
)
def test_a_past_that_cannot_be_replayed_leaves_the_fitted_range(daily: list[int]) -> None:
    found = projected([*daily, *[100] * 7], 7)
    p = found.expected
    narrow, wide = (math.log((end - found.complete) / p) for end in (found.low, found.high))
    assert narrow / wide == pytest.approx(-1.70 / 2.02, rel=1e-6)


def test_credits_and_prompts_must_be_of_the_same_days() -> None:
    with pytest.raises(ValueError, match="different days"):
        project([1, 2], [1], day=2, month_days=30)


def test_six_states_are_said_in_four_words() -> None:
    words = ["over", "over", "at risk", "at risk", "on track", "early"]
    assert [state.words for state in State] == words


def test_usage_that_collapsed_is_noticed() -> None:
    assert projected([100] * 60 + [15] * 7, 10).has_fallen
    assert not projected([100] * 60 + [40] * 7, 10).has_fallen


def test_a_finished_month_is_known() -> None:
    found = projected([100] * 30, 30)
    assert found.low == found.high == found.used == 3_000 * MICRO
    assert state_of(found, 3_000 * MICRO) is State.ON_TRACK
    assert chance_of_passing(found, 3_000 * MICRO) == 0


def test_without_any_day_all_is_what_today_used() -> None:
    found = projected([], 0, today=5 * MICRO)
    assert (found.low, found.projected, found.high) == (5 * MICRO,) * 3
    assert state_of(found, 10 * MICRO) is State.EARLY


@pytest.mark.parametrize(
    ("budget", "changed", "state"),
    [
        (1_000 * MICRO - 1, {}, State.PASSED),
        (2_500 * MICRO - 1, {}, State.OVER),
        (2_500 * MICRO, {}, State.LIKELY),
        (3_000 * MICRO - 1, {}, State.LIKELY),
        (3_000 * MICRO, {}, State.POSSIBLE),
        (3_000 * MICRO, {"day": 9}, State.EARLY),
        (4_000 * MICRO - 1, {}, State.POSSIBLE),
        (4_000 * MICRO, {}, State.ON_TRACK),
        (4_000 * MICRO, {"day": 9}, State.ON_TRACK),
        (4_000 * MICRO, {"usage_days": 4}, State.EARLY),
        (4_000 * MICRO, {"usage_days": 5}, State.ON_TRACK),
        (4_000 * MICRO, {"n": 27, "day": 4}, State.EARLY),
        (4_000 * MICRO, {"n": 27, "day": 5}, State.ON_TRACK),
        (4_000 * MICRO, {"n": 28, "day": 4}, State.ON_TRACK),
        (1_000 * MICRO - 1, {"usage_days": 4}, State.PASSED),
        (0, {}, State.PASSED),
    ],
)
def test_states_change_at_their_borders(budget: int, changed: dict[str, int], state: State) -> None:
    assert state_of(replace(PLAIN, **changed), budget) is state  # type: ignore[arg-type]  # whole numbers all


@pytest.mark.parametrize(
    ("budget", "chance"),
    [(1_000, 1.0), (2_500, 0.9), (3_000, 0.5), (4_000, 0.1), (999, 1.0), (1_000_000, 0.0)],
)
def test_the_chance_is_that_of_the_range(budget: int, chance: float) -> None:
    assert chance_of_passing(PLAIN, budget * MICRO) == pytest.approx(chance, abs=1e-5)


def test_no_chance_is_told_while_data_are_thin() -> None:
    assert chance_of_passing(replace(PLAIN, usage_days=4), 3_000 * MICRO) is None


@pytest.mark.parametrize(
    ("budget", "day"),
    [(1_000, None), (1_111, None), (1_112, 11), (2_000, 18), (3_333, 30), (3_334, None)],
)
def test_the_day_of_a_threshold_is_the_first_to_reach_it(budget: int, day: int | None) -> None:
    assert day_expected(PLAIN, budget * MICRO, 90) == day


def test_factors_are_pulled_towards_one_by_two_weeks() -> None:
    # S = 14 on the first weekday, M = 1, W = 2: (14 + 2) / 4 = 4 and (0 + 2) / 4.
    days = np.array([[7.0, 0, 0, 0, 0, 0, 0] * 2])
    assert weekday_factors(days, np.array([14])).tolist() == [[4.0, *[0.5] * 6]]


def test_weeks_that_are_not_whole_or_empty_do_not_count() -> None:
    week = [7.0, 0, 0, 0, 0, 0, 0]
    days = np.array([[*[9.0] * 7, *week, *[0.0] * 7, *week]])
    assert weekday_factors(days, np.array([27])).tolist() == [[4.0, *[0.5] * 6]]
    assert weekday_factors(days, np.array([6])).tolist() == [[1.0] * 7]


def test_the_level_halves_a_day_in_each_half_life() -> None:
    days = np.array([[*[0.0] * 6, 8.0, *[0.0] * 6, 4.0]])
    ones = np.ones((1, 7))
    decay = sum(0.5 ** (age / 7) for age in range(8))
    level = levels(days, ones, np.array([8]), 7.0)
    assert level.tolist() == [pytest.approx((0.5 * 8 + 4) / decay)]
