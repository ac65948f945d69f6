"""`health` says what is wrong first, and names channels only to those who look after them."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from analytics.report import Fact, Facts, Note, Report
from bot.context import Role
from bot.registry import run
from storage.engine import writing
from storage.replicas import note_tick
from tests.analytics.world import World, table_of
from tests.cast import NOW, event
from tests.storage.test_queue_stats import PAUSE, deliver, destination


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    world = World(sqlite_engine)
    world.write([event()])
    return world


def tick(world: World, name: str = "one", **parts: str) -> None:
    with writing(world.engine) as connection:
        note_tick(connection, name, parts, now=NOW)


def asked(world: World, role: Role = "admin", *, seconds: float = 4) -> Report:
    with world.context(role=role, now=NOW + timedelta(seconds=seconds)) as ctx:
        return run("health", ctx)


def facts(report: Report) -> dict[str, Fact]:
    found = [fact for block in report.blocks if isinstance(block, Facts) for fact in block.facts]
    return {fact.key: fact for fact in found}


def notes(report: Report) -> str:
    said = [block.text for block in report.blocks if isinstance(block, Note)]
    return "\n".join([report.headline, *said])


def test_what_is_well_is_said_in_one_line(world: World) -> None:
    tick(world, slack="up", discord="up")
    report = asked(world)
    assert report.headline == "creditbot is well"
    assert facts(report)["last_tick"].value == "4 s ago"


def test_a_platform_that_nobody_set_up_is_one_line_and_its_messages_are_not_late(
    world: World,
) -> None:
    words = "not set up: 1 message goes there; set CREDITBOT_SLACK_BOT_TOKEN, or end them"
    tick(world, slack=words, discord="up")
    deliver(world.engine, destination(world.engine, "C1"), "ready", late=timedelta(hours=9))
    assert asked(world).headline == f"1 thing to look at: Slack: {words}."


def test_replicas_are_counted_by_what_their_parts_say(world: World) -> None:
    tick(world, "one", discord="up")
    tick(world, "two", discord="standby")
    tick(world, "three", discord="standby")
    report = asked(world)
    assert facts(report)["replicas"].value == 3
    assert table_of(report).rows == (("Discord", "standby", 2), ("Discord", "up", 1))


def test_a_program_that_stands_still_is_the_first_thing_said(world: World) -> None:
    tick(world)
    assert "stands still" in asked(world, seconds=31).headline


@pytest.mark.parametrize(
    ("part", "words"),
    [("slack", "off: Slack refuses it."), ("tick", "stuck"), ("clock", "the clock was moved")],
)
def test_a_part_that_is_unwell_is_named(world: World, part: str, words: str) -> None:
    tick(world, **{part: words})
    assert words.rstrip(".") in asked(world).headline


def test_what_waits_and_how_long_is_told_to_admins(world: World) -> None:
    tick(world)
    to = destination(world.engine, "C1")
    deliver(world.engine, to, "ready", late=timedelta(hours=3), maybe_sent_at=NOW)
    report = asked(world)
    assert report.headline == "1 thing to look at: 1 message waiting for more than 2 h."
    assert facts(report)["waiting"].note == "the oldest 3 h"
    assert facts(report)["unknown"].value == 1


def test_dead_weak_and_paused_channels_are_named_with_what_helps(world: World) -> None:
    tick(world)
    destination(world.engine, "C1", name="sales", state="dead", dead_reason="is_archived")
    destination(world.engine, "C2", name="finance", can_read_history=False)
    with writing(world.engine) as connection:
        connection.execute(
            sa.insert(PAUSE).values(
                workspace_id=1,
                platform="slack",
                external_id="T1",
                until=NOW + timedelta(minutes=5, seconds=4),
                reason="account: invalid_auth",
                needs_probe=False,
            )
        )
    said = notes(asked(world))
    assert "#sales (Slack) takes nothing any more (the channel is archived)." in said
    assert "#finance (Slack) gets messages at least once, perhaps twice" in said
    assert "channels:history" in said
    assert "nothing is sent now, for 5 min more (account: invalid_auth)" in said


def test_a_member_sees_no_channel_and_no_queue(world: World) -> None:
    tick(world, slack="up")
    destination(world.engine, "C1", name="secret", state="dead", dead_reason="is_archived")
    report = asked(world, "member")
    assert "secret" not in repr(report)
    assert set(facts(report)) == {"last_tick", "replicas"}
    assert report.headline == "creditbot is well"


def test_somebodys_direct_messages_stay_unnamed(world: World) -> None:
    tick(world)
    destination(world.engine, "U7", name="Anna", is_direct=True, state="dead")
    assert "Anna" not in repr(asked(world))


def test_each_source_says_when_it_had_usage(world: World) -> None:
    tick(world)
    [source] = [row for block in asked(world).blocks for row in _rows(block) if row[0] == "test"]
    assert source == ("test", "2026-03-30", NOW - timedelta(minutes=5))


def _rows(block: object) -> tuple[tuple[object, ...], ...]:
    return getattr(block, "rows", ())


def test_the_first_thing_that_is_wrong_is_said_once(world: World) -> None:
    said = notes(asked(world))
    assert said.count("`creditbot run` has not run here yet") == 1


def test_a_platform_that_one_of_two_replicas_has_set_up_is_not_called_unset(world: World) -> None:
    tick(world, "one", slack="up", discord="not set up: 1 digest goes there; set its token")
    tick(world, "two", slack="not set up: 1 digest goes there; set its token", discord="up")
    deliver(world.engine, destination(world.engine, "C1"), "ready", late=timedelta(hours=9))
    assert asked(world).headline == "1 thing to look at: 1 message waiting for more than 2 h."
