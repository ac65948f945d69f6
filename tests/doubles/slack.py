"""Slack on the wire: real HTTP and websockets on loopback that refuse what Slack refuses.

Nothing is answered by default: an unknown method, a request or a reply of our own that breaks the
schemas, a late, missing or second acknowledgement is kept in `violations`, which every test
expects to be empty.  `faults` holds, by method, what goes wrong with the next calls: a status, an
error word, or "lost" (the work is done and the connection cut).
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import WSMsgType, web

from bot.slack_manifest import scopes
from tests.doubles.slack_channels import BOT_ID, Channels, Refused
from tests.doubles.slack_payloads import APP, BOT_USER, TEAM, Payload
from tests.doubles.slack_rules import complaints
from tests.doubles.weather import Weather, abort

BOT_TOKEN, APP_TOKEN = "xoxb-good", "xapp-good"  # of the double only
ACK_SECONDS = 3.0
RESPONSE_URL_USES = 5
TRIGGER_SECONDS = 3.0
JSON_ARGUMENTS = ("blocks", "metadata", "view", "files")
NUMBERS = frozenset({"length", "limit"})
NEEDED = {
    "conversations.open": "im:write",
    "files.getUploadURLExternal": "files:write",
    "files.completeUploadExternal": "files:write",
}
SENDING = frozenset(
    {"chat.postMessage", "chat.update", "conversations.history", "conversations.replies"}
    | {"conversations.open", "files.getUploadURLExternal", "files.completeUploadExternal"}
)
Kind = Literal["slash_commands", "interactive", "events_api"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the Web API."""

    method: str
    args: Payload


@dataclass
class Envelope:
    """One frame to the bot; `sent` times, with the acknowledgements that came back."""

    payload: Payload
    sent: int = 0
    sent_at: float = 0.0
    answers: list[Payload | None] = field(default_factory=list)


