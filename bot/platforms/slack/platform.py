"""Slack in the running service: preflight, socket, watch, clean stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
import structlog
from pydantic import SecretStr
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.chat import Fatal
from bot.platforms.slack.answers import Answers
from bot.platforms.slack.channels import Channels
from bot.platforms.slack.clicks import Clicks
from bot.platforms.slack.entrances import Entrances
from bot.platforms.slack.faults import DEAD_TOKEN, pause_of, word_of
from bot.platforms.slack.people import People
from bot.platforms.slack.pictures import POLLS, Clients, Files
from bot.platforms.slack.socket import Socket
from bot.settings import Settings
from storage.errors import DatabaseBusy, StorageError

if TYPE_CHECKING:
    from bot.desk import Desk

log = structlog.get_logger()
BOT_TOKEN = "CREDITBOT_SLACK_BOT_TOKEN"  # noqa: S105  # the name of a setting
APP_TOKEN = "CREDITBOT_SLACK_APP_TOKEN"  # noqa: S105  # the name of a setting


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things may take, in seconds; tests are in a hurry.

    With a ping every 3 s a dead connection is noticed within 5; one that stays down for 5 more is
    replaced.  Measured: commands are taken again at most 6.1 s after any fault.
    """

    ping: float = 3.0
    connect: float = 8.0
    look: float = 0.5
    down: float = 5.0
    http: float = 10.0
    chart: float = 1.5
    polls: tuple[float, ...] = POLLS
    goodbye: float = 3.0


PACE = Pace()


class SlackPlatform:
    """Serves one Slack workspace in Socket Mode; see `bot.chat.Platform`."""

    name = "slack"

    def __init__(
        self,
        settings: Settings,
        desk: Desk,
        *,
        report: Callable[[str], None],
        pace: Pace = PACE,
    ) -> None:
        self._settings = settings
        self._desk = desk
        self._report = report
        self._pace = pace
        # The libraries log payloads and tickets; what matters is said by us.
        self._silent = logging.Logger("slack", logging.CRITICAL + 1)  # noqa: LOG001  # no parents

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`; raises Fatal for a token, anything else to be started anew."""
        serving = asyncio.create_task(self._serve())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving

    async def _serve(self) -> None:
        # Without this preflight a wrong token would be an endless retry inside slack-sdk.
        bot_token = _token(self._settings.slack_bot_token, BOT_TOKEN)
        app_token = _token(self._settings.slack_app_token, APP_TOKEN)
        async with self._clients(bot_token) as clients:
            link = self._web(app_token, clients.http)
            me = await _preflight(clients.posts.auth_test, BOT_TOKEN)
            opening = partial(link.apps_connections_open, app_token=app_token)
            opened = await _preflight(opening, APP_TOKEN)
            await self._bind(me["team_id"])
            entrances = self._entrances(clients, me)
            socket = Socket(
                self._app(clients, me, entrances), link, ping=self._pace.ping, logger=self._silent
            )
            try:
                await socket.open(opened["url"], seconds=self._pace.connect)
                await self._watch(socket)
            finally:
                # The socket first: nothing new may come in while answers are finished.
                try:
                    await socket.end()
                finally:  # the stop may come while a lost socket is being closed
                    await entrances.close(seconds=self._pace.goodbye)

    async def _bind(self, team: str) -> None:
        """Let the team talk to the default workspace unless it is bound already.

        The operator vouches for the team with its token.  Where several workspaces exist and none
        is the default, the team stays unbound until `creditbot workspace bind`.
        """
        try:
            bound = await self._desk.run_blocking(partial(self._desk.bind_team, "slack", team))
        except DatabaseBusy:
            raise  # the supervisor starts anew; an unbound team would be refused for ever
        except StorageError as error:
            log.warning("slack.team_not_bound", reason=error.message)
        else:
            if bound is not None:
                log.info("slack.team_bound", team=team, workspace=bound)

    async def _watch(self, socket: Socket) -> None:
        """Tell the state for ever; raises ConnectionError when the socket stays down."""
        clock = asyncio.get_running_loop().time
        up, since = False, clock()
        while True:
            if up != await socket.is_connected():
                up, since = not up, clock()
                self._report("up" if up else "reconnecting")
            if not up and clock() - since > self._pace.down:
                raise ConnectionError("the Slack socket stayed down")
            await asyncio.sleep(self._pace.look)

    def _entrances(self, clients: Clients, me: AsyncSlackResponse) -> Entrances:
        files = Files(clients, polls=self._pace.polls)
        answers = Answers(self._desk, clients, files, patience=self._pace.chart)
        return Entrances(
            self._desk,
            clients,
            people=People(clients.reads, team=me["team_id"], now=self._desk.now),
            channels=Channels(clients.reads, now=self._desk.now),
            answers=answers,
            clicks=Clicks(self._desk, clients, answers=answers),
            bot=me["user_id"],
        )

    def _app(self, clients: Clients, me: AsyncSlackResponse, entrances: Entrances) -> AsyncApp:
        # From the preflight: else Bolt asks `auth.test` again inside the first command.
        allowed = AuthorizeResult.from_auth_test_response(
            bot_token=clients.reads.token, auth_test_response=me
        )

        async def authorize() -> AuthorizeResult:
            return allowed

        app = AsyncApp(
            name="creditbot", client=clients.reads, authorize=authorize, logger=self._silent
        )
        entrances.open(app)
        return app

    @asynccontextmanager
    async def _clients(self, token: str) -> AsyncIterator[Clients]:
        timeout = aiohttp.ClientTimeout(total=self._pace.http)
        retries: list[AsyncRetryHandler] = [
            AsyncConnectionErrorRetryHandler(),
            AsyncServerErrorRetryHandler(),
            AsyncRateLimitErrorRetryHandler(max_retry_count=2),
        ]
        async with aiohttp.ClientSession(timeout=timeout) as http:
            yield Clients(
                reads=self._web(token, http, retries=retries),
                posts=self._web(token, http),
                http=http,
            )

    def _web(
        self,
        token: str,
        http: aiohttp.ClientSession,
        *,
        retries: Sequence[AsyncRetryHandler] = (),
    ) -> AsyncWebClient:
        return AsyncWebClient(
            token=token,
            base_url=self._settings.slack_api_url,
            session=http,
            logger=self._silent,
            retry_handlers=list(retries),
        )


def _token(setting: SecretStr | None, name: str) -> str:
    if setting is None:
        raise Fatal(f"{name} is not set.")
    return setting.get_secret_value()


async def _preflight(
    call: Callable[[], Awaitable[AsyncSlackResponse]], setting: str
) -> AsyncSlackResponse:
    """The reply; raises Fatal when the setting is to blame, else ConnectionError."""
    try:
        return await call()
    except SlackApiError as error:
        word = word_of(error)
        if word in DEAD_TOKEN:
            raise Fatal(f"Slack refuses {setting}: it says '{word}'.") from error
        await asyncio.sleep(pause_of(error) or 0)
        raise ConnectionError(f"Slack says '{word}'") from error
