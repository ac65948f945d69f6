"""What answers say: changes, peaks, averages, what is known and what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from analytics.figures import PersonFigure, TimelineFigure
from analytics.report import (
    Fact,
    Facts,
    Note,
    Report,
    Table,
    Tree,
)
from storage.catalog import set_multiplier
from storage.engine import writing
from storage.events import Granularity, Route, UsageEvent
from storage.ledger import Origin
from storage.timekeys import DAY_US, to_micros
from storage.workspaces import create_workspace
from tests.analytics.world import World, column, table_of, total_of
from tests.cast import NOW, ZONE, event


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """An empty workspace in Berlin."""
    return World(sqlite_engine)


def used(count: int, ago: timedelta, **more: object) -> list[UsageEvent]:
    """Prompts some time before NOW."""
    return [event(ts=to_micros(NOW - ago) - n, **more) for n in range(count)]


def days(count: float) -> timedelta:
    """That many days."""
    return timedelta(days=count)


def notes(report: Report) -> str:
    """All notes, one text."""
    return " ".join(block.text for block in report.blocks if isinstance(block, Note))


def facts(report: Report) -> dict[str, Fact]:
    """Facts by key."""
    found = (block for block in report.blocks if isinstance(block, Facts))
    return {fact.key: fact for block in found for fact in block.facts}


# ---- changes


def test_what_is_not_used_any_more_pulls_the_total_down(world: World) -> None:
    world.write(used(1, days(20)))  # so that the time before is known
    world.write([*used(10, days(10)), *used(1, days(10), model="o3-mini")])
    world.write(used(1, days(3), model="o3-mini"))
    by_model, over_time = world.ask("by-model last 7d"), world.ask("timeline last 7d")
    assert total_of(table_of(by_model), "change") == pytest.approx(1 / 21 - 1)
    assert "▼ 95% on the 6 days before (21)." in notes(by_model)
    assert "Biggest change: GPT-4o −20." in notes(by_model)
    assert "▼ 95% on the 6 days before (21)." in notes(over_time)


def test_a_family_falls_with_the_models_it_lost(world: World) -> None:
    world.write(used(1, days(20)))
    world.write([*used(3, days(10)), *used(2, days(10), model="o3-mini")])
    world.write(used(2, days(3), model="o3-mini"))
    [family] = table_of(world.ask("by-model last 7d")).groups
    assert family.subtotal[-1] == pytest.approx(2 / 8 - 1)


def test_nothing_is_compared_with_a_time_before_the_first_usage(world: World) -> None:
    world.write([*used(3, days(8)), *used(1, days(2))])
    report = world.ask("by-model last 7d")
    assert column(table_of(report), "change") == [None]
    assert "before" not in notes(report)


def test_a_model_without_a_price_then_has_no_change(world: World) -> None:
    world.write(used(1, days(20)))
    world.write(used(5, days(10), model="house-model"))
    with writing(world.engine) as connection:
        key = world.labels.model_id("house-model")
        since = to_micros(NOW - days(8))
        set_multiplier(connection, 1, key, multiplier=1_000_000, valid_from=since)
    world.write(used(5, days(3), model="house-model"))
    assert column(table_of(world.ask("by-model last 7d")), "change") == [None]


def test_today_compares_the_same_hours_of_yesterday(world: World) -> None:
    world.write(used(1, days(5)))
    world.write([*used(4, timedelta(hours=26)), *used(8, timedelta(hours=20))])
    world.write(used(2, timedelta(hours=2)))
    report = world.ask("by-model today")
    assert "▼ 50% on the same hours yesterday (8)." in notes(report)
    assert "Today is partial" not in notes(report)


@pytest.mark.parametrize(
    ("line", "left_out"), [("by-user last 7d", "today"), ("by-user today", "this hour")]
)
def test_what_still_runs_stands_apart_from_what_is_compared(
    world: World, line: str, left_out: str
) -> None:
    now = [*used(3, timedelta(minutes=2)), *used(1, timedelta(hours=2))]
    world.write(
        [*now, *used(4, days(3)), *used(2, days(9)), *used(1, days(1.1)), *used(1, days(20))]
    )
    report = world.ask(line)
    assert isinstance(report.figure, PersonFigure)
    (bar,) = report.figure.people
    assert bar.compared is not None
    assert bar.previous
    assert bar.change == bar.compared / bar.previous - 1
    assert bar.credits - bar.compared == (8 if left_out == "today" else 6) * 1_000_000
    assert report.figure.subtitle.endswith(f"; pale = {left_out}, not compared")
    assert f"Without {left_out}: {bar.compared // 1_000_000} credits, " in notes(report)


def test_a_range_that_is_over_is_compared_whole(world: World) -> None:
    world.write([*used(3, days(2)), *used(2, days(3))])
    report = world.ask("by-user yesterday", now=NOW - days(1))
    assert isinstance(report.figure, PersonFigure)
    assert [bar.compared for bar in report.figure.people] == [6_000_000]
    assert report.figure.subtitle.endswith("Tick = the day before")
    assert "Without" not in notes(report)


def test_the_day_after_a_clock_change_compares_the_same_wall_clock(world: World) -> None:
    morning = datetime(2026, 3, 29, 10, 5, tzinfo=ZoneInfo(ZONE))
    world.write([event(ts=to_micros(morning - days(4)))])
    yesterday = datetime(2026, 3, 28, 9, 30, tzinfo=ZoneInfo(ZONE))
    world.write([event(ts=to_micros(moment)) for moment in (yesterday, morning - days(0.1))])
    report = world.ask("by-model today", now=morning)
    assert "0% on the same hours yesterday (2)." in notes(report)


# ---- tiers


def test_a_tier_follows_a_price_that_changes_inside_a_day(world: World) -> None:
    world.write([one for day in range(1, 15) for one in used(1, days(day))])
    with writing(world.engine) as connection:
        key = world.labels.model_id("gpt-4o")
        since = to_micros(NOW - days(7))
        set_multiplier(connection, 1, key, multiplier=500_000, valid_from=since)
    lines = [f"by-model last 15d tier={tier}" for tier in ("premium", "economy")]
    parts = [total_of(table_of(world.ask(line)), "prompts") for line in lines]
    assert parts == [7, 7]


# ---- over time


def test_averages_are_over_days_that_are_known(world: World) -> None:
    for ago in range(1, 10):
        moment = (NOW - days(ago)).replace(hour=11)
        world.write([event(ts=to_micros(moment)) for _ in range(ago)])
    found = facts(world.ask("timeline last 30d"))
    assert found["average"].value == 2_000_000 * 45 // 9
    assert found["peak_hour"].note == "average 10 credits/hour"
    assert found["peak_hour"].value == "11 AM-12 PM"
    assert (found["peak_day"].value, found["peak_day"].note) == ("March 21", "18 credits")


def test_the_running_hour_is_no_peak(world: World) -> None:
    world.write([*used(1, days(3)), *used(1, timedelta(hours=3)), *used(9, timedelta(minutes=1))])
    report = world.ask("timeline today")
    assert "peak 30 Mar 11h (2)" in report.headline
    assert facts(report)["peak_hour"].value == "11 AM-12 PM"


def test_the_busiest_weekdays_are_above_the_average_day(world: World) -> None:
    for ago in range(1, 29):
        moment = NOW - days(ago)
        world.write(used(9 if moment.weekday() in (1, 2, 3) else 1, days(ago)))
    found = facts(world.ask("timeline last 28d"))
    assert found["busiest_weekdays"].value == "Tuesday, Wednesday, Thursday"


def test_days_before_the_first_usage_are_unknown_and_quiet_days_are_zero(world: World) -> None:
    world.write([*used(1, days(5)), *used(1, days(3))])
    figure = world.ask("timeline last 7d").figure
    assert isinstance(figure, TimelineFigure)
    assert [bar.credits for bar in figure.bars] == [None, 2_000_000, 0, 2_000_000, 0, 0, 0]
    assert [bar.partial for bar in figure.bars] == [False] * 6 + [True]


def test_buckets_that_are_cut_are_marked_and_out_of_the_average(world: World) -> None:
    world.write([one for day in range(60) for one in used(1, days(day))])
    report = world.ask("timeline last 4 weeks by week")
    complete = column(table_of(report), "complete")
    assert complete == ["no", "yes", "yes", "yes", "no"]
    assert facts(report)["average"].value == 14_000_000
    assert "Week 1" in [bar.label for bar in report.figure.bars]  # type: ignore[union-attr]  # a timeline


def test_a_grain_that_is_too_fine_is_coarsened_with_a_note(world: World) -> None:
    world.write([*used(1, days(300)), *used(1, days(1))])
    report = world.ask("timeline last 300d by hour")
    assert "By hour would be too fine" in notes(report)
    assert len(table_of(report).rows) == 300


def test_usage_after_now_is_in_the_total_and_in_the_hours(world: World) -> None:
    world.write([*used(1, days(4)), *used(1, timedelta(hours=5)), *used(1, timedelta(hours=1))])
    report = world.ask("timeline today", now=NOW - timedelta(hours=3))
    assert total_of(table_of(report), "credits") == 4_000_000
    assert "have no hour" not in notes(report)
    assert report.data_to == NOW - timedelta(hours=3)


def test_a_day_row_has_no_hour_and_its_own_date_in_every_zone(sqlite_engine: sa.Engine) -> None:
    with writing(sqlite_engine) as connection:
        create_workspace(connection, "new york", zone="America/New_York", now=NOW)
    world = World(sqlite_engine, "new york")
    day = to_micros(NOW) // DAY_US * DAY_US - 5 * DAY_US
    row = event(ts=day, ok=None, latency_ms=None, prompts=40)
    world.write_days([replace(row, granularity=Granularity.DAY)])
    report = world.ask("timeline last 7d")
    assert report.data_to is not None
    assert report.data_to.strftime("%d %H:%M") == "26 00:00"  # the end of its day
    figure = report.figure
    assert isinstance(figure, TimelineFigure)
    assert [bar.credits for bar in figure.bars][:2] == [None, 80_000_000]


# ---- what is not known


def test_without_any_price_credits_are_not_known(world: World) -> None:
    world.write(used(2, days(1), model="house-model"))
    for line in ("by-model last 7d", "by-user last 7d", "timeline last 7d", ""):
        report = world.ask(line)
        assert report.headline.startswith("Credits not known"), line
        assert "0 credits" not in report.headline
    assert total_of(table_of(world.ask("by-model last 7d")), "credits") is None
    assert "peak_day" not in facts(world.ask("timeline last 7d"))


def test_credits_a_prompt_need_rows_that_are_single_prompts(world: World) -> None:
    world.write(used(1, days(1)))
    world.write([event(ts=to_micros(NOW - days(1)), model="house-model")])
    assert column(table_of(world.ask("by-user last 7d")), "credits_per_prompt") == [2_000_000]
    day = to_micros(NOW) // DAY_US * DAY_US - DAY_US
    row = event(ts=day, model="house-model", ok=None, latency_ms=None, prompts=99)
    world.write_days([replace(row, granularity=Granularity.DAY)])
    assert column(table_of(world.ask("by-user last 7d")), "credits_per_prompt") == [None]


def test_costs_stand_beside_credits_where_they_are_known(world: World) -> None:
    world.write(used(2, days(1), cost_nano=5_000_000, currency="USD"))
    world.write(used(1, days(1), model="o3-mini"))
    report = world.ask("by-model last 7d")
    table = table_of(report)
    assert dict(zip(column(table, "model"), column(table, "cost"), strict=True)) == {
        "GPT-4o": 10_000_000,
        "o3 mini": None,
    }
    assert "Cost is known for 2 of 3 prompts." in notes(report)
    world.write(used(1, days(1), cost_nano=5_000_000, currency="EUR"))
    mixed = world.ask("by-model last 7d")
    assert "cost" not in [column.key for column in table_of(mixed).columns]
    assert "several currencies" in notes(mixed)


# ---- people and words


def test_usage_of_nobody_is_no_person(world: World) -> None:
    for person, count in ((None, 9), ("ann@x.io", 3), ("ben@x.io", 2), ("eve@x.io", 1)):
        world.write(used(count, days(1), person=person))
    report = world.ask("by-user last 7d limit=1")
    assert report.headline == "30 credits by 3 people; ann@x.io and ben@x.io use 33%"
    assert column(table_of(report), "person") == ["(unattributed)", "3 others"]


def test_the_rest_has_no_top_model_of_its_own(world: World) -> None:
    for number in range(5):
        model = "gpt-4o" if number == 0 else "o3-mini"
        world.write(used(9 - number, days(1), person=f"p{number}@x.io", model=model))
    assert column(table_of(world.ask("by-user last 7d limit=1")), "top_model") == ["GPT-4o", None]


def test_the_team_is_mixed_unless_one_model_has_more_than_half(world: World) -> None:
    world.write([*used(5, days(1)), *used(5, days(1), model="o3-mini")])
    assert total_of(table_of(world.ask("by-user last 7d")), "top_model") == "Mixed"
    world.write(used(3, days(2)))
    assert total_of(table_of(world.ask("by-user last 7d")), "top_model") == "GPT-4o"


def test_names_that_look_the_same_are_told_apart(world: World) -> None:
    world.write(used(1, days(1), person="bob@x.io"))
    world.ledger.write(used(1, days(1), person="bob@x.io.invalid"), _origin(), now=NOW)
    with writing(world.engine) as connection:
        connection.execute(sa.text("UPDATE person SET name = 'Bob'"))
    names = column(table_of(world.ask("by-user last 7d")), "person")
    assert sorted(str(name) for name in names) == ["Bob #1", "Bob #2"]


def _origin() -> Origin:
    return Origin("test", "events", Route.FILE)


def test_the_lead_is_not_named_when_its_row_is_hidden(world: World) -> None:
    models = ("gpt-4o", "claude-3-haiku", "claude-3.5-sonnet", "o3-mini")
    for count, model in zip((50, 3, 2, 1), models, strict=True):
        world.write(used(count, days(1), model=model))
    assert "takes" not in world.ask("by-model last 7d sort=name limit=2").headline
    assert "GPT-4o takes" in world.ask("by-model last 7d").headline


def test_the_tree_says_what_the_mission_shows(world: World) -> None:
    for model, count in (("gpt-4o", 3), ("gpt-4-turbo", 2), ("llama-3.3-70b", 1)):
        world.write(used(count, days(1), model=model))
    [tree] = [block for block in world.ask("by-model last 30d").blocks if isinstance(block, Tree)]
    assert tree.title == "Model Usage (Last 30 Days)"
    assert _lines(tree) == [
        "ChatGPT Models ",
        "GPT-4o (2x): 3 prompts (6 credits used)",
        "GPT-4 Turbo (1x): 2 prompts (2 credits used)",
        "Other Models Llama 3.3 70B (1x) — 1 prompt (1 credit used)",
        "Total Credits Used 9",
    ]


def _lines(tree: Tree) -> list[str]:
    nodes = [inner for node in tree.nodes for inner in (node, *node.children)]
    return [f"{node.name} {node.detail}" for node in nodes]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("by-model 2026-03-18", "on 18 Mar 2026"),
        ("by-model 2026-02", "in 1–28 Feb 2026"),
        ("by-user today model=o3-mini", "No usage of o3 mini on 30 Mar 2026."),
    ],
)
def test_an_empty_range_says_so_and_helps(world: World, line: str, words: str) -> None:
    world.write(used(1, days(2)))
    report = world.ask(line)
    assert words in report.headline
    assert next(block for block in report.blocks if isinstance(block, Note)).role == "hint"
    assert not [block for block in report.blocks if isinstance(block, Table)]


def test_other_is_a_family_one_can_ask_for(world: World) -> None:
    world.write([*used(1, days(1)), *used(1, days(1), model="house-model")])
    assert column(table_of(world.ask("by-model last 7d family=Other")), "model") == ["house-model"]


def test_a_name_with_quotes_is_found_without_them(world: World) -> None:
    world.write(used(1, days(1), project='the "big" one'))
    assert total_of(table_of(world.ask('by-model last 7d project="the big one"')), "prompts") == 1


def test_usage_without_an_hour_stands_in_the_total_of_an_hourly_timeline(world: World) -> None:
    world.write(used(3, days(1)))
    day = to_micros(NOW) // DAY_US * DAY_US - DAY_US
    row = event(ts=day, ok=None, latency_ms=None, prompts=40, task=None)
    world.write_days([replace(row, granularity=Granularity.DAY)])
    report = world.ask("timeline yesterday by hour")
    table = table_of(report)
    assert report.headline.startswith("86 credits")
    assert (total_of(table, "credits"), total_of(table, "prompts")) == (86_000_000, 43)
    assert table.rows[-1][:4] == (None, "No hour", 40, 80_000_000)
    assert "80 credits of rows that know only their day" in notes(report)


def test_a_limit_gives_a_flat_ranking_without_half_families(world: World) -> None:
    for model, count in (("gpt-4o", 3), ("claude-3-haiku", 8), ("gpt-4-turbo", 5), ("o3-mini", 2)):
        world.write(used(count, days(1), model=model))
    table = table_of(world.ask("by-model last 7d limit=2"))
    assert column(table, "model") == ["GPT-4o", "GPT-4 Turbo", "2 others"]
    assert table.groups == ()
    assert total_of(table, "credits") == 17_000_000
