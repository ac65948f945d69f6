"""Numbers beside axes and in columns of ratios."""

from __future__ import annotations

import pytest

from analytics.numbers import axis_text, credits_text, factor_text, ratio_text, step_text

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
