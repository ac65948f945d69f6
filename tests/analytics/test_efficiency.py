"""Leaderboards: prices never stand alone, and small numbers are not ranked."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from analytics.colleagues import LEAST_PROMPTS, Standing, standings
from analytics.figures import FrontierFigure
from analytics.frontier import undominated
from analytics.quality import Quality
from analytics.report import Note, Report, Table
from storage.engine import writing
from storage.evidence import rebuild_evidence
from storage.ratings import rate
from storage.timekeys import day_number, to_micros
from tests.analytics.world import World, column, table_of
from tests.cast import NOW, event

MICRO = 1_000_000
YESTERDAY = to_micros(NOW - timedelta(days=1))
NAMES = {number: f"Person {number}" for number in range(1, 9)}


def notes(report: Report) -> str:
    """All notes, one text."""
    return " ".join(block.text for block in report.blocks if isinstance(block, Note))


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """Two tasks with enough prompts, one with too few, some without a task."""
    world = World(sqlite_engine)
    world.write([event(task="Email", model="claude-3-haiku", rating=4) for _ in range(40)])
    world.write([event(task="Email", model="gpt-4o", ok=n > 2) for n in range(33)])
    world.write([event(task="Code", model="gpt-4o", ok=None) for _ in range(35)])
    world.write([event(task="Poems", model="gpt-4o") for _ in range(12)])
    world.write([event(task=None, model="gpt-4o") for _ in range(99)])
    return world


def test_workflows_are_tasks_with_their_top_model_the_cheapest_first(world: World) -> None:
    report = world.ask("efficiency today")
    table = table_of(report)
    assert column(table, "task") == ["Email", "Code"]
    assert column(table, "model") == ["Claude 3 Haiku", "GPT-4o"]
    assert column(table, "credits_per_prompt") == [MICRO // 2, 2 * MICRO]
    assert report.headline == (
        "Lowest credits a prompt: Email (Claude 3 Haiku) 0.5, 100% success (n 40)"
    )


def test_an_unknown_outcome_is_no_success_and_no_failure(world: World) -> None:
    table = table_of(world.ask("efficiency today"))
    assert column(table, "success_rate") == [1.0, None]
    assert column(table, "rating") == [4.0, None]


def test_small_tasks_and_prompts_without_one_are_named_but_not_ranked(world: World) -> None:
    said = notes(world.ask("efficiency today"))
    assert "Not enough data: Poems (12 of 30)." in said
    assert "99 prompts without a task" in said


def test_a_task_ranks_its_models(world: World) -> None:
    report = world.ask("efficiency today task=Email")
    assert column(table_of(report), "model") == ["Claude 3 Haiku", "GPT-4o"]
    assert report.headline.startswith("Lowest credits a prompt on Email: Claude 3 Haiku 0.5")
    assert isinstance(report.figure, FrontierFigure)
    assert [dot.efficient for dot in report.figure.dots] == [True, False]


def test_stars_given_in_chat_count(world: World) -> None:
    with world.context(may_change=True) as ctx:
        model, task = ctx.reader.find("model", "gpt-4o"), ctx.reader.find("task", "Code")
        assert model is not None
        assert task is not None
        given = {"model_id": model, "task_id": task, "day": day_number(NOW.date())}
        for person in range(1, 11):
            rate(ctx.reader.connection, 1, person_id=person, **given, stars=5, now=NOW)
    table = table_of(world.ask("efficiency today"))
    assert column(table, "rating") == [4.0, 5.0]
    assert column(table, "ratings") == [40, 10]


def test_below_the_minimum_the_answer_says_so(sqlite_engine: sa.Engine) -> None:
    world = World(sqlite_engine)
    world.write([event(task="Email")])
    report = world.ask("efficiency today")
    assert report.headline == "Not enough data yet: a ranking needs 30 prompts of a task"
    assert "Email (1 of 30)" in notes(report)


# ---- people


def people_of(report: Report) -> Table | None:
    """The table of people."""
    tables = (block for block in report.blocks if isinstance(block, Table))
    return next((table for table in tables if table.columns[0].key == "person"), None)


@pytest.fixture
def office(world: World) -> World:
    """Four people on one task yesterday; Dora uses a model of twice the credits."""
    for name, model in (("ann", "o3-mini"), ("ben", "o3-mini"), ("cem", "o3-mini")):
        some = {"person": f"{name}@x.example", "task": "Email", "ts": YESTERDAY}
        world.write([event(model=model, **some) for _ in range(60)])
    dora = {"person": "dora@x.example", "task": "Email", "ts": YESTERDAY}
    world.write([event(model="gpt-4o", **dora) for _ in range(60)])
    with writing(world.engine) as connection:
        clock = world.workspace.clock()
        rebuild_evidence(connection, world.workspace.id, clock, day_number(NOW.date()))
    return world


def test_people_are_compared_with_colleagues_on_the_same_tasks(office: World) -> None:
    table = people_of(office.ask("efficiency last 7d"))
    assert table is not None
    index = dict(zip(column(table, "person"), column(table, "index"), strict=True))
    pull = 50 * 1.25
    assert index["dora@x.example"] == pytest.approx((120 + pull) / (60 + pull))
    assert "dora@x.example uses 1.5 times the credits of colleagues on the same tasks" in notes(
        office.ask("efficiency last 7d")
    )


def test_walls_leave_only_oneself(office: World) -> None:
    with office.context(role="member", walls="admins") as ctx:
        from bot.registry import run

        assert people_of(run("efficiency last 7d", ctx)) is None
        assert people_of(run("efficiency last 7d", ctx.for_channel)) is None


def test_before_the_first_night_nobody_is_compared(world: World) -> None:
    report = world.ask("efficiency today")
    assert people_of(report) is None
    assert "as soon as a night" in notes(report)


def test_nobody_is_compared_in_a_task_of_two() -> None:
    assert standings({(1, 7): (500, 500), (2, 7): (500, 900)}, NAMES) == []


def test_few_prompts_are_not_ranked() -> None:
    work = {(1, 7): (49, 49), (2, 7): (50, 50), (3, 7): (60, 60)}
    small = next(one for one in standings(work, NAMES) if one.person_id == 1)
    assert (small.index, small.missing) == (None, "49 of 50")


WORK = st.dictionaries(
    st.tuples(st.integers(0, 6), st.integers(0, 3)),
    st.tuples(st.integers(0, 300), st.integers(0, 10**9)),
    max_size=25,
)


@given(WORK)
def test_an_index_is_a_finite_ratio_of_enough_prompts(
    work: dict[tuple[int, int], tuple[int, int]],
) -> None:
    for one in standings(work, NAMES):
        assert one.person_id
        if one.index is not None:
            assert 0 <= one.index < float("inf")
            assert one.prompts >= LEAST_PROMPTS


def test_words_are_neutral() -> None:
    assert Standing(1, "A", 100, 100, 1.42).words == (
        "1.4 times the credits of colleagues on the same tasks"
    )
    assert Standing(1, "A", 100, 100, 1.01).words.startswith("about as many")


# ---- the frontier


def test_only_what_nothing_beats_is_efficient() -> None:
    found = {1: (10, 0.9), 2: (10, 0.8), 3: (20, 0.9), 4: (30, 0.95), 5: (10, 0.9)}
    assert undominated(found) == {1, 4, 5}


def test_ratings_are_hidden_below_ten_and_pulled_to_the_mean() -> None:
    few, many = Quality(rating_sum=45, rating_n=9), Quality(rating_sum=50, rating_n=10)
    assert (few.rating, many.rating) == (None, 5.0)
    assert many.pulled_rating(4.0) == pytest.approx(130 / 30)


def test_an_answer_with_people_says_so_to_the_audit_of_exports(office: World) -> None:
    assert office.ask("efficiency last 7d").names_people
    assert not office.ask("tasks last 7d").names_people
