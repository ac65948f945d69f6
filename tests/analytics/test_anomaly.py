"""Unusual days: the rule at its borders, its gates, and who carries a rise."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.anomaly import (
    Part,
    Verdict,
    carrier,
    carrier_text,
    judge,
    matters_to_all,
    still_text,
    unusual_text,
    verdicts,
)
from storage.events import MICRO

TUESDAY = date(2026, 3, 24)
# Mean 100 and sd 10; every weekday takes as much as the others.
CALM = [90, 110] * 28


def judged(daily: list[int], prompts: int = 100) -> Verdict | None:
    """The last day; credits, and always as many prompts a day."""
    return judge([spent * MICRO for spent in daily], [prompts] * len(daily))


def is_alert(daily: list[int], prompts: int = 100) -> bool:
    found = judged(daily, prompts)
    return found is not None and found.is_alert


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (249, False),  # z 14.9, but under 5 % of a month
        (250, True),  # 100 + 5 % of 3,000
        (700, True),
        (100, False),
        (0, False),
    ],
)
def test_an_alert_needs_a_share_of_the_month(total: int, *, expected: bool) -> None:
    assert is_alert([*CALM, total]) is expected


@pytest.mark.parametrize(("total", "expected"), [(699, False), (700, True)])
def test_a_huge_share_of_the_month_needs_less_rarity(total: int, *, expected: bool) -> None:
    # Mean 100 and sd 173: both are at z 3.46, and 700 is 20 % of a month above.
    assert is_alert([*[0] * 21, *[400] * 7] * 2 + [total]) is expected


def test_verdicts_need_28_complete_days_before() -> None:
    assert judged([*CALM[:27], 5_000]) is None
    assert is_alert([*CALM[:28], 5_000])


def test_credits_and_prompts_must_be_of_the_same_days() -> None:
    with pytest.raises(ValueError, match="different days"):
        judge([1] * 40, [1] * 39)


def test_verdicts_need_five_prompts_a_day() -> None:
    days = [*(spent * MICRO for spent in CALM[:28]), 5_000 * MICRO]
    almost, enough = [5] * 27 + [4, 900], [5] * 28 + [0]
    assert judge(days, almost) is None
    assert judge(days, enough) is not None


def test_a_day_after_weeks_without_credits_is_not_judged() -> None:
    assert judged([0] * 28 + [50]) is None


def test_what_is_usual_depends_on_the_weekday() -> None:
    week = [200, 100, 100, 100, 100, 50, 50]
    found = judged([*week * 8, 200])
    assert found is not None
    # (8 x 2 + 2) / 10 = 1.8 for a weekday that takes twice the mean of 100
    assert found.mean == 100 * MICRO
    assert found.factor == pytest.approx(200 / 180)


@given(st.lists(st.integers(0, 10**15), min_size=30, max_size=90), st.integers(28, 89))
def test_a_verdict_never_looks_ahead(daily: list[int], day: int) -> None:
    day = min(day, len(daily) - 1)
    prompts = [7] * len(daily)
    later = {found.index: found for found in verdicts(daily, prompts)}
    assert later.get(day) == judge(daily[: day + 1], prompts[: day + 1])


@given(st.lists(st.integers(0, 10**15), max_size=90), st.integers(0, 10**16))
def test_more_spend_never_withdraws_an_alert(daily: list[int], more: int) -> None:
    prompts = [7] * len(daily)
    before = judge(daily, prompts)
    if before is not None and before.is_alert:
        after = judge([*daily[:-1], daily[-1] + more], prompts)
        assert after is not None
        assert after.is_alert


def test_one_persons_day_must_matter_to_the_workspace() -> None:
    found = judged([*CALM, 400])  # 300 above the usual
    assert found is not None
    assert matters_to_all(found, 200 * MICRO)
    assert not matters_to_all(found, 201 * MICRO)


def part(name: str, total: int, before: int) -> Part:
    return Part("person", 1, name, total * MICRO, before * MICRO)


def test_the_largest_own_rise_carries_it() -> None:
    found = judged([*CALM, 400])
    assert found is not None
    busy, risen = part("Bob", 300, 28 * 290), part("Alice", 270, 28 * 30)
    best = carrier(found, [busy, risen])
    assert best is not None
    assert best.share == pytest.approx(0.8)
    assert carrier_text(best) == (
        "Largest rise: Alice, 240 credits above the mean of 28 days (80% of the rise)."
    )


def test_nobody_carries_what_nobody_raised() -> None:
    found = judged([*CALM, 400])
    assert found is not None
    assert carrier(found, [part("Bob", 10, 28 * 10)]) is None
    assert carrier(found, []) is None


def test_the_words_name_day_and_usual_but_no_cause() -> None:
    found = judged([*CALM, 400])
    assert found is not None
    assert unusual_text(found, TUESDAY) == (
        "Spend is unusual: 400 credits on Tuesday 24 March, 4.0 times the usual Tuesday (100)."
    )
    assert still_text(found, TUESDAY) == "Still at 4.0 times the usual Tuesday (100)."


def test_a_factor_of_next_to_nothing_is_not_spelled_out() -> None:
    days = [0, 0, 0, 0, 0, 0, 100] * 8
    found = judged([*days, 5_000])
    assert found is not None
    assert "more than 100 times" in unusual_text(found, TUESDAY)
