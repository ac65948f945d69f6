"""What is said unasked is made with its maker's rights of now, and shows a channel no more."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from analytics.figures import Figure
from analytics.report import Note, Report
from bot.chat import SendError
from bot.context import Identity
from bot.desk import Desk
from bot.drawing import Drawing
from charts import ThemeName
from storage import alerts
from storage.claims import DESTINATION
from storage.engine import reading, writing
from storage.labels import department_named, link_alias, person_of_alias, set_home_department
from storage.notices import CANCELLED
from storage.outbox import DELIVERY, reference
from storage.preferences import set_preference
from storage.roles import set_role
from storage.subscriptions import add_subscription, change_subscription, find_subscription
from storage.workspaces import bind_chat, create_workspace, release_chat
from tests.alerted import crossing, fire
from tests.analytics.world import World
from tests.bot.delivery.delivering import Office
from tests.cast import ALICE, BOB, NOW, event
from tests.storage.mail import at

MAKER = "slack:T1:UALICE"
PNG = b"\x89PNG a picture"


class Pen(Drawing):
    """Draws without matplotlib, as it is told."""

    def __init__(self, picture: bytes | Exception | None = PNG, *, hangs: bool = False) -> None:
        self.picture, self.hangs = picture, hangs
        self.themes: list[ThemeName] = []

    async def draw(self, figure: Figure, theme: ThemeName) -> bytes | None:
        del figure
        self.themes.append(theme)
        if self.hangs:
            await asyncio.Event().wait()
        if isinstance(self.picture, Exception):
            raise self.picture
        return self.picture


@dataclass
class Company:
    """A channel of a workspace with usage of two people, and an office that delivers to it."""

    office: Office
    channel: int

    def digest(self, line: str = "by-model last 7d", **changes: Any) -> str:  # noqa: ANN401  # fields of NewDelivery
        usual: dict[str, Any] = {"line": line, "actor": MAKER, "window_end": NOW}
        return self.office.mail.due(self.channel, **usual | changes)

    def subscribe(self, line: str, **changes: object) -> int:
        with writing(self.office.engine) as connection:
            kept = add_subscription(
                connection,
                1,
                destination_id=self.channel,
                line=line,
                schedule="daily 09:00",
                zone="Europe/Berlin",
                next_due=at(86_400),
                next_first_day=20_000,
                catchup="latest",
                attach="",
                created_by=MAKER,
                now=NOW,
            )
            table = sa.table("subscription", *map(sa.column, ("id", *changes)))
            if changes:
                connection.execute(sa.update(table).values(**changes))
        return kept.id

    def is_paused(self, number: int) -> bool:
        with reading(self.office.engine) as connection:
            kept = find_subscription(connection, 1, number)
        return kept is not None and kept.is_paused

    def role(self, user: str, role: Any) -> None:  # noqa: ANN401  # a role
        with writing(self.office.engine) as connection:
            set_role(connection, 1, platform="slack", external_id="T1", user_id=user, role=role)

    def restrict(self, walls: str = "admins") -> None:
        with writing(self.office.engine) as connection:
            set_preference(connection, 1, "people_visibility", walls)

    def open_to_people(self) -> None:
        with writing(self.office.engine) as connection:
            connection.execute(sa.update(DESTINATION).values(people_rows=True))

    def stored(self, delivery: str) -> Mapping[str, Any]:
        columns = (DELIVERY.c.payload, DELIVERY.c.artifact)
        with reading(self.office.engine) as connection:
            found = connection.execute(sa.select(*columns).where(DELIVERY.c.id == delivery)).one()
        return {"payload": found.payload, "artifact": found.artifact}


@pytest.fixture
def company(sqlite_engine: sa.Engine) -> Company:
    with writing(sqlite_engine) as connection:
        bind_chat(connection, 1, platform="slack", external_id="T1", now=NOW)
    World(sqlite_engine).write([event(person=ALICE), event(person=BOB, model="gpt-4o-mini")])
    office = Office(sqlite_engine, drawing=Pen(), owners=["slack:T1:UOWNER"])
    made = Company(office, office.mail.channel())
    made.role("UALICE", "admin")
    return made


async def test_a_digest_is_made_once_with_picture_and_frozen_numbers(company: Company) -> None:
    delivery = company.digest()
    await company.office.work()
    (post,) = company.office.platform.posts
    row, kept = company.office.row(delivery), company.stored(delivery)
    assert (row.state, row.attempts) == ("sent", 1)
    assert post.payload == kept["payload"]
    assert post.payload["pictured"] is True
    assert post.reference == post.payload["reference"] == reference(delivery, "C1")
    assert kept["artifact"] == PNG
    assert row.facts["credits"] == 2_200_000
    assert row.data_until == NOW - timedelta(minutes=5)


async def test_the_clock_of_a_digest_is_the_end_of_its_period(company: Company) -> None:
    delivery = company.digest("by-model yesterday", window_end=at(86_400))
    company.office.clock.forward(5 * 86_400)
    await company.office.work()
    assert company.office.row(delivery).facts["credits"] == 2_200_000


@pytest.mark.parametrize("pen", [Pen(None), Pen(ValueError("ink")), Pen(hangs=True)])
async def test_a_picture_that_fails_or_dawdles_stops_no_text(company: Company, pen: Pen) -> None:
    company.office.drawing = pen
    company.office.timing = company.office.timing.scaled(0.01)
    company.digest()
    await company.office.work()
    (post,) = company.office.platform.posts
    assert post.payload["pictured"] is False
    assert "Figure not available." in str(post.payload["notes"])


async def test_what_cannot_be_made_three_times_leaves_as_plain_words(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("bot.delivery.audience.run", fail)
    delivery = company.digest(period_key="daily:2026-03-29")
    await company.office.work(10)
    assert company.office.row(delivery).state == "planned"
    await company.office.work(20, 40)
    assert company.office.said == [
        "The answer to `by-model last 7d` for daily:2026-03-29 could not be made."
    ]


@pytest.mark.parametrize(("deaths", "is_made"), [(9, True), (10, False)])
async def test_who_is_killed_while_making_did_not_fail(
    company: Company,
    deaths: int,
    is_made: bool,  # noqa: FBT001  # what is expected
) -> None:
    delivery = company.digest(period_key="daily:2026-03-29")
    for _ in range(deaths):
        assert company.office.mail.claim_render(company.office.clock.running) is not None
        company.office.clock.forward(61)
    await company.office.work()
    assert company.office.row(delivery).state == "sent"
    assert ("could not be made" in company.office.said[0]) is not is_made


@pytest.mark.parametrize(("deaths", "state"), [(9, "sent"), (10, "dead")])
async def test_a_file_that_its_process_died_of_is_given_up(
    company: Company, deaths: int, state: str
) -> None:
    file = company.digest(act="file", part=1, facts={"form": "csv"})
    for _ in range(deaths):
        assert company.office.mail.claim_render(company.office.clock.running) is not None
        company.office.clock.forward(61)
    await company.office.work()
    assert company.office.row(file).state == state


async def test_a_failure_between_deaths_is_not_forgotten(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.delivery.audience.run", lambda *_: 1 / 0)
    delivery = company.digest(period_key="daily:2026-03-29")
    await company.office.work(10)
    company.office.clock.forward(30)
    company.office.mail.claim_render(company.office.clock.running)
    company.office.clock.forward(61)
    await company.office.work()
    row = company.office.row(delivery)
    assert (row.state, row.failures, row.attempts) == ("planned", 3, 4)


async def test_an_alert_that_cannot_be_made_tells_its_frozen_numbers(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.delivery.audience.run", lambda *_: 1 / 0)
    with writing(company.office.engine) as connection:
        alert = alerts.insert_alert(
            connection,
            alerts.NewAlert(
                workspace_id=1,
                dedupe_key="a|1",
                kind="threshold",
                subject="budget:1",
                scope="workspace",
                facts={"used": 18_012_000_000, "limit": 20_000_000_000},
                fired_at=NOW,
            ),
        )
    company.digest(kind="alert", priority=0, alert_id=alert, line="overview", window_end=None)
    await company.office.work(10, 20, 40)
    assert company.office.said == ["90% of a budget used: 18,012 of 20,000 credits."]


# ---- rights


async def test_who_lost_the_right_sends_nothing_and_the_admins_are_told_once(
    company: Company,
) -> None:
    line = 'tasks rule add project=Atlas -> "Email Writing"'  # for admins, and only shows
    number = company.subscribe(line)
    company.role("UBOB", "admin")
    company.role("UALICE", "member")
    deliveries = [company.digest(line, subscription_id=number, created_at=at(n)) for n in range(2)]
    await company.office.work(5, 5)
    rows = [company.office.row(one) for one in deliveries]
    assert [row.state for row in rows] == ["skipped", "skipped"]
    assert {post.channel for post in company.office.platform.posts} == {"UBOB", "UOWNER"}
    assert all("is paused" in text for text in company.office.said)
    assert company.is_paused(number)


async def test_a_line_that_means_nothing_any_more_is_told_its_maker(company: Company) -> None:
    number = company.subscribe("by-model")
    delivery = company.digest("by-model department=Gone", subscription_id=number)
    await company.office.work(5)
    row = company.office.row(delivery)
    assert row.state == "skipped"
    assert (row.reason or "").startswith("cancelled: ")
    (post,) = company.office.platform.posts
    assert post.channel == "UALICE"
    assert "'Gone'" in str(post.payload["text"])


async def test_who_may_not_choose_for_a_channel_any_more_sends_it_nothing(
    company: Company,
) -> None:
    number = company.subscribe("by-model last 7d")
    digests = [company.digest(subscription_id=number, created_at=at(n)) for n in range(2)]
    file = company.digest(act="file", subscription_id=number, facts={"form": "csv"})
    company.role("UALICE", "member")
    await company.office.work(5, 5)
    assert [company.office.row(one).state for one in (*digests, file)] == ["skipped"] * 3
    (post,) = company.office.platform.posts
    assert post.channel == "UOWNER"
    assert "Whoever made it may not choose" in str(post.payload["text"])
    assert company.is_paused(number)


@pytest.mark.parametrize(("home", "state"), [("Platform", "sent"), ("Sales", "skipped")])
async def test_a_lead_sends_a_channel_the_department_that_is_the_own_one_now(
    company: Company, home: str, state: str
) -> None:
    line = "by-model last 7d department=Platform"
    number = company.subscribe(line)
    company.role("UALICE", "lead")
    with writing(company.office.engine) as connection:
        alice = person_of_alias(connection, 1, ALICE) or 0
        link_alias(connection, 1, MAKER, alice)
        department = department_named(connection, 1, home)
        set_home_department(connection, 1, alice, department_id=department)
    delivery = company.digest(line, subscription_id=number)
    await company.office.work()
    assert company.office.row(delivery).state == state


async def test_what_comes_directly_is_made_with_the_rights_of_its_person(company: Company) -> None:
    company.restrict()
    company.channel = company.office.mail.channel(is_direct=True, channel_id="UBOB")
    delivery = company.digest("by-user last 7d")
    await company.office.work()
    assert company.office.row(delivery).state == "skipped"


@pytest.mark.parametrize("kind", ["digest", "alert"])
async def test_a_guest_or_who_left_is_sent_nothing(company: Company, kind: str) -> None:
    company.channel = company.office.mail.channel(
        is_direct=True, channel_id="UBOB", is_external=True
    )
    number = company.subscribe("by-model last 7d")
    alert = fire(company.office.engine, crossing()) if kind == "alert" else None
    about: dict[str, Any] = {"kind": kind, "alert_id": alert, "actor": ""} if alert else {}
    delivery = company.digest(subscription_id=number, **about)
    await company.office.work(5)
    assert company.office.row(delivery).state == "skipped"
    assert {post.channel for post in company.office.platform.posts} == {"UALICE", "UOWNER"}


async def test_a_channel_sees_people_where_everybody_may(company: Company) -> None:
    company.digest("by-user last 7d")
    await company.office.work()
    assert "2 people" in company.office.said[0]


async def test_behind_walls_a_channel_is_told_of_no_person(company: Company) -> None:
    company.restrict()
    delivery = company.digest("by-user last 7d")
    await company.office.work()
    assert company.office.row(delivery).state == "skipped"
    assert company.office.said == []


async def test_a_channel_that_an_admin_opened_sees_them(company: Company) -> None:
    company.restrict()
    company.open_to_people()
    company.digest("by-user last 7d")
    await company.office.work()
    assert "2 people" in company.office.said[0]


async def test_its_maker_sees_in_private_what_a_channel_may_not(company: Company) -> None:
    company.restrict()
    company.channel = company.office.mail.channel(is_direct=True, channel_id="UALICE")
    company.digest("by-user last 7d")
    await company.office.work()
    assert "2 people" in company.office.said[0]


@pytest.mark.parametrize("asked", [True, SendError("refused", "ratelimited")])
async def test_where_strangers_read_along_people_are_walled_off(
    company: Company,
    monkeypatch: pytest.MonkeyPatch,
    asked: bool | SendError,  # noqa: FBT001  # what is answered
) -> None:
    company.office.platform.outside = True
    if isinstance(asked, SendError):

        async def refuse(*_: object, **__: object) -> None:
            raise asked

        monkeypatch.setattr(company.office.platform, "standing", refuse)
    delivery = company.digest("by-user last 7d")
    await company.office.work()
    assert company.office.row(delivery).state == "skipped"
    assert company.office.said == []


async def test_a_team_that_moved_to_another_workspace_gets_nothing(company: Company) -> None:
    with writing(company.office.engine) as connection:
        connection.execute(sa.text("DELETE FROM chat_link"))
    delivery = company.digest()
    await company.office.work()
    assert company.office.row(delivery).state == "skipped"


async def test_nor_does_it_get_the_numbers_of_an_alert(company: Company) -> None:
    facts = {"used": 18_012_000_000, "limit": 20_000_000_000}
    alert = fire(company.office.engine, crossing(facts=facts))
    with writing(company.office.engine) as connection:
        other = create_workspace(connection, "Elsewhere", zone="UTC", now=NOW)
        connection.execute(sa.text(f"UPDATE chat_link SET workspace_id = {other.id}"))  # noqa: S608
    line = f"alerts show {alert}"
    delivery = company.digest(line, kind="alert", priority=0, alert_id=alert, actor="")
    await company.office.work()
    assert (company.office.row(delivery).state, company.office.said) == ("skipped", [])


async def test_what_waits_for_a_team_that_was_released_does_not_leave(company: Company) -> None:
    chat = {"platform": "slack", "external_id": "T1"}
    company.office.platform.script.append(SendError("refused", "internal_error", status=500))
    delivery = company.digest()
    await company.office.work()
    with writing(company.office.engine) as connection:
        assert release_chat(connection, 1, **chat)
    await company.office.work(600)
    assert (company.office.row(delivery).state, company.office.said) == ("skipped", [])
    with writing(company.office.engine) as connection:
        bind_chat(connection, 1, **chat, now=NOW)
    company.digest()
    await company.office.work(1)
    assert len(company.office.said) == 1


# ---- what a person ordered


async def test_nothing_to_tell_is_told_unless_that_is_not_wanted(company: Company) -> None:
    quiet = company.subscribe("by-model", skip_empty=True)
    long_ago = at(-86_400 * 90)
    silent = company.digest(subscription_id=quiet, window_end=long_ago)
    company.digest(window_end=long_ago)
    await company.office.work(1)
    assert company.office.row(silent).reason == "empty"
    assert [text.startswith("No usage") for text in company.office.said] == [True]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"is_paused": True}, "paused"), ({"ended_at": "2026-03-30 00:00:00.000000"}, "cancelled")],
)
async def test_a_subscription_that_was_stopped_meanwhile_says_nothing(
    company: Company, changes: dict[str, object], reason: str
) -> None:
    number = company.subscribe("by-model", **changes)
    delivery = company.digest(subscription_id=number)
    await company.office.work()
    assert (company.office.row(delivery).reason, company.office.said) == (reason, [])


async def test_late_posts_and_missed_periods_are_told(company: Company) -> None:
    company.office.clock.forward(2 * 3600)
    company.digest(
        facts={"missed": "1–6 Mar", "down": ["2026-03-30T06:55+00:00", at(0).isoformat()]}
    )
    await company.office.work()
    notes = str(company.office.platform.posts[0].payload["notes"])
    assert "Late: it was due 14:05; the bot was down 08:55–14:05." in notes
    assert "Also missed: 1–6 Mar." in notes


@pytest.mark.parametrize(("after", "late"), [(3600, ""), (7200, "Late: it was due 15:05.")])
async def test_what_waited_for_the_morning_is_not_late(
    company: Company, after: int, late: str
) -> None:
    company.digest(facts={"awake": at(3600).isoformat()}, not_before=at(3600))
    company.office.clock.forward(after)
    await company.office.work()
    notes = str(company.office.platform.posts[0].payload["notes"])
    assert ("Late" in notes, late in notes) == (bool(late), True)


async def test_a_test_says_that_it_is_one(company: Company) -> None:
    company.digest(trigger="test")
    await company.office.work()
    post = company.office.platform.posts[0]
    assert str(post.payload["text"]).startswith("TEST: ")
    notes = post.payload["notes"]
    assert isinstance(notes, list)
    assert notes[-1].startswith("TEST: sent by hand")


def test_the_details_of_a_test_are_marked_first() -> None:
    report = Report("Daily", "412 credits", (Note("more", is_detail=True),)).as_test
    assert report.as_test == report
    assert report.thread is not None
    assert report.thread.headline == "TEST: Details: Daily"


async def test_only_a_test_is_marked_as_one(company: Company) -> None:
    company.digest()
    await company.office.work()
    assert "TEST" not in str(company.office.platform.posts[0].payload)


# ---- parts and buttons


async def test_details_and_files_follow_in_the_thread_in_order(company: Company) -> None:
    root = company.digest("digest daily", dedupe_key="d|1|daily|1|0", window_end=at(86_400))
    for part, form in enumerate(("csv", "json"), 1):
        company.office.mail.due(
            company.channel,
            act="file",
            part=part,
            parent_id=root,
            line="by-model last 7d",
            actor=MAKER,
            facts={"form": form},
            window_end=NOW,
        )
    await company.office.work(*[1.0] * 6)
    posts = company.office.platform.posts
    assert [post.act for post in posts] == ["post", "reply", "file", "file"]
    assert {post.parent for post in posts[1:]} == {"m1"}


async def test_files_of_a_post_that_was_not_made_are_cancelled(company: Company) -> None:
    root = company.digest("by-user department=Gone")
    part = company.office.mail.due(company.channel, act="file", part=1, parent_id=root)
    await company.office.work(5)
    assert company.office.row(part).reason == CANCELLED


async def test_a_day_without_a_table_has_no_file_and_stops_no_subscription(
    company: Company,
) -> None:
    number, long_ago = company.subscribe("by-model"), at(-86_400 * 90)
    root = company.digest(subscription_id=number, window_end=long_ago)
    part = company.office.mail.due(
        company.channel,
        act="file",
        part=1,
        parent_id=root,
        subscription_id=number,
        line="by-model",
        actor=MAKER,
        facts={"form": "csv"},
        window_end=long_ago,
    )
    await company.office.work(1, 1)
    assert (company.office.row(root).state, company.office.row(part).state) == ("sent", "skipped")
    assert not company.is_paused(number)


async def test_a_file_that_cannot_be_made_leaves_its_post_alone(company: Company) -> None:
    root = company.digest()
    part = company.office.mail.due(
        company.channel,
        act="file",
        part=1,
        parent_id=root,
        line="by-model",
        actor=MAKER,
        facts={"form": "png"},
    )
    company.office.drawing = Pen(None)
    await company.office.work(*[60.0] * 5)
    assert (company.office.row(root).state, company.office.row(part).state) == ("sent", "dead")
    assert company.office.row(part).reason == "the file could not be made"


WAITS = SendError("refused", "ratelimited", retry_after=300, status=429)


async def test_what_waited_is_not_sent_to_who_ended_it_meanwhile(company: Company) -> None:
    number = company.subscribe("by-model")
    delivery = company.digest(subscription_id=number)
    company.office.platform.script.append(WAITS)
    await company.office.work()
    assert company.office.row(delivery).state == "ready"
    with writing(company.office.engine) as connection:
        change_subscription(connection, 1, number, {"ended_at": at(60)})
    await company.office.work(301)
    row = company.office.row(delivery)
    assert (row.state, row.reason) == ("skipped", "cancelled")


async def test_what_waited_is_not_sent_for_who_lost_the_right_meanwhile(company: Company) -> None:
    line = 'tasks rule add project=Atlas -> "Email Writing"'  # for admins, and only shows
    delivery = company.digest(line, subscription_id=company.subscribe(line))
    company.office.platform.script.append(WAITS)
    await company.office.work()
    company.role("UBOB", "admin")
    company.role("UALICE", "member")
    await company.office.work(301, 1)
    assert company.office.row(delivery).state == "skipped"
    assert {post.channel for post in company.office.platform.posts} == {"UBOB", "UOWNER"}


async def test_what_waited_is_made_again_for_a_channel_that_strangers_read_by_now(
    company: Company,
) -> None:
    delivery = company.digest(subscription_id=company.subscribe("by-model"))
    company.open_to_people()
    company.office.platform.script.append(WAITS)
    await company.office.work()
    with writing(company.office.engine) as connection:
        connection.execute(sa.update(DESTINATION).values(is_external=True))
    await company.office.work(301, 1)
    row = company.office.row(delivery)
    assert (row.state, row.facts["outsiders"]) == ("sent", True)


async def test_a_button_that_asks_runs_with_the_rights_of_who_presses(company: Company) -> None:
    company.digest()
    await company.office.work()
    payload = company.office.platform.posts[0].payload
    buttons = payload["buttons"]
    assert isinstance(buttons, dict)
    assert "Share to channel" not in buttons
    assert buttons["30d"] == "ask:by-model last 30d"


async def test_a_button_that_does_something_is_anybodys_and_works_once(company: Company) -> None:
    from analytics.report import Actions, Button
    from bot.buttons import public_values

    do = Button("Acknowledge", "alerts ack 1", "do")
    assert Actions((do,)).buttons
    with writing(company.office.engine) as connection:
        values = public_values(connection, 1, [do], platform="slack", now=NOW)
    desk = Desk(company.office.engine, now=lambda: NOW)
    bob, alice = Identity("slack", "T1", "UBOB"), Identity("slack", "T1", "UALICE")
    wish = desk.wish(values[do], bob)
    assert wish is not None
    assert (wish.verb, wish.line) == ("do", "alerts ack 1")
    assert desk.wish(values[do], alice) is None
    desk.close()


# ---- channels that die


async def test_a_dead_channel_stops_and_its_creator_is_told_once(company: Company) -> None:
    number = company.subscribe("by-model")
    first = company.digest(subscription_id=number)
    second = company.digest(created_at=at(1))
    company.office.platform.script.append(SendError("destination", "is_archived"))
    await company.office.work(5, 5, 600)
    assert company.office.row(first).reason == "destination: is_archived"
    assert company.office.row(second).reason == "destination_dead"
    (post,) = company.office.platform.posts
    assert post.channel == "UALICE"
    assert "channel-1: the channel is archived. Its subscription is paused." in str(
        post.payload["text"]
    )
    assert len(company.office.platform.requests) == 2


async def test_where_its_creator_takes_no_messages_the_admins_are_told(company: Company) -> None:
    company.role("UBOB", "owner")
    company.subscribe("by-model")
    company.digest()
    gone, closed = (
        SendError("destination", "is_archived"),
        SendError("destination", "cannot_dm_bot"),
    )
    company.office.platform.script.extend([gone, closed])
    await company.office.work(5, 5, 5)
    told = sorted(post.channel for post in company.office.platform.posts)
    assert told == ["UBOB", "UOWNER"]


async def test_a_channel_that_dies_again_after_it_was_resumed_is_told_again(
    company: Company,
) -> None:
    dead = SendError("destination", "not_in_channel")
    company.digest()
    company.office.platform.script.append(dead)
    await company.office.work(5)
    with writing(company.office.engine) as connection:
        connection.execute(sa.update(DESTINATION).values(state="ok"))
    company.digest(created_at=company.office.clock.now())
    company.office.platform.script.append(dead)
    await company.office.work(5)
    keys = [row.dedupe_key for row in company.office.mail.rows() if row.kind == "notice"]
    assert [key.rpartition("|")[0] for key in keys] == ["o|1|1", "o|1|2"]


async def test_files_of_a_subscription_follow_its_post_in_its_thread(company: Company) -> None:
    number = company.subscribe("by-model last 7d", attach="csv,json")
    company.digest(subscription_id=number, dedupe_key="d|1|daily:2026-03-29|1|0")
    await company.office.work(2, 2, 2)
    first, *files = company.office.platform.posts
    assert [(post.act, post.parent) for post in files] == [("file", first.id)] * 2
    keys = [row.dedupe_key for row in company.office.mail.rows()]
    assert sorted(keys) == [f"d|1|daily:2026-03-29|1|{part}" for part in (0, 1, 2)]


async def test_a_period_without_usage_has_no_files(company: Company) -> None:
    number = company.subscribe("digest daily 2020-01-01", attach="csv")
    company.digest("digest daily 2020-01-01", subscription_id=number)
    await company.office.work(2, 2)
    assert [post.act for post in company.office.platform.posts] == ["post"]
