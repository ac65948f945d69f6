"""The post of an alert: when it leaves, and how it is changed when seen, quiet or over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from analytics.figures import BudgetFigure
from bot.alerts import routing
from bot.alerts.routing import route
from storage.alerts import acknowledge, alert_by_id, resolve, snooze
from storage.budgets import set_budget
from storage.claims import claim_render
from storage.engine import writing
from storage.events import MICRO
from storage.levels import check_levels
from storage.outbox import DELIVERY
from storage.routes import skip_waiting
from storage.timekeys import to_micros
from tests.alerted import crossing, fire, kept
from tests.analytics.world import World
from tests.bot.alerts.routed import (
    EVENING,
    HOUR,
    MORNING,
    NIGHT,
    channel,
    ended,
    posted,
    prepared,
    quiet,
    rows,
    sent,
    world,
)
from tests.bot.delivery.delivering import Clock, Office
from tests.cast import event

__all__ = ["world"]  # fixtures


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


def test_good_news_waits_for_the_end_of_quiet_hours_and_the_post_says_it_at_once(
    world: World,
) -> None:
    quiet(world, channel(world))
    number = fire(world.engine, crossing(fired_at=EVENING))
    route(world.engine, EVENING)
    posted(world)
    ended(world, number, NIGHT)
    route(world.engine, NIGHT)
    waits = {row.act: row.not_before for row in rows(world)}
    assert waits["reply"] == MORNING
    assert waits["edit"] <= NIGHT


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
