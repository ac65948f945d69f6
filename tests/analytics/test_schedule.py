"""When digests are due: once for each local period, in every zone, however clocks move.

Among the tests that matter most: a fault here is a digest that comes twice, or never.
"""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.errors import UserError
from analytics.schedule import Period, Schedule, due, instant, schedule_words
from benchmarks.due_times import prove

BERLIN = ZoneInfo("Europe/Berlin")
EVENING = datetime(2026, 3, 24, 18, tzinfo=BERLIN)
TEXTS = (
    "daily 09:00",
    "weekly mon 09:00",
    "monthly 1 08:30",
    "monthly last 08:30",
    "every 3 days 10:00",
    'cron "0 9 * * mon-fri"',
    'cron "*/15 * * * *"',
)
SCHEDULES = st.sampled_from([Schedule.parse(text) for text in TEXTS])
ZONES = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe"]
)
START = datetime(2015, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 22 * 365 * 24 * 60).map(lambda count: START + timedelta(minutes=count))


# ---- words


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("every monday 09:00", "weekly mon 09:00"),
        ("every fri", "weekly fri 09:00"),
        ("daily", "daily 09:00"),
        ("Daily 9:00", "daily 09:00"),
        ("daily at 4pm", "daily 16:00"),
        ("daily noon", "daily 12:00"),
        ("weekly fri at midnight", "weekly fri 00:00"),
        ("weekly", "weekly mon 09:00"),
        ("weekly on Friday at 16:00", "weekly fri 16:00"),
        ("weekly mon 09:00 Europe/Berlin", "weekly mon 09:00 Europe/Berlin"),
        ("monthly", "monthly 1 09:00"),
        ("monthly 1 08:30", "monthly 1 08:30"),
        ("monthly last", "monthly last 09:00"),
        ("every 3 days 10:00", "every 3 days 10:00"),
        ("every 3d 10:00", "every 3 days 10:00"),
        ("every day", "daily 09:00"),
        ('cron "0 9 * * mon-fri"', 'cron "0 9 * * mon-fri"'),
        ("cron 0 9 * * MON-FRI UTC", 'cron "0 9 * * mon-fri" UTC'),
    ],
)
def test_a_schedule_is_read_and_written_in_one_way(typed: str, text: str) -> None:
    assert Schedule.parse(typed).text == text
    assert Schedule.parse(text) == Schedule.parse(typed)


@pytest.mark.parametrize(
    ("typed", "quoted", "help_"),
    [
        ("", "missing", "daily 09:00"),
        ("hourly", "'hourly'", "daily 09:00"),
        ("daily 25:00", "'25:00'", "23:59"),
        ("daily 9:60", "'9:60'", "23:59"),
        ("daily 13pm", "'13pm'", "23:59"),
        ("daily 9", "'9'", "09:00"),
        ("daily 09:00 x", "'x' after `daily 09:00`", "weekly mon"),
        ("weekly tusday", "'tusday'", "tue"),
        ("weekly foo 09:00", "'foo' is not a weekday", "tue"),
        ("every banana 09:00", "'every banana' is no number", "every 3"),
        ("cron banana", "has 1 field,", "weekday"),
        (
            "by-user last 7d weekly mon 09:00",
            "does not begin with a schedule",
            '`weekly mon 09:00 "by-user last 7d"`',
        ),
        ("weekly mon,thu 09:00", "'mon,thu'", "cron"),
        ("monthly 31", "'31' in every month", "monthly last"),
        ("monthly 0", "'0'", "1 to 28"),
        ("every 0 days", "'every 0 days' is no number of days from 1 to 92", "every 3"),
        ("every 30 minutes", "'every 30 minutes'", "cron"),
        ("@every 1s", "'@every 1s'", "cron"),
        ("0 9 * * mon", "'0 9 * * mon'", 'cron "0 9'),
        ('cron "* * * * * *"', "has 6 fields", "no seconds"),
        ("cron", "five fields", "weekday"),
        ('cron "* * * * *"', "due every minute", "15 minutes"),
        ('cron "0,50 0,23 * * *"', "every 10 minutes", "15 minutes"),
        ("cron 0 0 31 2 *", "never happens", "monthly last"),
        ("cron 0 0 31 4,6 *", "never happens", "monthly last"),
        ('cron "0 25 * * *"', "'25' is no hour", "0 to 23"),
        ('cron "0 9 * * moon"', "'moon' is no weekday", "sun to sat"),
        ('cron "0 9 * */0 *"', "'*/0' is no month", "1 to 12"),
        ('cron "0 9 20-10 * *"', "'20-10' is no day", "1 to 31"),
        ("daily 09:00 Europe/Berln", '"Europe/Berln"', "Europe/Berlin"),
        ("daily 09:00 utc", '"utc"', "UTC"),
        ("daily 09:00 Berlin", '"Berlin"', "Europe/Berlin"),
        ("daily 09:00 Europe", '"Europe"', "Europe/"),
        ("daily 09:00 CEST", '"CEST"', "CET"),
        ("daily 09:00 GMT Standard Time", '"GMT Standard Time"', "Europe/Berlin"),
        ("daily 09:00 ../../etc/passwd", '"../../etc/passwd"', "Europe/Berlin"),
        ("daily 09:00 " + "x/" * 2500, '"x/x/', "Europe/Berlin"),
    ],
)
def test_a_mistake_is_quoted_and_helped(typed: str, quoted: str, help_: str) -> None:
    with pytest.raises(UserError) as caught:
        Schedule.parse(typed)
    assert quoted in caught.value.message
    assert help_ in caught.value.hint


