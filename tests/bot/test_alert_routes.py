"""Routes by line: where alerts go, who chooses that, when they wait, and how a test goes there."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from analytics.report import Note
from analytics.timerange import parse_range
from bot.alerts.kinds import late_crossings
from bot.alerts.routing import route, route_untold
from bot.asking import Asking
from bot.context import Identity, Place
from bot.desk import Desk
from storage.destinations import list_destinations
from storage.engine import reading, writing
from storage.outbox import DELIVERY
from storage.routes import list_routes
from tests.alerted import kept
from tests.analytics.world import column, table_of
from tests.bot.alerting import (
    ADMIN,
    BOB,
    EVENING,
    LEAD,
    alert,
    audited,
    buttons_of,
    clock,
    desk,
    set_admin,
    sqlite_template,
    words,
)

__all__ = ["clock", "desk", "sqlite_template"]  # fixtures


# ---- routes


def routes(desk: Desk) -> list[tuple[str, str, int, bool]]:
    with reading(desk.engine) as connection:
        return [
            (one.kind, one.scope, one.target_id, one.is_off) for one in list_routes(connection, 1)
        ]


def test_alerts_come_here_and_are_routed_so(desk: Desk) -> None:
    report = desk.answer("alerts here", ADMIN)
    assert report.headline == "Route 1: all alerts to #ops"
    assert routes(desk) == [("", "", 0, False)]
    number = alert(desk)
    route(desk.engine, EVENING)
    assert f"On its way to #ops: alert {number}." in words(desk.answer("alerts history", ADMIN))


def test_a_new_route_says_what_fired_before_it(desk: Desk) -> None:
    alert(desk)
    assert "1 alert holds already: `alerts` shows" in repr(desk.answer("alerts here", ADMIN))


def test_the_same_route_is_made_once_and_told(desk: Desk) -> None:
    desk.answer("alerts here kind=silent", ADMIN)
    again = desk.answer("alerts here kind=silent", ADMIN)
    assert again.headline == "Route 1: silent alerts to #ops was set already"
    assert len([row for row in audited(desk) if row[0] == "alerts.route"]) == 1


def test_a_lead_routes_the_own_department_and_nothing_else(desk: Desk) -> None:
    assert desk.answer("alerts here department=Platform", LEAD).line
    for line in ("alerts here", "alerts here department=Sales", "alerts off", "alerts quiet 22-7"):
        report = desk.answer(line, LEAD)
        if line != "alerts off":
            assert "Admins choose who is told of alerts" in report.headline, line
    assert "Admins choose" in desk.answer("alerts here department=Sales", BOB).headline


DIRECT = Place("D9", "", is_direct=True)


def test_a_lead_is_told_directly_of_the_own_department(desk: Desk) -> None:
    direct = replace(LEAD, place=DIRECT)
    said = desk.answer("alerts here department=Platform", direct).headline
    assert said.endswith("to you, directly")
    assert "ULEAD, directly" in repr(desk.answer("alerts list", ADMIN))
    assert desk.answer("alerts off", direct).headline.startswith("Ended: route 1.")


@pytest.mark.parametrize(
    ("who", "line"),
    [
        (BOB, "alerts here"),
        (BOB, "alerts here kind=silent"),
        (BOB, "alerts here department=Sales"),
        (LEAD, "alerts here"),
        (LEAD, "alerts here department=Sales"),
    ],
)
def test_nobody_has_others_alerts_told_to_oneself(desk: Desk, who: Identity, line: str) -> None:
    report = desk.answer(line, replace(who, place=DIRECT))
    assert report.headline == (
        "Admins choose who is told of alerts; a lead does for the own department."
    )
    assert routes(desk) == []
    assert audited(desk)[-1][2] == "refused"


def test_a_member_sets_quiet_hours_for_what_is_told_to_oneself(desk: Desk) -> None:
    assert desk.answer("alerts quiet 22:00-07:00", replace(BOB, place=DIRECT)).line


def test_who_is_no_lead_any_more_is_told_no_department(desk: Desk) -> None:
    desk.answer("alerts here department=Platform", replace(LEAD, place=DIRECT))
    with writing(desk.engine) as connection:
        connection.execute(sa.text("DELETE FROM role WHERE role = 'lead'"))
    number = alert(desk, 75, "department", 1)
    route(desk.engine, EVENING)
    said = words(desk.answer("alerts history", ADMIN))
    assert said == f"On its way to slack:T1:UADMIN, directly: alert {number}."


def test_a_lead_routes_to_no_channel_but_where_it_is_typed(desk: Desk) -> None:
    desk.answer("alerts here", ADMIN)
    for where in ("C09EXEC777", "<#C77|exec>"):
        report = desk.answer(f"alerts route all to {where} department=Platform", LEAD)
        assert report.headline.startswith("A lead chooses for the channel that it is typed in")
    assert desk.answer("alerts route all to #ops department=Platform", LEAD).line
    assert len(routes(desk)) == 2


def test_routes_of_other_channels_are_for_admins_and_their_makers(desk: Desk) -> None:
    desk.answer("alerts route all to <#C77|layoffs>", ADMIN)
    report = desk.answer("alerts list", BOB)
    assert "layoffs" not in repr(report)
    assert "1 route to other channels and people: admins see all of them." in repr(report)
    assert desk.answer("alerts off 1", BOB).headline == "There is no route 1."
    there = replace(BOB, place=Place("C77", "layoffs"))
    for who in (ADMIN, there):
        assert column(table_of(desk.answer("alerts list", who)), "where") == ["#layoffs"]


def test_a_channel_shared_with_another_organisation_is_told_of_nothing(desk: Desk) -> None:
    shared = Place("C9", "partners", is_external=True)
    for line in ("alerts here", "digest subscribe daily 09:00"):
        report = desk.answer(line, replace(ADMIN, place=shared))
        assert "is shared with another organisation" in report.headline
    stop(desk, "alerts route threshold to <#C9|partners>", "is_external = true")
    for line in ("alerts route all to #partners", "digest subscribe daily 09:00 in=#partners"):
        report = desk.answer(line, ADMIN)
        assert report.headline == "#partners is shared with another organisation."


def stop(desk: Desk, line: str, how: str) -> None:
    """Type a line as an admin, then let every destination be as `how` says."""
    assert desk.answer(line, ADMIN).line
    with writing(desk.engine) as connection:
        connection.execute(sa.text(f"UPDATE destination SET {how}"))  # noqa: S608  # ours


def states(desk: Desk) -> list[str]:
    with reading(desk.engine) as connection:
        return [one.state for one in list_destinations(connection, 1).values()]


def test_alerts_here_tries_a_channel_again_that_took_nothing(desk: Desk) -> None:
    stop(desk, "alerts here", "state = 'dead', dead_reason = 'is_archived'")
    report = desk.answer("alerts here", ADMIN)
    assert "I try #ops again from now on." in repr(report)
    assert states(desk) == ["ok"]
    number = alert(desk)
    route(desk.engine, EVENING)
    assert f"On its way to #ops: alert {number}." in words(desk.answer("alerts history", ADMIN))


def test_a_line_typed_directly_opens_a_conversation_that_took_nothing(desk: Desk) -> None:
    direct = replace(LEAD, place=DIRECT)
    desk.answer("alerts here department=Platform", direct)
    stop(desk, "alerts", "state = 'dead', dead_reason = 'cannot_dm_bot'")
    desk.answer("help", LEAD)
    assert states(desk) == ["dead"]
    desk.answer("by-model today", direct)
    assert states(desk) == ["ok"]
    assert audited(desk)[-1][:2] == ("destination.revived", "destination 1")


def test_what_nobody_could_be_told_is_told_when_there_is_somebody(desk: Desk) -> None:
    with writing(desk.engine) as connection:
        connection.execute(sa.text("DELETE FROM role WHERE role = 'admin'"))
    number, planned = alert(desk), []
    planned.append(route(desk.engine, EVENING))
    route_untold(desk.engine, EVENING)
    planned.append(route(desk.engine, EVENING))
    set_admin(desk)
    for _ in range(2):
        route_untold(desk.engine, EVENING)
        planned.append(route(desk.engine, EVENING))
    assert planned == [0, 0, 1, 0]
    assert kept(desk.engine, number).routed_at == EVENING


def test_a_first_route_tells_what_nobody_was_told_of_or_saw(desk: Desk) -> None:
    alert(desk)
    seen = alert(desk, 90)
    with writing(desk.engine) as connection:
        connection.execute(sa.text("DELETE FROM role WHERE role = 'admin'"))
    assert route(desk.engine, EVENING) == 0
    set_admin(desk)
    desk.answer(f"alerts ack {seen}", ADMIN)
    report = desk.answer("alerts here", ADMIN)
    assert "It tells new ones, and what nobody was told of yet." in repr(report)
    assert route(desk.engine, EVENING) == 1
    assert "It tells new ones." in repr(desk.answer("alerts here kind=silent", ADMIN))


def test_a_channel_is_named_by_mention_id_or_known_name(desk: Desk) -> None:
    desk.answer("alerts here", ADMIN)
    for text, where in (("#ops", "#ops"), ("<#C77|sales>", "#sales"), ("C0123456789", "#C0123")):
        report = desk.answer(f"alerts route threshold to {text}", ADMIN)
        assert where in report.headline, report
    unknown = desk.answer("alerts route threshold to #nowhere", ADMIN)
    assert unknown.headline == "I know no channel '#nowhere'."
    assert "`#ops`" in repr(unknown)


@pytest.mark.parametrize(
    ("line", "quoted"),
    [
        ("alerts route eclipse to #ops", "eclipse"),
        ("alerts here kind=eclipse", "eclipse"),
        ("alerts ack x", "x"),
        ("alerts ack 0", "0"),
        ("alerts ack 99", "99"),
        ("alerts off 99", "99"),
        ("alerts snooze 1 never", "never"),
        ("alerts snooze 1 99999d", "99999d"),
        ("alerts snooze 1 1m", "1m"),
        ("alerts quiet 25:00-07:00", "25:00-07:00"),
        ("alerts quiet 22:61-07:00", "22:61-07:00"),
        ("alerts quiet 07:00-07:00", "07:00-07:00"),
        ("alerts show 1 at=soon", "soon"),
        ("alerts show 1 at=2026-03-24T07:00", "2026-03-24T07:00"),
    ],
)
def test_a_mistake_is_quoted_and_helped(desk: Desk, line: str, quoted: str) -> None:
    alert(desk)
    report = desk.answer(line, ADMIN)
    assert not report.line
    assert quoted in report.headline
    assert report.blocks


def test_where_no_channel_is_known_it_says_how_to_name_one(desk: Desk) -> None:
    report = desk.answer("alerts here", replace(ADMIN, place=None))
    assert report.headline == "It is not known which channel this is."
    assert "alerts route threshold to #ops" in repr(report)


def test_quiet_hours_are_set_shown_and_ended(desk: Desk) -> None:
    desk.answer("alerts here", ADMIN)
    report = desk.answer("alerts quiet 22:00-07:00", ADMIN)
    assert "wait 22:00-07:00 (Europe/Berlin)" in report.headline
    assert column(table_of(desk.answer("alerts list", ADMIN)), "quiet") == [
        "22:00-07:00 (Europe/Berlin)"
    ]
    assert desk.answer("alerts quiet off", ADMIN).headline == "Alerts reach #ops at any hour"
    assert audited(desk)[-1][0] == "alerts.quiet"


# ---- a test


def test_a_test_is_marked_and_goes_the_way_of_real_ones(desk: Desk) -> None:
    desk.answer("alerts here kind=threshold", ADMIN)
    first, second = (desk.answer("alerts test", ADMIN) for _ in range(2))
    assert first.headline.startswith("Test alert 1 is on its way")
    assert second.headline.startswith("Test alert 2 is on its way")
    route(desk.engine, EVENING)
    with reading(desk.engine) as connection:
        found = connection.execute(sa.select(DELIVERY.c.trigger, DELIVERY.c.destination_id)).all()
    assert {tuple(row) for row in found} == {("test", 1)}
    report = desk.answer("alerts show 1", ADMIN)
    assert report.headline.startswith("TEST: ")
    notes = [block.text for block in report.blocks if isinstance(block, Note)]
    assert notes[0] == "Nothing was crossed."
    assert notes[-1].startswith("TEST: ")  # the footer
    assert [one.label for one in buttons_of(report)] == ["Who used most", "Acknowledge"]


def test_a_test_takes_no_period_and_is_never_quiet(desk: Desk) -> None:
    desk.answer("alerts here kind=threshold", ADMIN)
    desk.answer("alerts test", ADMIN)
    desk.answer("alerts snooze 1 24h", ADMIN)
    desk.answer("alerts test", ADMIN)
    assert route(desk.engine, EVENING) == 2
    with reading(desk.engine) as connection:
        keys = list(connection.execute(sa.select(DELIVERY.c.dedupe_key, DELIVERY.c.period_key)))
    assert sorted(tuple(key) for key in keys) == [("t|1|1", None), ("t|2|1", None)]


def test_a_test_that_was_too_late_is_no_matter_for_a_digest(desk: Desk) -> None:
    desk.answer("alerts here kind=threshold", ADMIN)
    desk.answer("alerts test", ADMIN)
    next_month = EVENING.replace(month=4, day=1)
    route(desk.engine, next_month)
    with reading(desk.engine) as connection:
        states = list(connection.execute(sa.select(DELIVERY.c.state)).scalars())
        days = parse_range("2026-03-20..2026-04-01", next_month.date())
        ctx = Asking(now=lambda: next_month, owners=(), workspace="default").context(
            connection, ADMIN
        )
        assert late_crossings(ctx, days) == []
    assert states == ["skipped"]


def test_only_admins_send_tests(desk: Desk) -> None:
    assert "is for admins" in desk.answer("alerts test", LEAD).headline
