"""Limits of what may be spent in a period, with the thresholds at which people are warned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, TypeVar

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.decisions  # noqa: F401  # declares the tables that are looked up below
from storage.marks import Threshold, as_json, thresholds_of
from storage.numbering import next_id

Scope = Literal["workspace", "department", "project", "person"]
Period = Literal["monthly", "weekly", "quarterly", "billing"]
THRESHOLDS: tuple[Threshold, ...] = (75, 90, 100)
_BUDGET = SQLModel.metadata.tables["budget"]
_REVISION = SQLModel.metadata.tables["budget_revision"]


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit of `amount` micro-credits for one scope; `target_id` is 0 for the workspace.

    `billing_day` (1 to 28) is the day of the month on which a billing period begins.  `revision`
    counts how often it was set.  Up to the day before `raise_end` it is `raised` by so much.
    """

    id: int
    scope: Scope
    target_id: int
    period: Period
    amount: int
    thresholds: tuple[Threshold, ...]
    billing_day: int
    revision: int
    raised: int = 0
    raise_end: int | None = None

    def limit_on(self, day: int) -> int:
        """Micro-credits that may be used as things stand on a local day: the amount, or raised."""
        return self.amount + self.raised_on(day)

    def on(self, day: int) -> Budget:
        """The budget without a raise that is over on a local day."""
        return self if self.raised_on(day) else replace(self, raised=0, raise_end=None)

    def raised_on(self, day: int) -> int:
        """Micro-credits of the raise that counts on a local day, 0 before and after."""
        return self.raised if self.raise_end is not None and day < self.raise_end else 0


@dataclass(frozen=True, slots=True)
class Revision:
    """What a budget was from a moment on; without an amount it was removed."""

    revision: int
    at: datetime
    amount: int | None
    thresholds: tuple[Threshold, ...]
    billing_day: int
    raised: int
    raise_end: int | None


_COLUMNS = [_BUDGET.c[name] for name in Budget.__slots__]


def list_budgets(connection: sa.Connection, workspace_id: int) -> list[Budget]:
    """Every budget, in the order in which they were first set."""
    wanted = sa.select(*_COLUMNS).where(_kept(workspace_id)).order_by(_BUDGET.c.id)
    return [_budget(row) for row in connection.execute(wanted)]


def find_budget(
    connection: sa.Connection,
    workspace_id: int,
    scope: Scope,
    target_id: int,
    period: Period = "monthly",
) -> Budget | None:
    """The budget of one scope and period; None when there is none."""
    wanted = sa.select(*_COLUMNS).where(_kept(workspace_id), _of(scope, target_id, period))
    row = connection.execute(wanted).first()
    return _budget(row) if row else None


def set_budget(  # noqa: PLR0913  # the parts of a budget, each by name
    connection: sa.Connection,
    workspace_id: int,
    *,
    scope: Scope,
    target_id: int,
    period: Period,
    amount: int,
    thresholds: Sequence[Threshold] = THRESHOLDS,
    billing_day: int = 1,
    raised: int = 0,
    raise_end: int | None = None,
    now: datetime,
) -> Budget:
    """Set the budget of a scope and period; what it was before stays in its history.

    A raise that is not given again ends.
    """
    free = next_id(connection, _BUDGET, workspace_id)
    values = {
        "amount": amount,
        "thresholds": [as_json(one) for one in thresholds],
        "billing_day": billing_day,
        "raised": raised,
        "raise_end": raise_end,
    }
    ours = _BUDGET.c.workspace_id == workspace_id
    changed = connection.execute(
        sa.update(_BUDGET)
        .where(ours, _of(scope, target_id, period))
        .values(**values, revision=_BUDGET.c.revision + 1, updated_at=now, removed_at=None)
        .returning(*_COLUMNS)
    ).first()
    key = {"id": free, "scope": scope, "target_id": target_id, "period": period}
    row = changed or (
        connection.execute(
            sa.insert(_BUDGET)
            .values(workspace_id=workspace_id, **key, **values, revision=1, updated_at=now)
            .returning(*_COLUMNS)
        ).one()
    )
    budget = _budget(row)
    _remember(connection, workspace_id, budget, amount=amount, now=now)
    return budget


