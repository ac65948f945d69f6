"""Budgets by line: replaced, raised and removed only after a yes, by whom it is for; audited."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date

import pytest
import sqlalchemy as sa

from analytics.errors import UserError
from analytics.figures import BudgetFigure
from bot.context import Identity
from bot.desk import Desk
from bot.registry import run
from storage.budgets import Budget, list_budgets
from storage.engine import reading, writing
from storage.events import MICRO
from storage.labels import (
    department_named,
    link_alias,
    person_of_alias,
    rename_person,
    set_home_department,
)
from storage.preferences import set_preference
from storage.roles import set_role
from storage.workspaces import bind_chat
from tests.analytics.spending import noon, spend
from tests.analytics.world import World, column, table_of
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
from tests.cast import ALICE, BOB, NOW, event

__all__ = ["marched", "world"]  # fixtures


# ---- replacing


def test_what_would_replace_is_shown_first_with_a_button(world: World) -> None:
    ask(world, WORKSPACE)
    report = ask(world, "budget set 25000 monthly")
    (button,) = done_by(report)
    assert report.headline == "Change the budget of Workspace: 20,000 to 25,000 credits a month?"
    assert button.line == "budget set 25000 monthly thresholds=75,90,100 revision=1"
    assert f"type `{button.line}`" in notes(report)
    assert budgets(world)[0].amount == 20_000 * MICRO
    ask(world, button.line)
    assert (budgets(world)[0].amount, budgets(world)[0].revision) == (25_000 * MICRO, 2)
    assert audited(world.engine)[-1][2:4] == (
        "20,000 credits a month, warning at 75, 90 and 100%",
        "25,000 credits a month, warning at 75, 90 and 100%",
    )


def test_a_yes_to_what_has_changed_meanwhile_is_asked_again(world: World) -> None:
    ask(world, WORKSPACE)
    (yes,) = done_by(ask(world, "budget set 25000"))
    (other,) = done_by(ask(world, "budget set 30000"))
    ask(world, other.line)
    again = ask(world, yes.line)
    assert again.headline == "Change the budget of Workspace: 30,000 to 25,000 credits a month?"
    assert budgets(world)[0].amount == 30_000 * MICRO


def test_the_same_again_changes_nothing(world: World) -> None:
    ask(world, WORKSPACE)
    assert ask(world, WORKSPACE).headline.startswith("Workspace has that already")
    assert (budgets(world)[0].revision, len(audited(world.engine))) == (1, 1)


def test_an_edit_keeps_what_it_does_not_name(world: World) -> None:
    ask(world, "budget set 20000 billing day=15 thresholds=60,100")
    (yes,) = done_by(ask(world, "budget edit day=20"))
    ask(world, yes.line)
    (budget,) = budgets(world)
    assert (budget.amount, budget.thresholds, budget.billing_day) == (
        20_000 * MICRO,
        (60, 100),
        20,
    )


def test_a_budget_is_removed_only_after_a_yes(world: World) -> None:
    ask(world, WORKSPACE)
    (yes,) = done_by(ask(world, "budget remove"))
    assert len(budgets(world)) == 1
    assert ask(world, yes.line).headline == "Removed: Workspace, 20,000 credits a month."
    assert budgets(world) == []
    assert audited(world.engine)[-1][0] == "budget remove"
    with pytest.raises(UserError, match="Workspace has no budget"):
        ask(world, yes.line)


def test_the_line_of_a_yes_names_its_scope(world: World) -> None:
    ask(world, "budget set 300 weekly department=Platform")
    (yes,) = done_by(ask(world, "budget remove department=Platform"))
    assert yes.line == "budget remove weekly department=Platform revision=1"


def test_of_two_with_one_name_the_askers_own_line_says_yes(world: World) -> None:
    spend(world, {date(2026, 3, 3): 5}, person=BOB)
    with writing(world.engine) as connection:
        for mail in (ALICE, BOB):
            person = person_of_alias(connection, world.workspace.id, mail) or 0
            rename_person(connection, world.workspace.id, person, name="Sam")
    ask(world, f"budget set 5 person={BOB}")
    report = ask(world, f"budget remove person={BOB}")
    assert (done_by(report), "revision=1" in notes(report)) == ([], True)
    assert ask(world, f"budget remove person={BOB} revision=1").headline.startswith("Removed: Sam")


def test_usual_filters_do_not_decide_what_is_changed(world: World) -> None:
    with writing(world.engine) as connection:
        set_preference(connection, world.workspace.id, "filters", "department=Platform")
    with closing(Desk(world.engine, now=lambda: NOW)) as desk:
        desk.report(WORKSPACE, Identity("terminal", "", ""))
    assert budgets(world)[0].scope == "workspace"


# ---- raising


def test_a_raise_counts_to_the_end_of_its_day(world: World) -> None:
    ask(world, WORKSPACE)
    ask(world, "budget raise 500 until 2026-03-28")
    for day, limit in ((24, 20_500), (28, 20_500), (29, 20_000)):
        report = ask(world, "budget", noon(world, date(2026, 3, day), 23))
        assert facts(report)["budget"].value == limit * MICRO
        table = table_of(ask(world, "budget list", noon(world, date(2026, 3, day), 23)))
        assert column(table, "budget") == [limit * MICRO]


def test_a_raise_says_the_limit_that_counts_now(world: World) -> None:
    ask(world, WORKSPACE)
    assert "The limit is now 20,500 (20,000 + 500)." in notes(ask(world, "budget raise 500"))
    assert "The limit" not in notes(ask(world, "budget set 9000 weekly"))


def test_a_raise_is_told_where_the_budget_is(world: World) -> None:
    ask(world, WORKSPACE)
    ask(world, "budget raise 500 until 2026-03-28")
    report = ask(world, "budget")
    told = "Workspace is raised by 500 until 28 Mar 2026, then 20,000 again."
    assert told in notes(report)
    assert told in notes(ask(world, "budget list"))
    assert isinstance(report.figure, BudgetFigure)
    assert report.figure.limit == 20_500 * MICRO
    assert report.figure.falls == (date(2026, 3, 29), 20_000 * MICRO)
    assert "raised by 500 until 28 Mar 2026" in report.figure.subtitle


def test_a_raise_without_a_day_ends_with_the_period(world: World) -> None:
    ask(world, WORKSPACE)
    ask(world, "budget raise 500")
    assert "until 31 Mar 2026" in ask(world, "budget show").headline
    figure = ask(world, "budget").figure
    assert isinstance(figure, BudgetFigure)
    assert figure.falls is None


def test_a_second_raise_replaces_the_first_after_a_yes(world: World) -> None:
    ask(world, WORKSPACE)
    ask(world, "budget raise 500")
    report = ask(world, "budget raise 800")
    (yes,) = done_by(report)
    assert yes.line == "budget raise 800 monthly until 2026-03-31 revision=2"
    ask(world, yes.line)
    assert facts(ask(world, "budget"))["budget"].value == 20_800 * MICRO


def test_a_raise_that_is_over_is_replaced_at_once_and_told_nowhere(world: World) -> None:
    ask(world, WORKSPACE)
    ask(world, "budget raise 500 until 2026-03-25")
    later = noon(world, date(2026, 3, 27))
    assert "raised" not in ask(world, "budget show", later).headline
    assert done_by(ask(world, "budget raise 800", later)) == []


def test_new_credits_end_a_raise_and_new_thresholds_do_not(world: World) -> None:
    ask(world, WORKSPACE)
    ask(world, "budget raise 500")
    (yes,) = done_by(ask(world, "budget edit thresholds=50"))
    ask(world, yes.line)
    assert budgets(world)[0].raised == 500 * MICRO
    (yes,) = done_by(ask(world, "budget edit 21000"))
    ask(world, yes.line)
    assert budgets(world)[0].raised == 0


def test_the_history_tells_every_change(world: World) -> None:
    ask(world, WORKSPACE)
    ask(world, "budget raise 500")
    (yes,) = done_by(ask(world, "budget remove"))
    ask(world, yes.line)
    ask(world, "budget set 100")
    table = table_of(ask(world, "budget show"))
    assert column(table, "what") == ["set", "removed", "raised", "set"]
    assert column(table, "budget") == [100 * MICRO, None, 20_000 * MICRO, 20_000 * MICRO]


# ---- what is not understood


@pytest.mark.parametrize(
    ("line", "quoted", "help_"),
    [
        ("budget raise 500 until 2026-03-23", "'2026-03-23' is over", "later day"),
        ("budget raise 500 until 2026-04-31", "'2026-04-31' is not a day", "2026-06-30"),
        ("budget raise 500 until 2030-01-01", "more than a year", "budget edit"),
        ("budget raise 1000m", "too many", "a billion"),
        ("budget raise", "needs credits", "budget raise 500"),
        ("budget edit", "something to change", "budget edit 25000"),
        ("budget edit weekly thresholds=50", "no weekly budget", "monthly"),
    ],
)
def test_a_mistake_about_a_budget(world: World, line: str, quoted: str, help_: str) -> None:
    ask(world, WORKSPACE)
    with pytest.raises(UserError) as caught:
        ask(world, line)
    assert quoted in caught.value.message
    assert help_ in caught.value.hint
    assert budgets(world)[0].revision == 1


def test_which_of_several_is_asked(world: World) -> None:
    ask(world, WORKSPACE)
    ask(world, "budget set 5000 weekly")
    with pytest.raises(UserError, match=r"several budgets: monthly, weekly\. .*budget remove"):
        ask(world, "budget remove")
    assert ask(world, "budget remove weekly").headline.endswith("5,000 credits a week?")


# ---- who may


ADMIN, LEAD, MEMBER = (Identity("slack", "T1", name) for name in ("UADMIN", "ULEAD", "UMEMBER"))


@pytest.fixture
def desk(sqlite_engine: sa.Engine) -> Iterator[Desk]:
    """An admin, a member, and a lead who is at home in Platform."""
    World(sqlite_engine).write([event(), event(department="Sales", person="bob@example.com")])
    with writing(sqlite_engine) as connection:
        bind_chat(connection, 1, platform="slack", external_id="T1", now=NOW)
        keys = {"platform": "slack", "external_id": "T1"}
        set_role(connection, 1, **keys, user_id="UADMIN", role="admin")
        set_role(connection, 1, **keys, user_id="ULEAD", role="lead")
        alice = person_of_alias(connection, 1, ALICE) or 0
        link_alias(connection, 1, LEAD.actor, alice)
        home = department_named(connection, 1, "Platform")
        set_home_department(connection, 1, alice, department_id=home)
    with closing(Desk(sqlite_engine, now=lambda: NOW)) as found:
        yield found


def let_leads(desk: Desk) -> None:
    assert (
        "leads of their department" in desk.answer("preferences set budgets=leads", ADMIN).headline
    )


def kept(desk: Desk) -> list[Budget]:
    with reading(desk.engine) as connection:
        return list_budgets(connection, 1)


@pytest.mark.parametrize("line", ["set 5", "edit 5", "raise 5", "remove", "set"])
def test_a_member_changes_nothing_and_the_refusal_is_in_the_audit(desk: Desk, line: str) -> None:
    report = desk.answer(f"budget {line}", MEMBER)
    assert report.headline == f"`budget {line.split(maxsplit=1)[0]}` is for leads and admins."
    assert kept(desk) == []
    assert audited(desk.engine) == [
        (f"budget {line.split(maxsplit=1)[0]}", "", None, f"budget {line}", "refused")
    ]


def test_a_lead_sets_nothing_until_admins_let_leads(desk: Desk) -> None:
    refused = desk.answer("budget set 5 department=Platform", LEAD)
    assert refused.headline == "Budgets are set by admins here."
    assert "preferences set budgets=leads" in str(refused.blocks)
    let_leads(desk)
    assert desk.answer("budget set 5 department=Platform", LEAD).headline.startswith("Platform: 5")


@pytest.mark.parametrize("scope", ["", " department=Sales", f" person={ALICE}", " project=Atlas"])
def test_a_lead_sets_only_the_own_department(desk: Desk, scope: str) -> None:
    let_leads(desk)
    report = desk.answer(f"budget set 5{scope}", LEAD)
    assert report.headline == "A lead sets the budget of the own department here: Platform."
    assert "Ask an admin" in str(report.blocks)
    assert (kept(desk), audited(desk.engine)[-1][-1]) == ([], "refused")


def test_members_are_shown_no_button_that_they_may_not_press(desk: Desk) -> None:
    assert done_by(desk.answer("budget show", MEMBER)) == []


def test_a_yes_is_pressed_once_and_by_whom_it_was_shown(desk: Desk) -> None:
    desk.answer("budget set 5", ADMIN)
    (button,) = done_by(desk.answer("budget set 6", ADMIN))
    value = desk.button_values([button], ADMIN, longest=100)[button]
    assert desk.wish(value, LEAD) is None
    wish = desk.wish(value, ADMIN)
    assert wish is not None
    assert desk.pressed(wish, ADMIN)
    assert desk.wish(value, ADMIN) is None
    assert (kept(desk)[0].amount, kept(desk)[0].revision) == (6 * MICRO, 2)


def test_a_former_admin_is_refused_at_the_click(desk: Desk) -> None:
    desk.answer("budget set 5", ADMIN)
    (button,) = done_by(desk.answer("budget remove", ADMIN))
    value = desk.button_values([button], ADMIN, longest=100)[button]
    with writing(desk.engine) as connection:
        keys = {"platform": "slack", "external_id": "T1", "user_id": "UADMIN"}
        set_role(connection, 1, **keys, role="member")
    wish = desk.wish(value, ADMIN)
    assert wish is not None
    refused = desk.pressed(wish, ADMIN)
    assert refused is not None
    assert refused.headline == "`budget remove` is for leads and admins."
    assert len(kept(desk)) == 1


def test_behind_walls_the_past_of_few_people_is_not_told(world: World) -> None:
    with world.context(role="member", walls="admins", now=EVENING, person=ALICE) as ctx:
        own = run("budget show department=Platform", ctx)
    assert "used_2026_02" in facts(own)
    spend(world, {date(2026, 1, 5): 7}, person="bob@example.com", department="Platform")
    with world.context(role="member", walls="admins", now=EVENING, person=ALICE) as ctx:
        report = run("budget show department=Platform", ctx)
    assert facts(report) == {}
    assert "few people" in notes(report)
