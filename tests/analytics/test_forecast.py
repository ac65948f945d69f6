"""The forecast of a month: never a bare point, honest in the first days, walls kept."""

from __future__ import annotations

from datetime import date, datetime

import pytest
import sqlalchemy as sa

from analytics.report import Fact, Facts, Note, Report
from bot.registry import run
from storage.budgets import set_budget
from storage.engine import writing
from storage.events import MICRO
from tests.analytics.spending import march, noon, rhythm, spend
from tests.analytics.world import World, column, table_of
from tests.cast import NOW, event

EVENING = datetime.fromisoformat("2026-03-24T18:00:00+01:00")


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """A workspace that used 15,230 credits up to the evening of 24 March."""
    world = World(sqlite_engine)
    march(world)
    return world


def notes(report: Report) -> str:
    return " ".join(block.text for block in report.blocks if isinstance(block, Note))


def facts(report: Report) -> dict[str, Fact]:
    found = (block for block in report.blocks if isinstance(block, Facts))
    return {fact.key: fact for block in found for fact in block.facts}


def test_the_month_ends_somewhere_in_a_range(world: World) -> None:
    report = world.ask("forecast", now=EVENING)
    assert report.title == "March 2026 Forecast"
    assert report.headline.startswith("Month end about 19,500 (80% range 1")
    assert facts(report)["n"].value == "180 complete days"
    assert "status" not in facts(report)


def test_a_budget_gives_it_a_state(world: World) -> None:
    with writing(world.engine) as connection:
        key = world.labels.department_id("Platform")
        scopes = (("workspace", 0, 19_400), ("department", key, 20_000))
        for scope, target, credits in scopes:
            set_budget(
                connection,
                world.workspace.id,
                scope=scope,  # type: ignore[arg-type]  # one of the kinds
                target_id=target,
                period="monthly",
                amount=credits * MICRO,
                now=NOW,
            )
    report = world.ask("forecast", now=EVENING)
    assert report.headline.startswith("At risk, likely over: about 19,500 (")
    assert column(table_of(report), "status") == ["At risk", "On track", None]
    chances = column(table_of(report), "chance")
    assert chances[2] is None
    assert 50 < int(str(chances[0]).rstrip("%")) < 90


def test_parts_have_projections_of_their_own(world: World) -> None:
    growth = rhythm(date(2026, 2, 1), date(2026, 3, 24))
    spend(world, growth, department="Growth", project="Beta")
    report = world.ask("forecast", now=EVENING)
    table = table_of(report)
    assert column(table, "scope") == ["Workspace", "Platform", "Growth", "Atlas", "Beta"]
    assert table.total is None
    assert "they do not add up" in notes(report)
    alone = world.ask("forecast department=Growth", now=EVENING)
    assert alone.title == "March 2026 Forecast: Growth"
    assert table_of(alone).rows[0] == table.rows[2]


def test_a_part_that_has_hardly_been_used_has_only_a_range(world: World) -> None:
    spend(world, {date(2026, 3, 20): 50}, department="Growth")
    report = world.ask("forecast", now=EVENING)
    at = column(table_of(report), "scope").index("Growth")
    assert column(table_of(report), "projected")[at] is None
    assert "Without a forecast: usage on too few days" in notes(report)


@pytest.mark.parametrize(
    ("days", "headline"),
    [
        (1, "Too early to say: day 2. 80% range "),
        (4, "Too early to say: day 5. 80% range "),
        (12, "Month end about 3,100 (80% range "),
    ],
)
def test_without_history_it_says_how_little_is_known(
    sqlite_engine: sa.Engine, days: int, headline: str
) -> None:
    world = World(sqlite_engine)
    spend(world, {date(2026, 3, day): 100 for day in range(1, days + 1)})
    report = world.ask("forecast", now=noon(world, date(2026, 3, days + 1)))
    assert report.headline.startswith(headline)
    assert "from this month alone" in report.headline


def test_usage_that_has_stopped_is_said(world: World) -> None:
    spend(world, {date(2026, 3, 24): 0}, department="Growth")
    later = noon(world, date(2026, 4, 20))
    spend(world, {date(2026, 4, day): 1 for day in range(1, 20)})
    assert "Usage fell sharply" in world.ask("forecast", now=later).headline


def test_all_zero_is_no_nan(sqlite_engine: sa.Engine) -> None:
    world = World(sqlite_engine)
    spend(world, dict.fromkeys(rhythm(date(2026, 1, 1), date(2026, 3, 20)), 0))
    report = world.ask("forecast", now=noon(world, date(2026, 3, 20)))
    assert "nan" not in str(report).casefold()
    assert report.headline.startswith("Too early to say: usage on 0 days.")


def test_nothing_known_is_said(sqlite_engine: sa.Engine) -> None:
    world = World(sqlite_engine)
    assert world.ask("forecast").headline == "No usage has come in yet."
    world.write([event()])
    assert world.ask("forecast").headline == "Too early to say: no complete day yet."


def test_behind_walls_small_groups_have_no_row(world: World) -> None:
    with world.context(role="member", walls="admins", now=EVENING) as ctx:
        assert column(table_of(run("forecast", ctx)), "scope") == ["Workspace"]
