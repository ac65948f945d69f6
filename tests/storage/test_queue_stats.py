"""The outbox, counted: what waits, what may be there or not, which channels are dead or weak."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import SQLModel

from storage.engine import reading, writing
from storage.outbox import NewDelivery, State, insert_deliveries
from storage.queue_stats import (
    Queue,
    at_least_once,
    count_dead,
    dead_destinations,
    pauses,
    queue_of,
)
from tests.cast import NOW
from tests.databases import elsewhere

DESTINATION = SQLModel.metadata.tables["destination"]
DELIVERY = SQLModel.metadata.tables["delivery"]
PAUSE = SQLModel.metadata.tables["chat_pause"]
PAST = NOW - timedelta(days=400)


def destination(engine: sa.Engine, channel: str, *, workspace_id: int = 1, **more: object) -> int:
    """The id of a new Slack channel."""
    with writing(engine) as connection:
        count = sa.select(sa.func.count()).select_from(DESTINATION)
        number = int(connection.execute(count).scalar_one()) + 1
        usual = {"name": channel, "state": "ok", "created_by": "slack:T1:U1", "created_at": NOW}
        connection.execute(
            sa.insert(DESTINATION).values(
                workspace_id=workspace_id,
                id=number,
                platform="slack",
                external_id="T1",
                channel_id=channel,
                **dict.fromkeys(("lane_until", "not_before", "served_at"), PAST),
                **(usual | more),
            )
        )
    return number


def deliver(  # noqa: PLR0913  # what a delivery can differ in
    engine: sa.Engine,
    to: int,
    state: State,
    *,
    late: timedelta = timedelta(),
    maybe_sent_at: datetime | None = None,
    quiet_until: datetime | None = None,
    workspace_id: int = 1,
) -> None:
    """A delivery that was due so long ago."""
    row = NewDelivery(
        workspace_id=workspace_id,
        dedupe_key=f"{to} {state} {late} {maybe_sent_at}",
        kind="digest",
        trigger="schedule",
        destination_id=to,
        actor="slack:T1:U1",
        due_at=NOW - late,
        created_at=NOW - late,
        not_before=quiet_until,
    )
    with writing(engine) as connection:
        [made] = insert_deliveries(connection, [row])
        this = DELIVERY.c.id == made
        values = {"state": state, "maybe_sent_at": maybe_sent_at}
        connection.execute(sa.update(DELIVERY).where(this).values(values))


def queue(engine: sa.Engine, workspace_id: int | None = None) -> Queue:
    with reading(engine) as connection:
        return queue_of(connection, NOW, workspace_id=workspace_id)


def test_an_empty_outbox_has_nothing_that_waits(engine: sa.Engine) -> None:
    assert queue(engine).total == 0
    assert queue(engine).oldest_due is None


def test_open_rows_are_counted_by_state_and_ended_ones_are_not(engine: sa.Engine) -> None:
    to = destination(engine, "C1")
    for state in ("planned", "rendering", "ready", "sending", "sent", "dead", "skipped"):
        deliver(engine, to, state)
    deliver(engine, to, "ready", late=timedelta(minutes=3))
    found = queue(engine)
    assert found.waiting == {"planned": 1, "rendering": 1, "ready": 2, "sending": 1}
    assert found.oldest_due == NOW - timedelta(minutes=3)


def test_what_is_not_due_yet_does_not_wait_since_then(engine: sa.Engine) -> None:
    deliver(engine, destination(engine, "C1"), "planned", late=-timedelta(hours=1))
    assert queue(engine).waiting["planned"] == 1
    assert queue(engine).oldest_due is None


def test_what_waits_too_long_is_late_and_then_lost(engine: sa.Engine) -> None:
    to = destination(engine, "C1")
    for hours in (1, 3, 7):
        deliver(engine, to, "ready", late=timedelta(hours=hours))
    assert (queue(engine).late, queue(engine).lost) == (2, 1)


def test_what_waited_for_the_morning_is_due_since_then(engine: sa.Engine) -> None:
    to, night = destination(engine, "C1"), timedelta(hours=9)
    deliver(engine, to, "planned", late=night, quiet_until=NOW + timedelta(hours=1))
    assert (queue(engine).oldest_due, queue(engine).lost) == (None, 0)
    morning = NOW - timedelta(minutes=2)
    deliver(engine, to, "ready", late=night, quiet_until=morning)
    assert (queue(engine).oldest_due, queue(engine).lost) == (morning, 0)


def test_what_may_have_arrived_is_counted_apart(engine: sa.Engine) -> None:
    to = destination(engine, "C1")
    deliver(engine, to, "ready", maybe_sent_at=NOW)
    deliver(engine, to, "sending", maybe_sent_at=NOW)
    deliver(engine, to, "ambiguous", maybe_sent_at=NOW)
    assert (queue(engine).unknown, queue(engine).ambiguous) == (1, 1)


def test_another_workspace_counts_only_for_the_installation(engine: sa.Engine) -> None:
    theirs = elsewhere(engine).id
    to = destination(engine, "C9", workspace_id=theirs)
    for state in ("ready", "ambiguous"):
        deliver(engine, to, state, workspace_id=theirs)
    assert (queue(engine, 1).total, queue(engine, 1).ambiguous) == (0, 0)
    assert (queue(engine).total, queue(engine, theirs).ambiguous) == (1, 1)


def test_dead_and_weak_channels_are_named_to_their_workspace_only(engine: sa.Engine) -> None:
    destination(engine, "C1", state="dead", dead_reason="destination: is_archived")
    destination(engine, "C2", can_read_history=False)
    destination(engine, "C3", can_read_history=True)
    destination(engine, "C4")
    theirs = elsewhere(engine).id
    destination(engine, "C5", workspace_id=theirs, state="dead")
    with reading(engine) as connection:
        [dead] = dead_destinations(connection, workspace_id=1)
        weak = at_least_once(connection, workspace_id=1)
        assert count_dead(connection) == 2
    assert (dead.name, dead.reason) == ("C1", "destination: is_archived")
    assert [one.name for one in weak] == ["C2"]


def test_a_paused_platform_is_told_until_its_time_or_until_it_answers(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        for team, until, probe in (("T1", 60, False), ("T2", -60, False), ("T3", -60, True)):
            values = {"external_id": team, "until": NOW + timedelta(seconds=until)}
            connection.execute(
                sa.insert(PAUSE).values(
                    workspace_id=1, platform="slack", reason=team, needs_probe=probe, **values
                )
            )
    with reading(engine) as connection:
        assert [one.reason for one in pauses(connection, NOW)] == ["T3", "T1"]
