"""Which channels are shared with another organisation: no envelope of Slack says it.

Asked before a line is answered in a channel, and remembered for some minutes: an answer rarely
waits for that, and a question never long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from slack_sdk.web.async_client import AsyncWebClient

from analytics.errors import UserError
from bot.calls import Command
from bot.context import Place
from bot.platforms.slack.faults import NOT_INSIDE, TROUBLE, word_of
from bot.registry import parse

REMEMBERED = timedelta(minutes=10)
UNKNOWN_FOR = timedelta(minutes=1)  # a question does not ask again so soon after Slack was mute
PATIENCE = 2.0  # seconds that a question waits; what is changed waits as long as it takes
MOST = 5_000
Kept = TypeVar("Kept")


def is_shared(facts: Mapping[str, Any]) -> bool:
    """Whether a channel is, or is about to be, read by another organisation."""
    return bool(facts.get("is_ext_shared") or facts.get("is_pending_ext_shared"))


class Channels:
    """The channels of one team, as far as they were asked for."""

    def __init__(self, web: AsyncWebClient, *, now: Callable[[], datetime]) -> None:
        self._web = web
        self._now = now
        self._known: dict[str, tuple[datetime, bool]] = {}
        self._mute: dict[str, datetime] = {}

    async def place_of(self, line: str, place: Place | None) -> Place | None:
        """The place, with who reads along where the line needs that; unknown when Slack is mute.

        A private channel without the bot is hidden: nothing is known of it until it is invited.
        """
        chosen = _command(line)
        if place is None or place.is_direct or chosen is None or chosen.for_anyone:
            return place
        try:
            look = self._look if chosen.changes else self._glance
            return replace(place, is_external=await look(place.channel_id))
        except TROUBLE as error:
            return replace(place, is_hidden=word_of(error) in NOT_INSIDE)

    def known(self, place: Place | None) -> Place | None:
        """The place as it is remembered, without asking Slack."""
        if place is None or place.is_direct:
            return place
        return replace(place, is_external=self._remembered(place.channel_id))

    async def _glance(self, channel: str) -> bool | None:
        """What `_look` says where that is soon; None where Slack was mute a moment ago."""
        mute = self._mute.get(channel)
        if mute is not None and self._now() - mute < UNKNOWN_FOR:
            return self._remembered(channel)
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._look(channel)
        except TROUBLE:
            _keep(self._mute, channel, self._now())
            raise

    async def _look(self, channel: str) -> bool:
        """Whether another organisation reads along; raises one of TROUBLE."""
        kept = self._remembered(channel)
        if kept is None:
            reply = await self._web.conversations_info(channel=channel)
            kept = is_shared(reply["channel"])
            _keep(self._known, channel, (self._now(), kept))
        return kept

    def _remembered(self, channel: str) -> bool | None:
        at, known = self._known.get(channel, (self._now() - REMEMBERED, None))
        return known if self._now() - at < REMEMBERED else None


def _keep(memory: dict[str, Kept], channel: str, what: Kept) -> None:
    # Whole, not one by one: some minutes later it were empty anyway.
    if len(memory) >= MOST:
        memory.clear()
    memory[channel] = what


def _command(line: str) -> Command | None:
    """The command of a line; None for one that says none."""
    with suppress(UserError):
        return parse(line).command
    return None
