"""Budgets against the workspace's total: what is given out and what is not, to the micro-credit."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.report import Report, Table
from bot.registry import run
from storage.budgets import Scope, list_budgets, remove_budget, set_budget
from storage.engine import writing
from storage.events import MICRO
from storage.timekeys import day_number
from tests.analytics.world import World, column, table_of, total_of
from tests.cast import ALICE, BOB, NOW, event

TEAMS = ("Platform", "Sales", "Growth", "Design")
AMOUNTS = st.integers(1, 10**15)


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """A workspace with four departments, two people and two projects."""
    world = World(sqlite_engine)
    world.write([event(department=team, person=ALICE) for team in TEAMS])
    world.write([event(person=BOB, project="Borealis")])
    return world


def limit(
    world: World, amount: int, scope: Scope = "workspace", target: int = 0, raised: int = 0
) -> None:
    with writing(world.engine) as connection:
        set_budget(
            connection,
            world.workspace.id,
            scope=scope,
            target_id=target,
            period="monthly",
            amount=amount,
            raised=raised,
            raise_end=day_number(NOW.date()) + 1 if raised else None,
            now=NOW,
        )


def forget(world: World) -> None:
    with writing(world.engine) as connection:
        for one in list_budgets(connection, world.workspace.id):
            remove_budget(
                connection,
                world.workspace.id,
                scope=one.scope,
                target_id=one.target_id,
                period=one.period,
                now=NOW,
            )


def tables(report: Report) -> list[Table]:
    return [block for block in report.blocks if isinstance(block, Table)]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(AMOUNTS, st.lists(AMOUNTS, min_size=1, max_size=4), st.integers(0, 10**12))
def test_what_is_given_out_and_the_rest_are_the_total(
    world: World, total: int, parts: list[int], raised: int
) -> None:
    forget(world)
    limit(world, total, raised=raised)
    for team, amount in zip(TEAMS, parts, strict=False):
        limit(world, amount, "department", world.labels.department_id(team))
    table = table_of(world.ask("budget list"))
    amounts = dict(zip(column(table, "scope"), column(table, "budget"), strict=True))
    assert [amounts[team] for team in TEAMS[: len(parts)]] == parts
    left = total + raised - sum(parts)
    assert amounts.get("Unallocated" if left > 0 else "Over-allocated", 0) == left
    whole = total_of(table, "budget")
    assert sum(one for one in amounts.values() if isinstance(one, int)) == whole == total + raised


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=4))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_shares_of_what_is_not_over_add_up_to_100(world: World, parts: list[int]) -> None:
    forget(world)
    limit(world, sum(parts) + 7)
    for team, amount in zip(TEAMS, parts, strict=False):
        limit(world, amount, "department", world.labels.department_id(team))
    table = table_of(world.ask("budget list"))
    assert sum(one for one in column(table, "share") if isinstance(one, int)) == 100


def test_each_kind_of_scope_is_added_up_alone(world: World) -> None:
    limit(world, 1000 * MICRO)
    limit(world, 900 * MICRO, "department", world.labels.department_id("Sales"))
    limit(world, 1200 * MICRO, "project", world.labels.project_id("Borealis"))
    report = world.ask("budget list")
    departments, projects = tables(report)
    assert report.headline == "Projects are over-allocated by 200: 1,200 of 1,000."
    assert "Departments have 900 of 1,000; 100 are unallocated." in str(report.blocks)
    assert column(departments, "budget") == [900 * MICRO, 100 * MICRO]
    assert column(projects, "budget") == [1200 * MICRO, -200 * MICRO]
    assert column(projects, "share") == [None, None]


def test_people_the_asker_may_not_see_are_summed(world: World) -> None:
    limit(world, 1000 * MICRO)
    for person in (ALICE, BOB):
        limit(world, 100 * MICRO, "person", world.labels.person_id(person))
    with world.context(role="member", walls="admins", person=ALICE) as ctx:
        table = table_of(run("budget list", ctx))
    assert column(table, "scope") == [ALICE, "1 other", "Unallocated"]
    assert column(table, "budget") == [100 * MICRO, 100 * MICRO, 800 * MICRO]


def test_the_plan_stands_in_for_a_budget_of_the_workspace(world: World) -> None:
    world.ask("grants add plan 500 monthly")
    limit(world, 200 * MICRO, "department", world.labels.department_id("Sales"))
    table = table_of(world.ask("budget list"))
    assert column(table, "budget") == [200 * MICRO, 300 * MICRO]
    assert table.total is not None
    assert table.total[1] == "plan"


def test_budgets_of_other_days_are_listed_and_not_added_up(world: World) -> None:
    world.ask("budget set 1000")
    world.ask("budget set 300 weekly department=Sales")
    world.ask("budget set 400 billing day=1 department=Growth")
    report = world.ask("budget list")
    given_out, others = tables(report)
    # A billing month from the first is the calendar's.
    assert column(given_out, "scope") == ["Growth", "Unallocated"]
    assert column(others, "kind") == ["department, weekly"]


def test_without_a_total_nothing_is_unallocated(world: World) -> None:
    limit(world, 200 * MICRO, "department", world.labels.department_id("Sales"))
    report = world.ask("budget list")
    assert report.headline == "1 budget; none is set for the workspace"
    assert "`budget set 20000 monthly`" in str(report.blocks)
    assert column(table_of(report), "budget") == [200 * MICRO]


def test_without_budgets_it_says_how_to_set_one(world: World) -> None:
    report = world.ask("budget list")
    assert report.headline == "No budget is set yet."
    assert "`budget set 20000 monthly`" in str(report.blocks)
    world.ask("grants add plan 500 monthly")
    assert "The plan's 500 credits a month are tracked." in world.ask("budget list").headline
