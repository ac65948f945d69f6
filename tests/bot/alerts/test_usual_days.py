"""What was told of an unusual day is taken back with the usage that made it one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import sqlalchemy as sa

from bot.render import text
from storage.alerts import Alert
from storage.changes import delete
from tests.analytics.world import World
from tests.bot.alerts.test_watch import DAY, HOUR, Looking, M, alerts, days_of
from tests.cast import NOW


class Twice:
    """A day that was imported twice, told as unusual; `undo` takes the second import back."""

    def __init__(self, engine: sa.Engine) -> None:
        self.world = World(engine)
        self.world.write([*days_of(date(2026, 3, 23), 60)])
        self.twice = [
            replace(one, event_id=f"again-{one.event_id}", credits=900 * M)
            for one in days_of(date(2026, 3, 23), 1)
        ]
        self.world.write(self.twice)
        self.looking = Looking(engine, NOW.replace(day=24, hour=1))
        assert self.looking.look() == 1

    def undo(self) -> None:
        keys = [(1, one.event_id) for one in self.twice]
        world, now = self.world, self.looking.now
        delete(world.engine, world.workspace, keys, actor="alice", reason="twice", now=now)

    @property
    def alert(self) -> Alert:
        (found,) = alerts(self.world, "anomaly")
        return found


def test_a_day_whose_usage_was_taken_back_is_over_after_ten_minutes(
    sqlite_engine: sa.Engine,
) -> None:
    twice = Twice(sqlite_engine)
    minutes = timedelta(minutes=5)
    assert [twice.looking.look(minutes) for _ in range(3)] == [0, 0, 0]
    twice.undo()
    assert [twice.looking.look(minutes) for _ in range(4)] == [0, 0, 1, 0]
    assert twice.alert.state == "resolved"
    report = twice.world.ask(f"alerts show {twice.alert.id} part=resolved", now=twice.looking.now)
    words = "Resolved: 23 Mar is not unusual any more: usage was corrected or came late."
    assert words in text.render(report)


def test_a_day_that_is_soon_unusual_again_was_never_over(sqlite_engine: sa.Engine) -> None:
    twice, minutes = Twice(sqlite_engine), timedelta(minutes=5)
    twice.undo()
    twice.looking.look(minutes)
    twice.world.write([replace(one, event_id=f"new-{one.event_id}") for one in twice.twice])
    assert [twice.looking.look(minutes) for _ in range(4)] == [0, 0, 0, 0]
    assert twice.alert.state == "fired"


def test_a_day_that_is_judged_no_more_stays_as_it_was_told(sqlite_engine: sa.Engine) -> None:
    twice = Twice(sqlite_engine)
    twice.looking.look(3 * DAY)
    twice.undo()
    assert [twice.looking.look(HOUR), twice.looking.look(HOUR)] == [0, 0]
    assert twice.alert.state == "fired"
