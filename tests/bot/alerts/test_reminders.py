"""Reminders: off by default, once a local day while a budget is used up and nobody has seen it."""

from __future__ import annotations

import itertools
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from bot.alerts.reminding import remind
from bot.alerts.routing import route
from bot.context import Place
from storage.alerts import acknowledge, list_alerts, snooze
from storage.destinations import destination_of, set_quiet_hours
from storage.engine import reading, writing
from storage.outbox import DELIVERY
from storage.preferences import set_preference
from storage.routes import add_route
from storage.workspaces import bind_chat
from tests.analytics.world import World
from tests.bot.delivery.delivering import Clock, Office
from tests.cast import NOW
from tests.storage.budgeted import MINUTE, Budgeted, budgeted

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
BEGIN = NOW.replace(day=3, hour=14, minute=0)
numbers = itertools.count(1)


def home(engine: sa.Engine, name: str | None = None) -> Budgeted:
    """A workspace with a budget of 100, a channel that is told, and reminders."""
    place = budgeted(engine, name)
    place.now = BEGIN
    ours, team = place.place.workspace.id, f"T{next(numbers)}"
    with writing(engine) as connection:
        bind_chat(connection, ours, platform="slack", external_id=team, now=BEGIN)
        where: dict[str, Any] = {"platform": "slack", "external_id": team}
        where["place"] = Place("Cops", "ops")
        made = destination_of(connection, ours, **where, actor="slack:T1:UADMIN", now=BEGIN)
        add_route(connection, ours, destination_id=made.id, actor="slack:T1:UADMIN", now=BEGIN)
        set_preference(connection, ours, "alert_reminders", "daily")
    place.limit(100)
    place.look()
    return place


def deliver(place: Budgeted) -> None:
    """Let the two replicas look, and what is planned arrive."""
    for _ in "ab":
        remind(place.engine, place.now)
        route(place.engine, place.now)
    ours = sa.and_(
        DELIVERY.c.workspace_id == place.place.workspace.id, DELIVERY.c.state == "planned"
    )
    with writing(place.engine) as connection:
        gone = {"state": "sent", "platform_message_id": "m", "sent_at": place.now}
        connection.execute(sa.update(DELIVERY).where(ours).values(**gone))


def reminded(place: Budgeted) -> list[tuple[int, str]]:
    """(alert, local day) of each reminder, oldest first."""
    with reading(place.engine) as connection:
        rows = connection.execute(
            sa.select(DELIVERY.c.alert_id, DELIVERY.c.dedupe_key)
            .where(DELIVERY.c.workspace_id == place.place.workspace.id)
            .where(DELIVERY.c.kind == "reminder")
            .order_by(DELIVERY.c.created_at)
        ).all()
    return [(alert, key.rpartition("|")[2]) for alert, key in rows]


@pytest.fixture
def place(sqlite_engine: sa.Engine) -> Budgeted:
    return home(sqlite_engine)


def spent_out(place: Budgeted) -> None:
    place.spend(101)
    deliver(place)


def test_a_workspace_that_did_not_ask_is_not_reminded(place: Budgeted) -> None:
    spent_out(place)
    with writing(place.engine) as connection:
        set_preference(connection, place.place.workspace.id, "alert_reminders", "off")
    place.now += DAY
    assert remind(place.engine, place.now) == 0


def test_it_comes_from_nine_on_once_a_day_from_the_day_after(place: Budgeted) -> None:
    spent_out(place)
    found = []
    for hours in (0, 2, 18.99, 0.01, 8, 15, 10):
        place.now += hours * HOUR
        found.append(len(reminded(place)))
        deliver(place)
    assert reminded(place) == [(1, "2026-03-04"), (1, "2026-03-05")]


def test_quiet_hours_hold_it_unless_100_breaks_through(place: Budgeted) -> None:
    spent_out(place)
    ours = place.place.workspace
    with writing(place.engine) as connection:
        set_quiet_hours(connection, ours.id, 1, hours=(0, 11 * 60), zone=ours.zone)
        connection.execute(sa.text("UPDATE destination SET breaks_through = false"))
    place.now = BEGIN + DAY - 4 * HOUR
    assert remind(place.engine, place.now) == 0
    assert remind(place.engine, place.now + HOUR) == 1


