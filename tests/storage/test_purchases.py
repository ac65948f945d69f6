"""Purchases: one a crossing, one open at a time, never above the ceiling, a pack exactly once."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Literal

import pytest
import sqlalchemy as sa

from storage import purchase_sending as selling
from storage import purchases
from storage.engine import reading, writing
from storage.events import MICRO
from storage.grants import list_grants
from storage.purchase_policy import Policy, buying_workspaces, find_policy, keep_policy
from storage.purchases import CEILING, LEASE, NewPurchase, Purchase
from tests.cast import NOW
from tests.databases import elsewhere, home

MARCH = 2026 * 12 + 2
MINUTE = timedelta(minutes=1)
MINE = "token of a claim"


def new(crossing: str = "a", **changes: object) -> NewPurchase:
    usual: dict[str, object] = {
        "workspace_id": 1,
        "dedupe_key": f"p|webhook|plan|monthly:2026-03|r0|100%|{crossing}",
        "idempotency_key": secrets.token_hex(16),
        "credits": 5_000 * MICRO,
        "month": MARCH,
        "provider": "webhook",
        "url": "https://shop.example/buy",
        "facts": {"used": 20_000 * MICRO},
        "expires_at": NOW + timedelta(days=1),
        "approved_by": "policy",
    }
    return NewPurchase(**{**usual, **changes})  # type: ignore[arg-type]  # any of its fields


def proposed(engine: sa.Engine, crossing: str = "a", **changes: object) -> Purchase | None:
    with writing(engine) as connection:
        return purchases.propose(connection, new(crossing, **changes), now=NOW)


def claimed(
    engine: sa.Engine, token: str = MINE, *, now: datetime = NOW, ceiling: int = 20_000
) -> Purchase | None:
    with writing(engine) as connection:
        return selling.claim(
            connection, 1, token=token, month=MARCH, ceiling=ceiling * MICRO, now=now
        )


def begun(engine: sa.Engine, purchase: Purchase, token: str = MINE) -> bool:
    with writing(engine) as connection:
        return selling.begin(connection, purchase, token=token, now=NOW)


def accepted(engine: sa.Engine, purchase: Purchase, token: str = MINE) -> Purchase | None:
    with writing(engine) as connection:
        return selling.accept(
            connection, purchase, token=token, reference="A-1", day=20_000, now=NOW
        )


def sent(engine: sa.Engine, crossing: str = "a", **changes: object) -> Purchase:
    """A purchase that a provider may have sold."""
    proposed(engine, crossing, **changes)
    found = claimed(engine)
    assert found is not None
    assert begun(engine, found)
    return found


def stored(engine: sa.Engine, number: int = 1) -> Purchase:
    with reading(engine) as connection:
        found = purchases.purchase_by_id(connection, 1, number)
    assert found is not None
    return found


def spent(engine: sa.Engine) -> int:
    with reading(engine) as connection:
        return purchases.counted(connection, 1, MARCH, "webhook") // MICRO


def packs(engine: sa.Engine) -> list[tuple[str, int]]:
    with reading(engine) as connection:
        return [(grant.name, grant.credits // MICRO) for grant in list_grants(connection, 1)]


def together(count: int, work: Callable[[int], object]) -> list[object]:
    """Do something in several threads at the same moment."""
    barrier = threading.Barrier(count)

    def one(number: int) -> object:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


# ---- one a crossing


def test_a_purchase_comes_back_as_it_was_proposed(engine: sa.Engine) -> None:
    made = proposed(engine, approved_by=None)
    assert made is not None
    assert (made.state, made.approved_at, made.attempts) == ("proposed", None, 0)
    assert stored(engine) == made


def test_a_crossing_has_one_purchase_even_when_that_is_over(engine: sa.Engine) -> None:
    proposed(engine)
    with writing(engine) as connection:
        assert purchases.cancel(connection, 1, 1, reason="no", now=NOW)
    assert proposed(engine) is None
    other = proposed(engine, "b")
    assert other is not None
    assert other.id == 2


def test_while_one_is_open_there_is_no_other_but_a_test(engine: sa.Engine) -> None:
    proposed(engine)
    assert proposed(engine, "b") is None
    test = proposed(engine, "c", is_test=True, provider="dry-run")
    assert test is not None
    with writing(engine) as connection:
        purchases.cancel(connection, 1, 1, reason="no", now=NOW)
    assert proposed(engine, "b") is not None  # the test waits, too, but for nobody


def test_of_many_replicas_one_proposes(engine: sa.Engine) -> None:
    made = together(6, lambda number: proposed(engine, "same" if number % 2 else f"{number}"))
    assert sum(one is not None for one in made) == 1


def test_another_workspace_sees_nothing_of_it(engine: sa.Engine) -> None:
    proposed(engine)
    other = elsewhere(engine).id
    with writing(engine) as connection:
        assert purchases.list_purchases(connection, other) == []
        assert purchases.approve(connection, other, 1, actor="x", now=NOW) is None
        assert purchases.cancel(connection, other, 1, reason="no", now=NOW) is None
        assert purchases.due_workspaces(connection, now=NOW) == [1]


# ---- approval


def test_it_is_approved_once_and_not_after_its_period(engine: sa.Engine) -> None:
    proposed(engine, approved_by=None)

    def approve(number: int) -> object:
        with writing(engine) as connection:
            return purchases.approve(connection, 1, 1, actor=f"u{number}", now=NOW)

    assert claimed(engine) is None
    assert sum(one is not None for one in together(3, approve)) == 1
    assert stored(engine).state == "approved"


def test_what_was_not_approved_in_time_is_over(engine: sa.Engine) -> None:
    proposed(engine, approved_by=None)
    late = NOW + timedelta(days=1)
    with writing(engine) as connection:
        assert purchases.approve(connection, 1, 1, actor="x", now=late) is None
        assert purchases.due_workspaces(connection, now=late) == [1]
        (over,) = purchases.expire(connection, 1, now=late)
    assert (over.state, over.reason, over.ended_at) == ("expired", purchases.OVER, late)


def test_turning_off_ends_what_was_not_sent_and_nothing_else(engine: sa.Engine) -> None:
    asked = sent(engine)
    with writing(engine) as connection:
        selling.wait(connection, asked, token=MINE, state="pending", reason="later", not_before=NOW)
        assert purchases.cancel_open(connection, 1, reason="off", now=NOW) == []
        assert purchases.cancel(connection, 1, 1, reason="no", now=NOW) is None


# ---- sending


def test_of_many_replicas_one_sends(engine: sa.Engine) -> None:
    proposed(engine)
    found = together(6, lambda number: claimed(engine, f"t{number}"))
    assert sum(one is not None for one in found) == 1


def test_a_claim_that_died_is_taken_over_and_its_holder_changes_nothing(engine: sa.Engine) -> None:
    first = sent(engine)
    assert claimed(engine, "u", now=NOW + LEASE - MINUTE) is None
    second = claimed(engine, "u", now=NOW + LEASE)
    assert second is not None
    assert second.idempotency_key == first.idempotency_key
    assert second.maybe_sent_at == NOW
    assert not begun(engine, first)
    assert accepted(engine, first) is None
    assert packs(engine) == []
    assert accepted(engine, second, "u") is not None
    assert packs(engine) == [("Purchase 1", 5_000)]


def test_a_lease_of_a_clock_that_was_moved_back_counts_as_ended(engine: sa.Engine) -> None:
    sent(engine)
    assert claimed(engine, "u", now=NOW - timedelta(hours=1)) is not None


def test_what_is_accepted_twice_is_one_pack(engine: sa.Engine) -> None:
    asked = sent(engine)
    assert accepted(engine, asked) is not None
    assert accepted(engine, asked) is None
    assert packs(engine) == [("Purchase 1", 5_000)]
    assert (stored(engine).grant_id, stored(engine).provider_ref) == (1, "A-1")


def test_a_dry_run_gives_no_pack(engine: sa.Engine) -> None:
    proposed(engine, provider="dry-run")
    asked = claimed(engine)
    assert asked is not None
    assert accepted(engine, asked) is not None
    assert packs(engine) == []
    assert spent(engine) == 0


def test_pack_and_state_are_kept_together_or_not_at_all(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = sent(engine)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(selling, "add_grant", broken)
    with pytest.raises(RuntimeError):
        accepted(engine, asked)
    assert (stored(engine).state, packs(engine)) == ("sending", [])


@pytest.mark.parametrize(
    ("state", "is_sold", "counts"),
    [("pending", True, 5_000), ("declined", False, 0), ("approved", False, 0)],
)
def test_only_what_may_be_sold_counts(
    engine: sa.Engine,
    state: Literal["pending", "declined", "approved"],
    *,
    is_sold: bool,
    counts: int,
) -> None:
    asked = sent(engine)
    assert spent(engine) == 5_000
    with writing(engine) as connection:
        later = NOW + MINUTE
        selling.wait(
            connection,
            asked,
            token=MINE,
            state=state,
            reason="x",
            not_before=later,
        )
    assert (spent(engine), stored(engine).maybe_sent_at is not None) == (counts, is_sold)
    assert claimed(engine, "u") is None
    assert claimed(engine, "u", now=NOW + MINUTE) is not None


@pytest.mark.parametrize(("is_unsold", "counts"), [(True, 0), (False, 5_000)])
def test_what_failed_counts_unless_it_is_known_to_be_unsold(
    engine: sa.Engine, *, is_unsold: bool, counts: int
) -> None:
    asked = sent(engine)
    with writing(engine) as connection:
        selling.fail(connection, asked, token=MINE, reason="x", is_unsold=is_unsold, now=NOW)
    assert spent(engine) == counts
    assert claimed(engine, "u", now=NOW + timedelta(days=9)) is None


# ---- the ceiling


def test_what_would_pass_the_ceiling_is_not_sent(engine: sa.Engine) -> None:
    accepted(engine, sent(engine))
    proposed(engine, "b")
    refused = claimed(engine, ceiling=9_999)
    assert refused is not None
    assert (refused.state, refused.reason, refused.attempts) == ("cancelled", CEILING, 0)
    proposed(engine, "c")
    exact = claimed(engine, ceiling=10_000)
    assert exact is not None
    assert exact.state == "sending"


def test_two_purchases_at_once_do_not_pass_the_ceiling(engine: sa.Engine) -> None:
    for crossing in "ab":
        proposed(engine, crossing, is_test=True)  # only so that two may be open
    table = purchases.PURCHASE
    with writing(engine) as connection:
        connection.execute(sa.update(table).values(is_test=False))
    found = together(4, lambda number: claimed(engine, f"t{number}", ceiling=9_000))
    states = sorted(one.state for one in found if isinstance(one, Purchase))
    assert states == ["cancelled", "sending"]
    assert spent(engine) == 5_000


def test_what_may_be_sold_is_asked_again_whatever_the_ceiling_is_now(engine: sa.Engine) -> None:
    asked = sent(engine)
    with writing(engine) as connection:
        selling.wait(connection, asked, token=MINE, state="pending", reason="x", not_before=NOW)
    again = claimed(engine, "u", ceiling=1)
    assert again is not None
    assert again.state == "sending"


def test_it_counts_in_the_month_in_which_it_is_sent(engine: sa.Engine) -> None:
    proposed(engine, month=MARCH - 1)
    found = claimed(engine)
    assert found is not None
    assert found.month == MARCH


# ---- the policy


def test_a_policy_is_off_until_it_is_turned_on(engine: sa.Engine) -> None:
    here = home(engine).id
    policy = Policy(ceiling=9, pack=3)
    with writing(engine) as connection:
        assert find_policy(connection, here) is None
        keep_policy(connection, here, policy, actor="x", now=NOW)
        assert find_policy(connection, here) == policy
        assert buying_workspaces(connection) == []
        on = Policy(ceiling=8, target=4, trigger_pct=None, trigger_left=2, is_on=True)
        keep_policy(connection, here, on, actor="x", now=NOW)
        assert (find_policy(connection, here), buying_workspaces(connection)) == (on, [here])
