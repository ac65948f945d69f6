"""Patterns: averages over complete days; windows and days are named only where they stand out."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from analytics.figures import HeatFigure
from analytics.report import Fact, Facts, Note, Report
from analytics.week import (
    Week,
    busiest_part,
    busiest_weekday,
    busy_windows,
    quiet_windows,
    slack_part,
    windows_text,
)
from storage.errors import StorageError
from storage.events import Granularity, UsageEvent
from storage.timekeys import to_micros
from tests.analytics.world import World, column, table_of, total_of
from tests.cast import ZONE, event

MICRO = 1_000_000
OFFICE = [0.0] * 9 + [10, 10, 8, 2, 2, 9, 10, 3, 1] + [0.5] * 3 + [0.0] * 3


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """An empty workspace in Berlin."""
    return World(sqlite_engine)


def on(day: int, hour: int, count: int = 1, *, month: int = 3, **more: object) -> list[UsageEvent]:
    """Prompts of 2 credits each on a local day of 2026."""
    start = to_micros(datetime(2026, month, day, hour, tzinfo=ZoneInfo(ZONE)))
    return [event(ts=start + n, **more) for n in range(count)]


def facts(report: Report) -> dict[str, Fact]:
    found = (block for block in report.blocks if isinstance(block, Facts))
    return {fact.key: fact for block in found for fact in block.facts}


def notes(report: Report) -> str:
    return " ".join(block.text for block in report.blocks if isinstance(block, Note))


def heat(report: Report) -> HeatFigure:
    assert isinstance(report.figure, HeatFigure)
    return report.figure


# ---- windows


def test_a_working_day_has_two_busy_windows_and_a_night() -> None:
    assert windows_text(busy_windows(OFFICE)) == "9 AM-12 PM and 2-4 PM"
    assert windows_text(quiet_windows(OFFICE)) == "5 PM-9 AM"


def test_a_window_may_pass_midnight() -> None:
    averages = [9.0, 10, *[0.0] * 20, 8, 9]
    assert busy_windows(averages) == [(22, 26)]
    assert windows_text(busy_windows(averages)) == "10 PM-2 AM"


@pytest.mark.parametrize("averages", [[0.0] * 24, [5.0] * 24, [*[5.0] * 13, *[0.0] * 11]])
def test_where_no_hour_stands_out_no_window_is_named(averages: list[float]) -> None:
    assert busy_windows(averages) == []


@given(st.lists(st.integers(0, 1000), min_size=24, max_size=24))
def test_no_hour_is_busy_and_quiet(averages: list[float]) -> None:
    busy = {hour % 24 for window in busy_windows(averages) for hour in range(*window)}
    quiet = {hour % 24 for window in quiet_windows(averages) for hour in range(*window)}
    assert not busy & quiet
    assert all(averages[hour] >= 0.75 * max(averages) for hour in busy)


def week(afternoons: dict[int, int], weeks: int = 4) -> Week:
    """A hundred credits in each hour of five working days, but for some afternoons."""
    sums = {
        (day, hour): weeks * (afternoons.get(day, 100) if hour >= 12 else 100)
        for day in range(5)
        for hour in range(9, 17)
    }
    return Week(sums, [weeks] * 7)


def test_a_part_of_the_week_is_named_where_it_stands_out() -> None:
    busiest, slack = busiest_part(week({1: 200})), slack_part(week({4: 50}))
    assert busiest is not None
    assert slack is not None
    assert (busiest.name, slack.name) == ("Tuesday afternoon", "Friday afternoon")
    assert slack.average / slack.others == pytest.approx(0.5)
    assert slack_part(week({4: 95})) is None


def test_one_week_names_no_part_of_it() -> None:
    assert busiest_part(week({1: 500}, weeks=1)) is None
    assert slack_part(week({1: 5}, weeks=1)) is None


def test_a_weekday_is_named_from_one_tenth_more_on() -> None:
    even = dict.fromkeys(range(7), 100.0)
    assert busiest_weekday({**even, 2: 125.0}) == (2, 1.25)
    assert busiest_weekday({**even, 2: 109.0}) is None
    assert busiest_weekday({}) is None


# ---- averages


def test_days_without_usage_count_and_days_that_are_not_there_do_not(world: World) -> None:
    world.write([*on(2, 10, 4), *on(29, 9)])  # a Monday; four Mondays from 2 to 29 March
    cells = heat(world.ask("patterns 2026-03-02..2026-03-29")).cells
    assert cells[0][10] == 8 * MICRO / 4
    assert cells[1][10] == 0
    short = heat(world.ask("patterns 2026-03-02..2026-03-03")).cells
    assert short[0][10] == 8 * MICRO
    assert short[2][10] is None


def test_today_is_left_out(world: World) -> None:
    world.write([*on(24, 10), *on(30, 10, 50)])  # NOW is the 30th
    report = world.ask("patterns last 7d")
    assert total_of(table_of(report), "credits") == 2 * MICRO
    assert "Today is partial and left out." in notes(report)


def test_the_cells_of_the_map_add_up_to_the_hours(world: World) -> None:
    world.write([e for day in range(2, 30) for e in on(day, day % 24, day)])
    cells = heat(world.ask("patterns 2026-03-02..2026-03-29")).cells
    hours = sum(cell or 0 for row in cells for cell in row) * 4  # each weekday is there four times
    assert hours == 2 * MICRO * sum(range(2, 30))


def test_rows_that_know_only_their_day_are_in_days_and_in_no_hour(world: World) -> None:
    world.write([*on(24, 10, 3), *on(25, 10)])
    for day in (26, 28):
        at = to_micros(datetime(2026, 3, day, 12, tzinfo=ZoneInfo(ZONE)))
        world.write_days(
            [event(ts=at, granularity=Granularity.DAY, prompts=5)], source=f"bill-{day}"
        )
    report = world.ask("patterns 2026-03-24..2026-03-29")
    table = table_of(report)
    assert column(table, "class")[2:] == ["Weekend", "No hour"]
    assert column(table, "prompts") == [4, 0, 5, 5]
    assert sum(n for n in column(table, "share") if isinstance(n, int)) == 100
    assert "2 usage rows of a day without an hour" in notes(report)
    assert sum(cell or 0 for row in heat(report).cells for cell in row) == 8 * MICRO


# ---- what is named


def office(first: int, days: int, *, month: int = 2) -> list[UsageEvent]:
    """Office days: mornings and afternoons, the Wednesdays twice as busy."""
    start = datetime(2026, month, first, tzinfo=ZoneInfo(ZONE))
    found = []
    for day in (start + timedelta(days=n) for n in range(days)):
        if day.weekday() < 5:
            count = 4 if day.weekday() == 2 else 2
            for hour in (10, 11, 14, 15):
                found += on(day.day, hour, count, month=day.month)
    return found


def test_busy_hours_need_four_weeks_and_active_days_eight(world: World) -> None:
    world.write([*office(2, 56), *on(7, 12)])  # from Monday, 2 February
    two, four, eight = (
        facts(world.ask(f"patterns 2026-02-02..{end}"))
        for end in ("2026-02-15", "2026-03-01", "2026-03-29")
    )
    assert "busiest_hours" not in two
    assert four["busiest_hours"].value == "10 AM-12 PM and 2-4 PM"
    assert "most_active_days" not in four
    assert eight["most_active_days"].value == "Monday, Tuesday, Wednesday"
    assert two["busiest_weekday"].value == "Wednesday"


def test_weekends_have_a_share_a_ratio_and_a_use(world: World) -> None:
    world.write(office(2, 14))
    world.write([*on(7, 12, 6, month=2, task="research"), *on(8, 12, 2, month=2, task=None)])
    report = world.ask("patterns 2026-02-02..2026-02-15")
    found = facts(report)
    assert found["weekend_tasks"].value == "research 75%, Uncategorised 25%"
    assert found["weekend_ratio"].value == pytest.approx((8 / 4) / (96 / 10))
    assert column(table_of(report), "share") == [92, 0, 8]


def test_peak_and_quietest_day_are_dates(world: World) -> None:
    world.write([*on(24, 10, 3), *on(25, 10, 1), *on(27, 10, 2)])
    found = facts(world.ask("patterns 2026-03-24..2026-03-27"))
    assert (found["peak_day"].value, found["quietest_day"].value) == ("March 24", "March 26")
    assert found["quietest_day"].note == "0 credits"


def test_no_saving_is_promised_from_other_hours(world: World) -> None:
    world.write(on(24, 10, 3))
    report = world.ask("patterns 2026-03-24..2026-03-25")
    assert "saves none" in notes(report)


# ---- nothing, or next to nothing


def test_the_first_day_has_no_pattern_yet(world: World) -> None:
    world.write(on(30, 9))
    report = world.ask("patterns last 7d")
    assert report.headline == "No complete day to look at yet"
    assert report.figure is None


def test_one_data_point_is_drawn_and_claims_nothing(world: World) -> None:
    world.write(on(29, 9))
    report = world.ask("patterns last 7d")
    assert report.headline == "Peak hours took 0% of 2 credits"
    assert facts(report) == {}
    assert heat(report).peak == (6, 9)


def test_all_failures_cost_nothing_and_are_told(world: World) -> None:
    world.write(on(27, 9, 5, ok=False))
    report = world.ask("patterns 2026-03-27..2026-03-28")
    assert report.headline == "No credits on 2 complete days, 5 prompts"
    assert heat(report).peak is None
    assert heat(report).title == "No credits at any hour"


def test_hours_of_the_ledger_need_a_short_range(world: World) -> None:
    world.write([*on(24, 10, 3), *office(2, 28)])
    assert world.ask("patterns last 30d department=Platform").figure
    with pytest.raises(StorageError, match="prompt by prompt"):
        world.ask("patterns last 3 months department=Platform")


def test_an_empty_workspace_says_so(world: World) -> None:
    assert world.ask("patterns").headline == "No usage has come in yet."
