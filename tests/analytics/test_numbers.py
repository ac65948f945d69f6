"""Numbers beside axes and in columns of ratios."""

from __future__ import annotations

import pytest

from analytics.numbers import axis_text, ratio_text

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
