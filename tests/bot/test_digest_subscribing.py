"""Digests by line: what is subscribed where, and by whom they are chosen and seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
import sqlalchemy as sa

from analytics.report import Actions, Button, Report
from bot.context import Role
from bot.desk import Desk
from storage.destinations import list_destinations
from storage.engine import reading, writing
from storage.preferences import set_preference
from storage.quiet import QuietHours
from storage.roles import set_role
from storage.subscriptions import change_subscription
from tests.analytics.world import column, table_of
from tests.bot.digesting import (
    ADMIN,
    DIRECT,
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
from tests.cast import ALICE

__all__ = ["desk", "sqlite_template"]  # fixtures


def _role(desk: Desk, user: str, role: Role) -> None:
    with writing(desk.engine) as connection:
        set_role(connection, 1, platform="slack", external_id="T1", user_id=user, role=role)


# ---- subscribing


def test_a_channel_is_subscribed_with_its_next_three_times(desk: Wound) -> None:
    report = desk.report(WEEKLY, ADMIN)
    assert report.headline == (
        "Subscribed: `digest weekly` to #ops, weekly mon 09:00 Europe/Berlin"
    )
    dues = column(table_of(report), "due")
    assert [f"{one:%d %b %H:%M %Z}" for one in dues if isinstance(one, datetime)] == [
        "06 Apr 09:00 CEST",
        "13 Apr 09:00 CEST",
        "20 Apr 09:00 CEST",
    ]
    assert column(table_of(report), "period")[0] == "30 Mar – 5 Apr 2026"
    assert "Times are of Europe/Berlin." in notes(report)
    assert audited(desk) == [("digest subscribe", "digest 1", "done")]


def test_its_buttons_do_what_can_be_done(desk: Wound) -> None:
    report = desk.report(WEEKLY, ADMIN)
    done = [f"digest {verb} 1" for verb in ("pause", "skip", "test", "unsubscribe")]
    assert buttons(report) == done
    assert "digest preview 1" in buttons(report, "ask")
    for line in done:
        assert desk.report(line, ADMIN).headline
    assert buttons(desk.answer("digest show 1", ADMIN)) == []  # it is ended


@pytest.mark.parametrize(
    ("schedule", "line", "catchup"),
    [
        ("daily 09:00", "digest daily", "latest"),
        ("every 3 days 10:00", "digest daily", "latest"),
        ('cron "0 9 * * mon-fri"', "digest daily", "latest"),
        ("weekly mon 09:00", "digest weekly", "all"),
        ("monthly 1 08:30", "digest monthly", "all"),
        ("monthly last", "digest monthly", "all"),
    ],
)
def test_without_a_line_it_is_the_digest_of_the_period(
    desk: Wound, schedule: str, line: str, catchup: str
) -> None:
    desk.report(f"digest subscribe {schedule}", ADMIN)
    assert [(one.line, one.catchup) for one in kept(desk)] == [(line, catchup)]


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ('"by-department last 7d"', "by-department last 7d"),
        ("by-department last 7d", "by-department last 7d"),
        ("\"by-model project='Atlas'\"", "by-model project=Atlas"),
        ("“by-user @alice”", "by-user person=alice"),
        ("\"compare 'GPT-4o' 'Claude 3 Haiku'\"", 'compare GPT-4o "Claude 3 Haiku"'),
    ],
)
def test_any_question_is_subscribed(desk: Wound, typed: str, line: str) -> None:
    report = desk.report(f"digest subscribe weekly fri 16:00 {typed} catchup=none", ADMIN)
    assert [(one.line, one.catchup) for one in kept(desk)] == [(line, "none")]
    assert desk.report(report.line.replace("fri", "sat"), ADMIN).headline


def test_every_option_is_kept(desk: Wound) -> None:
    options = "attach=pdf,csv skip-empty quiet=22:00-07:00 catchup=none"
    desk.report(f"digest subscribe daily 06:00 Asia/Tokyo {options}", ADMIN)
    (one,) = kept(desk)
    assert (one.zone, one.attach, one.skip_empty, one.catchup) == (
        "Asia/Tokyo",
        "pdf,csv",
        True,
        "none",
    )
    assert one.quiet == QuietHours(22 * 60, 7 * 60, "Asia/Tokyo")


def test_a_direct_one_goes_to_its_person_in_the_own_zone(desk: Wound) -> None:
    desk.report("preferences set zone=America/New_York", LEAD)
    report = desk.report('digest subscribe daily 09:00 "by-model last 7d" to=me', LEAD)
    assert "to you, directly, daily 09:00 America/New_York" in report.headline
    assert "Its days are those of Europe/Berlin." in notes(report)
    with reading(desk.engine) as connection:
        (to,) = list_destinations(connection, 1).values()
    assert (to.channel_id, to.is_direct, to.actor) == ("ULEAD", True, LEAD.actor)


def test_in_a_direct_conversation_it_is_direct(desk: Wound) -> None:
    report = desk.report(WEEKLY, replace(MEMBER, place=DIRECT))
    assert "to you, directly" in report.headline


@pytest.mark.parametrize("named", ["<#C2|sales>", "#sales", "C2"])
def test_another_channel_is_named_by_an_admin(desk: Wound, named: str) -> None:
    desk.report(WEEKLY, replace(ADMIN, place=SALES))
    report = desk.report(f"digest subscribe daily 09:00 in={named}", ADMIN)
    assert "to #sales" in report.headline
    assert len({one.destination_id for one in kept(desk)}) == 1


@pytest.mark.parametrize(
    ("line", "quoted", "help_"),
    [
        ("digest subscribe", "needs", "digest subscribe weekly mon 09:00"),
        ("digest subscribe daily 25:00", "'25:00'", "23:59"),
        ("digest subscribe @every 1s", "'@every 1s'", "cron"),
        ("digest subscribe * * * * * *", "'* * * * * *'", "cron"),
        ('digest subscribe cron "* * * * *"', "every minute", "15 minutes"),
        ('digest subscribe cron "0 0 31 2 *"', "never happens", "monthly last"),
        ("digest subscribe daily 09:00 Europe/Berln", "Europe/Berln", "Europe/Berlin"),
        ("digest subscribe daily 09:00 utc", '"utc"', "UTC"),
        ("digest subscribe daily by-modl", "by-modl", "by-model"),
        ("digest subscribe daily by-model model=gpt", "'model'", "a line stands in quotes"),
        ('digest subscribe daily "by-model model=gpt-99"', "gpt-99", "GPT"),
        ('digest subscribe daily "by-model 2030"', "2030", "Today"),
        ('digest subscribe daily "budget set 5"', "`budget set`", "question"),
        ('digest subscribe daily "export csv by-model"', "`export`", "question"),
        ('digest subscribe daily "digest subscribe daily"', "`digest subscribe`", "question"),
        ('digest subscribe cron "*/30 * * * *"', "several times a day", "by-model today"),
        ("digest subscribe daily attach=exe", "'exe'", "pdf"),
        ("digest subscribe daily quiet=25:00-99", "'25:00-99'", "22:00-07:00"),
        ("digest subscribe daily quiet=00:00-24:00", "'00:00-24:00'", "off"),
        ("digest subscribe daily catchup=maybe", "'maybe'", "latest"),
        ("digest subscribe daily skip-empty=perhaps", "'perhaps'", "no"),
        ("digest subscribe daily in=#nowhere", "'#nowhere'", "in=#channel"),
        ("digest subscribe daily in=#ops to=me", "'in=#ops' and 'to=me'", "Keep one"),
        ("digest subscribe daily to=everybody", "'everybody'", "me"),
        ("digest show 7", "no digest 7", "digest subscribe"),
        ("digest show seven", "'seven'", "2"),
    ],
)
def test_a_mistake_is_quoted_and_helped(desk: Wound, line: str, quoted: str, help_: str) -> None:
    said = refuse(desk, line)
    assert quoted in said
    assert help_ in said
    assert kept(desk) == []


def test_the_same_twice_is_refused_with_its_number(desk: Wound) -> None:
    desk.report(WEEKLY, ADMIN)
    assert "Digest 1 sends `digest weekly` to #ops already" in refuse(desk, WEEKLY)


def test_the_same_in_another_zone_is_another_digest(desk: Wound) -> None:
    desk.report("digest subscribe daily 09:00", ADMIN)
    desk.report("digest subscribe daily 09:00 America/New_York", ADMIN)
    assert [one.zone for one in kept(desk)] == ["Europe/Berlin", "America/New_York"]
    refuse(desk, "digest subscribe daily 09:00 America/New_York")


# ---- who may


def test_a_member_gets_digests_only_directly(desk: Wound) -> None:
    assert "`to=me`" in refuse(desk, WEEKLY, MEMBER)
    assert desk.report(f"{WEEKLY} to=me", MEMBER).headline
    assert audited(desk)[0] == ("digest subscribe", "", "refused")


def test_a_lead_sends_the_own_department_where_it_is_typed(desk: Wound) -> None:
    own = '"by-model department=Platform"'
    assert '"digest weekly department=Platform"' in refuse(desk, WEEKLY, LEAD)
    assert "Platform" in refuse(desk, f'{WEEKLY} "by-model department=Sales"', LEAD)
    assert "typed in" in refuse(desk, f"{WEEKLY} {own} in=<#C2|sales>", LEAD)
    assert desk.report(f"{WEEKLY} {own}", LEAD).headline


def test_digests_of_others_are_theirs_and_the_admins(desk: Wound) -> None:
    desk.report(f"{WEEKLY} to=me", MEMBER)
    for verb in ("show", "pause", "preview", "test", "unsubscribe", "history"):
        assert "no digest 1" in refuse(desk, f"digest {verb} 1", LEAD)
    assert desk.report("digest pause 1", ADMIN).headline.startswith("Paused")


def test_who_lost_the_right_may_only_stop_what_a_channel_is_sent(desk: Wound) -> None:
    desk.report(f'{WEEKLY} "by-model department=Platform"', LEAD)
    _role(desk, "ULEAD", "member")
    for verb in ("test", "resume"):
        assert "chosen by leads and admins" in refuse(desk, f"digest {verb} 1", LEAD)
    assert desk.report("digest pause 1", LEAD).headline.startswith("Paused")
    assert desk.report("digest unsubscribe 1", LEAD).headline.startswith("Ended")


def test_whoever_resumes_what_stopped_by_itself_answers_for_it(desk: Wound) -> None:
    desk.report(f'{WEEKLY} "by-model department=Platform"', LEAD)
    for reason, maker in ((None, LEAD.actor), ("may not choose", ADMIN.actor)):
        with writing(desk.engine) as connection:
            values = {"is_paused": True, "pause_reason": reason}
            change_subscription(connection, 1, 1, values)
        desk.report("digest resume 1", ADMIN)
        assert [one.created_by for one in kept(desk)] == [maker]


def test_what_comes_to_a_person_stays_theirs_whoever_changes_it(desk: Wound) -> None:
    desk.report(f"{WEEKLY} to=me", MEMBER)
    desk.report("digest edit 1 daily 10:00", ADMIN)
    assert [one.created_by for one in kept(desk)] == [MEMBER.actor]
    change = {"created_by": ADMIN.actor}  # as it was kept before
    with writing(desk.engine) as connection:
        change_subscription(connection, 1, 1, change)
    assert desk.report("digest show 1", MEMBER).headline
    assert desk.report("digest unsubscribe 1", MEMBER).headline.startswith("Ended")


def test_what_is_moved_to_a_channel_is_whose_who_moves_it(desk: Wound) -> None:
    desk.report(f"{WEEKLY} to=me", MEMBER)
    desk.report("digest edit 1 in=here", ADMIN)
    assert [one.created_by for one in kept(desk)] == [ADMIN.actor]


def test_a_line_that_names_a_person_is_not_told_to_others(desk: Wound) -> None:
    desk.report(f'digest subscribe daily "by-model person={ALICE}" to=me', ADMIN)
    for line in ("digest list", "digest history", "digest show 1"):
        assert ALICE not in repr(desk.answer(line, MEMBER))


def test_in_a_channel_its_digests_are_seen_and_left_alone(desk: Wound) -> None:
    desk.report(WEEKLY, ADMIN)
    assert column(table_of(desk.report("digest list", MEMBER)), "digest") == [1]
    assert buttons(desk.report("digest show 1", MEMBER)) == []
    assert "whoever made it, or an admin" in refuse(desk, "digest pause 1", MEMBER)
    elsewhere = desk.report("digest list", replace(MEMBER, place=SALES))
    assert elsewhere.headline == "No digest is subscribed here yet"


@pytest.mark.parametrize("line", ["by-user last 7d", f"by-model person={ALICE}", "digest daily"])
def test_where_people_are_restricted_an_admin_lets_a_channel_be_told(
    desk: Wound, line: str
) -> None:
    with writing(desk.engine) as connection:
        set_preference(connection, 1, "people_visibility", "leads")
    own = f'"{line} department=Platform"'
    assert "Ask an admin" in refuse(desk, f"digest subscribe daily {own}", LEAD)
    asked = desk.report(f'digest subscribe daily "{line}" attach=csv quiet=22:00-07:00', ADMIN)
    assert asked.headline == "Show people's rows to everybody in #ops?"
    assert (kept(desk), _opened(desk)) == ([], False)
    report = desk.report(buttons(asked)[0], ADMIN)
    assert "#ops may be told of people now" in notes(report)
    assert ("digest people", "destination 1", "done") in audited(desk)
    assert [(one.attach, one.quiet is None) for one in kept(desk)] == [("csv", False)]
    assert _opened(desk)


def _opened(desk: Desk) -> bool:
    with reading(desk.engine) as connection:
        return any(one.people_rows for one in list_destinations(connection, 1).values())


@pytest.fixture
def opened(desk: Wound) -> Wound:
    """#ops is told of people by digest 1, and of none by digest 2."""
    with writing(desk.engine) as connection:
        set_preference(connection, 1, "people_visibility", "admins")
    desk.report('digest subscribe daily "by-user last 7d" people', ADMIN)
    desk.report('digest subscribe weekly "by-model last 7d"', ADMIN)
    assert _opened(desk)
    return desk


