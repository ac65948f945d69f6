"""An import taken back: what it inserted goes, what it changed becomes what it was.

An event that somebody else changed later is left as it is and named.  What a later import of the
same slice said again stays, and belongs to that import from then on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import SQLModel

from storage import locks
from storage.change_log import CHANGE, Change, Note
from storage.changes import BATCH, write_changes
from storage.engine import writing
from storage.errors import StorageError
from storage.import_log import Exports
from storage.intake import Slice
from storage.records import EVENT, RULED, STATED, EventKey, LedgerRow, Record, chosen, stored
from storage.timekeys import DAY_US, to_micros
from storage.workspaces import WorkspaceInfo, set_credit_unit

_BATCH = SQLModel.metadata.tables["import_batch"]
Progress = Callable[[int, int], None]  # events done, events in all


class NothingToUndo(StorageError):  # noqa: N818  # the mistake is the name
    """An import that does not exist or was taken back before."""


@dataclass(frozen=True, slots=True)
class Undone:
    """How many events were deleted and restored; `kept` were changed by others since.

    `confirmed` were brought by a later import too, and belong to it now.
    """

    deleted: int
    restored: int
    kept: tuple[EventKey, ...] = ()
    confirmed: int = 0

    @property
    def events(self) -> int:
        """How many events are as they were before the import."""
        return self.deleted + self.restored


def undo_batch(
    engine: sa.Engine,
    workspace: WorkspaceInfo,
    batch_id: int,
    *,
    actor: str,
    now: datetime,
    progress: Progress | None = None,
) -> Undone:
    """Take an import back, all of it or, after an error, nothing.  Raises NothingToUndo.

    When no priced row is left, the next import decides the workspace's credit again.
    """
    note = Note(actor, f"import {batch_id} undone", to_micros(now))
    deleted = restored = confirmed = 0
    kept: list[EventKey] = []
    with writing(engine) as connection:
        # Alone: whether a priced row is left may not change while the unit is taken away.
        locks.alone(connection, workspace.id)
        undone = _mark(connection, workspace.id, batch_id, now=now)
        keys = _keys(connection, workspace.id, batch_id)
        for first in range(0, len(keys), BATCH):
            part = keys[first : first + BATCH]
            plan = _planned(connection, workspace.id, part, batch_id=batch_id, undone=undone)
            write_changes(connection, workspace, [*plan.back, *plan.given_up], note=note)
            for heir, changes in plan.again.items():
                write_changes(connection, workspace, changes, note=replace(note, batch_id=heir))
            deleted += sum(change.after is None for change in plan.back)
            restored += sum(change.after is not None for change in plan.back)
            confirmed += len(plan.given_up)
            kept += plan.kept
            if progress:
                progress(first + len(part), len(keys))
        if not _is_priced(connection, workspace.id):
            set_credit_unit(connection, workspace.id, None)
    return Undone(deleted, restored, tuple(kept), confirmed)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What becomes of some events.

    `back` is undone for good; `given_up` is undone as well, and said `again` by later imports.
    """

    back: list[Change] = field(default_factory=list)
    given_up: list[Change] = field(default_factory=list)
    again: defaultdict[int, list[Change]] = field(default_factory=lambda: defaultdict(list))
    kept: list[EventKey] = field(default_factory=list)


def _planned(
    connection: sa.Connection,
    workspace_id: int,
    keys: Sequence[EventKey],
    *,
    batch_id: int,
    undone: frozenset[int],
) -> _Plan:
    plan = _Plan()
    known = stored(connection, workspace_id, keys)
    changes: list[Change] = []
    for key, steps in _steps(connection, workspace_id, keys).items():
        current, after = known.get(key), steps.found_by(batch_id, undone)
        if not _is_alike(current, steps.left_by(batch_id, current)):
            plan.kept.append(key)
        elif current is not None or after is not None:
            changes.append(Change(current, after))
    owners = Exports(connection, workspace_id).owners({_slice(change) for change in changes})
    for change in changes:
        heir = owners.get(_slice(change), 0)
        if heir > batch_id:
            plan.given_up.append(change)
            plan.again[heir].append(_again(change, heir))
        else:
            plan.back.append(change)
    return plan


def _slice(change: Change) -> Slice:
    record = change.before or change.after
    assert record is not None  # noqa: S101  # a change has something before or after it
    return record.row.source_id, record.row.ts // DAY_US


def _again(undone: Change, heir: int) -> Change:
    """What a later import said of an event, as if it had found what the undone one found."""
    found, said = undone.after, undone.before
    if found is None and said is not None:
        said = Record(said.row._replace(batch_id=heir), said.detail)
    return Change(found, said)


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
    """Whether two contents differ at most in the number of their changes and a rule's task."""
    if one is None or other is None:
        return one is other
    return one.detail == other.detail and _as_told(one.row) == _as_told(other.row)


def _as_told(row: LedgerRow) -> LedgerRow:
    task_id = 0 if row.flags & RULED else row.task_id
    return row._replace(rev=0, task_id=task_id, flags=row.flags & ~RULED)


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


def _keys(connection: sa.Connection, workspace_id: int, batch_id: int) -> list[EventKey]:
    """The keys of all events that the import inserted or changed.

    One that was since moved out of the import's own time is not among them: it stays as it is.
    """
    inserted = sa.and_(EVENT.c.batch_id == batch_id, *_times(connection, workspace_id, batch_id))
    keys: set[EventKey] = set()
    for table, chosen_ in ((EVENT, inserted), (CHANGE, CHANGE.c.batch_id == batch_id)):
        wanted = sa.select(table.c.source_id, table.c.event_id).where(
            table.c.workspace_id == workspace_id, chosen_
        )
        keys |= {(row.source_id, row.event_id) for row in connection.execute(wanted)}
    return sorted(keys)


def _times(
    connection: sa.Connection, workspace_id: int, batch_id: int
) -> Iterator[sa.ColumnElement[bool]]:
    """Where in time the import's events lie, so that an index finds them; it may not be known."""
    wanted = sa.select(_BATCH.c.started_at, _BATCH.c.first_ts, _BATCH.c.last_ts)
    batch = connection.execute(
        wanted.where(_BATCH.c.workspace_id == workspace_id, _BATCH.c.id == batch_id)
    ).one()
    if batch.first_ts is not None:
        # What claims to be from the future is stored at the start of the import, or of its day.
        yield EVENT.c.ts >= min(batch.first_ts, to_micros(batch.started_at) - DAY_US)
        yield EVENT.c.ts <= batch.last_ts
