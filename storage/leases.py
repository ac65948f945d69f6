"""What one replica at a time may do: a row that ends by itself when its holder dies.

Every claim has a fresh random token, and only who knows it may renew or release.  On PostgreSQL
the database's clock decides, so replicas whose clocks differ agree; on SQLite it is the caller's.
A lease that would end later than any claim can make it is not trusted: the clock was moved back.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.outgoing  # noqa: F401  # declares the table that is looked up below
from storage.engine import insert_for

INSTALLATION = 0  # the workspace of what belongs to all of them
TRUSTED = 2  # times its length: a lease further in the future was taken by another clock
_LEASE = SQLModel.metadata.tables["lease"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A lease that was taken; `token` proves it."""

    name: str
    token: str
    lasting: timedelta


def acquire(
    connection: sa.Connection, name: str, *, holder: str, lasting: timedelta, now: datetime
) -> Claim | None:
    """The lease, when nobody holds it; else None.  `holder` is for people to read."""
    claim = Claim(name, secrets.token_hex(16), lasting)
    insert = insert_for(connection, _LEASE).values(
        workspace_id=INSTALLATION,
        name=name,
        holder=holder,
        token=claim.token,
        until=_time(connection, now, later=lasting),
    )
    is_free = sa.or_(
        _LEASE.c.until <= _time(connection, now),
        _LEASE.c.until > _time(connection, now, later=TRUSTED * lasting),
    )
    taken = insert.on_conflict_do_update(
        index_elements=["workspace_id", "name"],
        set_={one: insert.excluded[one] for one in ("holder", "token", "until")},
        where=is_free,
    )
    found = connection.execute(taken.returning(_LEASE.c.token)).scalars().all()
    return claim if found else None


def renew(connection: sa.Connection, claim: Claim, *, now: datetime) -> bool:
    """Hold on for another while; False when somebody else holds it by now."""
    until = _time(connection, now, later=claim.lasting)
    mine = sa.update(_LEASE).where(*_is(claim)).values(until=until)
    return bool(connection.execute(mine.returning(_LEASE.c.token)).scalars().all())


def release(connection: sa.Connection, claim: Claim) -> bool:
    """Let go, so that others need not wait for its end; False when it was somebody else's."""
    gone = sa.delete(_LEASE).where(*_is(claim)).returning(_LEASE.c.token)
    return bool(connection.execute(gone).scalars().all())


def holder_of(connection: sa.Connection, name: str, *, now: datetime) -> str | None:
    """Who holds a lease now."""
    row = sa.select(_LEASE.c.holder).where(
        _LEASE.c.workspace_id == INSTALLATION,
        _LEASE.c.name == name,
        _LEASE.c.until > _time(connection, now),
    )
    found: str | None = connection.execute(row).scalar()
    return found


def database_clock(connection: sa.Connection) -> datetime | None:
    """What time it is for the database; None for SQLite, which has our clock."""
    if connection.dialect.name == "sqlite":
        return None
    told: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return told.astimezone(UTC)


def _is(claim: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _LEASE.c.workspace_id == INSTALLATION,
        _LEASE.c.name == claim.name,
        _LEASE.c.token == claim.token,
    )


def _time(
    connection: sa.Connection, now: datetime, *, later: timedelta = timedelta()
) -> sa.ColumnElement[datetime]:
    """The clock that decides, asked when the statement looks at the row and not before."""
    if connection.dialect.name == "sqlite":
        return sa.literal(now + later, _LEASE.c.until.type)
    return sa.func.clock_timestamp(type_=_LEASE.c.until.type) + later
