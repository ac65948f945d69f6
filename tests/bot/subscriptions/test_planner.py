"""The planner: each local period of a subscription once, whoever plans, whatever the clock does.

Among the tests that matter most: a fault here is a digest that comes twice, or never.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bot.commands  # noqa: F401  # registers every command
from analytics.timerange import parse_range
from bot.subscriptions.planner import plan
from bot.subscriptions.realign import realign
from bot.subscriptions.rounds import line_for, rounds
from storage import locks
from storage.audit import broken_link
from storage.destinations import set_quiet_hours
from storage.engine import reading, writing
from storage.failpoints import SETTING, FailpointReached, rearm
from storage.outbox import DeliveryRow, history
from storage.subscriptions import (
    Subscription,
    change_subscription,
    find_subscription,
)
from storage.timekeys import day_number
from tests.cast import ZONE
from tests.subscribed import ACTOR, keep_digest

BERLIN = ZoneInfo(ZONE)
MADE = datetime(2026, 3, 2, 12, tzinfo=BERLIN)


def subscribe(engine: sa.Engine, schedule: str = "daily 09:00", **changes: Any) -> Subscription:  # noqa: ANN401  # the parts of a subscription
    """A subscription of #general, made on a Monday at noon."""
    with writing(engine) as connection:
        return keep_digest(connection, schedule, **{"made": MADE, **changes})


def deliveries(engine: sa.Engine) -> list[DeliveryRow]:
    """Every delivery, the oldest period first."""
    with reading(engine) as connection:
        found = history(connection, 1, limit=10_000)
    return sorted(found, key=lambda row: (row.due_at, row.part))


def told(engine: sa.Engine) -> list[str | None]:
    """The periods that are sent."""
    return [row.period_key for row in deliveries(engine) if row.state == "planned"]


def skipped(engine: sa.Engine) -> list[tuple[str | None, str | None]]:
    rows = deliveries(engine)
    return [(row.period_key, row.reason) for row in rows if row.state == "skipped"]


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


# ---- one by one


def test_a_digest_is_planned_when_it_is_due_and_not_before(engine: sa.Engine) -> None:
    subscribe(engine)
    assert plan(engine, berlin("2026-03-03T08:59:59")) == 0
    assert plan(engine, berlin("2026-03-03T09:00:00")) == 1
    assert plan(engine, berlin("2026-03-03T09:00:05")) == 0
    (row,) = deliveries(engine)
    assert row.dedupe_key == "d|1|daily:2026-03-02|1|0"
    assert (row.kind, row.trigger, row.actor, row.facts) == ("digest", "schedule", ACTOR, {})
    assert (row.window_start, row.window_end) == (
        berlin("2026-03-02T00:00"),
        berlin("2026-03-03T00:00"),
    )


def test_the_next_one_is_the_next_period(engine: sa.Engine) -> None:
    subscribe(engine)
    for hours in range(24 * 5):
        plan(engine, MADE + timedelta(hours=hours))
    assert told(engine) == [f"daily:2026-03-0{day}" for day in (2, 3, 4, 5, 6)]


def test_an_edit_does_not_tell_a_known_period_again(engine: sa.Engine) -> None:
    kept = subscribe(engine)
    plan(engine, berlin("2026-03-03T09:00"))
    again = {"next_due": kept.next_due, "next_first_day": kept.next_first_day, "attach": "csv"}
    with writing(engine) as connection:
        change_subscription(connection, 1, kept.id, again)
    assert plan(engine, berlin("2026-03-03T09:01")) == 0
    assert len(deliveries(engine)) == 1


