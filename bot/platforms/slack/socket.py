"""The socket that Slack's envelopes come through: connected, watched, closed without a trace.

slack-sdk's aiohttp client mends most faults itself, but after a failed handshake it dials the
same used ticket for ever, and its `connect` never gives up (measured with slack-sdk 3.47).  So a
socket that stays down is thrown away.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from logging import Logger
from time import time
from typing import Any

from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

GOODBYE_SECONDS = 1.0


class Socket(SocketModeClient):
    """slack-sdk's client, with a Bolt app behind it and an end to everything it started."""

    def __init__(self, app: AsyncApp, web: AsyncWebClient, *, ping: float, logger: Logger) -> None:
        super().__init__(
            app_token=web.token or "", web_client=web, ping_interval=ping, logger=logger
        )
        self._app = app
        self._running: set[asyncio.Task[Any]] = set()
        self.socket_mode_request_listeners.append(self._dispatch)

    async def open(self, ticket: str, *, seconds: float) -> None:
        """Connect with a ticket that was just obtained; raises TimeoutError."""
        self.wss_uri = ticket
        async with asyncio.timeout(seconds):
            await self.connect()  # type: ignore[no-untyped-call]  # slack-sdk's

    async def run_message_listeners(self, message: dict[str, Any], raw_message: str) -> None:
        """Take one frame; remembered, so that `end` can wait for it."""
        task = asyncio.current_task()
        if task is not None:
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        await super().run_message_listeners(message, raw_message)

    async def end(self) -> None:
        """Close, and wait until no task of the socket is left; also where that is cut short."""
        self.closed = True
        self.auto_reconnect_enabled = False
        try:
            # A peer that went silent never answers the closing handshake.
            with suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_SECONDS):
                    await self.disconnect()  # type: ignore[no-untyped-call]  # slack-sdk's
        finally:
            await self._clear()

    async def _clear(self) -> None:
        parts = (self.message_processor, self.current_session_monitor, self.message_receiver)
        tasks = [*self._running, *(part for part in parts if part is not None)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.aiohttp_client_session.close()

    async def _dispatch(self, _: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        started = time()
        response = await run_async_bolt_app(self._app, request)
        if response.status == 404:  # nothing listens to it; unacknowledged, Slack would repeat it
            await self.send_socket_mode_response(SocketModeResponse(request.envelope_id))
            return
        await send_async_response(self, request, response, started)
