"""The channels of the Discord double: posts with their nonces, changes, history, permissions.

A nonce is remembered for `nonce_window` seconds; a message is seen in the history only
`history_delay` seconds after it was taken.  `record` gets everything that people can see, the
moment it exists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.doubles import discord_objects as objects
from tests.doubles.discord_description import COMPONENTS_V2, Json, refusal

NOW = 1774875900.0
DISCORD_EPOCH = 1_420_070_400.0
MINUTES = 300.0
Reply = tuple[int, Any]
UNKNOWN_CHANNEL: Reply = (404, {"message": "Unknown Channel", "code": 10003})
UNKNOWN_MESSAGE: Reply = (404, {"message": "Unknown Message", "code": 10008})


class Channels:
    """Channels of one guild and direct conversations; the clock gives epoch seconds."""

    base: str
    guild: str
    channel: str
    bot: Json
    alice: Json
    violations: list[str]

    def __init__(self) -> None:
        super().__init__()
        self.clock: Callable[[], float] = lambda: NOW
        self.record: Callable[[Json], None] = lambda _: None
        self.posts: list[Json] = []
        self.channels: dict[str, Json] = {}
        self.overwrites: list[Json] = []
        self.everyone = objects.EVERYTHING
        self.may_not: int = 0  # a code of Discord's with which every post is refused
        self.history_delay = 0.0
        self.nonce_window = MINUTES
        self._nonces: dict[str, tuple[Json, float]] = {}
        self._taken_at: dict[str, float] = {}
        self._directs: dict[str, str] = {}
        self._count = 0

    def add_channel(self, key: str, *, name: str) -> None:
        """A text channel of the guild."""
        self.channels[key] = {"id": key, "name": name}

    def _known(self, channel: str) -> bool:
        known = {self.channel, *self.channels, *self._directs.values()}
        return channel in known

    # ---- posting

    def post(self, channel: str, body: Json, files: Mapping[str, bytes]) -> Reply:
        """A new message, or the one that this nonce made a while ago."""
        if not self._known(channel):
            return UNKNOWN_CHANNEL
        if self.may_not:
            return 403, {"message": "refused", "code": self.may_not}
        if wrong := refusal(body, dict(files), v2=False):
            return self.refused(wrong)
        nonce, at = str(body.get("nonce", "")), self.clock()
        earlier, taken_at = self._nonces.get(nonce, ({}, 0.0))
        if body.get("enforce_nonce") and earlier and at - taken_at < self.nonce_window:
            return 200, earlier
        made = self.made(channel, body, files)
        made["id"] = self._snowflake(at)
        if "message_reference" in body:
            reference = {**body["message_reference"], "channel_id": channel}
            made["message_reference"] = {**reference, "type": 0}
            made["message_reference"].pop("fail_if_not_exists", None)
        self._nonces[nonce] = (made, at)
        self._taken_at[made["id"]] = at
        self.posts.append(made)
        said = {"did": "message", "id": made["id"], "key": nonce, "channel": channel, "at": at}
        said["thread"] = body.get("message_reference", {}).get("message_id")
        self.record({**said, "text": _texts(made), "files": sorted(files)})
        return 200, made

    def change(self, channel: str, key: str, body: Json, files: Mapping[str, bytes]) -> Reply:
        """Another content in the place of a message's."""
        found = next((m for m in self.posts if m["id"] == key and m["channel_id"] == channel), None)
        if found is None:
            return UNKNOWN_MESSAGE
        if wrong := refusal(body, dict(files), v2=bool(found["flags"] & COMPONENTS_V2)):
            return self.refused(wrong)
        made = self.made(channel, body, files)
        found |= {key: made[key] for key in ("content", "components", "attachments")}
        self.record({"did": "edit", "id": key, "channel": channel})
        return 200, found

    def made(self, channel: str, body: Json, files: Mapping[str, bytes]) -> Json:
        """A message as it comes back."""
        attached = [
            {
                "id": objects.flake(),
                "filename": name,
                "size": len(content),
                "url": f"{self.base}/cdn/{name}",
                "proxy_url": f"{self.base}/cdn/{name}",
            }
            for name, content in files.items()
        ]
        urls = {f"attachment://{one['filename']}": str(one["url"]) for one in attached}
        return {**objects.message(self.bot, channel, body, urls), "attachments": attached}

    def refused(self, reason: str) -> Reply:
        """What Discord's own rules forbid is a violation of whoever sends it."""
        self.violations.append(f"Discord refuses: {reason}")
        return 400, {"message": reason, "code": 50035}

    def _snowflake(self, at: float) -> str:
        self._count += 1
        return str((int((at - DISCORD_EPOCH) * 1000) << 22) + self._count % (1 << 22))

    # ---- reading

    def history(self, channel: str, query: Mapping[str, str]) -> Reply:
        """The messages after an id, the newest first, as far as they can be seen by now."""
        if not self._known(channel):
            return UNKNOWN_CHANNEL
        shown_until = self.clock() - self.history_delay
        after, limit = int(query.get("after", 0)), int(query.get("limit", 50))
        found = [
            message
            for message in self.posts
            if message["channel_id"] == channel
            and int(message["id"]) > after
            and self._taken_at[message["id"]] <= shown_until
        ]
        return 200, sorted(found, key=lambda one: int(one["id"]))[:limit][::-1]

    def direct(self, person: str) -> Reply:
        """The conversation of the bot with somebody."""
        channel = self._directs.setdefault(person, objects.flake())
        recipient = objects.user(person, "somebody")
        return 200, {
            "id": channel,
            "type": 1,
            "flags": 0,
            "last_message_id": None,
            "recipients": [recipient],
        }

    def channel_of(self, key: str) -> Reply:
        """A text channel of the guild."""
        known = {self.channel: {"name": "general"}, **self.channels}
        if key not in known:
            return UNKNOWN_CHANNEL
        return 200, objects.channel(
            key, guild=self.guild, name=known[key]["name"], overwrites=self.overwrites
        )

    def guild_of(self) -> Reply:
        """The guild with the rights of everybody in it."""
        return 200, objects.guild_over_rest(
            self.guild, owner=objects.OWNER, permissions=self.everyone
        )


def _texts(message: Json) -> str:
    """What is to be read in a message."""

    def read(parts: list[Json]) -> list[str]:
        inner = [text for part in parts for text in read(part.get("components", []))]
        return [*(part["content"] for part in parts if "content" in part), *inner]

    return "\n".join([message["content"], *read(message["components"])])