@pytest.mark.parametrize(
    ("schedule", "line", "at", "asked"),
    [
        ("daily 09:00", "by-model today", "2026-03-03T09:00", "by-model 2026-03-02"),
        ("daily 09:00", "by-model yesterday", "2026-03-03T09:00", "by-model 2026-03-02"),
        (
            "weekly fri 16:00",
            "by-department last 7d",
            "2026-03-06T16:00",
            "by-department 2026-02-27..2026-03-05",
        ),
        (
            "weekly mon 09:00",
            "by-model last week",
            "2026-03-09T09:00",
            "by-model 2026-03-02..2026-03-08",
        ),
        (
            "weekly fri 16:00",
            "digest weekly",
            "2026-03-06T16:00",
            "digest weekly 2026-02-27..2026-03-05",
        ),
        ("daily 09:00", "digest daily", "2026-03-03T09:00", "digest daily 2026-03-02"),
        ("monthly 1 09:00", "digest monthly", "2026-04-01T09:00", "digest monthly 2026-03"),
        ("monthly 1 09:00", "report", "2026-04-01T09:00", "report 2026-03"),
        ("monthly 1 09:00", "report last month", "2026-04-01T09:00", "report 2026-03"),
        (
            "monthly 1 09:00",
            "by-model this month",
            "2026-04-01T09:00",
            "by-model 2026-03-01..2026-03-31",
        ),
        ("daily 09:00", "by-model 2026-01", "2026-03-03T09:00", "by-model 2026-01-01..2026-01-31"),
        ("daily 09:00", "budget", "2026-03-03T09:00", "budget"),
    ],
)
def test_a_line_is_about_days_that_are_over(
    sqlite_engine: sa.Engine, schedule: str, line: str, at: str, asked: str
) -> None:
    subscribe(sqlite_engine, schedule, line=line)
    plan(sqlite_engine, berlin(at))
    assert deliveries(sqlite_engine)[0].line == asked


@pytest.mark.parametrize(
    ("schedule", "line", "asked"),
    [
        ("every 3 days 09:00", "digest daily", "trends 2026-03-02..2026-03-04"),
        (
            "every 3 days 09:00",
            "digest daily department=Sales",
            "trends 2026-03-02..2026-03-04 department=Sales",
        ),
        ("every 3 days 09:00", "digest daily yesterday", "digest daily 2026-03-04"),
        ("every 7 days 09:00", "digest daily", "digest weekly 2026-02-26..2026-03-04"),
        ('cron "0 9 * * mon"', "digest daily", "digest weekly 2026-03-02..2026-03-08"),
        ('cron "0 9 1 * *"', "digest daily", "digest monthly 2026-03"),
        ('cron "0 9 * * *"', "digest daily", "digest daily 2026-03-02"),
    ],
)
def test_a_digest_without_a_day_is_about_all_days_since_the_last(
    schedule: str, line: str, asked: str
) -> None:
    first = next(rounds(schedule, ZONE, ZONE).after(MADE))
    assert line_for(line, first.period) == asked


@given(
    st.one_of(
        st.integers(2, 92).map(lambda days: f"every {days} days"),
        st.sets(st.integers(0, 6), min_size=1).map(
            lambda days: f'cron "0 9 * * {",".join(map(str, sorted(days)))}"'
        ),
    )
)
def test_neighbouring_digests_meet(schedule: str) -> None:
    told = []
    for one in islice(rounds(schedule, ZONE, ZONE).after(MADE), 12):
        words = line_for("digest daily", one.period).split()[-1]
        told.append(parse_range(words, one.period.end))
    assert all(before.end == after.first for before, after in itertools.pairwise(told))


def test_quiet_hours_put_a_digest_off(engine: sa.Engine) -> None:
    subscribe(engine, "daily 06:00")
    with writing(engine) as connection:
        set_quiet_hours(connection, 1, 1, hours=(22 * 60, 7 * 60), zone=ZONE)
    plan(engine, berlin("2026-03-03T06:00"))
    assert deliveries(engine)[0].not_before == berlin("2026-03-03T07:00")


