"""From alerts to messages: who is told, when, and that it is planned once."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from analytics.figures import BudgetFigure
from bot.alerts import routing
from bot.alerts.kinds import OVER
from bot.alerts.routing import route
from bot.chat import SendError
from bot.context import Place
from storage.alerts import acknowledge, alert_by_id, resolve, route_again, snooze
from storage.budgets import set_budget
from storage.claims import DESTINATION, claim_render
from storage.destinations import destination_of, list_destinations, set_quiet_hours
from storage.engine import reading, writing
from storage.events import MICRO
from storage.labels import link_alias
from storage.levels import check_levels
from storage.notices import GONE, sweep
from storage.outbox import DELIVERY, DeliveryRow, history
from storage.preferences import set_preference
from storage.roles import set_role
from storage.routes import add_route, end_routes, list_routes, skip_waiting
from storage.timekeys import to_micros
from storage.workspaces import bind_chat
from tests.alerted import crossing, fire, happening, kept
from tests.analytics.spending import march
from tests.analytics.world import World
from tests.bot.delivery.delivering import Clock, Office
from tests.cast import ALICE, NOW, event

HOUR = timedelta(hours=1)
EVENING = NOW.replace(day=24, hour=18, minute=0)
SOON = EVENING + timedelta(minutes=1)
NIGHT = NOW.replace(day=24, hour=23, minute=0)
MORNING = NOW.replace(day=25, hour=7, minute=0)
QUIET = (22 * 60, 7 * 60)


@pytest.fixture
def world(engine: sa.Engine) -> World:
    """A workspace that Slack's T1 talks to, with one admin; 15,230 of 20,000 credits are used."""
    return prepared(engine)


def prepared(engine: sa.Engine) -> World:
    world = World(engine)
    march(world)
    with writing(engine) as connection:
        bind_chat(connection, 1, platform="slack", external_id="T1", now=NOW)
        who = {"platform": "slack", "external_id": "T1", "user_id": "UADMIN"}
        set_role(connection, 1, **who, role="admin")
        set_budget(
            connection, 1, scope="workspace", target_id=0, period="monthly",
            amount=20_000 * MICRO, now=NOW,
        )  # fmt: skip
    return world


def channel(world: World, name: str = "ops", **wanted: Any) -> int:  # noqa: ANN401
    """The destination of a channel that is told of alerts."""
    with writing(world.engine) as connection:
        made = destination_of(
            connection,
            1,
            platform="slack",
            external_id="T1",
            place=Place(f"C{name}", name),
            actor="slack:T1:UADMIN",
            now=NOW,
        )
        add_route(connection, 1, destination_id=made.id, actor="slack:T1:UADMIN", now=NOW, **wanted)
    return made.id


def quiet(world: World, destination: int) -> None:
    with writing(world.engine) as connection:
        set_quiet_hours(connection, 1, destination, hours=QUIET, zone="Europe/Berlin")


def rows(world: World, alert: int | None = None) -> list[DeliveryRow]:
    """The deliveries, oldest first."""
    with reading(world.engine) as connection:
        return history(connection, 1, alert_id=alert, limit=100)[::-1]


def told(world: World, alert: int | None = None) -> list[str]:
    """The names of the destinations that a message is planned for."""
    with reading(world.engine) as connection:
        known = list_destinations(connection, 1)
    return [known[row.destination_id].name for row in rows(world, alert) if row.act == "post"]


def sent(world: World, delivery: DeliveryRow, now: datetime = EVENING) -> None:
    """Let a post have arrived."""
    values = {"state": "sent", "platform_message_id": "m1", "sent_at": now, "ended_at": now}
    with writing(world.engine) as connection:
        connection.execute(sa.update(DELIVERY).where(DELIVERY.c.id == delivery.id).values(**values))


def posted(world: World) -> DeliveryRow:
    """The only post, arrived."""
    (post,) = rows(world)
    sent(world, post)
    return post


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


# ---- when


def test_in_quiet_hours_75_waits_for_the_morning_and_tells_the_value_of_then(world: World) -> None:
    quiet(world, channel(world))
    number = fire(world.engine, crossing(fired_at=NIGHT))
    route(world.engine, NIGHT)
    (row,) = rows(world)
    assert row.not_before == MORNING
    assert row.line == f"alerts show {number} at=2026-03-25T07:00:00+01:00"
    assert "Kept back since 24 Mar 23:00" in repr(world.ask(row.line))


