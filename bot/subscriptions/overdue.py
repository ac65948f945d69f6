"""Catch-up of what is planned already, but could not leave: the policy holds for what leaves.

A token that is refused for days, a platform that was switched off, a channel that answers nothing
but errors: every digest of those days is a row by then.  Of those that are late the policy of the
subscription says which still leave; the newest names the others, which end with a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import sqlalchemy as sa
import structlog

from analytics.timerange import DAY, TimeRange
from bot.subscriptions.planner import CATCHUP_CAP, LATE
from storage.engine import reading, writing
from storage.failpoints import failpoint
from storage.outbox import moment
from storage.overdue import (
    Anew,
    Key,
    Late,
    Waiting,
    hand_on,
    leave_out,
    lock_late,
    make_anew,
    named_by,
    overdue,
    overdue_in,
)
from storage.pauses import Pause
from storage.subscriptions import Catchup
from storage.timekeys import Clock
from storage.workspaces import workspace_by_id

log = structlog.get_logger()
Moment = Callable[[sa.Connection, datetime], datetime]  # the clock that leases are told by
SOME = 50  # subscriptions of one transaction: others write meanwhile
SEEN = 500  # of one question
MOST: dict[Catchup, int] = {"latest": 1, "all": CATCHUP_CAP, "none": 0}


def catch_up(engine: sa.Engine, now: datetime, *, leases: Moment = moment) -> int:
    """Look, at every tick, at what waits too long; how many digests changed.

    Raises StorageError; what was not looked at then is at the next tick.
    """
    with reading(engine) as connection:
        found = overdue(connection, now, late=LATE, most=MOST)
        # Quiet hours hold some back all night: for those nothing is written at every tick.
        found = list(_late_keys(connection, found, now, leases))
    return _settled(engine, now, found, leases)


def _late_keys(
    connection: sa.Connection, keys: Sequence[Key], now: datetime, leases: Moment
) -> Iterator[Key]:
    """The subscriptions with a digest that is late by its own hours, too; nothing is held."""
    for start in range(0, len(keys), SEEN):
        some = keys[start : start + SEEN]
        for late in lock_late(connection, some, leases(connection, now), only_look=True):
            if any(_is_late(late, row, now) for row in late.rows):
                yield late.workspace_id, late.kept.id


def _is_late(late: Late, row: Waiting, now: datetime) -> bool:
    """As the planner has it, from the end of quiet hours on."""
    return now - late.awake(row.due_at) > LATE


def catch_up_at_start(engine: sa.Engine, now: datetime, *, leases: Moment = moment) -> int:
    """The same before a process sends anything: all that waited while none ran is made anew."""
    with reading(engine) as connection:
        found = overdue_in(connection, now, late=LATE)
    return _settled(engine, now, found, leases, is_new=True)


def catch_up_after(
    engine: sa.Engine, now: datetime, pause: Pause, *, leases: Moment = moment
) -> int:
    """The same for a platform workspace that works again, before anything leaves there."""
    chat = (pause.workspace_id, pause.platform, pause.external_id)
    with reading(engine) as connection:
        found = overdue_in(connection, now, late=LATE, chat=chat)
    held = (pause.platform, pause.reason, now.astimezone(UTC).isoformat())
    return _settled(engine, now, found, leases, held=held, is_new=True)


def _settled(
    engine: sa.Engine,
    now: datetime,
    keys: Sequence[Key],
    leases: Moment,
    *,
    held: tuple[str, str, str] | None = None,
    is_new: bool = False,
) -> int:
    changed = 0
    for start in range(0, len(keys), SOME):
        with writing(engine) as connection:
            free_at = leases(connection, now)
            for late in lock_late(connection, keys[start : start + SOME], free_at):
                clock = workspace_by_id(connection, late.workspace_id).clock()
                changed += _Turn(connection, now, late, clock, held, is_new=is_new).settle()
            failpoint("P21", connection)
    if changed:
        log.info("digests.caught_up", changed=changed)
    return changed


@dataclass(frozen=True, slots=True)
class _Turn:
    """One subscription whose digests wait; `held` is what kept them, [platform, reason, until]."""

    connection: sa.Connection
    now: datetime
    late: Late
    clock: Clock
    held: tuple[str, str, str] | None
    is_new: bool

    def settle(self) -> int:
        """End what does not leave any more, let the others say how late they are."""
        rows = self.late.rows
        if not any(self._is_late(row) for row in rows):
            return 0
        if self.late.kept.catchup == "none":
            return self._forget(rows)
        border = max(len(rows) - MOST[self.late.kept.catchup], 0)
        gone = [row for row in rows[:border] if self._is_late(row)]
        stay = [row for row in rows if row not in gone]
        missed = self._missed(gone, stay)
        ended = self._leave_out(gone, "superseded", by=stay[-1].id)
        return ended + sum(self._say_late(row, missed, is_last=row is stay[-1]) for row in stay)

    def _forget(self, rows: Sequence[Waiting]) -> int:
        """Nothing late leaves, unless it only waits its turn where others leave."""
        works = self.late.worked_at is not None and self.now - self.late.worked_at <= LATE
        if works and self.held is None:
            return sum(self._say_late(row) for row in rows)
        return self._leave_out([row for row in rows if self._is_late(row)], "missed")

    def _leave_out(self, rows: Sequence[Waiting], reason: str, *, by: str | None = None) -> int:
        if not rows:
            return 0
        gone = [row.id for row in rows]
        return leave_out(self.connection, self.late, gone, reason=reason, by=by, now=self.now)

    def _say_late(self, row: Waiting, missed: str | None = None, *, is_last: bool = True) -> int:
        """Make a digest anew where its text is not what it has to say; how many that were."""
        facts = dict(row.facts)
        if missed:
            facts.pop("missed", None)
            facts |= {"missed": missed} if is_last else {}
        is_late = self._is_late(row)
        is_silent = is_late and self._is_silent(row)
        if is_late and (held := self.held or (self._refused(row) if is_silent else None)):
            facts["held"] = list(held)
        if facts == row.facts and not is_silent:
            return 0
        anew = Anew(
            id=row.id,
            was_made=row.state != "planned",
            trigger="catchup" if is_late else row.trigger,
            facts=facts,
            not_before=max(self.late.awake(self.now), row.not_before),
        )
        return make_anew(self.connection, self.late, anew)

    def _refused(self, row: Waiting) -> tuple[str, str, str] | None:
        """What the platform last said of the row itself."""
        if row.state == "planned" or not row.reason:
            return None
        return self.late.to.platform, row.reason, ""

    def _is_silent(self, row: Waiting) -> bool:
        """Whether its text was made before it was late, or too long ago."""
        return row.state != "planned" and (self.is_new or row.trigger == "schedule")

    def _is_late(self, row: Waiting) -> bool:
        return _is_late(self.late, row, self.now)

    def _missed(self, gone: Sequence[Waiting], stay: Sequence[Waiting]) -> str | None:
        """`1–6 Mar 2026`: the days that nobody is told of in a digest of their own.

        The newest names them all, also those that another one was to name.
        """
        if not gone:
            return None
        *others, newest = [row.id for row in (*gone, *stay)]
        hand_on(self.connection, self.late, others, by=newest)
        spans = named_by(self.connection, self.late, newest)
        days = list(self._days([*spans, *((row.window_start, row.window_end) for row in gone)]))
        if not days:
            return None
        first, end = min(first for first, _ in days), max(end for _, end in days)
        return TimeRange(first, end, "", end).dates

    def _days(
        self, spans: Sequence[tuple[datetime | None, datetime | None]]
    ) -> Iterator[tuple[date, date]]:
        for start, end in spans:
            if start is not None and end is not None:
                first = self.clock.local_date(start)
                yield first, max(self.clock.local_date(end), first + DAY)
