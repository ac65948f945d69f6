"""A provider of credits on the wire: it records what it is asked, sells once a key, and may lie.

`script` says what it does with each request in turn, the last word again and again.  The verdict is
`sold`: how often each key was really sold, whatever was answered.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
STATUS = {200: "OK", 302: "Found", 401: "Unauthorized", 429: "Too Many Requests", 500: "Oops"}


@dataclass
class Asked:
    """One request, as it came."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> Json:
        found: Json = json.loads(self.body)
        return found


@dataclass
class Provider:
    """The double; `secret` is what it checks signatures with."""

    secret: str
    script: list[str] = field(default_factory=lambda: ["accept"])
    asked: list[Asked] = field(default_factory=list)
    sold: Counter[str] = field(default_factory=Counter)
    charged: dict[str, str] = field(default_factory=dict)
    url: str = ""
    _held: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request as the script says, and close."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            request = await _request(reader)
            word = self.script[min(len(self.asked), len(self.script) - 1)]
            self.asked.append(request)
            if word == "hang":
                self._held.add(writer)
                return
            writer.write(self._answer(word, request))
            await writer.drain()
        writer.close()

    def let_go(self) -> None:
        """Close what hangs."""
        for writer in self._held:
            writer.close()

    def is_signed(self, request: Asked) -> bool:
        """Whether a request carries the signature that the protocol says."""
        stamp = request.headers["x-creditbot-timestamp"].encode()
        made = hmac.new(self.secret.encode(), stamp + b"." + request.body, hashlib.sha256)
        return request.headers["x-creditbot-signature"] == f"v1={made.hexdigest()}"

    def _answer(self, word: str, request: Asked) -> bytes:
        said = request.said
        special: dict[str, Callable[[], bytes]] = {
            "refuse": lambda: _http(401, {"error": "who are you?"}),
            "busy": lambda: _http(429, {}, "Retry-After: 7200"),
            "fail": lambda: _http(500, {}),
            "redirect": lambda: _http(302, {}, f"Location: {self.url}"),
            "garbage": lambda: _http(200, "<html>Thank you!</html>"),
            "empty": lambda: _http(200, ""),
            "list": lambda: _http(200, "[]"),
            "deep": lambda: _http(200, "[" * 60_000),
            "digits": lambda: _http(200, '{"credits":' + "9" * 60_000 + "}"),
            "huge": lambda: _http(200, json.dumps({"status": "pending", "x": "y" * 100_000})),
            "silent": lambda: b"",
            "no http": lambda: b"SSH-2.0-provider\r\n\r\n",
        }
        if word in special:
            return special[word]()
        if word == "late":  # it sells, and its answer is lost
            self._sell(said)
            return b""
        if word == "half":
            self._sell(said)
            return _http(200, self._accepted(said))[:-10]
        return self._told(word, said)

    def _told(self, word: str, said: Json) -> bytes:
        """Answers of the right form, true or not."""
        if word == "declined with 401":
            return _http(401, {"status": "declined", "key": said["key"], "reason": "closed"})
        if word in ("pending", "declined"):
            reason = {"declined": "no funds", "pending": "in review"}[word]
            return _http(200, {"status": word, "key": said["key"], "reason": reason})
        self._sell(said)
        answer = self._accepted(said)
        changes: dict[str, Json] = {
            "other amount": {"credits": "50000"},
            "other unit": {"unit": "USD"},
            "other key": {"key": "0" * 32},
            "no reference": {"reference": ""},
            "no amount": {"credits": None},
            "true amount": {"credits": True},
            "endless amount": {"credits": "1e400"},
            "unknown word": {"status": "perhaps"},
            "long reference": {"reference": "A" * 5000},
            "number": {"credits": int(float(said["credits"]))},
        }
        whole = answer | changes.get(word, {})
        named_twice = json.dumps(whole)[:-1] + ',"status":"declined"}'
        shapes: dict[str, Callable[[], bytes]] = {
            "twice": lambda: _http(200, whole) * 2,
            "name twice": lambda: _http(200, named_twice),
            "not a number": lambda: _http(200, json.dumps(whole | {"credits": float("nan")})),
            "gzip": lambda: _raw(200, _packed(whole), "Content-Encoding: gzip"),
            "accepted with 500": lambda: _http(500, whole),
        }
        return shapes[word]() if word in shapes else _http(200, whole)

    def _sell(self, said: Json) -> None:
        """Sell, once a key."""
        if said["key"] not in self.charged:
            self.charged[said["key"]] = f"A-{len(self.charged) + 1}"
            self.sold[said["key"]] += 1

    def _accepted(self, said: Json) -> Json:
        reference = self.charged[said["key"]]
        kept = {name: said[name] for name in ("key", "credits", "unit")}
        return {"status": "accepted", **kept, "reference": reference}


def _packed(body: Json) -> bytes:
    return gzip.compress(json.dumps(body).encode())


async def _request(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.casefold(): value.strip() for name, _, value in pairs}
    return Asked(headers, await reader.readexactly(int(headers["content-length"])))


def _http(status: int, body: Json | str, *headers: str) -> bytes:
    text = body if isinstance(body, str) else json.dumps(body)
    return _raw(status, text.encode(), *headers)


def _raw(status: int, body: bytes, *headers: str) -> bytes:
    lines = [
        f"HTTP/1.1 {status} {STATUS[status]}",
        f"Content-Length: {len(body)}",
        "Content-Type: application/json",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


@asynccontextmanager
async def provider(secret: str, *script: str) -> AsyncIterator[Provider]:
    """A provider that listens on the loopback until the end of the block."""
    found = Provider(secret, list(script) or ["accept"])
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    found.url = f"http://127.0.0.1:{port}/buy"
    try:
        yield found
    finally:
        found.let_go()
        server.close()
