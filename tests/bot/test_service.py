"""The running service: it starts by the Procfile, tells its health, and ends when it is told to."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.bot.program import ROOT, environment

PROCFILE = "\n".join((ROOT / "Procfile").read_text(encoding="utf-8").splitlines())


@contextmanager
def honcho(folder: Path, process: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """`honcho start PROCESS` over the project's Procfile, ended with the block."""
    running = subprocess.Popen(  # noqa: S603  # our own Procfile
        [sys.executable, "-m", "honcho", "-f", str(ROOT / "Procfile"), "start", process],
        env=environment(folder, PYTHONUNBUFFERED="1", **settings),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def line_with(running: subprocess.Popen[str], words: str) -> str:
    """The first line of output that holds some words."""
    assert running.stdout is not None
    seen = []
    for line in running.stdout:
        seen.append(line)
        if words in line:
            return line
    pytest.fail(f"{words!r} never came:\n{''.join(seen)}")


def health(port: int) -> tuple[int, dict[str, object]]:
    """Status and body of /health."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_the_procfile_starts_the_bot_and_sigterm_ends_it_cleanly(tmp_path: Path) -> None:
    with honcho(tmp_path, "bot") as running:
        started = line_with(running, "service.started")
        found = re.search(r'"health_port": (\d+)', started)
        assert found is not None
        assert health(int(found[1])) == (200, {"parts": {}})
        running.send_signal(signal.SIGTERM)
        assert line_with(running, "service.stopped")
        running.wait(20)


def test_the_release_line_migrates(tmp_path: Path) -> None:
    with honcho(tmp_path, "release") as running:
        assert line_with(running, "Tables are in place")


def test_a_platform_without_its_second_token_is_named_and_the_rest_runs(tmp_path: Path) -> None:
    with honcho(tmp_path, "bot", CREDITBOT_SLACK_BOT_TOKEN="xoxb-1") as running:  # noqa: S106  # no token
        refused = line_with(running, "platform.refused")
        assert "CREDITBOT_SLACK_APP_TOKEN" in refused
        running.send_signal(signal.SIGTERM)
        assert line_with(running, "service.stopped")


def test_the_procfile_names_the_two_processes() -> None:
    assert PROCFILE == "release: creditbot migrate\nbot: creditbot run"
