"""From the commit of what crosses a budget to the warning in its channel, as a platform sees it.

The real service runs against a Slack that is a process of its own; usage is written by this one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

import sqlalchemy as sa

from benchmarks.lab import Lab, ledger_of
from benchmarks.measurement import Measurement
from benchmarks.startup import free_port, is_healthy
from bot.context import Place
from storage.budgets import set_budget
from storage.destinations import destination_of
from storage.engine import opened, reading, writing
from storage.events import MICRO, Route, UsageEvent
from storage.labels import Labels
from storage.ledger import Ledger, Origin
from storage.levels import check_levels
from storage.outbox import NewDelivery, insert_deliveries
from storage.routes import add_route
from storage.timekeys import to_micros
from storage.workspaces import bind_chat, find_workspace
from tests.chaos.stage import Platforms, environment_of
from tests.doubles.serve import channel_ids

PAUSE = 0.4  # between two crossings: people do not cross in step with the worker's looks
LONGEST = 60.0
ORIGIN = Origin("events", "events", Route.API)
HANGING = channel_ids("slack", 1)[0]


def measure(lab: Lab) -> list[Measurement]:
    """Seconds until a warning is there, and how long one silent channel delays the others."""
    file = lab.fresh()
    url, folder = f"sqlite:///{file}", lab.folder / "alerting"
    folder.mkdir()
    channels = channel_ids("slack", 2 * lab.repeats + 1)
    platforms = Platforms(folder, ["--hang", HANGING, "--hold", "30"], channels=len(channels))
    try:
        with _service(lab, environment_of(platforms.where, url, scale=1.0)), opened(url) as engine:
            waits = list(_crossings(engine, platforms, channels[1:]))
            others = _beside_silence(engine, platforms, channels)
    finally:
        platforms.close()
    return [
        Measurement("crossing to post, median", median(waits), None, "s"),
        Measurement("crossing to post, p95", quantiles(waits, n=20)[-1], 2.0, "s"),
        Measurement("others beside a channel that hangs, the last", others, 5.0, "s"),
    ]


def _crossings(engine: sa.Engine, platforms: Platforms, channels: Sequence[str]) -> Iterator[float]:
    """How long each of some budgets took to be told of in a channel of its own."""
    _set_budgets(engine, platforms.where, channels)
    ledger = ledger_of(engine)
    for number, channel in enumerate(channels):
        now = datetime.now(UTC)
        spent = UsageEvent(
            event_id=f"crossing-{number}",
            ts=to_micros(now),
            model="gpt-4o",
            project=f"Project {number}",
        )
        ledger.write_one(spent, ORIGIN, now=now)
        yield _seconds_until(platforms.record, {channel})
        time.sleep(PAUSE)


def _set_budgets(engine: sa.Engine, where: Mapping[str, str], channels: Sequence[str]) -> None:
    """A budget of one credit for each of some projects, routed to a channel each."""
    now = datetime.now(UTC)
    with reading(engine) as connection:
        workspace = find_workspace(connection, None)
    labels = Labels(engine, workspace.id)
    names = [f"Project {number}" for number in range(len(channels))]
    # Long ago, so that projects are known and no budget of today has used anything.
    ledger = Ledger(engine, workspace, labels)
    past = to_micros(now) - 100 * 86_400_000_000
    known = [
        UsageEvent(event_id=f"past-{name}", ts=past, model="gpt-4o", project=name) for name in names
    ]
    ledger.write(known, ORIGIN, now=now)
    with writing(engine) as connection:
        bind_chat(connection, workspace.id, platform="slack", external_id=where["team"], now=now)
        for name, channel in zip(names, channels, strict=True):
            project = labels.project_id(name)
            set_budget(
                connection,
                workspace.id,
                scope="project",
                target_id=project,
                period="monthly",
                amount=MICRO,
                now=now,
            )
            add_route(
                connection,
                workspace.id,
                destination_id=_destination(connection, workspace.id, where, channel, now),
                kind="",
                scope="project",
                target_id=project,
                actor="terminal::",
                now=now,
            )
    check_levels(engine, now)


def _beside_silence(engine: sa.Engine, platforms: Platforms, channels: Sequence[str]) -> float:
    """When the last of some channels has its message that were due with one that hangs."""
    now = datetime.now(UTC)
    with writing(engine) as connection:
        workspace_id = find_workspace(connection, None).id
        rows = [
            NewDelivery(
                workspace_id=workspace_id,
                dedupe_key=f"bench|{channel}",
                kind="notice",
                trigger="manual",
                destination_id=_destination(
                    connection, workspace_id, platforms.where, channel, now
                ),
                actor="",
                due_at=now,
                created_at=now,
                facts={"headline": "A message.", "hint": ""},
            )
            for channel in channels
        ]
        insert_deliveries(connection, rows)
    return _seconds_until(platforms.record, set(channels) - {HANGING})


def _destination(
    connection: sa.Connection,
    workspace_id: int,
    where: Mapping[str, str],
    channel: str,
    now: datetime,
) -> int:
    return destination_of(
        connection,
        workspace_id,
        platform="slack",
        external_id=where["team"],
        place=Place(channel, channel),
        actor="terminal::",
        now=now,
    ).id


def _seconds_until(record: Path, channels: set[str]) -> float:
    """Seconds from now until each channel has one message more than now."""
    began, missing = time.perf_counter(), set(channels)
    with record.open() as lines:
        lines.seek(0, os.SEEK_END)
        rest = ""
        while missing:
            if time.perf_counter() - began > LONGEST:
                raise RuntimeError(f"{len(missing)} channels got no message")
            *whole, rest = (rest + lines.read()).split("\n")  # the last is still being written
            for line in whole:
                seen = json.loads(line)
                if seen["did"] == "message":
                    missing.discard(seen["channel"])
            time.sleep(0.002)
    return time.perf_counter() - began


@contextmanager
def _service(lab: Lab, environment: Mapping[str, str]) -> Iterator[None]:
    """The service while it is well."""
    port = free_port()
    others = {name: text for name, text in os.environ.items() if not name.startswith("CREDITBOT_")}
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "run"],
        env={**others, **environment, "CREDITBOT_HTTP_PORT": str(port)},
        cwd=lab.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as service:
        try:
            while not is_healthy(port):
                if service.poll() is not None:
                    raise RuntimeError("the service did not start")
                time.sleep(0.05)
            yield
        finally:
            service.terminate()
