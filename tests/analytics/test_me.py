"""One's own usage: numbers, a rank without names, the own limit, and who is not linked."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from analytics.report import Fact, Facts, Note, Report
from bot.context import Asker, Identity
from bot.registry import run
from storage.budgets import set_budget
from storage.engine import writing
from storage.events import UsageEvent
from storage.timekeys import to_micros
from tests.analytics.world import World, column, table_of
from tests.cast import ALICE, NOW, event

SLACK = Identity("slack", "T1", "U1")


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """An empty workspace in Berlin."""
    return World(sqlite_engine)


def used(count: int, days: float = 1, **more: object) -> list[UsageEvent]:
    """Prompts some days before NOW."""
    at = to_micros(NOW - timedelta(days=days))
    return [event(ts=at - n, **more) for n in range(count)]


def asked(world: World, line: str, person: str | None, *, now: datetime = NOW) -> Report:
    """The answer for a linked person, or for somebody who is not."""
    with world.context(now=now) as ctx:
        key = ctx.reader.find("person", person) if person else None
        return run(line, replace(ctx, asker=Asker(SLACK, "member", key)))


def facts(report: Report) -> dict[str, Fact]:
    """Facts by key."""
    found = (block for block in report.blocks if isinstance(block, Facts))
    return {fact.key: fact for block in found for fact in block.facts}


def notes(report: Report) -> str:
    """All notes, one text."""
    return " ".join(block.text for block in report.blocks if isinstance(block, Note))


def test_own_usage_has_a_rank_without_names(world: World) -> None:
    world.write(
        [*used(5, person="b@x.io"), *used(3), *used(3, person="c@x.io"), *used(1, person="d@x.io")]
    )
    report = asked(world, "me last 7d", ALICE)
    assert report.headline == "You used 6 credits, rank 2 of 4"
    assert column(table_of(report), "model") == ["GPT-4o"]
    assert "@x.io" not in str(report)


def test_there_is_no_rank_among_two(world: World) -> None:
    world.write([*used(5, person="b@x.io"), *used(3), *used(9, person=None)])
    assert asked(world, "me last 7d", ALICE).headline == "You used 6 credits"


def test_a_prompt_is_compared_from_fifty_prompts_on(world: World) -> None:
    world.write([*used(50, model="claude-3-haiku"), *used(50, person="b@x.io")])
    fact = facts(asked(world, "me last 7d", ALICE))["credits_per_prompt"]
    assert (fact.value, fact.note) == (500_000, "everyone: 1.2")
    world.write(used(9, person="c@x.io"))
    fact = facts(asked(world, "me last 7d", "c@x.io"))["credits_per_prompt"]
    assert fact.note == "too few to compare: 9 of 50 prompts"


def test_the_own_limit_stands_beside_the_month(world: World) -> None:
    world.write([*used(1, days=50), *used(6)])
    with writing(world.engine) as connection:
        set_budget(
            connection,
            1,
            scope="person",
            target_id=world.labels.person_id(ALICE),
            period="monthly",
            amount=10_000_000,
            now=NOW,
        )
    report = asked(world, "me last 7d", ALICE)
    assert (facts(report)["budget"].value, facts(report)["budget"].note) == (
        10_000_000,
        "120% used this month",
    )
    assert "Your limit this month: Over budget since 29 March: 12 of 10." in notes(report)


def test_somebody_who_is_not_linked_is_told_how(world: World) -> None:
    world.write(used(1))
    report = asked(world, "me", None)
    assert "not linked to any usage" in report.headline
    assert "`creditbot people link NAME slack:T1:U1`" in notes(report)
    assert report.period is None


def test_nothing_used_is_said(world: World) -> None:
    world.write([*used(1), *used(1, days=40, person="b@x.io")])
    assert asked(world, "me last 7d", "b@x.io").headline.startswith("No usage of b@x.io in")
    world.write(used(2, person="b@x.io", ok=False))
    assert asked(world, "me last 7d", "b@x.io").headline == "You used 0 credits"
