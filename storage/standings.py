"""What the bot may do in channels: looked at when they are new, then once a day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa

from storage.claims import DESTINATION, LANE, LONGEST_WAIT, PAUSE, Lane, is_over
from storage.pauses import waits
from storage.text import clean

DAILY = timedelta(days=1)
MAX_NAME = 200


def to_look_at(
    connection: sa.Connection, now: datetime, *, platforms: Collection[str], limit: int
) -> list[tuple[Lane, bool]]:
    """Channels that nobody looked at for a day, with whether it is the first time; new ones first.

    Those that are asked nothing now, because their platform said so, are left out.
    """
    d = DESTINATION
    is_paused = sa.exists().where(
        PAUSE.c.workspace_id == d.c.workspace_id,
        PAUSE.c.platform == d.c.platform,
        PAUSE.c.external_id == d.c.external_id,
        waits(now),
    )
    # A look that lies ahead was noted by a clock that was ahead.
    is_due = sa.or_(
        d.c.checked_at.is_(None), is_over(d.c.checked_at, now - DAILY, DAILY + LONGEST_WAIT)
    )
    wanted = (
        sa.select(*LANE, d.c.checked_at.is_(None).label("is_first"))
        .where(d.c.state == "ok", d.c.platform.in_(platforms), is_due, ~is_paused)
        .where(is_over(d.c.not_before, now, LONGEST_WAIT))
        .order_by(d.c.checked_at.is_not(None), d.c.checked_at, d.c.workspace_id, d.c.id)
        .limit(limit)
    )
    return [(Lane(*lane), bool(first)) for *lane, first in connection.execute(wanted)]


def keep_standing(  # noqa: PLR0913  # what is known of a channel, each by name
    connection: sa.Connection,
    lane: Lane,
    now: datetime,
    *,
    name: str,
    can_post: bool | None,
    can_read_history: bool | None,
    is_external: bool,
) -> None:
    """Keep what a platform says of a channel; its name where it says one."""
    named = {"name": clean(name, MAX_NAME)} if name else {}
    values = {"can_post": can_post, "can_read_history": can_read_history, **named}
    _change(connection, lane, **values, is_external=is_external, checked_at=now)


def ask_later(connection: sa.Connection, lane: Lane, until: datetime) -> None:
    """Ask nothing of a channel before a moment, as its platform wishes."""
    later = DESTINATION.c.not_before < until
    _change(connection, lane, later, not_before=until)


def look_again(connection: sa.Connection, lane: Lane, at: datetime) -> None:
    """Look at a known channel again at a moment; what goes there goes on meanwhile."""
    _change(connection, lane, checked_at=at - DAILY)


def _change(
    connection: sa.Connection, lane: Lane, *conditions: sa.ColumnElement[bool], **values: object
) -> None:
    ours = sa.and_(DESTINATION.c.workspace_id == lane.workspace_id, DESTINATION.c.id == lane.id)
    connection.execute(sa.update(DESTINATION).where(ours, *conditions).values(**values))
