"""What budgets limit, and which of their thresholds fired: read once for a decision."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.outgoing  # noqa: F401  # declares the tables that are looked up below
from storage.budget_usage import NEVER, PLAN, UsageRow
from storage.budgets import THRESHOLDS, Budget, Period, list_budgets
from storage.grants import Grant, allowance, list_grants
from storage.marks import Threshold, is_reached, least, ordered
from storage.periods import period_of
from storage.records import CHUNK
from storage.timekeys import date_of, month_number
from storage.workspaces import WorkspaceInfo

MOST_EPISODES: Final = 3  # a period; then the threshold stays quiet
FIRED = SQLModel.metadata.tables["alert_threshold"]
_ALERT = SQLModel.metadata.tables["alert"]


@dataclass(frozen=True, slots=True)
class Fired:
    """The last episode of a threshold; open until it is resolved.

    `percent` below 0 is a place in the budget's list; see `Line.threshold`.
    """

    percent: int
    revision: int
    episode: int
    alert_id: int
    below_since: datetime | None
    resolved_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether it still stands."""
        return self.resolved_at is None

    @property
    def is_quiet(self) -> bool:
        """Whether it may not fire again as things stand."""
        return self.is_open or self.episode >= MOST_EPISODES


@dataclass(frozen=True, slots=True)
class Line:
    """What a row of usage is held against in its period: a budget, or the plan's allowance."""

    row: UsageRow
    period: Period
    limit: int
    thresholds: tuple[Threshold, ...]
    revision: int
    fired: Mapping[int, Fired]
    is_closed: bool

    @property
    def subject(self) -> str:
        """What its alerts are about."""
        return "plan" if self.row.budget_id == PLAN else f"budget:{self.row.budget_id}"

    def code(self, threshold: Threshold) -> int:
        """What a threshold is known by among those that fired."""
        if isinstance(threshold, int):
            return threshold
        return -1 - self.thresholds.index(threshold)

    def threshold(self, code: int) -> Threshold:
        """The threshold that fired under a code in this revision."""
        return code if code > 0 else self.thresholds[-1 - code]

    def reached(self) -> list[Threshold]:
        """The thresholds that are reached and may fire, as use reaches them."""
        used, limit = self.row.used, self.limit
        return [one for one in self._free() if is_reached(one, used, limit)]

    @property
    def is_warning(self) -> bool:
        """Whether people are warned as it stands: a threshold is open, or will fire."""
        return any(one.is_open for one in self.fired.values()) or bool(self.reached())

    def mark(self, fired: Collection[Threshold] = ()) -> int:
        """The least usage at which a threshold that may fire is reached; some just did."""
        free = (one for one in self._free() if one not in fired)
        return min((least(one, self.limit) for one in free), default=NEVER)

    def _free(self) -> list[Threshold]:
        quiet = {code for code, fired in self.fired.items() if fired.is_quiet}
        free = [one for one in self.thresholds if self.code(one) not in quiet]
        return ordered(free, self.limit)

    def episode(self, threshold: Threshold) -> int:
        """Which episode of a threshold would be next."""
        known = self.fired.get(self.code(threshold))
        return known.episode + 1 if known else 1


