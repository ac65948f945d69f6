"""The check-up of a running service: what stands still, waits or takes nothing is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from pydantic import SecretStr

from bot.operation.doctor_live import running
from bot.operation.findings import Finding
from bot.settings import Settings
from storage.engine import writing
from storage.replicas import note_tick
from tests.cast import NOW
from tests.storage.test_queue_stats import deliver, destination


def found(engine: sa.Engine, *, now: datetime = NOW, has_slack: bool = True) -> dict[str, Finding]:
    url = engine.url.render_as_string(hide_password=False)
    slack = SecretStr("xoxb-1") if has_slack else None
    settings = Settings(database_url=url, slack_bot_token=slack)
    return {one.subject: one for one in running(settings, now)}


def tick(engine: sa.Engine, **parts: str) -> None:
    with writing(engine) as connection:
        note_tick(connection, "here:1", parts, now=NOW)


def test_a_service_that_ticks_and_sends_is_well(sqlite_engine: sa.Engine) -> None:
    tick(sqlite_engine, slack="up")
    assert [(one.mark, one.words) for one in found(sqlite_engine).values()] == [
        ("ok  ", "0 s ago, 1 running"),
        ("ok  ", "0 waiting"),
    ]


def test_one_that_does_not_run_is_a_fault_only_when_something_is_due(
    sqlite_engine: sa.Engine,
) -> None:
    assert found(sqlite_engine)["Last tick"].mark == "note"
    deliver(sqlite_engine, destination(sqlite_engine, "C1"), "ready")
    assert found(sqlite_engine)["Last tick"].is_wrong


def test_what_waits_for_a_platform_that_is_not_set_up_is_no_fault(
    sqlite_engine: sa.Engine,
) -> None:
    deliver(sqlite_engine, destination(sqlite_engine, "C1"), "ready", late=timedelta(hours=7))
    said = found(sqlite_engine, has_slack=False)
    assert not any(one.is_wrong for one in said.values())
    assert said["Slack"].words.startswith("not set up: 1 message goes there; set CREDITBOT_SLACK")


def test_what_waits_too_long_is_a_fault(sqlite_engine: sa.Engine) -> None:
    to = destination(sqlite_engine, "C1")
    deliver(sqlite_engine, to, "ready", late=timedelta(hours=3))
    assert found(sqlite_engine)["Messages"].mark == "note"
    deliver(sqlite_engine, to, "ready", late=timedelta(hours=7))
    messages = found(sqlite_engine)["Messages"]
    assert messages.is_wrong
    assert messages.words == "2 waiting, the oldest for 7 h; 2 for more than 2 h"


def test_a_part_that_is_off_is_named_with_its_replica(sqlite_engine: sa.Engine) -> None:
    tick(sqlite_engine, slack="off: Slack refuses the token.")
    assert found(sqlite_engine)["slack on here:1"].is_wrong


def test_dead_channels_are_named_but_nobodys_direct_messages(sqlite_engine: sa.Engine) -> None:
    destination(sqlite_engine, "C1", name="sales", state="dead", dead_reason="is_archived")
    destination(sqlite_engine, "U1", name="Anna", is_direct=True, state="dead")
    words = found(sqlite_engine)["Channels"].words
    assert words == "2 channels take nothing any more: sales (is_archived)."


def test_a_clock_apart_from_the_databases_is_a_fault(postgres_engine: sa.Engine) -> None:
    assert found(postgres_engine)["Database's clock"].is_wrong
    assert found(postgres_engine, now=datetime.now(UTC))["Database's clock"].mark == "ok  "


def test_of_a_database_that_is_not_there_nothing_is_said() -> None:
    assert list(running(Settings(database_url="sqlite:////nowhere/x.db"), NOW)) == []
