"""Every later change of an event: the ledger row, its detail, and the log of both contents.

Rollups follow through `Sums`: minus what was, plus what is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import SQLModel

from storage.cells import Sums
from storage.records import (
    DETAIL,
    EVENT,
    EventKey,
    LedgerRow,
    Record,
    chosen,
    fill_details,
)

CHANGE = SQLModel.metadata.tables["usage_change"]
MAX_ACTOR = 64
MAX_REASON = 200
_KEY = ("workspace_id", "source_id", "event_id")
_VALUES = LedgerRow._fields[len(_KEY) :]


@dataclass(frozen=True, slots=True)
class Note:
    """Who changes what, why and when (epoch microseconds); `batch_id` 0 is no import."""

    actor: str
    reason: str
    at: int
    batch_id: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One event before and after; None before is an insertion, None after a deletion."""

    before: Record | None
    after: Record | None

    @property
    def key(self) -> EventKey:
        """The event's key."""
        record = self.before or self.after
        if record is None:
            raise ValueError("A change has something before or after it.")
        return record.row.key


def carry_out(
    connection: sa.Connection,
    workspace_id: int,
    changes: Sequence[Change],
    *,
    note: Note,
    sums: Sums,
) -> None:
    """Write the changes to ledger and log, and into `sums` what they mean for the rollups.

    Several changes of one event follow each other in their order.  The events are locked by the
    caller; the rollups are written by `storage.cells.apply`.
    """
    if not changes:
        return
    numbered = list(_numbered(changes, _revisions(connection, workspace_id, changes)))
    connection.execute(
        sa.insert(CHANGE),
        [
            {
                "workspace_id": workspace_id,
                "source_id": change.key[0],
                "event_id": change.key[1],
                "rev": rev,
                "at": note.at,
                "actor": note.actor[:MAX_ACTOR],
                "reason": note.reason[:MAX_REASON],
                "batch_id": note.batch_id,
                "before": change.before.as_json() if change.before else {},
                "after": change.after.as_json() if change.after else {},
            }
            for change, rev in numbered
        ],
    )
    whole = _whole([change for change, _ in numbered])
    _write_events(connection, whole)
    _write_details(connection, workspace_id, whole)
    for change in whole:
        if change.before:
            sums.add_record(change.before, -1)
        if change.after:
            sums.add_record(change.after)


def _numbered(
    changes: Iterable[Change], revisions: dict[EventKey, int]
) -> Iterable[tuple[Change, int]]:
    for change in changes:
        before = change.before.row.rev if change.before else 0
        rev = revisions[change.key] = max(revisions.get(change.key, 0), before) + 1
        after = change.after and Record(change.after.row._replace(rev=rev), change.after.detail)
        yield Change(change.before, after), rev


def _revisions(
    connection: sa.Connection, workspace_id: int, changes: Iterable[Change]
) -> dict[EventKey, int]:
    """The last logged change of each event; one that was deleted and came back goes on counting."""
    found: dict[EventKey, int] = {}
    for condition in chosen(CHANGE, workspace_id, {change.key for change in changes}):
        wanted = (
            sa.select(CHANGE.c.source_id, CHANGE.c.event_id, sa.func.max(CHANGE.c.rev))
            .where(condition)
            .group_by(CHANGE.c.source_id, CHANGE.c.event_id)
        )
        found |= {(source, event): rev for source, event, rev in connection.execute(wanted)}
    return found


def _whole(changes: Iterable[Change]) -> list[Change]:
    """One change an event: from what it was first to what it is last."""
    merged: dict[EventKey, Change] = {}
    for change in changes:
        first = merged.get(change.key, change)
        merged[change.key] = Change(first.before, change.after)
    return list(merged.values())


_MATCH = sa.and_(*(EVENT.c[name] == sa.bindparam(f"k_{name}") for name in _KEY))
_UPDATE = sa.update(EVENT).where(_MATCH).values({n: sa.bindparam(n) for n in _VALUES})
_DELETE = sa.delete(EVENT).where(_MATCH)


def _keyed(row: LedgerRow) -> dict[str, object]:
    return {f"k_{name}": getattr(row, name) for name in _KEY}


def _write_events(connection: sa.Connection, changes: Iterable[Change]) -> None:
    pairs = [(change.before, change.after) for change in changes]
    gone = [_keyed(before.row) for before, after in pairs if before and not after]
    born = [after.row._asdict() for before, after in pairs if after and not before]
    changed = [
        _keyed(after.row) | {name: getattr(after.row, name) for name in _VALUES}
        for before, after in pairs
        if before and after
    ]
    for statement, rows in ((_DELETE, gone), (_UPDATE, changed), (sa.insert(EVENT), born)):
        if rows:
            connection.execute(statement, rows)


def _write_details(connection: sa.Connection, workspace_id: int, changes: Iterable[Change]) -> None:
    old = {change.key: change.before.detail for change in changes if change.before}
    new = {change.key: change.after.detail for change in changes if change.after}
    differing = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    for condition in chosen(DETAIL, workspace_id, differing & old.keys()):
        connection.execute(sa.delete(DETAIL).where(condition))
    fill_details(connection, workspace_id, {key: new[key] for key in differing & new.keys()})
