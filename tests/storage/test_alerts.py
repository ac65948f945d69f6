"""Alert rows: told once, seen, quiet, over, and routed again when they are over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from storage.alerts import (
    NewAlert,
    acknowledge,
    alert_by_id,
    insert_alert,
    list_alerts,
    mark_routed,
    resolve,
    unrouted,
)
from storage.engine import reading, writing
from storage.routes import seen_posts
from tests.cast import NOW
from tests.databases import elsewhere, home

HOUR = timedelta(hours=1)


@pytest.fixture
def connection(engine: sa.Engine) -> Iterator[sa.Connection]:
    with writing(engine) as open_connection:
        yield open_connection


def new(key: str = "y|person:1|2026-03-30|rise", **changes: object) -> NewAlert:
    usual = NewAlert(
        workspace_id=1,
        dedupe_key=key,
        kind="anomaly",
        subject="person:1",
        scope="person",
        target_id=1,
        facts={"used": 9},
        fired_at=NOW,
    )
    return NewAlert(**{name: getattr(usual, name) for name in NewAlert.__slots__} | changes)


def test_a_key_is_told_once(connection: sa.Connection) -> None:
    assert insert_alert(connection, new()) == 1
    assert insert_alert(connection, new()) is None
    assert insert_alert(connection, new("another")) == 2
    assert [alert.id for alert in list_alerts(connection, 1)] == [2, 1]


def test_every_workspace_tells_its_own(engine: sa.Engine) -> None:
    other = elsewhere(engine).id
    with writing(engine) as connection:
        assert insert_alert(connection, new()) == 1
        assert insert_alert(connection, new(workspace_id=other)) == 1
        assert alert_by_id(connection, home(engine).id, 2) is None
        assert len(list_alerts(connection, other)) == 1


def test_lists_are_narrowed(connection: sa.Connection) -> None:
    insert_alert(connection, new("one", kind="silent", subject="source:1"))
    insert_alert(connection, new("two", fired_at=NOW - HOUR))
    assert [a.dedupe_key for a in list_alerts(connection, 1, kinds=["silent"])] == ["one"]
    assert [a.dedupe_key for a in list_alerts(connection, 1, subject="person:1")] == ["two"]
    assert [a.dedupe_key for a in list_alerts(connection, 1, since=NOW)] == ["one"]
    assert list_alerts(connection, 1, states=["resolved"]) == []


def test_an_alert_is_seen_once(connection: sa.Connection) -> None:
    insert_alert(connection, new())
    assert acknowledge(connection, 1, 1, actor="anna", now=NOW)
    assert not acknowledge(connection, 1, 1, actor="bob", now=NOW)
    found = alert_by_id(connection, 1, 1)
    assert found is not None
    assert (found.acked_by, found.acked_at) == ("anna", NOW)


def test_what_is_over_is_routed_again_and_once(connection: sa.Connection) -> None:
    insert_alert(connection, new())
    (fired,) = unrouted(connection, 1)
    assert mark_routed(connection, fired, now=NOW)
    assert unrouted(connection, 1) == []
    assert resolve(connection, fired, facts={"used": 3}, now=NOW + HOUR)
    assert not resolve(connection, fired, facts={}, now=NOW + HOUR)
    (over,) = unrouted(connection, 1)
    assert (over.state, over.facts) == ("resolved", {"used": 9, "resolved": {"used": 3}})
    assert not acknowledge(connection, 1, 1, actor="anna", now=NOW)
    assert mark_routed(connection, over, now=NOW + HOUR)


def test_a_router_that_read_too_early_does_not_hide_the_end(connection: sa.Connection) -> None:
    insert_alert(connection, new())
    (fired,) = unrouted(connection, 1)
    resolve(connection, fired, facts={}, now=NOW)
    assert not mark_routed(connection, fired, now=NOW)
    assert [alert.state for alert in unrouted(connection, 1)] == ["resolved"]


def test_what_was_skipped_is_nobodys_message_and_what_was_replaced_is(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        insert_alert(connection, new("one", state="skipped"))
        insert_alert(connection, new("two"))
        (waiting,) = unrouted(connection, 1)
        mark_routed(connection, waiting, now=NOW)
        resolve(connection, waiting, state="replaced", facts={}, now=NOW)
    with reading(engine) as connection:
        assert [one.dedupe_key for one in unrouted(connection, 1)] == ["two"]


def test_the_looks_of_the_router_read_what_is_open_and_not_all_that_was(
    sqlite_engine: sa.Engine,
) -> None:
    plans: list[str] = []

    @sa.event.listens_for(sqlite_engine, "before_cursor_execute")
    def explain(_c: object, cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.startswith("SELECT"):
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[attr-defined]
            plans.extend(str(row[-1]) for row in cursor.fetchall())  # type: ignore[attr-defined]

    with reading(sqlite_engine) as connection:
        unrouted(connection, 1)
        seen_posts(connection, 1, since=NOW)
    read = [plan for plan in plans if "alert" in plan and "delivery" not in plan]
    assert ["routed_at=?" in read[0], "acked_at>?" in read[1], len(read)] == [True, True, 2]
