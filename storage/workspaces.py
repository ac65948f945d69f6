"""Workspaces, and which chat team talks to which one.

A workspace is a closed world: everything else in storage is asked with its id.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.outgoing  # noqa: F401  # declares a table that is looked up below
from storage.catalog import seed_catalog
from storage.engine import insert_for
from storage.errors import DatabaseBusy, StorageError
from storage.events import MICRO
from storage.preferences import preference, set_preference, set_state, state
from storage.text import MAX_NAME, clean, folded
from storage.timekeys import Clock

__all__ = [
    "DEFAULT_NAME",
    "OFFSET",
    "TIERS",
    "WorkspaceInfo",
    "bind_chat",
    "bound_workspace",
    "check_zone",
    "create_workspace",
    "find_workspace",
    "list_chats",
    "list_workspaces",
    "preference",
    "release_chat",
    "set_credit_unit",
    "set_peak",
    "set_preference",
    "set_state",
    "set_zone",
    "state",
    "workspace_by_id",
    "zone_names",
]

DEFAULT_NAME = "default"
TIERS = (MICRO, 2 * MICRO)  # standard and premium begin there where nobody chose otherwise
DECIDING = ("tiers", "week_start")  # preferences that decide what numbers mean
_WORKSPACE = SQLModel.metadata.tables["workspace"]
_LINK = SQLModel.metadata.tables["chat_link"]
_DESTINATION = SQLModel.metadata.tables["destination"]
OFFSET = re.compile(r"(?:utc|gmt)?\s*[+-]\s*\d{1,2}(?::?\d{2})?", re.ASCII | re.IGNORECASE)
RELEASED = "released"  # why nothing goes to the channels of a team any more


@dataclass(frozen=True, slots=True)
class WorkspaceInfo:
    """One workspace: its zone decides days, its peak hours the classes of response times.

    `credit_unit` is the unit that the workspace counts in, None until the first usage brings one.
    `tiers` are the multipliers, in millionths, from which on a model is standard and premium;
    `week_start` is the first day of a week, 0 for Monday.
    """

    id: int
    name: str
    zone: str
    peak: tuple[int, int]
    credit_unit: str | None
    tiers: tuple[int, int] = TIERS
    week_start: int = 0

    def clock(self) -> Clock:
        """A fresh clock of this workspace; keep it, it remembers what it computed."""
        return Clock(self.zone, peak=self.peak)


def create_workspace(
    connection: sa.Connection, name: str, *, zone: str, now: datetime
) -> WorkspaceInfo:
    """A new workspace with the default catalogue.

    Raises StorageError for a zone that does not exist and for a name that is blank or taken.
    """
    if not folded(name):
        raise StorageError(f'"{name}" is no name.', hint="Give the workspace a name that shows.")
    check_zone(zone)
    shown = clean(name, MAX_NAME)
    if any(folded(other.name) == folded(shown) for other in list_workspaces(connection)):
        raise StorageError(
            f'There is already a workspace "{shown}".', hint="Choose another name for the new one."
        )
    following = sa.select(sa.func.coalesce(sa.func.max(_WORKSPACE.c.workspace_id), 0) + 1)
    insert = insert_for(connection, _WORKSPACE).values(
        workspace_id=following.scalar_subquery(),
        name=shown,
        zone=zone,
        peak_start=9,
        peak_end=17,
        created_at=now,
    )
    # PostgreSQL may commit a rival's id between the max() and the insert.
    created = connection.execute(
        insert.on_conflict_do_nothing().returning(_WORKSPACE.c.workspace_id)
    ).scalar()
    if created is None:
        raise DatabaseBusy(
            "Another workspace was created at the same moment.", hint="Nothing was kept; try again."
        )
    seed_catalog(connection, created)
    return workspace_by_id(connection, created)


def find_workspace(connection: sa.Connection, name: str | None) -> WorkspaceInfo:
    """The workspace of a name; for None the one named "default", else the only one.

    Raises StorageError with the known names.
    """
    known = list_workspaces(connection)
    wanted = folded(DEFAULT_NAME if name is None else name)
    for workspace in known:
        if folded(workspace.name) == wanted:
            return workspace
    if name is None and len(known) == 1:
        return known[0]
    names = ", ".join(f'"{workspace.name}"' for workspace in known) or "none yet"
    if name is None:
        raise StorageError(
            "It is not clear which workspace is meant.", hint=f"Name one of them: {names}."
        )
    raise StorageError(f'There is no workspace "{clean(name)}".', hint=f"Known are: {names}.")


def workspace_by_id(connection: sa.Connection, workspace_id: int) -> WorkspaceInfo:
    """The workspace of an id; raises StorageError when there is none."""
    for row in connection.execute(_whole().where(_WORKSPACE.c.workspace_id == workspace_id)):
        return _workspace(row)
    raise StorageError(
        f"There is no workspace number {workspace_id}.",
        hint="`creditbot workspace list` shows the known ones.",
    )


def list_workspaces(connection: sa.Connection) -> tuple[WorkspaceInfo, ...]:
    """Every workspace, oldest first."""
    rows = connection.execute(_whole().order_by(_WORKSPACE.c.workspace_id))
    return tuple(map(_workspace, rows))


def set_zone(connection: sa.Connection, workspace_id: int, zone: str) -> None:
    """Let days begin in another zone; raises StorageError for one that does not exist.

    Usage that is there keeps its days until a rebuild.
    """
    check_zone(zone)
    _change(connection, workspace_id, zone=zone)


def set_peak(connection: sa.Connection, workspace_id: int, peak: tuple[int, int]) -> None:
    """Let other hours be peak hours; what is there keeps its classes until a rebuild."""
    _change(connection, workspace_id, peak_start=peak[0], peak_end=peak[1])


def _change(connection: sa.Connection, workspace_id: int, **values: object) -> None:
    chosen = sa.update(_WORKSPACE).where(_WORKSPACE.c.workspace_id == workspace_id)
    connection.execute(chosen.values(**values))


def set_credit_unit(connection: sa.Connection, workspace_id: int, unit: str | None) -> None:
    """Say what the workspace's credit is, e.g. `ai_credit`; None when that is open again."""
    _change(connection, workspace_id, credit_unit=unit)


