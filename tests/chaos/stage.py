"""What a run plays on: both platforms as one process, and replicas to kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from tests.doubles.discord_gateway import TOKEN
from tests.doubles.slack import APP_TOKEN, BOT_TOKEN

SCALE = 0.05  # of all times of delivery: a lease of 60 s takes 3


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


def until(ready: Callable[[], bool], patience: float, *, every: float = 0.05) -> bool:
    """Whether something came about within so many seconds."""
    ends = time.monotonic() + patience
    while time.monotonic() < ends:
        if ready():
            return True
        time.sleep(every)
    return False
