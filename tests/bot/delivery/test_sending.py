"""One message leaves through every kind of failure, and never twice where it can be found.

One of the tests that matter most.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from bot.chat import SendError
from bot.delivery.sending import OVERTAKEN, REPEAT, Courier
from storage.engine import reading
from storage.outbox import attempts_of
from storage.pauses import pauses
from tests.bot.delivery.delivering import BUSY, LOST, Arrives, Office
from tests.storage.mail import at


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    return Office(engine)


def outcomes(office: Office, delivery: str) -> list[str]:
    with reading(office.engine) as connection:
        tries = attempts_of(connection, office.mail.workspace_id, delivery)
    return [one.outcome for one in tries]


async def test_what_is_due_is_sent_and_known_by_its_id(office: Office) -> None:
    delivery = office.mail.ready(office.mail.channel())
    await office.work()
    row = office.row(delivery)
    assert (row.state, row.reason, row.platform_message_id) == ("sent", None, "m1")
    assert row.sent_at == at(0)
    assert outcomes(office, delivery) == ["sent"]


async def test_a_post_whose_answer_was_lost_is_found_not_repeated(office: Office) -> None:
    delivery = office.mail.ready(office.mail.channel())
    office.platform.script.append(Arrives())
    await office.work(34.9)
    assert office.row(delivery).state == "ready"
    await office.work(0.2)
    assert office.row(delivery).state == "sent"
    assert len(office.platform.posts) == 1
    assert outcomes(office, delivery) == ["unknown", "found"]


async def test_a_post_that_lands_late_is_waited_for(office: Office) -> None:
    office.mail.ready(office.mail.channel())
    office.platform.script.append(Arrives(after=34))
    await office.work(*[2.0] * 30)
    assert len(office.platform.posts) == 1


async def test_a_post_that_shows_late_is_looked_for_twice(office: Office) -> None:
    office.mail.ready(office.mail.channel())
    office.platform.history_delay = 40
    office.platform.script.append(Arrives())
    await office.work(36, 10, 60)
    assert len(office.platform.posts) == 1


async def test_what_never_arrived_is_sent_again_after_two_looks(office: Office) -> None:
    delivery = office.mail.ready(office.mail.channel())
    office.platform.script.append(LOST)
    await office.work(35)
    assert office.row(delivery).reason == "looked for once, not found"
    await office.work(9.9)
    assert len(office.platform.requests) == 1
    await office.work(0.2)
    assert outcomes(office, delivery) == ["unknown", "missed", "sent"]
    assert "note" not in office.platform.posts[0].payload


@pytest.mark.parametrize("kind", ["digest", "alert"])
async def test_where_a_channel_may_not_be_read_the_repeat_says_so(
    office: Office, kind: str
) -> None:
    delivery = office.mail.ready(office.mail.channel(), kind=kind)
    office.platform.script.append(LOST)
    office.platform.looks.append(SendError("destination", "missing_scope"))
    await office.work(35)
    assert office.row(delivery).state == "sent"
    assert office.platform.posts[0].payload["note"] == REPEAT


async def test_where_repeats_are_not_wanted_a_person_decides(office: Office) -> None:
    office.on_unknown = "hold"
    digest = office.mail.ready(office.mail.channel())
    alert = office.mail.ready(office.mail.channel(), kind="alert", priority=0)
    office.platform.script.extend([LOST, LOST])
    denied = SendError("destination", "missing_scope")
    office.platform.looks.extend([denied, denied])
    await office.work(35)
    assert (office.row(digest).state, office.row(alert).state) == ("ambiguous", "sent")
    assert office.row(digest).reason == "unreadable: missing_scope"


async def test_a_channel_that_cannot_be_read_now_is_read_later(office: Office) -> None:
    delivery = office.mail.ready(office.mail.channel())
    office.platform.script.append(Arrives())
    office.platform.looks.append(SendError("unknown", "reset"))
    await office.work(35)
    assert outcomes(office, delivery) == ["unknown", "unreadable"]
    await office.work(10)
    assert office.row(delivery).state == "sent"
    assert len(office.platform.requests) == 1


async def test_who_slept_after_the_claim_reads_nothing_any_more(office: Office) -> None:
    office.mail.ready(office.mail.channel())
    office.platform.script.append(Arrives())
    office.platform.looks.append(SendError("refused", "ratelimited", retry_after=30, status=429))
    await office.work()
    office.clock.forward(35)
    claim = office.mail.taken(35)
    await office.worker()._courier.deliver(claim, office.clock.monotonic() - 21)
    assert len(office.platform.looks) == 1
    assert office.mail.claim(36) is not None


async def test_a_platform_that_answers_no_read_for_minutes_is_no_reason_to_repeat(
    office: Office,
) -> None:
    delivery = office.mail.ready(office.mail.channel(), kind="alert", priority=0)
    office.platform.script.append(Arrives())
    office.platform.looks.extend([SendError("refused", "internal_error", status=500)] * 90)
    await office.work(35, *[10.0] * 90)
    assert office.row(delivery).state == "sent"
    assert len(office.platform.requests) == 1


async def test_who_was_down_for_hours_asks_again_before_a_repeat(office: Office) -> None:
    delivery = office.mail.ready(office.mail.channel(), kind="alert", priority=0)
    office.platform.script.append(Arrives())
    office.platform.looks.extend([SendError("refused", "internal_error", status=500)] * 2)
    await office.work(35, 7_200, 10)
    assert outcomes(office, delivery) == ["unknown", "unreadable", "unreadable", "found"]
    assert len(office.platform.requests) == 1


async def test_a_channel_that_is_never_read_gets_one_labelled_repeat(office: Office) -> None:
    office.mail.ready(office.mail.channel(), kind="alert", priority=0)
    office.platform.script.append(LOST)
    office.platform.looks.extend([SendError("refused", "internal_error", status=500)] * 400)
    await office.work(35, *[100.0] * 60)
    assert [post.payload["note"] for post in office.platform.posts] == [REPEAT]


async def test_a_sender_that_hangs_is_cut_off_at_its_deadline(engine: sa.Engine) -> None:
    office = Office(engine)
    office.timing = office.timing.scaled(0.001)
    delivery = office.mail.ready(office.mail.channel())
    office.platform.hold = asyncio.Event()
    await office.work()
    row = office.row(delivery)
    assert (row.state, row.reason) == ("ready", "unknown: deadline")
    assert row.maybe_sent_at is not None


async def test_nothing_is_asked_before_its_time(office: Office) -> None:
    """A refusal of Slack's holds for the whole workspace, to the second."""
    first, second = office.mail.channel(), office.mail.channel()
    for channel in (first, second):
        office.mail.ready(channel)
    office.platform.script.extend([SendError("refused", "ratelimited", retry_after=30, status=429)])
    await office.work(*[1.0] * 29)
    asked = [moment for moment, _ in office.platform.requests]
    assert all(moment <= at(0) for moment in asked)
    await office.work(1, 1)
    assert len(office.platform.posts) == 2
    assert all(post.at >= at(30) or post.at == at(0) for post in office.platform.posts)


