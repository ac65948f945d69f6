"""Files of usage become ledger events, one import batch a file, streaming and repeatable.

Single events go in by their key, thousands in a transaction.  Day sums are put together first, so
that a slice (account, UTC day) is always replaced in one transaction: whatever stops an import,
whole transactions stay and no slice is half.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import sqlalchemy as sa

from storage.engine import reading
from storage.errors import StorageError, UnusableFile
from storage.events import Granularity, Route, UsageEvent
from storage.import_log import Exports, ImportLog
from storage.intake import Slice
from storage.labels import Labels
from storage.ledger import Ledger, Origin
from storage.sources.base import Item, Rejected, Source, SourceOptions
from storage.sources.csv_rows import delimiter_of, open_csv
from storage.sources.registry import AUTO, choose
from storage.sources.rejects import RejectsFile
from storage.sources.sample import is_json, take_sample
from storage.sources.slices import Slices
from storage.tally import SETTLED, FileResult, Tally
from storage.timekeys import DAY_US
from storage.workspaces import find_workspace

BATCH = 10_000
LAST_TIME = 2**31 - 1  # a revision has 32 bits on PostgreSQL
PULSE = 1_000  # items between two reports of progress
Progress = Callable[[int], None]


class ImportStopped(StorageError):  # noqa: N818  # the state is the name
    """The database failed or a person interrupted; what was stored before can be undone."""


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What is wanted of an import; `rejects` writes refused CSV rows beside the file.

    With `complete_range` the file is all there is between its first and its last day: what an
    account in it had on a day without rows is taken out.
    """

    workspace: str | None = None
    source: str = AUTO
    options: SourceOptions = field(default_factory=SourceOptions)
    complete_range: bool = False
    dry_run: bool = False
    rejects: bool = False


def import_file(
    engine: sa.Engine,
    path: Path,
    plan: ImportPlan,
    *,
    now: datetime,
    progress: Progress | None = None,
) -> FileResult:
    """Read one file into the ledger; `progress` is told how many bytes were read.

    A dry run reads everything and touches no database: what is already known counts as accepted.
    Raises UnusableFile (nothing was stored), ImportStopped (what came before stays), and
    DatabaseBusy or DatabaseUnusable before the first transaction.
    """
    with _opened(path) as file:
        exported = min(max(int(path.stat().st_mtime), 0), LAST_TIME)
        plan = replace(plan, options=replace(plan.options, exported=exported))
        options = plan.options
        source = choose(plan.source, take_sample(file, options))
        if plan.complete_range and not source.aggregate:
            raise UnusableFile(
                f"{source.title[0].upper()}{source.title[1:]} cannot say that a day had no usage.",
                hint="Leave --complete-range out: it is for day reports.",
            )
        rejects = RejectsFile(path, _head(file, plan), delimiter=delimiter_of(options))
        # An error keeps the frames it came through alive: what a reader holds (a database, bound
        # to this thread) would wait for the collector, which runs in any thread.
        with closing(source.read(file, options, now=now)) as read, closing(rejects):
            items = _watched(read, file, progress)
            if plan.dry_run:
                tally = _rehearsed(items, rejects)
            else:
                run = _Import(engine, plan, source, path=path, now=now)
                tally = run.over(items, rejects)
    return tally.result(file=str(path), source=source.name, rejects_file=rejects.written)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        raise UnusableFile(f'There is no file "{path}".', hint="Check its name.") from None
    except IsADirectoryError:
        raise UnusableFile(f'"{path}" is a folder.', hint="Name the files in it.") from None
    except OSError as error:
        raise UnusableFile(f'"{path}" cannot be read: {error.strerror}.') from None


def _head(file: BinaryIO, plan: ImportPlan) -> str | None:
    """The header line to put on top of refused rows, when they are wanted and the file has one."""
    if not plan.rejects or is_json(file, plan.options):
        return None
    head = open_csv(file, plan.options).head
    file.seek(0)
    return head


def _watched(items: Iterator[Item], file: BinaryIO, progress: Progress | None) -> Iterator[Item]:
    for number, item in enumerate(items):
        if progress is not None and number % PULSE == 0:
            progress(file.tell())
        yield item
    if progress is not None:
        progress(file.tell())


def _rehearsed(items: Iterator[Item], rejects: RejectsFile) -> Tally:
    tally = Tally()
    for item in items:
        event = tally.take(item)
        if isinstance(item, Rejected):
            rejects.add(item)
        if event is not None:
            tally.counts["accepted"] += 1
            tally.saw((event,))
    return tally


@dataclass(slots=True)
class _Admission:
    """Which slices one transaction of an import may replace: those that no later export brought.

    `emptied` are slices that the file says are empty.
    """

    workspace_id: int
    exported: int
    batch_id: int
    emptied: set[Slice]
    slices: set[Slice] = field(default_factory=set)

    def __call__(self, connection: sa.Connection, slices: set[Slice]) -> set[Slice]:
        """Choose, and note that the chosen ones come from this export now."""
        exports = Exports(connection, self.workspace_id)
        slices = slices | self.emptied
        self.slices = slices - exports.later(slices, self.exported)
        exports.note(self.slices, self.exported, batch_id=self.batch_id)
        return self.slices


