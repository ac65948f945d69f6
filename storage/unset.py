"""Platforms that messages go to and that nobody has set up here: what waits, and since when.

A platform taken out of the settings takes nothing; that is how somebody wanted it, and no fault.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlmodel import SQLModel

from storage.outbox import DELIVERY
from storage.outgoing import TO_RENDER, TO_SEND
from storage.preferences import set_state, state
from storage.replicas import KEPT as REPLICA_KEPT
from storage.replicas import serving

PREFIX: Final = "unset:"
NOT_SET_UP: Final = "its platform is not set up here"
KEPT: Final = timedelta(days=30)  # what waits so long is not worth telling any more
_DESTINATION = SQLModel.metadata.tables["destination"]
_SUBSCRIPTION = SQLModel.metadata.tables["subscription"]
_STATE = SQLModel.metadata.tables["state"]


@dataclass(frozen=True, slots=True)
class Unset:
    """A stretch of time in which a platform was not set up, as far as somebody looked."""

    since: datetime
    seen: datetime


@dataclass(frozen=True, slots=True)
class Idle:
    """What goes to a platform that is not set up: digests that run, messages that wait."""

    platform: str
    digests: int
    messages: int


def idle_platforms(connection: sa.Connection, platforms: Collection[str]) -> list[Idle]:
    """Every platform that something goes to, and that is none of those set up."""
    d, s = _DESTINATION.c, _SUBSCRIPTION.c
    its = sa.and_(d.workspace_id == s.workspace_id, d.id == s.destination_id)
    runs = sa.and_(s.ended_at.is_(None), ~s.is_paused)
    count = sa.func.count()
    digests = (
        sa.select(d.platform, count)
        .select_from(_DESTINATION.join(_SUBSCRIPTION, its))
        .where(d.platform.not_in(platforms), runs)
        .group_by(d.platform)
    )
    found = {platform: Idle(platform, many, 0) for platform, many in connection.execute(digests)}
    for these in (TO_RENDER, TO_SEND):
        # In the words of the partial indexes, or all of the history is read.
        waiting = sa.select(DELIVERY.c.workspace_id, DELIVERY.c.destination_id)
        open_ = waiting.where(sa.text(these)).subquery()
        mine = sa.and_(d.workspace_id == open_.c.workspace_id, d.id == open_.c.destination_id)
        messages = (
            sa.select(d.platform, count)
            .select_from(_DESTINATION.join(open_, mine))
            .where(d.platform.not_in(platforms))
            .group_by(d.platform)
        )
        for platform, many in connection.execute(messages):
            known = found.get(platform, Idle(platform, 0, 0))
            found[platform] = Idle(platform, known.digests, known.messages + many)
    return [found[platform] for platform in sorted(found)]


def note_unset(connection: sa.Connection, platform: str, now: datetime, *, gap: timedelta) -> None:
    """Keep that a platform is not set up now; what was seen within `gap` is the same stretch."""
    known = _parsed(state(connection, PREFIX + platform))
    since = known.since if known is not None and now - known.seen <= gap else now
    set_state(connection, PREFIX + platform, f"{since.isoformat()}/{now.isoformat()}")


def unset_times(connection: sa.Connection) -> dict[str, Unset]:
    """When each platform was not set up the last time."""
    wanted = sa.select(_STATE.c.name, _STATE.c.value).where(
        _STATE.c.workspace_id == 0, _STATE.c.name.startswith(PREFIX, autoescape=True)
    )
    found = {
        name.removeprefix(PREFIX): _parsed(value) for name, value in connection.execute(wanted)
    }
    return {platform: unset for platform, unset in found.items() if unset is not None}


def end_unsendable(connection: sa.Connection, now: datetime, platforms: Collection[str]) -> int:
    """End what has waited for a platform that is not set up for longer than anybody cares.

    Also not in any replica of the last day: `platforms` are those of one process.
    """
    platforms = {*platforms, *serving(connection, now, within=REPLICA_KEPT)}
    idle = sa.exists().where(
        _DESTINATION.c.workspace_id == DELIVERY.c.workspace_id,
        _DESTINATION.c.id == DELIVERY.c.destination_id,
        _DESTINATION.c.platform.not_in(platforms),
    )
    # One that may have arrived stays in doubt for good.
    ended = sa.case((DELIVERY.c.maybe_sent_at.is_(None), "skipped"), else_="ambiguous")
    done = 0
    for these in (TO_RENDER, TO_SEND):
        old = sa.update(DELIVERY).where(sa.text(these), idle, DELIVERY.c.due_at < now - KEPT)
        over = {"lease_token": None, "lease_until": None, "ended_at": now}
        values = {"state": ended, "reason": NOT_SET_UP, **over}
        done += connection.execute(old.values(values)).rowcount
    return done


def _parsed(value: str | None) -> Unset | None:
    if value is None:
        return None
    since, seen = value.split("/")
    return Unset(datetime.fromisoformat(since), datetime.fromisoformat(seen))
