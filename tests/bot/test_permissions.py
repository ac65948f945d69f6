"""Rights: who may ask, see other people's rows, press a button; by line, button and workspace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from pytest_mock import MockerFixture

from analytics.report import (
    Button,
    Report,
)
from bot.context import Identity
from bot.desk import Desk, Wish
from storage.catalog import set_multiplier
from storage.engine import PRAGMAS, reading, writing
from storage.errors import DatabaseBusy
from storage.labels import link_alias, person_of_alias, set_home_department
from storage.preferences import set_preference
from storage.roles import set_role
from storage.timekeys import to_micros
from storage.workspaces import bind_chat, create_workspace
from tests.analytics.world import World, column, table_of
from tests.cast import NOW, ZONE, event
from tests.databases import Filling

ALICE = Identity("slack", "T1", "UALICE")
BOB = Identity("slack", "T1", "UBOB")
CHARLIE = Identity("slack", "T2", "UCHARLIE")
LEAD = Identity("slack", "T1", "ULEAD")
STRANGER = Identity("slack", "T9", "UALICE")
GUEST = Identity("slack", "T1", "UGUEST", guest=True)


@pytest.fixture(scope="module")
def sqlite_template(filled: Filling) -> Path:
    """Alice is admin and Bob member of one workspace, Charlie admin of another."""
    return filled(_company)


def _company(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        other = create_workspace(connection, "elsewhere", zone=ZONE, now=NOW)
        bind_chat(connection, 1, platform="slack", external_id="T1", now=NOW)
        bind_chat(connection, other.id, platform="slack", external_id="T2", now=NOW)
        for workspace, who in ((1, ALICE), (other.id, CHARLIE)):
            set_role(
                connection,
                workspace,
                platform="slack",
                external_id=who.external_id,
                user_id=who.user_id,
                role="admin",
            )
    World(engine).write([event(person="alice@example.com")])
    World(engine, "elsewhere").write([event(person="charlie@elsewhere.example")] * 1)


@pytest.fixture
def desk(sqlite_engine: sa.Engine) -> Iterator[Desk]:
    """Where they all ask."""
    with closing(Desk(sqlite_engine, now=lambda: NOW, owners=["slack:T1:UOWNER"])) as desk:
        yield desk


def restrict(desk: Desk, walls: str) -> None:
    """Say who sees other people's rows."""
    with writing(desk.engine) as connection:
        set_preference(connection, 1, "people_visibility", walls)


def people(report: Report) -> list[object]:
    """The people an answer shows."""
    return column(table_of(report), "person")


def test_everybody_sees_only_their_own_workspace(desk: Desk) -> None:
    assert people(desk.answer("by-user today", BOB)) == ["alice@example.com"]
    assert people(desk.answer("by-user today", CHARLIE)) == ["charlie@elsewhere.example"]


def test_a_name_of_another_workspace_is_unknown(desk: Desk) -> None:
    report = desk.answer("by-model today person=alice@example.com", CHARLIE)
    assert report.headline == "I know no person 'alice@example.com'."


def test_an_unbound_team_gets_one_neutral_sentence(desk: Desk) -> None:
    report = desk.answer("by-user today", STRANGER)
    assert "not connected" in report.headline
    assert "workspace bind slack:T9" in str(report.blocks)


def test_a_guest_gets_no_numbers(desk: Desk) -> None:
    for line in ("by-model today", "", "by-user today"):
        assert "Guests" in desk.answer(line, GUEST).headline


@pytest.mark.parametrize(("walls", "needed"), [("leads", "leads"), ("admins", "admins")])
def test_walls_hide_other_peoples_rows_from_members(desk: Desk, walls: str, needed: str) -> None:
    restrict(desk, walls)
    assert f"for {needed} here" in desk.answer("by-user today", BOB).headline
    assert people(desk.answer("by-user today", ALICE)) == ["alice@example.com"]
    assert "alice" not in str(desk.answer("", BOB))
    assert "alice" not in str(desk.answer("by-model person=alicia@example.com", BOB))
    assert desk.completions("by-model", "person", "al", BOB) == []


def test_walls_are_no_way_round_through_a_filter(desk: Desk) -> None:
    restrict(desk, "admins")
    known = desk.answer("by-model today person=alice@example.com", BOB)
    guess = desk.answer("by-model today person=eve@example.com", BOB)
    assert "other people" in known.headline
    assert guess.headline == known.headline.replace("alice", "eve")


