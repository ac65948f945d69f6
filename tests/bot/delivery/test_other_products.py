"""What other products' reports were found to do wrong, tried on ours: doubles, silence, zones.

One test a complaint; the docstring names where people complained.  What went wrong with alerts
stands in `tests/bot/alerts/test_other_alerts.py`.  Complaints that have their test elsewhere:

- one bad line stops all (metabase#7409): `test_planner`
- one slow channel holds up all (metabase#7409): `test_sending`
- an envelope that comes twice is answered twice (bolt-js#1539): `test_inbound_once`
- the crontab's 1 is a Monday (apscheduler#286): `analytics/test_schedule.py`
- a kill between claim and send (metabase#69577): `test_delivery_machine`, `tests/chaos`
- each change of every zone (PostHog#10580): `analytics/test_schedule.py`, benchmarks
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

import bot
import bot.commands  # registers every command
from analytics.errors import UserError
from analytics.zones import checked_zone
from bot.chat import SendError
from bot.context import Place
from bot.drawing import Drawing
from bot.subscriptions.planner import plan
from storage.claims import DESTINATION
from storage.destinations import list_destinations
from storage.endings import finish_sent
from storage.engine import reading, writing
from storage.outbox import DeliveryRow, reference
from storage.roles import set_role
from storage.subscriptions import Subscription
from storage.workspaces import bind_chat
from tests.analytics.world import World
from tests.bot.delivery.company import Pen
from tests.bot.delivery.delivering import BUSY, Arrives, Office, Post
from tests.bot.platforms.test_slack_sending import failure, post, sending
from tests.cast import ALICE, BOB, NOW, ZONE, event
from tests.subscribed import keep_digest

BERLIN = ZoneInfo(ZONE)
MADE = NOW - timedelta(hours=1)
ARCHIVED = SendError("destination", "is_archived")
REFUSED = SendError("payload", "invalid_blocks")
ENDED_METHODS = ("files.upload", "rtm.start", "channels.list", "im.open", "groups.list")


def berlin(text: str) -> datetime:
    """A moment by the workspace's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@dataclass
class Town:
    """A workspace with usage, whose digests are planned and delivered when a test says so."""

    office: Office

    @property
    def engine(self) -> sa.Engine:
        return self.office.engine

    def subscribe(
        self,
        schedule: str = "daily 09:00",
        *,
        channel: str = "general",
        **changes: Any,  # noqa: ANN401  # the parts of a subscription
    ) -> Subscription:
        place = Place(f"C{channel}", channel)
        with writing(self.engine) as connection:
            return keep_digest(connection, schedule, place=place, **{"made": MADE, **changes})

    async def at(self, moment: datetime | str, *after: float) -> list[Post]:
        """Plan and deliver at a moment and after some pauses; the posts that this brought."""
        moment = berlin(moment) if isinstance(moment, str) else moment
        self.office.clock.forward((moment - self.office.clock.now()).total_seconds())
        known = len(self.office.platform.posts)
        plan(self.engine, moment)
        await self.office.work(*(after or (2.0, 2.0, 2.0)))
        return [one for one in self.office.platform.posts[known:] if one.act == "post"]

    @property
    def rows(self) -> list[DeliveryRow]:
        """Every message of its own, oldest first."""
        return [row for row in self.office.mail.rows() if row.act == "post"]


@pytest.fixture
def town(sqlite_engine: sa.Engine) -> Town:
    return _town(sqlite_engine)


@pytest.fixture
def shared(engine: sa.Engine) -> Town:
    """The same where claims and races matter: on both databases."""
    return _town(engine)


def _town(engine: sa.Engine) -> Town:
    with writing(engine) as connection:
        bind_chat(connection, 1, platform="slack", external_id="T1", now=NOW)
        chat = {"platform": "slack", "external_id": "T1"}
        set_role(connection, 1, **chat, user_id="UALICE", role="admin")
    World(engine).write([event(person=ALICE), event(person=BOB, model="gpt-4o-mini")])
    return Town(Office(engine, drawing=Pen(), owners=["slack:T1:UOWNER"]))


# ---- silence


async def test_two_that_are_due_in_the_same_minute_both_arrive(shared: Town) -> None:
    """superset#23763: of two reports of one minute one was left out."""
    shared.subscribe()
    shared.subscribe(line="by-department last 7d")
    posts = await shared.at("2026-03-31T09:00")
    assert len({str(one.payload["text"]) for one in posts}) == len(posts) == 2


