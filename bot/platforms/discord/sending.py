"""Discord for what nobody asked for: plain REST, one request each, once by its nonce.

Within a few minutes Discord answers a second message of the same nonce with the first one, so the
body is written byte for byte alike each time; later `find` reads the channel for the reference in
a message's foot or a file's name.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any, cast

import discord

from analytics.report import Button, Report
from bot.chat import NO_PICTURE, Address, Outgoing, Payload, SendError, Standing
from bot.platforms.discord.filling import CLICK
from bot.platforms.discord.layout import MAX_ALT, PICTURE
from bot.platforms.discord.nonces import nonce_of
from bot.platforms.discord.requests import FORBIDDEN, NOT_FOUND, File, Requests
from bot.platforms.discord.standing import standing_of
from bot.render.discord import NOTE, escape, message
from bot.render.limits import clip
from bot.settings import Settings

HTTP_SECONDS = 10.0
EARLIER = timedelta(seconds=60)  # Discord's clock and ours differ
PAGE, PAGES = 100, 10
COMPONENTS = 1 << 15
TEXT, GALLERY, CONTAINER = 10, 12, 17
MAX_FILE = (
    10 << 20
)  # of guilds without boosts: docs.discord.com/developers/reference#uploading-files
MAX_PLAIN = 4_000 - NOTE
SILENT: Mapping[str, object] = {"parse": []}
Json = Mapping[str, Any]


class DiscordSender:
    """Sends with one bot's token; see `bot.chat.Sender`.  Times are in seconds."""

    name = "discord"

    def __init__(self, settings: Settings, *, http_seconds: float = HTTP_SECONDS) -> None:
        self._requests = Requests(settings, http_seconds=http_seconds)
        self._directs: dict[str, str] = {}  # a person's conversation with the bot

    # ---- what a message looks like

    def compose(
        self, report: Report, *, buttons: Mapping[Button, str], reference: str, pictured: bool
    ) -> Payload:
        """Components of the second generation; the picture's place names a file that comes along.

        Buttons are found again as those of answers are.
        """
        values = {button: f"{CLICK}{value}" for button, value in buttons.items()}
        return _message(message(report, image=pictured, values=values, reference=reference))

    def plainer(self, payload: Payload) -> Payload | None:
        """All its text in one component; None when it is that already.

        Not as content, which a message of components may not be changed to.
        """
        parts = _components(payload)
        if [part["type"] for part in parts] == [TEXT]:
            return None
        text = "\n".join(part["content"] for part in _nested(parts) if part["type"] == TEXT)
        return _message([{"type": TEXT, "content": clip(text, MAX_PLAIN)}])

    def noted(self, payload: Payload, text: str) -> Payload:
        """The message with a small sentence at the end of its text; a file gets it alone."""
        note = f"-# {clip(text, NOTE // 2, escape)}"
        if not payload:
            return {"content": note}
        return {**payload, "components": _with_note(_components(payload), note)}

    # ---- what is sent

    async def send(self, outgoing: Outgoing) -> str:
        """The id of the message; a file is a message of its own."""
        channel = await self._channel(outgoing.address)
        body, file = self._request(outgoing)
        method, path = "POST", f"/channels/{channel}/messages"
        if outgoing.act == "edit":
            method, path = "PATCH", f"{path}/{outgoing.parent}"
        else:
            body |= {"nonce": nonce_of(outgoing.reference, channel), "enforce_nonce": True}
        if outgoing.act in ("reply", "file"):
            # The part of a message that somebody deleted still tells its news.
            body["message_reference"] = {"message_id": outgoing.parent, "fail_if_not_exists": False}
        made = await self._requests.call(method, path, body, file=file, effect=True)
        if not isinstance(made, dict) or "id" not in made:
            raise SendError("unknown", "no_id")
        return str(made["id"])

    def _request(self, outgoing: Outgoing) -> tuple[dict[str, object], File | None]:
        """The body, and the file that goes with it."""
        attached = outgoing.attachment
        if outgoing.act == "file":
            if attached is None:
                raise SendError("payload", "no_file")
            name = outgoing.file_name
            body: dict[str, object] = {"allowed_mentions": SILENT, **outgoing.payload}
            return body | _attachments(name, attached.alt), File(name, attached.content)
        payload = dict(outgoing.payload)
        shows = any(part["type"] == GALLERY for part in _nested(_components(payload)))
        if shows and attached is not None and len(attached.content) <= MAX_FILE:
            alt, picture = attached.alt, File(PICTURE, attached.content)
            return payload | _attachments(PICTURE, alt), picture
        if shows:
            bare = {**payload, "components": _without_picture(_components(payload))}
            payload = dict(self.noted(bare, NO_PICTURE))
        return payload | ({"attachments": []} if outgoing.act == "edit" else {}), None

    # ---- what is read

    async def find(self, outgoing: Outgoing, *, since: datetime) -> str | None:
        """The message of our own that shows the reference, or carries the file of that name."""
        if outgoing.act == "edit":
            return None
        channel = await self._channel(outgoing.address)
        me = await self._requests.me()
        said_anything = False
        async with aclosing(self._history(channel, since - EARLIER)) as history:
            async for said in history:
                said_anything = True
                if said["author"]["id"] == me and _is_it(said, outgoing):
                    return str(said["id"])
        if not said_anything:
            await self._require_history(outgoing.address)
        return None

    async def _history(self, channel: str, oldest: datetime) -> AsyncGenerator[Json]:
        """What was said since then, oldest page first."""
        after = discord.utils.time_snowflake(oldest, high=False)
        for _ in range(PAGES):
            path = f"/channels/{channel}/messages?after={after}&limit={PAGE}"
            try:
                page = await self._requests.call("GET", path)
            except SendError as error:
                if error.failure != "banned" and error.status in (FORBIDDEN, NOT_FOUND):
                    raise SendError("destination", error.code, status=error.status) from error
                raise
            for said in page:
                yield said
            if len(page) < PAGE:
                return
            after = max(int(said["id"]) for said in page)
        # More was said than is read here, and not found would be a guess.
        raise SendError("destination", "history_too_long")

    async def _require_history(self, address: Address) -> None:
        """Raise SendError where Discord shows an empty channel to whom it hides its history."""
        standing = await self.standing(address)
        if standing.can_read_history is False:
            raise SendError("destination", "history_hidden")

    async def standing(self, address: Address, *, person: str = "") -> Standing:
        """What the permissions of the channel say, asked right now."""
        return await standing_of(self._requests, address, person)

    async def probe(self, external_id: str) -> None:
        """Ask Discord who we are; one token serves every guild."""
        del external_id
        await self._requests.call("GET", "/users/@me")

    async def close(self) -> None:
        """Let go of connections."""
        await self._requests.close()

    async def _channel(self, address: Address) -> str:
        """The channel that an address means; a person's is opened, which posts nothing."""
        person = address.channel_id
        if not address.is_direct:
            return person
        if person not in self._directs:
            body = {"recipient_id": person}
            made = await self._requests.call("POST", "/users/@me/channels", body)
            self._directs[person] = str(made["id"])
        return self._directs[person]


