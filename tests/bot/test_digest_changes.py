"""Digests that there are: paused, moved, ended, looked at and tried; every change is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from bot.subscriptions.planner import plan
from bot.subscriptions.realign import realign
from storage.destinations import list_destinations
from storage.engine import reading, writing
from storage.outbox import DELIVERY, history
from storage.subscriptions import change_subscription
from tests.analytics.world import column, table_of
from tests.bot.digesting import (
    ADMIN,
    LEAD,
    MEMBER,
    SALES,
    WEEKLY,
    Wound,
    audited,
    buttons,
    desk,
    kept,
    notes,
    refuse,
    sqlite_template,
)
from tests.cast import NOW

__all__ = ["desk", "sqlite_template"]  # fixtures


# ---- subscribing


def test_a_test_is_refused_where_it_would_not_arrive(desk: Wound) -> None:
    desk.report(WEEKLY, ADMIN)
    with writing(desk.engine) as connection:
        connection.execute(sa.text("UPDATE destination SET state = 'dead'"))
    assert "`digest resume 1` tries it again" in refuse(desk, "digest test 1")
    desk.report("digest resume 1", ADMIN)
    assert "on its way" in desk.report("digest test 1", ADMIN).headline


# ---- changing


def test_a_pause_ends_by_itself_or_by_a_person(desk: Wound) -> None:
    desk.report(WEEKLY, ADMIN)
    assert desk.report("digest pause 1", ADMIN).headline.startswith("Paused until it is resumed")
    assert "digest resume 1" in buttons(desk.report("digest show 1", ADMIN))
    report = desk.report("digest pause 1 until 2026-05-01", ADMIN)
    assert column(table_of(report), "period")[0] == "27 Apr – 3 May 2026"
    desk.report("digest resume 1", ADMIN)
    (one,) = kept(desk)
    assert (one.is_paused, one.paused_until) == (False, None)
    assert one.next_due == datetime.fromisoformat("2026-04-06T09:00+02:00")


@pytest.mark.parametrize(("day", "told"), [("2026-03-30", "not to come"), ("2030-01-01", "a year")])
def test_a_pause_ends_within_a_year(desk: Wound, day: str, told: str) -> None:
    desk.report(WEEKLY, ADMIN)
    assert told in refuse(desk, f"digest pause 1 until {day}")


def test_a_resumed_digest_tries_its_dead_channel_again(desk: Wound) -> None:
    desk.report(WEEKLY, ADMIN)
    with writing(desk.engine) as connection:
        connection.execute(sa.text("UPDATE destination SET state='dead', dead_reason='archived'"))
        connection.execute(
            sa.text("UPDATE subscription SET is_paused=true, pause_reason='it is archived'")
        )
    assert "paused: it is archived" in desk.report("digest show 1", ADMIN).headline
    desk.report("digest resume 1", ADMIN)
    with reading(desk.engine) as connection:
        assert [one.state for one in list_destinations(connection, 1).values()] == ["ok"]


def test_the_next_one_is_left_out_once(desk: Wound) -> None:
    desk.report(WEEKLY, ADMIN)
    report = desk.report("digest skip 1", ADMIN)
    assert column(table_of(report), "period")[0] == "6–12 Apr 2026"
    assert "`digest resume 1` takes that back" in refuse(desk, "digest skip 1")


def test_what_is_left_out_comes_after_all_when_that_is_taken_back(desk: Wound) -> None:
    desk.report(WEEKLY, ADMIN)
    assert buttons(desk.report("digest skip 1", ADMIN))[1] == "digest resume 1"
    report = desk.report("digest resume 1", ADMIN)
    assert report.headline.startswith("The next one comes: ")
    assert column(table_of(report), "period")[0] == "30 Mar – 5 Apr 2026"
    assert buttons(report)[1] == "digest skip 1"
    assert not kept(desk)[0].skip_next


@pytest.mark.parametrize(("verb", "reason"), [("pause", "paused"), ("unsubscribe", "cancelled")])
@pytest.mark.parametrize(
    ("state", "maybe", "after"),
    [("planned", None, "skipped"), ("ready", None, "skipped"), ("ready", NOW, "ready")],
)
def test_what_waits_does_not_leave_once_a_person_stopped_it(  # a table
    desk: Wound, verb: str, reason: str, state: str, maybe: datetime | None, after: str
) -> None:
    desk.report("digest subscribe daily 09:00", ADMIN)
    plan(desk.engine, NOW + timedelta(days=1))
    with writing(desk.engine) as connection:
        values = {"state": state, "maybe_sent_at": maybe}
        connection.execute(sa.update(DELIVERY).values(values))
    desk.report(f"digest {verb} 1", ADMIN)
    with reading(desk.engine) as connection:
        (row,) = history(connection, 1)
    assert (row.state, row.reason) == (after, reason if after == "skipped" else None)


def test_an_edit_keeps_what_it_does_not_name(desk: Wound) -> None:
    desk.report(f"{WEEKLY} attach=pdf skip-empty", ADMIN)
    desk.report('digest edit 1 daily 08:00 UTC "by-model today" skip-empty=no', ADMIN)
    (one,) = kept(desk)
    assert (one.schedule, one.zone, one.line) == ("daily 08:00", "UTC", "by-model today")
    assert (one.attach, one.skip_empty, one.catchup) == ("pdf", False, "all")
    desk.report("digest edit 1 in=<#C2|sales> attach=none", ADMIN)
    assert (kept(desk)[0].attach, kept(desk)[0].schedule) == ("", "daily 08:00")
    assert "needs something" in refuse(desk, "digest edit 1")
    assert [row[0] for row in audited(desk)] == ["digest subscribe", "digest edit", "digest edit"]


# ---- moving one


def _periods(desk: Wound, moment: datetime) -> list[tuple[str | None, str, bool]]:
    """What is planned by a moment, oldest first: the period, its trigger, whether it says late."""
    plan(desk.engine, moment)
    with reading(desk.engine) as connection:
        rows = sorted(history(connection, 1), key=lambda row: row.due_at)
    return [(row.period_key, row.trigger, "down" in row.facts) for row in rows]


@pytest.mark.parametrize(
    ("before", "after", "day", "told", "period"),
    [
        ("daily 09:00", "daily 07:00", 30, "29 Mar 2026", "daily:2026-03-29"),
        ("weekly mon 09:00", "weekly mon 07:00", 30, "23–29 Mar 2026", "weekly:2026-03-23"),
        ("monthly 28 09:00", "monthly 28 07:00", 28, "1–28 Feb 2026", "monthly:2026-02-28"),
        ("weekly sun 09:00", "weekly mon 07:00", 30, "23–29 Mar 2026", "weekly:2026-03-23"),
    ],
)
def test_a_time_that_is_moved_into_the_past_loses_no_period(
    desk: Wound, before: str, after: str, day: int, told: str, period: str
) -> None:
    desk.moment = NOW.replace(day=day, hour=8, minute=0)
    desk.report(f"digest subscribe {before}", ADMIN)
    report = desk.report(f"digest edit 1 {after}", ADMIN)
    assert f"{told} is told at once" in notes(report)
    assert _periods(desk, desk.moment) == [(period, "schedule", False)]
    assert len(_periods(desk, desk.moment + timedelta(hours=5))) == 1


def test_what_is_told_at_once_is_told_though_a_skip_is_taken_back_meanwhile(desk: Wound) -> None:
    desk.moment = NOW.replace(hour=8, minute=0)
    desk.report("digest subscribe daily 09:00", ADMIN)
    for line in ("digest edit 1 daily 07:00", "digest skip 1", "digest resume 1"):
        desk.report(line, ADMIN)
    assert _periods(desk, desk.moment) == [("daily:2026-03-29", "schedule", False)]


def test_a_time_that_is_moved_to_later_tells_no_period_again(desk: Wound) -> None:
    desk.moment = NOW.replace(hour=8, minute=0)
    desk.report("digest subscribe daily 09:00", ADMIN)
    assert len(_periods(desk, NOW.replace(hour=9, minute=0))) == 1
    desk.moment = NOW.replace(hour=9, minute=30)
    report = desk.report("digest edit 1 daily 11:30", ADMIN)
    assert column(table_of(report), "period")[0] == "30 Mar 2026"
    noon = NOW.replace(hour=11, minute=35)
    assert realign(desk.engine, desk.moment) == 0
    assert len(_periods(desk, noon)) == 1
    assert _periods(desk, noon + timedelta(days=1))[1:] == [("daily:2026-03-30", "schedule", False)]


def test_a_resumed_digest_promises_no_period_that_was_told(desk: Wound) -> None:
    desk.moment = NOW.replace(hour=8, minute=0)
    desk.report("digest subscribe daily 09:00", ADMIN)
    plan(desk.engine, NOW.replace(hour=9, minute=0))
    desk.moment = NOW.replace(hour=9, minute=30)
    desk.report("digest edit 1 daily 11:30", ADMIN)
    desk.report("digest pause 1", ADMIN)
    report = desk.report("digest resume 1", ADMIN)
    assert column(table_of(report), "period")[0] == "30 Mar 2026"


def test_an_edit_ends_no_pause_and_catches_nothing_up(desk: Wound) -> None:
    desk.report("digest subscribe daily 09:00", ADMIN)
    desk.report("digest pause 1 until 2026-04-03", ADMIN)
    report = desk.report("digest edit 1 daily 10:00", ADMIN)
    assert column(table_of(report), "period")[0] == "2 Apr 2026"
    last = NOW.replace(month=4, day=3)
    assert [one[0] for one in _periods(desk, last)] == ["daily:2026-04-02"]


def test_an_ended_digest_keeps_its_history(desk: Wound) -> None:
    desk.report("digest subscribe daily 09:00", ADMIN)
    plan(desk.engine, NOW + timedelta(days=1))
    assert desk.report("digest unsubscribe 1", ADMIN).headline.startswith("Ended: `digest daily`")
    assert kept(desk) == []
    table = table_of(desk.report("digest history 1", ADMIN))
    assert column(table, "period") == ["30 Mar 2026"]
    assert plan(desk.engine, NOW + timedelta(days=9)) == 0


# ---- looking


def test_a_preview_is_the_answer_of_its_line_for_a_period_that_is_over(desk: Wound) -> None:
    desk.report('digest subscribe weekly fri 16:00 "by-model last 7d"', ADMIN)
    report = desk.report("digest preview 1", ADMIN)
    asked = desk.report("by-model 2026-03-20..2026-03-26", ADMIN)
    assert table_of(report).rows == table_of(asked).rows
    assert report.line == "digest preview 1"
    assert "csv:" not in report.headline
    with reading(desk.engine) as connection:
        assert history(connection, 1) == []


def test_a_test_leaves_at_once_and_touches_no_period(desk: Wound) -> None:
    desk.report("digest subscribe daily 09:00", ADMIN)
    for _ in range(2):
        desk.report("digest test 1", ADMIN)
    with reading(desk.engine) as connection:
        rows = history(connection, 1)
    assert {(row.trigger, row.period_key, row.line) for row in rows} == {
        ("test", None, "digest daily 2026-03-29")
    }
    assert len({row.dedupe_key for row in rows}) == 2
    assert plan(desk.engine, NOW + timedelta(days=1)) == 1


def test_history_has_a_reason_for_everything_that_was_not_sent(desk: Wound) -> None:
    desk.report("digest subscribe daily 09:00", ADMIN)
    plan(desk.engine, NOW + timedelta(days=3))
    with writing(desk.engine) as connection:
        connection.execute(
            sa.text(
                "UPDATE delivery SET state='dead', reason='destination: is_archived' "
                "WHERE state='planned'"
            )
        )
    table = table_of(desk.report("digest history", ADMIN))
    assert column(table, "state") == ["dead", "skipped", "skipped"]
    assert column(table, "reason") == [
        "the channel is archived",
        "a newer one named it",
        "a newer one named it",
    ]


def test_what_was_missed_is_named_in_the_history_of_its_channel_alone(desk: Wound) -> None:
    desk.report("digest subscribe daily 09:00", ADMIN)
    plan(desk.engine, NOW + timedelta(days=3))
    report = desk.report("digest history", replace(MEMBER, place=SALES))
    assert report.headline == "No message was due yet"


def test_a_history_is_as_long_as_what_its_asker_may_see(desk: Wound) -> None:
    desk.report("digest subscribe daily 09:00 to=me", MEMBER)
    plan(desk.engine, NOW + timedelta(days=1))
    for minute in range(16):
        desk.report(f"digest subscribe daily 09:{minute:02} in=<#C2|sales>", ADMIN)
    for day in (2, 3):
        plan(desk.engine, NOW + timedelta(days=day))
        with writing(desk.engine) as connection:  # the member's own one stays the oldest
            change_subscription(connection, 1, 1, {"is_paused": True})
    table = table_of(desk.report("digest history", MEMBER))
    assert "30 Mar 2026" in column(table, "period")


def test_whose_digest_was_ended_still_sees_what_became_of_it(desk: Wound) -> None:
    desk.report("digest subscribe daily 09:00 to=me", MEMBER)
    plan(desk.engine, NOW + timedelta(days=1))
    desk.report("digest unsubscribe 1", MEMBER)
    for line in ("digest history", "digest history 1"):
        table = table_of(desk.report(line, MEMBER))
        assert column(table, "reason") == ["it was ended"]
    assert "no digest 1" in refuse(desk, "digest history 1", LEAD)
    assert "Digest 1 was ended. `digest history 1`" in refuse(desk, "digest show 1", MEMBER)
