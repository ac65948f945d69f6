"""What is remembered of imports: the batch, what it refused, and how fresh each replaced day is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import islice

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.models  # noqa: F401  # declares the tables that are looked up below
from storage.engine import insert_for, writing
from storage.intake import Slice
from storage.sources.base import MAX_REASON, Rejected

BATCH = SQLModel.metadata.tables["import_batch"]
_REJECTED = SQLModel.metadata.tables["rejected_item"]
_WORKSPACE = SQLModel.metadata.tables["workspace"]
_STATE = SQLModel.metadata.tables["state"]
MAX_FILE = 400
_ASKED = 500  # names in one question; SQLite takes 32,766, PostgreSQL plans long lists slowly
# Exports are asked for one at a time and take longer than this; a copy of a file does not.
_SAME_EXPORT_S = 60
_SEPARATOR = ","
_ALWAYS = 2**63 - 1
_KEPT = 60  # exports of one slice; with their imports they fit the 2,000 characters of a value


@dataclass(frozen=True, slots=True)
class PastImport:
    """One import of one file: when, what became of its rows, and the times its usage spans.

    `counts` is empty for one that never ended; the spans are epoch microseconds.
    """

    id: int
    kind: str
    file: str
    started_at: datetime
    undone_at: datetime | None
    counts: Mapping[str, int]
    first_ts: int | None
    last_ts: int | None

    @property
    def known(self) -> int:
        """How many rows it did not take, because an event of theirs was there."""
        return self.counts.get("duplicate", 0) + self.counts.get("conflicting", 0)

    def repeats(self, earlier: PastImport) -> bool:
        """Whether it came later, is not undone and met known events of the same time."""
        if self.id <= earlier.id or self.undone_at is not None or not self.known:
            return False
        (first, last), (start, end) = self._span(), earlier._span()
        return first <= end and start <= last

    def _span(self) -> tuple[int, int]:
        """What its usage spans; all time where that is not known, because it was cut off."""
        return self.first_ts or 0, self.last_ts or _ALWAYS


def past_imports(connection: sa.Connection, workspace_id: int) -> list[PastImport]:
    """Every import of a workspace, newest first."""
    wanted = sa.select(*(BATCH.c[field.name] for field in fields(PastImport)))
    rows = connection.execute(
        wanted.where(BATCH.c.workspace_id == workspace_id).order_by(BATCH.c.id.desc())
    )
    return [PastImport(*row) for row in rows]


class ImportLog:
    """The record of one import.  The batch is created when the first thing is to be kept."""

    def __init__(
        self, engine: sa.Engine, workspace_id: int, *, kind: str, file: str, now: datetime
    ) -> None:
        self._engine = engine
        self._now = now
        self._workspace_id = workspace_id
        self._kind = kind
        self._file = file[-MAX_FILE:]
        self._last_line = 0
        self.batch_id: int | None = None

    def begin(self) -> int:
        """The id of the batch, created once."""
        if self.batch_id is None:
            self.batch_id = self._created()
        return self.batch_id

    def _created(self) -> int:
        ours = BATCH.c.workspace_id == self._workspace_id
        following = sa.select(sa.func.coalesce(sa.func.max(BATCH.c.id), 0) + 1).where(ours)
        with writing(self._engine) as connection:
            # Ids are given under the workspace's row lock, like all others.
            connection.execute(
                sa.select(_WORKSPACE.c.workspace_id)
                .where(_WORKSPACE.c.workspace_id == self._workspace_id)
                .with_for_update()
            )
            number = int(connection.execute(following).scalar_one())
            connection.execute(
                sa.insert(BATCH).values(
                    workspace_id=self._workspace_id,
                    id=number,
                    kind=self._kind,
                    file=self._file,
                    started_at=self._now,
                    counts={},
                )
            )
        return number

    def keep_rejected(self, rejected: Sequence[Rejected]) -> None:
        """Keep why records were refused; never the records."""
        if not rejected:
            return
        rows = [
            {
                "workspace_id": self._workspace_id,
                "batch_id": self.begin(),
                "line": self._own_line(item.line),
                "kind": "rejected",
                "reason": item.reason[:MAX_REASON],
            }
            for item in rejected
        ]
        with writing(self._engine) as connection:
            connection.execute(sa.insert(_REJECTED), rows)

    def _own_line(self, line: int) -> int:
        """The line, or the next free one: items of an array may share a line, keys may not."""
        self._last_line = max(line, self._last_line + 1)
        return self._last_line

    def finish(self, counts: Mapping[str, int], *, first: int | None, last: int | None) -> None:
        """Write down what came of the batch; `first` and `last` are epoch microseconds."""
        if self.batch_id is None:
            return
        with writing(self._engine) as connection:
            connection.execute(
                sa.update(BATCH)
                .where(BATCH.c.workspace_id == self._workspace_id, BATCH.c.id == self.batch_id)
                .values(finished_at=self._now, counts=dict(counts), first_ts=first, last_ts=last)
            )


class Exports:
    """When the export was made that each replaced slice comes from, in epoch seconds.

    A slice keeps the exports it came from in their order.  One whose import was undone does not
    count any more, so that the one before it does again.  Ask and note inside the transaction that
    replaces the slices, with their sources held: else an older export may win a race.
    """

    def __init__(self, connection: sa.Connection, workspace_id: int) -> None:
        self._connection = connection
        self._workspace_id = workspace_id

    def later(self, slices: Collection[Slice], exported: int) -> set[Slice]:
        """The slices that a later export than the one made at `exported` already brought."""
        return {
            slice_
            for slice_, notes in self._noted(slices).items()
            if any(when >= exported + _SAME_EXPORT_S for when, _ in notes)
        }

    def owners(self, slices: Collection[Slice]) -> dict[Slice, int]:
        """The import that brought each slice last; slices that no import brought are left out."""
        return {slice_: notes[-1][1] for slice_, notes in self._noted(slices).items() if notes}

    def firsts(self, slices: Collection[Slice]) -> dict[Slice, int]:
        """The import that brought each slice first; slices that no import brought are left out."""
        return {slice_: notes[0][1] for slice_, notes in self._noted(slices).items() if notes}

    def note(self, slices: Collection[Slice], exported: int, *, batch_id: int) -> None:
        """Remember which export the slices come from now."""
        known = self._noted(slices)
        rows = [
            {
                "workspace_id": self._workspace_id,
                "name": _name(slice_),
                "value": _SEPARATOR.join(
                    f"{when} {number}"
                    for when, number in (*known.get(slice_, ()), (exported, batch_id))[-_KEPT:]
                ),
            }
            for slice_ in sorted(slices)
        ]
        if not rows:
            return
        insert = insert_for(self._connection, _STATE)
        self._connection.execute(
            insert.on_conflict_do_update(
                index_elements=["workspace_id", "name"], set_={"value": insert.excluded.value}
            ),
            rows,
        )

    def _noted(self, slices: Collection[Slice]) -> dict[Slice, list[tuple[int, int]]]:
        """The exports of each slice with their imports, oldest first, undone ones left out."""
        undone = self._undone()
        known = {_name(slice_): slice_ for slice_ in slices}
        return {
            known[name]: [note for note in _notes(value) if note[1] not in undone]
            for name, value in self._values(known)
        }

    def _undone(self) -> frozenset[int]:
        wanted = sa.select(BATCH.c.id).where(
            BATCH.c.workspace_id == self._workspace_id, BATCH.c.undone_at.is_not(None)
        )
        return frozenset(self._connection.execute(wanted).scalars())

    def _values(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        rest = iter(names)
        while asked := list(islice(rest, _ASKED)):
            wanted = sa.select(_STATE.c.name, _STATE.c.value).where(
                _STATE.c.workspace_id == self._workspace_id, _STATE.c.name.in_(asked)
            )
            yield from ((row.name, row.value) for row in self._connection.execute(wanted))


def _notes(value: str) -> Iterator[tuple[int, int]]:
    for note in value.split(_SEPARATOR):
        when, batch_id = note.split()
        yield int(when), int(batch_id)


def _name(slice_: Slice) -> str:
    source_id, day = slice_
    return f"slice:{source_id}:{day}"
