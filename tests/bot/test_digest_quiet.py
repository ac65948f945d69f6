"""A digest's own quiet hours: who chooses them, how they are shown, beside those of its channel."""

from __future__ import annotations

from datetime import datetime

from analytics.report import Facts, Report
from storage.destinations import list_destinations
from storage.engine import reading
from tests.analytics.world import column, table_of
from tests.bot.digesting import ADMIN, LEAD, Wound, desk, kept, notes, refuse, sqlite_template

__all__ = ["desk", "sqlite_template"]  # fixtures


def term(report: Report, key: str) -> object:
    """What was chosen besides the schedule."""
    (facts,) = (block for block in report.blocks if isinstance(block, Facts))
    return {fact.key: fact.value for fact in facts.facts}[key]


def clocks(report: Report, key: str) -> list[str]:
    """The times of a column."""
    return [f"{one:%H:%M}" for one in column(table_of(report), key) if isinstance(one, datetime)]


def test_quiet_hours_are_the_digests_and_chosen_by_whoever_may_change_it(desk: Wound) -> None:
    line = 'digest subscribe weekly mon 06:00 "by-model department=Platform" quiet=22:00-07:00'
    told = desk.report(line, LEAD)
    assert term(told, "quiet hours") == "22:00–07:00 Europe/Berlin, of this digest alone"
    assert clocks(told, "leaves") == ["07:00"] * 3
    changed = desk.report("digest edit 1 quiet=05:00-08:30", LEAD)
    assert clocks(changed, "leaves")[0] == "08:30"
    listed = desk.report("digest list", LEAD)
    assert "Quiet hours of their own: 1 05:00–08:30." in notes(listed)
    assert clocks(listed, "next") == ["08:30"]
    with reading(desk.engine) as connection:
        assert [one.quiet for one in list_destinations(connection, 1).values()] == [None]


def test_quiet_hours_move_with_the_zone_and_end_with_off(desk: Wound) -> None:
    desk.report("digest subscribe daily 09:00 quiet=22:00-07:00", ADMIN)
    moved = desk.report("digest edit 1 daily 09:00 Asia/Tokyo", ADMIN)
    assert term(moved, "quiet hours") == "22:00–07:00 Asia/Tokyo, of this digest alone"
    ended = desk.report("digest edit 1 quiet=off", ADMIN)
    assert "Quiet hours" not in repr(ended)
    assert kept(desk)[0].quiet is None


def test_quiet_hours_of_the_channel_are_shown_beside_its_own(desk: Wound) -> None:
    desk.report("alerts quiet 22:00-07:00", ADMIN)
    told = desk.report("digest subscribe daily 06:00 quiet=05:00-08:00", ADMIN)
    assert term(told, "quiet hours") == "05:00–08:00 Europe/Berlin, of this digest alone"
    assert term(told, "quiet hours of the channel") == "22:00–07:00 Europe/Berlin"
    assert clocks(told, "leaves")[0] == "08:00"


def test_quiet_hours_that_leave_no_time_are_refused(desk: Wound) -> None:
    desk.report("alerts quiet 22:00-07:00", ADMIN)
    said = refuse(desk, "digest subscribe daily 09:00 quiet=07:00-22:00")
    assert "07:00–22:00 Europe/Berlin leave no time: those of #ops are 22:00–07:00" in said
    assert "quiet=off" in said
    assert kept(desk) == []
    desk.report("digest subscribe daily 09:00", ADMIN)
    assert "leave no time" in refuse(desk, "digest edit 1 quiet=06:00-23:00")
