"""Buttons that outlive their message, and envelopes that arrive twice.

A button that changes something carries only the random id of a row here.  A row is good for one
workspace, one platform, perhaps one user, and until it expires; anything else is None, whatever
the reason was.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.models  # noqa: F401  # declares the tables that are looked up below
from storage.engine import insert_for

LIFETIME = timedelta(days=30)
CLAIM = timedelta(minutes=5)  # longer than a share can take
SHARE = "share"  # the kind that is claimed, because what it does is not done in the database
SEEN_FOR = timedelta(hours=24)
MAX_KEY = 160
_ACTION = SQLModel.metadata.tables["action"]
_SEEN = SQLModel.metadata.tables["inbound_seen"]


@dataclass(frozen=True, slots=True)
class StoredAction:
    """What a button does; `user_id` is the only one who may press it, None for everybody."""

    id: str
    kind: str
    line: str
    user_id: str | None
    expires_at: datetime


def store_action(  # noqa: PLR0913  # what a button is good for, each part by name
    connection: sa.Connection,
    workspace_id: int,
    *,
    kind: str,
    line: str,
    platform: str,
    user_id: str | None,
    now: datetime,
    lifetime: timedelta = LIFETIME,
) -> str:
    """The id of a new button: 22 characters that cannot be guessed."""
    action_id = secrets.token_urlsafe(16)
    connection.execute(
        sa.insert(_ACTION).values(
            workspace_id=workspace_id,
            id=action_id,
            kind=kind,
            line=line,
            platform=platform,
            user_id=user_id,
            expires_at=now + lifetime,
        )
    )
    return action_id


def take_action(  # noqa: PLR0913  # everything a click is checked for, each part by name
    connection: sa.Connection,
    workspace_id: int,
    action_id: str,
    *,
    platform: str,
    user_id: str,
    now: datetime,
    single_use: bool = False,
) -> StoredAction | None:
    """What the button does, if this user may press it here and now; else None.

    With `single_use` only the first click gets it, also when two arrive at once; that needs a
    write transaction.  A claim of a share that nobody settled is over after CLAIM: whoever held it
    died.
    """
    good = sa.and_(
        _ACTION.c.workspace_id == workspace_id,
        _ACTION.c.id == action_id,
        _ACTION.c.platform == platform,
        _ACTION.c.expires_at > now,
        sa.or_(_ACTION.c.user_id.is_(None), _ACTION.c.user_id == user_id),
    )
    columns = (
        _ACTION.c.id,
        _ACTION.c.kind,
        _ACTION.c.line,
        _ACTION.c.user_id,
        _ACTION.c.expires_at,
    )
    if single_use:
        left = sa.and_(_ACTION.c.kind == SHARE, _ACTION.c.used_at <= now - CLAIM)
        free = sa.update(_ACTION).where(good, sa.or_(_ACTION.c.used_at.is_(None), left))
        row = connection.execute(free.values(used_at=now).returning(*columns)).first()
    else:
        unused = sa.select(*columns).where(good, _ACTION.c.used_at.is_(None))
        row = connection.execute(unused).first()
    return StoredAction(*row) if row else None


def give_back(connection: sa.Connection, workspace_id: int, action_id: str) -> None:
    """Let a button that was taken for a single use be pressed again."""
    taken = sa.and_(_ACTION.c.workspace_id == workspace_id, _ACTION.c.id == action_id)
    connection.execute(sa.update(_ACTION).where(taken).values(used_at=None))


def use_up(connection: sa.Connection, workspace_id: int, action_id: str, *, now: datetime) -> None:
    """End a button for good."""
    taken = sa.and_(_ACTION.c.workspace_id == workspace_id, _ACTION.c.id == action_id)
    connection.execute(sa.update(_ACTION).where(taken).values(used_at=now, expires_at=now))


def first_seen(
    connection: sa.Connection, workspace_id: int, *, platform: str, key: str, now: datetime
) -> bool:
    """True for the first arrival of an envelope, event or interaction; False for each repetition.

    Belongs into the transaction of the change: a change that is not kept was not seen either.
    """
    insert = insert_for(connection, _SEEN).values(
        workspace_id=workspace_id, platform=platform, seen_key=_short(key), seen_at=now
    )
    inserted = connection.execute(insert.on_conflict_do_nothing().returning(_SEEN.c.seen_key))
    return inserted.first() is not None


def first_arrival(
    connection: sa.Connection, keys: Collection[str], *, platform: str, now: datetime
) -> bool:
    """True when an envelope came to no replica before, by any of its keys; they are remembered.

    It is about answering, whatever workspace is asked, and knows nothing of the keys of changes.
    """
    # In one order, or two replicas wait for each other.
    rows = [
        {"workspace_id": 0, "platform": platform, "seen_key": short, "seen_at": now}
        for short in sorted({_short(key) for key in keys})
    ]
    insert = insert_for(connection, _SEEN).values(rows).on_conflict_do_nothing()
    return len(connection.execute(insert.returning(_SEEN.c.seen_key)).all()) == len(rows)


def _short(key: str) -> str:
    return key if len(key) <= MAX_KEY else hashlib.sha256(key.encode()).hexdigest()


def purge(connection: sa.Connection, *, now: datetime) -> None:
    """Forget expired buttons and arrivals older than 24 hours, in every workspace."""
    connection.execute(sa.delete(_ACTION).where(_ACTION.c.expires_at <= now))
    connection.execute(sa.delete(_SEEN).where(_SEEN.c.seen_at < now - SEEN_FOR))
