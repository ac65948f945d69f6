"""Changes of the past by people: corrections, deletions, prices of today for events of before.

Each goes through the change log and through the same sums as a new event, in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

import sqlalchemy as sa

from storage import cells, locks, thresholds
from storage.cells import Sums
from storage.change_log import Change, Note, carry_out
from storage.engine import reading, writing
from storage.errors import StorageError
from storage.pricing import Tariff
from storage.records import (
    EVENT,
    FOREIGN_UNIT,
    HOME_DEPARTMENT,
    RULED,
    SKEWED,
    STATED,
    UNCOUNTED,
    UNPRICED,
    EventKey,
    Record,
    ends,
    near_days,
    stored,
)
from storage.timekeys import DAY_US, Clock, from_micros, to_micros
from storage.workspaces import WorkspaceInfo

Progress = Callable[[int, int], None]  # days done, days in all
BATCH = 5_000
_DAYS = 7  # of keys held in memory at once
_PRICE_BASIS = frozenset({"ts", "model_id", "prompts", "ok", "ok_n", "credits"})


class NoSuchEvent(StorageError):  # noqa: N818  # the mistake is the name
    """An event that is not in the ledger."""


class Values(TypedDict, total=False):
    """The columns of the ledger that an admin may correct; `credits` are micro-credits."""

    ts: int
    person_id: int
    department_id: int
    project_id: int
    model_id: int
    task_id: int
    prompts: int
    ok: int
    ok_n: int
    tokens_in: int
    tokens_out: int
    latency_ms: int | None
    rating: int
    credits: int


@dataclass(frozen=True, slots=True)
class Repriced:
    """How many events have other credits now, and their micro-credits before and after."""

    changed: int
    before: int
    after: int


def correct(  # noqa: PLR0913  # who, why and when are said with every change
    engine: sa.Engine,
    workspace: WorkspaceInfo,
    key: EventKey,
    *,
    values: Values,
    actor: str,
    reason: str,
    now: datetime,
) -> None:
    """Correct one event; raises NoSuchEvent.

    What its price depends on changes its credits too, unless they are stated or corrected as well.
    """
    with writing(engine) as connection:
        locks.share(connection, workspace.id)
        tariff = Tariff.load(connection, workspace.id)
        before = _one(connection, workspace.id, key)
        after = _corrected(before, values, workspace.clock())
        if values.keys() & _PRICE_BASIS:
            after = tariff.settled(connection, workspace.id, [after]).price(after)
        note = Note(actor, reason, to_micros(now))
        write_changes(connection, workspace, [Change(before, after)], note=note)


def delete(
    engine: sa.Engine,
    workspace: WorkspaceInfo,
    keys: Sequence[EventKey],
    *,
    actor: str,
    reason: str,
    now: datetime,
) -> int:
    """Delete events with their details; how many there were.  The change log keeps them."""
    with writing(engine) as connection:
        locks.share(connection, workspace.id)
        known = stored(connection, workspace.id, set(keys))
        gone = [Change(record, None) for record in known.values()]
        write_changes(connection, workspace, gone, note=Note(actor, reason, to_micros(now)))
    return len(gone)


def reprice(  # noqa: PLR0913  # who, why and when are said with every change
    engine: sa.Engine,
    workspace: WorkspaceInfo,
    *,
    first_day: int,
    last_day: int,
    model_id: int | None = None,
    actor: str,
    reason: str,
    now: datetime,
    progress: Progress | None = None,
) -> Repriced:
    """Give the events of local days (both included) the credits of today's catalogue and factors.

    Stated credits stay.  Runs in transactions of a few thousand events, so that writers get in
    between; what is done stays done if it is interrupted, and running it again finishes it.
    """
    note = Note(actor, reason, to_micros(now))
    changed = before = after = 0
    days = known_days(engine, workspace.id, range(first_day, last_day + 1))
    for keys in _batches(engine, workspace.id, days, model_id=model_id, progress=progress):
        with writing(engine) as connection:
            locks.share(connection, workspace.id)
            tariff = Tariff.load(connection, workspace.id)
            known = stored(connection, workspace.id, keys)
            tariff = tariff.settled(connection, workspace.id, known.values())
            pairs = [(record, tariff.price(record)) for record in known.values()]
            changes = [Change(old, new) for old, new in pairs if old != new]
            write_changes(connection, workspace, changes, note=note)
        # A multiplier alone may change, too: that of what costs nothing, or is stated.
        credits_ = [(old.row.credits, new.row.credits) for old, new in pairs]
        changed += sum(old != new for old, new in credits_)
        before += sum(old for old, new in credits_ if old != new)
        after += sum(new for old, new in credits_ if old != new)
    return Repriced(changed, before, after)


def write_changes(
    connection: sa.Connection, workspace: WorkspaceInfo, changes: Sequence[Change], *, note: Note
) -> None:
    """Changes of locked events, into ledger, log, rollups and what budgets used."""
    sums = Sums(workspace.clock())
    carry_out(connection, workspace.id, changes, note=note, sums=sums)
    written = cells.apply(connection, workspace.id, sums)
    thresholds.follow(connection, workspace.id, written, now=from_micros(note.at))


def _one(connection: sa.Connection, workspace_id: int, key: EventKey) -> Record:
    found = stored(connection, workspace_id, [key]).get(key)
    if found is None:
        raise NoSuchEvent(
            f'There is no event "{key[1]}" of this source.', hint="It may have been deleted before."
        )
    return found


def _corrected(record: Record, values: Values, clock: Clock) -> Record:
    row = record.row._replace(**values)
    flags = row.flags
    if "ts" in values:
        row = row._replace(day=clock.keys(row.ts, row.grain).day)
        flags &= ~SKEWED
    if "prompts" in values:
        flags &= ~UNCOUNTED
    if "department_id" in values:
        flags &= ~HOME_DEPARTMENT
    if "task_id" in values:
        flags &= ~RULED
    if "credits" in values:
        flags = flags & ~(UNPRICED | FOREIGN_UNIT) | STATED
    return Record(row._replace(flags=flags), record.detail)


def _batches(
    engine: sa.Engine,
    workspace_id: int,
    days: range,
    *,
    model_id: int | None,
    progress: Progress | None,
) -> Iterator[list[EventKey]]:
    """The keys of the events of local days, a batch at a time."""
    for first in range(days.start, days.stop, _DAYS):
        last = min(first + _DAYS, days.stop) - 1
        wanted = (
            sa.select(EVENT.c.source_id, EVENT.c.event_id)
            .where(near_days(workspace_id, first, last), EVENT.c.day.between(first, last))
            .order_by(EVENT.c.source_id, EVENT.c.event_id)
        )
        if model_id is not None:
            wanted = wanted.where(EVENT.c.model_id == model_id)
        with reading(engine) as connection:
            keys = [(row.source_id, row.event_id) for row in connection.execute(wanted)]
        for place in range(0, len(keys), BATCH):
            yield keys[place : place + BATCH]
        if progress:
            progress(last + 1 - days.start, len(days))


def known_days(engine: sa.Engine, workspace_id: int, days: range) -> range:
    """Those of the days that usage may lie in."""
    with reading(engine) as connection:
        found = ends(connection, workspace_id, EVENT.c.ts)
    if found is None:
        return range(0)
    low, high = found
    return range(max(days.start, low // DAY_US - 1), min(days.stop, high // DAY_US + 2))
