"""What is said about projections: never a bare point, rounded outwards, no chance while thin."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.projection import Projection, State, project, state_of
from analytics.projection_words import (
    budget_text,
    chance_text,
    expected_on_text,
    outlook_text,
    pace_text,
    point_text,
    range_text,
)
from storage.events import MICRO


def outlook(used: float, low: float, point: float, high: float, **more: int) -> Projection:
    """A projection in credits on the 18th of a month of 31 days, with long history."""
    plain = Projection(
        used=round(used * MICRO),
        complete=round(used * MICRO),
        expected=round((point - used) * MICRO),
        projected=round(point * MICRO),
        low=round(low * MICRO),
        high=round(high * MICRO),
        path=(),
        n=180,
        usage_days=120,
        day=17,
        month_days=31,
        has_fallen=False,
    )
    return replace(plain, **more)  # type: ignore[arg-type]  # whole numbers all


FINE = outlook(15_230, 16_312, 17_873, 19_788)
BUDGET = 20_000 * MICRO
ON_TRACK = "On track: 15,230 of 20,000 used, month end about 17,900 (80% range 16,300-19,800)."


@pytest.mark.parametrize(
    ("projection", "words"),
    [
        (FINE, ON_TRACK),
        (
            outlook(15_230, 17_812, 20_873, 25_088),
            "At risk, likely over: about 20,900 (17,800-25,100), 61% chance of passing 20,000.",
        ),
        (
            outlook(15_230, 16_312, 17_873, 20_901),
            "At risk, possibly over: about 17,900 (16,300-21,000), 16% chance of passing 20,000.",
        ),
        (outlook(15_230, 21_234, 23_000, 26_000), "Over: even the low end, 21,200, passes 20,000."),
        (outlook(20_310, 20_310, 23_000, 26_000), "Over budget since 24 March: 20,310 of 20,000."),
        (
            outlook(1_230, 14_088, 19_000, 26_500, n=3, day=3),
            "Too early to say: day 4. 80% range 14,000-27,000, from this month alone.",
        ),
        (
            outlook(1_230, 14_088, 19_000, 26_500, usage_days=1),
            "Too early to say: usage on 1 day. 80% range 14,000-27,000.",
        ),
        (
            outlook(1_230, 14_088, 19_000, 26_500, day=8),
            "Too early to say: day 9. 80% range 14,000-26,500.",
        ),
        (
            replace(FINE, day=4),
            "On track: 15,230 of 20,000 used, month end 16,300-19,800 (80% range), about 17,900.",
        ),
        (
            replace(FINE, n=17),
            f"{ON_TRACK[:-2]}, from this month alone).",
        ),
        (
            replace(FINE, has_fallen=True),
            f"{ON_TRACK} Usage fell sharply in the last 7 days.",
        ),
        (
            outlook(15_230, 21_234, 23_000, 26_000, n=17),
            "Over: even the low end, 21,200 from this month alone, passes 20,000.",
        ),
        (
            outlook(15_230, 15_230, 15_230, 15_230, day=31),
            "Within budget: 15,230 of 20,000 used.",
        ),
    ],
)
def test_each_state_has_its_words(projection: Projection, words: str) -> None:
    assert budget_text(projection, BUDGET, date(2026, 3, 24)) == words


@pytest.mark.parametrize(
    ("projection", "words"),
    [
        (FINE, "Month end about 17,900 (80% range 16,300-19,800)."),
        (replace(FINE, day=2), "Month end 16,300-19,800 (80% range), about 17,900."),
        (
            replace(FINE, n=2, day=2),
            "Too early to say: day 3. 80% range 16,000-20,000, from this month alone.",
        ),
        (replace(FINE, day=31), "The month used 15,230."),
        (project([], [], day=0, month_days=31), "Too early to say: no complete day yet."),
    ],
)
def test_without_a_budget_there_is_no_state(projection: Projection, words: str) -> None:
    assert outlook_text(projection) == words


def test_a_budget_that_was_passed_on_an_unknown_day_says_no_day() -> None:
    passed = outlook(20_310, 20_310, 23_000, 26_000)
    assert budget_text(passed, BUDGET) == "Over budget: 20,310 of 20,000."


def test_what_is_rounded_stays_on_its_side_of_the_budget() -> None:
    over = outlook(15_230, 20_004, 20_010, 20_020)
    assert "even the low end, 20,004, passes" in budget_text(over, BUDGET)
    tight = outlook(15_230, 16_312, 17_873, 19_995)
    assert "16,300-19,995" in budget_text(tight, 19_996 * MICRO)


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (16_399, 19_701, "16,300-19,800"),
        (16_300, 19_800, "16,300-19,800"),
        (8.456, 12.31, "8.45-12.4"),
        (0.000001, 0.0123456, "0.000001-0.0124"),
        (0, 0, "0-0"),
        (999, 9_999, "999-10,000"),
    ],
)
def test_ranges_are_rounded_outwards(low: float, high: float, shown: str) -> None:
    assert range_text(outlook(0, low, high, high)) == shown


def test_nothing_is_shown_below_what_is_used() -> None:
    assert range_text(outlook(15_230, 15_231, 15_233, 15_300)) == "15,230-15,300"
    assert point_text(outlook(15_230, 15_231, 15_233, 15_300)) == "15,230"


@pytest.mark.parametrize(
    ("chance", "shown"),
    [
        (None, ""),
        (0.0, "<1%"),
        (0.0099, "<1%"),
        (0.01, "1%"),
        (0.614, "61%"),
        (0.99, "99%"),
        (0.9901, ">99%"),
        (1.0, ">99%"),
    ],
)
def test_a_chance_is_a_whole_per_cent(chance: float | None, shown: str) -> None:
    assert chance_text(chance) == shown


def test_a_date_is_told_with_about() -> None:
    assert expected_on_text("90%", 24, date(2026, 3, 1)) == "90% expected about 24 March"


@given(st.lists(st.integers(0, 10**12), max_size=90), st.integers(0, 30), st.integers(0, 10**13))
def test_no_point_is_said_without_its_range_and_no_chance_while_thin(
    daily: list[int], day: int, budget: int
) -> None:
    found = project(daily, daily, day=day, month_days=31)
    for words in (budget_text(found, budget), outlook_text(found)):
        assert ("about" in words) <= bool(re.search(r"[\d.]-[\d]", words))
        assert "nan" not in words.casefold()
    if found.is_thin and state_of(found, budget) is not State.PASSED:
        assert "chance" not in budget_text(found, budget)


def test_other_periods_are_called_by_their_names() -> None:
    assert "week's end about 17,900" in budget_text(FINE, BUDGET, span="week")
    alone = replace(FINE, n=20)
    assert "from this quarter alone" in outlook_text(alone, "quarter")
    assert pace_text(FINE, BUDGET).startswith(
        "15,230 of 20,000 used; at this pace quarter's end about 17,900 (80% range"
    )