@pytest.mark.parametrize("seconds", [1, 59, 61, 3599])
async def test_what_is_looked_at_late_is_not_missed(town: Town, seconds: int) -> None:
    """superset#25058, apscheduler#429: a second late counted as missed, without a word."""
    town.subscribe(catchup="latest")
    assert len(await town.at(berlin("2026-03-31T09:00") + timedelta(seconds=seconds))) == 1


@pytest.mark.parametrize("was_planned", [True, False])
async def test_what_falls_due_during_a_start_is_not_lost(
    shared: Town,
    was_planned: bool,  # noqa: FBT001  # a table
) -> None:
    """metabase#58004: what was due while the server started was never sent."""
    shared.subscribe()
    if was_planned:
        plan(shared.engine, berlin("2026-03-31T09:00"))  # by a process that ends right after
    posts = await shared.at("2026-03-31T09:10")
    assert [(row.state, row.period_key) for row in shared.rows] == [("sent", "daily:2026-03-30")]
    assert len(posts) == 1


async def test_one_bad_channel_stops_no_other(shared: Town) -> None:
    """metabase#7409: behind one channel that failed nobody got anything."""
    for name in ("a", "b", "c"):
        shared.subscribe(channel=name)
    shared.office.platform.script.append(ARCHIVED)
    posts = await shared.at("2026-03-31T09:00")
    told = [one.channel for one in posts if one.channel.startswith("C")]
    assert len(told) == 2
    states = sorted(row.state for row in shared.rows if row.kind == "digest")
    assert states == ["dead", "sent", "sent"]


async def test_one_subscription_that_cannot_be_planned_stops_no_other(shared: Town) -> None:
    """kubecost#2257: one broken entry silenced all that stood beside it."""
    shared.subscribe(channel="broken")
    shared.subscribe(channel="well")
    broken = sa.update(DESTINATION).where(DESTINATION.c.name == "broken")
    with writing(shared.engine) as connection:  # a zone that the next tzdata has no more
        connection.execute(
            broken.values(quiet_start=0, quiet_end=60, quiet_zone="Mars/Olympus_Mons")
        )
    posts = await shared.at("2026-03-31T09:00")
    assert "Cwell" in [one.channel for one in posts]


async def test_what_failed_today_is_due_again_tomorrow(town: Town) -> None:
    """PostHog#22085, #21247: after one failure a subscription stayed silent for ever."""
    town.subscribe()
    town.office.platform.script.extend([REFUSED, REFUSED])
    assert await town.at("2026-03-31T09:00") == []
    assert len(await town.at("2026-04-01T09:00")) == 1
    assert [row.state for row in town.rows] == ["dead", "sent"]


async def test_sent_means_that_the_platform_named_the_message(town: Town) -> None:
    """metabase#56379: the history said success, and nothing had been sent."""
    town.subscribe()
    town.office.platform.script.extend([BUSY, SendError("unknown", "timeout")])
    await town.at("2026-03-31T09:00", 1.0)
    (row,) = town.rows
    assert (row.state, row.platform_message_id) == ("ready", None)
    assert row.reason == "refused: internal_error"
    await town.at("2026-03-31T09:20", *[30.0] * 6)
    (row,) = town.rows
    assert (row.state, row.platform_message_id) == ("sent", town.office.platform.posts[0].id)


# ---- doubles


async def test_three_replicas_that_wake_together_post_once(shared: Town) -> None:
    """superset#22664, #32524, grafana#81198: as many messages as there were servers."""
    for name in ("a", "b", "c", "d"):
        shared.subscribe(channel=name)
    shared.office.clock.moment = berlin("2026-03-31T09:00")
    workers = [shared.office.worker() for _ in range(3)]
    for _ in workers:
        plan(shared.engine, shared.office.clock.now())
    await asyncio.gather(*(worker.settle() for worker in workers))
    told = [one.channel for one in shared.office.platform.posts if one.act == "post"]
    assert sorted(told) == ["Ca", "Cb", "Cc", "Cd"]


async def test_a_restart_repeats_nothing(shared: Town) -> None:
    """grafana#53990, #64805: after each deployment everything was told once more."""
    shared.subscribe()
    assert len(await shared.at("2026-03-31T09:00")) == 1
    for minutes in range(1, 60, 7):
        assert await shared.at(f"2026-03-31T09:{minutes:02}") == []