@dataclass(frozen=True)
class Book:
    """What limits a workspace, and what fired in some periods, read once for a decision."""

    workspace: WorkspaceInfo
    budgets: Mapping[int, Budget]
    grants: Sequence[Grant]
    today: int
    known: Mapping[tuple[int, int], Sequence[Fired]] = field(default_factory=dict)
    plan_limits: Mapping[int, int] = field(default_factory=dict)  # limit by alert of the plan

    @classmethod
    def read(
        cls,
        connection: sa.Connection,
        workspace: WorkspaceInfo,
        rows: Collection[UsageRow],
        *,
        now: datetime,
    ) -> Book:
        """The book for some rows, at a moment."""
        known = _known(connection, workspace.id, rows)
        return cls(
            workspace,
            {budget.id: budget for budget in list_budgets(connection, workspace.id)},
            list_grants(connection, workspace.id),
            workspace.clock().day(now),
            known,
            _plan_limits(connection, workspace.id, known),
        )

    @cached_property
    def plan(self) -> int:
        """What the plan gives this month; 0 where the workspace has a budget of its own."""
        if any(budget.scope == "workspace" for budget in self.budgets.values()):
            return 0
        return allowance(self.grants, month_number(date_of(self.today)))

    def periods(self, day: int) -> Iterator[UsageRow]:
        """The rows that budgets and plan need on a day."""
        if self.plan:
            yield UsageRow(PLAN, "workspace", 0, *self._days("monthly", day))
        for budget in self.budgets.values():
            days = self._days(budget.period, day, budget.billing_day)
            yield UsageRow(budget.id, budget.scope, budget.target_id, *days)

    def line(self, row: UsageRow) -> Line | None:
        """What a row is held against.

        None where nothing limits it: its budget is gone, or its days are no period of it any more.
        """
        if row.budget_id == PLAN:
            return self._plan_line(row)
        budget = self.budgets.get(row.budget_id)
        if budget is None:
            return None
        day = min(self.today, row.end_day - 1)
        if row.first_day != self._days(budget.period, day, budget.billing_day)[0]:
            return None
        return self._line(
            row, budget.period, budget.limit_on(day), budget.thresholds, budget.revision
        )

    def _plan_line(self, row: UsageRow) -> Line | None:
        if not self.plan:
            return None
        limit = allowance(self.grants, month_number(date_of(row.first_day)))
        if not limit:
            return None
        return self._line(row, "monthly", limit, THRESHOLDS, self._plan_revision(row, limit))

    def _plan_revision(self, row: UsageRow, limit: int) -> int:
        """How often the allowance changed between alerts of a month: nobody counts it."""
        last = max(self.known.get(row.key, ()), key=lambda fired: fired.revision, default=None)
        if last is None:
            return 1
        return last.revision + (self.plan_limits[last.alert_id] != limit)

    def _line(
        self,
        row: UsageRow,
        period: Period,
        limit: int,
        thresholds: tuple[Threshold, ...],
        revision: int,
    ) -> Line:
        ours = [one for one in self.known.get(row.key, ()) if one.revision == revision]
        last = {one.percent: one for one in sorted(ours, key=lambda one: one.episode)}
        return Line(row, period, limit, thresholds, revision, last, row.end_day <= self.today)

    def _days(self, period: Period, day: int, billing_day: int = 1) -> tuple[int, int]:
        week_start = self.workspace.week_start
        return period_of(period, day, billing_day=billing_day, week_start=week_start)


def _known(
    connection: sa.Connection, workspace_id: int, rows: Iterable[UsageRow]
) -> dict[tuple[int, int], list[Fired]]:
    """What fired in the periods of some rows."""
    found: dict[tuple[int, int], list[Fired]] = {row.key: [] for row in rows}
    keys = sorted(found)
    columns = [FIRED.c[name] for name in Fired.__slots__]
    for start in range(0, len(keys), CHUNK):
        part = keys[start : start + CHUNK]
        wanted = sa.select(FIRED.c.budget_id, FIRED.c.first_day, *columns).where(
            FIRED.c.workspace_id == workspace_id,
            sa.tuple_(FIRED.c.budget_id, FIRED.c.first_day).in_(part),
        )
        for budget_id, first_day, *fired in connection.execute(wanted):
            found[budget_id, first_day].append(Fired(*fired))
    return found


def _plan_limits(
    connection: sa.Connection,
    workspace_id: int,
    known: Mapping[tuple[int, int], Sequence[Fired]],
) -> dict[int, int]:
    """The limit that each alert about the plan was about."""
    alerts = {one.alert_id for key, fired in known.items() if key[0] == PLAN for one in fired}
    if not alerts:
        return {}
    wanted = sa.select(_ALERT.c.id, _ALERT.c.facts).where(
        _ALERT.c.workspace_id == workspace_id, _ALERT.c.id.in_(alerts)
    )
    return {number: facts["limit"] for number, facts in connection.execute(wanted)}
