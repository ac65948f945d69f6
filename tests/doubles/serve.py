"""Both platforms as a process of their own: `python -m tests.doubles.serve RECORD [OPTIONS]`.

The addresses come as one line of JSON.  Whatever people could see is appended to the file RECORD
the moment it exists, so the verdict over a sender that dies is read there and nowhere else.  The
last line says what was wrong with the requests; GET /state says it meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.doubles.discord import DiscordDouble, running_double
from tests.doubles.slack import SlackDouble, slack_double
from tests.doubles.slack_payloads import TEAM
from tests.doubles.weather import Weather

CHANNELS = 100
WATCHED = 50  # requests of each platform that are held to its description; the rest need speed


def channel_ids(platform: str, count: int) -> list[str]:
    """The channels that both sides of a run agree on."""
    return [f"C{n:06d}" if platform == "slack" else str(10_000 + n) for n in range(count)]


def recorder(path: Path, platform: str) -> Callable[[dict[str, Any]], None]:
    """Appends a line for each event; one write each, so no kill can tear it."""
    file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY)

    def record(event: dict[str, Any]) -> None:
        os.write(file, (json.dumps({"platform": platform, **event}) + "\n").encode())

    return record


def state_of(double: SlackDouble | DiscordDouble) -> dict[str, Any]:
    """How many met which fate, who came too early, what was refused by the rules."""
    weather = double.weather
    return {
        "fates": dict(weather.counts),
        "early": len(weather.hasty),
        "hasty": weather.hasty[:20],
        "violations": double.violations[:20],
    }


async def serve(args: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(slack_double())
        discord = await stack.enter_async_context(running_double())
        doubles: dict[str, SlackDouble | DiscordDouble] = {"slack": slack, "discord": discord}
        for number, (name, double) in enumerate(doubles.items()):
            double.weather = _weather(args, seed=args.seed + number)
            double.record = recorder(args.record, name)
            double.clock = time.time
            double.watched = WATCHED
            double.history_delay = args.history_delay
            for channel in channel_ids(name, args.channels):
                double.add_channel(channel, name=f"channel-{channel}")
        discord.nonce_window = args.nonce_window
        state = await _state_page(stack, doubles)
        places = {"team": TEAM, "guild": discord.guild, "gateway": discord.gateway_url}
        addresses = {"slack": slack.api_url, "discord": discord.api_url, "state": state}
        sys.stdout.write(json.dumps(places | addresses) + "\n")
        sys.stdout.flush()
        await stop.wait()
        for double in doubles.values():
            double.record({"did": "end", **state_of(double)})
        slack.violations.clear()  # they are in the record
        slack.envelopes.clear()


def _weather(args: argparse.Namespace, *, seed: int) -> Weather:
    return Weather(
        limited=args.limited,
        failed=args.failed,
        lost=args.lost,
        late=args.late,
        retry_after=args.retry_after,
        landing=args.landing,
        hold=args.hold,
        hanging=frozenset(args.hang),
        seed=seed,
    )


async def _state_page(
    stack: AsyncExitStack, doubles: dict[str, SlackDouble | DiscordDouble]
) -> str:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({name: state_of(double) for name, double in doubles.items()})

    app = web.Application()
    app.router.add_get("/state", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}/state"


def parser() -> argparse.ArgumentParser:
    """What can go wrong, as options."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("record", type=Path)
    for name, default in (
        ("limited", 0.0),
        ("failed", 0.0),
        ("lost", 0.0),
        ("late", 0.5),
        ("retry-after", 0.2),
        ("landing", 0.5),
        ("hold", 5.0),
        ("nonce-window", 300.0),
        ("history-delay", 0.0),
    ):
        made.add_argument(f"--{name}", type=float, default=default)
    made.add_argument("--seed", type=int, default=7)
    made.add_argument("--channels", type=int, default=CHANNELS)
    made.add_argument("--hang", action="append", default=[], help="a channel that never answers")
    return made


if __name__ == "__main__":
    asyncio.run(serve(parser().parse_args()))