def test_75_and_90_in_the_night_leave_as_one_post(world: World) -> None:
    quiet(world, channel(world))
    fire(world.engine, crossing(75, fired_at=NIGHT))
    route(world.engine, NIGHT)
    fire(world.engine, crossing(90, fired_at=NIGHT + HOUR))
    route(world.engine, NIGHT + HOUR)
    first, second = rows(world)
    assert (first.state, first.reason) == ("skipped", "told together with alert 2")
    assert first.superseded_by == second.id
    assert (second.state, second.not_before) == ("planned", MORNING)
    assert "Passed 75 and 90% on" in repr(world.ask(second.line))


def test_100_breaks_through_quiet_hours_and_takes_what_waits_along(world: World) -> None:
    quiet(world, channel(world))
    fire(world.engine, crossing(75, fired_at=NIGHT))
    route(world.engine, NIGHT)
    fire(world.engine, crossing(100, fired_at=NIGHT + HOUR))
    route(world.engine, NIGHT + HOUR)
    first, second = rows(world)
    assert first.state == "skipped"
    assert second.not_before <= NIGHT + HOUR


def test_a_snoozed_budget_is_told_when_the_snooze_is_over(world: World) -> None:
    channel(world)
    fire(world.engine, crossing(75, fired_at=EVENING))
    route(world.engine, EVENING)
    with writing(world.engine) as connection:
        snooze(connection, 1, 1, until=EVENING + 24 * HOUR)
    second = fire(world.engine, crossing(90, fired_at=EVENING + HOUR))
    assert route(world.engine, EVENING + HOUR) == 0
    assert route(world.engine, EVENING + 25 * HOUR) == 1
    assert " at=2026-03-25T19:00:00+01:00" in rows(world, second)[0].line


@pytest.mark.parametrize(("snoozed", "planned"), [(75, 1), (100, 0)])
def test_a_snooze_hushes_100_only_where_it_was_said_of_100(
    world: World, snoozed: int, planned: int
) -> None:
    channel(world)
    fire(world.engine, crossing(snoozed, fired_at=EVENING))
    route(world.engine, EVENING)
    with writing(world.engine) as connection:
        snooze(connection, 1, 1, until=EVENING + 24 * HOUR)
    fire(world.engine, crossing(100, dedupe_key="later", fired_at=EVENING + HOUR))
    assert route(world.engine, EVENING + HOUR) == planned


def test_an_alert_older_than_its_period_is_no_post_but_has_its_reason(world: World) -> None:
    channel(world)
    fire(world.engine, crossing(fired_at=EVENING))
    route(world.engine, EVENING + timedelta(days=10))
    (row,) = rows(world)
    assert (row.state, row.reason) == ("skipped", "its period was over before it could be told")


def test_a_clock_that_is_not_believed_ends_no_period(world: World) -> None:
    channel(world)
    number = fire(world.engine, crossing(fired_at=EVENING))
    assert route(world.engine, EVENING + timedelta(days=10), is_sure=lambda: False) == 0
    assert rows(world) == []
    route(world.engine, EVENING, is_sure=lambda: False)
    (row,) = rows(world, number)
    assert row.state == "planned"


def test_what_could_not_leave_in_its_period_is_named_by_the_next_digest(world: World) -> None:
    first, second = channel(world), channel(world, "sales")
    fire(world.engine, crossing(90, fired_at=EVENING))
    later = EVENING + timedelta(days=10)  # 3 April
    route(world.engine, later)
    words = "March credits passed 90% (15,230 of 20,000); the alert could not be told in time."
    named = {
        day: words in repr(world.ask(f"digest daily 2026-04-0{day}", now=later + 72 * HOUR))
        for day in (2, 3, 4)
    }
    assert named == {2: False, 3: True, 4: False}
    assert {row.destination_id for row in rows(world)} == {first, second}
    sent(world, rows(world)[0])
    assert words not in repr(world.ask("digest daily 2026-04-03", now=later + 72 * HOUR))


def test_what_was_over_before_is_not_told_with_the_next(world: World) -> None:
    quiet(world, channel(world))
    old = fire(world.engine, crossing(75, fired_at=EVENING))
    ended(world, old, EVENING + HOUR)
    fire(world.engine, crossing(90, fired_at=NIGHT))
    at = MORNING.isoformat()
    assert "Passed 90% on 24 Mar 23:00" in repr(world.ask(f"alerts show 2 from={old} at={at}"))


