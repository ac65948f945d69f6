"""What is due is kept once by its key, can be read back, and is forgotten in time."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from storage.endings import Trouble, finish_dead, finish_sent, release
from storage.engine import reading, writing
from storage.outbox import (
    ATTEMPT,
    DELIVERY,
    NewDelivery,
    attempts_of,
    history,
    insert_deliveries,
    moment,
    reference,
)
from storage.pruning import prune
from tests.cast import NOW
from tests.databases import elsewhere
from tests.storage.mail import Mail, at


@pytest.fixture
def mail(engine: sa.Engine) -> Mail:
    return Mail(engine)


def new(mail: Mail, key: str, **changes: object) -> NewDelivery:
    usual: dict[str, object] = {
        "workspace_id": mail.workspace_id,
        "dedupe_key": key,
        "kind": "digest",
        "trigger": "schedule",
        "destination_id": 1,
        "actor": "slack:T1:U1",
        "due_at": NOW,
        "created_at": NOW,
    }
    return NewDelivery(**usual | changes)  # type: ignore[arg-type]  # fields by name


def test_a_key_is_kept_once_and_the_new_ones_are_told(mail: Mail) -> None:
    first, second = new(mail, "d|1|monthly:2026-03|1|0"), new(mail, "d|2|monthly:2026-03|1|0")
    with writing(mail.engine) as connection:
        assert insert_deliveries(connection, [first]) == [first.id]
        again = new(mail, first.dedupe_key)
        assert insert_deliveries(connection, [again, second, second]) == [second.id]
        assert insert_deliveries(connection, []) == []


def test_the_same_key_in_another_workspace_is_another_message(mail: Mail) -> None:
    other = elsewhere(mail.engine)
    with writing(mail.engine) as connection:
        ours, theirs = new(mail, "d|1"), new(mail, "d|1", workspace_id=other.id)
        assert len(insert_deliveries(connection, [ours, theirs])) == 2


def test_a_row_comes_back_as_it_was_planned(mail: Mail) -> None:
    planned = new(
        mail,
        "d|1",
        line="digest daily",
        period_key="daily:2026-03-29",
        window_start=at(-86_400),
        window_end=at(0),
        facts={"missed": "1–6 Mar"},
    )
    with writing(mail.engine) as connection:
        insert_deliveries(connection, [planned])
    row = mail.row(planned.id)
    assert (row.state, row.attempts, row.not_before, row.ended_at) == ("planned", 0, NOW, None)
    assert (row.line, row.period_key, row.facts) == (
        "digest daily",
        "daily:2026-03-29",
        {"missed": "1–6 Mar"},
    )
    assert (row.window_start, row.window_end) == (at(-86_400), at(0))


def test_a_row_may_be_born_skipped_or_ready(mail: Mail) -> None:
    skipped = new(mail, "d|1", state="skipped", reason="superseded")
    ready = new(mail, "d|2", state="ready", payload={"text": "hello"})
    with writing(mail.engine) as connection:
        insert_deliveries(connection, [skipped, ready])
        empty = connection.execute(sa.select(DELIVERY.c.id).where(DELIVERY.c.payload.is_(None)))
        assert empty.scalars().all() == [skipped.id]
    assert (mail.row(skipped.id).ended_at, mail.row(skipped.id).reason) == (NOW, "superseded")
    assert mail.row(ready.id).ended_at is None


def test_history_is_newest_first_and_narrowed(mail: Mail) -> None:
    channel, other = mail.channel(), mail.channel()
    mail.due(channel, subscription_id=3, created_at=at(0), dedupe_key="first")
    mail.due(channel, alert_id=7, kind="alert", created_at=at(1), dedupe_key="second")
    mail.ready(other, created_at=at(2), dedupe_key="third")

    def keys(**narrowed: object) -> list[str]:
        with reading(mail.engine) as connection:
            found = history(connection, mail.workspace_id, **narrowed)  # type: ignore[arg-type]  # by name
        return [row.dedupe_key for row in found]

    assert keys() == ["third", "second", "first"]
    assert keys(limit=1) == ["third"]
    assert keys(subscriptions=[3]) == ["first"]
    assert keys(alert_id=7, kinds=["alert"]) == ["second"]
    assert keys(destination_id=other, states=["ready"]) == ["third"]


def test_every_try_is_kept_also_of_who_died_in_it(mail: Mail) -> None:
    delivery = mail.ready(mail.channel())
    mail.mark(mail.taken(), 1)
    second = mail.taken(61)
    with writing(mail.engine) as connection:
        finish_dead(
            connection, second, at(62), Trouble("payload", "msg_too_long", 200, retry_after=1.5)
        )
        tries = attempts_of(connection, mail.workspace_id, delivery)
    assert [(one.n, one.outcome, one.error_code) for one in tries] == [
        (1, "begun", None),
        (2, "payload", "msg_too_long"),
    ]
    assert (tries[1].http_status, tries[1].retry_after, tries[1].ended_at) == (200, 1.5, at(62))


def test_a_claim_given_back_is_as_if_it_had_never_been(mail: Mail) -> None:
    delivery = mail.ready(mail.channel())
    claim = mail.taken()
    mail.mark(claim)
    with writing(mail.engine) as connection:
        assert release(connection, claim, at(1), tried=True)
    row = mail.row(delivery)
    assert (row.state, row.maybe_sent_at, row.not_before) == ("ready", None, NOW)
    assert mail.claim(1) is not None


def test_contents_go_after_a_month_and_rows_after_400_days(mail: Mail) -> None:
    delivery = mail.ready(mail.channel())
    waiting = mail.ready(mail.channel())
    claim = mail.taken()
    with writing(mail.engine) as connection:
        finish_sent(connection, claim, NOW, "m1", next_at=NOW)
    filled = sa.select(DELIVERY.c.id).where(DELIVERY.c.payload.is_not(None))

    def after(days: float) -> tuple[set[str], int]:
        prune(mail.engine, NOW + timedelta(days=days))
        with reading(mail.engine) as connection:
            kept = set(connection.execute(filled).scalars())
            return kept, len(connection.execute(sa.select(ATTEMPT.c.n)).all())

    ended = claim.row.id
    still = {delivery, waiting} - {ended}
    assert after(29.9) == ({delivery, waiting}, 1)
    assert after(30.1) == (still, 1)
    assert mail.row(ended).platform_message_id == "m1"
    assert after(401) == (still, 0)
    assert [row.id for row in mail.rows()] == list(still)


def test_the_clock_of_leases_is_the_databases_where_replicas_share_it(mail: Mail) -> None:
    with reading(mail.engine) as connection:
        told = moment(connection, NOW)
    assert (told == NOW) == (mail.engine.dialect.name == "sqlite")
    assert told.tzinfo is not None


def test_the_reference_is_short_and_tells_messages_apart() -> None:
    found = {reference("a", "C1"), reference("b", "C1"), reference("a", "C2")}
    found.add(reference("a", "C1", 1))
    assert len(found) == 4
    assert reference("a", "C1") == reference("a", "C1")
    assert all(len(one) == 12 and one.isalnum() and one.islower() for one in found)
