"""What people get wrong, and what they try, around everything that is said unasked.

A refusal is one sentence that quotes and helps.  It changes nothing, is quick, leaves a row in the
audit where a right was missing, and the next good request works.  Numbers are those of the bad
inputs in docs of security; what belongs to one part alone is tested beside it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

from analytics.errors import UserError
from analytics.report import Actions, Button, Note, Report
from analytics.schedule import Schedule
from bot.buttons import public_values
from bot.context import Identity, Place
from bot.desk import Desk
from bot.registry import COMMANDS
from storage.actions import LIFETIME
from storage.budgets import set_budget
from storage.engine import reading, writing
from storage.preferences import set_preference
from storage.roles import set_role
from storage.workspaces import bind_chat, create_workspace
from tests.alerted import crossing, fire
from tests.analytics.world import World
from tests.bot.delivery.delivering import Office
from tests.cast import ALICE, NOW, ZONE, event
from tests.databases import Filling

OPS = Place("COPS", "ops")
OWNER = Identity("slack", "T1", "UOWNER", name="Olga", place=OPS)
ADMIN = Identity("slack", "T1", "UALICE", name="Alice", place=OPS)
BOB = Identity("slack", "T1", "UBOB", name="Olga", place=OPS)  # with the owner's name
GUEST = Identity("slack", "T1", "UGUEST", guest=True, place=OPS)
CHARLIE = Identity("slack", "T2", "UALICE", place=OPS)  # the admin's id, in another workspace
KEPT = (
    "budget",
    "alert_route",
    "destination",
    "subscription",
    "delivery",
    "purchase_policy",
    "purchase",
    "credit_grant",
    "preference",
    "role",
)
SECOND = 1.0
ELEVEN = ",".join(str(percent) for percent in range(10, 21))


@pytest.fixture(scope="module")
def sqlite_template(filled: Filling) -> Path:
    """An owner, an admin and Bob in one workspace with a fired alert; Charlie is in another."""
    return filled(_company)


def _company(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        other = create_workspace(connection, "elsewhere", zone=ZONE, now=NOW)
        for workspace, team in ((1, "T1"), (other.id, "T2")):
            bind_chat(connection, workspace, platform="slack", external_id=team, now=NOW)
        admin = {"platform": "slack", "external_id": "T1", "user_id": ADMIN.user_id}
        set_role(connection, 1, **admin, role="admin")
        set_budget(
            connection, 1, scope="workspace", target_id=0, period="monthly", amount=10**10, now=NOW
        )
    World(engine).write([event(person=ALICE)])
    fire(engine, crossing())
    with closing(_desk(engine)) as desk:
        assert desk.answer("alerts here kind=silent", ADMIN).line
        assert desk.answer("purchase policy pack=5 ceiling=50", OWNER).line
        assert desk.answer("purchase test", OWNER).line


def _desk(engine: sa.Engine) -> Desk:
    return Desk(engine, now=lambda: NOW, owners=[OWNER.actor])


@pytest.fixture
def desk(sqlite_engine: sa.Engine) -> Iterator[Desk]:
    """Where the company asks."""
    with closing(_desk(sqlite_engine)) as desk:
        yield desk


def kept(engine: sa.Engine) -> Mapping[str, list[Any]]:
    """Everything that a line might have changed."""
    tables = SQLModel.metadata.tables
    with reading(engine) as connection:
        found = {}
        for name in KEPT:
            ordered = sa.select(tables[name]).order_by(*tables[name].primary_key)
            found[name] = [tuple(row) for row in connection.execute(ordered)]
        alerts = sa.select(tables["alert"].c.state, tables["alert"].c.acked_at)
        return found | {"alert": [tuple(row) for row in connection.execute(alerts)]}


def refused(engine: sa.Engine) -> int:
    with reading(engine) as connection:
        wanted = sa.text("SELECT count(*) FROM audit WHERE result = 'refused'")
        return int(connection.execute(wanted).scalar_one())


def said(report: Report) -> str:
    notes = (block.text for block in report.blocks if isinstance(block, Note))
    return " ".join([report.headline, *notes])


def buttons(report: Report) -> list[Button]:
    rows = (block for block in report.blocks if isinstance(block, Actions))
    return [button for row in rows for button in row.buttons]


# ---- what is typed wrong


@pytest.mark.parametrize(
    ("line", "quoted"),
    [
        ("budget set 0 monthly", "'0'"),
        ("budget set 1e308 monthly", "'1e308'"),
        ("budget set 9" + "9" * 300, "'9999"),
        ("budget set -5 monthly", "'-5'"),
        ("budget set nan monthly", "'nan'"),
        ("budget set inf monthly", "'inf'"),
        ("budget set １００ monthly", "'１００'"),
        ("budget set ²00 monthly", "'²00'"),
        ("budget set 100 monthly thresholds=0", "'0'"),
        ("budget set 100 monthly thresholds=101", "'101'"),
        ("budget set 100 monthly thresholds=ninety", "'ninety'"),
        ("budget set 100 monthly thresholds=90,90", "'90'"),
        ("budget set 100 monthly thresholds=75.5", "'75.5'"),
        (f"budget set 100 monthly thresholds={ELEVEN}", "11 thresholds"),
        ("budget set 100 billing day=31", "'31'"),
        ("budget set 100 billing day=0", "'0'"),
        ("budget set 100 fortnightly", "fortnightly"),
        ("budget raise 10 until 2026-02-31", "2026-02-31"),
        ("budget raise 10 until 2020-01-01", "2020-01-01"),
        ("budget raise 10 until 9999-12-31", "9999-12-31"),
        ("budget raise 10 until 0001-01-01", "0001-01-01"),
        ("alerts show 99", "99"),
        ("alerts show 0", "'0'"),
        ("alerts show １", "'１'"),
        ("alerts show 99999999999999999999", "999"),
        ("alerts ack 99", "99"),
        ("alerts raise 99", "99"),
        ("alerts snooze 1 0h", "'0h'"),
        ("alerts snooze 1 99999d", "99999d"),
        ("alerts snooze 1 forever", "'forever'"),
        ("alerts snooze 1 -5h", "'-5h'"),
        ("alerts snooze 1 ９h", "'９h'"),
        ("alerts route threshold to #nowhere", "nowhere"),
        ("alerts route everything to #ops", "everything"),
        ("alerts route threshold to <https://evil|#ops>", "evil"),
        ("alerts off 99", "99"),
        ("alerts quiet 25:00-07:00", "25:00-07:00"),
        ("alerts quiet 22:00-22:00", "22:00-22:00"),
        ("alerts quiet 00:00-24:00", "'00:00-24:00' leaves no time"),
        ("alerts quiet soon", "soon"),
        ("digest lst", "'digest lst'"),
        ("digest subscribe cron", "five fields"),
        ("digest subscribe monthly 31st", "'31'"),
        ("digest subscribe daily 09:00 GMT+2", "GMT+2"),
        ("digest subscribe daily 09:00 UTC-05:00", "UTC-05:00"),
        ("digest subscribe daily 09:00 skip-empty=maybe", "'maybe'"),
        ("digest subscribe daily 09:00 quiet=", "'quiet='"),
        ("purchase policy trigger=90", "'90'"),
        ("purchase policy trigger=101%", "'101%'"),
        ("purchase policy trigger=0", "'0'"),
        ("alerts quiet ２２:00-07:00", "２２:00"),
        ("digest subscribe daily 25:00", "'25:00'"),
        ("digest subscribe daily ０９:００", "０９:００"),
        ("digest subscribe daily 09:00 Europe/Berln", "Europe/Berln"),
        ("digest subscribe daily 09:00 utc", "utc"),
        ("digest subscribe monthly 31", "'31'"),
        ('digest subscribe cron "0 0 31 2 *"', "never happens"),
        ('digest subscribe cron "* * * * *"', "due every minute"),
        ('digest subscribe cron "* * * * * *"', "6 fields"),
        ('digest subscribe cron "' + "0," * 60 + '0 9 * * *"', "characters"),
        ("digest subscribe @every 1s", "@every 1s"),
        ("digest subscribe daily 09:00 in=#nowhere", "nowhere"),
        ("digest subscribe daily 09:00 in=<https://evil|x>", "evil"),
        ('digest subscribe daily 09:00 "budget set 5 monthly"', "budget set"),
        ('digest subscribe daily 09:00 "purchase approve 1"', "purchase approve"),
        ('digest subscribe daily 09:00 "by-model nonsense"', "nonsense"),
        ("digest subscribe daily 09:00 attach=exe", "'exe'"),
        ("digest subscribe daily 09:00 catchup=sometimes", "sometimes"),
        ("digest subscribe daily 09:00 to=everybody", "everybody"),
        ("digest pause 99", "99"),
        ("digest resume 99", "99"),
        ("digest test 99", "99"),
        ("digest edit 99 daily 09:00", "99"),
        ("digest unsubscribe 0", "'0'"),
        ("digest daily 2026-02-31", "2026-02-31"),
        ("digest daily 9999-12-31", "9999-12-31"),
        ("purchase policy pack=1e308 ceiling=5", "1e308"),
        ("purchase url https://127.0.0.1/", "127.0.0.1"),
        ("purchase approve 99", "99"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(desk: Desk, line: str, quoted: str) -> None:
    before, begun = kept(desk.engine), time.process_time()
    report = desk.answer(line, OWNER)
    assert time.process_time() - begun < SECOND
    assert not report.line
    assert quoted in report.headline
    assert [block for block in report.blocks if isinstance(block, Note) and block.text]
    assert not report.headline.startswith("Sorry")  # as our bug would
    assert kept(desk.engine) == before
    assert desk.answer("alerts", OWNER).line


@pytest.mark.parametrize(
    ("line", "help_"),
    [
        ("digest lst", "Did you mean `digest list`?"),
        ("digest foo", "There is `digest daily`"),
        ("alerts foo", "There is `alerts list`"),
        ("digest subscribe every 3 weeks", "`weekly mon 09:00`"),
        ("digest subscribe daily 09:00 GMT+2", "Europe/Berlin"),
        ("digest subscribe daily 09:00 skip-empty=maybe", "`yes` or `no`"),
        ("digest subscribe daily 09:00 quiet=", "`quiet=22:00-07:00`"),
        ("purchase policy trigger=90", "`trigger=90%` or `trigger=90left`"),
    ],
)
def test_a_mistake_is_told_with_what_to_type(desk: Desk, line: str, help_: str) -> None:
    assert help_ in said(desk.answer(line, OWNER))


@pytest.mark.parametrize(("typed", "day"), [("first", 1), ("1st", 1), ("2nd", 2), ("15th", 15)])
def test_a_day_of_the_month_in_words(typed: str, day: int) -> None:
    assert Schedule.parse(f"monthly {typed} 08:30") == Schedule.parse(f"monthly {day} 08:30")


def test_a_member_is_told_whom_to_ask_for_a_raise_and_gets_no_button(desk: Desk) -> None:
    report = desk.answer("alerts raise 1", BOB)
    assert "Ask an admin to type `budget raise" in said(report)
    assert [one.label for one in buttons(report) if one.verb == "do"] == []
    assert [one.label for one in buttons(desk.answer("alerts raise 1", ADMIN)) if one.verb == "do"]


@pytest.mark.parametrize(
    "typed",
    [
        "* * * * * *",
        "0 0 31 2 *",
        "@every 1s",
        "@reboot",
        'cron "* * * * * *"',
        'cron "* * * * *"',
        'cron "*/14 * * * *"',
        'cron "0 0 31 2 *"',
        'cron "0 0 30 2 mon#5"',
        'cron "99999999999 * * * *"',
        'cron "' + "1," * 5000 + '1 * * * *"',
        "every 1s",
        "every 99999999999999 days",
        "daily 24:00",
        "daily 09:00:00",
        "daily -1:00",
        "daily ０９:００",
        "weekly someday 09:00",
        "monthly 29 09:00",
        "monthly -1 09:00",
        "daily 09:00 GMT Standard Time",
        "daily 09:00 ../../etc/passwd",
        "daily 09:00 Europe",
        "daily 09:00 utc",
        "daily 09:00 localtime",
        "daily 09:00 posixrules",
        "daily 09:00 Factory",
        "daily 09:00 " + "x" * 5000,
        "daily 09:00 \x00",
        "daily 09:00 \ud800",
    ],
)
def test_bad_input_58_59_of_schedules_and_zones(typed: str) -> None:
    begun = time.process_time()
    with pytest.raises(UserError) as caught:
        Schedule.parse(typed)
    assert time.process_time() - begun < SECOND
    assert caught.value.hint
    assert len(caught.value.message) < 300
    assert "Europe/Berlin" in caught.value.hint or "UTC" not in caught.value.message


# ---- who tries


@pytest.mark.parametrize(
    "line",
    [
        "budget set 5 monthly",
        "digest subscribe daily 09:00",
        "digest subscribe daily 09:00 in=#ops",
        "alerts here",
        "alerts route threshold to #ops",
        "alerts off",
        "alerts off 1",
        "alerts quiet 22:00-07:00",
        "alerts ack 1",
        "alerts snooze 1 24h",
        "alerts test",
        "purchase policy ceiling=1000000",
        "purchase on",
        "purchase approve 1",
        "purchase decline 1",
    ],
)
def test_bad_input_19_26_a_member_with_the_owners_name_changes_nothing(
    desk: Desk, line: str
) -> None:
    before, rows = kept(desk.engine), refused(desk.engine)
    report = desk.answer(line, BOB)
    assert not report.line
    assert kept(desk.engine) == before
    assert refused(desk.engine) == rows + 1


def test_a_digest_that_is_not_there_names_some_that_are_and_how_many_more(desk: Desk) -> None:
    for hour in range(7):
        assert desk.answer(f"digest subscribe daily 1{hour}:00", ADMIN).line
    refused = repr(desk.answer("digest pause 77", ADMIN))
    assert "5 (`digest daily`) and 2 more: `digest list`." in refused


def test_hints_are_of_use_where_they_are_given(desk: Desk) -> None:
    assert "name it: `in=#channel`" in repr(
        desk.answer("digest subscribe daily 09:00 to=#ops", ADMIN)
    )
    desk.answer("digest subscribe daily 09:00", ADMIN)
    desk.answer("digest skip 1", ADMIN)
    soon = (NOW + timedelta(days=14)).date()
    assert f"digest pause 1 until {soon}" in repr(desk.answer("digest skip 1", ADMIN))


@pytest.mark.parametrize("act", ["pause", "resume", "skip", "unsubscribe", "test", "edit"])
def test_a_digest_of_others_is_theirs(desk: Desk, act: str) -> None:
    assert desk.answer("digest subscribe daily 09:00 to=me", ADMIN).line
    before = kept(desk.engine)
    more = " weekly fri 16:00" if act == "edit" else ""
    assert not desk.answer(f"digest {act} 1{more}", BOB).line
    assert kept(desk.engine) == before
    assert said(desk.answer("digest list", BOB)).startswith("No digest")


@pytest.mark.parametrize("who", [GUEST, CHARLIE], ids=["guest", "elsewhere"])
def test_bad_input_23_25_guests_and_others_of_the_same_id_reach_nothing(
    desk: Desk, who: Identity
) -> None:
    before = {name: rows for name, rows in kept(desk.engine).items() if name != "preference"}
    ours = ("alert", "digest", "purchase", "budget", "health")
    for command in COMMANDS.values():
        if not command.name.startswith(ours):
            continue
        report = desk.answer(command.example, who)
        assert who is CHARLIE or not report.line, command.name
        assert "alice@example.com" not in repr(report)
    after = {name: rows for name, rows in kept(desk.engine).items() if name != "preference"}
    assert after == before


def test_bad_input_18_behind_walls_a_member_learns_of_no_person(desk: Desk) -> None:
    with writing(desk.engine) as connection:
        set_preference(connection, 1, "people_visibility", "admins")
    number = World(desk.engine).labels.person_id(ALICE)
    alert = fire(desk.engine, crossing(scope="person", target_id=number, dedupe_key="a|person"))
    for line in (
        f"alerts show {alert}",
        "alerts history",
        "alerts",
        "digest daily",
        "digest weekly",
    ):
        assert ALICE not in repr(desk.answer(line, BOB)), line
    assert not desk.answer(f"alerts show {alert}", BOB).line
    assert desk.answer(f"alerts show {alert}", ADMIN).line


# ---- buttons of posts


def posted(desk: Desk, line: str) -> str:
    """What a button of a post carries, which anybody may press."""
    button = Button("Press", line, "do")
    with writing(desk.engine) as connection:
        return public_values(connection, 1, [button], platform="slack", now=NOW)[button]


@pytest.mark.parametrize(
    "line", ["alerts ack 1", "alerts snooze 1 24h", "purchase approve 1", "purchase decline 1"]
)
def test_bad_input_20_a_post_s_button_in_wrong_hands_changes_nothing(desk: Desk, line: str) -> None:
    value, before = posted(desk, line), kept(desk.engine)
    wish = desk.wish(value, BOB, key="click 1")
    assert wish is not None
    refused = desk.pressed(wish, BOB, key="click 1")
    assert refused is not None
    assert not refused.line
    assert kept(desk.engine) == before
    again = desk.wish(value, OWNER, key="click 2")
    assert again is not None
    done = desk.pressed(again, OWNER, key="click 2")
    assert done is not None
    assert done.line


def test_a_button_twice_works_once(desk: Desk) -> None:
    value = posted(desk, "alerts ack 1")
    wish = desk.wish(value, ADMIN, key="a")
    assert wish is not None
    assert desk.pressed(wish, ADMIN, key="a")
    assert desk.pressed(wish, OWNER, key="b") is None
    assert desk.wish(value, ADMIN, key="b") is None
    assert desk.wish(value, OWNER, key="c") is None


def test_a_button_a_month_later_does_nothing(desk: Desk) -> None:
    value = posted(desk, "alerts ack 1")
    later = Desk(desk.engine, now=lambda: NOW + LIFETIME + timedelta(seconds=1))
    assert later.wish(value, ADMIN, key="a") is None
    later.close()


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value[:-1] + ("A" if value[-1] != "A" else "B"),
        lambda _: "do:" + "x" * 22,
        lambda value: value.replace("do:", "ask:"),
        lambda value: value.replace("do:", "id:"),
        lambda _: "ask:purchase approve 1",
        lambda _: "ask:alerts ack 1",
        lambda _: "do:purchase approve 1",
        lambda _: "do:",
        lambda _: "",
        lambda _: "do:' OR 1=1 --",
        lambda _: "do:\x00",
    ],
    ids=range(11),
)
def test_bad_input_21_an_altered_button_does_nothing(desk: Desk, change: Any) -> None:  # noqa: ANN401  # a lambda
    value, before = posted(desk, "purchase approve 1"), kept(desk.engine)
    wish = desk.wish(change(value), OWNER, key="k")
    assert wish is None or wish.verb != "do"
    assert kept(desk.engine) == before


def test_bad_input_22_a_button_of_another_workspace_or_platform_does_nothing(desk: Desk) -> None:
    value = posted(desk, "alerts ack 1")
    assert desk.wish(value, CHARLIE, key="a") is None
    assert desk.wish(value, replace(ADMIN, platform="discord"), key="b") is None
    assert desk.wish(value, ADMIN, key="c") is not None


# ---- lines that wait


async def test_a_stored_line_that_would_change_something_changes_nothing(
    sqlite_engine: sa.Engine,
) -> None:
    office = Office(sqlite_engine, owners=("slack:T1:U1",))
    with writing(sqlite_engine) as connection:
        bind_chat(connection, 1, platform="slack", external_id="T1", now=NOW)
    channel = office.mail.channel()
    rows = [
        office.mail.due(channel, line=line)
        for line in ("budget set 5 monthly", "purchase policy pack=1 ceiling=2", "alerts here")
    ]
    before = kept(sqlite_engine)
    await office.work(0, 60)
    for one in rows:
        assert (office.row(one).state, str(office.row(one).reason)[:9]) == ("skipped", "cancelled")
    assert {**kept(sqlite_engine), "delivery": before["delivery"]} == before


async def test_bad_input_28_what_a_lost_right_was_needed_for_does_not_leave(
    sqlite_engine: sa.Engine,
) -> None:
    office = Office(sqlite_engine)
    with writing(sqlite_engine) as connection:
        bind_chat(connection, 1, platform="slack", external_id="T1", now=NOW)
        set_preference(connection, 1, "people_visibility", "admins")
        who = {"platform": "slack", "external_id": "T1", "user_id": "U1"}
        set_role(connection, 1, **who, role="admin")
    World(sqlite_engine).write([event(person=ALICE)])
    direct = office.mail.channel(is_direct=True, channel_id="U1")
    first = office.mail.due(direct, line="by-user today")
    await office.work(0)
    assert office.row(first).state == "sent"
    with writing(sqlite_engine) as connection:
        set_role(connection, 1, **who, role="member")
    second = office.mail.due(direct, line="by-user today")
    await office.work(60)
    assert office.row(second).state == "skipped"
    assert [ALICE in repr(post) for post in office.platform.posts].count(True) <= 1


async def test_people_s_rows_do_not_reach_a_channel_that_strangers_share(
    sqlite_engine: sa.Engine,
) -> None:
    office = Office(sqlite_engine, owners=("slack:T1:U1",))
    with writing(sqlite_engine) as connection:
        bind_chat(connection, 1, platform="slack", external_id="T1", now=NOW)
    World(sqlite_engine).write([event(person=ALICE)])
    office.platform.outside = True
    channel = office.mail.channel(people_rows=True)
    for line in ("by-user today", "digest daily", "dashboard today"):
        office.mail.due(channel, line=line)
    await office.work(0, 60)
    assert ALICE not in repr(office.platform.requests)