def test_what_is_told_late_keeps_its_numbers_when_its_post_is_changed(world: World) -> None:
    fire(world.engine, crossing(fired_at=EVENING - 3 * HOUR))
    route(world.engine, EVENING)
    line = rows(world)[0].line
    assert "at=" in line
    before = world.ask(line, now=EVENING)
    world.write([event(ts=to_micros(EVENING) + n) for n in range(91)])
    after = world.ask(line, now=EVENING + HOUR)
    assert after.headline == before.headline
    assert isinstance(before.figure, BudgetFigure)
    assert isinstance(after.figure, BudgetFigure)
    assert after.figure.used == before.figure.used


def test_what_could_not_be_told_for_long_tells_how_things_are_now(world: World) -> None:
    channel(world)
    fire(world.engine, crossing(fired_at=EVENING))
    route(world.engine, EVENING + 5 * HOUR)
    assert rows(world)[0].line.endswith("at=2026-03-24T23:00:00+01:00")


# ---- what is over, or was seen


def ended(world: World, number: int, now: datetime = EVENING) -> None:
    with writing(world.engine) as connection:
        alert = alert_by_id(connection, 1, number)
        assert alert is not None
        facts = {"used": 14_200 * MICRO, "limit": 20_000 * MICRO, "percents": [75]}
        resolve(connection, alert, facts=facts, now=now)


def test_a_resolved_alert_changes_its_post_and_adds_one_line_once(world: World) -> None:
    channel(world)
    number = fire(world.engine, crossing(fired_at=EVENING))
    route(world.engine, EVENING)
    (post,) = rows(world)
    sent(world, post)
    ended(world, number, EVENING + HOUR)
    assert [route(world.engine, EVENING + HOUR) for _ in range(2)] == [2, 0]
    below = [row for row in rows(world) if row.id != post.id]
    assert {(row.act, row.dedupe_key, row.parent_id) for row in below} == {
        ("edit", f"e|{post.id}|2", post.id),
        ("reply", f"r|{post.id}", post.id),
    }
    edit, reply = sorted(below, key=lambda row: row.act)
    assert world.ask(edit.line).is_past
    assert world.ask(reply.line).headline.endswith("are below 75% again, now 71%.")


@pytest.mark.parametrize(("limit", "words"), [(16_000, "lowered to 16,000"), (20_300, "raised to")])
def test_another_limit_that_warns_at_once_changes_the_old_post_and_posts_one_new(
    world: World, limit: int, words: str
) -> None:
    channel(world)
    check_levels(world.engine, EVENING)
    route(world.engine, EVENING)
    old = posted(world)
    with writing(world.engine) as connection:
        set_budget(
            connection, 1, scope="workspace", target_id=0, period="monthly",
            amount=limit * MICRO, now=EVENING,
        )  # fmt: skip
    assert check_levels(world.engine, EVENING + HOUR) == 2
    assert [route(world.engine, EVENING + HOUR) for _ in range(2)] == [2, 0]
    edit, new = sorted((row for row in rows(world) if row.id != old.id), key=lambda row: row.act)
    assert (edit.act, edit.parent_id, new.act) == ("edit", old.id, "post")
    first = repr(world.ask(edit.line))
    assert f"The limit was {words}" in first
    assert "on 24 Mar 19:00; a newer post tells how it stands." in first
    assert "Resolved" not in first


def test_what_is_over_before_it_left_is_never_told(world: World) -> None:
    quiet(world, channel(world))
    number = fire(world.engine, crossing(fired_at=NIGHT))
    route(world.engine, NIGHT)
    ended(world, number, NIGHT + HOUR)
    assert route(world.engine, NIGHT + HOUR) == 0
    (row,) = rows(world)
    assert (row.state, row.reason) == ("skipped", "resolved before it left")


def test_what_another_alert_tells_better_is_not_told_in_the_morning(world: World) -> None:
    quiet(world, channel(world))
    number = fire(world.engine, crossing(kind="projected", dedupe_key="f|1", fired_at=NIGHT))
    route(world.engine, NIGHT)
    with writing(world.engine) as connection:
        alert = alert_by_id(connection, 1, number)
        assert alert is not None
        resolve(connection, alert, state="replaced", facts={"reason": "passed"}, now=NIGHT)
    fire(world.engine, crossing(100, fired_at=NIGHT + HOUR))
    route(world.engine, NIGHT + HOUR)
    states = {(row.alert_id, row.state, row.reason) for row in rows(world)}
    assert (number, "skipped", "another alert tells how things stand now") in states


