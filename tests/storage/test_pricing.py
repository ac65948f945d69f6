"""What an event costs, and that nothing unknown becomes a silent zero."""

from __future__ import annotations

import pytest

from storage.catalog import Price
from storage.events import NANO
from storage.pricing import Terms, derived, first_unit, quote
from storage.records import FOREIGN_UNIT, STATED, UNPRICED
from tests.cast import event

TWO = Price(0, 2_000_000, None, None)
BY_COST = Price(0, 0, 100_000_000, "USD")
CREDIT = Terms("credit", {})
CENTS = {"cost_nano": NANO // 100, "currency": "USD"}


def test_stated_credits_win_over_the_multiplier() -> None:
    assert quote(event(credits=1_500_000), TWO, CREDIT) == (1_500_000, STATED)


def test_a_failed_prompt_keeps_its_stated_credits() -> None:
    assert quote(event(credits=7, ok=False), TWO, CREDIT) == (7, STATED)


def test_another_unit_enters_through_the_factor_of_its_source() -> None:
    terms = Terms("credit", {"premium_request": 100_000})
    event_ = event(credits=3_000_000, unit="premium_request")
    assert quote(event_, TWO, terms) == (300_000, 0)


def test_a_factor_rounds_to_the_nearest_micro_credit() -> None:
    terms = Terms("credit", {"acu": 333_333})
    assert quote(event(credits=1_500_000, unit="acu"), None, terms) == (500_000, 0)
    assert quote(event(credits=1, unit="acu"), None, terms) == (0, 0)
    assert quote(event(credits=2, unit="acu"), None, terms) == (1, 0)


@pytest.mark.parametrize(("half", "even"), [(1, 0), (3, 2), (5, 2), (7, 4)])
def test_a_half_rounds_to_the_even_micro_credit(half: int, even: int) -> None:
    terms = Terms("credit", {"acu": 500_000})
    assert quote(event(credits=half, unit="acu"), None, terms) == (even, 0)


def test_nothing_is_foreign_to_a_workspace_without_a_unit() -> None:
    assert quote(event(credits=1, unit="acu"), TWO, Terms(None, {})) == (0, UNPRICED)


def test_another_unit_without_a_factor_is_unpriced_and_never_added_up() -> None:
    stated = event(credits=3_000_000, unit="premium_request")
    assert quote(stated, TWO, CREDIT) == (0, UNPRICED | FOREIGN_UNIT)


def test_credits_come_from_the_cost_where_the_price_says_so() -> None:
    assert quote(event(**CENTS), BY_COST, CREDIT) == (1_000_000, 0)
    assert quote(event(**CENTS, ok=False), BY_COST, CREDIT) == (1_000_000, 0)


@pytest.mark.parametrize("known", [{}, {"cost_nano": 5, "currency": "EUR"}])
def test_a_price_by_cost_without_that_cost_is_unknown(known: dict[str, object]) -> None:
    assert quote(event(**known), BY_COST, CREDIT) == (0, UNPRICED)


def test_multiplier_times_prompts_is_exact() -> None:
    odd = Price(0, 333_333, None, None)
    assert quote(event(prompts=7), odd, CREDIT) == (2_333_331, 0)


def test_a_failed_prompt_costs_nothing_even_without_a_price() -> None:
    assert quote(event(ok=False), TWO, CREDIT) == (0, 0)
    assert quote(event(ok=False), None, CREDIT) == (0, 0)


@pytest.mark.parametrize(
    ("changes", "price"),
    [({}, None), ({"prompts": None}, TWO), ({"prompts": None, "ok": False}, TWO)],
)
def test_what_cannot_be_priced_is_marked(changes: dict[str, object], price: Price | None) -> None:
    assert quote(event(**changes), price, CREDIT) == (0, UNPRICED)


def test_no_prompts_cost_nothing() -> None:
    assert quote(event(prompts=0), None, CREDIT) == (0, 0)


def test_catalogue_credits_are_another_unit_in_a_workspace_that_counts_otherwise() -> None:
    assert quote(event(), TWO, Terms("ai_credit", {})) == (0, UNPRICED | FOREIGN_UNIT)
    assert quote(event(), TWO, Terms("ai_credit", {"credit": 10_000_000})) == (20_000_000, 0)


def test_the_first_unit_is_stated_or_that_of_the_catalogue() -> None:
    silent, stated = event(), event(credits=1, unit="acu")
    assert first_unit([(silent, None), (stated, None)]) == "acu"
    assert first_unit([(silent, TWO), (stated, None)]) == "credit"
    assert first_unit([(silent, None)]) is None
    assert first_unit([(event(ok=False), TWO), (stated, None)]) == "acu"


def test_a_negative_cost_is_no_price() -> None:
    assert derived(event(cost_nano=-5, currency="USD"), BY_COST) is None
