"""How long a gateway waits for the arm of a prompt, on the wire of this computer."""

from __future__ import annotations

import asyncio
import shutil
import time

import sqlalchemy as sa
from aiohttp import ClientSession

from benchmarks.lab import NOW, Lab
from benchmarks.measurement import Measurement, percentile
from bot.http.guard import Guard
from bot.http.server import HttpServer
from bot.http.trials import Assigning
from storage.engine import opened, reading, writing
from storage.keys import create_key
from storage.trials import start_trial
from storage.workspaces import find_workspace

PACE = 0.022  # seconds between two calls: a key may make 50 a second
BOUND = 5.0


def measure(lab: Lab) -> list[Measurement]:
    """The 99th of a hundred calls, one after the other at the pace of one key."""
    file = shutil.copy(lab.filled(lab.small), lab.folder / "assign.db")
    with opened(f"sqlite:///{file}") as engine:
        waits = asyncio.run(_waits(engine, lab.calls))
    return [Measurement("arm of a prompt over HTTP, p99", percentile(waits, 99), BOUND, "ms")]


def _trial(engine: sa.Engine) -> str:
    """Start a trial of the first task; the key that may ask about it."""
    with writing(engine) as connection:
        workspace = find_workspace(connection, None)
        start_trial(
            connection,
            workspace.id,
            task_id=1,
            from_model=1,
            to_model=2,
            slice_pct=10,
            margin_pct=3,
            planned=653,
            started_by="bench",
            now=NOW,
        )
        _, secret = create_key(
            connection, workspace.id, "bench", "trials", created_by="bench", now=NOW
        )
    return secret


async def _waits(engine: sa.Engine, calls: int) -> list[float]:
    secret = _trial(engine)
    with reading(engine) as connection:
        task = connection.execute(sa.text("SELECT name FROM task WHERE id = 1")).scalar_one()
    guard = Guard(engine, lambda: NOW)
    server = HttpServer("127.0.0.1", 0, [Assigning(guard).route])
    address = f"http://127.0.0.1:{await server.start()}/v1/trials/assign"
    headers = {"Authorization": f"Bearer {secret}"}
    waits = []
    async with ClientSession(headers=headers) as session:
        for number in range(calls):
            started = time.perf_counter()
            params = {"key": f"request-{number}", "task": str(task)}
            async with session.get(address, params=params) as answer:
                answer.raise_for_status()
                await answer.read()
            waits.append((time.perf_counter() - started) * 1000)
            await asyncio.sleep(PACE)
    await server.stop()
    guard.close()
    return waits[10:]  # the first ones find nothing prepared