def test_a_post_that_is_just_leaving_is_changed_when_it_arrived(world: World) -> None:
    channel(world)
    number = fire(world.engine, crossing(fired_at=EVENING))
    route(world.engine, EVENING)
    (post,) = rows(world)
    with writing(world.engine) as connection:
        connection.execute(sa.update(DELIVERY).values(state="sending"))
    ended(world, number)
    assert route(world.engine, EVENING) == 0
    sent(world, post)
    assert route(world.engine, EVENING + HOUR) == 2


@pytest.fixture
def raced(postgres_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> World:
    """On PostgreSQL, where a maker takes what is due just before the router ends it."""

    def late(*args: Any, **more: Any) -> set[str]:  # noqa: ANN401
        with writing(postgres_engine) as connection:
            claim_render(connection, more["now"], lease=timedelta(minutes=1), platforms=("slack",))
        return skip_waiting(*args, **more)

    monkeypatch.setattr(routing, "skip_waiting", late)
    return prepared(postgres_engine)


def test_what_its_maker_took_is_not_told_again_together_with_the_next(raced: World) -> None:
    quiet(raced, channel(raced))
    fire(raced.engine, crossing(75, fired_at=NIGHT))
    route(raced.engine, NIGHT)
    fire(raced.engine, crossing(90, fired_at=MORNING))
    route(raced.engine, MORNING)
    first, second = rows(raced)
    assert first.state == "rendering"
    assert "from=" not in second.line


def test_what_its_maker_took_is_changed_when_it_arrived(raced: World) -> None:
    channel(raced)
    number = fire(raced.engine, crossing(fired_at=EVENING))
    route(raced.engine, EVENING)
    ended(raced, number)
    assert route(raced.engine, EVENING) == 0
    (post,) = rows(raced)
    assert post.state == "rendering"
    sent(raced, post)
    assert route(raced.engine, EVENING + HOUR) == 2


def test_an_alert_that_never_left_is_over_without_a_word(world: World) -> None:
    channel(world)
    number = fire(world.engine, crossing(fired_at=EVENING))
    ended(world, number)
    assert route(world.engine, EVENING) == 0
    assert kept(world.engine, number).routed_at == EVENING


def test_who_saw_an_alert_is_said_in_every_post_once(world: World) -> None:
    channel(world)
    channel(world, "sales")
    number = fire(world.engine, crossing(fired_at=EVENING))
    route(world.engine, EVENING)
    for post in rows(world):
        sent(world, post)
    with writing(world.engine) as connection:
        acknowledge(connection, 1, number, actor="slack:T1:UADMIN", now=EVENING)
    assert [route(world.engine, EVENING) for _ in range(2)] == [2, 0]
    assert sorted(row.act for row in rows(world)) == ["edit", "edit", "post", "post"]


async def test_a_post_says_once_that_it_is_quiet_and_offers_no_second_snooze(world: World) -> None:
    channel(world)
    office = Office(world.engine, clock=Clock(EVENING))
    number = fire(world.engine, crossing(fired_at=EVENING))
    route(world.engine, EVENING)
    await office.work()
    assert "Snooze 24 h" in str(office.platform.posts[-1].payload)
    with writing(world.engine) as connection:
        snooze(connection, 1, number, until=EVENING + HOUR)
    assert [route(world.engine, EVENING) for _ in range(2)] == [1, 0]
    await office.work(2)
    shown = str(office.platform.edits[-1].payload)
    assert "Quiet until 24 Mar 19:00." in shown
    assert "Snooze 24 h" not in shown
    assert "Acknowledge" in shown


# ---- the whole way


async def test_an_alert_is_posted_changed_when_seen_and_struck_through_when_over(
    world: World,
) -> None:
    channel(world)
    office = Office(world.engine, clock=Clock(EVENING))
    number = fire(world.engine, crossing(fired_at=EVENING))
    route(world.engine, EVENING)
    await office.work()
    assert len(office.said) == 1
    assert office.said[0].startswith("76% of March credits used (15,230 of 20,000); 7 days left")
    with writing(world.engine) as connection:
        acknowledge(connection, 1, number, actor="slack:T1:UADMIN", now=EVENING)
    route(world.engine, EVENING)
    await office.work(2)
    ended(world, number, EVENING + HOUR)
    route(world.engine, EVENING + HOUR)
    await office.work(3600, 2, 2)
    assert office.said[1].startswith("Resolved: March credits are below 75% again")
    assert [one.parent for one in office.platform.edits] == ["m1", "m1"]
    assert {row.state for row in rows(world)} == {"sent"}
