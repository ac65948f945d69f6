"""Keeps one part of the service going, whatever happens to the others."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

import structlog

from bot.chat import Fatal, Platform

log = structlog.get_logger()
FIRST_PAUSE = 0.2
STEADY_SECONDS = 60.0  # a part that ran this long starts with a short pause again


async def supervise(
    platform: Platform,
    stop: asyncio.Event,
    *,
    longest_pause: float,
    report: Callable[[str], None],
) -> None:
    """Run a platform until `stop`, starting it anew after failures with growing pauses.

    A fatal failure (a wrong token) ends this part only: it is reported and not tried again.
    """
    loop = asyncio.get_running_loop()
    pause = FIRST_PAUSE
    while not stop.is_set():
        report("connecting")
        started = loop.time()
        try:
            await platform.run(stop)
        except Fatal as error:
            report(f"off: {error}")
            log.error("platform.refused", platform=platform.name, reason=str(error))  # noqa: TRY400  # a setting, not a bug
            return
        except OSError as error:  # no network, or a server that is gone: no bug, no traceback
            report("reconnecting")
            log.warning("platform.unreachable", platform=platform.name, reason=str(error))
        except Exception:  # the outermost loop of this part
            report("reconnecting")
            log.warning("platform.failed", platform=platform.name, exc_info=True)
        if loop.time() - started > STEADY_SECONDS:
            pause = FIRST_PAUSE
        with suppress(TimeoutError):
            # Half to one and a half of the pause: replicas must not return all at once.
            await asyncio.wait_for(stop.wait(), pause * (0.5 + random.random()))  # noqa: S311
        pause = min(pause * 2, longest_pause)
    report("stopped")
