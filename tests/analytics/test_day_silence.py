"""Which day of a source of whole days is missed, and when it is late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from analytics.day_silence import Missing, missed, weekdays_before

LAST = 20_000
HOUR = timedelta(hours=1)
OVER = datetime(2026, 3, 24, tzinfo=UTC)


def month(*, without: frozenset[int] = frozenset(), days: int = 28) -> dict[int, int]:
    """Usage on each day up to the last, weekdays (0 is the last day's) left out."""
    return {LAST - ago: 3 for ago in range(days) if -ago % 7 not in without}


def test_every_day_of_a_daily_source_is_missed() -> None:
    assert list(missed(month(), LAST, LAST + 4)) == [LAST + 1, LAST + 2, LAST + 3]
    assert list(missed(month(), LAST, LAST + 1)) == []


def test_a_weekday_without_usage_is_not_missed() -> None:
    known = month(without=frozenset({1, 2}))
    assert list(missed(known, LAST, LAST + 4)) == [LAST + 3]


@pytest.mark.parametrize(("weeks", "is_missed"), [(2, False), (3, True)])
def test_most_of_the_weeks_before_must_agree(weeks: int, is_missed: bool) -> None:  # noqa: FBT001  # a case
    known = {LAST: 1} | {LAST + 1 - 7 * week: 1 for week in range(1, weeks + 1)}
    assert any(missed(known, LAST, LAST + 2)) is is_missed


def test_a_long_silence_is_judged_by_the_weeks_before_it() -> None:
    assert list(weekdays_before(LAST + 8, LAST)) == [LAST + 1 - 7 * week for week in (1, 2, 3, 4)]
    assert LAST + 15 in list(missed(month(), LAST, LAST + 16))


@pytest.mark.parametrize(
    ("waits", "due"),
    [
        ((), 48),  # nothing is known
        ((8, 8, 9, 8), 24),
        ((30, 30, 30, 30), 45),
        ((8, 8, 400, 700), 24),  # it was brought in as history
        ((170, 168, 169), 253.5),  # a file a week
    ],
)
def test_a_day_is_late_after_much_more_than_its_usual_wait(
    waits: tuple[int, ...], due: float
) -> None:
    late = Missing(1, OVER, [hours * HOUR for hours in waits])
    assert late.due == OVER + due * HOUR


def test_a_source_that_spoke_just_now_is_given_a_day() -> None:
    late = Missing(1, OVER, [8 * HOUR], heard=OVER + 90 * HOUR)
    assert late.due == OVER + 114 * HOUR
