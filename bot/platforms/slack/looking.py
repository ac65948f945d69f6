"""What a sender reads in Slack: earlier tries of a message, and how it stands with a channel."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any

from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.chat import Address, Outgoing, SendError, Standing
from bot.platforms.slack.people import OUTSIDE
from bot.platforms.slack.requests import Requests

EVENT = "creditbot_delivery"
EARLIER = timedelta(seconds=60)  # Slack's clock and ours differ
PAGE, MEMBERS, PAGES = 200, 1_000, 10
UNREADABLE = frozenset({"missing_scope", "not_in_channel", "channel_not_found", "thread_not_found"})


class Looking:
    """Reads channels and threads; raises SendError."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def find(self, outgoing: Outgoing, *, since: datetime) -> str | None:
        """The message of our own that carries the reference, or the file of that name."""
        channel = await self._requests.channel(outgoing.address)
        me = await self._requests.me()
        async with aclosing(self._history(outgoing, channel, since - EARLIER)) as history:
            async for said in history:
                found = _match(said, outgoing)
                if found and (said.get("bot_id") == me.bot or said.get("user") == me.user):
                    return found
        return None

    async def _history(
        self, outgoing: Outgoing, channel: str, oldest: datetime
    ) -> AsyncGenerator[Mapping[str, Any]]:
        """What was said in the channel since then, the newest first, or in the whole thread.

        A page at a time and at least one: `oldest` is told by our clock, which may have been wrong.
        """
        where: dict[str, Any] = {"channel": channel, "limit": PAGE, "include_all_metadata": True}
        if outgoing.act != "post":
            where["ts"] = outgoing.parent
        for _ in range(PAGES):
            try:
                reply = await self._read(where)
            except SendError as error:
                if error.code in UNREADABLE:
                    raise SendError("destination", error.code) from error
                raise
            page = reply.get("messages") or []
            for said in page:
                yield said
            where["cursor"] = _next_page(reply)
            is_past = "ts" not in where and page and float(page[-1]["ts"]) < oldest.timestamp()
            if is_past or not where["cursor"]:
                return
        # More was said than is read here, and not found would be a guess.
        raise SendError("destination", "history_too_long")

    async def _read(self, where: Mapping[str, Any]) -> AsyncSlackResponse:
        """A page of a channel, or of the thread of the message `ts`."""
        web = self._requests.clients.posts
        if "ts" in where:
            return await self._requests.called(
                "conversations.replies", lambda: web.conversations_replies(**where)
            )
        return await self._requests.called(
            "conversations.history", lambda: web.conversations_history(**where)
        )

    async def standing(self, address: Address, person: str) -> Standing:
        """What Slack says about a channel; its history is not read for that, which is scarce."""
        if address.is_direct:
            return await self._standing_of_person(address, person)
        channel, web = address.channel_id, self._requests.clients.posts
        info = await self._requests.called(
            "conversations.info", lambda: web.conversations_info(channel=channel)
        )
        facts = info["channel"]
        inside, is_private = bool(facts.get("is_member")), bool(facts.get("is_private"))
        return Standing(
            name=str(facts.get("name") or ""),
            # With chat:write.public a public channel needs no membership; its history does.
            can_post=not facts.get("is_archived") and (inside or not is_private),
            can_read_history=inside and _grants(info, "groups" if is_private else "channels"),
            is_external=bool(facts.get("is_ext_shared") or facts.get("is_pending_ext_shared")),
            is_member=await self._is_inside(channel, person) if person else None,
        )

    async def _standing_of_person(self, address: Address, person: str) -> Standing:
        web = self._requests.clients.posts
        reply = await self._requests.called(
            "users.info", lambda: web.users_info(user=address.channel_id)
        )
        user = reply["user"]
        name = (user.get("profile") or {}).get("real_name") or user.get("name") or ""
        return Standing(
            name=str(name),
            can_post=not user.get("deleted"),
            can_read_history=_grants(reply, "im"),
            is_external=any(user.get(flag) for flag in OUTSIDE),
            is_member=person == address.channel_id if person else None,
        )

    async def _is_inside(self, channel: str, person: str) -> bool | None:
        """Whether a person is in a channel; None where it has too many members to ask."""
        web, cursor = self._requests.clients.posts, ""
        for _ in range(PAGES):
            reply = await self._requests.called(
                "conversations.members",
                lambda: web.conversations_members(  # called before the cursor moves on
                    channel=channel,
                    limit=MEMBERS,
                    cursor=cursor or None,  # noqa: B023
                ),
            )
            if person in (reply.get("members") or []):
                return True
            cursor = _next_page(reply)
            if not cursor:
                return False
        return None


def _grants(reply: AsyncSlackResponse, kind: str) -> bool | None:
    """Whether the token may read histories of a kind; Slack lists its scopes with every answer."""
    headers = {name.lower(): value for name, value in reply.headers.items()}
    if "x-oauth-scopes" not in headers:
        return None
    return f"{kind}:history" in {scope.strip() for scope in headers["x-oauth-scopes"].split(",")}


def _match(said: Mapping[str, Any], outgoing: Outgoing) -> str | None:
    if outgoing.act == "file":
        wanted = outgoing.file_name
        return next((f["id"] for f in said.get("files") or () if f.get("name") == wanted), None)
    metadata = said.get("metadata") or {}
    key = (metadata.get("event_payload") or {}).get("key")
    is_it = metadata.get("event_type") == EVENT and key == outgoing.reference
    return str(said["ts"]) if is_it else None


def _next_page(reply: AsyncSlackResponse) -> str:
    return (reply.get("response_metadata") or {}).get("next_cursor") or ""
