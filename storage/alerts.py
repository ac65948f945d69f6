"""What people are told once: a row a happening, with the numbers of that moment frozen in it.

Whoever sees something happen inserts the row in the same transaction; which destinations get it is
decided later, by the router.  The unique `dedupe_key` alone makes it once, for all replicas.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.outgoing  # noqa: F401  # declares the table that is looked up below
from storage.engine import insert_for
from storage.numbering import next_id

# `replaced`: another alert tells how things stand now, as when a limit was edited; posts say so.
# `skipped`: seen too late to be told, `facts["reason"]` says why; digests name it.
State = Literal["fired", "resolved", "replaced", "skipped"]
PERIOD_CLOSED: Final = "period_closed"
ALERT = SQLModel.metadata.tables["alert"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAlert:
    """Something to tell: `subject` is what it is about (`budget:3`), scope and target route it."""

    workspace_id: int
    dedupe_key: str
    kind: str
    subject: str
    scope: str
    target_id: int = 0
    period_key: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    fired_at: datetime
    state: State = "fired"


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as it stands; `facts["resolved"]` tells how it ended, once it has."""

    workspace_id: int
    id: int
    dedupe_key: str
    kind: str
    subject: str
    scope: str
    target_id: int
    period_key: str | None
    facts: Mapping[str, Any]
    state: State
    fired_at: datetime
    routed_at: datetime | None
    resolved_at: datetime | None
    acked_at: datetime | None
    acked_by: str | None
    snoozed_until: datetime | None


_COLUMNS = [ALERT.c[name] for name in Alert.__slots__]


def insert_alert(connection: sa.Connection, new: NewAlert) -> int | None:
    """The number of a new alert; None when its key was told before.

    Holds the workspace's row, so rows of `budget_usage` are locked before, never after.
    """
    number = next_id(connection, ALERT, new.workspace_id)
    insert = insert_for(connection, ALERT).values(
        workspace_id=new.workspace_id,
        id=number,
        dedupe_key=new.dedupe_key,
        kind=new.kind,
        subject=new.subject,
        scope=new.scope,
        target_id=new.target_id,
        period_key=new.period_key,
        facts=dict(new.facts),
        state=new.state,
        fired_at=new.fired_at,
        routed_at=new.fired_at if new.state == "skipped" else None,
    )
    kept = insert.on_conflict_do_nothing().returning(ALERT.c.id)
    found: int | None = connection.execute(kept).scalar()
    return found


def list_alerts(  # noqa: PLR0913  # what narrows the list, each by name
    connection: sa.Connection,
    workspace_id: int,
    *,
    states: Collection[State] = (),
    kinds: Collection[str] = (),
    subject: str | None = None,
    since: datetime | None = None,
    limit: int = 50,
) -> list[Alert]:
    """The newest alerts; none of the restrictions means any."""
    wanted = sa.select(*_COLUMNS).where(ALERT.c.workspace_id == workspace_id)
    if states:
        wanted = wanted.where(ALERT.c.state.in_(states))
    if kinds:
        wanted = wanted.where(ALERT.c.kind.in_(kinds))
    if subject is not None:
        wanted = wanted.where(ALERT.c.subject == subject)
    if since is not None:
        wanted = wanted.where(ALERT.c.fired_at >= since)
    return _read(connection, wanted.order_by(ALERT.c.id.desc()).limit(limit))


def alert_by_id(connection: sa.Connection, workspace_id: int, alert_id: int) -> Alert | None:
    """One alert; None when there is no such."""
    found = _read(connection, sa.select(*_COLUMNS).where(_one(workspace_id, alert_id)))
    return found[0] if found else None


def alerts_by_id(
    connection: sa.Connection, workspace_id: int, alert_ids: Collection[int]
) -> list[Alert]:
    """Those alerts that are there, oldest first."""
    wanted = sa.select(*_COLUMNS).where(
        ALERT.c.workspace_id == workspace_id, ALERT.c.id.in_(alert_ids)
    )
    return _read(connection, wanted.order_by(ALERT.c.id))


