"""What became of the rows of one imported file, counted while it is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from storage.events import UNLABELED, UsageEvent
from storage.intake import Slice
from storage.ledger import Outcome
from storage.sources.base import Item, Rejected
from storage.timekeys import date_of, from_micros

TOLD = 10_000  # rejected lines that a result names; the count is always whole
SETTLED = ("accepted", "duplicate", "merged", "conflicting", "replaced")
COUNTED = (*SETTLED, "removed", "unpriced")

# Columns of the ledger as the fields of an event file are called.
_FIELDS = {
    "cost_nano": "cost",
    "department_id": "department",
    "grain": "granularity",
    "model_id": "model",
    "person_id": "person",
    "project_id": "project",
    "stated": "credits",
    "task_id": "task",
    "trial_id": "trial",
    "ts": "at",
}


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A replaced day with over 1 % fewer credits (micro) than an earlier export said."""

    account: str
    day: date
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """What became of the rows of one file.

    `read` = accepted + duplicate + merged + conflicting + replaced + rejected + left_out.
    `adjusted` rows were taken with a change that is told in `notes`, or knowingly left out;
    `older` of them belong to days that a later export already brought.  `rejected` and `notes`
    are (line, reason) and name the first 10,000; `rejected_count` is whole.  `blank_people` and
    `blank_models` rows name none.  `conflicts` are (event id, fields that differ) of
    events that stay as they were, the first 10,000.  `kept_gaps` says that days without rows were
    to be emptied and were not, because some row was rejected.  `batch_id` is None when nothing was
    written.
    """

    file: str
    source: str
    batch_id: int | None
    read: int
    accepted: int
    duplicate: int
    merged: int
    conflicting: int
    conflicts: tuple[tuple[str, tuple[str, ...]], ...]
    replaced: int
    removed: int
    adjusted: int
    left_out: int
    older: int
    rejected: tuple[tuple[int, str], ...]
    rejected_count: int
    notes: tuple[tuple[int, str], ...]
    unpriced: int
    new_unit: str | None
    blank_people: int
    blank_models: int
    shrunk: tuple[Shrunk, ...]
    kept_gaps: bool
    first: datetime | None
    last: datetime | None
    rejects_file: Path | None = None


@dataclass(slots=True)
class Tally:
    """What has been counted so far."""

    counts: Counter[str] = field(default_factory=Counter)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    notes: list[tuple[int, str]] = field(default_factory=list)
    conflicts: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    shrunk: list[Shrunk] = field(default_factory=list)
    kept_gaps: bool = False
    new_unit: str | None = None
    first: int | None = None
    last: int | None = None
    batch_id: int | None = None

    def take(self, item: Item) -> UsageEvent | None:
        """Count one item; the event it brings, if any."""
        self.counts["read"] += 1
        if isinstance(item, UsageEvent):
            return item
        if isinstance(item, Rejected):
            self.counts["rejected"] += 1
            _keep(self.rejected, item.line, item.reason)
            return None
        self.counts["adjusted"] += 1
        self.counts["left_out"] += item.event is None
        _keep(self.notes, item.line, item.reason)
        return item.event

    def saw(self, events: Sequence[UsageEvent]) -> None:
        """Note what the stored events span and whom they do not name."""
        if not events:
            return
        times = [event.ts for event in events]
        self.first = min(times) if self.first is None else min(self.first, *times)
        self.last = max(times) if self.last is None else max(self.last, *times)
        self.counts["blank_people"] += sum(event.person is None for event in events)
        self.counts["blank_models"] += sum(event.model == UNLABELED for event in events)

    def settle(self, outcome: Outcome) -> None:
        """Count what the ledger made of a batch."""
        for name in COUNTED:
            self.counts[name] += getattr(outcome, name)
        for event_id, columns in outcome.conflicts[: TOLD - len(self.conflicts)]:
            self.conflicts.append((event_id, tuple(_FIELDS.get(name, name) for name in columns)))
        self.new_unit = self.new_unit or outcome.new_unit

    def compare(self, sizes: Mapping[Slice, tuple[int, int]], accounts: Mapping[int, str]) -> None:
        """Note which replaced days shrank; `accounts` holds the names of sources."""
        self.shrunk += [
            Shrunk(accounts[source_id], date_of(day), before, after)
            for (source_id, day), (before, after) in sorted(sizes.items())
            if after * 100 < before * 99
        ]

    def leave_older(self, count: int) -> None:
        """Count day sums that a later export already brought."""
        for name in ("older", "left_out", "adjusted"):
            self.counts[name] += count

    def result(self, *, file: str, source: str, rejects_file: Path | None) -> FileResult:
        """The finished result."""
        counts = self.counts
        return FileResult(
            file=file,
            source=source,
            batch_id=self.batch_id,
            read=counts["read"],
            accepted=counts["accepted"],
            duplicate=counts["duplicate"],
            merged=counts["merged"],
            conflicting=counts["conflicting"],
            conflicts=tuple(self.conflicts),
            replaced=counts["replaced"],
            removed=counts["removed"],
            adjusted=counts["adjusted"],
            left_out=counts["left_out"],
            older=counts["older"],
            rejected=tuple(self.rejected),
            rejected_count=counts["rejected"],
            notes=tuple(self.notes),
            unpriced=counts["unpriced"],
            new_unit=self.new_unit,
            blank_people=counts["blank_people"],
            blank_models=counts["blank_models"],
            shrunk=tuple(self.shrunk),
            kept_gaps=self.kept_gaps,
            first=None if self.first is None else from_micros(self.first),
            last=None if self.last is None else from_micros(self.last),
            rejects_file=rejects_file,
        )


def _keep(told: list[tuple[int, str]], line: int, reason: str) -> None:
    if len(told) < TOLD:
        told.append((line, reason))