@given(
    st.text(max_size=40)
    | st.lists(st.sampled_from(["daily", "cron", "*", "9", "/", "0-9", "mon"])).map(" ".join)
)
def test_any_text_is_a_schedule_or_a_sentence(text: str) -> None:
    found: Schedule | UserError
    try:
        found = Schedule.parse(text)
    except UserError as error:
        found = error
    if isinstance(found, Schedule):
        assert Schedule.parse(found.text) == found
    else:
        assert found.message
        assert found.hint


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["daily", "09:00", "by-model", "last", "7d"], 2),
        (["weekly", "fri", "16:00", "by-department last 7d"], 3),
        (["weekly fri 16:00", "by-model"], 1),
        (["cron", "0 9 * * mon", "UTC", "by-model"], 3),
        (["cron", "0", "9", "*", "*", "mon", "UTC", "by-model"], 7),
        (["daily", "25:00", "by-model"], 2),
        (["@every", "1s", "by-model"], 2),
        (["*", "*", "*", "*", "*"], 5),
        (["09:00", "by-model"], 0),
        (["by-model", "last", "7d"], 0),
        ([], 0),
    ],
)
def test_a_schedule_ends_where_other_words_begin(words: list[str], count: int) -> None:
    assert schedule_words(words) == count


# ---- crons


@pytest.mark.parametrize(
    ("cron", "days"),
    [
        ("0 9 * * 1", ["2026-03-02", "2026-03-09"]),
        ("0 9 * * 0", ["2026-03-01", "2026-03-08"]),
        ("0 9 * * 7", ["2026-03-01", "2026-03-08"]),
        ("0 9 * * sat-mon", ["2026-03-01", "2026-03-02", "2026-03-07", "2026-03-08", "2026-03-09"]),
        ("0 9 * * 5-7", ["2026-03-01", "2026-03-06", "2026-03-07", "2026-03-08"]),
        ("0 9 3 * mon", ["2026-03-02", "2026-03-03", "2026-03-09"]),
        ("0 9 */4 mar *", ["2026-03-01", "2026-03-05", "2026-03-09"]),
        ("0 9 * apr *", []),
    ],
)
def test_weekdays_count_from_sunday_and_either_kind_of_day_is_enough(
    cron: str, days: list[str]
) -> None:
    """apscheduler#286: the crontab's 1 was a Tuesday."""
    schedule = Schedule.parse(f"cron {cron}")
    march = (date(2026, 3, day) for day in range(1, 10))
    assert [str(day) for day in march if schedule.falls_on(day)] == days


def test_a_leap_day_is_found_over_the_year_2100() -> None:
    schedule = Schedule.parse("cron 0 9 29 2 *")
    period = schedule.next_period(date(2096, 2, 29))
    assert (period.end, period.key) == (date(2104, 2, 29), "cron:2096-02-29")


# ---- periods


def keys(text: str, count: int = 2) -> list[str]:
    coming = Schedule.parse(text).coming(EVENING, BERLIN)
    return [period.key for period in itertools.islice(coming, count)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("daily 09:00", ["daily:2026-03-24", "daily:2026-03-25"]),
        ("weekly mon 09:00", ["weekly:2026-03-23", "weekly:2026-03-30"]),
        ("monthly 1 08:30", ["monthly:2026-03", "monthly:2026-04"]),
        ("monthly last", ["monthly:2026-02-28", "monthly:2026-03-31"]),
        ("every 3 days 10:00", ["every3:2026-03-23", "every3:2026-03-26"]),
        ('cron "0 9 * * mon-fri"', ["cron:2026-03-24", "cron:2026-03-25"]),
        ('cron "*/15 * * * *"', ["cron:2026-03-24T18:15", "cron:2026-03-24T18:30"]),
    ],
)
def test_a_period_is_named_by_local_dates(text: str, expected: list[str]) -> None:
    assert keys(text) == expected


