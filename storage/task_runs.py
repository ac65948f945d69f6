"""Rules over usage that is already known: what they would do, and doing it.

Only events without a task, or with one that a rule gave, are looked at; what a source or a person
named stays.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from heapq import heappush, heappushpop
from typing import Any

import sqlalchemy as sa

from storage import evidence, locks
from storage.change_log import Change, Note
from storage.changes import BATCH, Progress, known_days, write_changes
from storage.crossings import Days
from storage.engine import reading, writing
from storage.labels import nameplates
from storage.records import (
    DETAIL,
    EVENT,
    JOINED,
    PART,
    RULED,
    EventKey,
    LedgerRow,
    Record,
    near_days,
    records,
    stored,
)
from storage.task_match import Matcher, Rule, list_rules
from storage.timekeys import to_micros
from storage.workspaces import WorkspaceInfo

EXAMPLES = 5
_WEEK = 7  # days of keys held in memory at once
_EVER = range(1_000_000)
_OPEN = sa.or_(EVENT.c.task_id == 0, EVENT.c.flags.bitwise_and(RULED) != 0)
# What a `Who` is read from, in its order, and the token counts.
_LOOKS: Mapping[str, sa.ColumnElement[Any]] = {
    "source": EVENT.c.source_id,
    "project": EVENT.c.project_id,
    "department": EVENT.c.department_id,
    "person": EVENT.c.person_id,
    "model": EVENT.c.model_id,
    "provider": DETAIL.c.provider,
    "tag": sa.cast(DETAIL.c.tags, sa.Text),  # PostgreSQL does not group by JSON
    "tokens_in": EVENT.c.tokens_in,
    "tokens_out": EVENT.c.tokens_out,
}
_UNUSED = {"provider": sa.null(), "tag": sa.null()}  # all others are 0 when nobody asks
_TAGS = 6  # its place


@dataclass(frozen=True, slots=True)
class DryRun:
    """What rules would do to the events of some days.

    `hits` are events by place of the rule, `examples` up to five of its events.  `before` and
    `after` are events by task, those that a source tagged too; `after` of task 0 stays
    uncategorised.
    """

    rules: tuple[Rule, ...]
    hits: tuple[int, ...]
    examples: tuple[tuple[LedgerRow, ...], ...]
    before: Mapping[int, int]
    after: Mapping[int, int]

    @property
    def events(self) -> int:
        """How many events there are."""
        return sum(self.after.values())

    @property
    def covered(self) -> int:
        """How many of them would have a task."""
        return self.events - self.after.get(0, 0)

    @property
    def idle(self) -> tuple[Rule, ...]:
        """The rules that match nothing, in their order."""
        return tuple(rule for rule, hits in zip(self.rules, self.hits, strict=True) if not hits)


@dataclass(frozen=True, slots=True)
class Reapplied:
    """How many events were looked at, and how many have another task now."""

    read: int
    changed: int


def dry_run(
    connection: sa.Connection, workspace_id: int, rules: Sequence[Rule], days: Days
) -> DryRun:
    """What rules would do to the events of local days, if they took the place of today's."""
    matcher = Matcher(rules, nameplates(connection, workspace_id))
    hits, before, after = Counter[int](), Counter[int](), Counter[int]()
    newest: defaultdict[int, list[int]] = defaultdict(list)
    inside = _inside(workspace_id, days)
    keys = [_LOOKS[name] for name in sorted(matcher.fields)]
    groups = (
        sa.select(*_looks(matcher), EVENT.c.task_id, sa.func.max(EVENT.c.ts), sa.func.count())
        .select_from(_source(matcher))
        .where(inside, _OPEN)
        .group_by(*keys, EVENT.c.task_id)
    )
    for row in connection.execute(groups):
        place, (task_id, ts, count) = _asked(matcher, row), row[-3:]
        before[task_id] += count
        after[0 if place is None else rules[place].task_id] += count
        if place is not None:
            hits[place] += count
            heap = newest[place]
            (heappush if len(heap) < EXAMPLES else heappushpop)(heap, ts)
    named = sa.select(EVENT.c.task_id, sa.func.count()).where(inside, sa.not_(_OPEN))
    for task_id, count in connection.execute(named.group_by(EVENT.c.task_id)):
        before[task_id] += count
        after[task_id] += count
    return DryRun(
        rules=tuple(rules),
        hits=tuple(hits[place] for place in range(len(rules))),
        examples=_examples(connection, workspace_id, matcher, newest),
        before=dict(before),
        after=dict(after),
    )


