"""Single REST requests to Discord: none is repeated, none sleeps; what fails is a SendError.

discord.py's own client sleeps through rate limits and repeats 5xx inside a call, for longer than a
delivery holds its lane; and it needs no gateway here, so any replica may send.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from io import BytesIO
from typing import Any, cast

import aiohttp

from bot.chat import Failure, SendError
from bot.settings import Settings

Json = dict[str, Any]
GLOBAL = "global"
TOO_MANY, UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 429, 401, 403, 404
# Unknown channel, guild, user; no access, no direct messages, no permission; archived thread,
# nobody to write to: docs.discord.com/developers/topics/opcodes-and-status-codes
DEAD_CHANNEL = frozenset({10003, 10004, 10013, 50001, 50007, 50013, 50033, 50083})
PATIENCE_SECONDS = 5.0
MOST_SECONDS = 6 * 3600.0  # then a path is asked again, whatever an answer said
PROXY_REFUSED = 40333  # Discord's own proxy: nothing of ours was looked at


@dataclass(frozen=True, slots=True)
class File:
    """A file in a request; `alt` describes a picture."""

    name: str
    content: bytes
    alt: str = ""


class Requests:
    """The bot's REST client, made where the loop runs; times are in seconds."""

    def __init__(self, settings: Settings, *, http_seconds: float) -> None:
        self._settings = settings
        self._http_seconds = http_seconds
        self._session: aiohttp.ClientSession | None = None
        self._me: str | None = None
        self._closed_until: dict[str, float] = {}  # by bucket, on the loop's clock

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        file: File | None = None,
        effect: bool = False,
    ) -> Any:  # noqa: ANN401  # foreign JSON
        """The answer; without an `effect` that people see, a lost answer leaves no doubt."""
        bucket = f"{method} {path.partition('?')[0]}"
        self._wait_for(bucket)
        try:
            async with self._opened().request(method, self._url(path), **_sent(body, file)) as got:
                return self._read(bucket, got, await got.read(), effect=effect)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # What could not even connect left this machine in no form.
            sure = isinstance(error, aiohttp.ClientConnectorError) or not effect
            raise SendError("refused" if sure else "unknown", type(error).__name__) from error

    async def me(self) -> str:
        """The bot's user id."""
        if self._me is None:
            self._me = str((await self.call("GET", "/users/@me"))["id"])
        return self._me

    async def close(self) -> None:
        """Let go of connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _wait_for(self, bucket: str) -> None:
        now = asyncio.get_running_loop().time()
        its, for_all = (self._closed_until.get(name, 0.0) - now for name in (bucket, GLOBAL))
        if max(its, for_all) > 0:
            wait = max(its, for_all)
            raise SendError("refused", "waiting", retry_after=wait, is_global=for_all >= its)

    def _read(
        self, bucket: str, got: aiohttp.ClientResponse, raw: bytes, *, effect: bool
    ) -> object:
        said = _parsed(raw)
        if got.status < 400:
            if got.headers.get("X-RateLimit-Remaining") == "0":
                self._close(bucket, _seconds(got.headers.get("X-RateLimit-Reset-After")))
            return said
        if got.status == TOO_MANY:
            raise self._too_many(bucket, got, said)
        raise _failed(got.status, said, effect=effect)

    def _too_many(self, bucket: str, got: aiohttp.ClientResponse, said: object) -> SendError:
        """Discord's own refusals come through a proxy and are JSON; a ban is neither."""
        if "Via" not in got.headers or not isinstance(said, dict):
            return SendError("banned", "banned", status=TOO_MANY)
        pause = _seconds(said.get("retry_after") or got.headers.get("Retry-After"))
        is_global = said.get("global") is True
        self._close(GLOBAL if is_global else bucket, pause)
        return SendError(
            "refused", "rate_limited", retry_after=pause, status=TOO_MANY, is_global=is_global
        )

    def _close(self, bucket: str, seconds: float) -> None:
        self._closed_until[bucket] = asyncio.get_running_loop().time() + min(seconds, MOST_SECONDS)

    def _url(self, path: str) -> str:
        return f"{self._settings.discord_api_url.rstrip('/')}{path}"

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            token = self._settings.discord_token
            if token is None:
                raise SendError("account", "no_token")
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._http_seconds),
                headers={
                    "Authorization": f"Bot {token.get_secret_value()}",
                    "User-Agent": f"DiscordBot (creditbot, {version('creditbot')})",
                },
            )
        return self._session


def _sent(body: Mapping[str, object] | None, file: File | None) -> dict[str, Any]:
    """The arguments of a request with a body, and a file beside it."""
    if body is None:
        return {}
    written = json.dumps(body, separators=(",", ":"), sort_keys=True)
    if file is None:
        return {"data": written, "headers": {"Content-Type": "application/json"}}
    form = aiohttp.FormData()
    form.add_field("payload_json", written, content_type="application/json")
    # As a file it is written piece by piece; the loop would stand still for all of it at once.
    form.add_field("files[0]", BytesIO(file.content), filename=file.name)
    return {"data": form}


def _failed(status: int, said: object, *, effect: bool) -> SendError:
    code = int(cast("Json", said).get("code") or 0) if isinstance(said, dict) else 0
    word = str(code or f"http {status}")
    unsure: Failure = "unknown" if effect else "refused"
    failure: Failure = "payload"
    if status >= 500:
        # An answer of a gateway says nothing about what Discord did behind it.
        failure = unsure if status in (502, 504) else "refused"
    elif status == UNAUTHORIZED:
        failure = "account"
    elif code in DEAD_CHANNEL:
        failure = "destination"
    elif status == FORBIDDEN and code in (0, PROXY_REFUSED):
        # Discord gives every refusal of its own a code; a wall before it says so to all channels.
        failure = "banned"
    return SendError(failure, word, status=status)


def _parsed(raw: bytes) -> object:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None


def _seconds(value: object) -> float:
    """What Discord asks to wait; 5 s where that cannot be read."""
    try:
        seconds = float(str(value))
    except ValueError:
        return PATIENCE_SECONDS
    return max(seconds, 0.0) if math.isfinite(seconds) else PATIENCE_SECONDS
