"""How the service is, for whoever runs it: alive, ready, and in words what is not well.

`/health/live` says that the process and its loop answer, `/health/ready` that it can do its work,
`/health` the state of each part that was set up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import sqlalchemy as sa
from aiohttp import web

from bot.operation.queue_watch import is_unset
from storage.errors import StorageError
from storage.migrate import require_tables

WELL = frozenset({"up", "verified", "standby"})
LOOK_SECONDS = 3.0
Result = TypeVar("Result")
States = Callable[[], Mapping[str, str]]


def are_well(parts: Mapping[str, str]) -> bool:
    """Whether nothing is to be mended."""
    return all(words in WELL or is_unset(words) for words in parts.values())


class Probe:
    """Looks into the database in a thread of its own, and not for long.

    However many ask, one look runs at a time: probes of a database that hangs must not pile up.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, "health")

    async def look(self, work: Callable[[sa.Engine], Result]) -> Result:
        """What work finds; raises StorageError, SQLAlchemyError or TimeoutError."""
        looking = asyncio.get_running_loop().run_in_executor(self._thread, work, self._engine)
        async with asyncio.timeout(LOOK_SECONDS):
            return await looking

    async def database(self) -> str:
        """Whether the database answers and has the tables that are needed, in words."""
        try:
            await self.look(require_tables)
        except StorageError as error:
            return error.message
        except (TimeoutError, sa.exc.SQLAlchemyError):
            return "does not answer"
        return "up"

    def close(self) -> None:
        """Look no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def health_routes(states: States, probe: Probe) -> Sequence[web.RouteDef]:
    """The three routes; 503 where something is not well."""

    async def ready(_: web.Request) -> web.Response:
        parts = {"database": await probe.database(), "tick": "up", **states()}
        is_ready = are_well(parts)
        body = {"ready": is_ready, "parts": parts}
        return web.json_response(body, status=200 if is_ready else 503)

    return (health(states), web.get("/health/live", _live), web.get("/health/ready", ready))


def health(states: States) -> web.RouteDef:
    """`/health`: 200 while every part is well or not configured, else 503; states in words."""

    async def answer(_: web.Request) -> web.Response:
        known = dict(states())
        return web.json_response({"parts": known}, status=200 if are_well(known) else 503)

    return web.get("/health", answer)


async def _live(_: web.Request) -> web.Response:
    return web.json_response({"live": True})
