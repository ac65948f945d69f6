"""Budgets: what is said about one, the dates of thresholds, and who sees which rows."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa

from analytics.errors import UserError
from analytics.figures import BudgetFigure
from analytics.report import Fact, Facts, Note, Report, Table
from bot.registry import run
from storage.budgets import Period, Scope, set_budget
from storage.engine import writing
from storage.events import MICRO
from tests.analytics.spending import march, noon, rhythm, spend
from tests.analytics.world import World, column, table_of
from tests.cast import ALICE, NOW, event

EVENING = datetime.fromisoformat("2026-03-24T18:00:00+01:00")


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """A workspace that used 15,230 credits up to the evening of 24 March."""
    world = World(sqlite_engine)
    march(world)
    return world


def limit(
    world: World,
    credits: float,
    scope: Scope = "workspace",
    target: int = 0,
    *,
    period: Period = "monthly",
) -> None:
    with writing(world.engine) as connection:
        set_budget(
            connection,
            world.workspace.id,
            scope=scope,
            target_id=target,
            period=period,
            amount=round(credits * MICRO),
            billing_day=15,
            now=NOW,
        )


def ask(world: World, line: str = "budget", now: datetime = EVENING) -> Report:
    return world.ask(line, now=now)


def notes(report: Report) -> str:
    return " ".join(block.text for block in report.blocks if isinstance(block, Note))


def facts(report: Report) -> dict[str, Fact]:
    found = (block for block in report.blocks if isinstance(block, Facts))
    return {fact.key: fact for block in found for fact in block.facts}


# ---- the mission's example


def test_the_example_of_the_mission(world: World) -> None:
    limit(world, 20_000)
    report = ask(world)
    found = facts(report)
    assert report.title == "March Credit Budget Status"
    assert (found["budget"].value, found["used"].value) == (20_000 * MICRO, 15_230 * MICRO)
    assert (found["used"].note, found["remaining"].note) == ("76%", "24%")
    assert found["remaining"].value == 4_770 * MICRO
    assert found["projected"].title == "Projected end of month"
    assert found["projected"].value == "about 19,500"
    assert found["projected"].note.startswith("80% range 1")
    assert found["status"].value == "On track"


def test_the_headline_and_the_line_below_say_when(world: World) -> None:
    limit(world, 20_000)
    report = ask(world)
    assert report.headline.startswith("On track: 15,230 of 20,000 used, month end about 19,500 (80")
    assert "% chance of passing 20,000. 75% reached 24 March, 90% expected about 29 March." in (
        notes(report)
    )


def test_the_table_has_the_range_beside_each_point(world: World) -> None:
    limit(world, 20_000)
    limit(world, 30_000, "department", world.labels.department_id("Platform"))
    table = table_of(ask(world))
    assert column(table, "scope") == ["Workspace", "Platform"]
    assert column(table, "kind") == ["workspace", "department"]
    assert column(table, "status") == ["On track", "On track"]
    for row in table.rows:
        low, point, high = (row[i] for i in (5, 4, 6))
        assert isinstance(low, int)
        assert isinstance(point, int)
        assert isinstance(high, int)
        assert low <= point <= high


# ---- other states and amounts


@pytest.mark.parametrize(
    ("budget", "headline", "status"),
    [
        (15_000, "Over budget since 24 March: 15,230 of 15,000.", "Over"),
        (19_400, "At risk, likely over: about 19,500", "At risk, likely over"),
        (17_000, "Over: even the low end, 1", "Over, expected"),
        (0, "The budget is 0: 15,230 credits used since 1 March.", "Over"),
    ],
)
def test_states_have_their_words(world: World, budget: float, headline: str, status: str) -> None:
    limit(world, budget)
    report = ask(world)
    assert report.headline.startswith(headline)
    assert facts(report)["status"].value == status
    assert column(table_of(report), "status") == [status.removesuffix(", likely over")]
    assert (column(table_of(report), "chance") == [None]) == (status == "Over")


def test_a_budget_of_nothing_that_is_not_touched(sqlite_engine: sa.Engine) -> None:
    world = World(sqlite_engine)
    spend(world, rhythm(date(2026, 1, 1), date(2026, 2, 10)))
    limit(world, 0)
    report = ask(world)
    assert report.headline == "The budget is 0, and nothing is used."
    assert isinstance(report.figure, BudgetFigure)
    assert report.figure.limit is None
    assert "nan" not in str(report).casefold()


def test_the_first_days_of_a_month_are_early(world: World) -> None:
    limit(world, 20_000)
    spend(world, {date(2026, 4, 1): 500})
    report = ask(world, now=noon(world, date(2026, 4, 2), 9))
    assert report.title == "April Credit Budget Status"
    assert report.headline.startswith(("Too early to say", "On track", "At risk"))
    assert "80% range" in f"{report.headline} {facts(report)['projected'].note}"


def test_without_history_only_the_range_is_shown(sqlite_engine: sa.Engine) -> None:
    world = World(sqlite_engine)
    spend(world, {date(2026, 3, day): 100.5 for day in (1, 2, 3)})
    limit(world, 2_000)
    report = ask(world, now=noon(world, date(2026, 3, 4)))
    assert report.headline.startswith("Too early to say: day 4. 80% range ")
    assert column(table_of(report), "projected") == [None]
    assert None not in column(table_of(report), "projected_low")
    assert "expected about" not in notes(report)


def test_usage_of_today_alone_is_no_range(sqlite_engine: sa.Engine) -> None:
    world = World(sqlite_engine)
    world.write([event()])
    limit(world, 100)
    report = ask(world, now=NOW)
    assert report.headline == "Too early to say: no complete day yet."
    assert "projected" not in facts(report)


# ---- without a budget


def test_without_a_budget_the_plan_is_tracked(world: World) -> None:
    world.ask("grants add plan 20000 monthly from 2026-01-01")
    report = ask(world)
    assert report.headline.startswith("On track: 15,230 of 20,000 used")
    assert column(table_of(report), "kind") == ["plan"]
    assert "No budget is set: the plan's allowance is tracked." in notes(report)


def test_without_budget_and_plan_it_says_who_sets_one(world: World) -> None:
    report = ask(world)
    assert report.headline.startswith("No budget is set. 15,230 credits used. Month end about 19,5")
    assert "An admin sets one with `budget set 22000 monthly`" in notes(report)
    assert not [block for block in report.blocks if isinstance(block, Table)]


def test_an_empty_workspace_says_how_to_begin(sqlite_engine: sa.Engine) -> None:
    report = ask(World(sqlite_engine))
    assert report.headline == "No usage has come in yet."
    assert "creditbot import" in notes(report)


# ---- scopes and periods


def test_a_filter_shows_one_scope_alone(world: World) -> None:
    limit(world, 20_000)
    limit(world, 25_000, "project", world.labels.project_id("Atlas"))
    report = ask(world, "budget project=Atlas")
    assert report.title == "March Credit Budget Status: Atlas"
    assert report.headline.startswith("On track: 15,230 of 25,000")
    assert column(table_of(report), "scope") == ["Atlas"]
    assert "No budget is set" in ask(world, f"budget person={ALICE}").headline


def test_two_scopes_at_once_are_a_mistake(world: World) -> None:
    with pytest.raises(UserError, match="one department, project or person at a time"):
        ask(world, "budget project=Atlas department=Platform")


@pytest.mark.parametrize(
    ("period", "title", "used", "word"),
    [
        ("weekly", "23–29 Mar 2026", 726 + 870, "week"),
        ("billing", "15 Mar – 14 Apr 2026", None, "period"),
        ("quarterly", "1 Jan – 31 Mar 2026", None, "quarter"),
    ],
)
def test_other_periods_have_their_own_days(
    world: World, period: Period, title: str, used: float | None, word: str
) -> None:
    limit(world, 1_000_000, period=period)
    report = ask(world)
    assert report.title == f"{title} Credit Budget Status"
    assert facts(report)["projected"].title == f"Projected end of {word}"
    assert used is None or facts(report)["used"].value == used * MICRO
    assert column(table_of(report), "kind") == [f"workspace, {period}"]


def test_the_monthly_budget_leads_where_there_are_several(world: World) -> None:
    limit(world, 5_000, period="weekly")
    limit(world, 20_000)
    report = ask(world)
    assert report.title == "March Credit Budget Status"
    assert column(table_of(report), "kind") == ["workspace", "workspace, weekly"]


def test_a_threshold_fires_at_exactly_its_share(world: World) -> None:
    limit(world, 20_306.666666)
    assert "75% reached 24 March" in notes(ask(world))
    limit(world, 20_306.666667)
    assert "75% reached" not in notes(ask(world))


# ---- walls


def test_budgets_of_people_are_for_who_may_see_them(world: World) -> None:
    limit(world, 100, "person", world.labels.person_id(ALICE))
    limit(world, 20_000)
    assert column(table_of(ask(world)), "scope") == ["Workspace", ALICE]
    with world.context(role="member", walls="admins", now=EVENING) as ctx:
        assert column(table_of(run("budget", ctx)), "scope") == ["Workspace"]


def test_small_groups_have_no_row_behind_walls(world: World) -> None:
    for number in range(3):
        spend(world, {date(2026, 3, 3): 5}, person=f"p{number}@x.io", department="Growth")
        spend(world, {date(2026, 2, 5): 5}, person=f"p{number}@x.io", department="Growth")
    for name in ("Growth", "Platform"):
        limit(world, 500, "department", world.labels.department_id(name))
    with world.context(role="member", walls="admins", now=EVENING) as ctx:
        assert "Platform" not in str(run("budget", ctx))
        assert run("budget department=Growth", ctx).line
        with pytest.raises(UserError, match="Fewer than 3 people"):
            run("budget department=Platform", ctx)


def test_a_lagging_workspace_says_to_when_its_data_go(world: World) -> None:
    limit(world, 20_000)
    report = ask(world, now=EVENING + timedelta(days=6))
    assert "Data end on 24 Mar: projected from there." in notes(report)
