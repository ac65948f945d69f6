"""A message that waits for more than 6 h turns the health red, until it is gone."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.operation.queue_watch import QueueWatch
from storage.claims import PAUSE
from storage.engine import writing
from tests.cast import NOW
from tests.storage.test_queue_stats import DELIVERY, deliver, destination


@pytest.mark.parametrize(("hours", "said"), [(5, None), (7, "1 message late by 6 h")])
async def test_what_waits_too_long_is_told(
    sqlite_engine: sa.Engine, hours: int, said: str | None
) -> None:
    deliver(sqlite_engine, destination(sqlite_engine, "C1"), "ready", late=timedelta(hours=hours))
    told: list[str | None] = []
    unset: dict[str, str] = {}
    await QueueWatch(sqlite_engine, lambda: NOW, told.append, ("slack",), unset.update).look()
    assert told == [said]


async def test_a_platform_that_refuses_everything_is_told_at_once(
    sqlite_engine: sa.Engine,
) -> None:
    with writing(sqlite_engine) as connection:
        for team, needs_probe in (("T1", True), ("T2", True), ("T3", False)):
            pause = {"workspace_id": 1, "platform": "slack", "external_id": team}
            words = {"reason": "invalid_auth", "until": NOW + timedelta(minutes=5)}
            connection.execute(sa.insert(PAUSE).values(**pause, **words, needs_probe=needs_probe))
    told: list[str | None] = []
    unset: dict[str, str] = {}
    await QueueWatch(sqlite_engine, lambda: NOW, told.append, ("slack",), unset.update).look()
    assert told == ["slack refuses everything: invalid_auth"]


async def test_what_has_left_is_no_longer_told(sqlite_engine: sa.Engine) -> None:
    deliver(sqlite_engine, destination(sqlite_engine, "C1"), "ready", late=timedelta(hours=7))
    told: list[str | None] = []
    unset: dict[str, str] = {}
    watch = QueueWatch(sqlite_engine, lambda: NOW, told.append, ("slack",), unset.update)
    await watch.look()
    with writing(sqlite_engine) as connection:
        connection.execute(sa.update(DELIVERY).values(state="sent", ended_at=NOW))
    await watch.look()
    assert told == ["1 message late by 6 h", None]
