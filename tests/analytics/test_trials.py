"""Trials in chat: what one takes, when it is refused, what is told and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from analytics.report import Actions, Note, Report
from analytics.trials import end_decided
from storage.engine import reading, writing
from storage.events import UsageEvent
from storage.timekeys import to_micros
from storage.trials import list_trials
from tests.analytics.advised import CHEAP, COSTLY, gathered, used
from tests.analytics.world import World, column, table_of
from tests.cast import NOW, event

WORDS = 'Email GPT-4o "Claude 3 Haiku"'


def notes(report: Report) -> str:
    """All notes, one text."""
    return " ".join(block.text for block in report.blocks if isinstance(block, Note))


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """Four people who use both models on e-mail, 40 prompts of each a day."""
    world = World(sqlite_engine)
    world.write([*used(COSTLY, 200, failed=2, days=20), *used(CHEAP, 30, days=20)])
    return gathered(world)


def drawn(arm: str, count: int, *, failed: int = 0) -> list[UsageEvent]:
    """Prompts of one arm of trial 1, over the last hours; the first of them fail."""
    model = COSTLY if arm == "control" else CHEAP
    start = NOW - timedelta(hours=10)
    return [
        replace(
            event(
                model=model,
                task="Email",
                ok=number >= failed,
                ts=to_micros(start + timedelta(seconds=number)),
            ),
            trial=1,
            arm=arm,
        )
        for number in range(count)
    ]


def test_a_plan_tells_prompts_and_days_and_starts_nothing(world: World) -> None:
    report = world.ask(f"trial plan {WORDS} 20%")
    assert report.headline == (
        "Claude 3 Haiku for Email: 200 + 200 prompts, about 25 days at 20% of the prompts; "
        "margin 3 points"
    )
    rows = (block.buttons for block in report.blocks if isinstance(block, Actions))
    start = next(button for row in rows for button in row if button.label == "Start")
    assert (start.verb, start.line) == ("do", f"trial start {WORDS} 20% margin=3")
    with reading(world.engine) as connection:
        assert list_trials(connection, world.workspace.id) == []


def test_a_plan_without_a_slice_takes_the_least_that_ends_in_time(world: World) -> None:
    """The button under new advice says no slice: it must not lead into a refusal."""
    assert "about 50 days at 10% of the prompts" in world.ask(f"trial plan {WORDS}").headline
    most = world.ask(f"trial plan {WORDS} margin=1").headline
    assert "about 89 days at 39% of the prompts" in most


def test_more_than_90_days_are_refused_with_what_would_fit(world: World) -> None:
    report = world.ask(f"trial start {WORDS} 5% margin=1")
    assert "90 days are the most" in report.headline
    assert "would fit" in notes(report)
    with reading(world.engine) as connection:
        assert list_trials(connection, world.workspace.id) == []


def test_a_trial_goes_to_a_cheaper_model(world: World) -> None:
    report = world.ask('trial start Email "Claude 3 Haiku" GPT-4o')
    assert report.headline.startswith("GPT-4o is not cheaper than Claude 3 Haiku")


def test_one_trial_of_a_task_and_model_at_a_time(world: World) -> None:
    assert world.ask(f"trial start {WORDS} 20%").headline.startswith("Trial 1 runs")
    assert world.ask(f"trial start {WORDS} 20%").headline.startswith("Trial 1 of this task")
    assert world.ask("recommend").headline.startswith("Up to")


def test_success_is_told_at_the_looks_only(world: World) -> None:
    world.ask(f"trial start {WORDS} 20%")
    world.write([*drawn("control", 150), *drawn("test", 150)])
    table = table_of(world.ask("trial status"))
    assert column(table, "n") == ["150 + 150 of 200 + 200"]
    assert column(table, "success") == [None]
    assert column(table, "status") == ["running"]


@pytest.mark.parametrize(
    ("failed", "status"), [(2, "confirmed"), (60, "stopped"), (14, "no answer")]
)
def test_what_came_of_a_trial_is_told_at_its_end(world: World, failed: int, status: str) -> None:
    world.ask(f"trial start {WORDS} 20%")
    world.write([*drawn("control", 250, failed=4), *drawn("test", 250, failed=failed)])
    table = table_of(world.ask("trial status"))
    assert column(table, "status") == [status]
    assert column(table, "success") == [f"{1 - failed / 200:.1%} against 98.0%"]


def test_a_trial_that_ends_by_itself_is_in_the_audit(world: World) -> None:
    world.ask(f"trial start {WORDS} 20%")
    world.write([*drawn("control", 250, failed=4), *drawn("test", 250, failed=2)])
    with writing(world.engine) as connection:
        (ended,) = end_decided(connection, 1, now=NOW)
        told = sa.text("SELECT actor, action, object, after FROM audit ORDER BY seq DESC LIMIT 1")
        assert tuple(connection.execute(told).one()) == (
            "creditbot",
            "trial ended",
            f"trial {ended.id}",
            ended.status,
        )


def test_a_confirmed_switch_says_so_and_no_more(world: World) -> None:
    world.ask(f"trial start {WORDS} 20%")
    world.write([*drawn("control", 200, failed=4), *drawn("test", 200, failed=2)])
    said = notes(world.ask("recommend"))
    assert "Confirmed: Claude 3 Haiku for Email." in said
    assert "Success stayed within 3 points in a trial of 200 + 200 prompts." in said
    assert "cannot prove" not in said


def test_what_was_stopped_is_said_and_saves_nothing(world: World) -> None:
    world.ask(f"trial start {WORDS} 20%")
    world.write([*drawn("control", 400, failed=4), *drawn("test", 400, failed=120)])
    report = world.ask("recommend")
    assert report.headline.startswith("Nothing to advise")
    assert "Stopped: Claude 3 Haiku for Email." in notes(report)


def test_a_trial_can_be_ended_and_leaves_no_answer(world: World) -> None:
    world.ask(f"trial start {WORDS} 20%")
    assert world.ask("trial stop").headline == "Trial 1 ended without an answer"
    assert column(table_of(world.ask("trial status")), "status") == ["ended early"]
    assert world.ask("trial stop").headline == "There is no single trial to end"
    with reading(world.engine) as connection:
        actions = connection.execute(sa.text("SELECT action FROM audit ORDER BY seq")).scalars()
        assert list(actions) == ["trial start", "trial stop"]
