"""An import taken back: what it inserted goes, what it changed becomes what it was.

An event that somebody else changed later is left as it is and named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import SQLModel

from storage import locks
from storage.change_log import CHANGE, Change, Note
from storage.changes import BATCH, write_changes
from storage.engine import writing
from storage.errors import StorageError
from storage.records import EVENT, STATED, EventKey, Record, chosen, stored
from storage.timekeys import to_micros
from storage.workspaces import WorkspaceInfo, set_credit_unit

_BATCH = SQLModel.metadata.tables["import_batch"]


class NothingToUndo(StorageError):  # noqa: N818  # the mistake is the name
    """An import that does not exist or was taken back before."""


@dataclass(frozen=True, slots=True)
class Undone:
    """How many events were deleted and restored; `kept` were changed by others since."""

    deleted: int
    restored: int
    kept: tuple[EventKey, ...] = ()

    @property
    def events(self) -> int:
        """How many events are as they were before the import."""
        return self.deleted + self.restored


def undo_batch(
    engine: sa.Engine, workspace: WorkspaceInfo, batch_id: int, *, actor: str, now: datetime
) -> Undone:
    """Take an import back, all of it or, after an error, nothing.  Raises NothingToUndo.

    When no priced row is left, the next import decides the workspace's credit again.
    """
    note = Note(actor, f"import {batch_id} undone", to_micros(now))
    deleted = restored = 0
    kept: list[EventKey] = []
    with writing(engine) as connection:
        # Alone: whether a priced row is left may not change while the unit is taken away.
        locks.alone(connection, workspace.id)
        undone = _mark(connection, workspace.id, batch_id, now=now)
        for keys in _batches(connection, workspace.id, batch_id):
            known = stored(connection, workspace.id, keys)
            steps = _steps(connection, workspace.id, keys)
            changes = []
            for key in keys:
                current = known.get(key)
                if not _is_alike(current, steps[key].left_by(batch_id, current)):
                    kept.append(key)
                    continue
                after = steps[key].found_by(batch_id, undone)
                if current is not None or after is not None:
                    changes.append(Change(current, after))
            write_changes(connection, workspace, changes, note=note)
            deleted += sum(change.after is None for change in changes)
            restored += sum(change.after is not None for change in changes)
        if not _is_priced(connection, workspace.id):
            set_credit_unit(connection, workspace.id, None)
    return Undone(deleted, restored, tuple(kept))


def _mark(
    connection: sa.Connection, workspace_id: int, batch_id: int, *, now: datetime
) -> frozenset[int]:
    """Mark the import as undone; every import of the workspace that is, this one too."""
    ours = _BATCH.c.workspace_id == workspace_id
    marked = connection.execute(
        sa.update(_BATCH)
        .where(ours, _BATCH.c.id == batch_id, _BATCH.c.undone_at.is_(None))
        .values(undone_at=now)
        .returning(_BATCH.c.id)
    )
    if marked.first() is None:
        raise NothingToUndo(
            f"There is no import {batch_id} that could be undone.",
            hint="It may have been undone before.",
        )
    undone = sa.select(_BATCH.c.id).where(ours, _BATCH.c.undone_at.is_not(None))
    return frozenset(connection.execute(undone).scalars())


def _is_priced(connection: sa.Connection, workspace_id: int) -> bool:
    """Whether any row counts in the workspace's credit."""
    counts = sa.or_(EVENT.c.credits > 0, EVENT.c.flags.bitwise_and(STATED) != 0)
    wanted = sa.select(EVENT.c.ts).where(EVENT.c.workspace_id == workspace_id, counts).limit(1)
    return connection.execute(wanted).first() is not None


@dataclass(frozen=True, slots=True)
class _Steps:
    """The logged changes of one event, oldest first: (import, before, after)."""

    logged: Sequence[tuple[int, Record | None, Record | None]]

    def left_by(self, batch_id: int, current: Record | None) -> Record | None:
        """What the event was when the import had done its work."""
        own = [after for number, _, after in self.logged if number == batch_id]
        if own:
            return own[-1]
        # Its insertion is not logged; the first change of what it inserted shows what that was.
        first = (
            before for _, before, _ in self.logged if before and before.row.batch_id == batch_id
        )
        return next(first, current)

    def found_by(self, batch_id: int, undone: frozenset[int]) -> Record | None:
        """What the event was before the import; None for nothing, or for an undone import's."""
        found = (before for number, before, _ in self.logged if number == batch_id)
        before = next(found, None)
        return None if before is None or before.row.batch_id in undone else before


def _is_alike(one: Record | None, other: Record | None) -> bool:
    """Whether two contents differ at most in the number of their changes."""
    if one is None or other is None:
        return one is other
    return one.detail == other.detail and one.row._replace(rev=0) == other.row._replace(rev=0)


def _steps(
    connection: sa.Connection, workspace_id: int, keys: Sequence[EventKey]
) -> Mapping[EventKey, _Steps]:
    logged: dict[EventKey, list[tuple[int, Record | None, Record | None]]]
    logged = {key: [] for key in keys}
    for condition in chosen(CHANGE, workspace_id, keys):
        for row in connection.execute(sa.select(CHANGE).where(condition).order_by(CHANGE.c.rev)):
            logged[row.source_id, row.event_id].append(
                (row.batch_id, _content(row.before), _content(row.after))
            )
    return {key: _Steps(steps) for key, steps in logged.items()}


def _content(logged: Mapping[str, object]) -> Record | None:
    return Record.from_json(logged) if logged else None


def _batches(
    connection: sa.Connection, workspace_id: int, batch_id: int
) -> Iterator[list[EventKey]]:
    """The keys of all events that the import inserted or changed, a batch at a time."""
    # Read before anything is undone: undoing adds changes and removes events.
    keys: set[EventKey] = set()
    for table in (EVENT, CHANGE):
        wanted = sa.select(table.c.source_id, table.c.event_id).where(
            table.c.workspace_id == workspace_id, table.c.batch_id == batch_id
        )
        keys |= {(row.source_id, row.event_id) for row in connection.execute(wanted)}
    ordered = sorted(keys)
    for start in range(0, len(ordered), BATCH):
        yield ordered[start : start + BATCH]
