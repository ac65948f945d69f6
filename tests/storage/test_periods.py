"""The periods of budgets: every day is in exactly one, and each has its own name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.budgets import Period
from storage.periods import period_key, period_of
from storage.timekeys import date_of, day_number

DAYS = st.integers(day_number(date_of(0).replace(year=2000)), 30_000)
PERIODS = st.sampled_from(["monthly", "weekly", "quarterly", "billing"])


@given(PERIODS, DAYS, st.integers(1, 28), st.integers(0, 6))
def test_neighbours_meet_and_hold_the_same_days(
    period: Period, day: int, billing_day: int, week_start: int
) -> None:
    def at(some: int) -> tuple[int, int]:
        return period_of(period, some, billing_day=billing_day, week_start=week_start)

    first, end = at(day)
    assert first <= day < end
    assert at(first) == at(end - 1) == (first, end)
    assert at(end)[0] == end
    assert at(first - 1)[1] == first
    assert period_key(period, first) != period_key(period, end)


@pytest.mark.parametrize(
    ("period", "day", "key"),
    [
        ("monthly", "2026-03-31", "monthly:2026-03"),
        ("weekly", "2026-03-08", "weekly:2026-03-02"),
        ("quarterly", "2026-12-31", "quarterly:2026-q4"),
        ("billing", "2026-03-14", "billing:2026-02-15"),
        ("billing", "2026-01-14", "billing:2025-12-15"),
    ],
)
def test_a_period_is_named_by_its_local_days(period: Period, day: str, key: str) -> None:
    number = day_number(date_of(0).fromisoformat(day))
    assert period_key(period, period_of(period, number, billing_day=15)[0]) == key
