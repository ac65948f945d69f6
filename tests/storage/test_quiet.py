"""Quiet hours: what waits leaves at the first minute that no clock of theirs calls quiet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storage.quiet import LONGEST, QuietHours, awake
from tests.cast import ZONE

MINUTE = timedelta(minutes=1)
ZONES = ("UTC", ZONE, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo")
# Berlin's clock goes forward and back; New York's does, too, three and one weeks apart.
CHANGES = (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC))

minutes = st.integers(0, 1439)
hours = st.builds(QuietHours, minutes, minutes, st.sampled_from(ZONES)).filter(
    lambda one: one.start != one.end
)
moments = st.builds(
    lambda base, seconds: base + timedelta(seconds=seconds),
    st.sampled_from(CHANGES),
    st.integers(0, 36 * 3600),
)


def holds(one: QuietHours, moment: datetime) -> bool:
    """What a clock on the wall says."""
    local = moment.astimezone(ZoneInfo(one.zone))
    minute = local.hour * 60 + local.minute
    if one.start < one.end:
        return one.start <= minute < one.end
    return minute >= one.start or minute < one.end


def first_free(moment: datetime, *quiet: QuietHours) -> datetime | None:
    """By looking at every minute."""
    at = moment
    while at - moment <= LONGEST:
        if not any(holds(one, at) for one in quiet):
            return at
        at = at.replace(second=0) + MINUTE
    return None


@given(moments, hours, hours)
@example(datetime(2026, 3, 28, 23, tzinfo=UTC), QuietHours(1320, 150, ZONE), QuietHours(0, 1, ZONE))
@example(
    datetime(2026, 10, 25, 1, 10, tzinfo=UTC), QuietHours(0, 150, ZONE), QuietHours(5, 6, ZONE)
)
def test_a_post_waits_to_the_first_minute_that_is_free_of_both(
    moment: datetime, own: QuietHours, channel: QuietHours
) -> None:
    assert awake(moment, own, channel) == first_free(moment, own, channel)


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-03-28T21:59+01:00", "2026-03-28T21:59+01:00"),
        ("2026-03-28T22:00+01:00", "2026-03-29T03:00+02:00"),  # 02:30 is skipped
        ("2026-10-24T22:00+02:00", "2026-10-25T02:30+02:00"),
        ("2026-10-25T02:10+01:00", "2026-10-25T02:30+01:00"),  # quiet a second time
    ],
)
def test_an_end_that_the_clock_skips_or_repeats(at: str, until: str) -> None:
    night = QuietHours(22 * 60, 2 * 60 + 30, ZONE)
    assert night.awake(datetime.fromisoformat(at)) == datetime.fromisoformat(until)


def test_hours_that_cover_the_day_together_leave_nothing() -> None:
    night, day = QuietHours(22 * 60, 7 * 60, ZONE), QuietHours(7 * 60, 22 * 60, ZONE)
    assert awake(CHANGES[0], night, day) is None
    assert awake(CHANGES[0], None, None) == CHANGES[0]