async def test_an_answer_that_is_lost_is_no_second_post(shared: Town) -> None:
    """metabase#63189: the platform had it, the answer was lost, it was sent again."""
    shared.subscribe()
    shared.office.platform.script.append(Arrives(after=3.0))
    assert len(await shared.at("2026-03-31T09:00", *[40.0] * 4)) == 1
    assert [row.state for row in shared.rows] == ["sent"]


async def test_the_platform_s_client_repeats_nothing_behind_our_back() -> None:
    """openclaw#22780: a retry inside the client doubled what had arrived."""
    async with sending() as (slack, sender):
        slack.faults["chat.postMessage"].append("lost")
        assert (await failure(sender, post(sender))).failure == "unknown"
    assert len(slack.called("chat.postMessage")) == len(slack.messages) == 1


def test_one_process_that_claims_twice_does_not_mistake_its_claims(engine: sa.Engine) -> None:
    """metabase#69577: a claim that was lost and taken again looked like the first one."""
    mail = Office(engine).mail
    delivery = mail.ready(mail.channel())
    first, again = mail.taken(), mail.taken(61)
    assert first.token != again.token
    assert not mail.mark(first, 62)
    with writing(engine) as connection:
        assert not finish_sent(connection, first, NOW, "m1", next_at=NOW)
    assert mail.mark(again, 63)
    assert mail.row(delivery).state == "sending"


def test_no_two_messages_are_known_by_one_name() -> None:
    """superset#25558: the notice of a failure was taken for the report itself."""
    ids = [uuid4().hex for _ in range(100)]
    names = {reference(one, to, part) for one in ids for to in ("C1", "C2") for part in (0, 1)}
    assert len(names) == 400


# ---- zones and periods


async def test_each_subscription_has_a_zone_of_its_own(town: Town) -> None:
    """metabase#31928, superset#27952: one zone for the whole installation."""
    for zone in ("Asia/Tokyo", "Europe/Berlin", "America/New_York"):
        town.subscribe(channel=zone.partition("/")[2], zone=zone)
    told = {}
    for hour in range(24):
        for one in await town.at(berlin("2026-03-31T00:00") + timedelta(hours=hour)):
            told[one.channel] = hour
    # Nine o'clock in Tokyo is two here; the two days before it end at our midnight.
    assert told == {"CTokyo": 2, "CBerlin": 9, "CNew_York": 15}


@pytest.mark.parametrize("first", ["2026-10-23", "2027-03-26"])
async def test_on_a_day_when_clocks_change_one_comes(town: Town, first: str) -> None:
    """PostHog#21450, metabase#6698: twice in autumn, never in spring."""
    start = berlin(f"{first}T12:00")
    town.subscribe("daily 02:30", made=start)
    for quarter in range(4 * 24 * 4):
        plan(town.engine, start.astimezone(UTC) + timedelta(minutes=15 * quarter))
    told = [row.period_key for row in town.rows]
    begin = date.fromisoformat(first)
    assert told == [f"daily:{begin + timedelta(days=n)}" for n in range(4)]
    assert {row.state for row in town.rows} == {"planned"}


async def test_a_repeated_hour_comes_to_an_end(town: Town) -> None:
    """apscheduler#1021: in the hour that comes twice the next time was never found."""
    start = datetime(2026, 10, 24, 23, 7, tzinfo=UTC)
    town.subscribe('cron "*/15 * * * *"', made=start, line="by-model today")
    for minutes in range(0, 240, 5):
        plan(town.engine, start + timedelta(minutes=minutes))
    keys = [row.period_key for row in town.rows]
    assert len(keys) == len(set(keys)) == 12  # four hours, of which people count three


@pytest.mark.parametrize("zone", ["GMT Standard Time", "Europe/Atlantis", "", "../../etc/passwd"])
def test_an_unknown_zone_is_refused_and_never_utc(zone: str) -> None:
    """Superset PR#17338: a zone that nobody knew quietly meant UTC."""
    with pytest.raises(UserError):
        checked_zone(zone)


async def test_a_month_is_told_when_it_is_over(town: Town) -> None:
    """Probe T6: on the 1st at 00:00 the report was about the month that had just begun."""
    town.subscribe("monthly 1 00:00", line="digest monthly")
    await town.at("2026-04-01T00:00")
    (row,) = town.rows
    assert (row.period_key, row.line) == ("monthly:2026-03", "digest monthly 2026-03")
    assert (row.window_start, row.window_end) == (
        berlin("2026-03-01T00:00"),
        berlin("2026-04-01T00:00"),
    )


