"""Numbers beside axes and in columns of ratios."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.numbers import (
    as_written,
    axis_text,
    credits_text,
    factor_text,
    ratio_text,
    step_text,
)

MICRO = 1_000_000


@pytest.mark.parametrize(
    ("credits_micro", "shown"),
    [
        (0, "0"),
        (1, "0.000001"),
        (50_000, "0.05"),
        (250 * MICRO, "250"),
        (1500 * MICRO, "1.5k"),
        (20_000_000 * MICRO, "20M"),
        (10**9 * MICRO, "1B"),
    ],
)
def test_an_axis_is_short_and_exact(credits_micro: int, shown: str) -> None:
    assert axis_text(credits_micro) == shown


@pytest.mark.parametrize(
    ("credits_micro", "shown"),
    [(MICRO, "1.0"), (2_140_000, "2.1"), (12 * MICRO, "12"), (30_000, "0.03"), (0, "0.0")],
)
def test_ratios_below_ten_line_up(credits_micro: int, shown: str) -> None:
    assert ratio_text(credits_micro) == shown


def test_what_is_below_nothing_has_a_true_minus() -> None:
    assert credits_text(-1_028 * MICRO) == "−1,028"
    assert credits_text(-500_000) == "−0.5"


@pytest.mark.parametrize(
    ("factor", "shown"), [(1.34, "×1.3"), (0.04, "×0.04"), (0.001, "<×0.01"), (0, "×0.0")]
)
def test_a_factor_that_is_not_nothing_is_not_shown_as_nothing(factor: float, shown: str) -> None:
    assert factor_text(factor) == shown


@pytest.mark.parametrize(("step", "shown"), [(0.7, "+0.7"), (-0.5, "−0.5"), (-0.04, "0.0")])
def test_a_step_that_rounds_to_nothing_has_no_sign(step: float, shown: str) -> None:
    assert step_text(step) == shown


AMOUNTS = st.lists(st.integers(0, 10**10), min_size=1, max_size=40)


@given(AMOUNTS)
def test_whole_credits_add_up_to_the_total_that_is_written(parts: list[int]) -> None:
    large = [10 * MICRO + part for part in parts]
    written = as_written(large)
    assert sum(written) == int(credits_text(sum(large)).replace(",", "")) * MICRO
    assert all(abs(one - part) < MICRO for one, part in zip(written, large, strict=True))


@given(AMOUNTS, st.integers(0, 10**8))
def test_what_has_decimals_stays_and_the_rest_makes_up_for_it(parts: list[int], total: int) -> None:
    every = [*parts, 10 * MICRO + total]
    written = as_written(every)
    assert [one for one, part in zip(written, every, strict=True) if part < 10 * MICRO] == [
        part for part in every if part < 10 * MICRO
    ]
    assert abs(sum(written) - sum(every)) <= MICRO


def test_others_take_what_is_missing_where_that_hardly_changes_them() -> None:
    assert as_written([10_400_000] * 5 + [900_400_000], others=5) == [10_000_000] * 5 + [
        902_000_000
    ]
    small = [one // MICRO for one in as_written([10_400_000] * 5 + [20_400_000], others=5)]
    assert small == [11, 10, 10, 10, 10, 21]


def test_rows_of_a_level_above_are_the_total_of_the_next() -> None:
    families = as_written([30_600_000, 20_600_000])
    assert families == [31_000_000, 20_000_000]
    assert as_written([10_300_000, 10_300_000], families[1]) == [10_000_000, 10_000_000]
