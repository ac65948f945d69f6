"""What is forgotten after 400 days, and what never is: nothing fires twice, no number comes again.

One of the tests that matter most.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

from bot.alerts.kinds import KINDS
from storage import pruning
from storage.alerts import NewAlert, alert_by_id, insert_alert, mark_routed, resolve
from storage.engine import reading, writing
from storage.outbox import NewDelivery, insert_deliveries
from storage.pruning import BY_SUBJECT, DATED, LASTING, prune
from storage.purchases import NewPurchase, cancel, propose, purchase_by_id
from storage.subscriptions import change_subscription
from storage.verify import verify
from tests.cast import NOW
from tests.storage.budgeted import DAY, Budgeted, budgeted
from tests.subscribed import keep_digest

LATER = NOW + timedelta(days=440)


@pytest.fixture
def place(engine: sa.Engine) -> Budgeted:
    return budgeted(engine)


def rows(engine: sa.Engine, table: str) -> int:
    """How many rows a table has."""
    with reading(engine) as connection:
        count = sa.select(sa.func.count()).select_from(SQLModel.metadata.tables[table])
        return int(connection.execute(count).scalar_one())


def told(engine: sa.Engine, kind: str, number: int, **changes: Any) -> int:  # noqa: ANN401  # fields of an alert
    """An alert that everybody was told of at NOW; its number."""
    fields: dict[str, Any] = {
        "workspace_id": 1,
        "kind": kind,
        "scope": "workspace",
        "subject": f"{kind}:{number}",
        "dedupe_key": f"{kind}|{number}",
        "fired_at": NOW,
        **changes,
    }
    with writing(engine) as connection:
        made = insert_alert(connection, NewAlert(**fields))
        assert made is not None
        alert = alert_by_id(connection, fields["workspace_id"], made)
        assert alert is not None
        mark_routed(connection, alert, now=NOW)
    return made


def end(engine: sa.Engine, number: int) -> None:
    """Let an alert be over, and told so, at NOW."""
    with writing(engine) as connection:
        alert = alert_by_id(connection, 1, number)
        assert alert is not None
        resolve(connection, alert, facts={}, now=NOW)
        ended = alert_by_id(connection, 1, number)
        assert ended is not None
        mark_routed(connection, ended, now=NOW)


def is_there(engine: sa.Engine, number: int) -> bool:
    with reading(engine) as connection:
        return alert_by_id(connection, 1, number) is not None


# ---- budgets


def fired(place: Budgeted) -> None:
    """All thresholds of March, and a newer alert."""
    place.limit(100)
    place.look()
    place.spend(101)
    (alert,) = place.alerts()
    with writing(place.engine) as connection:
        mark_routed(connection, alert, now=NOW)
    told(place.engine, "anomaly", 1, workspace_id=place.place.workspace.id)


def test_a_period_is_forgotten_with_all_it_fired_and_fires_no_more(place: Budgeted) -> None:
    fired(place)
    place.now = LATER
    place.look()  # a row of the running period
    prune(place.engine, LATER)
    assert [one.kind for one in place.alerts()] == ["anomaly"]
    assert rows(place.engine, "alert_threshold") == 0
    place.spend(10, ago=timedelta(days=440))
    place.look()
    assert [one.kind for one in place.alerts()] == ["anomaly"]
    assert list(verify(place.engine, place.place.workspace)) == []


def test_what_still_counts_stays(place: Budgeted) -> None:
    fired(place)
    before = [rows(place.engine, name) for name in ("budget_usage", "alert_threshold", "alert")]
    april = datetime(2026, 4, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    prune(place.engine, april + timedelta(days=399))
    after = [rows(place.engine, name) for name in ("budget_usage", "alert_threshold", "alert")]
    assert before == after
    assert min(before) > 0


@pytest.mark.parametrize("step", ["_thresholds", "_alerts"])
def test_whatever_stops_in_the_middle_fires_nothing_again(
    place: Budgeted, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    fired(place)
    place.now = LATER

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pruning, "list_workspaces", lambda _: [place.place.workspace])
    monkeypatch.setattr(pruning, step, killed)
    with pytest.raises(KeyboardInterrupt):
        prune(place.engine, LATER)
    place.spend(10, ago=timedelta(days=440))
    place.look()
    assert [one.kind for one in place.alerts()] == ["threshold", "anomaly"]


@pytest.mark.parametrize("days", [399, 401])
def test_a_day_too_early_nothing_is_forgotten(place: Budgeted, days: int) -> None:
    numbers = [told(place.engine, "anomaly", number) for number in range(3)]
    prune(place.engine, NOW + timedelta(days=days))
    kept = [number for number in numbers if is_there(place.engine, number)]
    assert kept == (numbers if days < 400 else numbers[-1:])


# ---- alerts


def test_every_kind_of_alert_says_whether_it_is_forgotten() -> None:
    assert set(KINDS) == {*DATED, *LASTING, *BY_SUBJECT}


def test_what_would_fire_again_or_is_open_stays(engine: sa.Engine) -> None:
    budgeted(engine)
    advice = told(engine, "advice", 1)
    silent = told(engine, "silent", 1)
    over = told(engine, "silent", 2, subject="source:2")
    end(engine, over)
    last = told(engine, "silent", 3, subject="source:2")
    end(engine, last)
    unrouted = told(engine, "anomaly", 4)
    with writing(engine) as connection:
        table = SQLModel.metadata.tables["alert"]
        connection.execute(sa.update(table).where(table.c.id == unrouted).values(routed_at=None))
    told(engine, "anomaly", 5)
    prune(engine, LATER)
    stays = [is_there(engine, one) for one in (advice, silent, over, last, unrouted)]
    assert stays == [True, True, False, True, True]


def test_an_alert_stays_as_long_as_its_messages(engine: sa.Engine) -> None:
    budgeted(engine)
    number = told(engine, "anomaly", 1)
    told(engine, "anomaly", 2)
    with writing(engine) as connection:
        kept = keep_digest(connection)
        row = NewDelivery(
            workspace_id=1,
            dedupe_key="x",
            kind="alert",
            trigger="sweep",
            destination_id=kept.destination_id,
            alert_id=number,
            actor="",
            due_at=NOW,
            created_at=NOW,
        )
        insert_deliveries(connection, [row])
    prune(engine, LATER)
    assert is_there(engine, number)


# ---- subscriptions and purchases


def test_ended_digests_are_forgotten_but_no_number_comes_again(engine: sa.Engine) -> None:
    budgeted(engine)
    with writing(engine) as connection:
        numbers = [keep_digest(connection, line=f"by-model last {n}d").id for n in (2, 3, 4)]
        for number in numbers[1:]:
            change_subscription(connection, 1, number, {"ended_at": NOW})
    prune(engine, LATER)
    assert rows(engine, "subscription") == 2  # the one that runs, and the newest
    with writing(engine) as connection:
        assert keep_digest(connection).id == numbers[-1] + 1


def buy(connection: sa.Connection, key: str, *, is_test: bool = False) -> int:
    made = propose(
        connection,
        NewPurchase(
            workspace_id=1,
            dedupe_key=key,
            idempotency_key=key,
            credits=1,
            month=1,
            provider="dry-run",
            url=None,
            is_test=is_test,
            facts={},
            expires_at=NOW + DAY,
        ),
        now=NOW,
    )
    assert made is not None
    return made.id


def test_ended_purchases_are_forgotten_and_open_ones_are_not(engine: sa.Engine) -> None:
    budgeted(engine)
    with writing(engine) as connection:
        first = buy(connection, "a")
        cancel(connection, 1, first, reason="no", now=NOW)
        second = buy(connection, "b")
        buy(connection, "c", is_test=True)  # the newest stays in any case
    prune(engine, LATER)
    with reading(engine) as connection:
        there = [purchase_by_id(connection, 1, one) is not None for one in (first, second)]
    assert there == [False, True]


def test_many_go_in_short_transactions(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    budgeted(engine)
    for number in range(7):
        told(engine, "anomaly", number)
    monkeypatch.setattr(pruning, "SOME", 2)
    assert prune(engine, LATER) == 6
    assert rows(engine, "alert") == 1