@pytest.fixture
def company(desk: Desk) -> Desk:
    """Behind walls: Legal is Alice alone, Sales are Bob, Carol and Dan; Bob is linked."""
    world = World(desk.engine)
    homes = {"alice": "Legal", "bob": "Sales", "carol": "Sales", "dan": "Sales"}
    world.write(
        [
            event(person=f"{name}@example.com", department=home, project=f"of {name}", task="x")
            for name, home in homes.items()
        ]
    )
    restrict(desk, "admins")
    with writing(desk.engine) as connection:
        found = sa.text("SELECT id FROM department WHERE workspace_id = 1 AND name = 'Sales'")
        sales = connection.execute(found).scalar_one()
        for who, mail in ((BOB, "bob@example.com"), (LEAD, "carol@example.com")):
            person = person_of_alias(connection, 1, mail)
            assert person is not None
            link_alias(connection, 1, who.actor, person_id=person)
            set_home_department(connection, 1, person, department_id=sales)
        set_role(
            connection, 1, platform="slack", external_id="T1", user_id=LEAD.user_id, role="lead"
        )
    return desk


def test_a_person_behind_walls_sees_oneself_and_nobody_else(company: Desk) -> None:
    for line in (
        "by-user today",
        "by-user today person=bob@example.com",
        "by-user department=Sales",
    ):
        assert people(company.answer(line, BOB)) == ["bob@example.com"]
    assert company.answer("by-model person=bob@example.com", BOB).line
    assert "for admins here" in company.answer("by-user person=carol@example.com", BOB).headline
    assert company.completions("by-model", "person", "", BOB) == ["bob@example.com"]


def test_a_lead_behind_walls_sees_the_own_department(company: Desk) -> None:
    assert set(people(company.answer("by-user today", LEAD))) == {
        "bob@example.com",
        "carol@example.com",
    }
    assert "for admins here" in company.answer("by-model person=dan@example.com", LEAD).headline
    restrict(company, "leads")
    assert "alice@example.com" in people(company.answer("by-user today", LEAD))


@pytest.mark.parametrize(
    "narrowed",
    [
        "department=Legal",
        "department=Sales department=Legal",
        'project="of carol"',
        'department=Sales project="of carol"',
        "department=Sales model=o3-mini",
    ],
)
def test_a_small_group_is_no_hole_in_the_wall(company: Desk, narrowed: str) -> None:
    for line in (f"timeline last 7d by hour {narrowed}", f"by-model last 7d {narrowed}"):
        assert "for admins here" in company.answer(line, BOB).headline
        assert company.answer(line, ALICE).line


def test_a_group_that_hides_everybody_in_it_is_answered(company: Desk) -> None:
    assert company.answer("timeline last 7d department=Sales task=x", BOB).line
    assert company.answer("by-model last 7d model=o3-mini", BOB).line


def test_the_time_before_is_no_hole_in_the_wall(company: Desk) -> None:
    earlier = to_micros(NOW) - 8 * 86_400_000_000
    World(company.engine).write([event(person="carol@example.com", department="Sales", ts=earlier)])
    line = "by-model last 7d department=Sales"
    assert "for admins here" in company.answer(line, BOB).headline
    assert company.answer("by-model last 14d department=Sales", BOB).line


def test_groups_of_people_one_may_see_are_no_secret(company: Desk) -> None:
    assert company.answer('by-model last 7d project="of bob"', BOB).line
    assert company.answer('by-model last 7d project="of bob"', LEAD).line
    assert "for admins" in company.answer('by-model last 7d project="of dan"', LEAD).headline


def test_behind_walls_groups_of_few_people_have_no_row(company: Desk) -> None:
    departments = company.answer("by-department today", BOB)
    assert column(table_of(departments), "department") == ["3 others"]
    assert "Legal" not in str(departments)
    assert column(table_of(company.answer("by-department", ALICE)), "department")[0] == "Sales"
    projects = company.answer("by-project today", BOB)
    assert column(table_of(projects), "project") == ["of bob", "4 others"]
    assert "by-user" not in str(projects.blocks)


