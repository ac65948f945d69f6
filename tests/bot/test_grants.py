"""Grants by line: who may add and remove them, what is said, what lands in the audit."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from analytics.errors import UserError
from analytics.report import Note, Report
from storage.engine import reading
from storage.events import MICRO
from storage.grants import list_grants
from storage.timekeys import day_number
from tests.analytics.spending import spend
from tests.analytics.world import World, column, table_of, total_of
from tests.cast import event


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """A workspace with a little usage."""
    world = World(sqlite_engine)
    world.write([event()])
    return world


def notes(report: Report) -> str:
    return " ".join(block.text for block in report.blocks if isinstance(block, Note))


def audited(world: World) -> list[tuple[str, ...]]:
    with reading(world.engine) as connection:
        rows = connection.execute(sa.text("SELECT action, object, before, after FROM audit"))
        return [tuple(row) for row in rows]


def test_a_plan_and_a_pack_are_added_and_listed(world: World) -> None:
    plan = world.ask("grants add plan 15000 monthly from 2026-01-10")
    pack = world.ask('grants add pack 5k expires 2026-06-30 name="Spring pack"')
    assert plan.headline == "Team Plan: 15,000 credits a month from Jan 2026 on."
    assert pack.headline == "Spring pack: 5,000 credits from 30 Mar 2026 until 30 Jun 2026."
    table = table_of(world.ask("grants list"))
    assert column(table, "grant") == ["Team Plan", "Spring pack"]
    assert column(table, "valid") == ["monthly", "until 30 Jun 2026"]
    assert column(table, "remaining") == [14_998 * MICRO, 5_000 * MICRO]
    assert total_of(table, "remaining") == 19_998 * MICRO


def test_the_day_a_pack_expires_is_its_last(world: World) -> None:
    world.ask("grants add pack 5 expires 2026-06-30")
    with reading(world.engine) as connection:
        [pack] = list_grants(connection, world.workspace.id)
    assert pack.end_day == day_number(date(2026, 7, 1))


def test_a_plan_takes_the_place_of_the_one_of_its_name(world: World) -> None:
    world.ask("grants add plan 100 from 2026-01-01")
    world.ask('grants add plan 200 name="team plan"')
    table = table_of(world.ask("grants list"))
    assert column(table, "valid") == ["ended 28 Feb 2026", "monthly"]
    assert total_of(table, "given") == 200 * MICRO


def test_packs_that_are_over_or_to_come_are_told_apart(world: World) -> None:
    spend(world, {date(2026, 2, 3): 30})
    world.ask("grants add pack 50 from 2026-02-01 expires 2026-02-28 name=Old")
    world.ask("grants add pack 60 from 2026-04-01 name=New")
    report = world.ask("grants list")
    assert column(table_of(report), "valid") == ["expired 28 Feb 2026", "from 1 Apr 2026"]
    assert "Lost when they expired: Old 20." in notes(report)
    assert "No grant pays 2 credits of this month." in notes(report)
    assert report.headline == "0 credits remaining"


def test_a_pack_without_an_end_stays(world: World) -> None:
    world.ask("grants add pack 50")
    assert column(table_of(world.ask("grants list")), "valid") == ["always"]


def test_a_grant_is_removed_by_its_id(world: World) -> None:
    world.ask("grants add pack 5000")
    assert world.ask("grants remove 1").headline == (
        "Removed: Credit Pack: 5,000 credits from 30 Mar 2026 on."
    )
    assert "No plan or pack is known yet" in world.ask("grants list").headline
    with pytest.raises(UserError, match=r"There is no grant 1\. None is known yet\."):
        world.ask("grants remove 1")


def test_changes_are_audited_and_what_fails_is_not(world: World) -> None:
    world.ask("grants add pack 5")
    with pytest.raises(UserError, match="There is no grant 7"):
        world.ask("grants remove 7")
    world.ask("grants remove 1")
    words = "Credit Pack: 5 credits from 30 Mar 2026 on"
    assert audited(world) == [
        ("grants add", "grant 1", None, words),
        ("grants remove", "grant 1", words, None),
    ]


@pytest.mark.parametrize(
    ("line", "quoted", "help_"),
    [
        ("grants add plan lots", "lots", "20000"),
        ("grants add plan", "needs credits", "grants add plan 15000"),
        ("grants add plan 100 yearly", "yearly", "`monthly`"),
        ("grants add pack 100 expires soon", "soon", "2026-06-30"),
        ("grants add pack 100 expires 2026-03-01", "2026-03-01", "later day"),
        ("grants add pack 100 expires 9999-12-31", "9999-12-31", "2099"),
        ("grants add pack 100 priority=ten", "ten", "priority=1"),
        ("grants remove team", "team", "`grants list`"),
        ("grants remove", "needs grant: ID", "grants remove 1"),
        ("grants", "'grants'", "`grants add plan`"),
    ],
)
def test_a_mistake_is_quoted_and_helped(world: World, line: str, quoted: str, help_: str) -> None:
    with pytest.raises(UserError) as caught:
        world.ask(line)
    assert quoted in f"{caught.value.message} {caught.value.hint}"
    assert help_ in caught.value.hint


@pytest.mark.parametrize("line", ["grants add plan 5", "grants add pack 5", "grants remove 1"])
def test_only_admins_change_grants(world: World, line: str) -> None:
    from bot.registry import run

    with world.context(role="lead", may_change=True) as ctx, pytest.raises(UserError) as caught:
        run(line, ctx)
    assert "for admins" in caught.value.message
