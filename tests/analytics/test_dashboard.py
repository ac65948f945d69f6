"""A month at a glance: tiles, burn-up, short lists, and months with little to say."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from analytics.errors import UserError
from analytics.figures import DashboardFigure
from analytics.report import Note, Report
from bot.registry import run
from storage.budgets import set_budget
from storage.engine import writing
from storage.events import UsageEvent
from storage.timekeys import to_micros
from tests.analytics.world import World
from tests.cast import NOW, event


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """An empty workspace in Berlin."""
    return World(sqlite_engine)


def used(count: int, days: float, **more: object) -> list[UsageEvent]:
    """Prompts some days before NOW."""
    at = to_micros(NOW - timedelta(days=days))
    return [event(ts=at - n, **more) for n in range(count)]


def two_months(world: World) -> None:
    """Two prompts a day in February, three in March, by five models and six people."""
    models = ("gpt-4o", "o3-mini", "gpt-4-turbo", "claude-3-haiku", "llama-3.3-70b")
    for ago in range(1, 58):
        count = 3 if ago < 30 else 2
        world.write(used(count, ago, model=models[ago % 5], person=f"p{ago % 6}@x.io"))


def limited(world: World, amount: int) -> None:
    """A monthly budget of the workspace."""
    with writing(world.engine) as connection:
        set_budget(
            connection,
            1,
            scope="workspace",
            target_id=0,
            period="monthly",
            amount=amount * 1_000_000,
            now=NOW,
        )


def picture(report: Report) -> DashboardFigure:
    """Its figure."""
    assert isinstance(report.figure, DashboardFigure)
    return report.figure


def tiles(report: Report) -> dict[str, tuple[str, str]]:
    """Value and note of each tile."""
    return {tile.label: (tile.value, tile.note) for tile in picture(report).tiles}


def test_a_running_month_shows_its_forecast_with_its_range(world: World) -> None:
    two_months(world)
    limited(world, 500)
    found = tiles(world.ask("dashboard"))
    assert list(found) == ["Used", "Forecast", "Prompts", "Per prompt", "Typical wait"]
    assert found["Used"][1].endswith("% of 500")
    assert found["Forecast"][0].startswith("~")
    assert found["Forecast"][1].startswith("80% ")
    assert found["Prompts"] == ("87", "▲ 55% on Feb")
    assert found["Typical wait"] == ("1.5 s", "p95 1.5 s")


def test_a_month_that_is_over_stands_beside_the_one_before(world: World) -> None:
    two_months(world)
    world.write(used(1, 80))
    report = world.ask("dashboard february")
    assert report.headline == f"{tiles(report)['Used'][0]} credits used in February 2026"
    assert "Change" in tiles(report)
    assert picture(report).subtitle == "1–28 Feb 2026"


def test_a_change_is_of_models_that_have_a_price_on_both_sides(world: World) -> None:
    two_months(world)
    before = tiles(world.ask("dashboard"))["Used"]
    world.write([*used(5, 3, model="house-model"), *used(1, 40, model="house-model")])
    assert tiles(world.ask("dashboard"))["Used"] == before
    assert before[1].endswith("% on Feb")


def test_the_point_never_stands_alone_while_data_are_thin(world: World) -> None:
    world.write([*used(2, 3), *used(3, 2), *used(1, 1)])
    value, note = tiles(world.ask("dashboard"))["Forecast"]
    assert "–" in value
    assert note == "80% range"


def test_short_lists_hold_the_whole_month(world: World) -> None:
    two_months(world)
    report = world.ask("dashboard")
    sums = set()
    for chosen in picture(report).lists:
        rest = chosen.others.credits if chosen.others else 0
        sums.add(sum(row.credits for row in chosen.rows) + rest)
    assert len(sums) == 1
    assert picture(report).lists[0].rows[0].family == "ChatGPT"


def test_people_are_not_shown_where_they_may_not_be_seen(world: World) -> None:
    two_months(world)
    with world.context(role="member", walls="admins") as ctx:
        report = run("dashboard", ctx)
    assert [chosen.heading for chosen in picture(report).lists] == ["Top models"]
    assert "x.io" not in str(report)
    assert "by-user" not in str(report)


def test_a_month_without_usage_and_one_to_come(world: World) -> None:
    assert world.ask("dashboard").headline == "No usage has come in yet."
    world.write(used(1, 2))
    assert world.ask("dashboard 2024-02").headline == "No usage in 1–29 Feb 2024."
    with pytest.raises(UserError, match="future"):
        world.ask("dashboard 2027-01")
    with pytest.raises(UserError, match="not one month"):
        world.ask("dashboard last 7d")


def test_one_prompt_and_nothing_but_failures_are_answered(world: World) -> None:
    world.write(used(1, 0, latency_ms=None))
    report = world.ask("dashboard")
    assert tiles(report)["Forecast"] == ("–", "no complete day yet")
    assert "Typical wait" not in tiles(report)
    world.write(used(3, 2, ok=False))
    assert world.ask("dashboard").headline.startswith("2 credits used.")


def test_without_any_price_credits_are_not_known(world: World) -> None:
    world.write(used(2, 2, model="house-model"))
    report = world.ask("dashboard")
    assert report.headline == "Credits not known"
    assert tiles(report)["Used"][0] == tiles(report)["Per prompt"][0] == "–"


def test_thousands_of_people_and_sixty_models_are_four_rows_each(world: World) -> None:
    for number in range(60):
        model, people = f"m-{number}", range(number * 20, number * 20 + 20)
        world.write([one for p in people for one in used(1, 2, model=model, person=f"p{p}@x.io")])
    world.write(used(1, 2))
    report = world.ask("dashboard")
    assert [len(chosen.rows) for chosen in picture(report).lists] == [4, 4]
    rests = [chosen.others.name for chosen in picture(report).lists if chosen.others]
    assert rests == ["57 others", "1,197 others"]
    assert any(isinstance(block, Note) for block in report.blocks)