class _Import:
    """One file on its way into the ledger of one workspace."""

    def __init__(
        self, engine: sa.Engine, plan: ImportPlan, source: Source, *, path: Path, now: datetime
    ) -> None:
        with reading(engine) as connection:
            workspace = find_workspace(connection, plan.workspace)
        self._labels = Labels(engine, workspace.id)
        self._ledger = Ledger(engine, workspace, self._labels)
        self._log = ImportLog(engine, workspace.id, kind=source.name, file=str(path), now=now)
        self._workspace_id = workspace.id
        self._exported = plan.options.exported
        self._complete_range = plan.complete_range
        self._accounts: dict[int, str] = {}
        self._source = source
        self._now = now
        self._tally = Tally()
        self._events: list[UsageEvent] = []
        self._rejected: list[Rejected] = []

    def over(self, items: Iterator[Item], rejects: RejectsFile) -> Tally:
        """Store all items; raises ImportStopped when the database fails on the way."""
        try:
            with closing(Slices()) as slices:
                for item in items:
                    self._take(item, slices, rejects)
                self._flush()
                self._replace(slices)
        except (StorageError, KeyboardInterrupt) as error:
            # The failure that ended the import is the one to tell; the batch can be undone
            # without its counts.
            with suppress(StorageError):
                self._finish()
            raise self._stopped(error) from error
        self._finish()
        return self._tally

    def _take(self, item: Item, slices: Slices, rejects: RejectsFile) -> None:
        event = self._tally.take(item)
        if isinstance(item, Rejected):
            rejects.add(item)
            self._rejected.append(item)
        elif event is not None and self._is_slice(event):
            slices.add(event)
        elif event is not None:
            self._events.append(event)
        if len(self._events) >= BATCH or len(self._rejected) >= BATCH:
            self._flush()

    def _is_slice(self, event: UsageEvent) -> bool:
        return self._source.aggregate and event.granularity is Granularity.DAY

    def _flush(self) -> None:
        if self._events:
            # Seen before it is written: undo looks inside these times, whatever cuts us off.
            self._tally.saw(self._events)
            outcome = self._ledger.write(self._events, self._origin(), now=self._now)
            self._tally.settle(outcome)
            self._events = []
        self._log.keep_rejected(self._rejected)
        self._rejected = []

    def _replace(self, slices: Slices) -> None:
        for group in slices.whole(BATCH):
            done = set(self._accounts)
            places = {id(event): self._slice(event) for event in group}
            accounts = {event.account: places[id(event)][0] for event in group}
            new = {name: number for name, number in accounts.items() if number not in done}
            admission = _Admission(
                self._workspace_id, self._exported, self._log.begin(), self._gaps(slices, new)
            )
            self._tally.saw(group)
            outcome = self._ledger.replace_slices(
                group, self._origin(), now=self._now, admit=admission
            )
            kept = [event for event in group if places[id(event)] in admission.slices]
            self._tally.leave_older(len(group) - len(kept))
            self._tally.settle(outcome)
            self._tally.compare(outcome.sizes, self._accounts)

    def _gaps(self, slices: Slices, accounts: Mapping[str | None, int]) -> set[Slice]:
        """The slices of accounts (with their source ids) that the file says are empty."""
        if not self._complete_range:
            return set()
        if self._tally.counts["rejected"]:
            self._tally.kept_gaps = True
            return set()
        return {
            (source_id, day)
            for account, source_id in accounts.items()
            for day in slices.gaps(account)
        }

    def _slice(self, event: UsageEvent) -> Slice:
        name = f"{self._source.name}:{event.account}" if event.account else self._source.name
        source_id = self._labels.source_id(name, self._source.name, now=self._now)
        self._accounts[source_id] = name
        return source_id, event.ts // DAY_US

    def _origin(self) -> Origin:
        name = self._source.name
        return Origin(source=name, kind=name, route=Route.FILE, batch_id=self._log.begin())

    def _finish(self) -> None:
        tally = self._tally
        tally.batch_id = self._log.batch_id
        self._log.finish(tally.counts, first=tally.first, last=tally.last)

    def _stopped(self, error: StorageError | KeyboardInterrupt) -> StorageError:
        why = error.message if isinstance(error, StorageError) else "It was interrupted."
        batch_id = self._log.batch_id
        if batch_id is None:
            return (
                error
                if isinstance(error, StorageError)
                else ImportStopped(f"{why} Nothing was stored.")
            )
        settled = sum(self._tally.counts[name] for name in SETTLED)
        return ImportStopped(
            f"The import stopped: {why} {settled:,} rows before that are stored as import"
            f" {batch_id}, whole transactions only.",
            hint="Import the file again to add the rest, or take it back with"
            f" creditbot import --undo {batch_id}.",
        )