def test_behind_walls_a_folded_row_hides_people_of_the_time_before(company: Desk) -> None:
    earlier = to_micros(NOW) - 8 * 86_400_000_000
    names = ("erin", "finn", "gus")
    events = [event(person=f"{n}@example.com", department="Ops") for n in names]
    World(company.engine).write(
        [*events, event(person="dan@example.com", department="Ops", ts=earlier)]
    )
    report = company.answer("by-department last 7d", BOB)
    assert column(table_of(report), "department") == ["Sales", "3 others"]


def test_behind_walls_trends_name_no_person_and_no_small_group(company: Desk) -> None:
    day = 86_400_000_000
    for ago, project in ((50, "of dan"), (9, "of dan"), (9, "of carol"), (9, "of alice")):
        World(company.engine).write([event(project=project, ts=to_micros(NOW) - ago * day)])
    report = company.answer("trends last 7d", BOB)
    assert report.line
    assert "of dan" not in str(report)
    assert "People" not in str(report)
    assert "of dan" in str(company.answer("trends last 7d", ALICE))
    assert company.answer("trends last 60d", BOB).line


def test_behind_walls_a_linked_person_is_told_of_oneself(company: Desk) -> None:
    report = company.answer("me today", BOB)
    assert report.headline == "You used 2 credits, rank 2 of 4"
    assert "carol" not in str(report)
    assert "for admins here" in company.shared("me today", BOB, channel="C1").headline


def test_behind_walls_rows_of_labels_need_a_range_whose_people_are_kept(company: Desk) -> None:
    assert "31 days" in company.answer("by-project last 60d", BOB).headline
    assert company.answer("by-project last 60d", ALICE).line
    assert company.answer("by-family last 60d", BOB).line


@pytest.mark.parametrize(
    "line", ["by-user", "by-model person=bob@example.com", "timeline department=Legal"]
)
def test_behind_walls_no_channel_is_shown_people(company: Desk, line: str) -> None:
    for who in (ALICE, BOB):
        assert "for admins here" in company.shared(line, who, channel="C1").headline
    assert company.shared("by-model", ALICE, channel="C1").line


def test_owners_come_from_the_settings(desk: Desk) -> None:
    restrict(desk, "admins")
    owner = Identity("slack", "T1", "UOWNER")
    assert people(desk.answer("by-user today", owner)) == ["alice@example.com"]


def test_a_share_button_works_once_and_only_for_who_got_it(desk: Desk) -> None:
    button = Button("Share", "by-model today", "share")
    value = desk.button_values([button], ALICE, longest=2000)[button]
    assert desk.wish(value, BOB) is None
    assert desk.wish(value, CHARLIE) is None
    assert desk.wish(value, ALICE) == Wish("share", "by-model today")
    assert desk.wish(value, ALICE) is None


def test_a_button_that_was_given_back_works_once_more(desk: Desk) -> None:
    button = Button("Share", "by-model today", "share")
    value = desk.button_values([button], ALICE, longest=2000)[button]
    wish = desk.wish(value, ALICE)
    assert wish is not None
    desk.share_ended(wish, ALICE, channel="C1", result="failed")
    assert desk.wish(value, ALICE) == wish
    assert desk.wish(value, ALICE) is None


def test_a_button_that_only_asks_carries_its_line_and_runs_with_the_clickers_rights(
    desk: Desk,
) -> None:
    restrict(desk, "admins")
    button = Button("People", "by-user today")
    value = desk.button_values([button], ALICE, longest=2000)[button]
    wish = desk.wish(value, BOB)
    assert wish == Wish("ask", "by-user today")
    assert "for admins here" in desk.answer(wish.line, BOB).headline


def test_a_long_line_is_stored_and_may_be_pressed_again(desk: Desk) -> None:
    button = Button("Again", "by-model today model=" + "gpt-4o" * 20)
    value = desk.button_values([button], ALICE, longest=90)[button]
    assert len(value) <= 90
    assert desk.wish(value, ALICE) == desk.wish(value, ALICE) == Wish("ask", button.line)


@pytest.mark.parametrize("value", ["", "id:", "id:nothing", "once:x", "share:by-model", "drop:x"])
def test_an_altered_button_does_nothing(desk: Desk, value: str) -> None:
    assert desk.wish(value, ALICE) is None