async def test_no_day_is_in_two_reports(town: Town) -> None:
    """Probe T6: "7 days" were eight, and the day at the border was in both weeks."""
    town.subscribe("weekly mon 09:00", line="by-model last 7d")
    for monday in ("2026-04-06", "2026-04-13"):
        await town.at(f"{monday}T09:00")
    first, second = town.rows
    assert first.window_end == second.window_start
    assert [row.line for row in town.rows] == [
        "by-model 2026-03-30..2026-04-05",
        "by-model 2026-04-06..2026-04-12",
    ]


# ---- pictures


@pytest.mark.parametrize("pen", [None, Pen(None), Pen(RuntimeError("font")), Pen(hangs=True)])
async def test_a_chart_that_fails_does_not_stop_the_text(town: Town, pen: Drawing | None) -> None:
    """grafana#20883, #9592, superset PR#43784: no picture, no message."""
    town.office.drawing = pen
    town.office.timing = town.office.timing.__class__(picture=0.01)
    town.subscribe()
    (one,) = await town.at("2026-03-31T09:00")
    assert one.payload["pictured"] is False
    assert "Figure not available." in str(one.payload["notes"])


async def test_a_picture_that_was_drawn_is_not_drawn_again(town: Town) -> None:
    """superset#21653: a second try brought another picture than the first."""
    pen = Pen()
    town.office.drawing = pen
    town.subscribe()
    town.office.platform.script.extend([BUSY, BUSY])
    await town.at("2026-03-31T09:00", *[60.0] * 4)
    sent = [one.attachment for _, one in town.office.platform.requests if one.act == "post"]
    assert len(sent) == 3
    assert (len(pen.themes), len(set(map(repr, sent)))) == (1, 1)


def test_no_method_is_called_that_slack_ended() -> None:
    """superset#32200, jenkinsci/slack-plugin#972: an upload by a method that is no more."""
    root = Path(bot.__file__).parent / "platforms" / "slack"
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.py")))
    called = set(re.findall(r'"([a-z]+\.[a-zA-Z.]+)"', source))
    assert "files.getUploadURLExternal" in called
    assert called.isdisjoint(ENDED_METHODS)
    assert "files_upload(" not in source


# ---- channels


async def test_of_a_dead_channel_its_owner_hears_once_and_nobody_calls_again(shared: Town) -> None:
    """superset#25026, goalert#2176, PostHog#39732: calls for weeks, and nobody was told."""
    shared.subscribe()
    shared.office.platform.script.append(ARCHIVED)
    told = [one for day in range(1, 8) for one in await shared.at(f"2026-04-0{day}T09:00")]
    assert [one.channel for one in told] == ["UALICE"]
    assert len(shared.office.platform.requests) == 2  # the one that failed, and the notice


async def test_a_channel_that_was_renamed_still_gets_its_digest(town: Town) -> None:
    """python-slack-sdk#1465: channels were known by a name, and names change."""
    town.subscribe(channel="old")
    assert len(await town.at("2026-03-31T09:00")) == 1
    with writing(town.engine) as connection:
        connection.execute(sa.update(DESTINATION).values(name="new"))
    (again,) = await town.at("2026-04-01T09:00")
    assert again.channel == "Cold"
    with reading(town.engine) as connection:
        assert len(list_destinations(connection, 1)) == 1


# ---- nothing to tell


async def test_an_empty_report_says_so(town: Town) -> None:
    """metabase#2430, lightdash#7320: silence looked like a defect."""
    town.subscribe(line="by-model yesterday")
    (one,) = await town.at("2026-04-05T09:00")
    assert str(one.payload["text"]).startswith("No usage")


async def test_an_empty_report_that_nobody_wants_has_its_reason(town: Town) -> None:
    """metabase#34777, lightdash#15684: left out, and nobody could find out why."""
    town.subscribe(line="by-model yesterday", skip_empty=True)
    assert await town.at("2026-04-05T09:00") == []
    assert town.rows[-1].reason == "empty"
    with writing(town.engine) as connection:
        assert connection.execute(sa.text("SELECT is_paused FROM subscription")).scalar() in (0, 0)