@pytest.mark.parametrize(
    ("own", "leaves"),
    [
        ((21, 6), "07:00"),
        ((5, 8), "08:00"),
        ((6, 9), "09:00"),
        ((7, 8), "08:00"),
        ((7, 22), "07:00"),
    ],
)
def test_a_digest_waits_for_its_own_quiet_hours_and_for_those_of_its_channel(
    engine: sa.Engine, own: tuple[int, int], leaves: str
) -> None:
    start, end = (hour * 60 for hour in own)  # what leaves no time at all is not kept
    subscribe(engine, "daily 06:00", quiet_start=start, quiet_end=end)
    with writing(engine) as connection:
        set_quiet_hours(connection, 1, 1, hours=(22 * 60, 7 * 60), zone=ZONE)
    plan(engine, berlin("2026-03-03T06:00"))
    (row,) = deliveries(engine)
    assert row.not_before == berlin(f"2026-03-03T{leaves}")
    assert row.facts["awake"] == row.not_before.isoformat()


def test_its_own_quiet_hours_hold_no_other_digest_of_the_channel(engine: sa.Engine) -> None:
    subscribe(engine, "daily 06:00", quiet_start=22 * 60, quiet_end=7 * 60)
    subscribe(engine, "daily 06:00", line="by-user last 7d")
    plan(engine, berlin("2026-03-03T06:00"))
    assert {row.not_before for row in deliveries(engine)} == {
        berlin("2026-03-03T06:00"),
        berlin("2026-03-03T07:00"),
    }


def test_its_own_quiet_hours_are_told_by_its_zone(engine: sa.Engine) -> None:
    tokyo = "Asia/Tokyo"
    subscribe(engine, "daily 23:00", zone=tokyo, quiet_start=22 * 60, quiet_end=7 * 60)
    due = datetime(2026, 3, 3, 23, tzinfo=ZoneInfo(tokyo))
    plan(engine, due)
    assert {row.not_before for row in deliveries(engine)} == {due + timedelta(hours=8)}


@pytest.mark.parametrize(("own", "others"), [(None, (22, 7)), ((22, 7), None), ((22, 7), (20, 6))])
@pytest.mark.parametrize(("at", "is_late"), [("07:15", False), ("07:16", True)])
def test_what_quiet_hours_put_off_is_late_only_after_them(
    engine: sa.Engine,
    own: tuple[int, int] | None,
    others: tuple[int, int] | None,
    at: str,
    is_late: bool,  # noqa: FBT001  # a table
) -> None:
    mine, theirs = (one and (one[0] * 60, one[1] * 60) for one in (own, others))
    start, end = mine or (None, None)
    subscribe(engine, "daily 06:00", catchup="none", quiet_start=start, quiet_end=end)
    with writing(engine) as connection:
        set_quiet_hours(connection, 1, 1, hours=theirs, zone=ZONE)
    plan(engine, berlin(f"2026-03-03T{at}"))
    (row,) = deliveries(engine)
    assert (row.state, row.reason) == (("skipped", "missed") if is_late else ("planned", None))


def test_the_zone_of_a_schedule_moves_only_when_a_day_is_told(engine: sa.Engine) -> None:
    subscribe(engine, "daily 09:00", zone="America/New_York")
    plan(engine, berlin("2026-03-03T14:59"))
    plan(engine, berlin("2026-03-03T15:00"))
    assert told(engine) == ["daily:2026-03-01", "daily:2026-03-02"]
    assert deliveries(engine)[1].window_end == berlin("2026-03-03T00:00")
    assert deliveries(engine)[1].due_at == berlin("2026-03-03T15:00")


def test_no_day_is_told_before_it_is_over_at_home(engine: sa.Engine) -> None:
    subscribe(engine, "daily 06:00", zone="Asia/Tokyo")
    plan(engine, berlin("2026-03-03T00:00"))
    plan(engine, berlin("2026-03-02T23:00"))
    (row,) = deliveries(engine)
    assert (row.period_key, row.due_at) == ("daily:2026-03-02", row.window_end)


# ---- after an outage


def missed(engine: sa.Engine, catchup: str, **more: Any) -> None:  # noqa: ANN401  # parts again
    """Nobody plans from the 2nd to the 8th of March, 11:20."""
    subscribe(engine, catchup=catchup, **more)
    plan(engine, berlin("2026-03-08T11:20"))


