"""What is forgotten: contents of messages after 30 days, after 400 what nobody needs any more.

That are rows that nothing open, no key and no check needs.

The ledger, the audit and grants stay for good.  The newest row of a numbered table stays, too, or
its number would be given again, and with it keys that were used already.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlmodel import SQLModel

from storage import locks
from storage.apart import Apart
from storage.engine import reading, writing
from storage.errors import DatabaseBusy
from storage.outbox import ATTEMPT, CONTENT_KEPT, DELIVERY, ROWS_KEPT
from storage.workspaces import WorkspaceInfo, list_workspaces

PATIENCE: Final = 2.0  # seconds
SOME: Final = 500  # rows of one transaction: others write meanwhile
# Kinds of alerts whose key names a period that is over by then, so that none fires again.  Advice
# is told once for good; the last silence of a source is known by its last event.
DATED: Final = ("threshold", "projected", "anomaly", "purchase", "ceiling")
LASTING: Final = ("advice",)
BY_SUBJECT: Final = ("silent",)
_TABLES = SQLModel.metadata.tables
_USAGE, _FIRED = _TABLES["budget_usage"], _TABLES["alert_threshold"]
_ALERT, _SUBSCRIPTION = _TABLES["alert"], _TABLES["subscription"]
_PURCHASE = _TABLES["purchase"]
Rows = tuple[sa.Table, sa.ColumnElement[bool]]


def prune(engine: sa.Engine, now: datetime) -> int:
    """Forget in every workspace what is old enough; how many rows.

    In short transactions, each of which leaves everything right: it may be killed anywhere.  What
    another row needs goes after that row.  Raises StorageError.
    """
    with reading(engine) as connection:
        workspaces = list_workspaces(connection)
    steps = (_attempts, _deliveries, _usage, _thresholds, _alerts, _subscriptions, _purchases)
    pruned = _empty(engine, now)
    with Apart() as apart:
        for workspace in workspaces:
            with apart.turn(workspace.name):
                for old in steps:
                    with suppress(DatabaseBusy):  # somebody imports: an hour later will do
                        pruned += _prune(engine, workspace.id, old(workspace, now))
    return pruned


def _empty(engine: sa.Engine, now: datetime) -> int:
    """Empty the contents of what ended; its rows stay."""
    d = DELIVERY.c
    filled = sa.or_(d.payload.is_not(None), d.artifact.is_not(None))
    old = sa.and_(d.ended_at < now - CONTENT_KEPT, filled)
    chosen = sa.select(d.workspace_id, d.id).where(old).limit(SOME)
    emptied = sa.update(DELIVERY).values(payload=sa.null(), artifact=sa.null())
    done, gone = 0, SOME
    while gone == SOME:
        with writing(engine) as connection:
            found = [tuple(row) for row in connection.execute(chosen)]
            these = emptied.where(sa.tuple_(d.workspace_id, d.id).in_(found))
            gone = connection.execute(these).rowcount if found else 0
        done += gone
    return done


def _prune(engine: sa.Engine, workspace_id: int, rows: Rows) -> int:
    table, these = rows
    key: Sequence[sa.Column[object]] = list(table.primary_key.columns)
    chosen = sa.select(*key).where(these).limit(SOME)
    done = 0
    while True:
        with reading(engine) as connection:
            found = connection.execute(chosen).all()
        if not found:
            return done
        with writing(engine, patience=PATIENCE) as connection:
            if table is _USAGE:
                # Or who writes late usage would count it in a row that is gone.
                locks.be_impatient(connection, PATIENCE)
                locks.alone(connection, workspace_id)
            # Again, for what somebody changed meanwhile.
            old = sa.delete(table).where(sa.tuple_(*key).in_([tuple(row) for row in found]), these)
            gone = connection.execute(old).rowcount
        done += gone
        if gone < SOME:
            return done


def _attempts(workspace: WorkspaceInfo, now: datetime) -> Rows:
    """The tries of messages that go next."""
    d = DELIVERY.c
    is_old = sa.exists().where(
        d.workspace_id == ATTEMPT.c.workspace_id,
        d.id == ATTEMPT.c.delivery_id,
        d.ended_at < now - ROWS_KEPT,
    )
    return ATTEMPT, sa.and_(_ours(ATTEMPT, workspace), is_old)


def _deliveries(workspace: WorkspaceInfo, now: datetime) -> Rows:
    """Messages that ended, whatever became of them."""
    is_old = DELIVERY.c.ended_at < now - ROWS_KEPT
    return DELIVERY, sa.and_(_ours(DELIVERY, workspace), is_old)


def _usage(workspace: WorkspaceInfo, now: datetime) -> Rows:
    """Periods that are over for so long: late usage of theirs crosses nothing any more."""
    border = workspace.clock().day(now - ROWS_KEPT)
    return _USAGE, sa.and_(_ours(_USAGE, workspace), _USAGE.c.end_day <= border)


def _thresholds(workspace: WorkspaceInfo, now: datetime) -> Rows:
    """Of periods that are counted no longer; else they would fire again."""
    border = workspace.clock().day(now - ROWS_KEPT)
    is_counted = sa.exists().where(
        _USAGE.c.workspace_id == _FIRED.c.workspace_id,
        _USAGE.c.budget_id == _FIRED.c.budget_id,
        _USAGE.c.first_day == _FIRED.c.first_day,
    )
    is_old = sa.and_(_FIRED.c.first_day < border, _FIRED.c.fired_at < now - ROWS_KEPT)
    return _FIRED, sa.and_(_ours(_FIRED, workspace), is_old, ~is_counted)


def _alerts(workspace: WorkspaceInfo, now: datetime) -> Rows:
    """Alerts that everybody was told of, and that nothing can fire again."""
    newer = _ALERT.alias("newer")
    is_last = ~sa.exists().where(
        newer.c.workspace_id == _ALERT.c.workspace_id,
        newer.c.subject == _ALERT.c.subject,
        newer.c.id > _ALERT.c.id,
    )
    is_ended = sa.and_(_ALERT.c.kind.in_(BY_SUBJECT), _ALERT.c.state != "fired", ~is_last)
    is_fired = sa.exists().where(
        _FIRED.c.workspace_id == _ALERT.c.workspace_id, _FIRED.c.alert_id == _ALERT.c.id
    )
    is_quiet = sa.and_(_ALERT.c.snoozed_until.is_not(None), _ALERT.c.snoozed_until > now)
    return _ALERT, sa.and_(
        _ours(_ALERT, workspace),
        _ALERT.c.fired_at < now - ROWS_KEPT,
        _ALERT.c.routed_at < now - ROWS_KEPT,
        sa.func.coalesce(_ALERT.c.resolved_at, _ALERT.c.fired_at) < now - ROWS_KEPT,
        sa.or_(_ALERT.c.kind.in_(DATED), is_ended),
        ~is_quiet,
        ~is_fired,
        ~_is_told(_ALERT, DELIVERY.c.alert_id),
        ~_is_newest(_ALERT),
    )


def _subscriptions(workspace: WorkspaceInfo, now: datetime) -> Rows:
    """Those that were ended, once their history is forgotten."""
    return _SUBSCRIPTION, sa.and_(
        _ours(_SUBSCRIPTION, workspace),
        _SUBSCRIPTION.c.ended_at < now - ROWS_KEPT,
        ~_is_told(_SUBSCRIPTION, DELIVERY.c.subscription_id),
        ~_is_newest(_SUBSCRIPTION),
    )


def _purchases(workspace: WorkspaceInfo, now: datetime) -> Rows:
    """Those that ended; the credits that they brought stay."""
    return _PURCHASE, sa.and_(
        _ours(_PURCHASE, workspace),
        _PURCHASE.c.ended_at < now - ROWS_KEPT,
        ~_is_newest(_PURCHASE),
    )


def _ours(table: sa.Table, workspace: WorkspaceInfo) -> sa.ColumnElement[bool]:
    return table.c.workspace_id == workspace.id


def _is_told(table: sa.Table, column: sa.ColumnElement[int | None]) -> sa.ColumnElement[bool]:
    return sa.exists().where(DELIVERY.c.workspace_id == table.c.workspace_id, column == table.c.id)


def _is_newest(table: sa.Table) -> sa.ColumnElement[bool]:
    newest = table.alias("newest")
    highest = sa.select(sa.func.max(newest.c.id)).where(
        newest.c.workspace_id == table.c.workspace_id
    )
    return table.c.id == highest.scalar_subquery()
