"""Alerts by line and by button: who may do what, what it does, and that it is in the audit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from analytics.report import Actions, Button, Note, Report
from analytics.timerange import parse_range
from bot.alerts.kinds import late_crossings
from bot.alerts.routing import route, route_untold
from bot.asking import Asking
from bot.context import Identity, Place
from bot.desk import Desk
from bot.params.alerts import GROUPS
from storage.budgets import list_budgets
from storage.destinations import list_destinations
from storage.engine import reading, writing
from storage.labels import link_alias, set_home_department
from storage.outbox import DELIVERY
from storage.preferences import set_preference
from storage.roles import set_role
from storage.routes import list_routes
from storage.timekeys import to_micros
from storage.workspaces import bind_chat, create_workspace
from tests.alerted import crossing, fire, happening, kept
from tests.analytics.spending import march
from tests.analytics.world import World, column, table_of
from tests.cast import ALICE, NOW, ZONE, event
from tests.databases import Filling

EVENING = NOW.replace(day=24, hour=18, minute=0)
HOUR = timedelta(hours=1)
OPS = Place("C1", "ops")
ADMIN = Identity("slack", "T1", "UADMIN", place=OPS)
LEAD = Identity("slack", "T1", "ULEAD", place=OPS)
BOB = Identity("slack", "T1", "UBOB", place=OPS)
CHARLIE = Identity("slack", "T2", "UCHARLIE", place=OPS)


class Clock:
    def __init__(self) -> None:
        self.now = EVENING


@pytest.fixture
def clock() -> Clock:
    """A clock to turn."""
    return Clock()


@pytest.fixture(scope="module")
def sqlite_template(filled: Filling) -> Path:
    """An admin, a lead of Platform, Bob of Sales; Charlie is admin of another workspace."""
    return filled(_company)


def _company(engine: sa.Engine) -> None:
    world = World(engine)
    march(world)
    yesterday = to_micros(EVENING - timedelta(days=1))
    bob = {"person": "bob@example.com", "department": "Sales", "project": "Pipe"}
    world.write([event(ts=yesterday, **bob)])
    people = {one: world.labels.person_id(one) for one in (ALICE, "bob@example.com")}
    departments = {name: world.labels.department_id(name) for name in ("Platform", "Sales")}
    with writing(engine) as connection:
        other = create_workspace(connection, "elsewhere", zone=ZONE, now=NOW)
        for number, team, who, role in (
            (1, "T1", "UADMIN", "admin"),
            (1, "T1", "ULEAD", "lead"),
            (other.id, "T2", "UCHARLIE", "admin"),
        ):
            bind_chat(connection, number, platform="slack", external_id=team, now=NOW)
            account = {"platform": "slack", "external_id": team, "user_id": who}
            set_role(connection, number, **account, role="admin" if role == "admin" else "lead")
        for identity, person, home in (
            (LEAD, ALICE, "Platform"),
            (BOB, "bob@example.com", "Sales"),
        ):
            link_alias(connection, 1, identity.actor, person_id=people[person])
            set_home_department(connection, 1, people[person], department_id=departments[home])


@pytest.fixture
def desk(sqlite_engine: sa.Engine, clock: Clock) -> Iterator[Desk]:
    """Where the company asks."""
    with closing(Desk(sqlite_engine, now=lambda: clock.now)) as desk:
        yield desk


def alert(desk: Desk, percent: int = 75, scope: str = "workspace", target: int = 0) -> int:
    new = crossing(
        percent,
        dedupe_key=f"a|{scope}|{target}|{percent}",
        subject=f"budget:{scope}{target}",
        scope=scope,
        target_id=target,
        fired_at=EVENING,
    )
    return fire(desk.engine, new)


def audited(desk: Desk) -> list[tuple[str, str, str]]:
    with reading(desk.engine) as connection:
        rows = connection.execute(sa.text("SELECT action, object, result FROM audit ORDER BY seq"))
        return [tuple(row) for row in rows]


def pressed(desk: Desk, who: Identity, line: str, button: str) -> str:
    """What a `do` button under a post answers to somebody."""
    wish = desk.wish(button, who, key="")
    if wish is None:
        return "no longer valid"
    assert wish.line == line
    report = desk.answer(wish.line, who)
    if not report.line:
        desk.give_back(wish, who)
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


def buttons_of(report: Report) -> list[Button]:
    rows = (block for block in report.blocks if isinstance(block, Actions))
    return [button for row in rows for button in row.buttons]


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
            assert "Admins choose what a channel is told" in report.headline, line
    assert "Admins choose" in desk.answer("alerts here department=Sales", BOB).headline


def test_anybody_may_be_told_directly(desk: Desk) -> None:
    direct = replace(BOB, place=Place("D9", "", is_direct=True))
    assert desk.answer("alerts here kind=silent", direct).headline.endswith("to you, directly")
    assert "UBOB, directly" in repr(desk.answer("alerts list", ADMIN))
    assert desk.answer("alerts off", direct).headline.startswith("Ended: route 1.")


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
        assert "is not for a channel that is shared with another organisation" in report.headline
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
    direct = replace(BOB, place=Place("D9", "", is_direct=True))
    desk.answer("alerts here kind=silent", direct)
    stop(desk, "alerts", "state = 'dead', dead_reason = 'cannot_dm_bot'")
    desk.answer("help", BOB)
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
        "Not delivered to #ops: alert 1 (destination: is_archived). "
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


def words(report: Report) -> str:
    """What a report says below its table."""
    return " ".join(
        block.text for block in report.blocks if isinstance(block, Note) and block.role == "context"
    )


def set_admin(desk: Desk) -> None:
    with writing(desk.engine) as connection:
        who = {"platform": "slack", "external_id": "T1", "user_id": "UADMIN"}
        set_role(connection, 1, **who, role="admin")


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
