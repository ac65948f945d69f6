"""What other products' reports were found to do wrong, tried on ours: doubles, silence, channels.

One test a complaint; the docstring names where people complained.  Zones and pictures have files
beside this one, alerts `tests/bot/alerts/test_other_alerts.py`; `tests/test_complaints.py` knows
them all.  Tried elsewhere, too: one bad line or slow channel stops all (metabase#7409) in
`test_planner` and `test_sending`, a kill between claim and send (metabase#69577) in
`test_delivery_machine` and `tests/chaos`.
"""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

import bot
import bot.commands  # registers every command
from bot.chat import SendError
from bot.platforms.slack.sending import SlackSender
from bot.subscriptions.planner import plan
from storage.claims import DESTINATION
from storage.destinations import list_destinations
from storage.endings import finish_sent
from storage.engine import reading, writing
from storage.outbox import reference
from tests.analytics.world import column, table_of
from tests.bot.delivery.delivering import BUSY, Arrives, Office
from tests.bot.delivery.town import Town, berlin, shared, town
from tests.bot.platforms.test_slack_sending import failure, post, sending
from tests.cast import NOW
from tests.doubles.slack import SlackDouble
from tests.doubles.slack_stage import settings_for

__all__ = ["shared", "town"]  # fixtures
ARCHIVED = SendError("destination", "is_archived")
REFUSED = SendError("payload", "invalid_blocks")
ENDED_METHODS = ("files.upload", "rtm.start", "dialog.open", "oauth.access")
ENDED_FAMILIES = (
    "channels.",
    "groups.",
    "im.",
    "mpim.",
    "stars.",
    "admin.conversations.whitelist.",
)


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


@pytest.mark.parametrize("catchup", ["latest", "all"])
async def test_an_outage_before_an_empty_day_is_not_silence(town: Town, catchup: str) -> None:
    """metabase#62077: the log called it sent, people got nothing: the last part was empty.

    The usage of 30 March was due in the outage; the newest day is empty, and empty ones are not
    wanted.
    """
    town.subscribe(line="by-model yesterday", skip_empty=True, catchup=catchup)
    (one,) = await town.at("2026-04-05T09:00")
    assert "Also missed: 30 Mar" in str(one.payload["notes"])
    states = column(table_of(town.ask("digest history")), "state")
    assert states.count("sent") == 1


async def test_what_cannot_be_made_leaves_as_plain_words(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """metabase#37459: when its question failed nothing came at all."""

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    town.subscribe(line="by-model yesterday")
    monkeypatch.setattr("bot.delivery.audience.run", fail)
    (one,) = await town.at("2026-03-31T09:00", *[30.0] * 4)
    assert one.payload["text"] == (
        "The answer to `by-model 2026-03-30` for daily:2026-03-30 could not be made."
    )


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


# ---- methods


def test_no_method_is_called_that_slack_ended() -> None:
    """superset#32200, jenkinsci/slack-plugin#972, botkube PR#1468, wee-slack#959.

    They uploaded or listed channels by methods that are no more.
    """
    root = Path(bot.__file__).parent / "platforms" / "slack"
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.py")))
    called = set(re.findall(r'"([a-z]+\.[a-zA-Z.]+)"', source))
    assert "files.getUploadURLExternal" in called
    assert called.isdisjoint(ENDED_METHODS)
    assert [one for one in called if one.startswith(ENDED_FAMILIES)] == []
    assert "files_upload(" not in source


# ---- channels


async def test_of_a_dead_channel_its_owner_hears_once_and_nobody_calls_again(shared: Town) -> None:
    """superset#25026, goalert#2176, PostHog#39732: calls for weeks, and nobody was told."""
    shared.subscribe()
    shared.office.platform.script.append(ARCHIVED)
    told = [one for day in range(1, 8) for one in await shared.at(f"2026-04-0{day}T09:00")]
    assert [one.channel for one in told] == ["UALICE"]
    assert len(shared.office.platform.requests) == 2  # the one that failed, and the notice


@pytest.mark.parametrize("code", ["is_archived", "channel_not_found"])
async def test_subscriptions_of_a_channel_that_is_gone_are_paused(town: Town, code: str) -> None:
    """integrations/slack#197: each event of a subscription failed, for an archived channel."""
    town.subscribe()
    town.office.platform.script.append(SendError("destination", code))
    for day in (1, 2, 3):
        await town.at(f"2026-04-0{day}T09:00")
    digests = [row for row in town.rows if row.kind == "digest"]
    assert digests[-1].period_key == "daily:2026-03-31"  # later ones were not so much as planned
    (state,) = column(table_of(town.ask("digest list")), "state")
    assert str(state).startswith("paused")


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


def test_an_empty_report_is_words_in_slack_and_no_picture(town: Town) -> None:
    """metabase#20796: where it had no result Slack showed an empty picture, and no word."""
    report = town.ask("by-model 2026-01-05")
    sender = SlackSender(settings_for(SlackDouble()))
    made = sender.compose(report, buttons={}, reference="r", pictured=report.figure is not None)
    kinds = [block["type"] for block in made["blocks"]]  # type: ignore[attr-defined]  # a list
    assert "image" not in kinds
    assert "No usage" in str(made["blocks"])


async def test_an_empty_report_that_nobody_wants_has_its_reason(town: Town) -> None:
    """metabase#34777, lightdash#15684: left out, and nobody could find out why."""
    yesterday = berlin("2026-04-04T12:00")
    town.subscribe(line="by-model yesterday", skip_empty=True, made=yesterday)
    assert await town.at("2026-04-05T09:00") == []
    assert town.rows[-1].reason == "empty"
    assert column(table_of(town.ask("digest history")), "reason") == ["nothing was used"]
    with writing(town.engine) as connection:
        assert connection.execute(sa.text("SELECT is_paused FROM subscription")).scalar() in (0, 0)
