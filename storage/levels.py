"""The regular look at every budget: a second net that cannot fire twice, and the end of alerts.

It makes the rows of `budget_usage`, fires what a new or edited budget has reached already, and ends
alerts: when usage stays well below the threshold, or a new limit counts.  A period that simply ends
ends no alert.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import sqlalchemy as sa

from storage import budget_usage, locks
from storage.alerts import State, alert_by_id, resolve
from storage.apart import Apart
from storage.budget_usage import NEVER, PLAN, Moved, UsageRow
from storage.engine import reading, writing
from storage.errors import DatabaseBusy
from storage.limits import FIRED, Book, Fired, Line
from storage.marks import Threshold, hundredths, is_reached, passed_facts, thresholds_of
from storage.thresholds import decide
from storage.workspaces import WorkspaceInfo, list_workspaces

HOLD: Final = timedelta(minutes=10)  # usage must stay down so long before an alert is over
GAP: Final = 2  # per cent of the limit below the threshold that count as down
PATIENCE: Final = 2.0  # seconds: a tick waits for nobody, the next one comes soon
Reason = Literal["below", "revised", "removed"]


def check_levels(engine: sa.Engine, now: datetime) -> int:
    """Look at every workspace; how many alerts fired or ended.  Trouble of one stops no other."""
    with reading(engine) as connection:
        workspaces = list_workspaces(connection)
    changed = 0
    with Apart() as apart:
        for workspace in workspaces:
            # Busy: somebody imports or rebuilds, the next tick looks again.
            with apart.turn(workspace.name), suppress(DatabaseBusy):
                changed += _check(engine, workspace, now)
    return changed


def _check(engine: sa.Engine, workspace: WorkspaceInfo, now: datetime) -> int:
    with reading(engine) as connection:
        rows, book = _read(connection, workspace, now)
        missing = _missing(book, rows)
        is_due = any(_has_work(book, row, now) for row in rows)
    if missing:
        with _briefly(engine) as connection:
            # Nobody is writing usage who does not know yet that the rows are there.
            locks.alone(connection, workspace.id)
            budget_usage.create(connection, workspace, missing)
    if not (missing or is_due):
        return 0
    with _briefly(engine) as connection:
        rows, book = _read(connection, workspace, now)
        due = [row for row in rows if _has_work(book, row, now)]
        # As a writer of usage does it: first the budgets' rows in their order, then the workspace.
        budget_usage.lock(connection, workspace.id, due)
        locks.hold(connection, workspace.id)
        return _settle(connection, workspace, {row.key for row in due}, now)


@contextmanager
def _briefly(engine: sa.Engine) -> Iterator[sa.Connection]:
    with writing(engine, patience=PATIENCE) as connection:
        locks.be_impatient(connection, PATIENCE)
        yield connection


def _read(
    connection: sa.Connection, workspace: WorkspaceInfo, now: datetime
) -> tuple[list[UsageRow], Book]:
    """The rows of periods that are not over, and what they are held against."""
    rows = budget_usage.rows_since(connection, workspace.id, workspace.clock().day(now))
    return rows, Book.read(connection, workspace, rows, now=now)


def _missing(book: Book, rows: Sequence[UsageRow]) -> list[UsageRow]:
    """Rows that are needed today, or tomorrow: a new period begins with its row in place."""
    known = {row.key for row in rows}
    days = (book.today, book.today + 1)
    needed = {row.key: row for day in days for row in book.periods(day)}
    return [row for key, row in needed.items() if key not in known]


def _has_work(book: Book, row: UsageRow, now: datetime) -> bool:
    if row.first_day > book.today:
        return False
    line = book.line(row)
    if list(_steps(book, row, line, now)):
        return True
    return row.mark != (line.mark() if line else NEVER) or row.is_stale or row.used >= row.mark


def _settle(
    connection: sa.Connection,
    workspace: WorkspaceInfo,
    keys: Collection[tuple[int, int]],
    now: datetime,
) -> int:
    """End what is over, then fire what is reached, of rows that are held."""
    rows, book = _read(connection, workspace, now)
    ours = [row for row in rows if row.key in keys]
    ended = 0
    for row in ours:
        steps = list(_steps(book, row, book.line(row), now))
        for step in steps:
            _keep(connection, workspace.id, row, step, now)
        ended += _end(connection, book, row, _instead(book, row, rows), steps, now)
    book = Book.read(connection, workspace, ours, now=now)
    fired = [decide(connection, book, Moved(row, row.used), now=now) for row in ours]
    return ended + sum(number is not None for number in fired)


# ---- ends


@dataclass(frozen=True, slots=True)
class _Step:
    """What becomes of an open threshold: it is over for a reason, or is below since a moment."""

    fired: Fired
    reason: Reason | None
    below_since: datetime | None = None


def _steps(book: Book, row: UsageRow, line: Line | None, now: datetime) -> Iterator[_Step]:
    """The open thresholds of a row of which something changes."""
    for fired in book.known.get(row.key, ()):
        if not fired.is_open:
            continue
        if line is None:
            is_gone = row.budget_id != PLAN and row.budget_id not in book.budgets
            yield _Step(fired, "removed" if is_gone else "revised")
        elif fired.revision != line.revision:
            yield _Step(fired, "revised")
        elif not _is_down(line.threshold(fired.percent), row.used, line.limit):
            if fired.below_since is not None:
                yield _Step(fired, None)
        elif fired.below_since is None or fired.below_since > now:  # the clock was moved back
            yield _Step(fired, None, now)
        elif now - fired.below_since >= HOLD:
            yield _Step(fired, "below")


def _is_down(threshold: Threshold, used: int, limit: int) -> bool:
    """Whether usage is so far below a threshold that it may be over."""
    point = hundredths(threshold, limit)
    gap = min(2 * GAP * limit, point)  # of a threshold of 1 or 2 per cent the half of it
    return used == 0 or used * 200 < 2 * point - gap


def _keep(
    connection: sa.Connection, workspace_id: int, row: UsageRow, step: _Step, now: datetime
) -> None:
    chosen = sa.update(FIRED).where(
        FIRED.c.workspace_id == workspace_id,
        FIRED.c.budget_id == row.budget_id,
        FIRED.c.first_day == row.first_day,
        FIRED.c.revision == step.fired.revision,
        FIRED.c.percent == step.fired.percent,
        FIRED.c.episode == step.fired.episode,
    )
    values = {"below_since": step.below_since} if step.reason is None else {"resolved_at": now}
    connection.execute(chosen.values(**values))


def _instead(book: Book, row: UsageRow, rows: Sequence[UsageRow]) -> Iterator[Line]:
    """What holds today where a row was held against something: its own line, or the next one's.

    A budget whose days were moved has another row; the workspace's takes the place of the plan.
    """
    for one in rows:
        is_next = one.budget_id == row.budget_id or (
            row.budget_id == PLAN and one.scope == "workspace"
        )
        if is_next and one.first_day <= book.today < one.end_day:
            line = book.line(one)
            if line is not None:
                yield line


def _end(  # what is over, and what holds instead
    connection: sa.Connection,
    book: Book,
    row: UsageRow,
    instead: Iterable[Line],
    steps: Sequence[_Step],
    now: datetime,
) -> int:
    """End the alerts of which no threshold is open any more; how many."""
    is_warned = any(line.is_warning for line in instead)
    over = {step.fired.alert_id: step for step in steps if step.reason is not None}
    closed = {(step.fired.percent, step.fired.revision) for step in steps if step.reason}
    known = book.known[row.key]
    ended = 0
    for number, step in over.items():
        ours = sorted((one for one in known if one.alert_id == number), key=lambda one: one.percent)
        is_open = any(one.is_open and (one.percent, one.revision) not in closed for one in ours)
        alert = None if is_open else alert_by_id(connection, book.workspace.id, number)
        if alert is None or step.reason is None:
            continue
        line = book.line(row)
        told = thresholds_of(alert.facts.get("thresholds"))
        passed = [_passed(one.percent, told) for one in ours]
        facts = {
            "reason": step.reason,
            **passed_facts(
                [t for t in passed if t and not (line and is_reached(t, row.used, line.limit))]
            ),
            "used": row.used,
            "limit": line.limit if line else None,
        }
        # One story: who is told that a warning is over must not be warned of it at once.
        state: State = "replaced" if step.reason == "revised" and is_warned else "resolved"
        ended += resolve(connection, alert, state=state, facts=facts, now=now)
    return ended


def _passed(code: int, listed: Sequence[Threshold]) -> Threshold | None:
    """The threshold of a code, by the list of its revision; None where that is not kept."""
    if code > 0:
        return code
    return listed[-1 - code] if -code <= len(listed) else None
