"""`creditbot run` in a process of its own, followed by what it logs."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.bot.program import environment

STARTING_SECONDS = 60.0  # of which nearly all are imports on a computer that is busy with tests
Event = dict[str, Any]


class Replica:
    """One process; `states` are those of its platforms, `events` everything it logged."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.events: list[Event] = []
        self.states: dict[str, str] = {}
        self._process = process
        self._changed = asyncio.Condition()
        self._following = asyncio.create_task(self._follow())

    @property
    def port(self) -> int:
        """Where its HTTP server listens."""
        [port] = [one["health_port"] for one in self.events if one["event"] == "service.started"]
        return int(port)

    def logged(self, event: str) -> bool:
        """Whether it logged something."""
        return any(one["event"] == event for one in self.events)

    async def until(self, ready: Callable[[], object], *, seconds: float = 30) -> None:
        """Wait until what it logged makes something true; fails with what it did log."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: bool(ready()))
        except TimeoutError:
            raise AssertionError(f"in vain: {self.events}") from None

    async def until_discord(self, *states: str, seconds: float = 30) -> None:
        """Wait until its side of Discord is in one of some states."""
        await self.until(lambda: self.states.get("discord") in states, seconds=seconds)

    async def health(self, path: str = "/health") -> tuple[int, str]:
        """Status and body of a page."""
        url = f"http://127.0.0.1:{self.port}{path}"
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            return answer.status, await answer.text()

    def send(self, which: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(which)

    async def end(self, how: signal.Signals, *, seconds: float = 30) -> int:
        """Send it a signal; gives its exit code."""
        self._process.send_signal(how)
        return await self.ended(seconds=seconds)

    async def ended(self, *, seconds: float) -> int:
        """Its exit code, once it has ended."""
        async with asyncio.timeout(seconds):
            code = await self._process.wait()
            await self._following
        return code

    async def clean_up(self) -> None:
        """Leave nothing running."""
        if self._process.returncode is None:
            self._process.kill()
        await self.ended(seconds=30)

    async def _follow(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            event: Event = (
                json.loads(line) if line.startswith(b"{") else {"event": line.decode().rstrip()}
            )
            self.events.append(event)
            if event["event"] == "platform.state":
                self.states[event["platform"]] = event["state"]
            async with self._changed:
                self._changed.notify_all()


@asynccontextmanager
async def replica(folder: Path, **settings: str) -> AsyncIterator[Replica]:
    """A process that has started; it is gone when the block ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "run"),
        env=environment(folder, **settings),
        cwd=folder,
        stderr=asyncio.subprocess.PIPE,
    )
    one = Replica(process)
    try:
        await one.until(lambda: one.logged("service.started"), seconds=STARTING_SECONDS)
        yield one
    finally:
        await one.clean_up()
