"""Forks replicas of the whole service: `python -m tests.chaos.nursery`.

Everything is imported once, so that a replica lives a moment after it is asked for and hundreds
may be killed in minutes.  Commands and answers are lines of JSON; each replica leads a process
group of its own, with its settings in the environment and its log in a file.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa

import bot.platforms.discord
import bot.platforms.slack
import bot.service
from bot.cli.terminal import utc_now
from bot.drawing import Drawing
from bot.logs import set_up_logs
from bot.settings import Settings
from storage import failpoints

PNG = b"\x89PNG\r\n\x1a\n"
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG: a test that is cut off leaves nobody behind


async def _cold(*_: object) -> None:
    """Instead of the first chart and answer, which only warm up and cost a second each time."""


def _sketch(*_: object) -> bytes:
    """Instead of a picture, whose program would start anew in every replica."""
    return PNG


def live(environment: dict[str, str], log: Path) -> None:
    """Be a replica until the end; only returns into `os._exit`."""
    os.setsid()
    ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    out = os.open(log, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(out, stream)
    os.environ.update(environment)
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, signal.SIG_DFL)
    settings = Settings(_env_file=None)  # type: ignore[call-arg]  # pydantic-settings' own
    set_up_logs(settings.log_level)
    vars(bot.service)["_warm_up"] = _cold
    _arrange(environment)
    setattr(Drawing, "_draw", _sketch)  # noqa: B010  # this process is for nothing else
    os._exit(asyncio.run(bot.service.serve(settings, utc_now)))


def _arrange(environment: dict[str, str]) -> None:
    """Tell when a point is reached, and let the disk be full, where that is wanted."""
    if marker := environment.get("CHAOS_REACHED"):
        act = failpoints.failpoint

        def marked(name: str, connection: sa.Connection | None = None) -> None:
            if os.environ[failpoints.SETTING].startswith(f"{name}:"):
                Path(marker).touch()
            act(name, connection)

        for module in list(sys.modules.values()):
            if vars(module).get("failpoint") is act:
                vars(module)["failpoint"] = marked
    if full := environment.get("CHAOS_DISK"):

        @sa.event.listens_for(sa.Engine, "commit")
        def _(connection: sa.Connection) -> None:
            """While the file is there no page fits on the disk; SQLite says so at the commit."""
            if connection.get_execution_options().get("write") and Path(full).exists():
                said = sqlite3.OperationalError("database or disk is full")
                raise sa.exc.OperationalError("COMMIT", None, said)


def obey(command: dict[str, Any]) -> dict[str, Any]:
    """Fork a replica, or wait for one that was killed."""
    if command["do"] == "wait":
        _, status = os.waitpid(command["pid"], 0)
        return {"pid": command["pid"], "code": os.waitstatus_to_exitcode(status)}
    pid = os.fork()
    if pid == 0:
        live(command["environment"], Path(command["log"]))
    return {"pid": pid}


def main() -> None:
    """Obey until the end of the input."""
    gc.freeze()  # what is imported stays shared between the replicas
    for line in sys.stdin:
        sys.stdout.write(json.dumps(obey(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