class SlackDouble(Channels):
    """One Slack team with a bot, some people and channels.

    `weather` is what befalls the requests of a sender at random.  After `watched` requests, if
    that is set, none is kept or held to the schemas any more.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weather = Weather()
        self.watched: int | None = None
        self.violations: list[str] = []
        self.calls: list[Call] = []
        self.faults: defaultdict[str, deque[int | str]] = defaultdict(deque)
        self.responses: defaultdict[str, list[Payload]] = defaultdict(list)
        self.envelopes: dict[str, Envelope] = {}
        self.sockets: list[web.WebSocketResponse] = []
        self.scopes = scopes()
        self.people: dict[str, Payload] = {"U1": {}, "U2": {}}
        self.retry_after = "0"
        self._transports: dict[web.WebSocketResponse, asyncio.Transport] = {}
        self._tickets: set[str] = set()
        self._triggers: dict[str, float] = {}
        self._changed = asyncio.Event()

    @property
    def api_url(self) -> str:
        return f"{self.base}/api/"

    def response_url(self, key: str = "r1") -> str:
        return f"{self.base}/response/{key}"

    def called(self, method: str) -> list[Payload]:
        """The arguments of every call of a method."""
        return [call.args for call in self.calls if call.method == method]

    async def until(self, ready: Callable[[], object], *, seconds: float = 10) -> None:
        """Wait for something to have happened here; fails with what did happen instead."""
        try:
            async with asyncio.timeout(seconds):
                while not ready():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            happened = [call.method for call in self.calls]
            raise AssertionError(
                f"in vain; calls {happened}, violations {self.violations}"
            ) from None

    def settle(self) -> None:
        """Note every envelope that was not acknowledged exactly as often as it was sent."""
        for key, envelope in self.envelopes.items():
            if envelope.sent != len(envelope.answers):
                times = f"{len(envelope.answers)} of {envelope.sent} times"
                self.violations.append(f"envelope {key} acknowledged {times}")

    # ---- the socket

    async def send(self, kind: Kind, payload: Payload, *, again: str = "") -> str:
        """Push an envelope and wait for its acknowledgement; gives its id, to send it `again`."""
        key = again or str(uuid.uuid4())
        frame: Payload = {"envelope_id": key, "type": kind, "payload": payload}
        frame["accepts_response_payload"] = kind != "events_api"
        if again:
            frame |= {"retry_attempt": 1, "retry_reason": "timeout"}
        envelope = self.envelopes.setdefault(key, Envelope(payload))
        envelope.sent += 1
        envelope.sent_at = time.monotonic()
        if "trigger_id" in payload:
            self._triggers[payload["trigger_id"]] = envelope.sent_at + TRIGGER_SECONDS
        await self.sockets[-1].send_json(frame)
        await self.until(lambda: len(envelope.answers) >= envelope.sent)
        return key

    async def ask(self, kind: Kind, payload: Payload) -> Payload | None:
        """Push an envelope; gives what the bot put into its acknowledgement."""
        return self.envelopes[await self.send(kind, payload)].answers[-1]

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Tell the bot to take another socket."""
        await self.sockets[-1].send_json({"type": "disconnect", "reason": reason})

    def cut(self) -> None:
        """Cut the newest socket without a word."""
        self._transports[self.sockets[-1]].abort()

    def silence(self) -> None:
        """Let the newest socket take everything and answer nothing any more."""
        self._transports[self.sockets[-1]].pause_reading()

    async def _link(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403)
        self._tickets.discard(ticket)
        if self.faults["link"]:
            return web.Response(status=int(self.faults["link"].popleft()))
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        transport = request.transport
        assert isinstance(transport, asyncio.Transport)
        self._transports[socket] = transport
        hello = {"type": "hello", "num_connections": 1, "connection_info": {"app_id": APP}}
        await socket.send_json(hello)
        self.sockets.append(socket)
        self._changed.set()
        async for frame in socket:
            if frame.type == WSMsgType.PING:
                await socket.pong(frame.data)
            elif frame.type == WSMsgType.TEXT:
                self._acknowledged(json.loads(frame.data))
        self.sockets.remove(socket)
        self._changed.set()
        return socket

    def _acknowledged(self, frame: Payload) -> None:
        envelope = self.envelopes.get(frame.get("envelope_id", ""))
        if envelope is None:
            self.violations.append(f"an unknown envelope was acknowledged: {frame}")
            return
        envelope.answers.append(frame.get("payload"))
        waited = time.monotonic() - envelope.sent_at
        if waited > ACK_SECONDS:
            self.violations.append(f"acknowledged after {waited:.1f} s")
        self._changed.set()

    # ---- the Web API

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method, came_at = request.match_info["method"], self.weather.clock()
        args = await _arguments(request)
        if self.watched is None or len(self.calls) < self.watched:
            self.calls.append(Call(method, args))
        self._changed.set()
        fault = self.faults[method].popleft() if self.faults[method] else None
        if fault is None and method in SENDING:
            return await self._through_weather(request, method, args, came_at)
        if fault == 429:
            return _limited(self.retry_after)
        if isinstance(fault, int):
            return web.Response(status=fault, text="oops")
        if fault is not None and fault != "lost":
            return web.json_response(_refusal(fault, method))
        reply = self._reply(method, args, request.headers.get("Authorization", ""))
        if fault == "lost":
            abort(request)
        self._changed.set()
        return web.json_response(reply, headers={"X-OAuth-Scopes": ",".join(self.scopes)})

    async def _through_weather(
        self, request: web.Request, method: str, args: Payload, came_at: float
    ) -> web.StreamResponse:
        """A request that a sender makes: its effect comes whether or not anybody waits for it."""
        place = str(args.get("channel") or args.get("channel_id") or "")
        if place in self.weather.hanging:
            await self.weather.held(request)
            return web.Response(status=504)
        fate = self.weather.fate(f"{method} {place}", request, came_at=came_at)
        if fate == "limited":
            return _limited(str(self.weather.retry_after))
        if fate == "failed":
            return web.Response(status=500, text="oops")
        await self.weather.before(fate)
        reply = self._reply(method, args, request.headers.get("Authorization", ""))
        await self.weather.after(fate, request)
        self._changed.set()
        return web.json_response(reply)

    def _reply(self, method: str, args: Payload, authorization: str) -> Payload:
        token = authorization.removeprefix("Bearer ")
        wanted = APP_TOKEN if method == "apps.connections.open" else BOT_TOKEN
        if token[:4] != wanted[:4]:
            return _refusal("not_allowed_token_type")
        if token != wanted:
            return _refusal("invalid_auth")
        is_watched = self.watched is None or len(self.calls) < self.watched
        if is_watched:
            self.violations += complaints("request", method, args)
        answer = getattr(self, "_" + method.replace(".", "_"), None)
        if answer is None:
            self.violations.append(f"{method}: the double does not know it")
            return _refusal("unknown_method")
        try:
            reply: Payload = {"ok": True, **answer(args)}
        except Refused as refused:
            return _refusal(str(refused))
        if is_watched:
            self.violations += complaints("reply", method, reply)
        return reply

    def _auth_test(self, _: Payload) -> Payload:
        who = {"team": "Team", "team_id": TEAM, "user": "creditbot", "user_id": BOT_USER}
        return {"url": "https://team.example/", "bot_id": BOT_ID, **who}

    def _apps_connections_open(self, _: Payload) -> Payload:
        ticket = uuid.uuid4().hex
        self._tickets.add(ticket)
        return {"url": f"{self.base.replace('http', 'ws', 1)}/link/?ticket={ticket}"}

    def _users_info(self, args: Payload) -> Payload:
        user = args["user"]
        if user not in self.people:
            raise Refused("user_not_found")
        profile = {"real_name": f"Person {user}", "email": f"{user.lower()}@example.com"}
        return {
            "user": {"id": user, "team_id": TEAM, "name": user, "profile": profile}
            | self.people[user]
        }

    def _views_open(self, args: Payload) -> Payload:
        if time.monotonic() > self._triggers.get(args["trigger_id"], 0.0):
            raise Refused("expired_trigger_id")
        return {"view": {"id": "V1", "hash": "1.a", "type": "modal"}}

    def _views_publish(self, _: Payload) -> Payload:
        return {"view": {"id": "V0", "hash": "1.a", "type": "home"}}

    async def _upload(self, request: web.Request) -> web.Response:
        if self.faults["upload"]:
            return web.Response(status=int(self.faults["upload"].popleft()))
        if "Authorization" in request.headers:
            self.violations.append("the token was sent to an upload address")
        content = await request.read()
        self.files[request.match_info["file"]] = content
        return web.Response(text=f"OK - {len(content)}")

    async def _response(self, request: web.Request) -> web.Response:
        key = request.match_info["key"]
        body: Payload = await request.json()
        self._changed.set()
        if len(self.responses[key]) >= RESPONSE_URL_USES:
            self.violations.append("a response_url was used six times")
            return web.Response(status=404, text="used_url")
        fault = self.faults["response"].popleft() if self.faults["response"] else None
        if isinstance(fault, str) and fault != "lost":
            return web.Response(status=400, text=fault)
        if isinstance(fault, int):
            return web.Response(status=fault, text="oops")
        self.violations += complaints("request", "response", body)
        try:
            self._check_images(body)
        except Refused as refused:
            return web.Response(status=400, text=str(refused))
        self.responses[key].append(body)
        if fault == "lost":
            abort(request)
        return web.Response(text="ok")


