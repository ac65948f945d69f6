"""Budgets as they are set: what is typed, what would suit, and what is used of them already."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from analytics.errors import UserError
from analytics.figures import BudgetFigure
from analytics.report import Button
from storage.alerts import list_alerts
from storage.engine import reading
from storage.events import MICRO
from storage.levels import check_levels
from storage.marks import Mark
from tests.analytics.spending import spend
from tests.analytics.world import World, column, table_of, total_of
from tests.bot.budgeting import (
    EVENING,
    WORKSPACE,
    ask,
    audited,
    budgets,
    done_by,
    facts,
    marched,
    notes,
    world,
)
from tests.cast import ALICE

__all__ = ["marched", "world"]  # fixtures


# ---- setting


def test_a_first_budget_is_set_at_once_and_is_in_the_audit(world: World) -> None:
    report = ask(world, WORKSPACE)
    words = "20,000 credits a month, warning at 75, 90 and 100%"
    assert report.headline == f"Workspace: {words}."
    assert done_by(report) == []
    assert ask(world, "budget").headline.startswith("On track: 15,230 of 20,000 used")
    assert audited(world.engine) == [
        ("budget set", "budget of workspace 0, monthly", None, words, "done")
    ]


@pytest.mark.parametrize(
    ("line", "scope", "period", "amount"),
    [
        ("budget set 3000 monthly department=Platform", "department", "monthly", 3000),
        ("budget set department=Platform 3000 monthly", "department", "monthly", 3000),
        (f"budget set 500 weekly person={ALICE}", "person", "weekly", 500),
        ("budget set 1.5k quarterly project=Atlas", "project", "quarterly", 1500),
        ("budget set 700", "workspace", "monthly", 700),
        ("budget set 0.5 billing day=15", "workspace", "billing", 0.5),
    ],
)
def test_scopes_and_periods(
    world: World, line: str, scope: str, period: str, amount: float
) -> None:
    ask(world, line)
    (budget,) = budgets(world)
    assert (budget.scope, budget.period, budget.amount) == (scope, period, amount * MICRO)
    assert budget.billing_day == (15 if period == "billing" else 1)


@pytest.mark.parametrize("typed", ["50,80,100", '"100, 50, 80"', "50%/80%/100%"])
def test_thresholds_are_kept_lowest_first(world: World, typed: str) -> None:
    ask(world, f"{WORKSPACE} thresholds={typed}")
    figure = ask(world, "budget").figure
    assert isinstance(figure, BudgetFigure)
    assert figure.thresholds == budgets(world)[0].thresholds == (50, 80, 100)


def test_without_credits_it_tells_what_would_suit_and_changes_nothing(world: World) -> None:
    report = ask(world, "budget set monthly")
    found = facts(report)
    assert found["used_2026_02"].value == (20 * 726 + 8 * 392) * MICRO
    assert list(found) == ["used_2025_12", "used_2026_01", "used_2026_02", "suggested"]
    # The largest of the three is December with 23 working days: 19,834, a tenth more.
    assert found["suggested"].value == 22_000 * MICRO
    assert done_by(report) == [Button("Set 22,000", "budget set 22000 monthly", "do")]
    assert budgets(world) == []


def test_other_periods_take_their_days_of_the_busiest_month(world: World) -> None:
    # 19,834 in 31 days of December are 4,479 in a week; with a tenth more 4,927.
    assert facts(ask(world, "budget set weekly"))["suggested"].value == 5_000 * MICRO


def test_what_would_suit_is_never_below_what_is_used(world: World) -> None:
    before = facts(ask(world, "budget set"))["suggested"]
    assert "largest of" in before.note
    spend(world, {date(2026, 3, 23): 30_000})
    after = facts(ask(world, "budget set"))["suggested"]
    assert isinstance(after.value, int)
    assert after.value > 45_230 * MICRO
    assert "used already" in after.note


def test_without_a_complete_month_nothing_is_suggested(sqlite_engine: sa.Engine) -> None:
    world = World(sqlite_engine)
    spend(world, {date(2026, 3, 3): 50})
    report = ask(world, "budget set 100")
    assert facts(report) == {}
    assert "nothing is suggested" in notes(report)


# ---- what is not understood


@pytest.mark.parametrize(
    ("line", "quoted", "help_"),
    [
        ("budget set 0", "'0'", "above 0"),
        ("budget set 1e308", "'1e308'", "up to a billion"),
        ("budget set -5", "'-5'", "above 0"),
        ("budget set lots monthly", "'lots'", "20000"),
        ("budget set 5 yearly", "'yearly'", "`quarterly`"),
        ("budget set 5 thresholds=0,50", "'0'", "from 1 to 100"),
        ("budget set 5 thresholds=101", "'101'", "from 1 to 100"),
        ("budget set 5 thresholds=ninety", "'ninety'", "thresholds=75,90,100"),
        ("budget set 5 thresholds=90,90", "'90' is there twice", "once"),
        ("budget set 5 thresholds=,", "0 thresholds", "1 to 10"),
        ("budget set thresholds=50", "needs credits", "budget edit"),
        ("budget set 5 department=Nowhere", "'Nowhere'", "`Platform`"),
        ("budget set 5 person=nobody@example.com", "nobody@example.com", "alice@example.com"),
        (f"budget set 5 department=Platform person={ALICE}", "at a time", "Keep one"),
        ("budget set 5 department=Platform department=Platform", "twice", "Keep one"),
        ("budget set 5 billing", "first day", "day=15"),
        ("budget set 5 billing day=0", "'0'", "1 to 28"),
        ("budget set 5 billing day=31", "'31'", "1 to 28"),
        ("budget set 5 billing day=last", "'last'", "1 to 28"),
        ("budget set 5 monthly day=15", "no billing day", "billing day=15"),
        ("budget set 5 revision=2", "is gone", "budget list"),
        ("budget raise 500 until 2026-04-30", "Workspace has no budget", "budget set"),
        ("budget edit 5 department=Platform", "Platform has no budget", "department=Platform"),
        ("budget remove project=Atlas", "Atlas has no budget", "project=Atlas"),
    ],
)
def test_a_mistake_is_quoted_and_helped(world: World, line: str, quoted: str, help_: str) -> None:
    with pytest.raises(UserError) as caught:
        ask(world, line)
    assert quoted in caught.value.message
    assert help_ in caught.value.hint
    assert (budgets(world), audited(world.engine)) == ([], [])


# ---- what is given out


def test_departments_are_set_against_the_workspace(world: World) -> None:
    ask(world, WORKSPACE)
    ask(world, "budget set 3000 department=Platform")
    report = ask(world, "budget list")
    table = table_of(report)
    assert report.headline == "Departments have 3,000 of 20,000; 17,000 are unallocated."
    assert column(table, "scope") == ["Platform", "Unallocated"]
    assert column(table, "share") == [15, 85]
    assert total_of(table, "budget") == 20_000 * MICRO


def test_too_much_given_out_is_said_when_it_is_set(world: World) -> None:
    ask(world, "budget set 2000")
    report = ask(world, "budget set 3000 department=Platform")
    assert "Departments are over-allocated by 1,000: 3,000 of 2,000." in notes(report)


# ---- what is used already


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "budget set 20000 monthly",
            "March so far: 15,230 used, 76%. That passes 75% at once",
        ),
        ("budget set 15230 monthly", "15,230 used, 100%. That passes 75, 90 and 100% at once: one"),
        ("budget set 50000 monthly", "15,230 used, 30%. That passes no threshold."),
        ("budget set 50000 thresholds=90,34770left", "That passes 34,770 left at once"),
        ("budget set 50000 thresholds=90,34769left", "That passes no threshold"),
        ("budget set 0.5 weekly project=Atlas", "% at once: one warning tells of it."),
    ],
)
def test_a_budget_says_what_is_used_and_what_that_passes_at_once(
    world: World, line: str, said: str
) -> None:
    assert said in notes(ask(world, line))


def test_what_would_be_passed_at_once_is_said_before_it_is_changed(world: World) -> None:
    ask(world, "budget set 50000 monthly")
    assert "15,230 used, 84%. That passes 75% at once" in notes(ask(world, "budget edit 18000"))
    assert budgets(world)[0].amount == 50_000 * MICRO


@pytest.mark.parametrize("amount", [15_229, 20_000, 18_000, 90_000])
def test_what_is_said_to_be_passed_is_what_is_told(world: World, amount: int) -> None:
    said = notes(ask(world, f"budget set {amount} monthly"))
    check_levels(world.engine, EVENING)
    with reading(world.engine) as connection:
        fired = [one.facts["percents"] for one in list_alerts(connection, 1)]
    assert ("one warning tells" in said) is bool(fired)
    assert all(f"{percents[-1]}% at once" in said for percents in fired)


# ---- thresholds in credits


LEFT = Mark("left", 500 * MICRO)
MARKED = "budget set 20000 monthly thresholds=75,15000cr,500left"


def test_thresholds_in_credits_are_set_shown_and_said_to_be_reached(world: World) -> None:
    report = ask(world, MARKED)
    words = "20,000 credits a month, warning at 75%, 15,000 used and 500 left"
    assert report.headline == f"Workspace: {words}."
    assert ask(world, "budget show").headline == f"Workspace: {words}"
    status = ask(world, "budget")
    assert "75% reached 24 March, 15,000 used on 24 March" in notes(status)
    assert isinstance(status.figure, BudgetFigure)
    assert status.figure.marks == ((15_000 * MICRO, "15k"), (19_500 * MICRO, "500 left"))
    assert status.figure.thresholds == (75,)


def test_the_button_that_changes_a_budget_names_its_thresholds_in_credits(world: World) -> None:
    ask(world, MARKED)
    (button,) = done_by(ask(world, "budget edit 30000"))
    assert "thresholds=75,15000cr,500left" in button.line
    ask(world, button.line)
    assert budgets(world)[0].thresholds == (75, Mark("used", 15_000 * MICRO), LEFT)


@pytest.mark.parametrize("typed", ["20001cr", "20000left", "30000left"])
def test_a_threshold_in_credits_that_can_mean_nothing_is_refused(world: World, typed: str) -> None:
    with pytest.raises(UserError, match=rf"'{typed}' does not fit a budget of 20,000\."):
        ask(world, f"budget set 20000 monthly thresholds={typed}")
    assert budgets(world) == []


def test_a_budget_is_not_made_smaller_than_its_thresholds(world: World) -> None:
    ask(world, MARKED)
    with pytest.raises(UserError, match="'15000cr' does not fit a budget of 14,000"):
        ask(world, "budget edit 14000")


def test_an_alert_tells_of_credits_used_and_left_in_words(world: World) -> None:
    ask(world, MARKED)
    check_levels(world.engine, EVENING)
    post = ask(world, "alerts show 1")
    assert "Reached 15,000 used on 24 Mar 18:00." in notes(post)
    spend(world, {date(2026, 3, 24): 4_300})
    assert "Reached 500 left on" in notes(ask(world, "alerts show 2"))
