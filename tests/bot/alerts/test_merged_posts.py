"""What is told together in the morning: no threshold that still holds goes down with another."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa

from bot.alerts.routing import route
from storage.claims import DESTINATION
from storage.engine import writing
from storage.levels import check_levels
from storage.merged import ALONE
from storage.notices import sweep
from tests.alerted import crossing, fire
from tests.analytics.spending import spend
from tests.analytics.world import World
from tests.bot.alerts.routed import (
    HOUR,
    MORNING,
    NIGHT,
    channel,
    ended,
    quiet,
    rows,
    sent,
    told,
    world,
)

__all__ = ["world"]  # fixtures
MINUTE = timedelta(minutes=1)


def crossed(world: World, *percents: int) -> list[int]:
    """Thresholds that are passed in the night, an hour apart, each told with the one before."""
    numbers = []
    for hours, percent in enumerate(percents):
        now = NIGHT + hours * HOUR
        numbers.append(fire(world.engine, crossing(percent, fired_at=now)))
        route(world.engine, now)
    return numbers


def planned(world: World) -> list[str]:
    """The lines that will be told."""
    return [row.line for row in rows(world) if row.state == "planned"]


def test_75_is_told_though_90_that_was_to_tell_of_it_was_taken_back(world: World) -> None:
    quiet(world, channel(world))
    check_levels(world.engine, NIGHT)
    route(world.engine, NIGHT)
    spend(world, {date(2026, 3, 24): 2_900})
    check_levels(world.engine, NIGHT + HOUR)
    route(world.engine, NIGHT + HOUR)
    with writing(world.engine) as connection:
        connection.execute(sa.text("UPDATE budget_usage SET used = used - 2300000000"))
    for minutes in range(60, 75):
        check_levels(world.engine, NIGHT + minutes * MINUTE)
        route(world.engine, NIGHT + minutes * MINUTE)
    ends = {(row.alert_id, row.state, row.reason) for row in rows(world)}
    assert ends == {
        (1, "skipped", ALONE),
        (2, "skipped", "resolved before it left"),
        (1, "planned", None),
    }
    assert planned(world) == ["alerts show 1 at=2026-03-25T07:00:00+01:00"]


def test_what_was_handed_on_twice_is_told_when_the_last_is_over(world: World) -> None:
    quiet(world, channel(world))
    first, second, third = crossed(world, 50, 75, 90)
    ended(world, third, NIGHT + 3 * HOUR)
    for _ in range(2):
        route(world.engine, NIGHT + 3 * HOUR)
    at = "at=2026-03-25T07:00:00+01:00"
    assert planned(world) == [f"alerts show {second} from={first} {at}"]


def test_what_is_over_itself_is_not_told_again(world: World) -> None:
    quiet(world, channel(world))
    first, second = crossed(world, 75, 90)
    ended(world, first, NIGHT + 3 * HOUR)
    ended(world, second, NIGHT + 3 * HOUR)
    for _ in range(2):
        route(world.engine, NIGHT + 3 * HOUR)
    assert planned(world) == []


def test_three_of_one_night_are_named_in_one_post(world: World) -> None:
    quiet(world, channel(world))
    crossed(world, 50, 75, 90)
    (line,) = planned(world)
    assert "Passed 50, 75 and 90% on 24 Mar 23:00" in repr(world.ask(line, now=MORNING))


def test_what_was_to_be_told_along_goes_where_the_channel_is_lost(world: World) -> None:
    quiet(world, channel(world))
    first, second = crossed(world, 75, 90)
    with writing(world.engine) as connection:
        connection.execute(sa.update(DESTINATION).values(state="dead"))
        sweep(connection, NIGHT + 2 * HOUR)
    ended(world, second, NIGHT + 2 * HOUR)
    for _ in range(2):
        route(world.engine, NIGHT + 2 * HOUR)
    assert told(world, first) == ["ops", "slack:T1:UADMIN"]
    assert [row.state for row in rows(world, first)] == ["skipped", "planned"]


def test_what_was_sent_to_another_channel_is_told_once_there(world: World) -> None:
    ops, sales = channel(world), channel(world, "sales")
    quiet(world, ops)
    first, second = crossed(world, 75, 90)
    for row in rows(world):
        if row.destination_id == sales:
            sent(world, row)
    ended(world, second, NIGHT + 2 * HOUR)
    for _ in range(2):
        route(world.engine, NIGHT + 2 * HOUR)
    posts = sorted((row.destination_id, row.state) for row in rows(world, first))
    assert posts == [(ops, "planned"), (ops, "skipped"), (sales, "sent")]
