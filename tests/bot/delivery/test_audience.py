"""What is said unasked has its maker's rights of now, and a channel that died gets no more."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from bot.chat import SendError
from bot.context import Identity
from bot.desk import Desk
from storage.claims import DESTINATION
from storage.engine import reading, writing
from storage.labels import department_named, link_alias, person_of_alias, set_home_department
from storage.outbox import DELIVERY
from storage.subscriptions import change_subscription
from storage.timekeys import to_micros
from storage.workspaces import bind_chat, create_workspace, release_chat
from tests.alerted import crossing, fire
from tests.analytics.world import World
from tests.bot.delivery.company import MAKER, Company, company
from tests.cast import ALICE, NOW, event
from tests.storage.mail import at

__all__ = ["company"]  # fixtures


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


# ---- parts and buttons


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


async def files_wait(company: Company) -> tuple[int, str]:
    """A digest that was sent, whose details and table wait: their subscription, and its post."""
    World(company.office.engine).write([event(ts=to_micros(NOW) - 86_400_000_000)])
    line, midnight = "digest daily 2026-03-29", NOW.replace(hour=0, minute=0)
    number = company.subscribe(line, attach="csv")
    delivery = company.digest(line, subscription_id=number, window_end=midnight)
    await company.office.work()
    assert company.office.row(delivery).state == "sent"
    company.office.platform.script.append(WAITS)
    await company.office.work(2)
    return number, delivery


def below(company: Company, post: str) -> dict[str, tuple[str, str | None]]:
    """What became of what stands below a post, by what it is."""
    c = DELIVERY.c
    with reading(company.office.engine) as connection:
        wanted = sa.select(c.act, c.state, c.reason).where(c.parent_id == post)
        return {act: (state, reason) for act, state, reason in connection.execute(wanted)}


async def test_what_follows_a_post_late_leaves_where_nothing_changed(company: Company) -> None:
    _, post = await files_wait(company)
    await company.office.work(301, 2, 2)
    assert below(company, post) == {"reply": ("sent", None), "file": ("sent", None)}


@pytest.mark.parametrize(
    ("change", "reason"), [({"ended_at": at(60)}, "cancelled"), ({"is_paused": True}, "paused")]
)
async def test_nothing_follows_a_post_whose_subscription_ended_or_was_paused(
    company: Company, change: dict[str, object], reason: str
) -> None:
    number, post = await files_wait(company)
    with writing(company.office.engine) as connection:
        change_subscription(connection, 1, number, change)
    await company.office.work(301, 2, 2)
    assert below(company, post) == dict.fromkeys(("reply", "file"), ("skipped", reason))
    other = company.digest()
    await company.office.work(1)
    assert company.office.row(other).state == "sent"


async def test_nothing_follows_a_post_whose_maker_lost_the_right(company: Company) -> None:
    _, post = await files_wait(company)
    company.role("UALICE", "member")
    await company.office.work(301, 2, 2)
    for state, reason in below(company, post).values():
        assert state == "skipped"
        assert "may not choose any more" in str(reason)


async def test_nothing_follows_a_post_into_a_channel_that_strangers_read_by_now(
    company: Company,
) -> None:
    _, post = await files_wait(company)
    with writing(company.office.engine) as connection:
        connection.execute(sa.update(DESTINATION).values(is_external=True))
    await company.office.work(301, 2, 2)
    reason = "strangers read along by now"
    assert below(company, post) == dict.fromkeys(("reply", "file"), ("skipped", reason))


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

    do = Button("Remind", "preferences set reminders=daily", "do")
    assert Actions((do,)).buttons
    with writing(company.office.engine) as connection:
        values = public_values(connection, 1, [do], platform="slack", now=NOW)
    desk = Desk(company.office.engine, now=lambda: NOW)
    bob, alice = Identity("slack", "T1", "UBOB"), Identity("slack", "T1", "UALICE")
    wish = desk.wish(values[do], bob)
    assert wish is not None
    assert (wish.verb, wish.line) == ("do", do.line)
    assert desk.pressed(wish, alice)
    assert desk.wish(values[do], bob) is None
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