@pytest.mark.parametrize(("is_global", "posts"), [(True, 0), (False, 1)])
async def test_a_global_refusal_of_discords_holds_for_all_replicas(
    engine: sa.Engine,
    is_global: bool,  # noqa: FBT001  # a case
    posts: int,
) -> None:
    office = Office(engine, platform_name="discord")
    office.mail.ready(office.mail.channel(platform="discord"))
    busy = SendError("refused", "rate_limited", retry_after=30, status=429, is_global=is_global)
    office.platform.script.append(busy)
    await office.work()
    office.mail.ready(office.mail.channel(platform="discord"))
    await office.work(29)  # another process
    assert len(office.platform.posts) == posts
    await office.work(1)
    assert len(office.platform.posts) == 2


@pytest.mark.parametrize("wait", [float("inf"), float("nan"), -1.0])
async def test_a_wait_that_nobody_could_heed_is_none(office: Office, wait: float) -> None:
    delivery = office.mail.ready(office.mail.channel())
    office.platform.script.append(SendError("refused", "rate_limited", retry_after=wait))
    await office.work(0, 3)
    assert outcomes(office, delivery) == ["refused", "sent"]


async def test_a_wait_of_centuries_ends_the_message_in_its_own_words(office: Office) -> None:
    delivery = office.mail.ready(office.mail.channel())
    office.platform.script.append(SendError("refused", "rate_limited", retry_after=1e300))
    await office.work()
    assert office.row(delivery).reason == "refused: rate_limited, given up"


