"""Everything that a run needs: a database with due messages, both platforms, replicas to kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, cast

import sqlalchemy as sa

from bot.context import Place
from storage.destinations import destination_of
from storage.engine import opened, reading, writing
from storage.events import Route
from storage.labels import Labels
from storage.ledger import Ledger, Origin
from storage.outbox import NewDelivery, insert_deliveries
from storage.outgoing import Destination
from storage.subscriptions import add_subscription
from storage.timekeys import day_number, to_micros
from storage.workspaces import bind_chat, find_workspace
from tests.cast import ALICE, BOB, event
from tests.doubles.discord_gateway import TOKEN
from tests.doubles.serve import channel_ids
from tests.doubles.slack import APP_TOKEN, BOT_TOKEN

CREATOR = "terminal::"
PLAIN_LINE, FILE_LINE = "budget list", "by-model yesterday"


@dataclass(frozen=True, slots=True)
class Load:
    """What falls due: so many messages in so many channels of each platform, over `span` seconds.

    Of ten messages two are digests of a subscription, which are planned and made; the others are
    alerts and notices.  The channels belong to so many Slack teams and Discord guilds: a refusal of
    Slack stops a whole team.
    """

    messages: int
    channels: int
    span: float
    files: bool = True  # one in twenty digests brings one
    teams: int = 1


class Platforms:
    """Slack and Discord as one process; `record` is the file of what people could see."""

    def __init__(self, folder: Path, options: Sequence[str], *, channels: int) -> None:
        self.record = folder / "record.jsonl"
        self.record.touch()
        command = [sys.executable, "-m", "tests.doubles.serve", str(self.record)]
        self._log = (folder / "platforms.log").open("w")
        self._process = subprocess.Popen(  # noqa: S603  # our own program
            [*command, "--channels", str(channels), *options],
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.where: dict[str, str] = json.loads(cast("IO[str]", self._process.stdout).readline())

    def state(self) -> dict[str, Any]:
        """Fates, early requests and violations so far."""
        with urllib.request.urlopen(self.where["state"]) as reply:  # noqa: S310  # loopback
            found: dict[str, Any] = json.load(reply)
            return found

    def close(self) -> None:
        """Let them write their last line."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)
        cast("IO[str]", self._process.stdout).close()
        self._log.close()


class Nursery:
    """Replicas of the service, killed and born again."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.living: list[int] = []

    def spawn(self, **more: str) -> int:
        """The process id of a new replica; `more` is its own environment."""
        log = str(self.folder / "replicas.log")
        asked = {"do": "spawn", "environment": self._environment | more, "log": log}
        pid = int(self._ask(asked)["pid"])
        self.living.append(pid)
        return pid

    def kill(self, pid: int) -> None:
        """End a replica and all that it started, without a word."""
        self.signal(pid, signal.SIGKILL)
        self.wait(pid)

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Send a signal to a replica and all that it started."""
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            os.kill(pid, number)  # born this moment, not yet the leader of its group

    def wait(self, pid: int) -> int:
        """The exit code of a replica, once it has ended."""
        self.living.remove(pid)
        return int(self._ask({"do": "wait", "pid": pid})["code"])

    def close(self) -> None:
        """End everybody."""
        for pid in list(self.living):
            self.kill(pid)
        cast("IO[str]", self._process.stdin).close()
        self._process.wait(30)
        cast("IO[str]", self._process.stdout).close()

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        cast("IO[str]", self._process.stdin).write(json.dumps(command) + "\n")
        cast("IO[str]", self._process.stdin).flush()
        answer: dict[str, Any] = json.loads(cast("IO[str]", self._process.stdout).readline())
        return answer


@contextmanager
def staged(
    folder: Path, url: str, *, weather: Sequence[str], channels: int, scale: float
) -> Iterator[tuple[Platforms, Nursery]]:
    """Both platforms and a nursery whose replicas talk to them."""
    platforms = Platforms(folder, weather, channels=channels)
    try:
        nursery = Nursery(folder, environment_of(platforms.where, url, scale=scale))
        try:
            yield platforms, nursery
        finally:
            nursery.close()
    finally:
        platforms.close()


