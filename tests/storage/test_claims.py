"""One process at a time makes or sends a delivery, in the order of its lane.

One of the tests that matter most: what is claimed twice is told twice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import sqlalchemy as sa

from storage.claims import Claim, anything_due
from storage.endings import (
    Trouble,
    finish_missed,
    finish_refused,
    finish_sent,
    finish_unknown,
    finish_unreadable,
)
from storage.engine import reading, writing
from storage.errors import DatabaseBusy
from storage.outbox import DELIVERY
from tests.storage.mail import LEASE, Mail, at

TIMEOUT = Trouble("unknown", "timeout")
BUSY = Trouble("refused", "internal_error", 500)


@pytest.fixture
def mail(engine: sa.Engine) -> Mail:
    return Mail(engine)


def sent(mail: Mail, claim: Claim, seconds: float = 0) -> bool:
    with writing(mail.engine) as connection:
        return finish_sent(connection, claim, at(seconds), "1.1", next_at=at(seconds))


def unknown(mail: Mail, claim: Claim, seconds: float = 0) -> bool:
    mail.mark(claim, seconds)
    with writing(mail.engine) as connection:
        return finish_unknown(
            connection,
            claim,
            at(seconds),
            TIMEOUT,
            not_before=at(seconds + 15),
            lane_not_before=at(seconds),
        )


def test_a_delivery_is_claimed_once(mail: Mail) -> None:
    delivery = mail.ready(mail.channel())
    claim = mail.taken()
    assert (claim.row.id, claim.row.state, claim.row.attempts) == (delivery, "sending", 1)
    assert claim.payload == {"text": "12 credits"}
    assert mail.claim() is None


def test_a_lane_has_one_request_on_its_way(mail: Mail) -> None:
    channel = mail.channel()
    mail.ready(channel)
    second = mail.ready(channel, created_at=at(1))
    first = mail.taken()
    assert mail.claim() is None
    sent(mail, first)
    assert mail.taken().row.id == second


def test_lanes_do_not_wait_for_each_other(mail: Mail) -> None:
    here, there = mail.ready(mail.channel()), mail.ready(mail.channel())
    assert {mail.taken().row.id, mail.taken().row.id} == {here, there}


def test_alerts_leave_before_digests_that_were_due_earlier(mail: Mail) -> None:
    channel = mail.channel()
    digest = mail.ready(channel, created_at=at(-600))
    alert = mail.ready(channel, kind="alert", priority=0)
    claim = mail.taken()
    assert claim.row.id == alert
    sent(mail, claim)
    assert mail.taken().row.id == digest


def test_of_digests_planned_together_the_oldest_leaves_first(mail: Mail) -> None:
    channel = mail.channel()
    newer = mail.ready(channel, due_at=at(-1))
    older = mail.ready(channel, due_at=at(-86_400))
    claim = mail.taken()
    assert claim.row.id == older
    sent(mail, claim)
    assert mail.taken().row.id == newer


def test_parts_wait_for_their_message_and_know_its_id(mail: Mail) -> None:
    channel = mail.channel()
    root = mail.ready(channel)
    mail.ready(channel, parent_id=root, part=1, act="file", priority=0, created_at=at(-1))
    claim = mail.taken()
    assert claim.row.id == root
    sent(mail, claim)
    part = mail.taken()
    assert (part.row.part, part.parent_message) == (1, "1.1")


def test_nothing_leaves_before_the_lane_may_go_on(mail: Mail) -> None:
    mail.ready(mail.channel(not_before=at(30)))
    assert mail.claim(29.9) is None
    assert mail.claim(30) is not None


def test_a_lease_that_ended_is_taken_over_with_what_is_known(mail: Mail) -> None:
    mail.ready(mail.channel())
    first = mail.taken()
    assert mail.mark(first)
    assert mail.claim(59) is None
    second = mail.taken(60)
    assert second.token != first.token
    assert (second.row.attempts, second.row.maybe_sent_at) == (2, at(0))


def test_who_lost_the_lease_changes_nothing_but_keeps_the_try(mail: Mail) -> None:
    delivery = mail.ready(mail.channel())
    late = mail.taken()
    mail.mark(late)
    owner = mail.taken(61)
    assert not mail.mark(late, 61)
    assert not sent(mail, late, 62)
    assert mail.row(delivery).state == "sending"
    assert mail.claim(62) is None
    assert sent(mail, owner, 63)
    with reading(mail.engine) as connection:
        outcomes = connection.execute(sa.text("SELECT n, outcome FROM attempt ORDER BY n")).all()
    assert [tuple(row) for row in outcomes] == [(1, "sent"), (2, "sent")]


def test_behind_an_unanswered_digest_alerts_pass_and_digests_wait(mail: Mail) -> None:
    channel = mail.channel()
    first = mail.ready(channel)
    unknown(mail, mail.taken())
    mail.ready(channel, created_at=at(1))
    alert = mail.ready(channel, kind="alert", priority=0, created_at=at(2))
    claim = mail.taken(3)
    assert claim.row.id == alert
    sent(mail, claim, 3)
    assert mail.claim(14) is None
    assert mail.taken(15).row.id == first


def test_behind_an_unanswered_alert_alerts_wait_and_digests_pass(mail: Mail) -> None:
    channel = mail.channel()
    first = mail.ready(channel, kind="alert", priority=0)
    unknown(mail, mail.taken())
    mail.ready(channel, kind="alert", priority=0, created_at=at(1))
    digest = mail.ready(channel, created_at=at(1))
    claim = mail.taken(2)
    assert claim.row.id == digest
    sent(mail, claim, 2)
    assert mail.taken(15).row.id == first


def test_who_stands_in_the_way_for_ten_minutes_is_passed(mail: Mail) -> None:
    channel = mail.channel()
    mail.ready(channel)
    unknown(mail, mail.taken())
    second = mail.ready(channel, created_at=at(1))
    with writing(mail.engine) as connection:
        held = sa.update(DELIVERY).where(DELIVERY.c.maybe_sent_at.is_not(None))
        connection.execute(held.values(not_before=at(3600)))
    assert mail.claim(599) is None
    assert mail.taken(601).row.id == second


def test_a_refusal_stops_its_lane_until_its_time(mail: Mail) -> None:
    channel = mail.channel()
    refused = mail.ready(channel)
    mail.ready(channel, kind="alert", priority=0, created_at=at(1), due_at=at(1))
    claim = mail.taken()
    mail.mark(claim)
    with writing(mail.engine) as connection:
        finish_refused(connection, claim, at(1), BUSY, not_before=at(8), lane_not_before=at(8))
    assert mail.row(refused).maybe_sent_at is None
    assert mail.claim(7.9) is None
    assert mail.claim(8) is not None


def test_what_was_not_found_once_waits_for_the_second_look(mail: Mail) -> None:
    delivery = mail.ready(mail.channel())
    unknown(mail, mail.taken())
    claim = mail.taken(15)
    with writing(mail.engine) as connection:
        finish_missed(connection, claim, at(16), not_before=at(26))
    assert mail.claim(25) is None
    again = mail.taken(26)
    assert (again.row.id, again.row.missed_at) == (delivery, at(16))


def test_a_clock_that_went_back_a_month_holds_nothing_up(mail: Mail) -> None:
    month = 30 * 86_400
    mail.ready(mail.channel())
    mail.ready(mail.channel(not_before=at(month)), not_before=at(month))
    mail.taken(month)
    assert mail.claim(0) is not None
    assert mail.claim(0) is not None


def test_a_dead_channel_and_a_strange_platform_are_left_alone(mail: Mail) -> None:
    mail.ready(mail.channel(state="dead"))
    mail.due(mail.channel(state="paused"))
    mail.ready(mail.channel(platform="teams"))
    assert mail.claim() is None
    assert mail.claim_render() is None


def test_kinds_of_a_newer_version_are_left_to_it(mail: Mail) -> None:
    channel = mail.channel()
    mail.ready(channel, kind="horoscope")
    mail.due(channel, kind="horoscope")
    known = mail.ready(channel, created_at=at(1))
    assert mail.taken(2).row.id == known
    assert mail.claim_render() is None


def test_making_has_a_lease_of_its_own(mail: Mail) -> None:
    delivery = mail.due(mail.channel())
    first = mail.claim_render()
    assert first is not None
    assert (first.row.id, first.row.state, first.lane.channel_id) == (delivery, "rendering", "C1")
    assert mail.claim_render(59) is None
    second = mail.claim_render(60)
    assert second is not None
    assert second.row.attempts == 2


def test_it_is_told_cheaply_whether_something_is_due(mail: Mail) -> None:
    def due(seconds: float) -> tuple[bool, bool]:
        with reading(mail.engine) as connection:
            return anything_due(connection, at(seconds), lease=LEASE, platforms=("slack",))

    assert due(0) == (False, False)
    mail.due(mail.channel(), due_at=at(5))
    assert due(0) == (False, False)
    assert due(5) == (True, False)
    mail.ready(mail.channel())
    assert due(0) == (False, True)


# ---- two at once


def select_then_update(mail: Mail) -> str | None:
    """The broken way: what is read first and written later."""
    with writing(mail.engine) as connection:
        free = sa.select(DELIVERY.c.id).where(DELIVERY.c.state == "ready").limit(1)
        found: str | None = connection.execute(free).scalar()
        taken = sa.update(DELIVERY).where(DELIVERY.c.id == found)
        connection.execute(taken.values(state="sending"))
        return found


def race(mail: Mail, claim: Callable[[Mail], Claim | str | None], *, patience: float = 1.0) -> int:
    """How many of two threads, held at their first UPDATE, believe that they own the row."""
    barrier, held = threading.Barrier(2, timeout=patience), threading.local()

    def hold(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE") and not getattr(held, "done", False):
            held.done = True
            with suppress(threading.BrokenBarrierError):
                barrier.wait()

    def run(_: int) -> bool:
        try:
            return claim(mail) is not None
        except (DatabaseBusy, sa.exc.OperationalError):
            return False

    sa.event.listen(mail.engine, "before_cursor_execute", hold)
    try:
        with ThreadPoolExecutor(2) as pool:
            return sum(pool.map(run, range(2)))
    finally:
        sa.event.remove(mail.engine, "before_cursor_execute", hold)


def test_of_two_that_claim_at_the_same_moment_one_gets_it(mail: Mail) -> None:
    for _ in range(5):
        delivery = mail.ready(mail.channel())
        assert race(mail, Mail.claim) == 1
        assert mail.row(delivery).attempts == 1


def test_of_two_that_make_at_the_same_moment_one_gets_it(mail: Mail) -> None:
    for _ in range(5):
        delivery = mail.due(mail.channel())
        assert race(mail, Mail.claim_render) == 1
        assert mail.row(delivery).attempts == 1


def test_the_race_would_show_a_claim_that_reads_before_it_writes(
    postgres_engine: sa.Engine,
) -> None:
    mail = Mail(postgres_engine)
    mail.ready(mail.channel())
    assert race(mail, select_then_update, patience=30.0) == 2


def test_many_at_once_share_the_lanes_without_meeting(mail: Mail) -> None:
    due = {mail.ready(mail.channel()) for _ in range(30)}

    def drain(_: int) -> list[str]:
        got = []
        while (claim := mail.claim()) is not None:
            got.append(claim.row.id)
        return got

    with ThreadPoolExecutor(4) as pool:
        claimed = [one for got in pool.map(drain, range(4)) for one in got]
    assert len(claimed) == len(set(claimed)) == 30
    assert set(claimed) == due


def test_the_claim_reads_its_index_from_the_first_row_on(sqlite_engine: sa.Engine) -> None:
    plans: list[str] = []
    mail = Mail(sqlite_engine)
    mail.ready(mail.channel())

    @sa.event.listens_for(sqlite_engine, "before_cursor_execute")
    def explain(_c: object, cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.startswith("UPDATE destination") and "SELECT" in statement:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[attr-defined]
            plans.extend(str(row[-1]) for row in cursor.fetchall())  # type: ignore[attr-defined]

    mail.claim()
    assert "SCAN x USING INDEX ix_delivery_to_send" in plans
    assert not any("TEMP B-TREE" in plan for plan in plans)


def test_a_channel_whose_reading_must_wait_is_read_by_nobody_before(mail: Mail) -> None:
    channel = mail.channel(platform="discord")
    mail.ready(channel)
    mail.ready(channel, kind="alert", priority=0)
    claim = mail.taken()
    wait = Trouble("unreadable", "rate_limited", 429, 30.0)
    with writing(mail.engine) as connection:
        finish_unreadable(connection, claim, at(1), wait, not_before=at(31), lane_not_before=at(31))
    assert mail.claim(30) is None
    assert mail.claim(32) is not None
