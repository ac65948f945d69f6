"""Trends: what carries a change, weeks and months, and what must not be called a trend."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.errors import UserError
from analytics.figures import MoverFigure
from analytics.measures import Usage
from analytics.periods import Stage, trend
from analytics.report import Fact, Facts, Note, Report, Table
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


def notes(report: Report, role: str = "delta") -> str:
    """The notes of a role, one text."""
    found = (b for b in report.blocks if isinstance(b, Note) and b.role == role)
    return " ".join(note.text for note in found)


def facts(report: Report) -> dict[str, Fact]:
    """Facts by key."""
    found = (block for block in report.blocks if isinstance(block, Facts))
    return {fact.key: fact for block in found for fact in block.facts}


def tables(report: Report) -> dict[str, Table]:
    """Tables by their first column."""
    found = (block for block in report.blocks if isinstance(block, Table))
    return {table.columns[0].key: table for table in found}


def weekly(world: World, *counts: int, **more: object) -> None:
    """So many prompts in each of the last complete weeks, oldest first."""
    for back, count in enumerate(reversed(counts)):
        world.write(used(count, 7 * back + 2, **more))


# ---- movers


def test_movers_say_what_carries_the_change(world: World) -> None:
    world.write(used(1, 30))
    world.write([*used(10, 9), *used(4, 9, model="o3-mini", person="bob@x.io")])
    world.write([*used(15, 2), *used(2, 2, model="o3-mini", person="bob@x.io")])
    report = world.ask("trends last 7d")
    assert report.headline == "▲ 33% on the 6 days before: 32 credits after 24; GPT-4o +10"
    movers = tables(report)["kind"]
    assert [group.name for group in movers.groups] == ["Models", "People"]
    assert movers.rows[0][1:6] == ("GPT-4o", 20_000_000, 30_000_000, 10_000_000, 1.25)
    assert movers.rows[1][1:6] == ("o3 mini", 4_000_000, 2_000_000, -2_000_000, -0.25)


def test_a_few_days_stand_beside_the_same_days_of_the_week_before(world: World) -> None:
    """NOW is a Monday: Saturday and Sunday are no fall after Thursday and Friday."""
    for weeks in (0, 7):
        world.write([*used(2, 1 + weeks), *used(2, 2 + weeks), *used(20, 3 + weeks)])
        world.write([*used(20, 4 + weeks), *used(1, 20 + weeks)])
    report = world.ask("trends 2026-03-28..2026-03-29")
    assert report.headline.startswith("0% on the same days a week before: 8 credits after 8")
    assert "on the 6 days before" in world.ask("trends last 7d").headline


def test_what_is_gone_is_a_mover_too(world: World) -> None:
    world.write(used(1, 30))
    world.write([*used(3, 9, project="Old"), *used(1, 2, project="New")])
    rows = {row[1]: row[2:5] for row in tables(world.ask("trends last 7d"))["kind"].rows}
    assert rows["Old"] == (6_000_000, 0, -6_000_000)
    assert rows["New"] == (0, 2_000_000, 2_000_000)


def test_what_stays_is_in_the_whole_and_no_mover(world: World) -> None:
    world.write(used(1, 30))
    for project, before, now in (("Same", 2, 2), ("Up", 1, 3), ("Down", 3, 2)):
        world.write([*used(before, 9, project=project), *used(now, 2, project=project)])
    table = tables(world.ask("trends last 7d"))["kind"]
    (projects,) = [group for group in table.groups if group.name == "Projects"]
    assert projects.subtotal[2:5] == (12_000_000, 14_000_000, 2_000_000)
    names = [row[1] for row in table.rows if row[0] == "Projects"]
    assert names == ["Up", "Down", "1 other"]


EVENTS = st.builds(
    lambda ago, model, person, project, task: event(
        ts=to_micros(NOW) - ago,
        model=model,
        person=person,
        project=project,
        task=task,
    ),
    st.integers(0, 20 * 86_400_000_000),
    st.sampled_from(("gpt-4o", "claude-3-haiku", "o3-mini", "nobody-knows-1")),
    st.sampled_from(("alice@x.io", "bob@x.io", "carl@x.io", "dan@x.io", None)),
    st.sampled_from(("Atlas", "Borealis", "Cygnus", None)),
    st.sampled_from(("coding", "writing", None)),
)


@settings(max_examples=8)
@given(events=st.lists(EVENTS, min_size=1, max_size=50), limit=st.integers(1, 3))
def test_the_steps_of_every_kind_add_up_to_the_change(
    engine: sa.Engine, events: list[UsageEvent], limit: int
) -> None:
    world = World(engine)
    world.write([*used(1, 100), *used(1, 5), *events])
    table = tables(world.ask(f"trends last 10d limit={limit}"))["kind"]
    sums, at = set(), 0
    for group in table.groups:
        rows = table.rows[at : at + group.size]
        at += group.size
        for column in (2, 3, 4):
            assert sum(row[column] for row in rows) == group.subtotal[column]  # type: ignore[misc]  # integers
        sums.add(group.subtotal[2:5])
    assert len(sums) == 1


def test_the_picture_draws_the_whole_change(world: World) -> None:
    world.write(used(1, 30))
    for number in range(12):
        world.write([*used(2, 9, model=f"gpt-{number}"), *used(number, 2, model="gpt-4o")])
    report = world.ask("trends last 7d")
    assert isinstance(report.figure, MoverFigure)
    assert 0 not in [mover.step for mover in report.figure.movers]
    whole = tables(report)["kind"].groups[0].subtotal[4]
    assert sum(mover.step for mover in report.figure.movers) == whole != 0


# ---- periods


def test_weeks_are_seven_complete_days_each(world: World) -> None:
    world.write(used(1, 70))
    weekly(world, 4, 3)
    weeks = tables(world.ask("trends last 30d"))["start"]
    assert [row[1] for row in weeks.rows[-2:]] == ["16–22 Mar", "23–29 Mar"]
    assert [row[2:5] for row in weeks.rows[-2:]] == [
        (4, 8_000_000, "new"),
        (3, 6_000_000, pytest.approx(-0.25)),
    ]


def test_the_running_month_is_shown_and_compared_with_nothing(world: World) -> None:
    world.write([*used(4, 65), *used(2, 35), *used(9, 3)])
    months = tables(world.ask("trends last 30d by month"))["start"]
    assert [row[1] for row in months.rows] == ["Jan 2026, part", "Feb 2026", "Mar 2026, part"]
    assert [row[4] for row in months.rows] == [None, None, None]


def test_periods_before_the_first_usage_are_no_zeros(world: World) -> None:
    world.write([*used(4, 10), *used(1, 2)])
    weeks = tables(world.ask("trends last 30d"))["start"]
    assert [row[1] for row in weeks.rows] == ["16–22 Mar, part", "23–29 Mar"]
    assert "rise or fall" in notes(world.ask("trends last 30d"), "context")


def test_a_trend_needs_three_periods(world: World) -> None:
    world.write(used(1, 70))
    weekly(world, 4, 3)
    weekly(world, 0, 1, 1, model="o3-mini")
    assert "Credits fell" not in notes(world.ask("trends last 30d"))
    weekly(world, 9, 0, 0)
    words = "Credits fell over the last 3 weeks: 18, 9, 7."
    assert words in notes(world.ask("trends last 30d"))


def test_credits_a_prompt_over_time_leave_out_what_has_no_price(world: World) -> None:
    world.write(used(1, 70))
    weekly(world, 4, 4, 4)
    weekly(world, 0, 4, 8, model="claude-3-haiku")
    weekly(world, 2, 2, 2, model="house-model")
    words = "Credits per prompt fell over the last 3 weeks: 2.0, 1.2, 1.0."
    assert words in notes(world.ask("trends last 30d"))


VALUES = st.lists(st.none() | st.integers(0, 5), max_size=8)


@given(VALUES)
def test_a_trend_is_at_least_three_values_that_go_one_way(values: list[int | None]) -> None:
    periods = [Stage(at, at, "", Usage(), whole=True) for at in range(len(values))]
    found = trend(periods, lambda stage: values[stage.first], str)
    tail = values[-3:]
    pairs = [(a, b) for a, b in pairwise(tail) if a is not None and b is not None]
    steps = [(b > a) - (b < a) for a, b in pairs]
    assert (found is not None) == (steps in ([1, 1], [-1, -1]))
    if found is not None:
        assert found[0] == ("rose" if steps == [1, 1] else "fell")
        assert found[1] == [str(value) for value in values[-len(found[1]) :]]


# ---- facts


def test_the_average_of_each_weekday_counts_days_without_usage(world: World) -> None:
    world.write(used(1, 70))
    weekly(world, 4, 8)  # on Saturdays
    found = facts(world.ask("trends last 15d"))
    assert found["weekdays"].value == "Mon 0, Tue 0, Wed 0, Thu 0, Fri 0, Sat 12, Sun 0"
    assert "weekdays" not in facts(world.ask("trends last 14d"))


def test_credits_per_active_person_leave_nobody_out_of_the_count(world: World) -> None:
    world.write(used(1, 30))
    world.write([*used(2, 9), *used(2, 2), *used(1, 2, person="b@x.io"), *used(9, 2, person=None)])
    fact = facts(world.ask("trends last 7d"))["credits_per_person"]
    assert (fact.value, fact.note) == (3_000_000, "2 active people; before 4 of 1")


def test_the_month_stands_beside_the_budget_of_what_is_asked(world: World) -> None:
    world.write([*used(1, 60), *used(9, 3)])
    department = world.labels.department_id("Platform")
    with writing(world.engine) as connection:
        for scope, target, amount in (("workspace", 0, 10), ("department", department, 500)):
            set_budget(
                connection,
                1,
                scope=scope,  # type: ignore[arg-type]  # one of its words
                target_id=target,
                period="monthly",
                amount=amount * 1_000_000,
                now=NOW,
            )
    assert "Over budget" in str(facts(world.ask("trends"))["budget"].value)
    assert "500" in facts(world.ask("trends department=Platform"))["budget"].note
    assert "budget" not in facts(world.ask("trends model=gpt-4o"))


# ---- bad input


def test_an_empty_range_one_point_and_all_zero_are_answered(world: World) -> None:
    assert world.ask("trends").headline == "No usage has come in yet."
    world.write(used(1, 0))
    assert world.ask("trends today").headline == world.ask("trends").headline == "2 credits"


def test_a_quiet_range_is_answered(world: World) -> None:
    world.write(used(1, 2))
    assert world.ask("trends").headline == "2 credits"
    assert world.ask("trends 2025-02").headline == "No usage in 1–28 Feb 2025."
    assert world.ask("trends today").headline == "No usage on 30 Mar 2026."


def test_nothing_but_failures_is_answered(world: World) -> None:
    world.write([*used(1, 70, ok=False), *used(3, 2, ok=False)])
    report = world.ask("trends")
    assert report.headline == "0 credits"
    assert report.figure is None


def test_filters_whose_history_is_not_kept_are_refused(world: World) -> None:
    world.write(used(1, 2))
    with pytest.raises(UserError, match="look back for months"):
        world.ask("trends project=Atlas task=coding")
    report = world.ask("trends project=Atlas task=coding person=alice@example.com")
    assert report.headline == "2 credits"


def test_a_pace_that_is_none_is_refused(world: World) -> None:
    with pytest.raises(UserError, match="not told by day"):
        world.ask("trends by day")