def test_latest_tells_the_newest_and_names_the_missed(engine: sa.Engine) -> None:
    missed(engine, "latest")
    assert told(engine) == ["daily:2026-03-07"]
    assert skipped(engine) == [(f"daily:2026-03-0{day}", "superseded") for day in range(2, 7)]
    newest = deliveries(engine)[-1]
    assert newest.trigger == "catchup"
    assert newest.facts["missed"] == "2–6 Mar 2026"
    assert newest.facts["down"] == ["2026-03-08T08:00:00+00:00", "2026-03-08T10:20:00+00:00"]
    assert {row.superseded_by for row in deliveries(engine)[:-1]} == {newest.id}


def test_all_tells_the_last_three_oldest_first(engine: sa.Engine) -> None:
    missed(engine, "all")
    assert told(engine) == [f"daily:2026-03-0{day}" for day in (5, 6, 7)]
    assert skipped(engine) == [(f"daily:2026-03-0{day}", "superseded") for day in (2, 3, 4)]


def test_none_tells_nothing_that_was_missed(engine: sa.Engine) -> None:
    missed(engine, "none")
    assert told(engine) == []
    assert skipped(engine) == [(f"daily:2026-03-0{day}", "missed") for day in range(2, 8)]
    plan(engine, berlin("2026-03-09T09:00"))
    assert told(engine) == ["daily:2026-03-08"]


@pytest.mark.parametrize(("minutes", "is_late"), [(15, False), (16, True)])
def test_late_is_said_after_a_quarter_of_an_hour(
    engine: sa.Engine,
    minutes: int,
    is_late: bool,  # noqa: FBT001  # a table
) -> None:
    subscribe(engine)
    plan(engine, berlin("2026-03-03T09:00") + timedelta(minutes=minutes))
    (row,) = deliveries(engine)
    assert ("down" in row.facts, row.trigger == "catchup") == (is_late, is_late)


@pytest.mark.parametrize("days", [1 / 24, 1, 7, 366])
@pytest.mark.parametrize("schedule", ["daily 09:00", 'cron "*/15 * * * *"', "monthly 1 09:00"])
def test_no_outage_floods(sqlite_engine: sa.Engine, schedule: str, days: float) -> None:
    subscribe(sqlite_engine, schedule, catchup="all")
    plan(sqlite_engine, MADE + timedelta(days=days))
    assert len(told(sqlite_engine)) <= 3
    assert len(deliveries(sqlite_engine)) <= 43
    plan(sqlite_engine, MADE + timedelta(days=days))
    assert len(deliveries(sqlite_engine)) <= 43


def test_a_date_that_a_zone_jumped_over_is_not_told(sqlite_engine: sa.Engine) -> None:
    with writing(sqlite_engine) as connection:
        connection.execute(sa.text("UPDATE workspace SET zone = 'Pacific/Apia'"))
    subscribe(sqlite_engine, zone="Pacific/Apia", made=datetime(2011, 12, 29, tzinfo=UTC))
    for day in range(29, 32):
        plan(sqlite_engine, datetime(2011, 12, day, 20, tzinfo=UTC))
    assert skipped(sqlite_engine) == [("daily:2011-12-30", "no_such_day")]
    assert told(sqlite_engine) == ["daily:2011-12-28", "daily:2011-12-29", "daily:2011-12-31"]


# ---- what people control


def test_a_pause_creates_no_catch_up(engine: sa.Engine) -> None:
    kept = subscribe(engine)
    until = berlin("2026-03-06T12:00")
    first = next(rounds(kept.schedule, kept.zone, ZONE).after(until))
    change = {"is_paused": True, "paused_until": until, "next_due": first.due_at}
    change["next_first_day"] = day_number(first.period.first)
    with writing(engine) as connection:
        change_subscription(connection, 1, kept.id, change)
    for day in range(3, 8):
        plan(engine, berlin(f"2026-03-0{day}T10:00"))
    assert told(engine) == ["daily:2026-03-06"]
    with reading(engine) as connection:
        again = find_subscription(connection, 1, kept.id)
    assert again is not None
    assert not again.is_paused


