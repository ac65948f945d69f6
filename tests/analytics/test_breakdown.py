"""Breakdowns by label, family and tier: rows, names, what is unknown, what must be folded."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from analytics.figures import ModelFigure, PersonFigure, SplitFigure, TierFigure
from analytics.report import Actions, Note, Report
from storage.catalog import set_multiplier
from storage.engine import writing
from storage.events import UsageEvent
from storage.timekeys import to_micros
from tests.analytics.world import World, column, table_of, total_of
from tests.cast import NOW, event

GROUPS = ("by-family", "by-tier", "by-project", "by-department", "by-task")


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """An empty workspace in Berlin."""
    return World(sqlite_engine)


def used(count: int, days: float = 1, **more: object) -> list[UsageEvent]:
    """Prompts some days before NOW."""
    at = to_micros(NOW - timedelta(days=days))
    return [event(ts=at - n, **more) for n in range(count)]


def asked(report: Report) -> list[str]:
    """The lines of all buttons."""
    rows = (block for block in report.blocks if isinstance(block, Actions))
    return [button.line for row in rows for button in row.buttons if button.verb == "ask"]


def notes(report: Report) -> str:
    """All notes, one text."""
    return " ".join(block.text for block in report.blocks if isinstance(block, Note))


# ---- rows


def test_usage_without_a_project_is_a_row_of_its_own(world: World) -> None:
    world.write([*used(2, project="Atlas"), *used(3, project=None)])
    report = world.ask("by-project last 7d")
    table = table_of(report)
    assert column(table, "project") == ["(no project)", "Atlas"]
    assert column(table, "share") == [60, 40]
    assert report.headline == "10 credits on 1 project; Atlas takes 40%"


def test_without_any_label_the_answer_says_so(world: World) -> None:
    world.write(used(2, department=None))
    report = world.ask("by-department last 7d")
    assert report.headline == "4 credits, none with a department"
    assert column(table_of(report), "department") == ["(no department)"]


def test_the_uncategorised_share_of_tasks_is_always_said(world: World) -> None:
    world.write([*used(3, task="coding"), *used(1, task=None)])
    assert "; 25% uncategorised" in world.ask("by-task last 7d").headline


def test_a_row_says_what_its_group_asked_and_how_it_changed(world: World) -> None:
    world.write(used(1, days=20))
    world.write([*used(4, days=9, task="coding"), *used(1, task="coding", model="o3-mini")])
    world.write(used(2, task="coding"))
    table = table_of(world.ask("by-task last 7d"))
    assert column(table, "prompts") == [3]
    assert column(table, "top_model") == ["GPT-4o"]
    assert column(table, "credits_per_prompt") == [1_666_667]
    assert column(table, "change") == [pytest.approx(5 / 8 - 1)]


def test_a_group_of_models_without_a_price_has_no_change(world: World) -> None:
    world.write(used(1, days=20))
    world.write([*used(1, days=9), *used(1, days=9, project="New", model="house-model")])
    world.write([*used(2), *used(1, project="New", model="house-model")])
    table = table_of(world.ask("by-project last 7d"))
    assert column(table, "credits") == [4_000_000, None]
    assert column(table, "change") == [pytest.approx(1.0), None]


def test_a_model_that_got_its_price_since_is_no_rise(world: World) -> None:
    world.write(used(1, days=20))
    world.write([*used(1, days=9), *used(5, days=9, model="house-model")])
    with writing(world.engine) as connection:
        key, since = world.labels.model_id("house-model"), to_micros(NOW - timedelta(days=8))
        set_multiplier(connection, 1, key, multiplier=1_000_000, valid_from=since)
    world.write([*used(2), *used(5, model="house-model")])
    table = table_of(world.ask("by-project last 7d"))
    assert column(table, "credits") == [9_000_000]
    assert column(table, "change") == [pytest.approx(1.0)]


def test_others_hold_what_a_limit_hides(world: World) -> None:
    for number in range(5):
        world.write(used(number + 1, project=f"P{number}"))
    table = table_of(world.ask("by-project last 7d limit=2"))
    assert column(table, "project") == ["P4", "P3", "3 others"]
    assert column(table, "credits") == [10_000_000, 8_000_000, 12_000_000]
    assert total_of(table, "credits") == 30_000_000


# ---- tiers and families


def test_tiers_name_the_multipliers_that_were_used(world: World) -> None:
    world.write([*used(2), *used(1, model="claude-3.7-sonnet"), *used(3, model="claude-3-haiku")])
    table = table_of(world.ask("by-tier last 7d"))
    assert column(table, "tier") == ["Premium (2x-2.5x)", "Economy (0.5x)"]
    assert column(table, "prompt_share") == [50, 50]


def test_a_tier_is_that_of_the_time_of_the_prompt(world: World) -> None:
    world.write(
        [one for day in range(1, 15) for one in used(1, days=day, cost_nano=1, currency="USD")]
    )
    with writing(world.engine) as connection:
        key, since = world.labels.model_id("gpt-4o"), to_micros(NOW - timedelta(days=7))
        set_multiplier(connection, 1, key, multiplier=500_000, valid_from=since)
    table = table_of(world.ask("by-tier last 15d"))
    assert column(table, "tier") == ["Economy (0.5x)", "Premium (2x)"]
    assert column(table, "prompts") == column(table, "cost") == [7, 7]
    world.write(used(1, days=10, model="claude-3-haiku"))
    narrowed = table_of(world.ask("by-tier last 15d tier=economy"))
    assert column(narrowed, "tier") == ["Economy (0.5x)"]
    assert column(narrowed, "prompts") == [8]


def test_a_price_that_changes_today_splits_the_hours(world: World) -> None:
    world.write(used(1, days=5))
    world.write([*used(1, days=1.2), *used(3, days=0.2)])
    with writing(world.engine) as connection:
        key, since = world.labels.model_id("gpt-4o"), to_micros(NOW - timedelta(hours=9))
        set_multiplier(connection, 1, key, multiplier=500_000, valid_from=since)
    table = table_of(world.ask("by-tier today"))
    assert column(table, "change") == ["new"]


def test_what_has_no_price_is_of_unknown_tier(world: World) -> None:
    world.write([*used(1), *used(1, model="house-model")])
    table = table_of(world.ask("by-tier last 7d"))
    assert column(table, "tier") == ["Premium (2x)", "Unknown (no price)"]
    assert column(table, "credits") == [2_000_000, None]


def test_costs_of_a_family_are_those_of_its_models(world: World) -> None:
    for model in ("gpt-4o", "gpt-4-turbo", "claude-3-haiku"):
        world.write(used(1, model=model, cost_nano=5, currency="USD"))
    table = table_of(world.ask("by-family last 7d"))
    assert dict(zip(column(table, "family"), column(table, "cost"), strict=True)) == {
        "ChatGPT": 10,
        "Claude": 5,
    }


# ---- pictures


def test_each_breakdown_has_the_picture_that_fits(world: World) -> None:
    world.write([*used(2), *used(1, model="claude-3-haiku", task=None)])
    kinds = {line: type(world.ask(f"{line} last 7d").figure) for line in GROUPS}
    assert kinds == {
        "by-family": ModelFigure,
        "by-tier": TierFigure,
        "by-project": PersonFigure,
        "by-department": PersonFigure,
        "by-task": SplitFigure,
    }


def test_the_bars_of_tasks_are_split_by_tier_to_the_last_credit(world: World) -> None:
    for number in range(6):
        world.write(used(number + 1, task=f"T{number}"))
        world.write(used(1, task=f"T{number}", model="claude-3-haiku"))
    figure = world.ask("by-task last 7d limit=3").figure
    assert isinstance(figure, SplitFigure)
    assert figure.tiers == ("premium", "economy")
    assert [row.name for row in figure.rows] == ["T5", "T4", "T3", "3 others"]
    assert figure.rows[-1].parts == (12_000_000, 1_500_000)
    assert all(sum(row.parts) == row.credits for row in figure.rows)


def test_a_limit_leaves_no_tier_out_of_the_picture(world: World) -> None:
    for model in ("gpt-4o", "o3-mini", "claude-3-haiku", "house-model"):
        world.write(used(1, model=model))
    figure = world.ask("by-tier last 7d limit=1").figure
    assert isinstance(figure, TierFigure)
    assert [part.tier for part in figure.tiers] == ["premium", "standard", "economy", "unknown"]
    assert sum(part.share for part in figure.tiers) == 100
    assert sum(part.prompt_share for part in figure.tiers) == 100


def test_a_single_bar_that_is_left_over_is_shown_itself(world: World) -> None:
    for number in range(13):
        world.write(used(number + 1, project=f"P{number}"))
    figure = world.ask("by-project last 7d").figure
    assert isinstance(figure, PersonFigure)
    assert (len(figure.people), figure.others) == (13, None)
    world.write(used(1, project="P13"))
    figure = world.ask("by-project last 7d").figure
    assert isinstance(figure, PersonFigure)
    assert (len(figure.people), figure.others and figure.others.name) == (12, "2 others")


# ---- one click further


def test_rows_lead_to_what_is_behind_them(world: World) -> None:
    world.write([*used(2, project="Big one"), *used(1, project=None)])
    lines = {line: asked(world.ask(f"{line} last 7d model=gpt-4o"))[0] for line in GROUPS}
    assert lines == {
        "by-family": "by-model last 7d model=GPT-4o family=ChatGPT",
        "by-tier": "by-model last 7d model=GPT-4o tier=premium",
        "by-project": 'by-user last 7d model=GPT-4o project="Big one"',
        "by-department": "by-user last 7d model=GPT-4o department=Platform",
        "by-task": "by-user last 7d model=GPT-4o task=coding",
    }
    assert [world.ask(line).line for line in lines.values()] == list(lines.values())


def test_people_are_not_offered_where_they_are_not_kept(world: World) -> None:
    world.write([*used(1, days=60), *used(1)])
    assert asked(world.ask("by-project last 60d"))[0] == "by-model last 60d project=Atlas"


def test_a_person_leads_to_models_a_model_to_people_a_day_to_hours(world: World) -> None:
    world.write(used(3))
    assert asked(world.ask("by-user last 7d"))[0] == "by-model last 7d person=alice@example.com"
    assert asked(world.ask("by-model last 7d"))[0] == "by-user last 7d model=GPT-4o"
    assert asked(world.ask("timeline last 7d"))[0] == "timeline 2026-03-29 by hour"
    weeks = asked(world.ask("timeline last 8 weeks by week"))
    assert weeks[0] == "timeline 2026-03-23..2026-03-29 by day"


def test_a_name_that_two_people_share_gets_no_button(world: World) -> None:
    for mail in ("bob@x.io", "rob@x.io", "eve@x.io"):
        world.write(used(1, person=mail))
    with writing(world.engine) as connection:
        connection.execute(sa.text("UPDATE person SET name = 'Bob' WHERE name <> 'eve@x.io'"))
    lines = [line for line in asked(world.ask("by-user last 7d")) if "person" in line]
    assert lines == ["by-model last 7d person=eve@x.io"]


def test_a_name_that_is_another_persons_login_gets_no_button(world: World) -> None:
    for mail in ("bob@x.io", "rob@x.io"):
        world.write(used(1, person=mail))
    with writing(world.engine) as connection:
        connection.execute(sa.text("UPDATE person SET name = 'rob@x.io' WHERE name = 'bob@x.io'"))
        connection.execute(sa.text("UPDATE person SET name = 'Rob' WHERE id = 2"))
    lines = [line for line in asked(world.ask("by-user last 7d")) if "person" in line]
    assert lines == ["by-model last 7d person=Rob"]


# ---- bad input


@pytest.mark.parametrize("line", GROUPS)
def test_an_empty_range_is_answered(world: World, line: str) -> None:
    assert world.ask(f"{line} last 7d").headline == "No usage has come in yet."
    world.write(used(1))
    assert world.ask(f"{line} 2026-02").headline == "No usage in 1–28 Feb 2026."


@pytest.mark.parametrize("line", GROUPS)
def test_nothing_but_zero_is_answered(world: World, line: str) -> None:
    world.write(used(3, ok=False))
    report = world.ask(f"{line} last 7d")
    assert report.headline.startswith("0 credits")
    assert set(column(table_of(report), "share")) == {0}


@pytest.mark.parametrize("line", GROUPS)
def test_sixty_models_are_answered(world: World, line: str) -> None:
    for number in range(60):
        world.write(used(1, model=f"m-{number}", project=f"P{number}", task=f"T{number}"))
    world.write(used(1))
    report = world.ask(f"{line} last 7d")
    assert report.headline.startswith("2 credits")
    assert len(table_of(report).rows) <= 21