def _message(components: list[dict[str, object]]) -> dict[str, object]:
    return {"flags": COMPONENTS, "components": components, "allowed_mentions": SILENT}


def _attachments(name: str, alt: str) -> dict[str, object]:
    described = {"description": alt[:MAX_ALT]} if alt else {}
    return {"attachments": [{"id": 0, "filename": name, **described}]}


def _components(payload: Payload) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", payload.get("components") or [])


def _nested(parts: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for part in parts:
        yield part
        yield from _nested(part.get("components", []))


def _without_picture(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = (part for part in parts if part["type"] != GALLERY)
    return [
        {**part, "components": _without_picture(part["components"])}
        if "components" in part
        else part
        for part in kept
    ]


def _with_note(parts: list[dict[str, Any]], note: str) -> list[dict[str, Any]]:
    """The components with the note below the last text of the first container, or alone."""
    place = max(i for i, part in enumerate(parts) if part["type"] in (TEXT, CONTAINER))
    part = parts[place]
    if part["type"] == TEXT:
        changed = {**part, "content": f"{part['content']}\n{note}"}
    else:
        changed = {**part, "components": _with_note(part["components"], note)}
    return [*parts[:place], changed, *parts[place + 1 :]]


def _is_it(said: Json, outgoing: Outgoing) -> bool:
    if outgoing.act == "file":
        return any(one["filename"] == outgoing.file_name for one in said.get("attachments") or ())
    texts = [
        said.get("content") or "",
        *(p.get("content", "") for p in _nested(said["components"])),
    ]
    whole = re.compile(rf"\bref {re.escape(outgoing.reference)}\b")
    return any(map(whole.search, texts))
