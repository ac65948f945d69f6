"""From alerts to messages: who is told, also when a channel dies, and that it is planned once."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot.alerts.kinds import OVER
from bot.alerts.routing import route
from bot.chat import SendError
from storage.alerts import route_again
from storage.claims import DESTINATION
from storage.destinations import list_destinations
from storage.engine import reading, writing
from storage.events import MICRO
from storage.labels import link_alias
from storage.notices import GONE, sweep
from storage.outbox import DELIVERY
from storage.preferences import set_preference
from storage.routes import end_routes, list_routes
from storage.workspaces import bind_chat
from tests.alerted import crossing, fire, happening, kept
from tests.analytics.world import World
from tests.bot.alerts.routed import EVENING, HOUR, NIGHT, channel, quiet, rows, told, world
from tests.bot.delivery.delivering import Clock, Office
from tests.cast import ALICE, NOW

__all__ = ["world"]  # fixtures


SOON = EVENING + timedelta(minutes=1)


# ---- who is told


def test_what_has_no_route_goes_to_admins_and_owners_once_each(world: World) -> None:
    number = fire(world.engine, crossing(fired_at=EVENING))
    owners = ("slack:T1:UOWNER", "slack:T1:UADMIN", "slack:T9:USTRANGER", "nonsense")
    assert route(world.engine, EVENING, owners) == 2
    assert sorted(told(world, number)) == ["slack:T1:UADMIN", "slack:T1:UOWNER"]
    assert {row.actor for row in rows(world)} == {"slack:T1:UADMIN", "slack:T1:UOWNER"}
    with reading(world.engine) as connection:
        assert all(one.is_direct for one in list_destinations(connection, 1).values())


def test_a_route_takes_its_kind_and_scope_and_what_is_left_goes_to_admins(world: World) -> None:
    channel(world, "ops", kind="threshold")
    channel(world, "sales", scope="department", target_id=1)
    budget = fire(world.engine, crossing(fired_at=EVENING))
    odd = fire(world.engine, happening("silent", {"source": "x"}, fired_at=EVENING))
    sales = fire(
        world.engine,
        crossing(scope="department", target_id=1, dedupe_key="a|2|x", fired_at=EVENING),
    )
    route(world.engine, EVENING)
    assert told(world, budget) == ["ops"]
    assert told(world, odd) == ["slack:T1:UADMIN"]
    assert sorted(told(world, sales)) == ["ops", "sales"]


def test_a_route_that_is_off_takes_nothing(world: World) -> None:
    channel(world)
    with writing(world.engine) as connection:
        end_routes(connection, 1, [one.id for one in list_routes(connection, 1)])
    number = fire(world.engine, crossing(fired_at=EVENING))
    route(world.engine, EVENING)
    assert told(world, number) == ["slack:T1:UADMIN"]


def test_a_personal_limit_is_told_to_its_person_alone(world: World) -> None:
    channel(world)
    person: dict[str, Any] = {"scope": "person", "target_id": 1}
    nobody = fire(world.engine, crossing(fired_at=EVENING, **person))
    route(world.engine, EVENING)
    with writing(world.engine) as connection:
        link_alias(connection, 1, "slack:T1:UALICE", person_id=1)
    alice = fire(world.engine, crossing(90, fired_at=EVENING, **person))
    route(world.engine, EVENING)
    # Without an identity in a chat nobody else may be told but admins.
    assert told(world, nobody) == ["slack:T1:UADMIN"]
    assert told(world, alice) == [ALICE]
    assert rows(world, alice)[0].actor == "slack:T1:UALICE"


@pytest.mark.parametrize(
    ("last", "told_by"),
    [
        ("discord:42:77", ["discord:42:77"]),
        ("slack:T1:UALICE", ["slack:T1:UALICE"]),
        (None, ["discord:42:77", "slack:T1:UALICE"]),
        ("slack:T9:UGONE", ["discord:42:77", "slack:T1:UALICE"]),
    ],
)
def test_a_personal_limit_is_told_where_its_person_asked_last_else_everywhere(
    world: World, last: str | None, told_by: list[str]
) -> None:
    two_chats(world)
    with writing(world.engine) as connection:
        if last:
            set_preference(connection, 1, "last_chat", last, person_id=1)
    number = fire(world.engine, crossing(fired_at=EVENING, scope="person", target_id=1))
    route(world.engine, EVENING)
    assert sorted(row.actor for row in rows(world, number)) == told_by


def test_a_conversation_that_is_dead_is_not_where_a_person_is_told(world: World) -> None:
    two_chats(world)
    with writing(world.engine) as connection:
        set_preference(connection, 1, "last_chat", "discord:42:77", person_id=1)
    person: dict[str, Any] = {"scope": "person", "target_id": 1}
    fire(world.engine, crossing(fired_at=EVENING, **person))
    route(world.engine, EVENING)
    with writing(world.engine) as connection:
        connection.execute(
            sa.text("UPDATE destination SET state = 'dead' WHERE platform='discord'")
        )
    number = fire(world.engine, crossing(90, fired_at=EVENING, **person))
    route(world.engine, EVENING)
    assert [row.actor for row in rows(world, number)] == ["slack:T1:UALICE"]


def two_chats(world: World) -> None:
    """Alice in Slack's T1 and in Discord's 42."""
    with writing(world.engine) as connection:
        bind_chat(connection, 1, platform="discord", external_id="42", now=NOW)
        for actor in ("slack:T1:UALICE", "discord:42:77"):
            link_alias(connection, 1, actor, person_id=1)


def test_what_a_channel_must_not_know_of_people_goes_to_admins(world: World) -> None:
    channel(world)
    with writing(world.engine) as connection:
        set_preference(connection, 1, "people_visibility", "admins")
    alone: dict[str, Any] = {"scope": "department", "target_id": 1}  # one person is behind it
    number = fire(world.engine, crossing(fired_at=EVENING, **alone))
    route(world.engine, EVENING)
    assert told(world, number) == ["slack:T1:UADMIN"]


# ---- a destination that takes nothing any more


def office_of(world: World, *script: SendError) -> Office:
    office = Office(world.engine, clock=Clock(EVENING))
    office.platform.script.extend(script)
    return office


def deaths(world: World, alert: int | None = None) -> list[tuple[str, str | None]]:
    return [(row.state, row.reason) for row in rows(world, alert) if row.act == "post"]


async def test_an_alert_whose_channel_dies_at_its_post_is_told_to_the_admins_once(
    world: World,
) -> None:
    ops = channel(world)
    office = office_of(world, SendError("destination", "is_archived"))
    number = fire(world.engine, crossing(90, fired_at=EVENING))
    route(world.engine, EVENING)
    await office.work(5)
    assert [route(world.engine, SOON) for _ in range(2)] == [1, 0]
    await office.work(60, 5)
    assert deaths(world, number) == [("dead", "destination: is_archived"), ("sent", None)]
    (warning,) = [post for post in office.platform.posts if "76%" in str(post.payload["text"])]
    assert warning.channel == "UADMIN"
    assert rows(world, number)[0].destination_id == ops


async def test_all_alerts_that_wait_for_a_channel_that_dies_go_to_the_admins(world: World) -> None:
    quiet(world, channel(world))
    waits = fire(world.engine, crossing(75, subject="budget:2", dedupe_key="w", fired_at=NIGHT))
    merged = fire(world.engine, crossing(75, fired_at=NIGHT))
    route(world.engine, NIGHT)
    held = fire(world.engine, crossing(90, fired_at=NIGHT + HOUR))
    route(world.engine, NIGHT + HOUR)
    full = fire(world.engine, crossing(100, subject="budget:3", dedupe_key="f", fired_at=NIGHT))
    route(world.engine, NIGHT + HOUR)
    office = office_of(world, SendError("destination", "not_in_channel"))
    office.clock.moment = NIGHT + HOUR
    await office.work(5)
    route(world.engine, NIGHT + 2 * HOUR)
    admins = {number: told(world, number)[-1] for number in (waits, held, full)}
    assert set(admins.values()) == {"slack:T1:UADMIN"}
    assert f" from={merged} " in rows(world, held)[-1].line  # what it was to tell of, too


async def test_a_limit_whose_person_takes_no_messages_is_told_to_the_admins(world: World) -> None:
    with writing(world.engine) as connection:
        link_alias(connection, 1, "slack:T1:UALICE", person_id=1)
    office = office_of(world, SendError("destination", "cannot_dm_bot"))
    person: dict[str, Any] = {"scope": "person", "target_id": 1}
    number = fire(world.engine, crossing(90, fired_at=EVENING, **person))
    route(world.engine, EVENING)
    await office.work(5)
    route(world.engine, SOON)
    assert told(world, number) == [ALICE, "slack:T1:UADMIN"]
    later = fire(world.engine, crossing(100, fired_at=EVENING, **person))
    route(world.engine, EVENING)
    assert told(world, later) == ["slack:T1:UADMIN"]  # that it takes none is known by now


def test_what_came_for_a_stopped_channel_meanwhile_is_told_to_the_admins(world: World) -> None:
    ops = channel(world)
    number = fire(world.engine, crossing(90, fired_at=EVENING))
    route(world.engine, EVENING)
    with writing(world.engine) as connection:
        stopped = sa.update(DESTINATION).where(DESTINATION.c.id == ops)
        connection.execute(stopped.values(state="dead"))
        assert sweep(connection, EVENING) == 1
    route(world.engine, SOON)
    assert told(world, number) == ["ops", "slack:T1:UADMIN"]


def test_a_digest_names_what_was_lost_with_its_channel_and_too_late_for_others(
    world: World,
) -> None:
    channel(world)
    number = fire(world.engine, crossing(90, fired_at=EVENING))
    route(world.engine, EVENING)
    later = EVENING + timedelta(days=10)  # 3 April
    with writing(world.engine) as connection:
        connection.execute(sa.update(DESTINATION).values(state="dead"))
        sweep(connection, later)
    route(world.engine, later)
    assert [row.reason for row in rows(world, number)] == [GONE, OVER]
    words = "the alert could not be told in time."
    assert words in repr(world.ask("digest daily 2026-04-03", now=later + 72 * HOUR))


def test_an_alert_is_told_again_where_its_post_was_lost_only_when_it_surely_was(
    world: World,
) -> None:
    channel(world)
    number = fire(world.engine, crossing(90, fired_at=EVENING))
    route(world.engine, EVENING)
    lost = {"state": "skipped", "reason": GONE, "ended_at": EVENING}
    planned = []
    for may_be_there in (EVENING, None):
        with writing(world.engine) as connection:
            connection.execute(sa.update(DELIVERY).values(**lost, maybe_sent_at=may_be_there))
            route_again(connection, 1, [number])
        planned.append(route(world.engine, EVENING))
    assert planned == [0, 1]
    assert len({row.dedupe_key for row in rows(world, number)}) == 2


# ---- once


def test_routing_twice_plans_once(world: World) -> None:
    channel(world)
    fire(world.engine, crossing(fired_at=EVENING))
    assert [route(world.engine, EVENING) for _ in range(2)] == [1, 0]
    assert len(rows(world)) == 1


def test_three_replicas_that_route_at_once_plan_once(world: World) -> None:
    for name in ("ops", "sales", "all"):
        channel(world, name)
    for percent in (75, 90, 100):
        fire(world.engine, crossing(percent, subject=f"budget:{percent}", fired_at=EVENING))
    gate, planned = threading.Barrier(3), []

    def replica() -> None:
        gate.wait(timeout=20)
        planned.append(route(world.engine, EVENING))

    threads = [threading.Thread(target=replica) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sum(planned) == 9
    keys = [row.dedupe_key for row in rows(world)]
    assert len(keys) == len(set(keys)) == 9


def test_three_budgets_that_cross_in_one_flush_are_three_posts(world: World) -> None:
    channel(world)
    for number in (1, 2, 3):
        key, subject = f"a|{number}|monthly:2026-03|r1|75|e1", f"budget:{number}"
        fire(world.engine, crossing(dedupe_key=key, subject=subject, fired_at=EVENING))
    assert route(world.engine, EVENING) == 3
    assert [row.state for row in rows(world)] == ["planned"] * 3


def test_an_alert_of_a_kind_that_is_not_known_here_is_left_alone(world: World) -> None:
    number = fire(world.engine, happening("eclipse", {}, fired_at=EVENING))
    assert route(world.engine, EVENING) == 0
    assert kept(world.engine, number).routed_at is None


def test_what_is_routed_keeps_how_its_budget_stood(world: World) -> None:
    channel(world)
    number = fire(world.engine, crossing(fired_at=EVENING))
    route(world.engine, EVENING)
    before = world.ask(f"alerts show {number}", now=EVENING)
    world.ask("budget remove revision=1", now=EVENING)
    assert kept(world.engine, number).facts["standing"]["total"] == 15_230 * MICRO
    assert world.ask(f"alerts show {number}", now=EVENING).figure == before.figure