def test_what_is_paused_without_an_end_waits(engine: sa.Engine) -> None:
    subscribe(engine, is_paused=True)
    assert plan(engine, berlin("2026-03-20T10:00")) == 0


def test_the_next_one_is_skipped_once(engine: sa.Engine) -> None:
    subscribe(engine, skip_next=True)
    for day in (3, 4):
        plan(engine, berlin(f"2026-03-0{day}T09:00"))
    assert skipped(engine) == [("daily:2026-03-02", "skip_next")]
    assert told(engine) == ["daily:2026-03-03"]


def test_nothing_is_asked_for_a_dead_destination(engine: sa.Engine) -> None:
    subscribe(engine)
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE destination SET state = 'dead'"))
    plan(engine, berlin("2026-03-03T09:00"))
    assert skipped(engine) == [("daily:2026-03-02", "destination_dead")]


def test_a_line_that_is_no_longer_known_pauses_alone_and_is_told_once(engine: sa.Engine) -> None:
    subscribe(engine, line="by-nothing last 7d")
    subscribe(engine)
    plan(engine, berlin("2026-03-03T09:00"))
    plan(engine, berlin("2026-03-04T09:00"))
    assert Counter(told(engine)) == Counter([None, "daily:2026-03-02", "daily:2026-03-03"])
    (notice,) = [row for row in deliveries(engine) if row.kind == "notice"]
    assert notice.facts["headline"] == "Digest 1 is paused: I don't know the command 'by-nothing'."
    with reading(engine) as connection:
        kept = find_subscription(connection, 1, 1)
    assert kept is not None
    assert "by-nothing" in (kept.pause_reason or "")
    with reading(engine) as connection:
        rows = connection.execute(sa.text("SELECT actor, action, object, after FROM audit")).all()
        assert broken_link(connection, 1) is None
    assert [tuple(row) for row in rows] == [
        ("creditbot", "digest paused", "digest 1", f"paused: {kept.pause_reason}")
    ]


def test_a_pause_waits_for_nobody_who_holds_the_workspace(postgres_engine: sa.Engine) -> None:
    subscribe(postgres_engine, line="by-nothing last 7d")
    with writing(postgres_engine) as connection:
        locks.hold(connection, 1)
        assert plan(postgres_engine, berlin("2026-03-03T09:00")) == 0
    assert plan(postgres_engine, berlin("2026-03-03T09:00:05")) == 1


# ---- never twice


def test_many_planners_insert_each_period_once(engine: sa.Engine) -> None:
    for _ in range(30):
        subscribe(engine)
    moments = [MADE + timedelta(hours=12 * step) for step in range(1, 7)]
    with ThreadPoolExecutor(4) as threads:
        for moment in moments:
            list(threads.map(lambda _, now=moment: plan(engine, now), range(4)))
    keys = Counter(row.dedupe_key for row in deliveries(engine))
    assert set(keys.values()) == {1}
    assert len(keys) == 30 * 3


