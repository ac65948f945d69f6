"""Which channels are shared with another organisation: no envelope of Slack says it.

Asked only before something is changed, and remembered for some minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from analytics.errors import UserError
from bot.context import Place
from bot.platforms.slack.faults import NOT_INSIDE, TROUBLE, word_of
from bot.registry import parse

REMEMBERED = timedelta(minutes=10)
MOST = 5_000


def is_shared(facts: Mapping[str, Any]) -> bool:
    """Whether a channel is, or is about to be, read by another organisation."""
    return bool(facts.get("is_ext_shared") or facts.get("is_pending_ext_shared"))


class Channels:
    """The channels of one team, as far as they were asked for."""

    def __init__(self, web: AsyncWebClient, *, now: Callable[[], datetime]) -> None:
        self._web = web
        self._now = now
        self._known: dict[str, tuple[datetime, bool]] = {}

    async def place_of(self, line: str, place: Place | None) -> Place | None:
        """The place, with who reads along where the line needs that; unknown when Slack is mute.

        A private channel without the bot is hidden: nothing is known of it until it is invited.
        """
        if place is None or place.is_direct or not _is_change(line):
            return place
        kept = self._known.get(place.channel_id)
        if kept is None or self._now() - kept[0] >= REMEMBERED:
            try:
                reply = await self._web.conversations_info(channel=place.channel_id)
            except TROUBLE as error:
                return replace(place, is_hidden=word_of(error) in NOT_INSIDE)
            kept = self._now(), is_shared(reply["channel"])
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[place.channel_id] = kept
        return replace(place, is_external=kept[1])


def _is_change(line: str) -> bool:
    with suppress(UserError):
        return parse(line).command.changes
    return False
