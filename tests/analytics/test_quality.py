"""Qualities: what outcomes and ratings allow to say."""

from __future__ import annotations

import pytest

from analytics.quality import Quality
from storage.events import MICRO


@pytest.mark.parametrize(
    ("ok_n", "ok", "micro"), [(90, 45, 2 * MICRO), (89, 45, None), (100, 0, None)]
)
def test_credits_per_success_need_known_outcomes(ok_n: int, ok: int, micro: int | None) -> None:
    assert Quality(prompts=100, credits=90 * MICRO, ok_n=ok_n, ok=ok).per_success == micro


@pytest.mark.parametrize(
    ("n", "stars", "is_apart"),
    [
        (49, 176, True),  # 0.408 less than 4, where 0.4 is clear
        (49, 177, False),
        (9, 9, False),  # too few for any mean
        (10, 31, True),
        (10, 32, False),
    ],
)
def test_ratings_differ_clearly_by_the_smaller_number(
    n: int, stars: int, *, is_apart: bool
) -> None:
    few, many = Quality(rating_sum=stars, rating_n=n), Quality(rating_sum=4_000, rating_n=1_000)
    assert few.is_rated_apart(many) is is_apart
    assert many.is_rated_apart(few) is is_apart
