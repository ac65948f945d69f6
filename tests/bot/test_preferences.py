"""Choices of people and workspaces: who may make them, and that they work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
import sqlalchemy as sa

from analytics.advice_basis import margin_of
from analytics.errors import UserError
from analytics.measures import tier_of
from analytics.query import Query
from analytics.report import Report
from analytics.timerange import parse_range
from bot.context import Identity
from bot.desk import Desk
from bot.preferences import PREFERENCES
from bot.registry import COMMANDS
from storage.catalog import Catalog
from storage.engine import reading, writing
from storage.labels import link_alias, person_of_alias
from storage.reading import Reader
from storage.roles import set_role
from storage.workspaces import bind_chat, find_workspace
from tests.analytics.world import World, column, table_of
from tests.cast import ALICE, BOB, NOW, event

ADMIN = Identity("slack", "T1", "UALICE")
MEMBER = Identity("slack", "T1", "UBOB")
NOBODY = Identity("slack", "T1", "UNEW")


@pytest.fixture
def desk(sqlite_engine: sa.Engine) -> Iterator[Desk]:
    """Alice is admin, Bob member, both known as people; somebody else is not."""
    world = World(sqlite_engine)
    world.write(
        [
            event(person=ALICE, department="Sales"),
            event(person=BOB, department="Platform", model="claude-3-haiku"),
        ]
    )
    with writing(sqlite_engine) as connection:
        bind_chat(connection, 1, platform="slack", external_id="T1", now=NOW)
        for who, mail in ((ADMIN, ALICE), (MEMBER, BOB)):
            person = person_of_alias(connection, 1, mail)
            assert person is not None
            link_alias(connection, 1, who.actor, person)
        set_role(connection, 1, platform="slack", external_id="T1", user_id="UALICE", role="admin")
    found = Desk(sqlite_engine, now=lambda: NOW)
    yield found
    found.close()


def test_filters_of_everybody_name_nobody(desk: Desk) -> None:
    with pytest.raises(UserError, match="name no person"):
        ask(desk, f'preferences set filters="model=gpt-4o; person={BOB}" for=workspace')
    assert ask(desk, f'preferences set filters="person={BOB}"').line


def ask(desk: Desk, line: str, who: Identity = ADMIN) -> Report:
    return desk.report(line, who)


def test_every_choice_is_an_option_of_the_command() -> None:
    options = {param.name for param in COMMANDS["preferences set"].params}
    assert options == {*(one.option for one in PREFERENCES), "for"}


def test_a_choice_of_ones_own_leaves_others_alone(desk: Desk) -> None:
    ask(desk, "preferences set theme=dark", MEMBER)
    assert ask(desk, "by-model", MEMBER).theme == "dark"
    assert ask(desk, "by-model", ADMIN).theme is None


def test_ones_own_choice_goes_before_the_workspaces(desk: Desk) -> None:
    ask(desk, "preferences set theme=dark for=workspace")
    ask(desk, "preferences set theme=light", MEMBER)
    assert ask(desk, "by-model", ADMIN).theme == "dark"
    assert ask(desk, "by-model", MEMBER).theme == "light"
    ask(desk, "preferences set theme=default", MEMBER)
    assert ask(desk, "by-model", MEMBER).theme == "dark"


def test_a_usual_range_is_used_where_none_is_named_and_the_line_says_so(desk: Desk) -> None:
    ask(desk, 'preferences set range="last 3d"')
    assert ask(desk, "by-model").line == "by-model last 3d"
    assert ask(desk, "by-model last 7d").line == "by-model last 7d"
    assert ask(desk, "by-model", MEMBER).line == "by-model"


def test_usual_filters_are_used_where_none_is_named(desk: Desk) -> None:
    ask(desk, 'preferences set filters="department=Sales"')
    report = ask(desk, "by-user last 7d")
    assert report.line == "by-user last 7d department=Sales"
    assert column(table_of(report), "person") == [ALICE]
    whole = ask(desk, "by-user last 7d department=all")
    assert len(table_of(whole).rows) == 2
    assert ask(desk, whole.line).line == whole.line


def test_a_usual_grain_is_for_time_only(desk: Desk) -> None:
    ask(desk, "preferences set by=week")
    assert ask(desk, "timeline last 30d").line == "timeline last 30d by week"


def test_borders_of_tiers_decide_what_premium_is(desk: Desk) -> None:
    ask(desk, "preferences set tiers=0.2x-3x")
    report = ask(desk, "by-model last 7d tier=standard")
    assert set(column(table_of(report), "model")) == {"GPT-4o", "Claude 3 Haiku"}
    with reading(desk.engine) as connection:
        assert find_workspace(connection, None).tiers == (200_000, 3_000_000)


def test_weeks_begin_on_the_chosen_day(desk: Desk) -> None:
    ask(desk, "preferences set week=sunday")
    report = ask(desk, "by-model this week")
    assert report.period is not None
    assert report.period.start.date() == date(2026, 3, 29)


@pytest.mark.parametrize("week_start", range(7))
@pytest.mark.parametrize("day", range(1, 15))
def test_weeks_meet_and_hold_today(week_start: int, day: int) -> None:
    today = date(2026, 3, day)
    this = parse_range("this week", today, week_start)
    last = parse_range("last week", today, week_start)
    assert this.first.weekday() == week_start
    assert last.end == this.first <= today
    assert (this.first - last.first).days == 7


def test_peak_hours_and_zone_say_what_is_to_do(desk: Desk) -> None:
    for choice in ("peak=8-18", "zone=America/New_York for=workspace"):
        report = ask(desk, f"preferences set {choice}")
        assert any("rebuild" in str(block) for block in report.blocks)
    with reading(desk.engine) as connection:
        workspace = find_workspace(connection, None)
    assert (workspace.peak, workspace.zone) == ((8, 18), "America/New_York")


def test_what_a_workspace_chose_is_in_the_audit(desk: Desk) -> None:
    ask(desk, "preferences set people=admins margin=5%")
    with reading(desk.engine) as connection:
        rows = connection.execute(sa.text("SELECT object, before, after FROM audit")).all()
    assert ("people of workspace", "everyone", "admins") in [tuple(row) for row in rows]
    assert ("margin of workspace", "3 points", "5 points") in [tuple(row) for row in rows]


@pytest.mark.parametrize(
    ("line", "who", "quoted"),
    [
        ("preferences set tiers=1x-2x", MEMBER, "for admins"),
        ("preferences set theme=dark for=workspace", MEMBER, "for admins"),
        ("preferences set theme=dark", NOBODY, "not linked to a person"),
        ("preferences set notifications=off for=workspace", ADMIN, "each person"),
        ("preferences set", ADMIN, "needs a choice"),
        ("preferences set theme=pink", ADMIN, "'pink'"),
        ("preferences set zone=Mars/Base", ADMIN, "Mars/Base"),
        ("preferences set week=tuesday", ADMIN, "'tuesday'"),
        ('preferences set range="lst 7d"', ADMIN, "lst 7d"),
        ("preferences set by=fortnight", ADMIN, "'fortnight'"),
        ("preferences set filters=Sales", ADMIN, "'Sales'"),
        ("preferences set filters=department=Slaes", ADMIN, "'Slaes'"),
        ("preferences set peak=17-9", ADMIN, "'17-9'"),
        ("preferences set tiers=3x-2x", ADMIN, "'3x-2x'"),
        ("preferences set margin=0", ADMIN, "'0'"),
        ("preferences set people=friends", ADMIN, "'friends'"),
        ("preferences set theme=dark for=everyone", ADMIN, "'everyone'"),
    ],
)
def test_a_mistake_is_quoted_and_keeps_nothing(
    desk: Desk, line: str, who: Identity, quoted: str
) -> None:
    before = ask(desk, "preferences")
    report = desk.answer(line, who)
    assert not report.line
    assert quoted in report.headline
    assert ask(desk, "preferences") == before


def test_a_changed_price_is_planned_and_told(desk: Desk) -> None:
    report = ask(desk, "models set GPT-4o 2.5x from 2026-07-01")
    assert report.headline == "GPT-4o costs 2.5x from 1 Jul 2026, before 2x"
    assert "+0.5 credits" in str(report.blocks)
    table = table_of(ask(desk, "models"))
    assert column(table, "model")[0] in ("GPT-4o", "Claude 3 Haiku")
    assert "2.5x from 1 Jul 2026" in column(table, "next")


def test_past_usage_keeps_its_credits_when_a_price_changes(desk: Desk) -> None:
    before = table_of(ask(desk, "by-model today")).total
    ask(desk, "models set GPT-4o 5x from 2026-03-01")
    total = table_of(ask(desk, "by-model today")).total
    assert before is not None
    assert total is not None
    assert total[4] == before[4]


@pytest.mark.parametrize(
    ("line", "quoted"),
    [
        ("models set GPT-4o", "needs"),
        ("models set GPT-4o much", "'much'"),
        ("models set GPT-9o 2x", "'GPT-9o'"),
        ("models set GPT-4o 2x from tomorrow", "'tomorrow'"),
    ],
)
def test_a_mistake_in_a_price_is_quoted(desk: Desk, line: str, quoted: str) -> None:
    with pytest.raises(UserError) as caught:
        ask(desk, line)
    assert quoted in caught.value.message


def test_only_admins_set_prices(desk: Desk) -> None:
    assert "for admins" in desk.answer("models set GPT-4o 2x", MEMBER).headline


def test_a_tier_is_that_of_the_workspaces_borders(sqlite_engine: sa.Engine) -> None:
    world = World(sqlite_engine)
    with world.context() as ctx:
        today = ctx.reader.clock.local_date(ctx.now)
        query = Query(ctx.reader, ctx.now, parse_range("today", today))
        tiers = [tier_of(query, value) for value in (None, 999_999, 1_000_000, 2_000_000)]
    assert tiers == ["unknown", "economy", "standard", "premium"]


def test_hours_are_those_of_ones_own_zone_and_days_stay(desk: Desk) -> None:
    ask(desk, "preferences set zone=America/New_York")
    report = ask(desk, "timeline today by hour")
    labels = column(table_of(report), "label")
    assert labels[0] == "29 Mar 18h"
    assert "Hours are those of America/New_York" in str(report.blocks)
    assert report.period is not None
    assert report.period.zone == "Europe/Berlin"
    assert table_of(report).total == table_of(ask(desk, "timeline today by hour", MEMBER)).total


def test_advice_uses_the_workspaces_margin(desk: Desk) -> None:
    ask(desk, "preferences set margin=5")
    with reading(desk.engine) as connection:
        workspace = find_workspace(connection, None)
        reader = Reader(connection, workspace, Catalog.load(connection, workspace.id))
        assert margin_of(reader) == 5