async def test_a_reminder_says_how_things_are_and_is_changed_when_it_is_seen(
    place: Budgeted,
) -> None:
    office = Office(place.engine, clock=Clock(BEGIN))
    place.spend(101)
    route(place.engine, place.now)
    await office.work()
    place.spend(3)
    place.now = office.clock.moment = BEGIN + DAY
    assert remind(place.engine, place.now) == 1
    await office.work()
    said = office.platform.posts[-1].payload
    assert str(said["text"]).startswith("Still over: 104% of March credits used")
    assert "Alert 1 of 3 Mar 14:00: nobody has acknowledged it." in str(said["notes"])
    assert "Acknowledge" in str(said["buttons"])
    with writing(place.engine) as connection:
        ours = place.place.workspace.id
        assert acknowledge(connection, ours, 1, actor="slack:T1:UADMIN", now=place.now)
    place.spend(50)
    route(place.engine, place.now + MINUTE)
    await office.work(60, 2, 2)
    assert len(office.platform.edits) == 2
    texts = [str(one.payload["text"]) for one in office.platform.edits]
    assert any(text.startswith("Still over: 104%") for text in texts)
    assert "nobody has" not in str([one.payload["notes"] for one in office.platform.edits])


class Reminders(RuleBasedStateMachine):
    """Whatever happens: a reminder for each day on which there was a reason, and one only."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__()
        self.place = home(engine, f"reminders {next(numbers)}")
        self.spent: dict[str, int] = {}
        self.wanted: set[tuple[int, str]] = set()
        self.arrived: set[int] = set()

    @initialize()
    def over(self) -> None:
        self.use(101)

    @property
    def today(self) -> date:
        return self.place.place.workspace.clock().local_date(self.place.now)

    @rule(credits=st.sampled_from([30, 70, 101]))
    def use(self, credits: int) -> None:
        (event_id,) = self.place.spend(credits)
        self.spent[event_id] = credits

    @rule(left=st.sampled_from([0, 90, 99]), lasts=st.booleans())
    def fall(self, left: int, *, lasts: bool) -> None:
        event_id = next(reversed(self.spent))
        others = sum(self.spent.values()) - self.spent[event_id]
        self.spent[event_id] = max(0, left - others)
        self.place.correct(event_id, self.spent[event_id])
        if lasts:
            self.place.look(MINUTE)
            self.place.look(10 * MINUTE)

    @rule(hours=st.sampled_from([1, 6, 19, 24, 60]))
    def wait(self, hours: int) -> None:
        self.place.now += hours * HOUR
        self.place.look()

    @rule()
    def see(self) -> None:
        for one in self._open():
            with writing(self.place.engine) as connection:
                ours = self.place.place.workspace.id
                acknowledge(connection, ours, one.id, actor="a:b:c", now=self.place.now)

    @rule(hours=st.sampled_from([12, 30]))
    def hush(self, hours: int) -> None:
        for one in self._open()[-1:]:
            with writing(self.place.engine) as connection:
                ours = self.place.place.workspace.id
                snooze(connection, ours, one.id, until=self.place.now + hours * HOUR)

    @rule()
    def look(self) -> None:
        """What must be told now, in plain words; then it is told."""
        full = [one for one in self._open() if 100 in one.facts["percents"]]
        last = full[-1] if full else None
        if last is not None and self._is_due(last.id, last.fired_at):
            is_quiet = any(
                one.snoozed_until and one.snoozed_until > self.place.now
                for one in self._all()
                if 100 in one.facts["percents"]
            )
            if last.acked_at is None and not is_quiet:
                self.wanted.add((last.id, str(self.today)))
        deliver(self.place)
        self.arrived |= {one.id for one in self._all() if one.routed_at is not None}

    def _is_due(self, number: int, fired_at: datetime) -> bool:
        clock = self.place.place.workspace.clock()
        running = [one for one in self.place.alerts() if one.id == number]
        is_over = sum(self.spent.values()) >= 100
        late = self.place.now.astimezone(clock.zone).hour >= 9
        ends = running[0].facts["end"] > str(self.today)
        return (
            number in self.arrived
            and is_over and late and ends and clock.local_date(fired_at) < self.today
        )  # fmt: skip

    def _all(self) -> list[Any]:
        with reading(self.place.engine) as connection:
            return list_alerts(connection, self.place.place.workspace.id)[::-1]

    def _open(self) -> list[Any]:
        return [one for one in self._all() if one.state == "fired"]

    @invariant()
    def told_is_wanted_once(self) -> None:
        found = reminded(self.place)
        assert len(found) == len(set(found))
        assert set(found) == self.wanted


def test_reminders_are_the_oracles_whatever_happens_in_which_order(engine: sa.Engine) -> None:
    few = settings(
        settings.default,
        max_examples=20 if engine.dialect.name == "sqlite" else 5,
        stateful_step_count=25,
    )
    run_state_machine_as_test(lambda: Reminders(engine), settings=few)  # type: ignore[arg-type]  # it takes factories too


def test_the_preference_is_an_admins_and_read_by_its_words(sqlite_engine: sa.Engine) -> None:
    world = World(sqlite_engine)
    report = world.ask("preferences set reminders=daily")
    assert "Budget reminders" in repr(report)
    with reading(sqlite_engine) as connection:
        kept = connection.execute(sa.text("SELECT value FROM preference")).scalars().all()
    assert list(kept) == ["daily"]
