"""Keys of the HTTP interface: a public id and a secret of which only the digest is kept.

A key looks like `crk_<8 characters>_<43 characters>` and belongs to one workspace.  The secret part
is 32 random bytes, so one round of SHA-256 is enough.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.decisions  # noqa: F401  # declares the table that is looked up below
from storage.text import clean

KeyScope = Literal["ingest", "allowance", "export", "trials"]
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_FORM = re.compile(r"crk_([a-z0-9]{8})_([A-Za-z0-9_-]{43})")
_NOBODY = sha256(b"nobody").hexdigest()  # what an unknown id is compared with
_MINUTE = timedelta(minutes=1)
_KEY = SQLModel.metadata.tables["api_key"]


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key; its secret is not."""

    workspace_id: int
    id: str
    name: str
    scope: KeyScope
    created_at: datetime
    created_by: str
    last_used_at: datetime | None
    revoked_at: datetime | None


_COLUMNS = [_KEY.c[name] for name in Key.__slots__]


def create_key(
    connection: sa.Connection,
    workspace_id: int,
    name: str,
    scope: KeyScope,
    *,
    created_by: str,
    now: datetime,
) -> tuple[Key, str]:
    """A new key, and the whole of it in clear: to be shown once, because nobody can tell it again.

    `name` is also the source that what it brings belongs to.
    """
    key_id = "".join(secrets.choice(_LETTERS) for _ in range(8))
    secret = secrets.token_urlsafe(32)
    row = {
        "workspace_id": workspace_id,
        "id": key_id,
        "name": clean(name),
        "scope": scope,
        "digest": _digest(secret),
        "created_at": now,
        "created_by": created_by,
    }
    created = connection.execute(sa.insert(_KEY).values(**row).returning(*_COLUMNS)).one()
    return Key(*created), f"crk_{key_id}_{secret}"


def find_key(connection: sa.Connection, text: str) -> Key | None:
    """The key that a request carries; None for an unknown, a wrong and a revoked one alike."""
    match = _FORM.fullmatch(text)
    key_id, secret = match.groups() if match else ("", "")
    wanted = sa.select(*_COLUMNS, _KEY.c.digest).where(_KEY.c.id == key_id)
    row = connection.execute(wanted).first()
    is_right = hmac.compare_digest(row.digest if row else _NOBODY, _digest(secret))
    if row is None or not is_right or row.revoked_at is not None:
        return None
    return Key(*row[:-1])


def keys_in(connection: sa.Connection, text: str) -> list[Key]:
    """The live keys that stand somewhere in a text, where none belongs."""
    found = (find_key(connection, match.group()) for match in _FORM.finditer(text))
    return [key for key in found if key is not None]


def check_key(connection: sa.Connection, text: str, scope: KeyScope) -> int | None:
    """The workspace that a key opens for a purpose; None when it opens none.

    `find_key` tells a key of another scope from one that is none.
    """
    key = find_key(connection, text)
    return key.workspace_id if key is not None and key.scope == scope else None


def mark_used(connection: sa.Connection, key: Key, *, now: datetime) -> None:
    """Remember that a key was used, to the minute: most requests then write nothing."""
    if key.last_used_at is not None and now - key.last_used_at < _MINUTE:
        return
    connection.execute(
        sa.update(_KEY).where(_one(key.workspace_id, key.id)).values(last_used_at=now)
    )


def list_keys(connection: sa.Connection, workspace_id: int) -> list[Key]:
    """Every key of a workspace, also the revoked ones, oldest first."""
    wanted = sa.select(*_COLUMNS).where(_KEY.c.workspace_id == workspace_id)
    return [Key(*row) for row in connection.execute(wanted.order_by(_KEY.c.created_at, _KEY.c.id))]


def revoke_key(
    connection: sa.Connection, workspace_id: int, key_id: str, *, now: datetime
) -> Key | None:
    """Let a key open nothing from now on; None when there is no such live key."""
    live = sa.and_(_one(workspace_id, key_id), _KEY.c.revoked_at.is_(None))
    revoked = sa.update(_KEY).where(live).values(revoked_at=now).returning(*_COLUMNS)
    row = connection.execute(revoked).first()
    return Key(*row) if row else None


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _one(workspace_id: int, key_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(_KEY.c.workspace_id == workspace_id, _KEY.c.id == key_id)
