"""A service that was told to end is gone in time, also where a thread of it goes on."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from bot.operation.leaving import end_in_time

# The nightly gathering hangs for good from its first turn on; then somebody ends the service.
HANGING = """
import asyncio, functools, os, signal, sys, threading
import bot.service
from bot.cli.terminal import utc_now
from bot.operation.leaving import end_in_time
from bot.operation.upkeep import Upkeep
from bot.settings import Settings

def hang(_):
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait()

Upkeep._gather = hang
bot.service.GATHER_SECONDS = 0.5
settings = Settings(_env_file=None, database_url=sys.argv[1], http_port=0)
leaving = functools.partial(end_in_time, seconds=0.5)
asyncio.run(bot.service.serve(settings, utc_now, leaving=leaving))
"""


def test_a_job_that_hangs_does_not_keep_a_service_from_ending(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'creditbot.db'}"
    done = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-c", HANGING, database],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "service.stopped" in done.stdout
    assert "service.cut_off" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_process_that_is_cut_off_keeps_its_exit_code() -> None:
    ended, codes = threading.Event(), list[int]()

    def end(code: int) -> None:
        codes.append(code)
        ended.set()

    end_in_time(75, seconds=0, end=end)
    assert ended.wait(30)
    assert codes == [75]


def test_a_process_that_ends_by_itself_is_not_held_up() -> None:
    timer = end_in_time(1, seconds=3600)
    assert timer.daemon
    timer.cancel()