def test_a_month_is_told_when_it_is_over() -> None:
    (period,) = itertools.islice(Schedule.parse("monthly 1 08:30").coming(EVENING, BERLIN), 1)
    assert (period.first, period.end) == (date(2026, 3, 1), date(2026, 4, 1))
    assert due(period, BERLIN) == datetime(2026, 4, 1, 8, 30, tzinfo=BERLIN)


def test_workdays_tell_the_weekend_on_monday() -> None:
    period = Schedule.parse('cron "0 9 * * mon-fri"').next_period(date(2026, 3, 27))
    assert (period.first, period.end) == (date(2026, 3, 27), date(2026, 3, 30))


def test_a_send_time_that_is_edited_keeps_the_key() -> None:
    assert keys("daily 19:00")[:1] == ["daily:2026-03-23"]  # today's, still to come
    assert {key for at in ("09:00", "19:00") for key in keys(f"daily {at}")} == {
        *keys("daily 19:00", 3)
    }


# ---- zones


@pytest.mark.parametrize(
    ("zone", "wall", "expected"),
    [
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T03:00-04:00"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T01:30-04:00"),
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T02:30+02:00"),
        ("Africa/Cairo", "2026-04-24T00:30", "2026-04-24T01:00+03:00"),
        ("Africa/Cairo", "2026-10-29T23:30", "2026-10-29T23:30+03:00"),
        ("America/Sao_Paulo", "2018-11-04T00:30", "2018-11-04T01:00-02:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-04T02:30+11:00"),
        ("Pacific/Apia", "2011-12-30T09:00", "2011-12-31T00:00+14:00"),
    ],
)
def test_a_skipped_time_is_the_end_of_the_gap_and_a_double_one_the_first(
    zone: str, wall: str, expected: str
) -> None:
    found = instant(datetime.fromisoformat(wall), ZoneInfo(zone))
    assert found == datetime.fromisoformat(expected)


def test_one_digest_a_local_period_around_every_change_of_some_zones() -> None:
    """PostHog#10580: what fell into an hour that clocks skip or repeat never came, or twice."""
    sample = (*("Europe/Berlin", "Africa/Cairo", "America/Sao_Paulo", "Asia/Pyongyang"),)
    further = ("Australia/Lord_Howe", "America/Scoresbysund", "Africa/Casablanca", "Asia/Gaza")
    times = [time(0), time(0, 30), time(1, 30), time(2, 30), time(9), time(23, 30)]
    proof = prove((*sample, *further), times)
    assert proof.wrong == []
    assert proof.changes > 200


def test_the_proof_finds_a_due_time_that_comes_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def second(period: Period, zone: ZoneInfo) -> datetime:
        return period.due.replace(tzinfo=zone, fold=1).astimezone(UTC)

    monkeypatch.setattr("benchmarks.due_times.due", second)
    assert prove(["Europe/Berlin"], [time(2, 30)]).wrong


def test_a_quarter_hourly_report_covers_the_hour_that_comes_twice_once() -> None:
    schedule = Schedule.parse('cron "*/15 * * * *"')
    start = datetime(2026, 10, 25, 0, 50, tzinfo=BERLIN)
    times = [due(one, BERLIN) for one in itertools.islice(schedule.coming(start, BERLIN), 10)]
    gaps = {b - a for a, b in itertools.pairwise(times)}
    assert gaps == {timedelta(minutes=15), timedelta(minutes=75)}


# ---- clocks that move


@given(SCHEDULES, ZONES, MOMENTS)
def test_periods_meet_and_are_due_in_order(
    schedule: Schedule, zone_name: str, moment: datetime
) -> None:
    zone = ZoneInfo(zone_name)
    found = list(itertools.islice(schedule.coming(moment, zone), 8))
    assert due(schedule.newest(moment, zone), zone) <= moment < due(found[0], zone)
    for one, other in itertools.pairwise(found):
        assert one.key != other.key
        assert due(one, zone) <= due(other, zone)
        assert one.end == other.first if one.since is None else one.due == other.since


@given(SCHEDULES, ZONES, MOMENTS, st.lists(st.floats(-30, 30), min_size=1, max_size=8))
def test_a_clock_that_jumps_names_each_period_as_before(
    schedule: Schedule, zone_name: str, moment: datetime, jumps: list[float]
) -> None:
    zone, seen = ZoneInfo(zone_name), dict[str, Period]()
    for jump in jumps:
        moment += timedelta(days=jump)
        for period in itertools.islice(schedule.coming(moment, zone), 3):
            assert seen.setdefault(period.key, period) == period
    times = [due(period, zone) for period in seen.values()]
    assert schedule.is_sub_daily or len(set(times)) == len(times)
