"""Channels are looked at when they are chosen, then once a day: may the bot post, who reads along.

A channel that must not be written to is stopped before anything goes there: one that is shared with
another organisation, one that the person who chose it is not in, one that the bot cannot post in.
Whoever chose it is told once.  One that is shared with others later is stopped at the next look.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
import structlog

from bot.chat import Address, Sender, SendError, Standing
from bot.delivery.sending import trouble_of
from bot.delivery.transactions import Transactions
from storage import locks
from storage.claims import Lane
from storage.endings import Trouble
from storage.notices import stop_channel
from storage.standings import ask_later, keep_standing, look_again, to_look_at

log = structlog.get_logger()
STANDINGS_SECONDS: Final = 5.0
AT_ONCE: Final = 5
PATIENCE: Final = 10.0  # seconds for what a platform says of one channel
AGAIN: Final = timedelta(minutes=1)  # after a look that said nothing
SHARED, NOT_IN, CLOSED = "ext_shared", "not_a_member", "cannot_post"


class Standings:
    """Looks at channels; `owners` are told what admins are told."""

    def __init__(
        self,
        transactions: Transactions,
        senders: Mapping[str, Sender],
        *,
        owners: Collection[str] = (),
        patience: float = PATIENCE,
    ) -> None:
        self._transactions = transactions
        self._senders = senders
        self._owners = owners
        self._patience = patience

    async def look(self) -> None:
        """Look at the channels that are due, a few at a time."""
        if not self._senders:
            return
        due = await self._transactions.read(
            lambda c, now: to_look_at(c, now, platforms=tuple(self._senders), limit=AT_ONCE)
        )
        for lane, is_first in due:
            await self._look_at(lane, is_first=is_first)

    async def _look_at(self, lane: Lane, *, is_first: bool) -> None:
        address = Address(lane.external_id, lane.channel_id, lane.is_direct)
        try:
            async with asyncio.timeout(self._patience):
                sender = self._senders[lane.platform]
                standing = await sender.standing(address, person=_chooser(lane))
        except SendError as error:
            await self._not_told(lane, trouble_of(error), is_first=is_first)
            return
        except TimeoutError:
            await self._not_told(lane, Trouble("unknown", "deadline"), is_first=is_first)
            return
        except Exception:  # an answer that we do not understand must not hide the other channels
            log.exception("channel.look_failed", channel=lane.id)
            await self._not_told(lane, Trouble("unknown", "bug"), is_first=is_first)
            return
        reason = _objection(lane, standing, is_first=is_first)
        await self._transactions.write(lambda c, now: self._keep(c, now, lane, standing, reason))

    def _keep(
        self,
        connection: sa.Connection,
        now: datetime,
        lane: Lane,
        standing: Standing,
        reason: str | None,
    ) -> None:
        locks.hold(connection, lane.workspace_id)  # before other rows: a notice is numbered
        keep_standing(
            connection,
            lane,
            now,
            name=standing.name,
            can_post=standing.can_post,
            can_read_history=standing.can_read_history,
            is_external=standing.is_external,
        )
        if reason is not None:
            self._stop(connection, now, lane, Trouble("destination", reason))

    def _stop(self, connection: sa.Connection, now: datetime, lane: Lane, trouble: Trouble) -> None:
        stop_channel(connection, lane, now, trouble, owners=self._owners)
        log.warning("channel.stopped", channel=lane.id, reason=trouble.code)

    async def _not_told(self, lane: Lane, trouble: Trouble, *, is_first: bool) -> None:
        """A new channel waits for its look and is stopped when it is gone; else a send tells."""
        log.info("channel.not_looked_at", channel=lane.id, reason=trouble.code)
        is_gone = trouble.outcome == "destination"

        def keep(connection: sa.Connection, now: datetime) -> None:
            locks.hold(connection, lane.workspace_id)
            if is_gone and is_first:
                self._stop(connection, now, lane, trouble)
                return
            wait = timedelta(seconds=trouble.retry_after or 0)
            if is_first:
                ask_later(connection, lane, now + max(wait, AGAIN))
                return
            # A look that fails says nothing against sending: only what was asked for is waited.
            look_again(connection, lane, now + max(wait, AGAIN))
            if trouble.retry_after:
                ask_later(connection, lane, now + wait)

        await self._transactions.write(keep)


def _chooser(lane: Lane) -> str:
    """The platform's id of whoever chose a channel; empty where that is nobody of it."""
    here = f"{lane.platform}:{lane.external_id}:"
    return lane.created_by.removeprefix(here) if lane.created_by.startswith(here) else ""


def _objection(lane: Lane, standing: Standing, *, is_first: bool) -> str | None:
    """Why nothing must go to a channel, most of it only of one just chosen; None where it may."""
    if lane.is_direct:
        return None
    if standing.is_external:
        return SHARED
    if not is_first:  # whether a post is taken, a post tells
        return None
    if standing.is_member is False:
        return NOT_IN
    return CLOSED if standing.can_post is False else None
