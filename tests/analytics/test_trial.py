"""Trials: how many prompts, how long, and when they end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.errors import UserError
from analytics.trial import (
    Look,
    Plan,
    fitting_slice,
    looks_of,
    plan_trial,
    prompts_per_arm,
    status_of,
)
from analytics.wilson import Tally, newcombe, wilson

GOOD = Tally(998, 949)  # 95 % with one success and one failure more


@pytest.mark.parametrize(
    ("margin_pct", "sizes"),
    [
        (3, [270, 653, 1_238, 2_200, 2_887]),
        (5, [200, 236, 446, 792, 1_040]),
        (10, [200, 200, 200, 200, 260]),
    ],
)
def test_an_arm_has_the_planned_size_and_200_at_least(margin_pct: int, sizes: list[int]) -> None:
    rates = (0.98, 0.95, 0.90, 0.80, 0.70)
    assert [prompts_per_arm(rate, margin_pct) for rate in rates] == sizes


def test_a_trial_takes_its_arms_share_of_the_days() -> None:
    plan = plan_trial(GOOD, prompts_a_day=100, slice_pct=10, margin_pct=3)
    assert plan == Plan(per_arm=653, days=66)


def test_90_days_are_the_most() -> None:
    most = plan_trial(GOOD, prompts_a_day=653 / 9, slice_pct=10, margin_pct=3)
    assert most.days == 90
    with pytest.raises(UserError) as caught:
        plan_trial(GOOD, prompts_a_day=652 / 9, slice_pct=10, margin_pct=3)
    assert "653 prompts on each model and would take 91 days" in caught.value.message
    assert caught.value.hint == "A margin of 4 points would fit."


@pytest.mark.parametrize("prompts_a_day", [0.0, 1.0])
def test_where_no_margin_fits_it_says_what_would_help(prompts_a_day: float) -> None:
    with pytest.raises(UserError) as caught:
        plan_trial(GOOD, prompts_a_day=prompts_a_day, slice_pct=20, margin_pct=3)
    assert caught.value.hint.startswith("No margin would fit")


def test_where_only_a_larger_slice_fits_it_is_named() -> None:
    with pytest.raises(UserError) as caught:
        plan_trial(GOOD, prompts_a_day=16, slice_pct=10, margin_pct=3)
    assert caught.value.hint == "No margin would fit; a slice of 46% would."
    assert plan_trial(GOOD, prompts_a_day=16, slice_pct=46, margin_pct=3).days <= 90


@pytest.mark.parametrize(("prompts_a_day", "slice_pct"), [(16, 46), (15, 49), (14, 10), (900, 10)])
def test_the_least_slice_that_fits_is_a_tenth_or_what_90_days_need(
    prompts_a_day: float, slice_pct: int
) -> None:
    assert fitting_slice(GOOD, prompts_a_day=prompts_a_day, margin_pct=3) == slice_pct


@pytest.mark.parametrize(
    ("per_arm", "looks"), [(200, (200,)), (201, (200, 201)), (400, (200, 400)), (653, (327, 653))]
)
def test_a_trial_is_looked_at_twice_and_not_before_200(per_arm: int, looks: tuple[int]) -> None:
    assert looks_of(per_arm) == looks


def look(n: int, control: int, test: int) -> Look:
    """So many successes of n prompts in each arm."""
    return Look(Tally(n, control), Tally(n, test))


@pytest.mark.parametrize(
    ("looks", "status"),
    [
        ([], "running"),
        ([look(500, 475, 470)], "running"),
        ([look(500, 475, 484)], "confirmed"),
        ([look(500, 475, 440)], "stopped"),
        ([look(500, 475, 470), look(1_000, 950, 950)], "confirmed"),
        ([look(500, 475, 470), look(1_000, 950, 938)], "no answer"),
        ([look(500, 475, 470), look(1_000, 950, 910)], "no answer"),
        ([look(500, 475, 470), look(1_000, 950, 880)], "stopped"),
    ],
)
def test_a_trial_ends_only_at_its_looks(looks: list[Look], status: str) -> None:
    assert status_of(1_000, 3, looks) == status


def test_what_was_decided_half_way_stays() -> None:
    assert status_of(1_000, 3, [look(500, 475, 440), look(1_000, 950, 960)]) == "stopped"


def test_a_true_loss_of_twice_the_margin_is_never_confirmed() -> None:
    rng = np.random.default_rng(3)
    found = set()
    for _ in range(100):
        arms = [(rng.random(1_000) < rate).cumsum().tolist() for rate in (0.95, 0.89)]
        looks = [look(n, *(arm[n - 1] for arm in arms)) for n in looks_of(1_000)]
        found.add(status_of(1_000, 3, looks))
    assert found <= {"stopped", "no answer"}


def test_bounds_of_rates_agree_with_published_examples() -> None:
    # Newcombe, Statistics in Medicine 17 (1998): 81 of 263; 56 of 70 against 48 of 80.
    assert wilson(Tally(263, 81), 1.96) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert newcombe(Tally(80, 48), Tally(70, 56), 1.96) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@given(st.integers(0, 500), st.integers(0, 500), st.floats(0.5, 3))
def test_bounds_hold_the_rate_and_stay_within_0_and_1(n: int, ok: int, z: float) -> None:
    tally = Tally(n, min(n, ok))
    low, high = wilson(tally, z)
    assert 0 <= low <= high <= 1
    assert not n or low - 1e-12 <= tally.rate <= high + 1e-12
