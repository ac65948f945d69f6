"""One event as the database holds it: its ledger row and what only some sources bring of it.

Unknown is 0 in the id columns, the token counts and the rating, None elsewhere, and a flag where
a 0 could be meant.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.models  # noqa: F401  # declares the tables that are looked up below
from storage.engine import fill
from storage.timekeys import DAY_US

EVENT = SQLModel.metadata.tables["usage_event"]
DETAIL = SQLModel.metadata.tables["usage_detail"]

# Bits of `usage_event.flags`; plain integers, because an IntFlag costs ten times as much.
UNCOUNTED = 1  # prompts are unknown and stored as 0
UNPRICED = 2  # credits are unknown and stored as 0
SKEWED = 4  # the source's clock is ahead: stored at the time of arrival
FOREIGN_UNIT = 8  # unpriced, because it counts in a unit that nobody gave a factor for
HOME_DEPARTMENT = 16  # the person's department, not one that the source named
BLOCKED = 64  # a limit stopped it before a model saw it
RULED = 128  # the task was given by a rule, not named by the source
STATED = 32  # credits as the source or an admin states them; never derived again

EventKey = tuple[int, str]  # source id, event id
# A ledger row before it is one: drivers bind plain tuples fastest, so an import makes only these.
PlainRow = tuple[
    int, int, str, int, int, int, int, int, int, int, int, int, int, int, int, int,
    int | None, int, int, int, int, int, int, int,
]  # fmt: skip
PART = 20_000  # events held in memory at once
CHUNK = 500  # values of one IN list; SQLite allows 32,766 variables


class LedgerRow(NamedTuple):
    """A row of `usage_event` in column order; a tuple, so that it stands for a `PlainRow`."""

    workspace_id: int
    source_id: int
    event_id: str
    ts: int
    grain: int
    day: int
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
    multiplier: int
    credits: int
    flags: int
    route: int
    batch_id: int
    rev: int

    @property
    def key(self) -> EventKey:
        """What the event is known by inside its workspace."""
        return self.source_id, self.event_id


class Detail(NamedTuple):
    """A row of `usage_detail` behind its key; all None says that there is no row."""

    cost_nano: int | None = None
    currency: str | None = None
    amount: int | None = None
    unit: str | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    ttft_ms: int | None = None
    provider: str | None = None
    error: str | None = None
    tags: tuple[str, ...] | None = None
    revision: int = 0
    trial_id: int | None = None
    arm: str | None = None


NO_DETAIL = Detail()


@dataclass(frozen=True, slots=True)
class Record:
    """One event with everything that is kept of it."""

    row: LedgerRow
    detail: Detail = NO_DETAIL

    def as_json(self) -> dict[str, object]:
        """The record for the change log; `from_json` is the inverse."""
        content: dict[str, object] = self.row._asdict()
        if self.detail != NO_DETAIL:
            content["detail"] = self.detail._asdict()
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Record:
        """The record that the change log holds."""
        row = LedgerRow(**{name: content[name] for name in LedgerRow._fields})
        detail = dict(content.get("detail", {}))
        if detail.get("tags") is not None:
            detail["tags"] = tuple(detail["tags"])
        return cls(row, Detail(**detail))


_TAGS = Detail._fields.index("tags")
_REVISION = Detail._fields.index("revision")
_DETAILS = [DETAIL.c[name] for name in Detail._fields]
JOINED = EVENT.outerjoin(
    DETAIL,
    sa.and_(
        *(EVENT.c[name] == DETAIL.c[name] for name in ("workspace_id", "source_id", "event_id"))
    ),
)
_RECORDS = sa.select(*EVENT.columns, *_DETAILS).select_from(JOINED)


def records(
    connection: sa.Connection, *conditions: sa.ColumnElement[bool], lock: bool = False
) -> Iterator[Record]:
    """The records that fulfil the conditions, by key; `lock` holds them until the commit."""
    wanted = _RECORDS.where(*conditions).order_by(EVENT.c.source_id, EVENT.c.event_id)
    if lock:
        wanted = wanted.with_for_update(of=EVENT)
    for row in connection.execute(wanted):
        yield _record(tuple(row))


def _record(values: tuple[Any, ...]) -> Record:
    width = len(LedgerRow._fields)
    row = LedgerRow._make(values[:width])
    if values[width + _REVISION] is None:  # never NULL in a row that exists
        return Record(row)
    detail = Detail._make(values[width:])
    return Record(row, detail._replace(tags=tuple(detail.tags)) if detail.tags else detail)


def scan(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> Iterator[list[Record]]:
    """The records that fulfil the conditions, in no order, a bounded number at a time."""
    wanted = _RECORDS.where(*conditions).execution_options(stream_results=True)
    for rows in connection.execute(wanted).partitions(PART):
        yield [_record(tuple(row)) for row in rows]


def near_days(workspace_id: int, first: int, last: int) -> sa.ColumnElement[bool]:
    """Chooses by index every event that may lie in local days, both included.

    Two days of slack: aggregate rows and zones move days against UTC.
    """
    return sa.and_(
        EVENT.c.workspace_id == workspace_id,
        EVENT.c.ts >= (first - 2) * DAY_US,
        EVENT.c.ts < (last + 3) * DAY_US,
    )


def of_day(
    connection: sa.Connection, workspace_id: int, source_id: int, *, day: int, limit: int
) -> list[LedgerRow]:
    """The first events of a source on a local day, by time."""
    wanted = (
        sa.select(EVENT)
        .where(near_days(workspace_id, day, day), EVENT.c.day == day)
        .where(EVENT.c.source_id == source_id)
        .order_by(EVENT.c.ts, EVENT.c.event_id)
        .limit(limit)
    )
    return [LedgerRow._make(row) for row in connection.execute(wanted)]


def ends(
    connection: sa.Connection, workspace_id: int, place: sa.Column[int]
) -> tuple[int, int] | None:
    """The least and the largest value of an indexed column; None for an empty workspace.

    Each is a question of its own: asked for both at once, SQLite walks the whole index.
    """
    ours = place.table.c.workspace_id == workspace_id
    low, high = (
        sa.select(edge(place)).where(ours).scalar_subquery() for edge in (sa.func.min, sa.func.max)
    )
    found = connection.execute(sa.select(low, high)).one()
    return None if found[0] is None else (found[0], found[1])


def stored(
    connection: sa.Connection, workspace_id: int, keys: Iterable[EventKey]
) -> dict[EventKey, Record]:
    """The records of those keys that are in the ledger, locked in the order of their keys."""
    found: dict[EventKey, Record] = {}
    for condition in chosen(EVENT, workspace_id, keys):
        found |= {record.row.key: record for record in records(connection, condition, lock=True)}
    return found


def chosen(
    table: sa.Table, workspace_id: int, keys: Iterable[EventKey]
) -> Iterator[sa.ColumnElement[bool]]:
    """Conditions that choose the keys in a table, a few hundred each, in the order of the keys."""
    by_source: dict[int, list[str]] = {}
    for source_id, event_id in sorted(keys):
        by_source.setdefault(source_id, []).append(event_id)
    for source_id, names in by_source.items():
        for first in range(0, len(names), CHUNK):
            yield sa.and_(
                table.c.workspace_id == workspace_id,
                table.c.source_id == source_id,
                table.c.event_id.in_(names[first : first + CHUNK]),
            )


def fill_details(
    connection: sa.Connection, workspace_id: int, details: Mapping[EventKey, Detail]
) -> None:
    """Insert the details of events that have none yet."""
    rows = [
        (
            workspace_id,
            *key,
            *detail[:_TAGS],
            detail.tags and json.dumps(detail.tags),
            *detail[_REVISION:],
        )
        for key, detail in details.items()
        if detail != NO_DETAIL
    ]
    if rows:
        fill(connection, DETAIL, rows)
