"""Which processes run on this database, when each ticked, and how its parts are.

It is for people to read.  The one thing decided by it is whether a platform that is not set up in
one process is served by another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlmodel import SQLModel

from storage.leases import database_clock
from storage.preferences import set_state, state

LAST_TICK = "last_tick_at"
REPLICA = "replica:"
KEPT = timedelta(days=1)  # then a replica that ticks no more is forgotten
UNSET: Final = "not set up"  # how the state of a platform begins that nobody set up: no fault
MAX_WORDS = 150  # of one part's state: the row has room for 2,000 characters
_STATE = SQLModel.metadata.tables["state"]


@dataclass(frozen=True, slots=True)
class Replica:
    """A process that ticked `at`, with the states of its parts in words."""

    name: str
    at: datetime
    parts: Mapping[str, str]


def note_tick(
    connection: sa.Connection, replica: str, parts: Mapping[str, str], *, now: datetime
) -> datetime | None:
    """Keep that a replica ticked; gives the database's clock, None where it has none of its own."""
    told = database_clock(connection)
    at = (told or now).isoformat()
    short = {name: words[:MAX_WORDS] for name, words in parts.items()}
    set_state(connection, LAST_TICK, at)
    set_state(connection, REPLICA + replica, json.dumps({"at": at, "parts": short}))
    return told


def last_tick(connection: sa.Connection) -> datetime | None:
    """When any replica ticked the last time."""
    found = state(connection, LAST_TICK)
    return None if found is None else datetime.fromisoformat(found)


def replicas(connection: sa.Connection) -> list[Replica]:
    """Those that ticked within a day, the latest first."""
    wanted = sa.select(_STATE.c.name, _STATE.c.value).where(_is_replica())
    found = [_replica(*row) for row in connection.execute(wanted)]
    return sorted(found, key=lambda one: one.at, reverse=True)


def serving(connection: sa.Connection, now: datetime, *, within: timedelta) -> set[str]:
    """The parts that a replica has set up which ticked within a time, well or not."""
    there = database_clock(connection) or now
    alive = [one for one in replicas(connection) if there - one.at <= within]
    return {part for one in alive for part, words in one.parts.items() if is_set_up(words)}


def is_set_up(words: str) -> bool:
    """Whether the state of a part does not say that nobody set it up."""
    return not words.startswith(UNSET)


def forget_replicas(connection: sa.Connection, *, now: datetime) -> None:
    """Forget those that did not tick for a day."""
    for one in replicas(connection):
        if one.at < now - KEPT:
            gone = sa.delete(_STATE).where(_is_replica(), _STATE.c.name == REPLICA + one.name)
            connection.execute(gone)


def _is_replica() -> sa.ColumnElement[bool]:
    return sa.and_(_STATE.c.workspace_id == 0, _STATE.c.name.startswith(REPLICA, autoescape=True))


def _replica(name: str, value: str) -> Replica:
    told = json.loads(value)
    return Replica(name.removeprefix(REPLICA), datetime.fromisoformat(told["at"]), told["parts"])