def bind_chat(
    connection: sa.Connection,
    workspace_id: int,
    *,
    platform: str,
    external_id: str,
    now: datetime,
) -> None:
    """Let a Slack team or Discord guild talk to a workspace; binding it again changes nothing.

    Raises StorageError when it already talks to another one: a team never moves silently.
    """
    insert = insert_for(connection, _LINK).values(
        workspace_id=workspace_id, platform=platform, external_id=external_id, bound_at=now
    )
    connection.execute(insert.on_conflict_do_nothing())
    _reach(connection, workspace_id, platform, external_id, is_ours=True)
    owner = bound_workspace(connection, platform, external_id)
    if owner is not None and owner != workspace_id:
        name = workspace_by_id(connection, owner).name
        raise StorageError(
            f'The {platform} team "{clean(external_id)}" already belongs to "{name}".',
            hint="A team belongs to one workspace; release it there first.",
        )


def release_chat(
    connection: sa.Connection, workspace_id: int, *, platform: str, external_id: str
) -> bool:
    """Take a team away from a workspace; False when it was not bound to it.

    Nothing goes to its channels any more, not even what is made and only waits to be sent.
    """
    _reach(connection, workspace_id, platform, external_id, is_ours=False)
    gone = connection.execute(
        sa.delete(_LINK)
        .where(
            _LINK.c.workspace_id == workspace_id,
            _LINK.c.platform == platform,
            _LINK.c.external_id == external_id,
        )
        .returning(_LINK.c.external_id)
    )
    return gone.first() is not None


