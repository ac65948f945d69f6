"""Burn order: a fault here makes people pay twice, or believe they have credits they lost.

What must hold: used = plan + packs + overage in every month; left = given - used - lost, and
never negative; plan first, then packs by priority, expiry, age; expired packs lose what is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.credits import Burned, MonthUse, burn, matters_since
from storage.events import MICRO
from storage.grants import Grant, allowance
from storage.timekeys import date_of, day_number, first_day, month_number

MARCH = 2026 * 12 + 2
FIRST = first_day(MARCH)
LAST = first_day(MARCH + 1) - 1


def plan(credits: int, first: int = FIRST, end: int | None = None, key: int = 1) -> Grant:
    return Grant(key, "plan", "Team Plan", credits * MICRO, first, end, 0)


def pack(
    credits: int, first: int = FIRST, end: int | None = None, key: int = 2, priority: int = 0
) -> Grant:
    return Grant(key, "pack", "Credit Pack", credits * MICRO, first, end, priority)


def spent(**by_date: float) -> dict[int, int]:
    """`d2026_03_05=12` by day number."""
    return {
        day_number(date.fromisoformat(name[1:].replace("_", "-"))): round(credits * MICRO)
        for name, credits in by_date.items()
    }


def lefts(burned: Burned) -> dict[int, int]:
    return {balance.grant.id: balance.left // MICRO for balance in burned.balances}


@pytest.mark.parametrize(
    ("grants", "used", "paid", "left"),
    [
        ([plan(15_000)], 12_847, (12_847, 0, 0), 2_153),
        ([plan(15_000), pack(5_000)], 17_847, (15_000, 2_847, 0), 2_153),
        ([plan(15_000), pack(5_000)], 20_001, (15_000, 5_000, 1), 0),
        ([plan(15_000), pack(5_000)], 0, (0, 0, 0), 20_000),
        ([], 7, (0, 0, 0), 0),
        ([pack(5)], 7, (0, 5, 2), 0),
    ],
)
def test_the_plan_pays_first_then_packs_then_nobody(
    grants: list[Grant], used: int, paid: tuple[int, int, int], left: int
) -> None:
    burned = burn(grants, {FIRST + 4: used * MICRO}, LAST)
    assert burned.month(MARCH) == MonthUse(*(part * MICRO for part in paid))
    assert burned.left == left * MICRO


def test_a_plan_is_filled_anew_every_month_and_keeps_nothing() -> None:
    used = spent(d2026_01_10=80, d2026_02_10=130, d2026_03_10=40)
    burned = burn([plan(100, first_day(MARCH - 2))], used, LAST)
    assert burned.months == {
        MARCH - 2: MonthUse(plan=80 * MICRO),
        MARCH - 1: MonthUse(plan=100 * MICRO, overage=30 * MICRO),
        MARCH: MonthUse(plan=40 * MICRO),
    }
    assert lefts(burned) == {1: 60}


def test_packs_pay_by_priority_then_expiry_then_age() -> None:
    packs = [
        pack(10, key=2, end=FIRST + 30),
        pack(10, key=3, end=FIRST + 20),
        pack(10, key=4, priority=-1),
        pack(10, FIRST - 5, key=5),
        pack(10, key=6),
    ]
    orders = [lefts(burn(packs, {FIRST + 1: n * MICRO}, FIRST + 2)) for n in (10, 20, 30, 40)]
    emptied = [[key for key, left in found.items() if not left] for found in orders]
    assert emptied == [[4], [4, 3], [4, 3, 2], [4, 3, 2, 5]]


def test_an_expired_pack_loses_what_is_left_and_pays_no_more() -> None:
    used = {FIRST + 4: 3 * MICRO, FIRST + 9: 4 * MICRO, FIRST + 10: 5 * MICRO}
    burned = burn([pack(10, end=FIRST + 10)], used, LAST)
    assert burned.month(MARCH) == MonthUse(packs=7 * MICRO, overage=5 * MICRO)
    [balance] = burned.balances
    assert (balance.used, balance.lost, balance.left) == (7 * MICRO, 3 * MICRO, 0)
    [before] = burn([pack(10, end=FIRST + 10)], used, FIRST + 9).balances
    assert before.left == 3 * MICRO


def test_a_pack_pays_only_from_its_first_day_on() -> None:
    used = {FIRST + 1: 4 * MICRO, FIRST + 5: 4 * MICRO}
    burned = burn([plan(1), pack(10, FIRST + 5)], used, LAST)
    assert burned.month(MARCH) == MonthUse(1 * MICRO, 4 * MICRO, 3 * MICRO)


def test_a_plan_counts_for_the_whole_month_of_its_first_day_and_not_before() -> None:
    used = spent(d2026_02_10=5, d2026_03_02=7)
    burned = burn([plan(10, FIRST + 20)], used, LAST)
    assert burned.months == {MARCH: MonthUse(plan=7 * MICRO)}


def test_a_plan_that_ended_gives_nothing() -> None:
    grants = [plan(10, FIRST - 40, FIRST), plan(20, FIRST, key=2)]
    assert allowance(grants, MARCH) == 20 * MICRO
    assert lefts(burn(grants, {}, LAST)) == {1: 0, 2: 20}


# ---- any

DAYS = st.integers(FIRST - 100, FIRST + 100)
AMOUNTS = st.integers(0, 50 * MICRO)
GRANTS = st.lists(
    st.builds(
        lambda kind, credits, first, length, priority: (kind, credits, first, length, priority),
        st.sampled_from(("plan", "pack")),
        st.integers(0, 200 * MICRO),
        DAYS,
        st.sampled_from((None, 1, 10, 45, 90)),
        st.integers(-1, 1),
    ),
    max_size=6,
).map(
    lambda rows: [
        Grant(key, kind, "x", credits, first, None if length is None else first + length, priority)
        for key, (kind, credits, first, length, priority) in enumerate(rows, 1)
    ]
)
USED = st.dictionaries(DAYS, AMOUNTS, max_size=40)


@settings(max_examples=200)
@given(GRANTS, USED, DAYS)
def test_everything_used_is_paid_once_and_nothing_is_negative(
    grants: list[Grant], used: Mapping[int, int], last: int
) -> None:
    burned = burn(grants, used, last)
    start = min((first_day(month_number(date_of(g.first_day))) for g in grants), default=last + 1)
    for month, paid in burned.months.items():
        days = [d for d in used if start <= d <= last and month_number(date_of(d)) == month]
        assert paid.used == sum(used[day] for day in days)
        assert min(paid.plan, paid.packs, paid.overage) >= 0
        assert paid.plan <= allowance(grants, month)
    for balance in burned.balances:
        assert min(balance.given, balance.used, balance.lost, balance.left) >= 0
        assert balance.given == balance.used + balance.lost + balance.left
    packs = [balance for balance in burned.balances if balance.grant.kind == "pack"]
    assert sum(b.used for b in packs) == sum(paid.packs for paid in burned.months.values())


@settings(max_examples=200)
@given(GRANTS, USED, DAYS)
def test_what_came_before_changes_nothing(
    grants: list[Grant], used: Mapping[int, int], last: int
) -> None:
    whole, since = burn(grants, used, last), matters_since(grants, last)
    late = burn(grants, {day: credits for day, credits in used.items() if day >= since}, last)
    month = month_number(date_of(last))
    assert late.month(month) == whole.month(month)
    assert late.left == whole.left


@given(GRANTS, USED, DAYS, DAYS)
def test_more_use_never_leaves_more(
    grants: list[Grant], used: dict[int, int], day: int, last: int
) -> None:
    more = {**used, day: used.get(day, 0) + MICRO}
    assert burn(grants, more, last).left <= burn(grants, used, last).left