async def test_a_probe_that_nobody_understands_stops_no_other(office: Office) -> None:
    for team in ("T1", "T2"):
        office.mail.ready(office.mail.channel(external_id=team))
    office.platform.script.extend([SendError("account", "token_revoked")] * 2)
    await office.work()
    office.platform.odd_probes = 1
    await office.work(300, 1)
    assert len(office.platform.posts) == 1
    assert office.platform.probes == 2


async def test_a_refusal_is_tried_again_with_growing_pauses(office: Office) -> None:
    delivery = office.mail.ready(office.mail.channel())
    office.platform.script.extend([BUSY] * 3)
    await office.work(*[0.5] * 60)
    moments = [(moment - at(0)).total_seconds() for moment, _ in office.platform.requests]
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert [2 <= gaps[0] <= 3, 4 <= gaps[1] <= 5.5, 8 <= gaps[2] <= 10.5] == [True] * 3
    assert office.row(delivery).state == "sent"


@pytest.mark.parametrize(("kind", "hours"), [("alert", 6), ("digest", 24), ("notice", 24)])
async def test_a_message_is_tried_for_its_life_however_often(
    office: Office, kind: str, hours: int
) -> None:
    office.timing = replace(office.timing, longest_pause=1200.0)
    delivery = office.mail.ready(office.mail.channel(), kind=kind)
    office.platform.script.extend([BUSY] * 200)
    await office.work(*[1200.0] * (3 * hours - 2))
    assert office.row(delivery).state == "ready"
    assert len(office.platform.requests) > 2 * hours
    await office.work(*[1200.0] * 3)
    row = office.row(delivery)
    assert (row.state, row.reason) == ("dead", "refused: internal_error, given up")


async def test_refusals_that_name_their_time_are_obeyed_for_hours(office: Office) -> None:
    alert = office.mail.ready(office.mail.channel(), kind="alert", priority=0)
    digest = office.mail.ready(office.mail.channel(external_id="T2"))
    slow = SendError("refused", "ratelimited", retry_after=1800, status=429)
    office.platform.script.extend([slow] * 400)
    await office.work(*[1801.0] * 14)
    assert office.row(alert).state == "dead"
    assert office.row(digest).state == "ready"
    await office.work(*[1801.0] * 37)
    assert office.row(digest).state == "dead"


async def test_a_row_that_is_always_refused_lets_the_others_pass(office: Office) -> None:
    channel = office.mail.channel()
    office.mail.ready(channel)
    second = office.mail.ready(channel, created_at=at(1))
    office.platform.script.extend([BUSY] * 11)
    for _ in range(60):
        await office.work(20)
        if office.row(second).state == "sent":
            break
    assert office.row(second).sent_at is not None
    assert timedelta(minutes=9) < office.clock.now() - at(0) < timedelta(minutes=25)


async def test_a_dead_token_stops_its_workspace_until_a_probe_goes_well(office: Office) -> None:
    deliveries = [office.mail.ready(office.mail.channel()) for _ in range(3)]
    office.platform.token_error = SendError("account", "token_revoked")
    office.platform.script.append(office.platform.token_error)
    await office.work(0)
    # Only now: requests of several lanes leave in any order, and one of these had to be first.
    elsewhere = office.mail.ready(office.mail.channel(external_id="T2"))
    await office.work(60, 60)
    waiting = [office.row(one) for one in deliveries]
    asked = len(office.platform.requests)
    assert "ready" in {row.state for row in waiting}
    assert office.row(elsewhere).state == "sent"
    with reading(office.engine) as connection:
        assert [p.reason for p in pauses(connection, office.clock.now())] == [
            "account: token_revoked"
        ]
    await office.work(200)
    assert (office.platform.probes, len(office.platform.requests)) == (1, asked)
    office.platform.token_error = None
    await office.work(300, 1)
    assert {office.row(one).state for one in deliveries} == {"sent"}


