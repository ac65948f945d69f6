"""What people type for a budget is read exactly, or quoted back with what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.budget_words import typed_credits, typed_threshold
from analytics.errors import UserError
from bot.context import Context
from bot.params.amounts import MAX_CREDITS, parse_amount
from bot.params.budgets import ThresholdsType
from storage.events import MICRO
from storage.marks import Mark, Threshold

_Read = TypeVar("_Read")
MOST = MAX_CREDITS * MICRO
NOBODY = cast("Context", None)  # no asker changes how a number is read
words = st.text(max_size=12) | st.sampled_from(
    ["0", "-1", "1e308", "nan", "inf", "ninety", "1,00", "٣٠", "1k k", "0.0000001", "9" * 30]
)


def answer(read: Callable[[], _Read]) -> _Read | UserError:
    """What was read, or the mistake."""
    try:
        return read()
    except UserError as error:
        return error


@given(st.integers(1, MOST))
def test_credits_come_back_as_they_are_written(micro: int) -> None:
    assert parse_amount(typed_credits(micro)) == micro


@given(st.integers(1, 10**6))
def test_thousands_may_be_written_short_or_with_commas(thousands: int) -> None:
    exact = thousands * 1000 * MICRO
    assert parse_amount(f"{thousands}k") == parse_amount(f"{thousands * 1000:,}") == exact


@given(words)
def test_any_text_is_credits_a_budget_may_have_or_a_mistake_with_help(text: str) -> None:
    found = answer(lambda: parse_amount(text))
    if isinstance(found, UserError):
        assert "is not a number of credits" in found.message
        assert "up to a billion" in found.hint
    else:
        assert 0 < found <= MOST


@given(
    st.lists(st.integers(1, 100), min_size=1, max_size=10, unique=True),
    st.sampled_from([",", ", ", "/", ";", "%,"]),
)
def test_thresholds_are_read_in_any_order(percents: list[int], between: str) -> None:
    typed = between.join(map(str, percents))
    assert ThresholdsType().read([typed], NOBODY) == tuple(sorted(percents))


@given(words)
def test_any_text_is_thresholds_from_1_to_100_or_a_mistake_with_help(text: str) -> None:
    found = answer(lambda: ThresholdsType().read([text], NOBODY))
    if isinstance(found, UserError):
        assert found.hint
    else:
        assert found
        assert len(found) == len(set(found))
        assert all(1 <= one <= 100 for one in found if isinstance(one, int))
        assert all(0 < one.amount <= MOST for one in found if isinstance(one, Mark))


@pytest.mark.parametrize("text", ["0", "101", "ninety", "-5", "75.5", "75,,0", "1e2", "75,75"])
def test_a_threshold_that_is_none_is_quoted(text: str) -> None:
    with pytest.raises(UserError, match=r"'[^']+' is (not a threshold|there twice)"):
        ThresholdsType().read([text], NOBODY)


@given(
    st.lists(st.integers(1, 100), max_size=3, unique=True),
    st.lists(st.integers(1, MOST), max_size=3, unique=True),
    st.lists(st.integers(1, MOST), max_size=3, unique=True),
)
def test_thresholds_in_credits_come_back_as_they_are_written(
    shares: list[int], used: list[int], left: list[int]
) -> None:
    wanted: list[Threshold] = [
        *sorted(shares),
        *(Mark("used", one) for one in sorted(used)),
        *(Mark("left", one) for one in sorted(left, reverse=True)),
    ]
    if wanted:
        text = ",".join(map(typed_threshold, reversed(wanted)))
        assert ThresholdsType().read([text], NOBODY) == tuple(wanted)


@pytest.mark.parametrize("text", ["15000cr", "15kcr", "15k credits", "15000 USED", "15000.0cr"])
def test_credits_used_may_be_written_in_some_ways(text: str) -> None:
    assert ThresholdsType().read([text], NOBODY) == (Mark("used", 15_000 * MICRO),)


@pytest.mark.parametrize("text", ["cr", "0cr", "-5left", "500lefts", "75%cr", "2e3left", "left"])
def test_credits_that_are_no_threshold_are_quoted(text: str) -> None:
    with pytest.raises(UserError, match="is not a threshold") as mistake:
        ThresholdsType().read([text], NOBODY)
    assert "15000cr,500left" in mistake.value.hint
