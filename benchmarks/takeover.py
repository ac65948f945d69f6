"""How long Discord's gateway is nobody's after the replica that held it was killed."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

from benchmarks.lab import Lab
from benchmarks.measurement import Measurement
from benchmarks.postgres import fresh_database, server
from tests.bot.operation.replica import replica
from tests.doubles.discord import DiscordDouble, running_double
from tests.doubles.discord_gateway import TOKEN

GOAL = "a killed gateway's follower, the slowest"
PATIENCE = 120.0


def measure(lab: Lab) -> list[Measurement]:
    """Seconds from a kill to the follower's READY; not measured without PostgreSQL."""
    try:
        with server() as url, fresh_database(url) as engine:
            shared = engine.url.render_as_string(hide_password=False)
            slowest = asyncio.run(_slowest(lab.folder, shared, turns=lab.rounds))
    except ImportError:
        return [Measurement(GOAL, None, 15.0, "s")]
    return [Measurement(GOAL, slowest, 15.0, "s")]


async def _slowest(folder: Path, url: str, *, turns: int) -> float:
    async with running_double() as double:
        return max([await _takeover(folder, url, double) for _ in range(turns)])


async def _takeover(folder: Path, url: str, double: DiscordDouble) -> float:
    settings = {
        "CREDITBOT_DATABASE_URL": url,
        "CREDITBOT_DISCORD_TOKEN": TOKEN,
        "CREDITBOT_DISCORD_API_URL": double.api_url,
        "CREDITBOT_DISCORD_GATEWAY_URL": double.gateway_url,
    }
    async with replica(folder, **settings) as holder, replica(folder, **settings) as follower:
        await holder.until_discord("up", seconds=PATIENCE)
        await follower.until_discord("standby", seconds=PATIENCE)
        began = time.perf_counter()
        await holder.end(signal.SIGKILL)
        await follower.until_discord("up", seconds=PATIENCE)
        return time.perf_counter() - began