async def test_a_ban_is_a_quarter_of_an_hour(office: Office) -> None:
    delivery = office.mail.ready(office.mail.channel())
    office.platform.script.append(SendError("banned", "html"))
    await office.work(899)
    assert len(office.platform.requests) == 1
    await office.work(1, 1)
    assert office.row(delivery).state == "sent"


async def test_refused_contents_leave_once_more_as_bare_text(office: Office) -> None:
    delivery = office.mail.ready(office.mail.channel())
    office.platform.script.append(SendError("payload", "invalid_blocks"))
    await office.work(1)
    assert office.row(delivery).state == "sent"
    assert office.platform.posts[0].payload["plain"]


async def test_contents_refused_as_bare_text_are_a_dead_letter(office: Office) -> None:
    delivery = office.mail.ready(office.mail.channel())
    office.platform.script.extend([SendError("payload", "msg_too_long")] * 2)
    await office.work(1)
    row = office.row(delivery)
    assert (row.state, row.reason) == ("dead", "payload: msg_too_long")


async def test_a_bug_of_a_sender_counts_as_no_answer(office: Office) -> None:
    delivery = office.mail.ready(office.mail.channel())
    office.platform.script.append(ValueError("a bug"))  # type: ignore[arg-type]  # what no sender raises
    await office.work()
    assert office.row(delivery).reason == "unknown: bug"


async def test_a_file_in_doubt_where_nobody_may_read_is_repeated_with_a_word(
    office: Office,
) -> None:
    channel = office.mail.channel()
    root = office.mail.ready(channel)
    await office.work()
    file = office.mail.file(channel, root)
    office.platform.script.append(LOST)
    office.platform.looks.append(SendError("destination", "missing_scope"))
    await office.work(1, 35)
    assert office.row(file).state == "sent"
    assert office.platform.posts[1].payload == {"note": REPEAT}


async def test_a_look_that_ends_in_a_bug_is_one_that_could_not_be_read(office: Office) -> None:
    channel = office.mail.channel()
    first = office.mail.ready(channel)
    office.platform.script.append(LOST)
    office.platform.looks.extend([KeyError("components")] * 400)
    second = office.mail.ready(channel, created_at=at(1))
    with capture_logs():
        await office.work(35)
        assert office.row(first).reason == "unreadable: bug"
        await office.work(300, 300)
        assert office.row(second).state == "sent"
        await office.work(*[100.0] * 40)
    assert office.row(first).state == "sent"


