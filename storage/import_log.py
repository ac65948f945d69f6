"""What is remembered of imports: the batch, what it refused, and how fresh each replaced day is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.models  # noqa: F401  # declares the tables that are looked up below
from storage.engine import insert_for, reading, writing
from storage.sources.base import MAX_REASON, Rejected

BATCH = SQLModel.metadata.tables["import_batch"]
_REJECTED = SQLModel.metadata.tables["rejected_item"]
_WORKSPACE = SQLModel.metadata.tables["workspace"]
_STATE = SQLModel.metadata.tables["state"]
MAX_FILE = 400
_ASKED = 500  # names in one question; SQLite takes 32,766, PostgreSQL plans long lists slowly
# Exports are asked for one at a time and take longer than this; a copy of a file does not.
_SAME_EXPORT_S = 60

Slice = tuple[int, int]  # source id and UTC day number


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

    An export that was undone does not count any more.
    """

    def __init__(self, engine: sa.Engine, workspace_id: int) -> None:
        self._engine = engine
        self._workspace_id = workspace_id

    def later(self, slices: Collection[Slice], exported: int) -> set[Slice]:
        """The slices that a later export than the one made at `exported` already brought."""
        known = {_name(slice_): slice_ for slice_ in slices}
        with reading(self._engine) as connection:
            undone = set(
                connection.execute(
                    sa.select(BATCH.c.id).where(
                        BATCH.c.workspace_id == self._workspace_id, BATCH.c.undone_at.is_not(None)
                    )
                ).scalars()
            )
            found = list(self._noted(connection, known))
        return {
            known[name]
            for name, when, batch_id in found
            if when >= exported + _SAME_EXPORT_S and batch_id not in undone
        }

    def _noted(
        self, connection: sa.Connection, names: Iterable[str]
    ) -> Iterator[tuple[str, int, int]]:
        rest = iter(names)
        while asked := list(islice(rest, _ASKED)):
            wanted = sa.select(_STATE.c.name, _STATE.c.value).where(
                _STATE.c.workspace_id == self._workspace_id, _STATE.c.name.in_(asked)
            )
            for name, value in connection.execute(wanted):
                when, batch_id = value.split()
                yield name, int(when), int(batch_id)

    def note(self, slices: Collection[Slice], exported: int, *, batch_id: int) -> None:
        """Remember which export the slices come from now."""
        rows = [
            {
                "workspace_id": self._workspace_id,
                "name": _name(slice_),
                "value": f"{exported} {batch_id}",
            }
            for slice_ in sorted(slices)
        ]
        with writing(self._engine) as connection:
            insert = insert_for(connection, _STATE)
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=["workspace_id", "name"], set_={"value": insert.excluded.value}
                ),
                rows,
            )


def _name(slice_: Slice) -> str:
    source_id, day = slice_
    return f"slice:{source_id}:{day}"
