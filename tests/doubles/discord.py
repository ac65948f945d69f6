"""A stand-in for Discord on loopback: real HTTP and a real gateway, strict about both.

Every request of the bot and every reply of ours is held to Discord's own description; an unknown
path, a message that Discord refuses, and a first answer after 3 seconds are violations.  A test
ends with `assert double.violations == []`.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from tests.doubles import discord_objects as objects
from tests.doubles.discord_channels import Channels, Reply
from tests.doubles.discord_description import COMPONENTS_V2, Json, description, parts_of, refusal
from tests.doubles.discord_gateway import TOKEN, Gateway
from tests.doubles.weather import Fate, Weather

FIRST_ANSWER_SECONDS = 3.0
COMMAND, CLICK, COMPLETION, FORM = 2, 3, 4, 5
LOST = -1
NO_ROUTE: Reply = (404, {"message": "404: Not Found", "code": 0})


@dataclass
class Interaction:
    """What the bot did about one interaction."""

    id: str
    token: str
    kind: int
    sent: float
    frame: Json = field(default_factory=dict)
    answers: list[Json] = field(default_factory=list)
    original: Json | None = None
    edits: int = 0
    deleted: bool = False
    followups: list[Json] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Everything that is to be read in the answer."""
        return text_of(self.original or {})


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it arrived."""

    method: str
    path: str
    status: int
    body: Any
    files: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request with its path in parts and its body read."""

    request: web.Request
    parts: list[str]
    body: Any
    files: dict[str, bytes]


def text_of(message: Json) -> str:
    """The content and the text of all components."""
    texts = [part.get("content", "") for part in parts_of(message.get("components", []))]
    return "\n".join([message.get("content", ""), *texts]).strip()


def button(message: Json, label: str) -> Json:
    """The button of that label."""
    parts = parts_of(message["components"])
    return next(part for part in parts if part["type"] == 2 and part["label"] == label)


