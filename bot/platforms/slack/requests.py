"""Single requests to Slack's Web API: none is repeated, and what fails is said as a SendError."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import aiohttp
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.chat import Address, SendError
from bot.platforms.slack.faults import TROUBLE, send_error
from bot.platforms.slack.pictures import Clients, Untrusted
from bot.settings import Settings

Result = TypeVar("Result")
MOST_SECONDS = 6 * 3600.0  # then a method is asked again, whatever an answer said


@dataclass(frozen=True, slots=True)
class Me:
    """The bot's own ids in its workspace."""

    user: str
    bot: str


class Requests:
    """The clients of one workspace, made where the loop runs; times are in seconds."""

    def __init__(self, settings: Settings, *, http_seconds: float) -> None:
        self._settings = settings
        self._http_seconds = http_seconds
        self._clients: Clients | None = None
        self._me: Me | None = None
        self._directs: dict[str, str] = {}  # a person's conversation with the bot
        self._closed_until: dict[str, float] = {}  # by method, on the loop's clock

    async def called(
        self, method: str, call: Callable[[], Awaitable[Result]], *, effect: bool = False
    ) -> Result:
        """The answer; without an `effect` that people see, a lost answer leaves no doubt.

        Slack's 429 is about a method of the whole workspace, so that method then rests.
        """
        clock = asyncio.get_running_loop().time
        rest = self._closed_until.get(method, 0.0) - clock()
        if rest > 0:
            raise SendError("refused", "waiting", retry_after=rest)
        try:
            return await call()
        except (*TROUBLE, SlackClientError) as error:
            failed = send_error(error, effect=effect, method=method)
            if failed.retry_after is not None:
                self._closed_until[method] = clock() + min(failed.retry_after, MOST_SECONDS)
            raise failed from error
        except Untrusted as error:
            raise SendError("refused", "untrusted_address") from error

    async def channel(self, address: Address) -> str:
        """The conversation that an address means; a person's is opened, which posts nothing."""
        person = address.channel_id
        if not address.is_direct or person.startswith("D"):
            return person
        if person not in self._directs:
            web = self.clients.posts
            reply = await self.called(
                "conversations.open", lambda: web.conversations_open(users=person)
            )
            self._directs[person] = reply["channel"]["id"]
        return self._directs[person]

    async def me(self) -> Me:
        """Who the token belongs to."""
        if self._me is None:
            reply = await self.called("auth.test", self.clients.posts.auth_test)
            self._me = Me(user=reply["user_id"], bot=reply.get("bot_id") or "")
        return self._me

    @property
    def clients(self) -> Clients:
        """Clients without any retry: a post whose reply is lost would be made twice."""
        if self._clients is None:
            token = self._settings.slack_bot_token
            if token is None:
                raise SendError("account", "no_token")
            http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._http_seconds))
            web = AsyncWebClient(
                token=token.get_secret_value(),
                base_url=self._settings.slack_api_url,
                session=http,
                retry_handlers=[],
                logger=logging.Logger("slack", logging.CRITICAL + 1),  # noqa: LOG001  # no parents
            )
            self._clients = Clients(reads=web, posts=web, http=http)
        return self._clients

    async def close(self) -> None:
        """Let go of connections."""
        if self._clients is not None:
            await self._clients.http.close()
            self._clients = None
