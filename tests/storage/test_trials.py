"""Trials: one at a time for a task and a model, and arms that are drawn fairly."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import sqlalchemy as sa

from storage.engine import reading, writing
from storage.events import UsageEvent
from storage.labels import task_named
from storage.timekeys import to_micros
from storage.trials import (
    Arm,
    ArmOutcome,
    Trial,
    TrialRunning,
    arm_of,
    end_trial,
    list_trials,
    outcomes,
    running_trial,
    running_trials,
    start_trial,
)
from tests.cast import NOW, event
from tests.databases import elsewhere, home
from tests.storage.world import World, world


def start(engine: sa.Engine, *, task_id: int = 1, slice_pct: int = 10) -> Trial:
    with writing(engine) as connection:
        return start_trial(
            connection,
            home(engine).id,
            task_id=task_id,
            from_model=2,
            to_model=3,
            slice_pct=slice_pct,
            margin_pct=3,
            planned=653,
            started_by="alice",
            now=NOW,
        )


def listed(engine: sa.Engine) -> list[Trial]:
    with reading(engine) as connection:
        return list_trials(connection, home(engine).id)


def test_a_trial_comes_back_as_it_was_started(engine: sa.Engine) -> None:
    trial = start(engine)
    assert trial == Trial(1, 1, 2, 3, 10, 3, 653, "running", NOW, None, "alice")
    assert listed(engine) == [trial]
    with reading(engine) as connection:
        assert running_trial(connection, home(engine).id, 1, 2) == trial
        assert running_trial(connection, home(engine).id, 1, 3) is None


def test_a_second_trial_of_the_same_task_and_model_has_to_wait(engine: sa.Engine) -> None:
    first = start(engine)
    with pytest.raises(TrialRunning, match="Trial 1 of this task"):
        start(engine)
    start(engine, task_id=2)
    with writing(engine) as connection:
        end_trial(connection, home(engine).id, first.id, status="stopped", now=NOW)
    assert [trial.id for trial in (start(engine), *listed(engine))] == [3, 3, 2, 1]


def test_a_trial_ends_once(engine: sa.Engine) -> None:
    trial = start(engine)
    with writing(engine) as connection:
        ended = end_trial(connection, home(engine).id, trial.id, status="confirmed", now=NOW)
        again = end_trial(connection, home(engine).id, trial.id, status="stopped", now=NOW)
    assert ended is not None
    assert (ended.status, ended.ended_at, again) == ("confirmed", NOW, None)
    assert listed(engine) == [ended]


def test_another_workspace_neither_sees_nor_ends_a_trial(engine: sa.Engine) -> None:
    trial, theirs = start(engine), elsewhere(engine).id
    with writing(engine) as connection:
        assert list_trials(connection, theirs) == []
        assert end_trial(connection, theirs, trial.id, status="ended", now=NOW) is None


@pytest.mark.parametrize("slice_pct", [0, 51, -1])
def test_a_slice_without_an_equal_control_arm_is_refused(
    sqlite_engine: sa.Engine, slice_pct: int
) -> None:
    with pytest.raises(ValueError, match="no equal control arm"):
        start(sqlite_engine, slice_pct=slice_pct)


def test_arms_are_equally_large_and_stay_the_same() -> None:
    drawn = Counter(arm_of(7, f"prompt-{number}", 10) for number in range(20_000))
    assert drawn["test"] == pytest.approx(2000, abs=200)
    assert drawn["control"] == pytest.approx(2000, abs=200)
    assert arm_of(7, "prompt-1", 10) == arm_of(7, "prompt-1", 10)


def test_another_trial_draws_anew() -> None:
    keys = [f"prompt-{number}" for number in range(1000)]
    same = sum(arm_of(1, key, 50) == arm_of(2, key, 50) for key in keys)
    assert 400 < same < 600


def test_half_and_half_leaves_nobody_out() -> None:
    assert {arm_of(1, str(number), 50) for number in range(500)} == {"control", "test"}


# ---- what came of it


def drawn(place: World, *events: UsageEvent) -> dict[Arm, ArmOutcome]:
    """The outcomes of trial 1 of the task coding after these events."""
    task_id = place.labels.task_id("coding")
    trial = start(place.engine, task_id=task_id)  # of another workspace, but with this number
    place.write(*events)
    with reading(place.engine) as connection:
        return outcomes(connection, place.workspace.id, trial)


@pytest.fixture
def place(engine: sa.Engine) -> World:
    made = world(engine)
    made.labels.prepare([event(task="coding")], now=NOW)
    return made


def test_outcomes_are_those_of_the_arm_that_was_drawn(place: World) -> None:
    in_trial = {"trial": 1, "model": "alpha"}
    found = drawn(
        place,
        event(**in_trial, arm="control", ok=True),
        event(**in_trial, arm="control", ok=False),
        event(**in_trial, arm="control", ok=None),
        event(trial=1, arm="test", ok=True, model="beta"),
        event(**in_trial, arm="test", ok=True),
        event(**in_trial, arm="test", task="mail"),
        event(trial=2, arm="test", model="alpha"),
        event(model="alpha"),
    )
    assert found == {"control": (1, 2, 1_000_000), "test": (2, 2, 1_333_333)}


def test_a_trial_without_prompts_has_nothing_in_both_arms(place: World) -> None:
    assert drawn(place) == {"control": (0, 0, 0), "test": (0, 0, 0)}


def test_an_arm_that_comes_later_completes_an_event(place: World) -> None:
    plain = event(model="alpha", event_id="a")
    found = drawn(place, plain, replace(plain, trial=1, arm="test"))
    assert found["test"] == (1, 1, 1_000_000)
    place.check()


def test_an_event_that_changes_its_arm_conflicts(place: World) -> None:
    one = event(model="alpha", event_id="a", trial=1, arm="test")
    assert place.write(one, replace(one, arm="control")).conflicting == 1


def test_a_look_has_the_first_prompts_of_each_arm_in_time(place: World) -> None:
    start_ts = to_micros(NOW) - 10**9
    prompts = [
        event(trial=1, arm=arm, model="alpha", ok=number > 1, ts=start_ts + number)
        for arm in ("control", "test")
        for number in reversed(range(5))
    ]
    drawn(place, *prompts)
    with reading(place.engine) as connection:
        (trial,) = list_trials(connection, home(place.engine).id)
        found = outcomes(connection, place.workspace.id, trial, first=3)
    assert {arm: one[:2] for arm, one in found.items()} == {"control": (1, 3), "test": (1, 3)}


def test_running_trials_come_with_the_name_of_their_task(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        task_id = task_named(connection, home(engine).id, "Email")
    trial = start(engine, task_id=task_id)
    with reading(engine) as connection:
        assert running_trials(connection, home(engine).id) == [(trial, "Email")]
        assert running_trials(connection, elsewhere(engine).id) == []
    with writing(engine) as connection:
        end_trial(connection, home(engine).id, trial.id, status="ended", now=NOW)
        assert running_trials(connection, home(engine).id) == []