def reapply(
    engine: sa.Engine,
    workspace: WorkspaceInfo,
    *,
    days: Days | None = None,
    actor: str,
    now: datetime,
    progress: Progress | None = None,
) -> Reapplied:
    """Give the events of local days (of all without) the task that today's rules say.

    Every change stands in the correction log.  Runs in transactions of a few thousand events, so
    that writers get in between; what is done stays done if it is interrupted.
    """
    note = Note(actor, "task rules", to_micros(now))
    with reading(engine) as connection:
        rules = list_rules(connection, workspace.id)
        matcher = Matcher(rules, nameplates(connection, workspace.id))
    read = changed = 0
    span = known_days(engine, workspace.id, range(days.first, days.end) if days else _EVER)
    for first in range(span.start, span.stop, _WEEK):
        week = Days(first, min(first + _WEEK, span.stop))
        with reading(engine) as connection:
            count, keys = _differing(connection, workspace.id, matcher, week)
        read += count
        for place in range(0, len(keys), BATCH):
            with writing(engine) as connection:
                locks.share(connection, workspace.id)
                known = stored(connection, workspace.id, keys[place : place + BATCH])
                changes = list(_changes(matcher, known))
                write_changes(connection, workspace, changes, note=note)
            changed += len(changes)
        if progress:
            progress(week.end - span.start, len(span))
    if changed:
        with writing(engine) as connection:
            evidence.forget(connection, workspace.id)
    return Reapplied(read, changed)


def _differing(
    connection: sa.Connection, workspace_id: int, matcher: Matcher, days: Days
) -> tuple[int, list[EventKey]]:
    """How many events were looked at, and the keys of those whose task is another by now."""
    wanted = (
        sa.select(*_looks(matcher), EVENT.c.task_id, EVENT.c.source_id, EVENT.c.event_id)
        .select_from(_source(matcher))
        .where(_inside(workspace_id, days), _OPEN)
        .execution_options(stream_results=True)
    )
    tasks = [rule.task_id for rule in matcher.rules]
    read, keys = 0, []
    for rows in connection.execute(wanted).partitions(PART):
        read += len(rows)
        for row in rows:
            place = _asked(matcher, row)
            if row[-3] != (0 if place is None else tasks[place]):
                keys.append((row[-2], row[-1]))
    return read, keys


def _changes(matcher: Matcher, known: Mapping[EventKey, Record]) -> Iterator[Change]:
    """What becomes of events that may have changed since they were looked at."""
    for record in known.values():
        if record.row.task_id and not record.row.flags & RULED:
            continue
        after = matcher.ruled(record)
        if after is not record:
            yield Change(record, after)


def _asked(matcher: Matcher, row: Sequence[Any]) -> int | None:
    """The place of the rule that fits a row of `_looks`."""
    who = tuple(row[:_TAGS])
    return matcher((*who, row[_TAGS] and _tags(row[_TAGS])), row[_TAGS + 1], row[_TAGS + 2])


@lru_cache(maxsize=10_000)
def _tags(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text) or ())


def _looks(matcher: Matcher) -> list[sa.ColumnElement[Any]]:
    zero: sa.ColumnElement[int] = sa.literal_column("0")
    return [
        column if name in matcher.fields else _UNUSED.get(name, zero)
        for name, column in _LOOKS.items()
    ]


def _source(matcher: Matcher) -> sa.FromClause:
    return JOINED if not matcher.fields.isdisjoint(_UNUSED) else EVENT


def _inside(workspace_id: int, days: Days) -> sa.ColumnElement[bool]:
    return sa.and_(
        near_days(workspace_id, days.first, days.end - 1),
        EVENT.c.day >= days.first,
        EVENT.c.day < days.end,
    )


def _examples(
    connection: sa.Connection,
    workspace_id: int,
    matcher: Matcher,
    newest: Mapping[int, Sequence[int]],
) -> tuple[tuple[LedgerRow, ...], ...]:
    """Some of the newest events of each rule, the newest first."""
    found: defaultdict[int | None, list[LedgerRow]] = defaultdict(list)
    moments = sorted(ts for heap in newest.values() for ts in heap)
    if not moments:  # SQLite would look at every event to find none of them
        return tuple(() for _ in matcher.rules)
    ours = sa.and_(EVENT.c.workspace_id == workspace_id, EVENT.c.ts.in_(moments))
    for record in records(connection, ours, _OPEN):
        found[matcher.place(record)].append(record.row)
    return tuple(
        tuple(sorted(found[place], key=lambda row: -row.ts)[:EXAMPLES])
        for place in range(len(matcher.rules))
    )
