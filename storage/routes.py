"""Which destinations are told of which alerts, and what becomes of posts that wait.

A route with "" or 0 takes any kind, scope and target.  One that was turned off stays as a row, so
that the same route made again keeps its number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.outgoing  # noqa: F401  # declares the tables that are looked up below
from storage.alerts import Alert, alerts_by_id
from storage.engine import insert_for
from storage.notices import is_lost
from storage.numbering import next_id
from storage.outbox import keys_there

_ROUTE = SQLModel.metadata.tables["alert_route"]
_DELIVERY = SQLModel.metadata.tables["delivery"]
_ALERT = SQLModel.metadata.tables["alert"]
_ALIAS = SQLModel.metadata.tables["person_alias"]
_THRESHOLD = SQLModel.metadata.tables["alert_threshold"]


@dataclass(frozen=True, slots=True)
class Route:
    """What one destination is told: alerts of a `kind`, about a scope and target."""

    id: int
    destination_id: int
    kind: str
    scope: str
    target_id: int
    is_off: bool
    created_by: str
    created_at: datetime

    def takes(self, group: str, scope: str, target_id: int) -> bool:
        """Whether an alert of a kind and scope goes this way."""
        same_kind = self.kind in ("", group)
        same_scope = self.scope in ("", scope) and self.target_id in (0, target_id)
        return same_kind and same_scope and not self.is_off


_ROUTE_COLUMNS = [_ROUTE.c[name] for name in Route.__slots__]


def list_routes(connection: sa.Connection, workspace_id: int) -> list[Route]:
    """Every route, in the order in which they were made; those turned off as well."""
    wanted = sa.select(*_ROUTE_COLUMNS).where(_ROUTE.c.workspace_id == workspace_id)
    return [Route(*row) for row in connection.execute(wanted.order_by(_ROUTE.c.id))]


def add_route(  # noqa: PLR0913  # the parts of a route, each by name
    connection: sa.Connection,
    workspace_id: int,
    *,
    destination_id: int,
    kind: str = "",
    scope: str = "",
    target_id: int = 0,
    actor: str,
    now: datetime,
) -> tuple[Route, bool]:
    """The route, and whether it was not there or off before."""
    number = next_id(connection, _ROUTE, workspace_id)
    keys = {
        "workspace_id": workspace_id,
        "destination_id": destination_id,
        "kind": kind,
        "scope": scope,
        "target_id": target_id,
    }
    ours = sa.and_(*(_ROUTE.c[name] == value for name, value in keys.items()))
    insert = insert_for(connection, _ROUTE).values(
        **keys, id=number, is_off=False, created_by=actor, created_at=now
    )
    added = connection.execute(insert.on_conflict_do_nothing().returning(*_ROUTE_COLUMNS)).first()
    if added is not None:
        return Route(*added), True
    again = sa.update(_ROUTE).where(ours, _ROUTE.c.is_off)
    turned = connection.execute(
        again.values(is_off=False, created_by=actor, created_at=now).returning(*_ROUTE_COLUMNS)
    ).first()
    if turned is not None:
        return Route(*turned), True
    return Route(*connection.execute(sa.select(*_ROUTE_COLUMNS).where(ours)).one()), False


def end_routes(
    connection: sa.Connection, workspace_id: int, route_ids: Collection[int]
) -> list[Route]:
    """Turn routes off, and give back those that were on."""
    ours = sa.and_(_ROUTE.c.workspace_id == workspace_id, _ROUTE.c.id.in_(route_ids))
    off = sa.update(_ROUTE).where(ours, ~_ROUTE.c.is_off).values(is_off=True)
    rows = connection.execute(off.returning(*_ROUTE_COLUMNS)).all()
    return sorted((Route(*row) for row in rows), key=lambda route: route.id)


def identities_of(connection: sa.Connection, workspace_id: int, person_id: int) -> list[str]:
    """The identities that a person is known by, folded, in their order."""
    wanted = sa.select(_ALIAS.c.alias).where(
        _ALIAS.c.workspace_id == workspace_id, _ALIAS.c.person_id == person_id
    )
    return sorted(connection.execute(wanted).scalars())


# ---- what routing keeps


def keep_facts(connection: sa.Connection, alert: Alert, facts: Mapping[str, object]) -> None:
    """Keep the facts of an alert, frozen whole."""
    connection.execute(sa.update(_ALERT).where(_is(alert)).values(facts=dict(facts)))


def waiting_posts(
    connection: sa.Connection, alert: Alert, destination_id: int
) -> list[tuple[str, int, str]]:
    """(delivery, alert, line) of posts about one subject and period that nobody began to make."""
    same = sa.select(_ALERT.c.id).where(
        _ALERT.c.workspace_id == alert.workspace_id,
        _ALERT.c.subject == alert.subject,
        _ALERT.c.kind == alert.kind,
        _ALERT.c.period_key == alert.period_key,
        _ALERT.c.id != alert.id,
    )
    wanted = sa.select(_DELIVERY.c.id, _DELIVERY.c.alert_id, _DELIVERY.c.line).where(
        _DELIVERY.c.workspace_id == alert.workspace_id,
        _DELIVERY.c.destination_id == destination_id,
        _DELIVERY.c.state == "planned",
        _DELIVERY.c.kind == "alert",
        _DELIVERY.c.alert_id.in_(same),
    )
    return [tuple(row) for row in connection.execute(wanted)]


def skip_waiting(
    connection: sa.Connection,
    workspace_id: int,
    delivery_ids: Sequence[str],
    *,
    reason: str,
    now: datetime,
    superseded_by: str | None = None,
) -> set[str]:
    """End posts that nobody began to make; the ids of those that did end.

    On PostgreSQL a maker may take one between its being read and this.
    """
    ours = sa.and_(_DELIVERY.c.workspace_id == workspace_id, _DELIVERY.c.id.in_(delivery_ids))
    ended = sa.update(_DELIVERY).where(ours, _DELIVERY.c.state == "planned")
    values = {"state": "skipped", "reason": reason, "ended_at": now}
    told = ended.values(**values, superseded_by=superseded_by).returning(_DELIVERY.c.id)
    return set(connection.execute(told).scalars())


Change = tuple[str, str, int]  # the key of a change, and the delivery and alert that it is about


def seen_posts(connection: sa.Connection, workspace_id: int, *, since: datetime) -> list[Change]:
    """Changes that tell who acknowledged an alert, of sent posts that do not say so yet."""
    found = _sent_posts(connection, workspace_id, _ALERT.c.acked_at > since)
    changes = [(f"e|{post}|1", post, alert) for post, alert, _ in found]
    return _missing(connection, workspace_id, changes)


def quiet_posts(connection: sa.Connection, workspace_id: int, *, now: datetime) -> list[Change]:
    """Changes that tell up to when somebody lets an alert wait, of sent posts that do not yet."""
    is_quiet = sa.and_(_ALERT.c.state == "fired", _ALERT.c.snoozed_until > now)
    found = _sent_posts(connection, workspace_id, is_quiet)
    changes = [
        (f"e|{post}|0|{int(until.timestamp())}", post, alert)
        for post, alert, until in found
        if until is not None
    ]
    return _missing(connection, workspace_id, changes)


def _missing(
    connection: sa.Connection, workspace_id: int, changes: Sequence[Change]
) -> list[Change]:
    known = keys_there(connection, workspace_id, [key for key, _, _ in changes])
    return [one for one in changes if one[0] not in known]


def _sent_posts(
    connection: sa.Connection, workspace_id: int, alerts: sa.ColumnElement[bool]
) -> list[tuple[str, int, datetime | None]]:
    """(id, alert_id, snoozed_until) of the sent posts of some alerts."""
    its = sa.and_(
        _ALERT.c.workspace_id == _DELIVERY.c.workspace_id, _ALERT.c.id == _DELIVERY.c.alert_id
    )
    wanted = (
        sa.select(_DELIVERY.c.id, _DELIVERY.c.alert_id, _ALERT.c.snoozed_until)
        .join(_ALERT, its)
        .where(
            _ALERT.c.workspace_id == workspace_id,
            alerts,
            _DELIVERY.c.state == "sent",
            _DELIVERY.c.act == "post",
        )
    )
    return [tuple(row) for row in connection.execute(wanted)]


def untold_alerts(
    connection: sa.Connection,
    workspace_id: int,
    *,
    reason: str,
    since: datetime,
    until: datetime,
) -> list[Alert]:
    """Alerts whose every post was skipped for a reason, the first in a stretch of time.

    Besides those that were lost with their channel.
    """
    posts = _DELIVERY.c.kind == "alert", _DELIVERY.c.act == "post"
    of_these = _DELIVERY.c.workspace_id == workspace_id, _DELIVERY.c.alert_id.is_not(None)
    is_wanted = sa.and_(_DELIVERY.c.state == "skipped", _DELIVERY.c.reason == reason)
    is_other = sa.not_(sa.or_(is_wanted, is_lost()))
    first = sa.func.min(_DELIVERY.c.ended_at).filter(is_wanted)
    wanted = (
        sa.select(_DELIVERY.c.alert_id)
        .where(*of_these, *posts)
        .group_by(_DELIVERY.c.alert_id)
        .having(sa.func.count().filter(is_other) == 0, first >= since, first < until)
    )
    found = connection.execute(wanted.order_by(_DELIVERY.c.alert_id)).scalars()
    return alerts_by_id(connection, workspace_id, list(found))


def full_fired(
    connection: sa.Connection, workspace_id: int, budget_id: int, first_day: int, revision: int
) -> bool:
    """Whether 100 % of a revision of a budget fired in a period, whatever became of it.

    Nobody counts the revisions of the plan: there, whether it stands.
    """
    is_meant = (
        _THRESHOLD.c.revision == revision if budget_id else _THRESHOLD.c.resolved_at.is_(None)
    )
    wanted = sa.select(_THRESHOLD.c.percent).where(
        _THRESHOLD.c.workspace_id == workspace_id,
        _THRESHOLD.c.budget_id == budget_id,
        _THRESHOLD.c.first_day == first_day,
        _THRESHOLD.c.percent >= 100,
        is_meant,
    )
    return connection.execute(wanted.limit(1)).first() is not None


def _is(alert: Alert) -> sa.ColumnElement[bool]:
    return sa.and_(_ALERT.c.workspace_id == alert.workspace_id, _ALERT.c.id == alert.id)
