"""What credits are used for: shares, typical multipliers, what has no task."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from analytics.figures import SplitFigure
from analytics.measures import Usage
from analytics.report import Note, Tree
from analytics.tasks import UNCATEGORISED, typical
from storage.catalog import set_multiplier
from storage.engine import writing
from storage.timekeys import day_number, to_micros
from tests.analytics.world import World, column, table_of, total_of
from tests.cast import NOW, event

MICRO = 1_000_000


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """Mail, mostly on GPT-4o; some code, and prompts that say no task."""
    world = World(sqlite_engine)
    world.write([event(task="Email", model="gpt-4o") for _ in range(6)])
    world.write([event(task="Email", model="claude-3-haiku") for _ in range(4)])
    world.write([event(task="Code", model="claude-3-haiku") for _ in range(8)])
    world.write([event(task=None, model="gpt-4o") for _ in range(2)])
    return world


def test_each_task_has_its_share_and_typical_multipliers(world: World) -> None:
    table = table_of(world.ask("tasks today"))
    assert column(table, "task") == ["Email", "Code", UNCATEGORISED]
    assert column(table, "share") == [64, 18, 18]
    assert column(table, "typical") == ["mostly 2x", "0.5x", "2x"]
    assert total_of(table, "credits") == 22 * MICRO


def test_the_tree_says_it_as_people_do(world: World) -> None:
    (tree,) = (block for block in world.ask("tasks today").blocks if isinstance(block, Tree))
    first = tree.nodes[0]
    assert (first.name, first.detail) == ("Email", "64% of credits, mostly 2x models")


def test_what_has_no_task_is_told_also_when_it_is_nothing(world: World) -> None:
    whole, narrow = world.ask("tasks today"), world.ask("tasks today task=Email")
    assert whole.headline == "22 credits on 2 tasks; Email takes 64%, 18% uncategorised"
    for report, share in ((whole, "18%"), (narrow, "0%")):
        assert report.figure is not None
        assert f"{share} uncategorised" in report.figure.subtitle
        assert column(table_of(report), "task")[-1] == UNCATEGORISED


def test_bars_are_split_by_tier_and_add_up(world: World) -> None:
    figure = world.ask("tasks today").figure
    assert isinstance(figure, SplitFigure)
    assert figure.tiers == ("premium", "economy")
    assert figure.labels == ("Premium", "Economy")
    assert [row.parts for row in figure.rows] == [
        (12 * MICRO, 2 * MICRO),
        (0, 4 * MICRO),
        (4 * MICRO, 0),
    ]


def test_tiers_and_multipliers_are_those_of_the_time(world: World) -> None:
    world.write([event(task="Old", model="o3-mini", ts=to_micros(NOW - timedelta(days=9)))])
    with world.context() as ctx:
        key = ctx.reader.find("model", "o3-mini")
        since = to_micros(ctx.reader.clock.midnight(day_number(NOW.date()) - 2))
    assert key is not None
    with writing(world.engine) as connection:
        set_multiplier(connection, 1, key, multiplier=3 * MICRO, valid_from=since)
    world.write([event(task="New", model="o3-mini")])
    table = table_of(world.ask("tasks last 30d"))
    by_task = dict(zip(column(table, "task"), column(table, "typical"), strict=True))
    assert (by_task["Old"], by_task["New"]) == ("1x", "3x")


def test_a_limit_sums_the_rest_and_keeps_the_uncategorised(world: World) -> None:
    world.write([event(task=f"Task {n}", model="claude-3-haiku") for n in range(3)])
    table = table_of(world.ask("tasks today limit=1"))
    assert column(table, "task") == ["Email", "4 others", UNCATEGORISED]
    assert sum(int(str(cell)) for cell in column(table, "credits")) == total_of(table, "credits")
    assert table.others == 1


def test_without_any_task_rules_are_named(sqlite_engine: sa.Engine) -> None:
    world = World(sqlite_engine)
    world.write([event(task=None)])
    report = world.ask("tasks today")
    assert report.headline == "2 credits on 0 tasks; 100% uncategorised"
    assert any("rules" in block.text for block in report.blocks if isinstance(block, Note))


WEIGHTS = st.dictionaries(
    st.sampled_from((300_000, MICRO, 2 * MICRO, 5 * MICRO)),
    st.integers(1, 50).map(lambda n: Usage(n, n, n)),
    min_size=1,
)


@given(WEIGHTS)
def test_typical_multipliers_are_those_that_were_used(parts: dict[int | None, Usage]) -> None:
    words = typical(parts)
    assert words is not None
    ends = [round(float(end.removesuffix("x")) * MICRO) for end in words.split()[-1].split("–")]
    assert set(ends) <= set(parts)
    assert ends == sorted(set(ends))


def test_unpriced_models_have_no_typical_multiplier() -> None:
    assert typical({None: Usage(5, 5, 0, 0, 5)}) is None
