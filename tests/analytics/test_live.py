"""The last 15 minutes: what counts, and what is not known."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from analytics.report import Renewal
from storage.events import Granularity, UsageEvent
from storage.timekeys import to_micros
from tests.analytics.world import World, column, table_of, total_of
from tests.cast import NOW, event
from tests.surfaces.reports import buttons_of

MINUTE = 60_000_000


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """An empty workspace in Berlin."""
    return World(sqlite_engine)


def ago(minutes: int, **more: object) -> UsageEvent:
    return event(ts=to_micros(NOW) - minutes * MINUTE, **more)


def test_only_the_last_quarter_of_an_hour_counts(world: World) -> None:
    world.write([ago(1, latency_ms=1000), ago(14, latency_ms=3000, ok=False), ago(16)])
    report = world.ask("live")
    assert report.headline == ("2 prompts in the last 15 minutes: average 2.0 s, 50.0% succeeded")
    assert report.renews == Renewal(every=30, lasts=600)


def test_asked_as_of_another_time_what_came_later_does_not_count(world: World) -> None:
    world.write([ago(61), ago(55), ago(1)])  # the second by a clock that goes before ours
    then = NOW - timedelta(hours=1)
    assert world.ask("live", now=then).headline.startswith("2 prompts in the last 15 minutes")


def test_models_stand_by_prompts_and_add_up(world: World) -> None:
    world.write([ago(1, latency_ms=n * 100) for n in range(1, 21)])
    world.write([ago(2, model="o3-mini", latency_ms=None, ok=None)])
    table = table_of(world.ask("live"))
    assert column(table, "model") == ["GPT-4o", "o3 mini"]
    assert column(table, "p95_ms") == [1900, None]
    assert column(table, "avg_ms") == [1050, None]
    assert column(table, "success_rate") == [1.0, None]
    assert total_of(table, "prompts") == 21


def test_sums_of_a_source_are_not_live(world: World) -> None:
    day = to_micros(NOW.replace(hour=1, minute=0))
    world.write_days([event(ts=day, granularity=Granularity.DAY, prompts=7)])
    assert world.ask("live").headline == "No prompts in the last 15 minutes"


def test_models_may_be_chosen_and_the_button_chooses_them_again(world: World) -> None:
    world.write([ago(1), ago(1, model="claude-3-haiku")])
    report = world.ask("live Claude 3 Haiku")
    assert report.headline.startswith("1 prompt in")
    assert next(buttons_of(report)).line == 'live "Claude 3 Haiku"'


def test_in_an_empty_workspace_it_says_so(world: World) -> None:
    assert "No usage has come in yet." in str(world.ask("live").blocks)
