"""Who is asking, from Slack's directory: name and mail for members, and who is a guest.

A day's cache, so that an answer rarely waits for the directory.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.context import Identity

REMEMBERED = timedelta(days=1)
MOST = 20_000
OUTSIDE = ("is_restricted", "is_ultra_restricted", "is_stranger", "is_bot", "deleted")


class People:
    """The people of one team; everybody else is a guest without asking Slack."""

    def __init__(self, web: AsyncWebClient, *, team: str, now: Callable[[], datetime]) -> None:
        self._web = web
        self._team = team
        self._now = now
        self._known: dict[str, tuple[datetime, Identity]] = {}

    async def identity(self, team: str, user: str) -> Identity:
        """The identity of a user id; raises what the Web API raises when it does not answer."""
        if team != self._team:
            return Identity("slack", team, user, guest=True)
        kept = self._known.get(user)
        if kept is not None and self._now() - kept[0] < REMEMBERED:
            return kept[1]
        reply = await self._web.users_info(user=user)
        found = self._read(user, reply["user"])
        # Whole, not one by one: it happens once in months, and a day later it were empty anyway.
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[user] = (self._now(), found)
        return found

    def _read(self, user: str, record: dict[str, Any]) -> Identity:
        profile = record.get("profile") or {}
        # In an Enterprise Grid a member of several teams is listed under one of them.
        teams = {record.get("team_id"), *(record.get("enterprise_user") or {}).get("teams", ())}
        guest = self._team not in teams or any(record.get(flag) for flag in OUTSIDE)
        return Identity(
            platform="slack",
            external_id=self._team,
            user_id=user,
            name=profile.get("real_name") or record.get("name") or "",
            email=None if guest else profile.get("email"),
            guest=guest,
        )
