"""After days in which nothing could leave, the policy of a digest holds for what leaves.

Among the tests that matter most: a fault here is a week of digests at once, or none.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

import bot.commands  # noqa: F401  # registers every command
from bot.alerts.expiring import end_past
from bot.alerts.kinds import OVER
from bot.chat import SendError
from bot.context import Identity
from bot.desk import Desk
from bot.due import after_a_pause, at_start
from bot.http.health import are_well
from bot.operation.queue_watch import QueueWatch
from bot.subscriptions.overdue import catch_up, catch_up_at_start
from bot.subscriptions.planner import plan
from storage.audit import broken_link
from storage.claims import DESTINATION, claim_lane
from storage.destinations import set_quiet_hours
from storage.engine import reading, writing
from storage.failpoints import SETTING, FailpointReached, rearm
from storage.outbox import DELIVERY, DeliveryRow, history
from storage.pauses import Pause
from storage.replicas import note_tick
from storage.roles import set_role
from storage.routes import untold_alerts
from storage.subscriptions import Subscription, change_subscription
from storage.unset import end_unsendable, unset_times
from storage.workspaces import bind_chat
from tests.alerted import crossing, fire
from tests.bot.delivery.delivering import BUSY, LOST, Office, by_hand
from tests.cast import NOW, ZONE
from tests.subscribed import keep_digest

BERLIN = ZoneInfo(ZONE)
MADE = datetime(2026, 3, 2, 12, tzinfo=BERLIN)  # a Monday
REVOKED = SendError("account", "token_revoked")
SETTLE = partial(catch_up, leases=by_hand)


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    office = Office(engine)
    office.clock.moment = MADE
    with writing(engine) as connection:
        chat = {"platform": "slack", "external_id": "T1"}
        bind_chat(connection, 1, **chat, now=MADE)
        set_role(connection, 1, **chat, user_id="UALICE", role="admin")
    return office


def subscribe(office: Office, schedule: str = "daily 09:00", **changes: Any) -> Subscription:  # noqa: ANN401  # the parts of a subscription
    with writing(office.engine) as connection:
        return keep_digest(connection, schedule, **{"made": MADE, **changes})


def rows(office: Office) -> list[DeliveryRow]:
    """The digests, the oldest first."""
    with writing(office.engine) as connection:
        found = history(connection, 1, kinds=["digest"], limit=1000)
    posts = [row for row in found if row.act == "post" and row.trigger != "test"]
    return sorted(posts, key=lambda row: row.due_at)


def ends(office: Office) -> list[tuple[str | None, str | None]]:
    """What became of each period: sent, or why not."""
    states = [(row.period_key, row.reason or row.state) for row in rows(office)]
    return [((key or "").partition(":")[2], state) for key, state in states]


async def tick(office: Office, at: str) -> None:
    """What every replica does at a moment."""
    moment = datetime.fromisoformat(at).replace(tzinfo=BERLIN)
    office.clock.forward((moment - office.clock.moment).total_seconds())
    plan(office.engine, office.clock.now())
    SETTLE(office.engine, office.clock.now())
    await office.work()


async def refuse(office: Office, *days: int) -> None:
    """Some mornings on which the token is refused."""
    office.platform.token_error = REVOKED
    office.platform.script.append(REVOKED)
    for day in days:
        await tick(office, f"2026-03-{day:02}T09:00:02")


async def accept(office: Office, at: str) -> None:
    """The token works again, which the next probe sees."""
    office.platform.token_error = None
    await tick(office, at)
    await office.work(0, 1, 1)


def notes(office: Office) -> list[str]:
    """The notes of all posts."""
    posts = [post for post in office.platform.posts if post.act == "post"]
    return [str(post.payload["notes"]) for post in posts]


# ---- a refused token


async def test_of_days_of_a_refused_token_the_newest_leaves_and_names_the_others(
    office: Office,
) -> None:
    subscribe(office)
    await refuse(office, 3, 4, 5, 6, 7, 8)
    assert office.platform.posts == []
    await accept(office, "2026-03-08T18:00")
    assert ends(office) == [
        *((f"2026-03-0{day}", "superseded") for day in (2, 3, 4, 5, 6)),
        ("2026-03-07", "sent"),
    ]
    (said,) = notes(office)
    assert "Late: it was due 09:00; Slack refused me (token_revoked) until 18:00." in said
    assert "Also missed: 2–6 Mar 2026." in said
    newest = rows(office)[-1]
    assert {row.superseded_by for row in rows(office)[:-1]} == {newest.id}


async def test_of_weeks_three_leave_oldest_first(office: Office) -> None:
    subscribe(office, "weekly mon 09:00", catchup="all")
    office.platform.token_error = REVOKED
    office.platform.script.append(REVOKED)
    for day in ("03-09", "03-16", "03-23", "03-30", "04-06"):
        await tick(office, f"2026-{day}T09:00:02")
    await accept(office, "2026-04-08T10:00")
    assert [state for _, state in ends(office)] == ["superseded", "superseded", *["sent"] * 3]
    said = notes(office)
    assert [text.count("Also missed: 2–15 Mar 2026.") for text in said] == [0, 0, 1]
    sent = [row.sent_at for row in rows(office)[2:]]
    assert None not in sent
    assert sent == sorted(sent, key=str)
    assert len(said) == 3


async def test_what_is_not_caught_up_is_missed(office: Office) -> None:
    subscribe(office, catchup="none")
    await refuse(office, 3, 4)
    await accept(office, "2026-03-04T18:00")
    assert ends(office) == [("2026-03-02", "missed"), ("2026-03-03", "missed")]
    await tick(office, "2026-03-05T09:00:02")
    assert ends(office)[-1] == ("2026-03-04", "sent")
    assert "Late" not in notes(office)[0]


async def test_a_refusal_of_minutes_changes_nothing(office: Office) -> None:
    subscribe(office)
    await refuse(office, 3)
    await accept(office, "2026-03-03T09:10")
    assert ends(office) == [("2026-03-02", "sent")]
    assert "Late" not in notes(office)[0]


async def test_one_that_waited_alone_says_that_it_is_late(office: Office) -> None:
    subscribe(office)
    await refuse(office, 3)
    await accept(office, "2026-03-03T11:20")
    (said,) = notes(office)
    assert "Late: it was due 09:00; Slack refused me (token_revoked) until 11:20." in said
    details = [post for post in office.platform.posts if post.act == "reply"]
    assert len(details) <= 1


async def test_its_days_of_refusal_are_no_part_of_its_life(office: Office) -> None:
    subscribe(office)
    await refuse(office, 3)
    office.platform.script.append(BUSY)
    await accept(office, "2026-03-06T11:20")
    await office.work(5, 5)
    assert ends(office)[-1] == ("2026-03-05", "sent")


# ---- other outages


async def test_a_channel_of_errors_is_told_the_newest(office: Office) -> None:
    subscribe(office)
    office.platform.script.extend([BUSY] * 2)
    await tick(office, "2026-03-03T09:00:02")
    office.clock.forward(3)
    await office.work()
    office.platform.script.extend([BUSY])
    await tick(office, "2026-03-04T09:00:02")
    await office.work(600, 600)
    assert ends(office) == [("2026-03-02", "superseded"), ("2026-03-03", "sent")]
    assert "Also missed: 2 Mar 2026." in notes(office)[0]


async def test_what_may_be_there_is_looked_for_not_left_out(office: Office) -> None:
    subscribe(office)
    office.platform.script.append(LOST)
    await tick(office, "2026-03-03T09:00:02")
    first = rows(office)[0]
    assert first.maybe_sent_at is not None
    office.clock.moment += timedelta(days=1)
    plan(office.engine, office.clock.now())
    SETTLE(office.engine, office.clock.now())
    assert office.row(first.id).state == "ready"
    await office.work(60, 20, 20)
    assert [state for _, state in ends(office)] == ["sent", "sent"]


async def test_nothing_of_a_subscription_changes_while_one_is_in_hands(office: Office) -> None:
    subscribe(office)
    await refuse(office, 3)
    office.clock.moment += timedelta(days=1)
    now = office.clock.now()
    with writing(office.engine) as connection:
        connection.execute(sa.text("DELETE FROM chat_pause"))
        claim = claim_lane(
            connection,
            now,
            lease=timedelta(seconds=60),
            platforms=("slack",),
            blocks=timedelta(minutes=10),
        )
    assert claim is not None
    plan(office.engine, now)
    assert SETTLE(office.engine, now) == 0
    assert office.row(claim.row.id).state == "sending"
    assert SETTLE(office.engine, now + timedelta(seconds=61)) > 0  # its lease is over
    assert office.row(claim.row.id).reason == "superseded"


@pytest.mark.parametrize(("minutes", "state"), [(10, "planned"), (30, "skipped")])
def test_what_waits_its_turn_where_others_leave_is_no_outage(
    office: Office, minutes: int, state: str
) -> None:
    subscribe(office, catchup="none")
    due = datetime(2026, 3, 3, 9, tzinfo=BERLIN)
    plan(office.engine, due)
    now = due + timedelta(minutes=20)
    with writing(office.engine) as connection:
        left = {"last_ok_at": now - timedelta(minutes=minutes)}
        connection.execute(sa.update(DESTINATION).values(left))
    SETTLE(office.engine, now)
    assert [row.state for row in rows(office)] == [state]


@pytest.mark.parametrize("is_own", [True, False])
async def test_quiet_hours_are_no_outage(
    office: Office,
    is_own: bool,  # noqa: FBT001  # a table
) -> None:
    start, end = 22 * 60, 7 * 60
    subscribe(office, "daily 06:00", catchup="none")
    with writing(office.engine) as connection:
        if is_own:
            change_subscription(connection, 1, 1, {"quiet_start": start, "quiet_end": end})
        else:
            set_quiet_hours(connection, 1, 1, hours=(start, end), zone=ZONE)
    await tick(office, "2026-03-03T06:00:02")
    await tick(office, "2026-03-03T06:50")
    await tick(office, "2026-03-03T07:00:02")
    assert ends(office) == [("2026-03-02", "sent")]


async def test_a_night_of_quiet_hours_is_not_written_about_at_every_tick(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(office, "daily 06:00", catchup="none", quiet_start=22 * 60, quiet_end=7 * 60)
    await tick(office, "2026-03-03T06:00:02")
    office.clock.forward(1800)
    monkeypatch.setattr("bot.subscriptions.overdue.writing", None)
    assert SETTLE(office.engine, office.clock.now()) == 0
    office.clock.forward(3600)  # 20 minutes after their end it is late, and must be written about
    with pytest.raises(TypeError):
        SETTLE(office.engine, office.clock.now())


# ---- replicas, restarts, kills


async def test_a_new_process_settles_before_it_sends(office: Office) -> None:
    subscribe(office)
    await refuse(office, 3)
    with writing(office.engine) as connection:  # nobody ran for three days, then all is well
        connection.execute(sa.text("DELETE FROM chat_pause"))
    office.clock.moment += timedelta(days=3, hours=1)
    await office.work()  # before the planner has planned
    assert office.platform.posts == []
    await tick(office, "2026-03-06T10:00:10")
    await office.work(5, 5)
    assert [state for _, state in ends(office)] == ["superseded"] * 3 + ["sent"]
    assert "Also missed: 2–4 Mar 2026." in notes(office)[0]


async def test_while_nothing_is_planned_what_is_planned_leaves(office: Office) -> None:
    subscribe(office)
    await refuse(office, 3)
    with writing(office.engine) as connection:
        connection.execute(sa.text("DELETE FROM chat_pause"))
    office.clock.moment += timedelta(days=3)
    await office.work(*[5] * 6)  # the clock is in doubt
    assert [state for _, state in ends(office)] == ["sent"]


async def test_two_replicas_settle_once(office: Office) -> None:
    subscribe(office)
    await refuse(office, 3, 4)
    before = rows(office)
    now = office.clock.now()
    assert SETTLE(office.engine, now) == SETTLE(office.engine, now) == 0
    assert rows(office) == before


def test_replicas_that_settle_at_once_name_each_day_once(office: Office) -> None:
    for number in range(6):
        subscribe(office, line=f"by-model last {number + 2}d")
    for day in (3, 4, 5):
        plan(office.engine, datetime(2026, 3, day, 9, tzinfo=BERLIN))
    now, together = datetime(2026, 3, 5, 9, 0, 5, tzinfo=BERLIN), threading.Barrier(4)

    def settle(_: int) -> int:
        together.wait()
        return SETTLE(office.engine, now)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(settle, range(4)))
    SETTLE(office.engine, now)
    found = rows(office)
    waiting = {row.id: row for row in found if row.state == "planned"}
    assert len(waiting) == 6
    assert {row.facts["missed"] for row in waiting.values()} == {"2–3 Mar 2026"}
    assert {row.superseded_by for row in found if row.state == "skipped"} == set(waiting)


async def test_a_kill_in_the_middle_leaves_all_as_it_was(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(office)
    await refuse(office, 3)
    office.clock.moment += timedelta(days=1)
    plan(office.engine, office.clock.now())
    before = rows(office)
    monkeypatch.setenv(SETTING, "P21:raise")
    rearm()
    with pytest.raises(FailpointReached):
        SETTLE(office.engine, office.clock.now())
    assert rows(office) == before
    SETTLE(office.engine, office.clock.now())
    assert ends(office) == [("2026-03-02", "superseded"), ("2026-03-03", "planned")]


def test_many_that_wait_are_settled_in_batches(sqlite_engine: sa.Engine) -> None:
    office = Office(sqlite_engine)
    for number in range(3):
        subscribe(office, line=f"by-model last {number + 2}d")
    for day in (3, 4):
        plan(office.engine, datetime(2026, 3, day, 9, tzinfo=BERLIN))
    found = catch_up_at_start(
        office.engine, datetime(2026, 3, 4, 9, 0, 5, tzinfo=BERLIN), leases=by_hand
    )
    assert found == 6
    with writing(office.engine) as connection:
        states = connection.execute(sa.select(DELIVERY.c.reason, DELIVERY.c.state)).all()
    assert sorted(states, key=str) == [("superseded", "skipped")] * 3 + [(None, "planned")] * 3


# ---- a channel that was stopped


async def test_a_stopped_channel_is_in_the_audit_and_caught_up_when_it_is_resumed(
    office: Office,
) -> None:
    subscribe(office)
    office.platform.script.append(SendError("destination", "is_archived"))
    await tick(office, "2026-03-03T09:00:02")
    for day in (4, 5):
        await tick(office, f"2026-03-0{day}T09:00:02")
    assert audited(office) == [
        ("creditbot", "channel stopped", "destination 1", "destination: is_archived"),
        ("creditbot", "digest paused", "digest 1", "paused: destination: is_archived"),
    ]
    owner = Identity("slack", "T1", "UALICE")
    desk = Desk(office.engine, now=office.clock.now, owners=[owner.actor])
    desk.report("digest resume 1", owner)
    desk.close()
    await tick(office, "2026-03-05T12:00")
    assert [state for _, state in ends(office)][1:] == ["superseded", "sent"]
    said = notes(office)[-1]
    assert "Late: it was due 09:00; it had been stopped (the channel is archived)." in said
    assert "Also missed: 3 Mar 2026." in said


def audited(office: Office) -> list[tuple[str, str, str, str]]:
    """What the audit holds; its chain is whole."""
    with reading(office.engine) as connection:
        assert broken_link(connection, 1) is None
        told = sa.text("SELECT actor, action, object, after FROM audit ORDER BY seq")
        return [(row[0], row[1], row[2], row[3]) for row in connection.execute(told)]


async def test_a_line_that_may_not_be_asked_any_more_is_in_the_audit(office: Office) -> None:
    subscribe(office, line="by-model last 7d model=gone")
    await tick(office, "2026-03-03T09:00:02")
    ((actor, action, what, after),) = audited(office)
    assert (actor, action, what) == ("creditbot", "digest paused", "digest 1")
    assert after.startswith("paused: ")


# ---- a platform that was taken out of the settings


def look(office: Office, *platforms: str) -> tuple[str | None, dict[str, str]]:
    """What the service says of its outbox and of platforms that are not set up."""
    said: list[str | None] = []
    unset: dict[str, str] = {}
    watch = QueueWatch(office.engine, office.clock.now, said.append, platforms, unset.update)
    asyncio.run(watch.look())
    return said[-1], unset


def days_off(office: Office, *days: int) -> None:
    """Mornings on which Slack is not in the settings."""
    for day in days:
        office.clock.moment = datetime(2026, 3, day, 8, 59, tzinfo=BERLIN)
        look(office, "discord")
        for minutes in (1, 5):
            office.clock.forward(60 * minutes)
            assert plan(office.engine, office.clock.now(), ("discord",)) == 0
            look(office, "discord")


def replica(office: Office, name: str, **parts: str) -> None:
    """Another process that ticks now."""
    with writing(office.engine) as connection:
        note_tick(connection, name, parts, now=office.clock.now())


def test_what_another_replica_serves_is_left_to_it_and_not_called_unset(
    sqlite_engine: sa.Engine,
) -> None:
    office = Office(sqlite_engine)
    office.mail.due(office.mail.channel(), kind="notice", due_at=office.clock.now())
    replica(office, "other:1", slack="reconnecting", discord="not set up: 2 digests go there")
    assert look(office, "discord")[1] == {}
    office.clock.forward(31)
    replica(office, "here:2", slack="not set up: 1 message goes there", discord="up")
    assert look(office, "discord")[1].keys() == {"slack"}
    with reading(office.engine) as connection:
        assert unset_times(connection)["slack"].since == office.clock.now()


def test_what_waits_for_a_platform_that_another_replica_serves_is_not_ended(
    sqlite_engine: sa.Engine,
) -> None:
    office = Office(sqlite_engine)
    office.mail.due(office.mail.channel(), kind="notice", due_at=office.clock.now())
    office.clock.forward(40 * 86_400)
    replica(office, "other:1", slack="up")
    for hours, ended in ((20, 0), (5, 1)):
        office.clock.forward(3600 * hours)
        with writing(office.engine) as connection:
            assert end_unsendable(connection, office.clock.now(), ("discord",)) == ended


def test_what_nobody_can_send_is_not_planned_and_no_fault(office: Office) -> None:
    subscribe(office)
    post = office.mail.due(office.mail.channel(), kind="notice", due_at=MADE)
    days_off(office, 3, 4)
    assert rows(office) == []
    said, unset = look(office, "discord")
    assert said is None
    assert unset == {
        "slack": "not set up: 1 digest and 1 message go there; set CREDITBOT_SLACK_BOT_TOKEN, "
        "or end them"
    }
    assert are_well(unset)
    assert office.row(post).state == "planned"
    assert look(office, "slack") == ("1 message late by 6 h", {})


async def test_a_platform_that_comes_back_is_caught_up(office: Office) -> None:
    subscribe(office)
    await asyncio.to_thread(days_off, office, 3, 4, 5)
    await tick(office, "2026-03-05T09:10")
    await office.work(1, 1)
    assert ends(office) == [
        ("2026-03-02", "superseded"),
        ("2026-03-03", "superseded"),
        ("2026-03-04", "sent"),
    ]
    assert "Also missed: 2–3 Mar 2026." in notes(office)[0]


async def test_a_late_post_says_that_its_platform_was_not_set_up(office: Office) -> None:
    subscribe(office)
    await asyncio.to_thread(days_off, office, 3)
    await tick(office, "2026-03-03T09:30")
    (said,) = notes(office)
    assert "Late: it was due 09:00; Slack was not set up here until 09:05." in said


async def test_what_waits_for_nobody_ends_after_a_month(office: Office) -> None:
    channel = office.mail.channel()
    old = office.mail.due(channel, due_at=MADE)
    maybe = office.mail.ready(channel, due_at=MADE)
    fresh = office.mail.ready(channel, due_at=MADE + timedelta(days=20))
    with writing(office.engine) as connection:
        is_maybe = DELIVERY.c.id == maybe
        connection.execute(sa.update(DELIVERY).where(is_maybe).values(maybe_sent_at=MADE))
        now = MADE + timedelta(days=31)
        assert end_unsendable(connection, now, ("slack",)) == 0
        assert end_unsendable(connection, now, ("discord",)) == 2
    states = [office.row(one).state for one in (old, maybe, fresh)]
    assert states == ["skipped", "ambiguous", "ready"]
    assert office.row(old).reason == "its platform is not set up here"


# ---- alerts


async def test_an_alert_that_could_not_leave_in_its_period_is_named_by_a_digest(
    office: Office,
) -> None:
    fire(office.engine, crossing())
    channel = office.mail.channel()
    post = office.mail.due(channel, kind="alert", alert_id=1, trigger="crossing")
    ready = office.mail.ready(channel, kind="alert", alert_id=1, trigger="crossing")
    april = datetime(2026, 4, 1, tzinfo=BERLIN)
    assert end_past(office.engine, april - timedelta(seconds=1)) == 0
    assert end_past(office.engine, april) == 2
    assert {office.row(one).reason for one in (post, ready)} == {OVER}
    with reading(office.engine) as connection:
        (named,) = untold_alerts(
            connection, 1, reason=OVER, since=april, until=april + timedelta(days=1)
        )
    assert named.id == 1


async def test_an_alert_that_may_be_there_does_not_end(office: Office) -> None:
    fire(office.engine, crossing())
    post = office.mail.ready(office.mail.channel(), kind="alert", alert_id=1, trigger="crossing")
    with writing(office.engine) as connection:
        connection.execute(sa.update(DELIVERY).values(maybe_sent_at=NOW))
    assert end_past(office.engine, datetime(2026, 4, 2, tzinfo=BERLIN)) == 0
    assert office.row(post).state == "ready"


# ---- the clock


def doubted() -> bool:
    return False


def test_a_start_with_a_clock_in_doubt_takes_nothing_for_too_old(office: Office) -> None:
    fire(office.engine, crossing())
    alert = office.mail.due(office.mail.channel(), kind="alert", alert_id=1, trigger="crossing")
    subscribe(office)
    for day in (3, 4):
        plan(office.engine, datetime(2026, 3, day, 9, tzinfo=BERLIN))
    april = datetime(2026, 4, 2, tzinfo=BERLIN)
    assert at_start(doubted)(office.engine, april) == 0
    assert {row.state for row in office.mail.rows()} == {"planned"}
    assert at_start()(office.engine, april)
    assert office.row(alert).reason == OVER
    assert ("2026-03-02", "superseded") in ends(office)


def test_a_platform_that_works_again_by_a_clock_in_doubt_is_sent_what_waits(
    office: Office,
) -> None:
    subscribe(office)
    for day in (3, 4):
        plan(office.engine, datetime(2026, 3, day, 9, tzinfo=BERLIN))
    pause = Pause(1, "slack", "T1", MADE, "account: token_revoked", needs_probe=True)
    april = datetime(2026, 4, 2, tzinfo=BERLIN)
    assert after_a_pause(doubted)(office.engine, april, pause) == 0
    assert {row.state for row in office.mail.rows()} == {"planned"}
    assert after_a_pause()(office.engine, april, pause)
    assert ("2026-03-02", "superseded") in ends(office)
