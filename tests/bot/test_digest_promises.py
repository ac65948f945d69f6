"""What a subscription says of its next time is what is told then."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from analytics.timerange import DAY, TimeRange
from tests.analytics.world import column, table_of
from tests.bot.digesting import ADMIN, Wound, desk, kept, notes, sqlite_template

__all__ = ["desk", "sqlite_template"]  # fixtures


def test_the_digest_of_a_month_comes_when_it_is_over(desk: Wound) -> None:
    report = desk.report("digest subscribe monthly last 08:30", ADMIN)
    assert kept(desk)[0].schedule == "monthly 1 08:30"
    assert column(table_of(report), "period")[0] == "1–31 Mar 2026"
    assert "On its last day a month is not over: it is told on the 1st" in notes(report)
    so_far = 'digest subscribe monthly last 08:30 "report this month"'
    assert f"`{so_far}` tells of it so far." in notes(report)
    assert column(table_of(desk.report(so_far, ADMIN)), "period")[0] == "1–30 Mar 2026"


def test_an_edit_to_the_last_day_is_no_other_rule(desk: Wound) -> None:
    desk.report("digest subscribe monthly 1 09:00", ADMIN)
    assert "it is told on the 1st" in notes(desk.report("digest edit 1 monthly last 08:00", ADMIN))
    assert kept(desk)[0].schedule == "monthly 1 08:00"


@pytest.mark.parametrize(
    "asked",
    [
        "monthly last",
        "monthly 15",
        'monthly last "by-model this month"',
        'monthly 1 "by-model last 7d"',
        'weekly fri 16:00 "digest monthly"',
        "every 3 days",
        'cron "0 9 * * mon-fri"',
    ],
)
def test_what_is_promised_is_what_is_told(desk: Wound, asked: str) -> None:
    row = table_of(desk.report(f"digest subscribe {asked}", ADMIN)).rows[0]
    due_at, promised = row[0], row[-1]
    assert isinstance(due_at, datetime)
    desk.moment = due_at + timedelta(minutes=1)
    period = desk.report("digest preview 1", ADMIN).period
    assert period is not None
    first, last = period.start.date(), (period.end - timedelta(minutes=1)).date()
    assert TimeRange(first, last + DAY, "", last).dates == promised
