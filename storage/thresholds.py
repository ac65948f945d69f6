"""Which thresholds of a budget fire: decided in the transaction that crossed them, each once.

It fires once for each budget, period, revision and episode; everything that one transaction
crosses in one budget is one alert.  Only the period that holds now fires: what crosses in a closed
one is kept as skipped, for the next digest to name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from storage import budget_usage, locks
from storage.alerts import PERIOD_CLOSED, NewAlert, insert_alert
from storage.budget_usage import NEVER, PLAN, Moved
from storage.cells import Cells
from storage.engine import insert_for
from storage.failpoints import failpoint
from storage.limits import FIRED, MOST_EPISODES, Book, Line
from storage.marks import Threshold, as_json, is_reached, kept, ordered, passed_facts
from storage.numbering import next_id
from storage.outgoing import AlertRow
from storage.periods import period_key
from storage.timekeys import date_of
from storage.workspaces import workspace_by_id

_ALERT = AlertRow.__table__  # type: ignore[attr-defined]  # SQLModel's own attribute


def follow(
    connection: sa.Connection, workspace_id: int, written: Mapping[str, Cells], *, now: datetime
) -> None:
    """Count what a batch wrote against the budgets, and fire what it crossed.

    The last thing a writing transaction does: from here on it may hold the workspace's row.
    """
    moved = budget_usage.add(connection, workspace_id, written)
    if not moved:
        return
    locks.hold(connection, workspace_id)
    workspace = workspace_by_id(connection, workspace_id)
    book = Book.read(connection, workspace, [one.row for one in moved], now=now)
    for one in moved:
        decide(connection, book, one, now=now)
    failpoint("P14", connection)


def decide(connection: sa.Connection, book: Book, moved: Moved, *, now: datetime) -> int | None:
    """Fire what a row reached, and set its mark; the number of the alert, if any.

    The row and the workspace's are held.  A period that has not begun decides nothing.
    """
    row, line, place = moved.row, book.line(moved.row), book.workspace.id
    if row.first_day > book.today:
        return None
    if line is None:
        budget_usage.set_mark(connection, place, row, mark=NEVER)
        return None
    firing = _Firing(connection, place, line, moved.before, now)
    reached = line.reached()
    number = firing.fire(reached) if reached else None
    budget_usage.set_mark(connection, place, row, mark=line.mark(reached))
    return number


@dataclass(frozen=True, slots=True)
class _Firing:
    """One budget whose thresholds fire now, with what was used `before`."""

    connection: sa.Connection
    workspace_id: int
    line: Line
    before: int
    now: datetime

    def fire(self, reached: Sequence[Threshold]) -> int | None:
        """The number of the alert that names what this transaction owns; None when nothing."""
        number = next_id(self.connection, _ALERT, self.workspace_id)
        owned = self._own(reached, number)
        if not owned:
            return None
        return insert_alert(self.connection, self._alert(ordered(owned, self.line.limit)))

    def _own(self, reached: Sequence[Threshold], alert_id: int) -> list[Threshold]:
        """Those of the thresholds that nobody fired before."""
        line, row = self.line, self.line.row
        insert = insert_for(self.connection, FIRED).values(
            [
                {
                    "workspace_id": self.workspace_id,
                    "budget_id": row.budget_id,
                    "first_day": row.first_day,
                    "revision": line.revision,
                    "percent": line.code(threshold),
                    "episode": line.episode(threshold),
                    "alert_id": alert_id,
                    "value": row.used,
                    "fired_at": self.now,
                }
                for threshold in reached
            ]
        )
        ours = insert.on_conflict_do_nothing().returning(FIRED.c.percent)
        return [line.threshold(code) for code in self.connection.execute(ours).scalars()]

    def _alert(self, owned: Sequence[Threshold]) -> NewAlert:
        """The alert names what was crossed.

        Where nothing was, because a limit was set below what is used, it names the highest
        threshold reached; the lower ones count as fired with it.
        """
        line, row, highest = self.line, self.line.row, owned[-1]
        crossed = [t for t in owned if not is_reached(t, self.before, line.limit)] or [highest]
        episode, period = line.episode(highest), period_key(line.period, row.first_day)
        which = "plan" if row.budget_id == PLAN else row.budget_id
        facts: dict[str, object] = {
            "budget": row.budget_id,
            "revision": line.revision,
            "episode": episode,
            "period": line.period,
            "limit": line.limit,
            "used": row.used,
            "before": self.before,
            **passed_facts(crossed),
            "thresholds": [as_json(one) for one in line.thresholds],
            "first": date_of(row.first_day).isoformat(),
            "end": date_of(row.end_day).isoformat(),
            "as_of": self.now.astimezone(UTC).isoformat(),
            "is_last": episode >= MOST_EPISODES,
        }
        if line.is_closed:
            facts["reason"] = PERIOD_CLOSED
        return NewAlert(
            workspace_id=self.workspace_id,
            dedupe_key=f"a|{which}|{period}|r{line.revision}|{kept(highest)}|e{episode}",
            kind="threshold",
            subject=line.subject,
            scope=row.scope,
            target_id=row.target_id,
            period_key=period,
            facts=facts,
            fired_at=self.now,
            state="skipped" if line.is_closed else "fired",
        )
