"""A clock that was moved plans nothing until somebody else says that it is right."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.operation.clock_guard import MOST_APART, MOST_MOVED, RIGHT, ClockGuard, Evidence, distrust
from tests.cast import NOW

DAY = timedelta(days=1)
JUMPS = st.timedeltas(-30 * DAY, 30 * DAY)
SLEEP = timedelta(hours=8)


@dataclass
class Computer:
    """A computer's two clocks, and the guard that watches them."""

    wall: datetime = NOW
    ran: timedelta = timedelta()
    guard: ClockGuard = field(init=False)

    def __post_init__(self) -> None:
        """Let the guard see this computer's running time."""
        self.guard = ClockGuard(self.running_seconds)

    def running_seconds(self) -> float:
        return self.ran.total_seconds()

    def pass_time(self, by: timedelta) -> None:
        self.wall += by
        self.ran += by

    def plans(self) -> bool:
        return self.guard.may_plan(self.wall)

    def hear(self, told: datetime) -> None:
        self.guard.note_platform(format_datetime(told))


@given(JUMPS)
def test_a_jump_that_nobody_explains_is_believed_up_to_five_minutes(jump: timedelta) -> None:
    computer = Computer()
    assert computer.plans()
    computer.wall += jump
    assert computer.plans() == (abs(jump) <= MOST_MOVED)


@given(JUMPS)
def test_a_jump_that_the_platform_contradicts_is_believed_up_to_half_a_minute(
    jump: timedelta,
) -> None:
    computer = Computer()
    computer.hear(computer.wall)
    computer.pass_time(timedelta(hours=3))
    assert computer.plans()
    computer.wall += jump
    assert computer.plans() == (abs(jump) <= MOST_APART)


@given(JUMPS)
def test_a_clock_that_was_wrong_at_the_start_plans_once_it_is_set_right(jump: timedelta) -> None:
    computer = Computer(wall=NOW + jump)
    computer.hear(NOW)
    assert computer.plans() == (abs(jump) <= MOST_APART)
    computer.wall = NOW
    computer.pass_time(timedelta(minutes=1))
    assert computer.plans()


@given(JUMPS, st.none() | JUMPS)
def test_the_decision_names_who_contradicts(
    database: timedelta, platform: timedelta | None
) -> None:
    reason = distrust(Evidence(timedelta(), database, platform))
    if platform is not None and abs(platform) > MOST_APART:
        assert reason is not None
        assert "platform" in reason
    elif abs(database) > MOST_APART:
        assert reason is not None
        assert "database" in reason
    else:
        assert reason is None


def test_a_computer_that_slept_for_eight_hours_goes_on() -> None:
    computer = Computer()
    assert computer.plans()
    computer.pass_time(SLEEP)
    assert computer.plans()


def test_one_that_cannot_tell_how_long_it_slept_waits_for_the_platform() -> None:
    computer = Computer()
    computer.hear(computer.wall)
    assert computer.plans()
    computer.wall += SLEEP
    assert not computer.plans()
    computer.hear(computer.wall)
    computer.pass_time(timedelta(minutes=1))
    assert computer.plans()


def test_a_doubt_lasts_a_minute_and_is_then_looked_at_again() -> None:
    computer = Computer()
    assert computer.plans()
    computer.wall += DAY
    assert not computer.plans()
    computer.wall -= DAY
    computer.pass_time(timedelta(seconds=59))
    assert not computer.plans()
    assert "moved 24 h forward" in computer.guard.state
    computer.pass_time(timedelta(seconds=1))
    assert computer.plans()
    assert computer.guard.state == RIGHT


def test_a_database_that_jumped_with_the_computer_does_not_excuse_it() -> None:
    computer = Computer()
    computer.guard.note_database(computer.wall)
    assert computer.plans()
    computer.wall += DAY
    computer.guard.note_database(computer.wall)
    assert not computer.plans()


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Nov 2026 11:43:00 GMT"])
def test_a_date_that_cannot_be_read_says_nothing(date: str) -> None:
    computer = Computer()
    computer.guard.note_platform(date)
    assert computer.plans()


def test_what_was_said_a_day_ago_is_forgotten() -> None:
    computer = Computer()
    computer.hear(computer.wall - timedelta(hours=1))
    assert not computer.plans()
    computer.pass_time(DAY + timedelta(seconds=1))
    assert computer.plans()


@pytest.mark.parametrize(
    ("database", "platform", "ahead"),
    [
        (None, timedelta(minutes=-2), timedelta(minutes=2)),  # SQLite, and our clock is ahead
        (timedelta(minutes=-2), timedelta(minutes=-2), timedelta()),  # only ours is wrong
        (timedelta(minutes=3), timedelta(), timedelta(minutes=3)),
        (None, timedelta(minutes=2), timedelta()),  # behind: what was sent lies later
        (None, None, timedelta(minutes=15)),
    ],
)
def test_how_far_what_was_sent_may_lie_before_our_time(
    database: timedelta | None, platform: timedelta | None, ahead: timedelta
) -> None:
    computer = Computer()
    if database is not None:
        computer.guard.note_database(computer.wall + database)
    if platform is not None:
        computer.hear(computer.wall + platform)
    assert computer.guard.ahead(computer.wall) == ahead