@pytest.mark.parametrize(
    ("line", "is_open"),
    [
        ("digest unsubscribe 1", False),
        ("digest unsubscribe 2", True),
        ('digest edit 1 "by-model today"', False),
        ("digest edit 1 weekly fri 10:00", True),
        ("digest edit 1 to=me", False),
        ("digest edit 2 people=no", False),
    ],
)
def test_a_channel_is_closed_when_nothing_needs_people_any_more(
    opened: Wound,
    line: str,
    is_open: bool,  # noqa: FBT001  # a table
) -> None:
    report = opened.report(line, ADMIN)
    assert _opened(opened) is is_open
    assert ("#ops is told of no person any more" in notes(report)) is not is_open
    assert sum(row[0] == "digest people" for row in audited(opened)) == 2 - is_open


def test_an_edit_asks_before_a_channel_is_told_of_people(opened: Wound) -> None:
    opened.report("digest unsubscribe 1", ADMIN)
    asked = opened.report('digest edit 2 weekly sat 08:00 "by-user last 7d"', ADMIN)
    assert asked.headline.startswith("Show people's rows")
    assert kept(opened)[0].line == "by-model last 7d"
    opened.report(buttons(asked)[0], ADMIN)
    (one,) = kept(opened)
    assert (one.line, one.schedule) == ("by-user last 7d", "weekly sat 08:00")
    assert _opened(opened)


