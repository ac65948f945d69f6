"""Alerts seen, snoozed, raised and listed, by line and button: who may, and what it does."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from analytics.report import Button
from bot.alerts.routing import route
from bot.context import Identity, Place
from bot.desk import Desk
from bot.params.alerts import GROUPS
from storage.budgets import list_budgets
from storage.engine import reading, writing
from storage.outbox import DELIVERY
from storage.preferences import set_preference
from tests.alerted import crossing, fire, happening, kept
from tests.analytics.world import column, table_of
from tests.bot.alerting import (
    ADMIN,
    BOB,
    CHARLIE,
    EVENING,
    HOUR,
    LEAD,
    Clock,
    alert,
    audited,
    buttons_of,
    clock,
    desk,
    set_admin,
    sqlite_template,
    words,
)
from tests.cast import ALICE

__all__ = ["clock", "desk", "sqlite_template"]  # fixtures


def pressed(desk: Desk, who: Identity, line: str, button: str) -> str:
    """What a `do` button under a post answers to somebody."""
    wish = desk.wish(button, who, key="")
    if wish is None:
        return "no longer valid"
    assert wish.line == line
    report = desk.pressed(wish, who)
    assert report is not None
    return report.headline


def stored(desk: Desk, line: str) -> str:
    """The value of a button under a post, which everybody in the channel may press."""
    from bot.buttons import public_values

    button = Button("x", line, "do")
    with writing(desk.engine) as connection:
        return public_values(connection, 1, [button], platform="slack", now=EVENING)[button]


# ---- acknowledging and snoozing


@pytest.mark.parametrize(
    ("who", "scope", "may"),
    [
        (ADMIN, ("workspace", 0), True),
        (ADMIN, ("department", 2), True),
        (LEAD, ("department", 1), True),
        (LEAD, ("department", 2), False),
        (LEAD, ("workspace", 0), False),
        (BOB, ("workspace", 0), False),
        (BOB, ("department", 2), True),
        (BOB, ("department", 1), False),
        (BOB, ("person", 2), True),
        (BOB, ("person", 1), False),
        (BOB, ("project", 2), True),
        (BOB, ("project", 1), False),
    ],
)
@pytest.mark.parametrize("command", ["alerts ack", "alerts snooze"])
def test_who_may_acknowledge_and_snooze(
    desk: Desk, command: str, who: Identity, scope: tuple[str, int], *, may: bool
) -> None:
    number = alert(desk, 75, *scope)
    report = desk.answer(f"{command} {number}", who)
    assert bool(report.line) == may
    assert audited(desk)[-1][2] == ("done" if may else "refused")
    after = kept(desk.engine, number)
    assert (after.acked_at is not None or after.snoozed_until is not None) == may


def test_an_alert_is_seen_once_and_the_second_learns_by_whom(desk: Desk) -> None:
    number = alert(desk, 75, "department", 1)
    assert desk.answer(f"alerts ack {number}", LEAD).headline.startswith("Alert 1: seen.")
    again = desk.answer(f"alerts ack {number}", ADMIN).headline
    assert again == f"{ALICE} saw alert 1 on 24 Mar 18:00; nothing was changed"
    assert kept(desk.engine, number).acked_by == LEAD.actor
    assert [row for row in audited(desk) if row[0] == "alerts.ack"] == [
        ("alerts.ack", "alert 1", "done")
    ]


def test_only_an_admin_may_snooze_an_alert_of_100(desk: Desk) -> None:
    number = alert(desk, 100, "department", 1)
    assert "Only an admin" in desk.answer(f"alerts snooze {number} 24h", LEAD).headline
    assert audited(desk)[-1] == ("alerts snooze", "", "refused")
    assert desk.answer(f"alerts snooze {number} 24h", ADMIN).line
    assert kept(desk.engine, number).snoozed_until == EVENING + 24 * HOUR


def test_a_snooze_ends_with_the_period_at_the_latest(desk: Desk) -> None:
    number = alert(desk)
    report = desk.answer(f"alerts snooze {number} 30d", ADMIN)
    assert report.headline == "Alert 1: quiet until 1 Apr 00:00"


@pytest.mark.parametrize(
    ("pause", "until"), [("24h", 24), ("25h", 24), ("2h", 4), ("48h", 50), ("7d", 170)]
)
def test_what_is_quiet_already_is_not_snoozed_twice(
    desk: Desk, clock: Clock, pause: str, until: int
) -> None:
    number = alert(desk)
    desk.answer(f"alerts snooze {number} 24h", ADMIN)
    clock.now = EVENING + 2 * HOUR
    said = desk.answer(f"alerts snooze {number} {pause}", ADMIN).headline
    assert kept(desk.engine, number).snoozed_until == EVENING + until * HOUR
    assert ("is quiet until 25 Mar 18:00 already; nothing was changed" in said) == (until == 24)


def test_what_waits_for_a_snooze_says_so_in_the_history(desk: Desk) -> None:
    first = alert(desk, 75)
    desk.answer(f"alerts snooze {first} 24h", ADMIN)
    new = crossing(
        90, dedupe_key="a|w|0|90", subject="budget:workspace0", scope="workspace", fired_at=EVENING
    )
    second = fire(desk.engine, new)
    said = words(desk.answer("alerts history", ADMIN))
    assert f"Nobody was told: alerts {first} and {second} (quiet until 25 Mar 18:00)." in said


def test_an_alert_of_a_period_that_is_over_is_not_snoozed(desk: Desk, clock: Clock) -> None:
    number = alert(desk)
    clock.now = EVENING + timedelta(days=8)
    said = desk.answer(f"alerts snooze {number} 24h", ADMIN).headline
    assert said == "Alert 1 is about a period that is over; nothing was changed"
    assert kept(desk.engine, number).snoozed_until is None


def test_nothing_is_done_about_an_alert_that_is_over(desk: Desk) -> None:
    number = alert(desk)
    with writing(desk.engine) as connection:
        connection.execute(sa.text("UPDATE alert SET state = 'resolved'"))
    for command in ("ack", "snooze"):
        said = desk.answer(f"alerts {command} {number}", ADMIN).headline
        assert said == "Alert 1 is over; nothing was changed"


def test_alerts_of_another_workspace_are_not_there(desk: Desk) -> None:
    number = alert(desk)
    for line in (f"alerts show {number}", f"alerts ack {number}", f"alerts raise {number}"):
        assert desk.answer(line, CHARLIE).headline == "There is no alert 1."
    assert desk.answer("alerts", CHARLIE).headline == "Nothing is alerted now"


# ---- buttons


def test_a_button_pressed_twice_works_once(desk: Desk) -> None:
    line = f"alerts ack {alert(desk)}"
    button = stored(desk, line)
    assert pressed(desk, ADMIN, line, button).startswith("Alert 1: seen.")
    assert pressed(desk, ADMIN, line, button) == "no longer valid"


def test_who_may_not_press_uses_a_button_up_for_nobody(desk: Desk) -> None:
    line = f"alerts ack {alert(desk)}"
    button = stored(desk, line)
    assert pressed(desk, BOB, line, button).startswith("Alert 1 is for those whose budget it is")
    assert pressed(desk, CHARLIE, line, button) == "no longer valid"
    assert pressed(desk, ADMIN, line, button).startswith("Alert 1: seen.")


def test_a_button_a_month_later_does_nothing(desk: Desk, clock: Clock) -> None:
    number = alert(desk)
    button = stored(desk, f"alerts ack {number}")
    clock.now = EVENING + timedelta(days=31)
    assert pressed(desk, ADMIN, f"alerts ack {number}", button) == "no longer valid"
    assert kept(desk.engine, number).acked_at is None


def test_raising_the_limit_asks_before_anything_is_changed(desk: Desk) -> None:
    desk.answer("budget set 15500 monthly", ADMIN)
    number = fire(desk.engine, crossing(90, facts={"limit": 15_500 * 10**6}, fired_at=EVENING))
    report = desk.answer(f"alerts raise {number}", ADMIN)
    assert report.headline.startswith("Raise the monthly budget of Workspace by ")
    (done,) = [one for one in buttons_of(report) if one.verb == "do"]
    assert done.line.startswith("budget raise ")
    assert "raised by" not in repr(desk.answer("budget", ADMIN))
    assert desk.answer(done.line, ADMIN).line
    assert "raised by" in repr(desk.answer("budget", ADMIN))


@pytest.mark.parametrize("who", [BOB, LEAD])
def test_who_may_not_raise_a_limit_learns_it_at_the_first_step(desk: Desk, who: Identity) -> None:
    desk.answer("budget set 20000 monthly", ADMIN)
    number = alert(desk, 90)
    report = desk.answer(f"alerts raise {number}", who)
    assert report.headline.startswith("Budgets are set by admins here.")
    assert "Ask an admin to type `budget raise" in repr(report)
    assert [one for one in buttons_of(report) if one.verb == "do"] == []
    assert "Raise limit" not in repr(desk.answer(f"alerts show {number}", who))
    assert "Raise limit" in repr(desk.answer(f"alerts show {number}", ADMIN))


def test_a_lead_who_may_set_budgets_is_offered_the_raise(desk: Desk) -> None:
    with writing(desk.engine) as connection:
        set_preference(connection, 1, "budgets_by", "leads")
    number = alert(desk, 90, "department", 1)
    assert "Raise limit" in repr(desk.answer(f"alerts show {number}", LEAD))


def test_a_raise_counts_from_the_limit_of_now_and_says_what_it_becomes(desk: Desk) -> None:
    desk.answer("budget set 15000 monthly", ADMIN)
    desk.answer("budget raise 1000 until 2026-04-30", ADMIN)
    number = fire(desk.engine, crossing(90, facts={"limit": 16_000 * 10**6}, fired_at=EVENING))
    before = desk.answer(f"alerts raise {number}", ADMIN)
    told = re.search(r"becomes 15,000 \+ ([\d,]+) = ([\d,]+);", repr(before))
    assert told is not None
    assert "takes the place of the raise by 1,000 until 30 Apr 2026" in repr(before)
    (done,) = [one for one in buttons_of(before) if one.verb == "do"]
    desk.answer(done.line, ADMIN)
    with reading(desk.engine) as connection:
        (budget,) = list_budgets(connection, 1)
    day = desk.now().date().toordinal() - date(1970, 1, 1).toordinal()
    assert f"{budget.limit_on(day) // 10**6:,}" == told[2]
    assert budget.limit_on(day) > 16_000 * 10**6


def test_nothing_is_raised_where_the_budget_is_gone(desk: Desk) -> None:
    desk.answer("budget set 15500 monthly", ADMIN)
    number = fire(desk.engine, crossing(90, facts={"limit": 15_500 * 10**6}, fired_at=EVENING))
    desk.answer("budget remove revision=1", ADMIN)
    report = desk.answer(f"alerts raise {number}", ADMIN)
    assert report.headline == f"The budget that alert {number} is about is not there any more."


def test_the_limit_of_a_month_that_is_over_is_not_raised(desk: Desk, clock: Clock) -> None:
    desk.answer("budget set 15500 monthly", ADMIN)
    number = fire(desk.engine, crossing(90, facts={"limit": 15_500 * 10**6}, fired_at=EVENING))
    asked = desk.answer(f"alerts raise {number}", ADMIN)
    (done,) = [one for one in buttons_of(asked) if one.verb == "do"]
    assert "until March ends?" in asked.headline
    clock.now = EVENING + timedelta(days=8)
    assert "is about March, which is over" in desk.answer(f"alerts raise {number}", ADMIN).headline
    assert "'2026-03-31' is over" in desk.answer(done.line, ADMIN).headline


# ---- lists


def test_hints_name_an_alert_and_a_route_that_there_are(desk: Desk) -> None:
    alert(desk, scope="department", target=1)
    number = alert(desk)
    desk.answer("alerts here", ADMIN)
    assert f"`alerts ack {number}`" in repr(desk.answer("alerts", ADMIN))
    assert "`alerts off 1`" in repr(desk.answer("alerts list", ADMIN))


def test_what_is_over_or_old_is_not_among_the_active(desk: Desk, clock: Clock) -> None:
    alert(desk)
    desk.answer("alerts test", ADMIN)
    assert desk.answer("alerts", BOB).headline == "1 alert now: 76% of March credits used"
    clock.now = EVENING + timedelta(days=8)
    assert desk.answer("alerts", BOB).headline == "Nothing is alerted now"


def test_history_gives_a_reason_for_every_message_that_did_not_arrive(desk: Desk) -> None:
    desk.answer("alerts here", ADMIN)
    desk.answer("alerts quiet 17:00-19:00", ADMIN)
    alert(desk)
    fire(desk.engine, crossing(90, fired_at=EVENING - HOUR))
    route(desk.engine, EVENING)
    with writing(desk.engine) as connection:
        dead = {"state": "dead", "reason": "destination: is_archived"}
        first = sa.select(DELIVERY.c.id).order_by(DELIVERY.c.alert_id).limit(1).scalar_subquery()
        connection.execute(sa.update(DELIVERY).where(DELIVERY.c.id == first).values(**dead))
    report = desk.answer("alerts history", ADMIN)
    assert words(report) == (
        "Not delivered to #ops: alert 1 (the channel is archived). "
        "On its way to #ops: alert 2 (not before 24 Mar 19:00)."
    )
    assert column(table_of(report), "state") == ["fired", "not delivered, fired"]
    assert report.headline == "2 alerts; 1 message not delivered"


def test_history_has_a_row_for_a_post_and_says_what_is_over(desk: Desk, clock: Clock) -> None:
    desk.answer("alerts here", ADMIN)
    number = alert(desk)
    route(desk.engine, EVENING)
    sent = sa.update(DELIVERY).values(state="sent", platform_message_id="m1", sent_at=EVENING)
    with writing(desk.engine) as connection:
        connection.execute(sent)
    desk.answer(f"alerts ack {number}", ADMIN)
    route(desk.engine, EVENING + HOUR)
    with writing(desk.engine) as connection:
        connection.execute(sent)
    clock.now = EVENING + timedelta(days=8)
    report = desk.answer("alerts history", ADMIN)
    assert words(report) == f"Sent to #ops: alert {number}."
    (state,) = column(table_of(report), "state")
    assert str(state).endswith("period over")


def test_what_was_told_with_another_is_not_lost(desk: Desk) -> None:
    desk.answer("alerts here", ADMIN)
    desk.answer("alerts quiet 17:00-19:00", ADMIN)
    for percent in (75, 90):
        fire(desk.engine, crossing(percent, fired_at=EVENING))
        route(desk.engine, EVENING)
    report = desk.answer("alerts history", ADMIN)
    assert "told together with alert 2" in repr(report)
    assert report.headline == "2 alerts"


def test_an_alert_that_nobody_can_be_told_says_so(desk: Desk) -> None:
    alert(desk)
    with writing(desk.engine) as connection:
        connection.execute(sa.text("DELETE FROM role"))
    route(desk.engine, EVENING)
    set_admin(desk)
    assert words(desk.answer("alerts history", ADMIN)) == (
        "Nobody was told: alert 1 (nobody to tell: no route, and no admin with a chat)."
    )


def test_history_tells_at_most_twelve_endings_and_that_there_are_more(desk: Desk) -> None:
    for number in range(14):
        desk.answer(f"alerts here kind={GROUPS[number % 5]}", replace(ADMIN, place=at(number)))
    desk.answer("alerts here", ADMIN)
    for number in range(14):
        fire(desk.engine, happening(GROUPS[number % 5], {}, dedupe_key=f"x{number}"))
    route(desk.engine, EVENING)
    shown = words(desk.answer("alerts history", ADMIN))
    assert shown.endswith("more endings of older messages.")
    assert shown.count("#") == 12


def at(number: int) -> Place:
    return Place(f"C{number}0", f"ops{number}")


# ---- walls


def test_behind_walls_lists_leave_out_what_is_about_few_people(desk: Desk) -> None:
    for scope in (("department", 1), ("person", 1), ("workspace", 0)):
        alert(desk, 75, *scope)
    with writing(desk.engine) as connection:
        set_preference(connection, 1, "people_visibility", "admins")
    for line in ("alerts", "alerts history"):
        assert column(table_of(desk.answer(line, BOB)), "alert") == [3]
        assert len(table_of(desk.answer(line, ADMIN)).rows) == 3
    refused = desk.answer("alerts show 2", BOB)
    assert refused.headline == "Alert 2 is about too few people to be told here."


def test_what_others_may_not_see_pushes_nothing_out_of_a_history(desk: Desk) -> None:
    with writing(desk.engine) as connection:
        set_preference(connection, 1, "people_visibility", "admins")
    alert(desk)
    for percent in range(1, 61):
        alert(desk, percent, scope="person", target=1)
    for line in ("alerts", "alerts history"):
        assert column(table_of(desk.answer(line, BOB)), "alert") == [1]
        assert len(table_of(desk.answer(line, ADMIN)).rows) >= 20