def test_a_button_expires(sqlite_engine: sa.Engine, desk: Desk) -> None:
    button = Button("Share", "by-model today", "share")
    value = desk.button_values([button], ALICE, longest=2000)[button]
    later = Desk(sqlite_engine, now=lambda: NOW + timedelta(days=31))
    assert later.wish(value, ALICE) is None


def test_sharing_is_recorded_and_checked_again(desk: Desk) -> None:
    assert desk.shared("by-user today", BOB, channel="C1").line == "by-user today"
    restrict(desk, "admins")
    assert "for admins here" in desk.shared("by-user today", BOB, channel="C1").headline
    with reading(desk.engine) as connection:
        rows = connection.execute(sa.text("SELECT actor, object, result FROM audit")).all()
    assert ("slack:T1:UBOB", "slack:C1", "begun") in [tuple(row) for row in rows]
    assert ("slack:T1:UBOB", "slack:C1", "refused") in [tuple(row) for row in rows]


async def test_an_envelope_is_new_once(desk: Desk) -> None:
    assert await desk.is_new("envelope-1", ALICE)
    assert not await desk.is_new("envelope-1", ALICE)
    assert not await desk.is_new("envelope-2", ALICE, "envelope-1")
    assert not await desk.is_new("envelope-2", ALICE)
    assert await desk.is_new("envelope-1", CHARLIE)


def test_a_click_that_shares_is_remembered_when_its_button_was_given_back(desk: Desk) -> None:
    button = Button("Share", "by-model today", "share")
    value = desk.button_values([button], ALICE, longest=2000)[button]
    wish = desk.wish(value, ALICE, key="click-1")
    assert wish is not None
    desk.share_ended(wish, ALICE, channel="C1", result="failed")
    assert desk.wish(value, ALICE, key="click-1") is None
    assert desk.wish(value, ALICE, key="click-2") == wish


async def test_while_another_process_writes_questions_are_answered_without_waiting(
    desk: Desk,
) -> None:
    long_line = Button("Again", "by-model today model=" + "gpt-4o" * 20)
    stored = desk.button_values([long_line], ALICE, longest=90)[long_line]
    share, again = Button("Share", "by-model", "share"), Button("Again", "by-model")
    shared = desk.button_values([share], ALICE, longest=90)[share]
    with writing(desk.engine):
        assert await desk.is_new("envelope-1", ALICE)
        assert desk.answer("by-model today", ALICE).line
        assert desk.wish(stored, ALICE) == Wish("ask", long_line.line)
        assert set(desk.button_values([share, again], ALICE, longest=90)) == {again}
    assert desk.wish(shared, ALICE) == Wish("share", "by-model")


def test_a_busy_database_is_not_called_an_invalid_button(desk: Desk, mocker: MockerFixture) -> None:
    mocker.patch("storage.engine.PRAGMAS", (*PRAGMAS, "busy_timeout=50"))
    share = Button("Share", "by-model", "share")
    value = desk.button_values([share], ALICE, longest=90)[share]
    desk.engine.dispose()
    with writing(desk.engine), pytest.raises(DatabaseBusy):
        desk.wish(value, ALICE)
    assert desk.wish(value, ALICE) == Wish("share", "by-model")


def test_our_own_bug_is_an_apology_with_a_reference(desk: Desk, mocker: MockerFixture) -> None:
    mocker.patch("bot.desk.run", autospec=True, side_effect=RuntimeError("secret xoxb-1"))
    report = desk.answer("by-model today", ALICE)
    assert "the mistake is ours" in report.headline
    assert "Reference" in str(report.blocks)
    assert "secret" not in str(report)


def test_a_new_price_and_a_new_model_are_known_to_the_next_question(desk: Desk) -> None:
    world = World(desk.engine)
    before = desk.answer("by-model today", BOB)
    with writing(desk.engine) as connection:
        key = world.labels.model_id("gpt-4o")
        set_multiplier(connection, 1, key, multiplier=5_000_000, valid_from=0)
    world.write([event(model="brand-new-model")])
    after = table_of(desk.answer("by-model today", BOB))
    assert column(table_of(before), "multiplier") == [2_000_000]
    assert dict(zip(column(after, "model"), column(after, "multiplier"), strict=True)) == {
        "GPT-4o": 5_000_000,
        "brand-new-model": None,
    }
