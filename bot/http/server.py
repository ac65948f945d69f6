"""The HTTP server of the running service.

It binds CREDITBOT_HTTP_HOST, the loopback by default: chat needs no inbound port.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from analytics.errors import UserError

MAX_BODY = 1 << 20


class HttpServer:
    """Serves routes while the service runs."""

    def __init__(self, host: str, port: int, routes: Iterable[web.AbstractRouteDef]) -> None:
        self._host, self._port = host, port
        self._routes = tuple(routes)
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Begin to serve; returns the port.  Raises UserError for an address that cannot be had."""
        app = web.Application(client_max_size=MAX_BODY)
        app.add_routes(self._routes)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2, logger=_log())
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        try:
            await site.start()
        except (OSError, UnicodeError) as error:  # the latter for what cannot be a host's name
            await self._runner.cleanup()
            reason = error.strerror if isinstance(error, OSError) else "no name of a host"
            raise UserError(
                f"'{self._host}:{self._port}' cannot be listened on: {reason}.",
                hint="CREDITBOT_HTTP_HOST must be an address of this computer, "
                "CREDITBOT_HTTP_PORT a free port; 0 takes any.",
            ) from None
        port: int = self._runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        """Serve no more."""
        if self._runner is not None:
            await self._runner.cleanup()


def _log() -> logging.Logger:
    """The log of our own mistakes: a stranger's broken request writes nothing into it."""
    log = logging.getLogger("creditbot.http")
    if not log.filters:
        log.addFilter(_is_ours)
    return log


def _is_ours(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)