async def test_a_bug_anywhere_holds_up_no_channel_for_ever(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = office.mail.channel()
    first = office.mail.ready(channel, payload={"text": "never"})
    second = office.mail.ready(channel, created_at=at(1))

    monkeypatch.setattr(Courier, "_is_too_late", lambda _, claim, __: 0 // (claim.row.id != first))
    with capture_logs():
        await office.work(300, 300, 2)
        assert office.row(second).state == "sent"
        office.timing = replace(office.timing, other_life=3_600)
        await office.work(*[600.0] * 7)
    assert (office.row(first).state, office.row(first).reason) == ("ambiguous", "unknown: bug")


@pytest.mark.parametrize(("marked", "state"), [(False, "dead"), (True, "ambiguous")])
async def test_what_ends_its_processes_is_left_alone_after_ten_of_them(
    office: Office, *, marked: bool, state: str
) -> None:
    channel = office.mail.channel()
    fatal = office.mail.ready(channel)
    other = office.mail.ready(channel, created_at=at(1))
    for second in range(0, 1_000, 100):
        claim = office.mail.taken(second)  # and its process dies
        assert not marked or office.mail.mark(claim, second)
    await office.work(1_000, 60)
    assert (office.row(fatal).state, office.row(other).state) == (state, "sent")
    assert "its process ended 10 times" in (office.row(fatal).reason or "")


async def test_a_refusal_that_no_probe_sees_ends_with_the_life_of_the_row(office: Office) -> None:
    alert = office.mail.ready(office.mail.channel(), kind="alert", priority=0)
    office.platform.script.extend([SendError("account", "missing_scope")] * 200)
    await office.work(*[301.0] * 75)
    assert office.row(alert).reason == "account: missing_scope, given up"


async def test_a_token_that_was_refused_for_days_costs_no_message(office: Office) -> None:
    alert = office.mail.ready(office.mail.channel(), kind="alert", priority=0)
    office.platform.script.append(SendError("account", "token_revoked"))
    office.platform.token_error = SendError("account", "token_revoked")
    await office.work(*[86_400.0] * 3)
    office.platform.token_error = None
    office.platform.script.append(BUSY)
    await office.work(301, 1, 3)
    assert office.row(alert).state == "sent"


async def test_a_clock_that_jumped_ahead_ends_no_life(office: Office) -> None:
    delivery = office.mail.ready(office.mail.channel(), kind="alert", priority=0)
    office.platform.script.extend([BUSY, BUSY])
    await office.work()
    office.clock.moment += timedelta(days=2)
    await office.work(1, 10)
    assert office.row(delivery).state == "sent"


async def test_a_clock_that_went_back_a_month_holds_no_channel_up(office: Office) -> None:
    channel = office.mail.channel()
    office.clock.moment += timedelta(days=30)
    office.mail.ready(channel)
    await office.work(5)
    office.clock.moment -= timedelta(days=30)
    delivery = office.mail.ready(channel)
    await office.work(1)
    assert office.row(delivery).state == "sent"


async def test_a_clock_that_is_set_during_a_request_makes_no_second_one(office: Office) -> None:
    delivery, worker = office.mail.ready(office.mail.channel()), office.worker()
    office.platform.hold = asyncio.Event()
    await worker.turn()
    await office.platform.asked.wait()
    office.clock.moment += timedelta(seconds=90)
    assert not await worker.turn()
    office.platform.hold.set()
    await worker.settle()
    assert office.row(delivery).state == "sent"
    assert len(office.platform.requests) == 1


async def test_what_may_still_land_is_not_looked_for_because_a_clock_was_set(
    office: Office,
) -> None:
    office.mail.ready(office.mail.channel())
    office.platform.script.append(Arrives(after=300))
    worker = office.worker()
    await worker.settle()
    office.clock.moment += timedelta(hours=8)  # of which the computer ran none
    office.platform.looks.extend([SendError("unknown", "too early")] * 9)
    await worker.settle()
    assert len(office.platform.looks) == 9
    office.platform.looks.clear()
    office.clock.forward(36)
    await worker.settle()
    assert len(office.platform.posts) == 1


async def test_a_clock_that_is_ahead_of_the_platforms_hides_no_post(office: Office) -> None:
    office.platform.behind = office.ahead = timedelta(minutes=2)
    office.mail.ready(office.mail.channel())
    office.platform.script.append(Arrives())
    await office.work(36, 11, 11)
    assert len(office.platform.posts) == 1


async def test_an_edit_is_repeated_without_looking(office: Office) -> None:
    channel = office.mail.channel()
    root = office.mail.ready(channel)
    await office.work()
    edit = office.mail.ready(channel, act="edit", kind="resolved", parent_id=root)
    office.platform.script.append(LOST)
    office.platform.looks.append(SendError("account", "looked"))
    await office.work(1, 35)
    assert office.row(edit).state == "sent"
    assert [one.parent for one in office.platform.edits] == ["m1"]


class Changed:
    """A post whose "seen" may still land when its "resolved" is due."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.channel = office.mail.channel()
        self.root = office.mail.ready(self.channel)

    def change(self, text: str, second: float) -> str:
        return self.office.mail.ready(
            self.channel,
            act="edit",
            kind="resolved",
            parent_id=self.root,
            created_at=at(second),
            payload={"text": text},
        )


@pytest.mark.parametrize("after", [1, 12, 34])
async def test_a_change_that_lands_late_never_undoes_a_newer_one(
    office: Office, after: int
) -> None:
    changed = Changed(office)
    await office.work(0, 2)
    seen = changed.change("seen", 2)
    office.platform.script.append(Arrives(after=after))
    await office.work()
    over = changed.change("resolved", 3)
    await office.work(*[1.0] * 45)
    assert [office.row(one).state for one in (seen, over)] == ["sent", "sent"]
    assert office.platform.shown == "resolved"


async def test_a_clock_that_jumps_lets_no_newer_change_overtake_one_in_doubt(
    office: Office,
) -> None:
    changed = Changed(office)
    await office.work(0, 2)
    changed.change("seen", 2)
    changed.change("resolved", 3)
    office.platform.script.append(Arrives(after=20))
    worker = office.worker()
    await worker.settle()
    office.clock.moment += timedelta(minutes=3)
    office.clock.running += 5
    await worker.settle()
    assert len(office.platform.edits) == 1
    office.clock.forward(31)
    await worker.settle()
    office.clock.forward(2)
    await worker.settle()
    assert [one.payload["text"] for one in office.platform.edits] == ["seen", "seen", "resolved"]


async def test_a_change_that_a_newer_one_overtook_is_not_made_any_more(office: Office) -> None:
    changed = Changed(office)
    await office.work(0, 2)
    seen = changed.change("seen", 2)
    office.platform.script.extend([BUSY] * 9)
    await office.work(*[70.0] * 10)  # as long as it may hold up what is behind it
    assert office.row(seen).state == "ready"
    changed.change("resolved", 3)
    office.platform.script.clear()
    await office.work(*[1.0] * 3)
    assert office.platform.shown == "resolved"
    await office.work(*[300.0] * 4)
    assert (office.row(seen).state, office.row(seen).reason) == ("skipped", OVERTAKEN)
    assert office.platform.shown == "resolved"


async def test_posts_to_a_channel_keep_their_pace(office: Office) -> None:
    channel = office.mail.channel()
    for second in range(3):
        office.mail.ready(channel, created_at=at(-second))
    await office.work(0.5, 0.5, 0.5, 0.5)
    assert [(post.at - at(0)).total_seconds() for post in office.platform.posts] == [0, 1, 2]


async def test_an_owner_that_slept_through_its_lease_sends_nothing(office: Office) -> None:
    delivery = office.mail.ready(office.mail.channel())
    worker = office.worker()
    claim = office.mail.taken()
    office.clock.forward(21)
    await worker._courier.deliver(claim, 0.0)
    assert office.platform.requests == []
    assert office.row(delivery).state == "ready"
    assert outcomes(office, delivery) == ["stopped"]


async def test_an_owner_that_lost_its_lease_sends_nothing(office: Office) -> None:
    office.mail.ready(office.mail.channel())
    late = office.mail.taken()
    office.clock.forward(61)
    await office.work()
    await office.worker()._courier.deliver(late, office.clock.monotonic())
    assert len(office.platform.requests) == 1


async def test_when_the_service_ends_what_is_on_its_way_is_unknown(office: Office) -> None:
    office.timing = office.timing.scaled(0.001)
    delivery = office.mail.ready(office.mail.channel())
    office.platform.hold = asyncio.Event()
    worker, stop = office.worker(), asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    await office.platform.asked.wait()
    stop.set()
    await running
    row = office.row(delivery)
    assert row.state == "ready"
    assert row.maybe_sent_at is not None


async def test_one_hanging_channel_holds_up_no_other(office: Office) -> None:
    hanging = office.mail.ready(office.mail.channel())
    worker = office.worker()
    office.platform.hold = asyncio.Event()
    await worker.turn()
    await office.platform.asked.wait()
    held, office.platform.hold = office.platform.hold, None
    other = office.mail.ready(office.mail.channel())
    await worker.turn()
    await asyncio.wait(worker._sending, return_when="FIRST_COMPLETED")
    assert (office.row(hanging).state, office.row(other).state) == ("sending", "sent")
    held.set()
    await worker.settle()


async def test_a_dead_lane_of_a_replica_is_freed_when_its_lease_ends(office: Office) -> None:
    channel = office.mail.channel()
    delivery = office.mail.ready(channel)
    office.mail.mark(office.mail.taken())
    await office.work(59)
    assert office.platform.requests == []
    await office.work(2, 10, 1)
    assert office.row(delivery).state == "sent"
