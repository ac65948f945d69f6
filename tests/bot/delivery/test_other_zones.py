"""What other products' schedules were found to do wrong with zones, tried on ours.

One test a complaint; the docstring names where people complained.  That the crontab's 1 is a Monday
(apscheduler#286) and each change of every zone stand in `analytics/test_schedule.py`, when the
period of a budget begins in `storage/test_thresholds.py`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from analytics.errors import UserError
from analytics.zones import checked_zone
from bot.subscriptions.planner import plan
from storage.engine import writing
from storage.workspaces import create_workspace
from tests.analytics.world import World, column, table_of
from tests.bot.delivery.town import Town, berlin, town
from tests.cast import NOW, event

__all__ = ["town"]  # fixtures
FAR = ("Pacific/Kiritimati", "Pacific/Pago_Pago", "America/St_Johns")


# ---- when it comes


async def test_each_subscription_has_a_zone_of_its_own(town: Town) -> None:
    """metabase#31928, superset#27952: one zone for the whole installation."""
    for zone in ("Asia/Tokyo", "Europe/Berlin", "America/New_York"):
        town.subscribe(channel=zone.partition("/")[2], zone=zone)
    told = {}
    for hour in range(24):
        for one in await town.at(berlin("2026-03-31T00:00") + timedelta(hours=hour)):
            told[one.channel] = hour
    # Nine o'clock in Tokyo is two here; the two days before it end at our midnight.
    assert told == {"CTokyo": 2, "CBerlin": 9, "CNew_York": 15}


@pytest.mark.parametrize("first", ["2026-10-23", "2027-03-26"])
async def test_on_a_day_when_clocks_change_one_comes(town: Town, first: str) -> None:
    """PostHog#21450, metabase#6698: twice in autumn, never in spring."""
    start = berlin(f"{first}T12:00")
    town.subscribe("daily 02:30", made=start)
    for quarter in range(4 * 24 * 4):
        plan(town.engine, start.astimezone(UTC) + timedelta(minutes=15 * quarter))
    told = [row.period_key for row in town.rows]
    begin = date.fromisoformat(first)
    assert told == [f"daily:{begin + timedelta(days=n)}" for n in range(4)]
    assert {row.state for row in town.rows} == {"planned"}


async def test_a_repeated_hour_comes_to_an_end(town: Town) -> None:
    """apscheduler#1021: in the hour that comes twice the next time was never found."""
    start = datetime(2026, 10, 24, 23, 7, tzinfo=UTC)
    town.subscribe('cron "*/15 * * * *"', made=start, line="by-model today")
    for minutes in range(0, 240, 5):
        plan(town.engine, start + timedelta(minutes=minutes))
    keys = [row.period_key for row in town.rows]
    assert len(keys) == len(set(keys)) == 12  # four hours, of which people count three


@pytest.mark.parametrize("zone", ["GMT Standard Time", "Europe/Atlantis", "", "../../etc/passwd"])
def test_an_unknown_zone_is_refused_and_never_utc(zone: str) -> None:
    """Superset PR#17338: a zone that nobody knew quietly meant UTC."""
    with pytest.raises(UserError):
        checked_zone(zone)


async def test_a_month_is_told_when_it_is_over(town: Town) -> None:
    """Probe T6: on the 1st at 00:00 the report was about the month that had just begun."""
    town.subscribe("monthly 1 00:00", line="digest monthly")
    await town.at("2026-04-01T00:00")
    (row,) = town.rows
    assert (row.period_key, row.line) == ("monthly:2026-03", "digest monthly 2026-03")
    assert (row.window_start, row.window_end) == (
        berlin("2026-03-01T00:00"),
        berlin("2026-04-01T00:00"),
    )


async def test_no_day_is_in_two_reports(town: Town) -> None:
    """Probe T6: "7 days" were eight, and the day at the border was in both weeks."""
    town.subscribe("weekly mon 09:00", line="by-model last 7d")
    for monday in ("2026-04-06", "2026-04-13"):
        await town.at(f"{monday}T09:00")
    first, second = town.rows
    assert first.window_end == second.window_start
    assert [row.line for row in town.rows] == [
        "by-model 2026-03-30..2026-04-05",
        "by-model 2026-04-06..2026-04-12",
    ]


# ---- what it says


@pytest.mark.parametrize("zone", FAR)
async def test_whoever_subscribes_reads_whose_clock_counts(town: Town, zone: str) -> None:
    """metabase#69496: it spoke of "your timezone", and which one that was nobody knew."""
    told = town.ask(f"digest subscribe daily 09:00 {zone}")
    assert told.headline.endswith(f"daily 09:00 {zone}")
    assert f"Times are of {zone}." in repr(told.blocks)
    assert column(table_of(town.ask("digest list")), "schedule") == [f"daily 09:00 {zone}"]


@pytest.mark.parametrize("zone", FAR)
async def test_the_list_shows_the_day_that_was_chosen(town: Town, zone: str) -> None:
    """metabase#30295: what was sent on Fridays stood in the list under Saturday."""
    town.subscribe("weekly fri 23:30", zone=zone)
    (shown,) = column(table_of(town.ask("digest list")), "next")
    assert f"{shown:%a %H:%M}" == "Fri 23:30"


@pytest.mark.parametrize(("zone", "hours"), [("UTC", 24), ("Europe/Berlin", 23)])
def test_no_hour_is_lost_or_moved_when_clocks_change(
    sqlite_engine: sa.Engine, zone: str, hours: int
) -> None:
    """metabase#55966: on that day what happened at two o'clock UTC was shown at three."""
    with writing(sqlite_engine) as connection:
        create_workspace(connection, "hours", zone=zone, now=NOW)
    start = datetime(2026, 3, 29, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    moments = [start + timedelta(hours=n) for n in range(hours)]
    world = World(sqlite_engine, "hours")
    world.write(
        [
            event(ts=int(one.timestamp() * 1_000_000))
            for n, one in enumerate(moments)
            for _ in range(n + 1)
        ]
    )
    table = table_of(world.ask("timeline 2026-03-29 by hour"))
    assert column(table, "prompts") == list(range(1, hours + 1))
    assert [one.astimezone(UTC) for one in column(table, "start")] == moments  # type: ignore[attr-defined]  # moments


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[str]:
    """A zone that this process takes for the computer's."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("server", FAR, indirect=True)
async def test_the_computer_s_zone_decides_nothing(town: Town, server: str) -> None:
    """litellm#22176: days and times were those of the server that happened to run it."""
    town.subscribe("daily 00:05", line="digest daily")
    (post,) = await town.at("2026-03-31T00:05")
    (row,) = town.rows
    window = (berlin("2026-03-30T00:00"), berlin("2026-03-31T00:00"))
    assert (row.window_start, row.window_end) == window, server
    assert "30 Mar" in str(post.payload)
