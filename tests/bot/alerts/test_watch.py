"""The watch: expected overruns, unusual days, silent sources and new advice, each told once."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa

from analytics.report import Actions, Report
from bot.alerts.watch import Watch
from bot.render import discord, slack, text
from storage.alerts import Alert, list_alerts
from storage.budgets import find_budget, keep_budget
from storage.engine import reading, writing
from storage.events import MICRO, Route, UsageEvent
from storage.import_log import BATCH
from storage.ledger import Origin
from storage.locks import hold
from storage.outgoing import AlertThreshold
from storage.routes import keep_facts
from storage.timekeys import to_micros
from tests.analytics.advised import advised
from tests.analytics.spending import march
from tests.analytics.world import World, column, table_of
from tests.cast import NOW, event
from tests.daily_files import bring, came, every_day

M = MICRO
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVENING = NOW.replace(day=24, hour=18, minute=0)
TUESDAY = NOW.replace(day=24, hour=9, minute=0)


class Looking:
    """A watch with a clock to turn; `anew` is what a restart leaves of it."""

    def __init__(self, engine: sa.Engine, now: datetime = EVENING) -> None:
        self.engine, self.now = engine, now
        self.watch = Watch(engine, lambda: self.now)

    def look(self, later: timedelta = timedelta()) -> int:
        self.now += later
        return self.watch.look_now()

    def anew(self) -> None:
        self.watch = Watch(self.engine, lambda: self.now)


@pytest.fixture
def world(engine: sa.Engine) -> World:
    """A workspace that used 15,230 credits up to the evening of 24 March."""
    world = World(engine)
    march(world)
    return world


def alerts(world: World, kind: str = "") -> list[Alert]:
    with reading(world.engine) as connection:
        return list_alerts(connection, 1, kinds=[kind] if kind else ())


# ---- expected overruns


def test_an_overrun_is_told_when_it_was_found_twice_six_hours_apart(world: World) -> None:
    world.ask("budget set 17000 monthly", now=EVENING)
    looking = Looking(world.engine)
    assert [looking.look(), looking.look(3 * HOUR)] == [0, 0]
    assert looking.look(3 * HOUR) == 1
    (alert,) = alerts(world)
    assert alert.dedupe_key == "f|1|monthly:2026-03|r1|over"
    assert world.ask(f"alerts show {alert.id}").headline.startswith(
        "March credits are expected to be used up about 27 Mar; 6 days left, about"
    )


def test_a_restart_forgets_nothing_of_what_was_found(world: World) -> None:
    world.ask("budget set 17000 monthly", now=EVENING)
    looking = Looking(world.engine)
    looking.look()
    looking.anew()
    assert looking.look(6 * HOUR) == 1


def test_an_overrun_less_than_two_days_away_is_told_at_once(world: World) -> None:
    world.ask("budget set 16000 monthly", now=EVENING)
    assert Looking(world.engine).look() == 1
    assert alerts(world)[0].facts["runs_out"] == "2026-03-26"


def test_an_overrun_is_told_once_a_revision(world: World) -> None:
    world.ask("budget set 16000 monthly", now=EVENING)
    looking = Looking(world.engine)
    assert [looking.look(), looking.look(10 * HOUR)] == [1, 0]
    looking.anew()
    assert looking.look(HOUR) == 0


def test_what_holds_is_not_told(world: World) -> None:
    world.ask("budget set 20000 monthly", now=EVENING)
    looking = Looking(world.engine)
    assert [looking.look(), looking.look(7 * HOUR)] == [0, 0]


def test_what_is_used_up_is_told_by_its_thresholds_alone(world: World) -> None:
    world.ask("budget set 15000 monthly", now=EVENING)
    assert Looking(world.engine).look() == 0


def test_after_100_fired_no_overrun_is_told_though_usage_was_corrected(world: World) -> None:
    world.ask("budget set 16000 monthly", now=EVENING)
    first = (date(2026, 3, 1) - date(1970, 1, 1)).days
    fired = {"revision": 1, "percent": 100, "episode": 1, "alert_id": 9, "value": 1}
    table = AlertThreshold.__table__  # type: ignore[attr-defined]  # SQLModel's own attribute
    with writing(world.engine) as connection:
        connection.execute(
            sa.insert(table).values(
                workspace_id=1, budget_id=1, first_day=first, fired_at=NOW, **fired
            )
        )
    assert [one.kind for one in alerts(world)] == []
    assert Looking(world.engine).look() == 0


def test_a_raised_limit_ends_the_alert_with_what_it_is_now(world: World) -> None:
    world.ask("budget set 16000 monthly", now=EVENING)
    looking = Looking(world.engine)
    looking.look()
    world.ask("budget set 25000 monthly revision=1", now=EVENING)
    assert looking.look(HOUR) == 0  # it was seen with the change
    (alert,) = alerts(world)
    assert alert.state == "resolved"
    said = world.ask(f"alerts show {alert.id} part=resolved").headline
    assert said.endswith("not expected to be used up any more (now 60%, the limit is now 25,000).")


def test_no_alert_ends_by_what_was_read_before_the_router_was_done(world: World) -> None:
    world.ask("budget set 16000 monthly", now=EVENING)
    looking = Looking(world.engine)
    looking.look()
    with writing(world.engine) as connection:
        kept = find_budget(connection, 1, "workspace", 0)
        assert kept is not None
        keep_budget(connection, 1, replace(kept, amount=25_000 * M), now=EVENING)
    watch = threading.Thread(target=looking.look, args=(HOUR,))
    with writing(world.engine) as router:
        hold(router, 1)
        (alert,) = list_alerts(router, 1)
        keep_facts(router, alert, {**alert.facts, "standing": {"total": 1}})
        watch.start()
        watch.join(timeout=1)  # it waits here, with whatever it has read by then
    watch.join(timeout=60)
    looking.look(HOUR)
    (alert,) = alerts(world)
    assert (alert.state, alert.facts["standing"]) == ("resolved", {"total": 1})


def test_the_plan_is_watched_where_no_budget_is_set(world: World) -> None:
    world.ask("grants add plan 16000 monthly", now=EVENING)
    assert Looking(world.engine).look() == 1
    assert alerts(world)[0].subject == "plan"


def test_a_period_that_ends_ends_no_alert(world: World) -> None:
    world.ask("budget set 16000 monthly", now=EVENING)
    looking = Looking(world.engine)
    looking.look()
    assert looking.look(10 * DAY) == 0
    assert alerts(world)[0].state == "fired"


# ---- unusual days


def days_of(last: date, count: int, **more: float) -> Iterator[UsageEvent]:
    """Six prompts of six people on each of some days up to the last, of 10 credits each."""
    for ago in range(count):
        noon = NOW.replace(year=last.year, month=last.month, day=last.day, hour=12) - ago * DAY
        for number in range(6):
            credits = round(more.get(f"d{ago}", 10) * MICRO) if number == 0 else 10 * MICRO
            person = f"p{number}@example.com"
            ts = to_micros(noon + number * HOUR / 10)
            yield event(ts=ts, person=person, credits=credits)


def test_an_unusual_day_is_told_once_when_it_is_over(sqlite_engine: sa.Engine) -> None:
    world = World(sqlite_engine)
    world.write([*days_of(date(2026, 3, 23), 60, d0=900)])
    looking = Looking(sqlite_engine, NOW.replace(day=23, hour=23))
    assert looking.look() == 0  # a day that runs is not judged
    assert [looking.look(2 * HOUR), looking.look(HOUR), looking.look(DAY)] == [1, 0, 0]
    (alert,) = alerts(world, "anomaly")
    assert alert.dedupe_key == "y|workspace|2026-03-23|spend"
    report = world.ask(f"alerts show {alert.id}")
    assert report.headline.startswith(
        "Spend is unusual: 950 credits on Monday 23 March, 15.8 times"
    )
    words = "Largest rise: p0@example.com, 890 credits above the mean of 28 days (all of the rise)."
    assert words in repr(report)


def test_an_unusual_day_is_told_by_people_models_tasks_and_sources(
    sqlite_engine: sa.Engine,
) -> None:
    world = World(sqlite_engine)
    world.write([*days_of(date(2026, 3, 23), 60, d0=900)])
    more = [replace(one, task="Coding") for one in days_of(date(2026, 3, 23), 60, d0=300)]
    world.write(more, source="key-ci")
    Looking(sqlite_engine, NOW.replace(day=24, hour=1)).look()
    (alert,) = alerts(world, "anomaly")
    report = world.ask(f"alerts show {alert.id}")
    assert "Of the rise also: " in repr(report)
    assert "source test 75%." in repr(report)
    table = table_of(report)
    names = [group.name for group in table.groups]
    assert names == ["People", "Models", "Tasks", "Projects", "Sources and keys"]
    assert {group.subtotal[2:5] for group in table.groups} == {(1300 * M, 120 * M, 1180 * M)}
    assert column(table, "name")[-2:] == ["test", "key-ci"]


def test_usual_days_are_not_told(sqlite_engine: sa.Engine) -> None:
    world = World(sqlite_engine)
    world.write([*days_of(date(2026, 3, 23), 60)])
    assert Looking(sqlite_engine).look() == 0


def test_a_workspace_of_few_days_claims_nothing(sqlite_engine: sa.Engine) -> None:
    world = World(sqlite_engine)
    world.write([*days_of(date(2026, 3, 23), 20, d0=900)])
    assert Looking(sqlite_engine).look() == 0


# ---- silent sources


def busy(world: World, minutes: int, origin: Origin | None = None) -> None:
    """Events every so many minutes from 9 to 12 on four Tuesdays, today only until 9:10."""
    every = timedelta(minutes=minutes)
    events = [
        event(ts=to_micros(TUESDAY - week * 7 * DAY + step * every))
        for week in range(5)
        for step in range(3 * 60 // minutes)
        if week or step * minutes <= 10
    ]
    world.ledger.write(events, origin or Origin("feed", "events", Route.API), now=NOW)


def test_a_source_that_is_silent_for_long_is_told_once_and_when_it_is_back(world: World) -> None:
    busy(world, 2)
    looking = Looking(world.engine, TUESDAY + 50 * HOUR / 60)
    assert looking.look() == 0
    assert [looking.look(HOUR / 2), looking.look(HOUR), looking.look(HOUR)] == [1, 0, 0]
    (alert,) = alerts(world, "silent")
    assert alert.facts["source"] == "feed"
    back = TUESDAY + 4 * HOUR
    world.ledger.write([event(ts=to_micros(back))], Origin("feed", "events", Route.API), now=NOW)
    assert looking.look(HOUR) == 1
    said = world.ask(f"alerts show {alert.id} part=resolved").headline
    assert said == "Resolved: data from feed is back since 24 Mar 13:00."


def test_a_second_silence_is_told_again(world: World) -> None:
    busy(world, 2)
    looking = Looking(world.engine, TUESDAY + 2 * HOUR)
    looking.look()
    again = event(ts=to_micros(TUESDAY + 2 * HOUR))
    world.ledger.write([again], Origin("feed", "events", Route.API), now=NOW)
    assert [looking.look(HOUR / 10), looking.look(HOUR), looking.look(HOUR)] == [1, 1, 0]
    assert [one.state for one in alerts(world, "silent")] == ["fired", "resolved"]


def test_a_source_of_few_events_is_not_missed(world: World) -> None:
    busy(world, 12)
    looking = Looking(world.engine, TUESDAY + 2 * HOUR)
    assert [looking.look(), looking.look(HOUR)] == [0, 0]


def in_files(world: World, *finished: datetime) -> None:
    """A source of one file, or of some that came at other moments."""
    origin = Origin("file", "events", Route.FILE, 1)
    busy(world, 2, origin)
    last = to_micros(TUESDAY + HOUR / 6)
    row = {"workspace_id": 1, "kind": "events", "file": "a.csv", "started_at": NOW, "counts": {}}
    with writing(world.engine) as connection:
        for number, moment in enumerate(finished, 1):
            ids = {"id": number, "finished_at": moment, "last_ts": last}
            connection.execute(sa.insert(BATCH).values(**row, **ids))
    for number in range(2, len(finished) + 1):
        more = [event(ts=last)]
        world.ledger.write(more, replace(origin, batch_id=number), now=NOW)


def test_a_file_that_came_once_is_no_feed_that_fell_silent(world: World) -> None:
    in_files(world, TUESDAY)
    assert Looking(world.engine, TUESDAY + 3 * HOUR).look() == 0


@pytest.mark.parametrize(("apart", "told"), [(HOUR / 2, 1), (DAY, 0)])
def test_between_its_files_a_source_is_not_silent(
    world: World, apart: timedelta, told: int
) -> None:
    in_files(world, TUESDAY - apart, TUESDAY)
    assert Looking(world.engine, TUESDAY + 3 * HOUR).look() == told


# ---- sources of whole days


MONDAY = date(2026, 3, 23)


def test_a_day_that_does_not_come_is_told_once_and_when_it_is_back(world: World) -> None:
    every_day(world, MONDAY)
    looking = Looking(world.engine, came(MONDAY, 26 * HOUR))  # 08:00 is usual
    assert [looking.look(step * HOUR) for step in (0, 21, 2, 1, 24)] == [0, 0, 1, 0, 0]
    (alert,) = alerts(world, "silent")
    report = world.ask(f"alerts show {alert.id}")
    assert (
        report.headline
        == "No data from copilot since 23 Mar: Tuesday 24 Mar usually comes by 25 Mar 08:00"
    )
    assert "what is missing is no fall in use" in repr(report)
    bring(world, [MONDAY + DAY], came(MONDAY, 73 * HOUR))
    assert looking.look() == 1
    said = world.ask(f"alerts show {alert.id} part=resolved").headline
    assert said == "Resolved: data from copilot is back since 27 Mar 01:00."


def test_a_source_that_catches_up_is_not_told_again_before_a_day(sqlite_engine: sa.Engine) -> None:
    world = World(sqlite_engine)
    every_day(world, MONDAY)
    bring(world, [MONDAY + DAY], came(MONDAY, 4 * DAY))
    looking = Looking(sqlite_engine, came(MONDAY, 4 * DAY + HOUR))
    assert [looking.look(), looking.look(22 * HOUR), looking.look(2 * HOUR)] == [0, 0, 1]


@pytest.mark.parametrize("weeks", [1, 2])
def test_a_source_of_few_weeks_is_not_missed(sqlite_engine: sa.Engine, weeks: int) -> None:
    world = World(sqlite_engine)
    every_day(world, MONDAY, weeks=weeks)
    assert Looking(sqlite_engine, came(MONDAY, 5 * DAY)).look() == 0


def test_a_file_a_week_is_not_missed_between_two(sqlite_engine: sa.Engine) -> None:
    world = World(sqlite_engine)
    for week in range(6, -1, -1):
        last = MONDAY - week * 7 * DAY
        bring(world, [last - ago * DAY for ago in range(7)], came(last, DAY / 3))
    looking = Looking(sqlite_engine, came(MONDAY, 3 * DAY))
    assert [looking.look(), looking.look(4 * DAY)] == [0, 0]
    assert [looking.look(2 * DAY), looking.look(4 * DAY)] == [0, 1]


def test_an_empty_day_that_a_file_tells_of_is_no_silence(sqlite_engine: sa.Engine) -> None:
    world = World(sqlite_engine)
    every_day(world, MONDAY)
    bring(world, [MONDAY + DAY], came(MONDAY + DAY, DAY / 3), rows=0)
    assert Looking(sqlite_engine, came(MONDAY + DAY, 30 * HOUR)).look() == 0


# ---- advice


def test_advice_is_told_once_for_a_task_and_two_models(sqlite_engine: sa.Engine) -> None:
    world = advised(World(sqlite_engine))
    looking = Looking(sqlite_engine, NOW)
    looking.look()
    looking.anew()
    looking.look(DAY)
    (alert,) = alerts(world, "advice")
    report = world.ask(f"alerts show {alert.id}")
    assert "Logs cannot prove equal quality." in repr(report)


def test_advice_that_somebody_declined_is_over_and_its_post_says_so(
    sqlite_engine: sa.Engine,
) -> None:
    world = advised(World(sqlite_engine))
    Looking(sqlite_engine, NOW).look()
    (alert,) = alerts(world, "advice")
    post = world.ask(f"alerts show {alert.id}")
    rows = (block.buttons for block in post.blocks if isinstance(block, Actions))
    (decline,) = [one for row in rows for one in row if one.label == "Not useful"]
    world.ask(decline.line)
    assert alerts(world, "advice")[0].state == "resolved"
    shown = repr(world.ask(f"alerts show {alert.id}"))
    assert ", declined by " in shown
    assert "Try it" not in shown
    line = world.ask(f"alerts show {alert.id} part=resolved").headline
    assert line.startswith("Resolved: declined by ")


@pytest.mark.parametrize("surface", ["terminal", "slack", "discord"])
def test_advice_says_everything_once(sqlite_engine: sa.Engine, surface: str) -> None:
    world = advised(World(sqlite_engine))
    Looking(sqlite_engine, NOW).look()
    (alert,) = alerts(world, "advice")
    shown = advice_post(world.ask(f"alerts show {alert.id}"), surface)
    assert "New advice, worth a trial: Claude 3 Haiku instead of GPT-4o for Email, up to" in shown
    said = ("orth a trial", "Claude 3 Haiku", "GPT-4o", "Email", "p to", "success")
    assert {once: shown.count(once) for once in said} == dict.fromkeys(said, 1)
    assert [shown.count(button) for button in ("Try it", "Why", "Not useful")] == [1, 1, 1]


def advice_post(report: Report, surface: str) -> str:
    """What people read of a post: on Slack its blocks, in a terminal without the buttons' lines."""
    buttons = [b for block in report.blocks if isinstance(block, Actions) for b in block.buttons]
    values = {button: f"a{number}" for number, button in enumerate(buttons)}
    if surface == "slack":
        return repr(slack.message(report, image=None, values=values).blocks)
    if surface == "discord":
        return repr(discord.message(report, image=False, values=values))
    shown = text.render(report, pressable=True)
    return re.sub(r"(?m)^(\[\d\] [A-Z][a-z ]+)  .*$", r"\1", shown)


# ---- its cost


def test_a_look_at_what_did_not_change_reads_little_and_writes_nothing(world: World) -> None:
    world.ask("budget set 16000 monthly", now=EVENING)
    looking = Looking(world.engine)
    looking.look()
    statements: list[str] = []

    @sa.event.listens_for(world.engine, "before_cursor_execute")
    def _(*args: object) -> None:
        statements.append(str(args[2]))

    looking.look(30 * HOUR / 3600)
    assert len(statements) <= 20
    assert not [one for one in statements if one.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert not [one for one in statements if "usage_day" in one]