class DiscordDouble(Channels, Gateway):
    """One Discord with one guild, one channel and Alice.

    `faults` holds, by the end of a path, what the next requests meet: a status, a float for 429
    with so many seconds to wait (of all requests while it `limits_all`), or LOST for work that is
    done and a reply that is not.  While
    `revoked`, the token opens nothing by REST, though the gateway stays open.  `weather` is what
    befalls the requests to channels at random.  After `watched` requests, if that is set, none is
    kept or held to the description any more.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.commands: list[Json] = []
        self.weather = Weather()
        self.watched: int | None = None
        self.is_banned = False
        self.limits_all = False
        self.revoked = False
        self.faults: dict[str, deque[int | float]] = defaultdict(deque)
        self._interactions: dict[str, Interaction] = {}

    @property
    def api_url(self) -> str:
        """The base URL of the REST API."""
        return f"{self.base}/api/v10"

    def check_answers(self) -> None:
        """Every interaction has had exactly one first answer, by now."""
        for one in self._interactions.values():
            if len(one.answers) != 1:
                self.violations.append(
                    f"interaction of kind {one.kind}: {len(one.answers)} answers"
                )

    # ---- what people do

    async def interact(self, kind: int, data: Json, **extra: Any) -> Interaction:  # noqa: ANN401  # JSON
        """Send an interaction of Alice in the channel."""
        one = Interaction(objects.flake(), f"token{objects.flake()}", kind, time.perf_counter())
        self._interactions[one.token] = one
        place = {
            "id": self.channel,
            "type": 0,
            "name": "general",
            "permissions": objects.EVERYTHING,
        }
        one.frame = {
            "id": one.id,
            "application_id": self.bot["id"],
            "type": kind,
            "token": one.token,
            "version": 1,
            "guild_id": self.guild,
            "channel_id": self.channel,
            "channel": place,
            "member": {**objects.member(self.alice), "permissions": objects.EVERYTHING},
            "context": 0,
            "locale": "en-US",
            "app_permissions": objects.EVERYTHING,
            "entitlements": [],
            "authorizing_integration_owners": {"0": self.guild},
            "attachment_size_limit": 10 << 20,
            "data": data,
            **extra,
        }
        await self.dispatch("INTERACTION_CREATE", one.frame)
        return one

    async def command(self, name: str, **options: str) -> Interaction:
        """Type `/credits NAME` with options and wait for the filled answer."""
        one = await self.interact(COMMAND, self.command_data(name, **options))
        await self.until(lambda: one.edits)
        return one

    def command_data(self, name: str, **options: str) -> Json:
        """The data of a command frame; a name of two words is one in a group."""
        *group_name, word = name.split(" ")
        given = [{"name": key, "type": 3, "value": value} for key, value in options.items()]
        inside: Json = {"name": word, "type": 1, "options": given}
        if group_name:
            inside = {"name": group_name[0], "type": 2, "options": [inside]}
        group = self.commands[0] if self.commands else {"id": objects.flake(), "name": "credits"}
        return {"id": group["id"], "name": group["name"], "type": 1, "options": [inside]}

    async def click(self, message: Json, label: str, **extra: Any) -> Interaction:  # noqa: ANN401  # JSON
        """Click the button of that label; `extra` goes into the frame."""
        part = button(message, label)
        data = {"custom_id": part["custom_id"], "component_type": 2, "id": part["id"]}
        return await self.interact(CLICK, data, message=message, **extra)

    # ---- REST

    async def rest(self, request: web.Request) -> web.Response:
        """One request: an injected fault, or the answer; both sides are held to the description."""
        method, path = request.method, f"/{request.match_info['path']}"
        came_at = self.weather.clock()
        body, files = await _body(request)
        fault = next((w.popleft() for end, w in self.faults.items() if path.endswith(end) and w), 0)
        fate = "fine" if fault else self._fate(request, f"{method} {path}", came_at)
        if fate == "limited":
            fault = self.weather.retry_after
        elif fate == "failed":
            fault = 500
        if self.is_banned:
            return web.Response(status=429, text="error code: 1015")
        if any(place in path for place in self.weather.hanging):
            await self.weather.held(request)
            return web.Response(status=504)
        await self.weather.before(fate)
        if isinstance(fault, float):
            status, reply = _limited(fault, for_all=self.limits_all)
        elif fault > 0:
            status, reply = fault, {"message": "injected", "code": 0}
        else:
            status, reply = self._answer(_Asked(request, path.strip("/").split("/"), body, files))
            if fault == LOST:
                status, reply = 500, {"message": "lost", "code": 0}
        if self.watched is None or len(self.calls) < self.watched:
            self.calls.append(Call(method, path, status, body, files))
            self.violations += description().complaints(
                method, path, request=body, status=status, reply=reply
            )
        await self.note_change()
        await self.weather.after(fate, request)
        # The library takes a 429 without this header for a ban and gives up.
        headers = {"Via": "1.1 double"} if status == 429 else {}
        return _json(reply, status, headers)

    def _fate(self, request: web.Request, route: str, came_at: float) -> Fate:
        """What a request to a channel meets at random."""
        if " /channels/" not in route:
            return "fine"
        return self.weather.fate(route, request, came_at=came_at)

    def _answer(self, asked: _Asked) -> Reply:  # noqa: PLR0911  # one line for each route
        method, parts = asked.request.method, asked.parts
        # What belongs to an interaction is proven by its token in the path.
        by_path = {"interactions": self._first_answer, "webhooks": self._webhook}
        if parts[0] in by_path:
            return by_path[parts[0]](asked)
        if self.revoked or asked.request.headers.get("Authorization") != f"Bot {TOKEN}":
            return 401, {"message": "401: Unauthorized", "code": 0}
        match [method, *parts]:
            case ["GET", "applications" | "oauth2", *_]:
                return 200, objects.application(self.bot)
            case ["PUT", "applications", *_]:
                return self._put_commands(asked.body)
            case [_, "guilds" | "users", *_]:
                return self._directory(asked)
            case [_, "channels", *_]:
                return self._in_channel(asked)
        return NO_ROUTE

    def _directory(self, asked: _Asked) -> Reply:
        match [asked.request.method, *asked.parts]:
            case ["GET", "users", "@me"]:
                return 200, {**self.bot, "mfa_enabled": False, "locale": "en-US"}
            case ["GET", "users", key]:
                return 200, objects.user(key, "somebody")
            case ["POST", "users", "@me", "channels"]:
                return self.direct(asked.body["recipient_id"])
            case ["GET", "guilds", _]:
                return self.guild_of()
            case ["GET", "guilds", _, "members", key]:
                return self._member(key)
        return NO_ROUTE

    def _in_channel(self, asked: _Asked) -> Reply:
        method, (_, channel, *rest) = asked.request.method, asked.parts
        match [method, *rest]:
            case ["GET"]:
                return self.channel_of(channel)
            case ["GET", "messages"]:
                return self.history(channel, asked.request.query)
            case ["POST", "messages"]:
                return self.post(channel, asked.body, asked.files)
            case ["PATCH", "messages", key]:
                return self.change(channel, key, asked.body, asked.files)
        return NO_ROUTE

    def _member(self, key: str) -> Reply:
        for person in (self.alice, self.bot):
            if key == person["id"]:
                return 200, objects.member(person)
        return 404, {"message": "Unknown Member", "code": 10007}

    def _put_commands(self, body: list[Json]) -> Reply:
        base = {"application_id": self.bot["id"], "type": 1, "default_member_permissions": None}
        made = [{key: value for key, value in one.items() if value is not None} for one in body]
        self.commands = [
            {**base, "id": objects.flake(), "version": objects.flake(), **one} for one in made
        ]
        return 200, self.commands

    def _first_answer(self, asked: _Asked) -> Reply:
        one, body = self._interactions[asked.parts[2]], asked.body
        if one.answers:
            return 400, {"message": "Interaction has already been acknowledged.", "code": 40060}
        if time.perf_counter() - one.sent > FIRST_ANSWER_SECONDS:
            self.violations.append(f"interaction of kind {one.kind}: answered after 3 s")
            return 404, {"message": "Unknown interaction", "code": 10062}
        kind, data = body["type"], body.get("data") or {}
        if wrong := refusal(data, {}, v2=False):
            return self.refused(wrong)
        one.answers.append(body)
        said: Json = {"interaction": {"id": one.id, "type": one.kind}}
        if kind in (4, 5):
            one.original = objects.message(self.bot, self.channel, data, {})
            said["interaction"]["response_message_id"] = one.original["id"]
        if kind == 4:
            said["resource"] = {"type": 4, "message": one.original}
        if kind == 6:
            one.original = one.frame["message"]
        return 200, said

    def _webhook(self, asked: _Asked) -> Reply:
        method, one = asked.request.method, self._interactions[asked.parts[2]]
        if not one.answers or one.original is None:
            return 404, {"message": "Unknown Webhook", "code": 10015}
        if method == "GET":
            return 200, one.original
        if method == "DELETE":
            one.original, one.deleted = None, True
            return 204, None
        editing = method == "PATCH"
        before = one.original["flags"] if editing else 0
        if wrong := refusal(asked.body, asked.files, v2=bool(before & COMPONENTS_V2)):
            return self.refused(wrong)
        made = self.made(self.channel, asked.body, asked.files)
        made |= {"webhook_id": self.bot["id"], "application_id": self.bot["id"]}
        if editing:
            made |= {"id": one.original["id"], "flags": made["flags"] | before}
            one.original = made
            one.edits += 1
        else:
            one.followups.append(made)
        return 200, made


@asynccontextmanager
async def running_double() -> AsyncIterator[DiscordDouble]:
    """A Discord that listens on loopback until the test is over."""
    double = DiscordDouble()
    app = web.Application(client_max_size=64 << 20)
    app.router.add_get("/gateway/", double.connect)
    app.router.add_route("*", "/api/v10/{path:.*}", double.rest)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        double.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield double
    finally:
        await runner.cleanup()


def _limited(seconds: float, *, for_all: bool) -> Reply:
    return 429, {"message": "slow down", "retry_after": seconds, "global": for_all, "code": 0}


def _json(body: object, status: int, headers: dict[str, str]) -> web.Response:
    if body is None:
        return web.Response(status=status)
    # The library parses a body only when the type is exactly this, without a charset.
    head = {**headers, "Content-Type": "application/json"}
    return web.Response(body=json.dumps(body).encode(), status=status, headers=head)


async def _body(request: web.Request) -> tuple[Any, dict[str, bytes]]:
    """The JSON of a request and its files by name."""
    if request.content_type != "multipart/form-data":
        raw = await request.read()
        return _tidied(json.loads(raw)) if raw else None, {}
    body: Json = {}
    files: dict[str, bytes] = {}
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        content = bytes(await part.read(decode=False))
        if part.name == "payload_json":
            body = json.loads(content)
        else:
            files[str(part.filename)] = content
    return _tidied(body), files


def _tidied(body: Any) -> Any:  # noqa: ANN401  # JSON
    """Without what the library does of its own: numbers for new attachments, `tts` in edits."""
    if isinstance(body, dict):
        body.pop("tts", None)
        for attachment in body.get("attachments") or []:
            attachment["id"] = str(attachment["id"])
    return body
