"""Budgets: one for each scope and period, with everything it was before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa

from storage.budgets import (
    Budget,
    Period,
    Scope,
    budget_history,
    budgets_before,
    find_budget,
    keep_budget,
    list_budgets,
    remove_budget,
    set_budget,
)
from storage.engine import reading, writing
from tests.cast import NOW
from tests.databases import elsewhere, home


def put(
    engine: sa.Engine,
    amount: int,
    scope: Scope = "workspace",
    target_id: int = 0,
    period: Period = "monthly",
) -> Budget:
    with writing(engine) as connection:
        return set_budget(
            connection,
            home(engine).id,
            scope=scope,
            target_id=target_id,
            period=period,
            amount=amount,
            now=NOW,
        )


def listed(engine: sa.Engine) -> list[Budget]:
    with reading(engine) as connection:
        return list_budgets(connection, home(engine).id)


def history(engine: sa.Engine) -> list[tuple[object, ...]]:
    wanted = sa.text("SELECT budget_id, revision, amount FROM budget_revision ORDER BY 1, 2")
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(wanted)]


def test_a_budget_comes_back_as_it_was_set(engine: sa.Engine) -> None:
    budget = put(engine, 20_000_000_000)
    assert budget == Budget(
        1, "workspace", 0, "monthly", 20_000_000_000, (75, 90, 100), 1, revision=1
    )
    assert listed(engine) == [budget]


def test_setting_it_again_is_a_revision_and_the_history_stays(engine: sa.Engine) -> None:
    first, other = put(engine, 5), put(engine, 7, "department", 3)
    second = put(engine, 6)
    assert second == replace(first, amount=6, revision=2)
    assert listed(engine) == [second, other]
    assert history(engine) == [(1, 1, 5), (1, 2, 6), (2, 1, 7)]


def test_each_scope_target_and_period_has_its_own(engine: sa.Engine) -> None:
    put(engine, 1)
    weekly = put(engine, 2, period="weekly")
    third = put(engine, 3, "person", 3)
    with reading(engine) as connection:
        ours = home(engine).id
        assert find_budget(connection, ours, "workspace", 0, "weekly") == weekly
        assert find_budget(connection, ours, "person", 3) == third
        assert find_budget(connection, ours, "person", 4) is None


def test_a_removed_budget_is_gone_and_goes_on_counting_when_it_comes_back(
    engine: sa.Engine,
) -> None:
    first = put(engine, 5)
    with writing(engine) as connection:
        ours = home(engine).id
        gone = remove_budget(connection, ours, scope="workspace", target_id=0, now=NOW)
        assert gone == first
        assert remove_budget(connection, ours, scope="workspace", target_id=0, now=NOW) is None
        assert find_budget(connection, ours, "workspace", 0) is None
    assert listed(engine) == []
    assert put(engine, 6) == replace(first, amount=6, revision=3)
    assert history(engine) == [(1, 1, 5), (1, 2, None), (1, 3, 6)]


def test_another_workspace_has_budgets_of_its_own(engine: sa.Engine) -> None:
    ours, theirs = put(engine, 5), elsewhere(engine).id
    with writing(engine) as connection:
        assert remove_budget(connection, theirs, scope="workspace", target_id=0, now=NOW) is None
        set_budget(
            connection,
            theirs,
            scope="workspace",
            target_id=0,
            period="monthly",
            amount=9,
            now=NOW,
        )
        # Both have the number 1 in their workspaces.
        assert remove_budget(connection, theirs, scope="workspace", target_id=0, now=NOW)
    assert listed(engine) == [ours]


def test_a_raise_counts_before_its_end_and_ends_when_it_is_not_given_again(
    engine: sa.Engine,
) -> None:
    budget = replace(put(engine, 5), raised=3, raise_end=100)
    with writing(engine) as connection:
        kept = keep_budget(connection, home(engine).id, budget, now=NOW)
    assert listed(engine) == [kept] == [replace(budget, revision=2)]
    assert [kept.limit_on(day) for day in (99, 100)] == [8, 5]
    assert (kept.on(99), kept.on(100).raised) == (kept, 0)
    assert put(engine, 5).raised == 0


def test_the_history_has_everything_a_budget_was(engine: sa.Engine) -> None:
    budget = put(engine, 5)
    ours = home(engine).id
    with writing(engine) as connection:
        keep_budget(connection, ours, replace(budget, raised=3, raise_end=100), now=NOW)
        remove_budget(connection, ours, scope="workspace", target_id=0, now=NOW)
    with reading(engine) as connection:
        found = budget_history(connection, ours, budget.id)
    assert [(one.revision, one.amount, one.raised) for one in found] == [
        (3, None, 3),
        (2, 5, 3),
        (1, 5, 0),
    ]
    assert {one.thresholds for one in found} == {(75, 90, 100)}


def test_budgets_of_a_past_moment_are_as_they_were_then(engine: sa.Engine) -> None:
    first, later = put(engine, 500), NOW + timedelta(hours=1)
    put(engine, 70, "department", 3)
    with writing(engine) as connection:
        keep_budget(connection, home(engine).id, replace(first, amount=900), now=later)
        where = {"scope": "department", "target_id": 3}
        remove_budget(connection, home(engine).id, **where, now=later)  # type: ignore[arg-type]  # a literal
    with reading(engine) as connection:
        moments = (NOW, later, later + timedelta(seconds=1))
        then = [budgets_before(connection, home(engine).id, moment) for moment in moments]
    assert [[(one.scope, one.amount, one.revision) for one in known] for known in then] == [
        [],
        [("workspace", 500, 1), ("department", 70, 1)],
        [("workspace", 900, 2)],
    ]
    assert then[1][0] == first


def test_budgets_of_a_past_moment_are_those_of_one_workspace(engine: sa.Engine) -> None:
    put(engine, 500)
    with reading(engine) as connection:
        assert budgets_before(connection, elsewhere(engine).id, NOW + timedelta(days=1)) == []
