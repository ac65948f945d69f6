"""Workspaces, and which chat team talks to which one.

A workspace is a closed world: everything else in storage is asked with its id.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from zoneinfo import available_timezones

import sqlalchemy as sa
from sqlmodel import SQLModel

from storage.catalog import seed_catalog
from storage.engine import insert_for
from storage.errors import DatabaseBusy, StorageError
from storage.preferences import preference, set_preference, set_state, state
from storage.text import MAX_NAME, clean, folded
from storage.timekeys import Clock

__all__ = [
    "DEFAULT_NAME",
    "WorkspaceInfo",
    "bind_chat",
    "bound_workspace",
    "create_workspace",
    "find_workspace",
    "list_chats",
    "list_workspaces",
    "preference",
    "release_chat",
    "set_credit_unit",
    "set_preference",
    "set_state",
    "state",
    "workspace_by_id",
]

DEFAULT_NAME = "default"
_WORKSPACE = SQLModel.metadata.tables["workspace"]
_LINK = SQLModel.metadata.tables["chat_link"]


@dataclass(frozen=True, slots=True)
class WorkspaceInfo:
    """One workspace: its zone decides days, its peak hours the classes of response times.

    `credit_unit` is the unit that the workspace counts in, None until the first usage brings one.
    """

    id: int
    name: str
    zone: str
    peak: tuple[int, int]
    credit_unit: str | None

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
    _check_zone(zone)
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
    for row in connection.execute(
        sa.select(_WORKSPACE).where(_WORKSPACE.c.workspace_id == workspace_id)
    ):
        return _workspace(row)
    raise StorageError(
        f"There is no workspace number {workspace_id}.",
        hint="`creditbot workspace list` shows the known ones.",
    )


def list_workspaces(connection: sa.Connection) -> tuple[WorkspaceInfo, ...]:
    """Every workspace, oldest first."""
    rows = connection.execute(sa.select(_WORKSPACE).order_by(_WORKSPACE.c.workspace_id))
    return tuple(map(_workspace, rows))


def set_credit_unit(connection: sa.Connection, workspace_id: int, unit: str | None) -> None:
    """Say what the workspace's credit is, e.g. `ai_credit`; None when that is open again."""
    connection.execute(
        sa.update(_WORKSPACE)
        .where(_WORKSPACE.c.workspace_id == workspace_id)
        .values(credit_unit=unit)
    )


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
    """Take a team away from a workspace; False when it was not bound to it."""
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


def _workspace(row: sa.Row[tuple[object, ...]]) -> WorkspaceInfo:
    return WorkspaceInfo(
        id=row.workspace_id,
        name=row.name,
        zone=row.zone,
        peak=(row.peak_start, row.peak_end),
        credit_unit=row.credit_unit,
    )


@cache  # the list is read from hundreds of files
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _check_zone(zone: str) -> None:
    # Membership, because ZoneInfo() raises four different things for names it does not like.
    if zone not in _zones():
        near = ", ".join(_near_zones(zone)) or "Europe/Berlin, America/New_York, UTC"
        raise StorageError(
            f'There is no time zone "{clean(zone)}".', hint=f"Zones look like: {near}."
        )


def _near_zones(zone: str) -> Sequence[str]:
    """At most three zones whose whole name or city resembles what was typed."""
    typed = folded(zone).replace(" ", "_")[:MAX_NAME]
    by_word = {known.rpartition("/")[2].casefold(): known for known in sorted(_zones())}
    by_word |= {known.casefold(): known for known in _zones()}
    return [by_word[word] for word in difflib.get_close_matches(typed, by_word, n=3, cutoff=0.6)]
