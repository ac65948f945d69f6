"""The gateway half of the Discord double: one compressed websocket, sessions and resumes."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable

from aiohttp import web

from tests.doubles import discord_objects as objects
from tests.doubles.discord_description import Json

TOKEN = "a-token"  # noqa: S105  # opens nothing
DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID, HELLO, BEAT = 0, 1, 2, 6, 7, 9, 10, 11


class Gateway:
    """Every connection gets what is dispatched; while none is open it waits for the resume.

    `connections` is how many are open; control frames, cuts and closes are for the newest.

    The next `refuse_connections` connections are refused; with `forget_sessions` a resume is
    answered by an invalid session.
    """

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.base = ""
        self.opcodes: list[int] = []
        self.refuse_connections = 0
        self.forget_sessions = False
        self.bot = objects.user(objects.flake(), "creditbot", bot=True)
        self.alice = objects.user(objects.flake(), "alice")
        self.guild, self.channel = objects.flake(), objects.flake()
        self._sent: list[tuple[int, str]] = []
        self._socket: web.WebSocketResponse | None = None
        self._packers: dict[web.WebSocketResponse, zlib._Compress] = {}
        self._request: web.Request | None = None
        self._changed = asyncio.Condition()

    @property
    def gateway_url(self) -> str:
        """The URL of the gateway."""
        return f"{self.base.replace('http', 'ws', 1)}/gateway/"

    @property
    def is_connected(self) -> bool:
        """Whether what is dispatched now reaches the bot at once."""
        return self._socket is not None

    @property
    def connections(self) -> int:
        """How many bots hold a connection."""
        return len(self._packers)

    async def until(self, happened: Callable[[], object], seconds: float = 10.0) -> None:
        """Wait until something has happened here."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: bool(happened()))

    async def note_change(self) -> None:
        """Wake those who wait for something to happen here."""
        async with self._changed:
            self._changed.notify_all()

    async def dispatch(
        self, name: str, data: Json, *, only: web.WebSocketResponse | None = None
    ) -> None:
        """Send an event to everybody; while no connection is open it waits for the resume."""
        number = len(self._sent) + 1
        frame = json.dumps({"op": DISPATCH, "d": data, "s": number, "t": name})
        self._sent.append((number, frame))
        for socket in [only] if only else list(self._packers):
            await self._write(frame, socket)

    async def send_opcode(self, op: int, data: object = None) -> None:
        """Send a control frame: 7 asks for a reconnect, 9 ends the session."""
        await self._write(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    def drop(self) -> None:
        """Cut the connection without a word."""
        assert self._request is not None
        assert self._request.transport is not None
        self._request.transport.abort()
        self._forget(self._socket)

    async def close(self, code: int) -> None:
        """Close the connection with a code of Discord's: 4000 may be resumed, 4004 may not."""
        assert self._socket is not None
        closing = self._socket
        self._forget(closing)
        await closing.close(code=code)

    def _forget(self, socket: web.WebSocketResponse | None) -> None:
        if socket is not None:
            self._packers.pop(socket, None)
        if self._socket is socket:
            self._socket = None

    async def _write(self, frame: str, socket: web.WebSocketResponse | None = None) -> None:
        to = socket or self._socket
        assert to is not None
        packer = self._packers[to]
        await to.send_bytes(packer.compress(frame.encode()) + packer.flush(zlib.Z_SYNC_FLUSH))

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """One connection, from hello to its end."""
        if self.refuse_connections:
            self.refuse_connections -= 1
            return web.Response(status=503)
        if request.query.get("compress") != "zlib-stream":
            self.violations.append("the gateway is asked for without zlib-stream")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._packers[socket] = zlib.compressobj()
        self._socket, self._request = socket, request
        await self.send_opcode(HELLO, {"heartbeat_interval": 41250})
        async for received in socket:
            frame = json.loads(received.data)
            self.opcodes.append(frame["op"])
            await self._obey(frame["op"], frame["d"], socket)
            await self.note_change()
        self._forget(socket)
        await self.note_change()
        return socket

    async def _obey(self, op: int, data: Json, socket: web.WebSocketResponse) -> None:
        if op == HEARTBEAT:
            beat = {"op": BEAT, "d": None, "s": None, "t": None}
            await self._write(json.dumps(beat), socket)
        elif op == IDENTIFY:
            await (self._welcome(socket) if data["token"] == TOKEN else self.close(4004))
        elif op == RESUME and self.forget_sessions:
            await self.send_opcode(INVALID, data=False)
        elif op == RESUME:
            for number, frame in self._sent:
                if number > data["seq"]:
                    await self._write(frame, socket)
            await self.dispatch("RESUMED", {}, only=socket)

    async def _welcome(self, socket: web.WebSocketResponse) -> None:
        me = {"application": {"id": self.bot["id"], "flags": 0}, "user": self.bot}
        session = {"session_id": objects.flake(), "resume_gateway_url": self.gateway_url}
        guilds = [{"id": self.guild, "unavailable": True}]
        await self.dispatch("READY", {"v": 10, "guilds": guilds, **me, **session}, only=socket)
        channel = {"id": self.channel, "type": 0, "name": "general"}
        guild = objects.guild(self.guild, channel=channel, owner=self.alice["id"])
        await self.dispatch("GUILD_CREATE", guild, only=socket)