def _reach(
    connection: sa.Connection, workspace_id: int, platform: str, external_id: str, *, is_ours: bool
) -> None:
    """Let a workspace's messages reach the channels of a team, or stop them all."""
    there = sa.update(_DESTINATION).where(
        _DESTINATION.c.workspace_id == workspace_id,
        _DESTINATION.c.platform == platform,
        _DESTINATION.c.external_id == external_id,
    )
    if is_ours:
        there = there.where(_DESTINATION.c.dead_reason == RELEASED)
        connection.execute(there.values(state="ok", dead_reason=None, checked_at=None))
        return
    there = there.where(_DESTINATION.c.state == "ok")
    connection.execute(there.values(state="dead", dead_reason=RELEASED))


def list_chats(connection: sa.Connection) -> dict[int, list[str]]:
    """The chats of each workspace id that has any, as `slack:TEAM` or `discord:GUILD`."""
    columns = (_LINK.c.workspace_id, _LINK.c.platform, _LINK.c.external_id)
    chats: dict[int, list[str]] = {}
    for workspace_id, *chat in connection.execute(sa.select(*columns).order_by(*columns)):
        chats.setdefault(workspace_id, []).append(":".join(chat))
    return chats


def bound_workspace(connection: sa.Connection, platform: str, external_id: str) -> int | None:
    """The id of the workspace a team talks to; None for a stranger."""
    found: int | None = connection.execute(
        sa.select(_LINK.c.workspace_id).where(
            _LINK.c.platform == platform, _LINK.c.external_id == external_id
        )
    ).scalar()
    return found


def _whole() -> sa.Select[Any]:
    """Workspaces with those of their preferences that decide what numbers mean."""
    return sa.select(_WORKSPACE, *map(_preferred, DECIDING))


def _preferred(name: str) -> sa.Label[Any]:
    table = SQLModel.metadata.tables["preference"]
    chosen = sa.select(table.c.value).where(
        table.c.workspace_id == _WORKSPACE.c.workspace_id,
        table.c.person_id == 0,
        table.c.name == name,
    )
    return chosen.scalar_subquery().label(name)


def _workspace(row: sa.Row[Any]) -> WorkspaceInfo:
    standard, premium = map(int, row.tiers.split()) if row.tiers else TIERS
    return WorkspaceInfo(
        id=row.workspace_id,
        name=row.name,
        zone=row.zone,
        peak=(row.peak_start, row.peak_end),
        credit_unit=row.credit_unit,
        tiers=(standard, premium),
        week_start=int(row.week_start or 0),
    )


@cache  # the list is read from hundreds of files
def zone_names() -> frozenset[str]:
    """Every zone that has a place or an offset for a name; not those that stand for another."""
    return frozenset(available_timezones() - {"localtime", "posixrules", "Factory"})


def check_zone(zone: str) -> None:
    """Raise StorageError for a zone that does not exist, naming those that resemble it."""
    # Membership, because ZoneInfo() raises four different things for names it does not like.
    if zone not in zone_names():
        near = ", ".join(_near_zones(zone)) or "Europe/Berlin, America/New_York, UTC"
        raise StorageError(
            f'There is no time zone "{clean(zone)}".', hint=f"Zones look like: {near}."
        )


def _near_zones(zone: str) -> Sequence[str]:
    """At most three zones whose whole name or city resembles what was typed.

    None for `GMT+2`: the zone of that name lies west of Greenwich, and no clock change is known.
    """
    if OFFSET.fullmatch(zone.strip()):
        return []
    typed = folded(zone).replace(" ", "_")[:MAX_NAME]
    by_word = {known.rpartition("/")[2].casefold(): known for known in sorted(zone_names())}
    by_word |= {known.casefold(): known for known in zone_names()}
    return [by_word[word] for word in difflib.get_close_matches(typed, by_word, n=3, cutoff=0.6)]