def test_only_an_admin_opens_a_channel(opened: Wound) -> None:
    opened.report("digest unsubscribe 1", ADMIN)
    line = 'digest subscribe daily "by-model last 7d department=Platform"'
    assert "chosen by admins" in refuse(opened, f"{line} people", LEAD)
    assert not _opened(opened)


def test_a_channel_shared_outside_is_refused(desk: Wound) -> None:
    desk.report(WEEKLY, ADMIN)
    with writing(desk.engine) as connection:
        connection.execute(sa.text("UPDATE destination SET is_external = true"))
    assert "shared with another organisation" in refuse(desk, "digest subscribe daily")
    assert "shared with another organisation" in refuse(desk, "digest test 1")


def test_a_channel_that_the_bot_cannot_post_in_asks_for_an_invitation(desk: Wound) -> None:
    desk.report(WEEKLY, ADMIN)
    with writing(desk.engine) as connection:
        connection.execute(sa.text("UPDATE destination SET can_post = false"))
    assert "Invite me" in refuse(desk, "digest subscribe daily")


def test_a_guest_is_told_nothing(desk: Wound) -> None:
    assert "Guests" in refuse(desk, WEEKLY, replace(ADMIN, guest=True))


# ---- offered


def test_admins_are_offered_the_weekly_one_until_there_is_one(desk: Wound) -> None:
    offered = [b for b in _offers(desk.report("overview", ADMIN)) if b.verb == "do"]
    assert [button.line for button in offered] == [WEEKLY]
    assert [b for b in _offers(desk.report("overview", MEMBER)) if b.verb == "do"] == []
    desk.report(offered[0].line, ADMIN)
    assert [b for b in _offers(desk.report("overview", ADMIN)) if b.verb == "do"] == []


def _offers(report: Report) -> list[Button]:
    rows = [block for block in report.blocks if isinstance(block, Actions)]
    return [button for row in rows for button in row.buttons]
