"""The one door through which usage enters: ledger and every rollup in the same transaction.

An event counts once, however often and in whatever order it comes.  Either everything of a call is
kept, or nothing.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError
from sqlmodel import SQLModel

from storage import locks
from storage.arrivals import supplied
from storage.cells import Sums
from storage.change_log import Note
from storage.engine import writing
from storage.errors import StorageError
from storage.events import Route, UsageEvent
from storage.intake import Admit, Conflict, Intake, Slice
from storage.labels import Labels
from storage.pricing import Tariff, credit_unit, decide_unit, factors
from storage.stage import Arrival, Resolver, give_tasks, impossible, stage
from storage.timekeys import to_micros
from storage.workspaces import WorkspaceInfo

_REJECTED = SQLModel.metadata.tables["rejected_item"]
MAX_REASON = 300


class ImpossibleEvent(StorageError):  # noqa: N818  # the mistake is the name
    """An event whose numbers the ledger cannot hold; nothing of the call was kept."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where events come from: the feed (`copilot`), its kind, the way in, the import."""

    source: str
    kind: str
    route: Route
    batch_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the events of one call.

    Each is in exactly one of `accepted`, `duplicate`, `merged` (a known event, gaps filled),
    `conflicting` and `replaced`.  `removed` were in a slice before and are not any more.
    `unpriced` and `credits` (micro) are of what was accepted or replaced.  `conflicts` holds event
    ids with the names that differ.  `sizes` holds the credits (micro) before and after of replaced
    slices.  `new_unit` is the workspace's credit if this call decided it.
    """

    accepted: int = 0
    duplicate: int = 0
    merged: int = 0
    conflicting: int = 0
    replaced: int = 0
    removed: int = 0
    unpriced: int = 0
    credits: int = 0
    conflicts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    sizes: Mapping[Slice, tuple[int, int]] = field(default_factory=dict)
    new_unit: str | None = None


class Ledger:
    """The usage of one workspace, for writing."""

    def __init__(self, engine: sa.Engine, workspace: WorkspaceInfo, labels: Labels) -> None:
        self._engine = engine
        self._workspace_id = workspace.id
        self._labels = labels
        self._clock = workspace.clock()

    def write(self, events: Sequence[UsageEvent], origin: Origin, *, now: datetime) -> Outcome:
        """Insert events by their key; known keys are merged, refused or replaced.

        Raises ImpossibleEvent, DatabaseBusy or DatabaseUnusable; then nothing was kept.
        """
        return self._enter(events, origin, now=now, how=Intake.merge)

    def write_one(self, event: UsageEvent, origin: Origin, *, now: datetime) -> Outcome:
        """Insert a single event: a batch of one needs no path of its own."""
        return self.write((event,), origin, now=now)

    def replace_slices(
        self,
        events: Sequence[UsageEvent],
        origin: Origin,
        *,
        now: datetime,
        admit: Admit | None = None,
    ) -> Outcome:
        """Replace every (account, UTC day) that occurs in the events as a whole.

        Rows that say the same as before are left alone, so the same file twice changes nothing.
        `admit` chooses inside the transaction which slices are replaced; events of others count
        nowhere.  Raises what `write` raises.
        """
        return self._enter(events, origin, now=now, how=partial(Intake.replace, admit=admit))

    def _enter(
        self,
        events: Sequence[UsageEvent],
        origin: Origin,
        *,
        now: datetime,
        how: Callable[[Intake], None],
    ) -> Outcome:
        if not events:
            return Outcome()
        self._labels.prepare(events, now=now)
        arrival = self._arrival(events, origin, now)
        resolver = Resolver(self._labels)
        try:
            with _uncollected(), writing(self._engine) as connection:
                locks.share(connection, self._workspace_id)
                unit, decided = self._credit_unit(connection, events, resolver)
                tariff = Tariff(unit, resolver.catalog, factors(connection, self._workspace_id))
                intake = self._intake(connection, events, arrival, tariff=tariff, resolver=resolver)
                how(intake)
                _keep_conflicts(intake)
        except (IntegrityError, DataError, OverflowError) as error:
            reason = next(impossible(events), None)
            if reason is None:
                raise
            raise ImpossibleEvent(
                f"The {reason}.", hint="Nothing of its batch was kept."
            ) from error
        return _outcome(intake, unit if decided else None)

    def _arrival(self, events: Sequence[UsageEvent], origin: Origin, now: datetime) -> Arrival:
        accounts = {event.account for event in events}
        names = {
            account: f"{origin.source}:{account}" if account else origin.source
            for account in accounts
        }
        return Arrival(
            workspace_id=self._workspace_id,
            sources={
                account: self._labels.source_id(name, origin.kind, now=now)
                for account, name in names.items()
            },
            route=origin.route,
            batch_id=origin.batch_id,
            now=now,
        )

    def _intake(
        self,
        connection: sa.Connection,
        events: Sequence[UsageEvent],
        arrival: Arrival,
        *,
        tariff: Tariff,
        resolver: Resolver,
    ) -> Intake:
        staged = stage(events, arrival, resolver=resolver, tariff=tariff, clock=self._clock)
        if resolver.rules:
            give_tasks(staged, resolver.rules)
        at = to_micros(arrival.now)
        return Intake(
            connection=connection,
            workspace_id=self._workspace_id,
            staged=staged,
            tariff=tariff,
            note=Note(actor="source", reason="arrived again", at=at, batch_id=arrival.batch_id),
            sums=Sums(self._clock),
        )

    def _credit_unit(
        self, connection: sa.Connection, events: Sequence[UsageEvent], resolver: Resolver
    ) -> tuple[str | None, bool]:
        """The workspace's credit, and whether these events decide it by bringing the first unit."""
        known = credit_unit(connection, self._workspace_id)
        if known is not None:
            return known, False
        charges = ((e, resolver.price(resolver.models[e.model], e.ts)) for e in events)
        unit = decide_unit(connection, self._workspace_id, charges)
        return unit, unit is not None


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for cyclic garbage meanwhile.

    A batch makes a hundred thousand tuples and no cycle; looking for one took a tenth of its time.
    """
    if not gc.isenabled():  # a batch of another thread, which ends it
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _outcome(intake: Intake, new_unit: str | None) -> Outcome:
    return Outcome(
        **intake.counts,
        conflicts=tuple((c.known.row.event_id, c.fields) for c in intake.conflicts),
        sizes=intake.sizes,
        new_unit=new_unit,
    )


def _keep_conflicts(intake: Intake) -> None:
    """Keep what was refused for review, with both contents, beside the import it came with.

    Lines are negative: the ledger does not know the line of the file.
    """
    batch_id = intake.note.batch_id
    if not batch_id or not intake.conflicts:
        return
    connection = intake.connection
    lowest = connection.execute(
        sa.select(sa.func.min(_REJECTED.c.line)).where(
            _REJECTED.c.workspace_id == intake.workspace_id, _REJECTED.c.batch_id == batch_id
        )
    ).scalar()
    first = min(lowest or 0, 0) - 1
    connection.execute(
        sa.insert(_REJECTED),
        [
            {
                "workspace_id": intake.workspace_id,
                "batch_id": batch_id,
                "line": first - number,
                "kind": "conflict",
                "reason": _reason(conflict, intake.tariff.unit)[:MAX_REASON],
                "event_id": conflict.known.row.event_id,
            }
            for number, conflict in enumerate(intake.conflicts)
        ],
    )


def _reason(conflict: Conflict, unit: str | None) -> str:
    kept, came = supplied(conflict.known, unit), supplied(conflict.arrived, unit)
    return "; ".join(f"{n}: kept {kept[n]}, refused {came[n]}" for n in conflict.fields)