def keep_budget(
    connection: sa.Connection, workspace_id: int, budget: Budget, *, now: datetime
) -> Budget:
    """Set a budget with all its parts; its number and revision come from what is there."""
    return set_budget(
        connection,
        workspace_id,
        scope=budget.scope,
        target_id=budget.target_id,
        period=budget.period,
        amount=budget.amount,
        thresholds=budget.thresholds,
        billing_day=budget.billing_day,
        raised=budget.raised,
        raise_end=budget.raise_end,
        now=now,
    )


def remove_budget(
    connection: sa.Connection,
    workspace_id: int,
    *,
    scope: Scope,
    target_id: int,
    period: Period = "monthly",
    now: datetime,
) -> Budget | None:
    """Remove a budget, and give back what it was; None when there was none."""
    removed = connection.execute(
        sa.update(_BUDGET)
        .where(_kept(workspace_id), _of(scope, target_id, period))
        .values(revision=_BUDGET.c.revision + 1, updated_at=now, removed_at=now)
        .returning(*_COLUMNS)
    ).first()
    if removed is None:
        return None
    budget = _budget(removed)
    _remember(connection, workspace_id, budget, amount=None, now=now)
    return replace(budget, revision=budget.revision - 1)


def _remember(
    connection: sa.Connection,
    workspace_id: int,
    budget: Budget,
    *,
    amount: int | None,
    now: datetime,
) -> None:
    connection.execute(
        sa.insert(_REVISION).values(
            workspace_id=workspace_id,
            budget_id=budget.id,
            revision=budget.revision,
            at=now,
            amount=amount,
            thresholds=[as_json(one) for one in budget.thresholds],
            billing_day=budget.billing_day,
            raised=budget.raised,
            raise_end=budget.raise_end,
        )
    )


def budget_history(connection: sa.Connection, workspace_id: int, budget_id: int) -> list[Revision]:
    """Everything a budget was, the newest first."""
    columns = [_REVISION.c[name] for name in Revision.__slots__]
    ours = sa.and_(_REVISION.c.workspace_id == workspace_id, _REVISION.c.budget_id == budget_id)
    rows = connection.execute(
        sa.select(*columns).where(ours).order_by(_REVISION.c.revision.desc())
    ).all()
    return [_read(Revision(*row)) for row in rows]


def budgets_before(connection: sa.Connection, workspace_id: int, moment: datetime) -> list[Budget]:
    """Every budget as it was just before a moment, in the order in which they were first set."""
    latest = (
        sa.select(_REVISION.c.budget_id, sa.func.max(_REVISION.c.revision).label("revision"))
        .where(_REVISION.c.workspace_id == workspace_id, _REVISION.c.at < moment)
        .group_by(_REVISION.c.budget_id)
        .subquery()
    )
    then = [
        (_BUDGET if name in ("id", "scope", "target_id", "period") else _REVISION).c[name]
        for name in Budget.__slots__
    ]
    rows = connection.execute(
        sa.select(*then)
        .join(latest, latest.c.budget_id == _BUDGET.c.id)
        .join(
            _REVISION,
            sa.and_(
                _REVISION.c.workspace_id == _BUDGET.c.workspace_id,
                _REVISION.c.budget_id == _BUDGET.c.id,
                _REVISION.c.revision == latest.c.revision,
            ),
        )
        .where(_BUDGET.c.workspace_id == workspace_id, _REVISION.c.amount.is_not(None))
        .order_by(_BUDGET.c.id)
    )
    return [_budget(row) for row in rows]


def _kept(workspace_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(_BUDGET.c.workspace_id == workspace_id, _BUDGET.c.removed_at.is_(None))


def _of(scope: Scope, target_id: int, period: Period) -> sa.ColumnElement[bool]:
    return sa.and_(
        _BUDGET.c.scope == scope, _BUDGET.c.target_id == target_id, _BUDGET.c.period == period
    )


def _budget(row: Sequence[Any]) -> Budget:
    return _read(Budget(*row))


_Kept = TypeVar("_Kept", Budget, Revision)


def _read(kept: _Kept) -> _Kept:
    return replace(kept, thresholds=thresholds_of(kept.thresholds))  # as JSON holds them
