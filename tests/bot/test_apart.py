"""What goes through all workspaces: an odd row of the first keeps no other waiting, nor unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import pytest
import sqlalchemy as sa

import storage.levels
import storage.pruning
from bot import due
from bot.alerts import expiring, reminding, routing
from bot.alerts.watch import Watch
from bot.operation import rules_past, upkeep
from bot.operation.upkeep import Upkeep
from bot.purchases import worker as purchasing
from bot.purchases.worker import Purchasing
from storage.engine import writing
from storage.errors import DatabaseBusy, StorageError
from storage.task_rules import Reapplied
from storage.workspaces import create_workspace
from tests.alerted import crossing, fire
from tests.analytics.world import World
from tests.cast import NOW, ZONE, event

Run = Callable[[sa.Engine], object]


def nightly(name: str, report: Callable[[str], None] = lambda _: None) -> Run:
    def run(engine: sa.Engine) -> None:
        asyncio.run(getattr(Upkeep(engine, lambda: NOW, report=report), name)())

    return run


def buying(engine: sa.Engine) -> None:
    asyncio.run(Purchasing(engine, lambda: NOW, None).turn())


# The job, where the step stands that looks at one workspace, and what that answers.
JOBS: dict[str, tuple[Run, object, str, object]] = {
    "levels": (lambda e: storage.levels.check_levels(e, NOW), storage.levels, "_check", 0),
    "pruning": (lambda e: storage.pruning.prune(e, NOW), storage.pruning, "_prune", 0),
    "watch": (lambda e: Watch(e, lambda: NOW).look_now(), Watch, "_workspace", 0),
    "reminders": (lambda e: reminding.remind(e, NOW), reminding, "_remind", 0),
    "past": (lambda e: expiring.end_past(e, NOW), expiring, "_end", 0),
    "router": (lambda e: routing.route(e, NOW), routing, "_route", 0),
    "untold": (lambda e: routing.route_untold(e, NOW), routing, "untold_again", 0),
    "task rules": (lambda e: rules_past.apply_asked(e, now=NOW), rules_past, "_apply", 0),
    "trials": (nightly("decide"), upkeep, "end_decided", ()),
    "evidence": (nightly("gather"), upkeep, "gather", 0),
    "verify": (nightly("verify"), Upkeep, "_check", ()),
    "crossings": (buying, Purchasing, "look_at", 0),
    "sending": (buying, Purchasing, "_send", 0),
}


@pytest.fixture
def two(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> sa.Engine:
    """Two workspaces with something to do for every job."""
    with writing(engine) as connection:
        create_workspace(connection, "second", zone=ZONE, now=NOW)
    for number in (1, 2):
        fire(engine, crossing(workspace_id=number, fired_at=NOW))
    monkeypatch.setattr(rules_past, "state", lambda *_: "slack:A")
    monkeypatch.setattr(rules_past, "reapply", lambda *_, **__: Reapplied(0, 0))
    monkeypatch.setattr(upkeep, "running_trials", lambda *_: True)
    monkeypatch.setattr(upkeep, "is_stale", lambda *_: True)
    monkeypatch.setattr(purchasing, "buying_workspaces", lambda _: [1, 2])
    monkeypatch.setattr(Purchasing, "_due", lambda _: [1, 2])
    return engine


def failing(patch: pytest.MonkeyPatch, job: str, error: Exception) -> list[int]:
    """Let a job's step fail in the first workspace; where it was, in order."""
    _, owner, name, answer = JOBS[job]
    seen: list[int] = []

    def step(*given: object, **_: object) -> object:
        places = [getattr(one, "place", getattr(one, "id", one)) for one in given]
        place = next(one for one in places if one in (1, 2))
        if place not in seen:
            seen.append(place)
        if place == 1:
            raise error
        return answer

    async def send(*given: object) -> object:
        return step(*given)

    patch.setattr(owner, name, send if name == "_send" else step)
    return seen


@pytest.mark.parametrize("job", JOBS)
def test_our_bug_in_one_workspace_stops_no_other_and_is_raised(
    two: sa.Engine, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = failing(monkeypatch, job, KeyError("odd row"))
    with pytest.raises(KeyError, match="odd row"):
        JOBS[job][0](two)
    assert seen == [1, 2]


@pytest.mark.parametrize("job", JOBS)
def test_a_database_that_is_busy_for_one_workspace_stops_no_other(
    two: sa.Engine, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = failing(monkeypatch, job, DatabaseBusy("It is busy."))
    with suppress(StorageError):  # some say so themselves
        JOBS[job][0](two)
    assert seen == [1, 2]


def test_sending_goes_on_where_looking_fails(
    two: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "crossings", KeyError("odd row"))
    sent = failing(monkeypatch, "sending", KeyError("another"))
    with pytest.raises(ExceptionGroup) as caught:
        buying(two)
    assert (len(caught.value.exceptions), sent) == (2, [1, 2])


def test_a_workspace_that_cannot_be_checked_is_not_called_right(
    two: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    failing(monkeypatch, "verify", KeyError("odd row"))
    with pytest.raises(KeyError):
        nightly("verify", said.append)(two)
    assert said == ["default: could not be checked; the log says why"]


def test_a_look_that_failed_remembers_nothing(
    two: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(two, lambda: NOW)
    monkeypatch.setattr(watch, "_look_at_budgets", failing_look)
    World(two).write([event()])
    for _ in range(2):
        with pytest.raises(KeyError):
            watch.look_now()
        assert 1 not in watch._memories


def failing_look(*_: object) -> bool:
    raise KeyError


def test_a_start_goes_on_to_the_digests_where_alerts_fail(
    two: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "past", KeyError("odd row"))
    asked: list[datetime] = []

    def catch_up_at_start(_: sa.Engine, now: datetime) -> int:
        asked.append(now)
        return 0

    monkeypatch.setattr(due, "catch_up_at_start", catch_up_at_start)
    with pytest.raises(KeyError):
        due.at_start()(two, NOW)
    assert asked == [NOW]
