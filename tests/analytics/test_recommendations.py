"""Advice in words: up to, margin, evidence; what is missing; what people decided about it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from analytics.figures import FrontierFigure
from analytics.followed import measured
from analytics.percentiles import Spread
from analytics.recommendations import Waits
from analytics.report import Actions, Button, Note, Report, Table
from storage.advice import list_opinions
from storage.engine import reading, writing
from storage.preferences import set_preference
from tests.analytics.advised import CHEAP, COSTLY, advised, gathered, used
from tests.analytics.world import World, column, table_of
from tests.cast import NOW

MICRO = 1_000_000
PAIR = 'Email GPT-4o "Claude 3 Haiku"'


def notes(report: Report) -> str:
    """All notes, one text."""
    return " ".join(block.text for block in report.blocks if isinstance(block, Note))


def buttons(report: Report) -> list[Button]:
    """All buttons."""
    rows = (block.buttons for block in report.blocks if isinstance(block, Actions))
    return [button for row in rows for button in row]


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """An empty workspace."""
    return World(sqlite_engine)


def test_advice_has_saving_evidence_and_no_more_than_that(world: World) -> None:
    report = advised(world).ask("recommend")
    assert report.headline == (
        "Up to 582 credits a month by 1 switch, worth a trial: "
        "60.0% of the 970 credits of the last 30 complete days"
    )
    assert (
        "Worth a trial: Claude 3 Haiku for Email. On 400 and 400 prompts of 4 people who use both, "
        "success 97.0% against 97.0% (margin 3 points). Up to 582 credits a month at the last 30 "
        "days' volume. Logs cannot prove equal quality." in notes(report)
    )
    assert column(table_of(report), "level") == ["worth a trial"]
    assert isinstance(report.figure, FrontierFigure)


def test_buttons_ask_why_plan_a_trial_and_refuse(world: World) -> None:
    lines = {button.label: button for button in buttons(advised(world).ask("recommend"))}
    assert lines["Why?"].line == f"recommend why {PAIR}"
    assert lines["Plan trial"].line == f"trial plan {PAIR}"
    assert (lines["Not useful"].line, lines["Not useful"].verb) == (
        f"recommend decline {PAIR}",
        "do",
    )


def test_off_peak_hours_are_no_saving(world: World) -> None:
    assert "Off-peak hours save no credits" in notes(advised(world).ask("recommend"))


def test_what_was_declined_stays_quiet_for_90_days(world: World) -> None:
    advised(world).ask(f"recommend decline {PAIR}")
    quiet = world.ask("recommend")
    assert quiet.headline.startswith("Nothing to advise")
    assert "1 refused proposal stays quiet" in notes(quiet)
    later = NOW + timedelta(days=20)
    assert world.ask("recommend", now=later).headline.startswith("Nothing to advise")
    with reading(world.engine) as connection:
        (opinion,) = list_opinions(connection, world.workspace.id)
    assert opinion.until == NOW + timedelta(days=90)
    assert opinion.predicted == 582 * MICRO


def test_accepted_advice_is_followed_up(world: World) -> None:
    advised(world).ask(f"recommend accept {PAIR}")
    report = world.ask("recommend")
    table = next(b for b in report.blocks if isinstance(b, Table) and b.columns[0].title != "Task")
    assert column(table, "predicted") == [582 * MICRO]
    assert column(table, "measured") == [None]
    with reading(world.engine) as connection:
        actions = connection.execute(sa.text("SELECT action FROM audit")).scalars().all()
    assert actions == ["advice accepted"]


def test_a_measured_saving_needs_a_week_and_both_sides() -> None:
    before, after = (100, 200 * MICRO), (100, 100 * MICRO)
    assert measured(before, after, 6) is None
    assert measured((0, 0), after, 30) is None
    assert measured(before, after, 30) == 100 * MICRO
    assert measured(before, (50, 25 * MICRO), 15) == 150 * MICRO


def test_missing_evidence_is_named(world: World) -> None:
    world.write([*used(COSTLY, 60), *used(CHEAP, 10)])
    report = gathered(world).ask("recommend")
    assert report.headline == "Nothing to advise within a margin of 3 points"
    assert "Needs 100 prompts of Claude 3 Haiku on Email; 40 so far." in notes(report)


def test_a_worse_model_is_not_proposed(world: World) -> None:
    world.write([*used(COSTLY, 100, failed=3), *used(CHEAP, 100, failed=20)])
    report = gathered(world).ask("recommend")
    assert "1 comparison had enough evidence; none is surely within the margin." in notes(report)


def test_the_margin_is_a_preference_and_an_option(world: World) -> None:
    world.write([*used(COSTLY, 100, failed=2), *used(CHEAP, 100, failed=7)])
    gathered(world)
    assert world.ask("recommend").headline.startswith("Nothing")
    assert world.ask("recommend margin=10").headline.startswith("Up to")
    with writing(world.engine) as connection:
        set_preference(connection, world.workspace.id, "quality_margin", "10")
    assert "(margin 10 points)" in notes(world.ask("recommend"))


def test_short_prompts_on_premium_models_are_advised_by_themselves(world: World) -> None:
    for size, failed in ((50, 2), (5000, 60), (9000, 60)):
        world.write(used(COSTLY, 100, failed=2, tokens_in=size))
        world.write(used(CHEAP, 100, failed=failed, tokens_in=size))
    report = gathered(world).ask("recommend")
    assert "Worth a trial: Claude 3 Haiku for the shortest third of Email." in notes(report)
    assert column(table_of(report), "saving") == [588 * MICRO]
    assert "Premium models took about 784 credits" in notes(report)


def test_before_the_first_night_there_is_no_advice(world: World) -> None:
    world.write(used(COSTLY, 5))
    report = world.ask("recommend")
    assert report.headline == "No advice yet"
    assert "gathered every night" in notes(report)


def test_without_tasks_it_says_that_tasks_are_needed(world: World) -> None:
    world.write(used(COSTLY, 50, task=None))
    assert "Advice needs prompts with a task" in notes(gathered(world).ask("recommend"))


def test_why_lists_every_gate_and_what_nobody_checked(world: World) -> None:
    report = advised(world).ask(f"recommend why {PAIR}")
    assert report.headline == "Claude 3 Haiku instead of GPT-4o on Email passes every gate"
    seen = dict(
        zip(column(table_of(report), "gate"), column(table_of(report), "seen"), strict=True)
    )
    assert seen["People who use both"] == "4"
    assert seen["Known outcomes, GPT-4o"] == "400"
    assert "Only a trial can confirm it." in notes(report)


def test_why_not_the_other_way_round(world: World) -> None:
    report = advised(world).ask('recommend why Email "Claude 3 Haiku" GPT-4o')
    assert "not the cheaper one" in notes(report)


AMOUNTS = st.tuples(st.integers(0, 1000), st.integers(0, 10**12))


@given(AMOUNTS, AMOUNTS, st.integers(0, 400))
def test_a_measured_saving_is_at_most_what_the_prompts_would_have_cost(
    before: tuple[int, int], after: tuple[int, int], days: int
) -> None:
    found = measured(before, after, days)
    if found is not None:
        assert found * days <= after[0] * before[1] * 30 // before[0]


@pytest.mark.parametrize(
    ("off_peak", "said"),
    [
        (Spread(100, 1500.0, None), "answers come sooner: p50 1.5 s (n 100) against 3.0 s (n 250)"),
        (Spread(100, 3000.0, None), "answers come no sooner either: p50 3.0 s (n 100) against"),
        (Spread(99, 1500.0, None), "the same at any hour."),
        (None, "the same at any hour."),
    ],
)
def test_the_hour_is_a_hint_about_waiting_and_never_a_saving(
    off_peak: Spread | None, said: str
) -> None:
    hint = Waits({}, Spread(250, 3000.0, None), off_peak).hint
    assert hint.startswith("Off-peak hours save no credits")
    assert said in hint
