"""One call's events inside their open transaction: what is new, what is known, what is replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa

from storage import cells, locks, thresholds
from storage.arrivals import Meeting, Verdict, is_same, meet, succeed
from storage.cells import Sums
from storage.change_log import Change, Note, carry_out
from storage.engine import fill
from storage.pricing import Tariff
from storage.records import (
    EVENT,
    UNPRICED,
    EventKey,
    LedgerRow,
    PlainRow,
    Record,
    fill_details,
    records,
    stored,
)
from storage.stage import Staged
from storage.timekeys import DAY_US, from_micros

Slice = tuple[int, int]  # source id and UTC day number
# Given the slices that arrive, those that are replaced: fewer, or more that stay without a row.
Admit = Callable[[sa.Connection, set[Slice]], set[Slice]]

_NAMES = ",".join(LedgerRow._fields)
_STAGE = EVENT.to_metadata(sa.MetaData(), name="stage_event")
_CREATE_STAGE = (
    "CREATE TEMP TABLE IF NOT EXISTS stage_event (LIKE usage_event) ON COMMIT DELETE ROWS"
)
# Sorted: two writers of the same keys wait for each other in the same order.
_INSERT_STAGED = (
    f"INSERT INTO usage_event ({_NAMES}) SELECT {_NAMES} FROM stage_event "  # noqa: S608  # our names
    "ORDER BY source_id, event_id ON CONFLICT DO NOTHING RETURNING source_id, event_id"
)
_INSERT = (
    f"INSERT INTO usage_event ({_NAMES}) "  # noqa: S608  # our names
    f"VALUES ({','.join('?' * len(LedgerRow._fields))}) ON CONFLICT DO NOTHING"
)
_LAST = "SELECT coalesce(max(rowid), 0) FROM usage_event"
_SINCE = "SELECT source_id, event_id FROM usage_event WHERE rowid > ?"


# Places in a `PlainRow`.
_SOURCE: Final = 1
_TS: Final = 3
_CREDITS: Final = 19
_FLAGS: Final = 20


@dataclass(frozen=True, slots=True)
class Conflict:
    """An arrival that contradicts a known event in some fields."""

    fields: tuple[str, ...]
    known: Record
    arrived: Record


@dataclass(frozen=True, slots=True)
class Intake:
    """The events of one call, on their way into ledger and rollups."""

    connection: sa.Connection
    workspace_id: int
    staged: Staged
    tariff: Tariff
    note: Note
    sums: Sums
    counts: Counter[str] = field(default_factory=Counter)
    conflicts: list[Conflict] = field(default_factory=list)
    sizes: dict[Slice, tuple[int, int]] = field(default_factory=dict)

    def merge(self) -> None:
        """Insert what is new; fill, refuse or replace what is known."""
        self._settle(self._insert(self.staged.rows))
        self._sum_up()

    def replace(self, admit: Admit | None = None) -> None:
        """Let the events take the place of everything their sources had for their UTC days.

        `admit` is asked with the sources held; the events of slices that it leaves out are dropped.
        """
        locks.one_by_one(
            self.connection,
            self.workspace_id,
            {source_id for source_id, _ in self.staged.rows},
        )
        slices = {_slice(row) for row in self.staged.rows.values()}
        if admit is not None:
            slices = admit(self.connection, slices)
            self._keep_only(slices)
        known = self._slices(slices)
        fresh = {key: row for key, row in self.staged.rows.items() if key not in known}
        moved = stored(self.connection, self.workspace_id, fresh)
        self._settle(self._insert({key: row for key, row in fresh.items() if key not in moved}))
        changes = self._succession(known | moved)
        self._change(changes)
        self.sizes.update(_sizes(known, self.staged.rows, {change.key for change in changes}))
        self._sum_up()

    def _sum_up(self) -> None:
        """Rollups, then budgets: their locks come last."""
        written = cells.apply(self.connection, self.workspace_id, self.sums)
        thresholds.follow(
            self.connection, self.workspace_id, written, now=from_micros(self.note.at)
        )

    # ---- new events

    def _insert(self, rows: dict[EventKey, PlainRow]) -> dict[EventKey, Record]:
        """Insert rows whose key is not known; the records of the others, locked."""
        known: dict[EventKey, Record] = {}
        # A second round is only needed when a rival deleted a known event a moment ago.
        while rows:
            inserted = self._inserted(rows)
            if inserted is None:
                self._count_new(rows)
                break
            self._count_new({key: row for key, row in rows.items() if key in inserted})
            rest = {key: row for key, row in rows.items() if key not in inserted}
            known |= stored(self.connection, self.workspace_id, rest)
            rows = {key: row for key, row in rest.items() if key not in known}
        return known

    def _inserted(self, rows: dict[EventKey, PlainRow]) -> set[EventKey] | None:
        """The keys that were new; None for all of them."""
        values = list(rows.values())
        run = self.connection.exec_driver_sql
        if self.connection.dialect.name == "postgresql":
            run(_CREATE_STAGE)
            fill(self.connection, _STAGE, values)
            inserted = {(source, event) for source, event in run(_INSERT_STAGED)}
            run("DELETE FROM stage_event")
            return None if len(inserted) == len(values) else inserted
        # The only writer gives row ids without a gap, so they tell how many rows were new.
        last = run(_LAST).scalar_one()
        run(_INSERT, values)
        if run(_LAST).scalar_one() - last == len(values):
            return None
        return {(source, event) for source, event in run(_SINCE, (last,))}

    def _count_new(self, rows: dict[EventKey, PlainRow]) -> None:
        details = {key: detail for key, detail in self.staged.details.items() if key in rows}
        fill_details(self.connection, self.workspace_id, details)
        self.sums.add(rows.values())
        self.sums.add_details(
            (LedgerRow._make(rows[key]), detail) for key, detail in details.items()
        )
        self._count("accepted", rows.values())

    def _count(self, name: str, rows: Collection[PlainRow]) -> None:
        """Count rows that are in the ledger now, with what they cost."""
        self.counts[name] += len(rows)
        self.counts["credits"] += sum(row[_CREDITS] for row in rows)
        self.counts["unpriced"] += sum(row[_FLAGS] & UNPRICED != 0 for row in rows)

    # ---- known events

    def _settle(self, known: dict[EventKey, Record]) -> None:
        """Let arrivals meet what is known, one after the other."""
        arrived = [self.staged.record(key) for key in known]
        again = self.staged.again
        missing = {record.row.key for record in again} - known.keys()
        known = known | stored(self.connection, self.workspace_id, missing)
        changes: list[Change] = []
        for record in (*arrived, *again):
            before = known[record.row.key]
            verdict = meet(before, record, self.tariff)
            self._judge(verdict, before, record)
            if verdict.record != before:
                changes.append(Change(before, verdict.record))
                known[record.row.key] = verdict.record
        self._change(changes)

    def _judge(self, verdict: Verdict, before: Record, arrived: Record) -> None:
        if verdict.meeting is Meeting.REPLACED:
            self._count("replaced", [verdict.record.row])
            return
        self.counts[verdict.meeting.value] += 1
        if verdict.meeting is Meeting.CONFLICTING:
            self.conflicts.append(Conflict(verdict.fields, before, arrived))

    def _change(self, changes: Sequence[Change]) -> None:
        carry_out(self.connection, self.workspace_id, changes, note=self.note, sums=self.sums)

    # ---- slices

    def _keep_only(self, slices: Collection[Slice]) -> None:
        rows, again = self.staged.rows, self.staged.again
        for key in [key for key, row in rows.items() if _slice(row) not in slices]:
            del rows[key]
        again[:] = [record for record in again if _slice(record.row) in slices]

    def _slices(self, slices: Collection[Slice]) -> dict[EventKey, Record]:
        """Everything known of sources and UTC days, locked."""
        known: dict[EventKey, Record] = {}
        for source_id, day in sorted(slices):
            inside = (
                EVENT.c.workspace_id == self.workspace_id,
                EVENT.c.source_id == source_id,
                EVENT.c.ts >= day * DAY_US,
                EVENT.c.ts < (day + 1) * DAY_US,
            )
            for record in records(self.connection, *inside, lock=True):
                known[record.row.key] = record
        return known

    def _succession(self, known: dict[EventKey, Record]) -> list[Change]:
        """What becomes of the known rows of the slices: the same, replaced, or gone."""
        changes: list[Change] = []
        for key, before in known.items():
            if key not in self.staged.rows:
                self.counts["removed"] += 1
                changes.append(Change(before, None))
                continue
            arrived = self.staged.record(key)
            if is_same(before, arrived, self.tariff.unit):
                self.counts["duplicate"] += 1
                continue
            after = succeed(before, arrived)
            self._count("replaced", [after.row])
            changes.append(Change(before, after))
        return changes


def _slice(row: PlainRow) -> Slice:
    return row[_SOURCE], row[_TS] // DAY_US


def _sizes(
    known: Mapping[EventKey, Record],
    rows: Mapping[EventKey, PlainRow],
    changed: Collection[EventKey],
) -> dict[Slice, tuple[int, int]]:
    """Micro-credits before and after of every slice that was known."""
    before: Counter[Slice] = Counter()
    after: Counter[Slice] = Counter()
    for record in known.values():
        before[_slice(record.row)] += record.row.credits
    for key, row in rows.items():
        # A row that says the same as before keeps its credits, whatever the price is by now.
        kept = known.get(key) if key not in changed else None
        after[_slice(row)] += kept.row.credits if kept else row[_CREDITS]
    return {slice_: (total, after[slice_]) for slice_, total in before.items()}