def environment_of(where: Mapping[str, str], url: str, *, scale: float) -> dict[str, str]:
    """The settings of a replica; all times of delivery are multiplied by the scale."""
    return {
        "CREDITBOT_DATABASE_URL": url,
        "CREDITBOT_SLACK_BOT_TOKEN": BOT_TOKEN,
        "CREDITBOT_SLACK_APP_TOKEN": APP_TOKEN,
        "CREDITBOT_SLACK_API_URL": where["slack"],
        "CREDITBOT_DISCORD_TOKEN": TOKEN,
        "CREDITBOT_DISCORD_API_URL": where["discord"],
        "CREDITBOT_DISCORD_GATEWAY_URL": where["gateway"],
        "CREDITBOT_HTTP_PORT": "0",
        "CREDITBOT_LOG_LEVEL": "WARNING",
        "CREDITBOT_DELIVERY_SCALE": str(scale),
    }


def fill(
    url: str, where: Mapping[str, str], load: Load, *, start: datetime, only: str = ""
) -> None:
    """Put what will fall due into the database, for `only` one platform where that is set."""
    with opened(url) as engine:
        with reading(engine) as connection:
            workspace = find_workspace(connection, None)
        ledger = Ledger(engine, workspace, Labels(engine, workspace.id))
        yesterday = to_micros(start - timedelta(days=1))
        events = [event(ts=yesterday, person=person) for person in (ALICE, BOB)]
        ledger.write(events, Origin("events", "events", Route.FILE), now=start)
        with writing(engine) as connection:
            _fill(connection, workspace.id, where, load, start=start, only=only)


def _fill(
    connection: sa.Connection,
    workspace_id: int,
    where: Mapping[str, str],
    load: Load,
    *,
    start: datetime,
    only: str,
) -> None:
    teams = {"slack": where["team"], "discord": where["guild"]}
    for platform, team in teams.items():
        for n in range(load.teams):
            name = _nth(team, n)
            bind_chat(connection, workspace_id, platform=platform, external_id=name, now=start)
    pairs = zip(*(channel_ids(name, load.channels) for name in teams), strict=True)
    places = [
        (platform, _nth(teams[platform], n % load.teams), channel)
        for n, pair in enumerate(pairs)
        for platform, channel in zip(teams, pair, strict=True)
        if only in ("", platform)
    ]
    ids = [
        destination_of(
            connection,
            workspace_id,
            platform=platform,
            external_id=team,
            place=Place(channel, channel),
            actor=CREATOR,
            now=start,
        ).id
        for platform, team, channel in places
    ]
    looked_at = sa.update(Destination).values(checked_at=start)  # else each is looked at first
    connection.execute(looked_at)
    step = timedelta(seconds=load.span / load.messages)
    rows = []
    for n in range(load.messages):
        due, destination = start + n * step, ids[n % len(ids)]
        if n % 10 < 2:
            _subscribe(
                connection, workspace_id, destination, due, files=load.files and n % 100 == 1
            )
        else:
            rows.append(_told(workspace_id, destination, due, n))
    for first in range(0, len(rows), 500):
        insert_deliveries(connection, rows[first : first + 500])


def _nth(team: str, n: int) -> str:
    """The doubles look at tokens, not at teams, so one of each plays several."""
    return team if n == 0 else f"{team}{n}"


def _subscribe(
    connection: sa.Connection, workspace_id: int, destination: int, due: datetime, *, files: bool
) -> None:
    """A daily digest whose period of yesterday falls due then."""
    add_subscription(
        connection,
        workspace_id,
        destination_id=destination,
        line=FILE_LINE if files else PLAIN_LINE,
        schedule=f"daily {due.astimezone(UTC):%H:%M}",
        zone="UTC",
        next_due=due,
        next_first_day=day_number((due - timedelta(days=1)).date()),
        catchup="all",
        attach="csv" if files else "",
        created_by=CREATOR,
        now=due - timedelta(days=2),
    )


def _told(workspace_id: int, destination: int, due: datetime, n: int) -> NewDelivery:
    is_alert = n % 2 == 0
    return NewDelivery(
        workspace_id=workspace_id,
        dedupe_key=f"chaos|{n}",
        kind="alert" if is_alert else "notice",
        trigger="crossing" if is_alert else "sweep",
        destination_id=destination,
        actor="",
        due_at=due,
        created_at=due,
        priority=0 if is_alert else 1,
        facts={"headline": f"Message {n} of the storm.", "hint": "Nothing is to be done."},
    )