def acknowledge(
    connection: sa.Connection, workspace_id: int, alert_id: int, *, actor: str, now: datetime
) -> bool:
    """Say that a person has seen it; False when somebody did before, or it is not open."""
    is_free = sa.and_(ALERT.c.state == "fired", ALERT.c.acked_at.is_(None))
    return _change(connection, _one(workspace_id, alert_id), is_free, acked_at=now, acked_by=actor)


def snooze(connection: sa.Connection, workspace_id: int, alert_id: int, *, until: datetime) -> bool:
    """Let an alert's subject be quiet until a moment; False when the alert is not open."""
    is_open = ALERT.c.state == "fired"
    return _change(connection, _one(workspace_id, alert_id), is_open, snoozed_until=until)


def resolve(
    connection: sa.Connection,
    alert: Alert,
    *,
    state: State = "resolved",
    facts: Mapping[str, object],
    now: datetime,
) -> bool:
    """End an alert and keep how under `facts["resolved"]`; False when it was over before.

    It is routed again, because its posts have something to tell.
    """
    return _change(
        connection,
        _one(alert.workspace_id, alert.id),
        ALERT.c.state == "fired",
        state=state,
        resolved_at=now,
        routed_at=None,
        facts={**alert.facts, "resolved": dict(facts)},
    )


def resolve_anew(
    connection: sa.Connection, alert: Alert, *, facts: Mapping[str, object], now: datetime
) -> bool:
    """Keep another end of an alert that is over, so that its posts are changed once more.

    `facts["resolved"]["times"]` counts its ends.
    """
    before = alert.facts.get("resolved") or {}
    end = {**before, **facts, "times": before.get("times", 1) + 1}
    return _change(
        connection,
        _one(alert.workspace_id, alert.id),
        ALERT.c.state == "resolved",
        resolved_at=now,
        routed_at=None,
        facts={**alert.facts, "resolved": end},
    )


def unrouted(
    connection: sa.Connection, workspace_id: int, *, limit: int = 200, after: int = 0
) -> list[Alert]:
    """Alerts of which the destinations do not know yet that they fired, or are over; oldest first.

    One that is over before it was routed has `state` resolved and no delivery.  `after` is the
    number of one that may wait: more stand behind it.
    """
    waiting = sa.and_(
        ALERT.c.workspace_id == workspace_id, ALERT.c.routed_at.is_(None), ALERT.c.id > after
    )
    return _read(connection, sa.select(*_COLUMNS).where(waiting).order_by(ALERT.c.id).limit(limit))


def mark_routed(connection: sa.Connection, alert: Alert, *, now: datetime) -> bool:
    """Say that the deliveries of an alert, in the state it was read in, are there.

    False when it changed since: then it is among the unrouted again.
    """
    is_as_read = ALERT.c.state == alert.state
    return _change(connection, _one(alert.workspace_id, alert.id), is_as_read, routed_at=now)


def route_again(connection: sa.Connection, workspace_id: int, alert_ids: Collection[int]) -> None:
    """Let those alerts that are open be routed anew: a post of them was lost with its channel.

    The workspace's row is held.
    """
    ours = ALERT.c.workspace_id == workspace_id, ALERT.c.id.in_(sorted(alert_ids))
    again = sa.update(ALERT).where(*ours, ALERT.c.state == "fired")
    connection.execute(again.values(routed_at=None))


def _one(workspace_id: int, alert_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(ALERT.c.workspace_id == workspace_id, ALERT.c.id == alert_id)


def _change(
    connection: sa.Connection, *conditions: sa.ColumnElement[bool], **values: object
) -> bool:
    changed = sa.update(ALERT).where(*conditions).values(**values).returning(ALERT.c.id)
    return connection.execute(changed).first() is not None


def _read(connection: sa.Connection, wanted: sa.Select[Any]) -> list[Alert]:
    return [Alert(*row) for row in connection.execute(wanted)]