async def _arguments(request: web.Request) -> Payload:
    """The arguments of a call: slack-sdk puts them in the query, in a form or in JSON."""
    args: Payload = dict(request.query)
    if request.content_type == "application/json":
        args |= json.loads(await request.read() or b"{}")
    elif request.method == "POST":
        args |= dict(await request.post())
    args.pop("token", None)  # apps.connections.open repeats it beside the header
    for key in JSON_ARGUMENTS:
        if isinstance(args.get(key), str):
            args[key] = json.loads(args[key])
    for key in NUMBERS & args.keys():
        args[key] = int(args[key])
    if "include_all_metadata" in args:
        args["include_all_metadata"] = args["include_all_metadata"] in ("1", "true", True)
    return args


def _refusal(word: str, method: str = "") -> Payload:
    place = {"messages": ["[ERROR] invalid [json-pointer:/blocks/1]"]}
    more: Payload = {"response_metadata": place} if word == "invalid_blocks" else {}
    if word == "missing_scope" and method in NEEDED:
        more = {"needed": NEEDED[method], "provided": "commands"}
    return {"ok": False, "error": word, **more}


def _limited(seconds: str) -> web.Response:
    refusal = {"ok": False, "error": "ratelimited"}
    return web.json_response(refusal, status=429, headers={"Retry-After": seconds})


@asynccontextmanager
async def slack_double() -> AsyncIterator[SlackDouble]:
    """A running double; at the end every envelope must be acknowledged and nothing violated."""
    double = SlackDouble()
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/api/{method}", double._api)
    app.router.add_post("/upload/{file}", double._upload)
    app.router.add_post("/response/{key}", double._response)
    app.router.add_get("/link/", double._link)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    double.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield double
    finally:
        await runner.cleanup()
    double.settle()
    assert double.violations == []
