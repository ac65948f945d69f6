"""Times under which posts could double are refused, when the service is set up."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.delivery.timing import Timing
from bot.settings import Settings

SECONDS = st.floats(0.01, 1000)


@given(lease=SECONDS, deadline=SECONDS, margin=SECONDS)
def test_what_is_accepted_leaves_time_for_a_late_landing(
    lease: float, deadline: float, margin: float
) -> None:
    try:
        timing = Timing(lease=lease, deadline=deadline, margin=margin)
    except ValueError:
        assert lease * 2 / 3 <= deadline + margin + 1e-9
    else:
        assert timing.lease / 3 + timing.deadline + timing.margin < timing.lease


def test_settings_that_could_double_are_refused_in_words() -> None:
    with pytest.raises(ValidationError, match="lease of 30 s is too short for a deadline of 20 s"):
        Settings(_env_file=None, delivery_lease=30)  # type: ignore[call-arg]  # pydantic's own
    usual = Settings(_env_file=None).timing()  # type: ignore[call-arg]  # pydantic's own
    assert (usual.lease, usual.deadline, usual.margin) == (60, 20, 15)


def test_a_faster_clock_makes_times_shorter_and_counts_equal() -> None:
    fast = Timing().scaled(0.05)
    assert (fast.lease, fast.look_again, fast.other_life) == (3, 0.5, 4320)
    assert (fast.lanes, fast.renders) == (16, 3)


@given(failures=st.integers(1, 100), seed=st.integers(0, 9))
def test_pauses_double_up_to_ten_minutes(failures: int, seed: int) -> None:
    pause = Timing().pause(failures, random.Random(seed))  # noqa: S311  # jitter
    usual = 2.0 * 2.0 ** (failures - 1)
    assert min(usual, 600) <= pause <= min(usual * 1.25, 600)


def test_no_time_is_zero() -> None:
    with pytest.raises(ValueError, match="above zero"):
        Timing(poll=0)