@pytest.mark.parametrize("point", ["P1", "P2", "P3"])
def test_a_planner_that_dies_leaves_whole_sets_or_nothing(
    engine: sa.Engine, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(engine)
    subscribe(engine)
    rearm()
    monkeypatch.setenv(SETTING, f"{point}:raise")
    now = berlin("2026-03-03T09:00")
    with pytest.raises(FailpointReached):
        plan(engine, now)
    assert len(deliveries(engine)) == (2 if point == "P3" else 0)
    plan(engine, now)
    assert len(deliveries(engine)) == 2


JUMPS = st.lists(st.integers(-30 * 24 * 60, 30 * 24 * 60), min_size=1, max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JUMPS, st.sampled_from(["daily 02:30", "weekly sun 02:30", 'cron "0 */6 * * *"']))
def test_a_clock_that_jumps_by_days_makes_no_second_one(
    sqlite_engine: sa.Engine, jumps: Sequence[int], schedule: str
) -> None:
    with writing(sqlite_engine) as connection:
        connection.execute(sa.text("DELETE FROM delivery"))
        connection.execute(sa.text("DELETE FROM subscription"))
    kept, now = subscribe(sqlite_engine, schedule), MADE
    for minutes in jumps:
        now += timedelta(minutes=minutes)
        plan(sqlite_engine, now)
        # An edit begins anew from the clock as it stands.
        first = next(rounds(schedule, ZONE, ZONE).after(now))
        again = {"next_due": first.due_at, "next_first_day": day_number(first.period.first)}
        with writing(sqlite_engine) as connection:
            change_subscription(connection, 1, kept.id, again)
    rows = deliveries(sqlite_engine)
    windows = [(row.window_start, row.window_end) for row in rows if row.state == "planned"]
    assert len(set(windows)) == len(windows)
    assert len({row.period_key for row in rows}) == len(rows)


def test_a_round_is_found_again_from_what_was_kept() -> None:
    for schedule in ("daily 09:00", "monthly last 08:30", 'cron "*/30 9-10 * * mon-fri"'):
        found = rounds(schedule, "Asia/Tokyo", ZONE)
        coming: Iterator[Any] = found.after(MADE)
        for one in islice(coming, 6):
            again = next(found.since(one.period.first, one.due_at))
            assert again == one


SCHEDULES = ("daily 09:00", "weekly sun 02:30", "every 5 days 08:00", 'cron "0 */6 * * *"')


def passes(engine: sa.Engine, now: datetime) -> None:
    """One tick."""
    realign(engine, now)
    plan(engine, now)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    minutes=st.integers(-30 * 24 * 60, 30 * 24 * 60),
    schedule=st.sampled_from(SCHEDULES),
    catchup=st.sampled_from(["latest", "all", "none"]),
    leaves=st.booleans(),
)
def test_a_jump_and_back_uses_up_no_period_and_tells_none_twice(
    sqlite_engine: sa.Engine,
    minutes: int,
    schedule: str,
    catchup: str,
    leaves: bool,  # noqa: FBT001  # drawn
) -> None:
    with writing(sqlite_engine) as connection:
        connection.execute(sa.text("DELETE FROM delivery"))
        connection.execute(sa.text("DELETE FROM subscription"))
    subscribe(sqlite_engine, schedule, catchup=catchup)
    passes(sqlite_engine, MADE + timedelta(minutes=minutes))
    if leaves:  # before anybody saw that the clock is wrong
        with writing(sqlite_engine) as connection:
            connection.execute(
                sa.text("UPDATE delivery SET state = 'sent' WHERE state = 'planned'")
            )
    coming = rounds(schedule, ZONE, ZONE).after(MADE)
    due = list(itertools.takewhile(lambda one: one.due_at < MADE + timedelta(days=40), coming))
    noons = [MADE + timedelta(days=day) for day in range(40)]
    for moment in sorted([one.due_at for one in due] + noons):
        passes(sqlite_engine, moment)
    states = {row.period_key: row.state for row in deliveries(sqlite_engine)}
    assert len(states) == len(deliveries(sqlite_engine))
    assert {states.get(one.period.key) for one in due} <= {"planned", "sent"}


def test_what_is_due_as_it_should_be_is_left_alone(engine: sa.Engine) -> None:
    for schedule in SCHEDULES:
        subscribe(engine, schedule)
    for hours in range(0, 24 * 8, 5):
        now = MADE + timedelta(hours=hours)
        plan(engine, now)
        assert realign(engine, now) == 0
        assert realign(engine, now - timedelta(minutes=9)) == 0  # another replica's clock


def test_a_jump_is_mended_for_everybody_but_those_who_pause(engine: sa.Engine) -> None:
    for _ in range(3):
        subscribe(engine)
    subscribe(engine, is_paused=True)
    plan(engine, MADE + timedelta(days=20))
    assert realign(engine, MADE) == 3
    assert [row.period_key for row in deliveries(engine)] == []
    assert plan(engine, berlin("2026-03-03T09:00")) == 3
