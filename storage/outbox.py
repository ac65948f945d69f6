"""The outbox: one row a message for one destination, and what became of each.

Whoever finds something due inserts a row in the transaction that finds it; the unique `dedupe_key`
makes it once.  How rows are claimed stands in `storage.claims`, how they end in `storage.endings`.

planned -> rendering -> ready -> sending -> sent, dead or ambiguous; skipped from any but sending.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal, get_args
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.outgoing  # noqa: F401  # declares the tables that are looked up below
from storage.engine import insert_for

Kind = Literal["digest", "alert", "resolved", "reminder", "correction", "notice", "purchase"]
Trigger = Literal["schedule", "catchup", "crossing", "sweep", "manual", "test"]
Act = Literal["post", "reply", "edit", "file"]
State = Literal["planned", "rendering", "ready", "sending", "sent", "skipped", "dead", "ambiguous"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ACTS: tuple[Act, ...] = get_args(Act)
WAITING: tuple[State, ...] = ("planned", "rendering", "ready", "sending")
ENDED: tuple[State, ...] = ("sent", "skipped", "dead", "ambiguous")

STUCK_AFTER = timedelta(hours=2)
LOST_AFTER = timedelta(hours=6)
CONTENT_KEPT = timedelta(days=30)
ROWS_KEPT = timedelta(days=400)
UNTOLD = ("superseded", "missed", "no_such_day", "destination_dead")  # reasons of skipped periods
# Rows of one INSERT: the driver takes longer than the database to read one with 5,000 parameters.
PAGE = 10
REFERENCE = 12  # characters: 60 bits, and at most the 25 that Discord's nonce may have
DELIVERY = SQLModel.metadata.tables["delivery"]
ATTEMPT = SQLModel.metadata.tables["attempt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """A message that is due; see `storage.outgoing.Delivery` for what the fields mean.

    `actor` is whose rights it is made with; "" is creditbot itself.  `line` is asked when it is
    made, with the clock at `window_end`; without a line `facts` say `headline` and `hint`.  The
    composer also says `facts["missed"]` ("1–6 Mar"), a list [from, until] of ISO times in
    `facts["down"]`, the end of the quiet hours that put it off in
    `facts["awake"]`, and makes a file in `facts["form"]`.  A row may be born `skipped` with its
    reason, or `ready` with its `payload`.
    """

    workspace_id: int
    dedupe_key: str
    kind: Kind
    trigger: Trigger
    destination_id: int
    actor: str
    due_at: datetime
    created_at: datetime
    act: Act = "post"
    priority: int = 1
    line: str = ""
    subscription_id: int | None = None
    alert_id: int | None = None
    parent_id: str | None = None
    part: int = 0
    period_key: str | None = None
    window_start: datetime | None = None
    window_end: datetime | None = None
    not_before: datetime | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    state: State = "planned"
    reason: str | None = None
    superseded_by: str | None = None
    payload: Mapping[str, object] | None = None
    id: str = field(default_factory=lambda: uuid4().hex)


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery as it stands, without its content.

    `reason` says why it ended, or what keeps a waiting one.
    """

    workspace_id: int
    id: str
    dedupe_key: str
    kind: Kind
    trigger: Trigger
    act: Act
    priority: int
    destination_id: int
    subscription_id: int | None
    alert_id: int | None
    parent_id: str | None
    part: int
    line: str
    actor: str
    period_key: str | None
    window_start: datetime | None
    window_end: datetime | None
    data_until: datetime | None
    due_at: datetime
    created_at: datetime
    state: State
    reason: str | None
    attempts: int
    failures: int
    not_before: datetime
    maybe_sent_at: datetime | None
    missed_at: datetime | None
    facts: Mapping[str, Any]
    platform_message_id: str | None
    sent_at: datetime | None
    ended_at: datetime | None
    superseded_by: str | None


COLUMNS = [DELIVERY.c[name] for name in DeliveryRow.__slots__]


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One request for a delivery; `outcome` is `begun` where its process died."""

    n: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    http_status: int | None
    error_code: str | None
    retry_after: float | None


def moment(connection: sa.Connection, now: datetime) -> datetime:
    """The clock that leases are told by: PostgreSQL's own, which all replicas share; else `now`."""
    if connection.dialect.name != "postgresql":
        return now
    told: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return told


def reference(delivery_id: str, channel_id: str, part: int = 0) -> str:
    """The short word that a platform recognises this message by, and people find in its foot."""
    digest = sha256(f"{delivery_id}|{channel_id}|{part}".encode()).digest()
    return base64.b32encode(digest).decode().lower()[:REFERENCE]


def keys_there(connection: sa.Connection, workspace_id: int, keys: Collection[str]) -> set[str]:
    """Those of some keys that a message has already."""
    wanted = sa.select(DELIVERY.c.dedupe_key).where(
        DELIVERY.c.workspace_id == workspace_id, DELIVERY.c.dedupe_key.in_(keys)
    )
    return set(connection.execute(wanted).scalars()) if keys else set()


def insert_deliveries(connection: sa.Connection, rows: Sequence[NewDelivery]) -> list[str]:
    """The ids of those that were new; one whose key is known already changes nothing."""
    # Rows with content apart: one without must be NULL, which JSON's null is not.
    bare = [_values(row) for row in rows if row.payload is None]
    filled = [_values(row) | {"payload": dict(row.payload)} for row in rows if row.payload]
    insert = insert_for(connection, DELIVERY).on_conflict_do_nothing().returning(DELIVERY.c.id)
    insert = insert.execution_options(insertmanyvalues_page_size=PAGE)
    return [
        found
        for values in (bare, filled)
        if values
        for found in connection.execute(insert, values).scalars()
    ]


def _values(row: NewDelivery) -> dict[str, object]:
    values = {name: getattr(row, name) for name in NewDelivery.__slots__ if name != "payload"}
    return values | {
        "facts": dict(row.facts),
        "not_before": row.not_before or row.due_at,
        "ended_at": row.created_at if row.state in ENDED else None,
        "attempts": 0,
        "failures": 0,
    }


def delivery_by_id(
    connection: sa.Connection, workspace_id: int, delivery_id: str
) -> DeliveryRow | None:
    """One delivery; None when there is no such (any more)."""
    found = connection.execute(
        sa.select(*COLUMNS).where(one_delivery(workspace_id, delivery_id))
    ).first()
    return DeliveryRow(*found) if found else None


def history(  # noqa: PLR0913  # what narrows the list, each by name
    connection: sa.Connection,
    workspace_id: int,
    *,
    subscriptions: Collection[int] | None = None,
    alert_id: int | None = None,
    destination_id: int | None = None,
    kinds: Collection[Kind] = (),
    states: Collection[State] = (),
    limit: int = 20,
) -> list[DeliveryRow]:
    """The newest deliveries; none of the restrictions means any."""
    wanted = sa.select(*COLUMNS).where(DELIVERY.c.workspace_id == workspace_id)
    if subscriptions is not None:
        wanted = wanted.where(DELIVERY.c.subscription_id.in_(subscriptions))
    given = {"alert_id": alert_id, "destination_id": destination_id}
    for name, value in given.items():
        if value is not None:
            wanted = wanted.where(DELIVERY.c[name] == value)
    if kinds:
        wanted = wanted.where(DELIVERY.c.kind.in_(kinds))
    if states:
        wanted = wanted.where(DELIVERY.c.state.in_(states))
    newest = wanted.order_by(
        DELIVERY.c.created_at.desc(), DELIVERY.c.due_at.desc(), DELIVERY.c.part, DELIVERY.c.id
    )
    return [DeliveryRow(*row) for row in connection.execute(newest.limit(limit))]


def attempts_of(connection: sa.Connection, workspace_id: int, delivery_id: str) -> list[AttemptRow]:
    """The requests made for a delivery, in their order."""
    columns = [ATTEMPT.c[name] for name in AttemptRow.__slots__]
    wanted = sa.select(*columns).where(
        ATTEMPT.c.workspace_id == workspace_id, ATTEMPT.c.delivery_id == delivery_id
    )
    return [AttemptRow(*row) for row in connection.execute(wanted.order_by(ATTEMPT.c.n))]


def forget_untold(
    connection: sa.Connection, subscriptions: Collection[tuple[int, int]], *, after: datetime
) -> None:
    """Forget what is due after a moment by some subscriptions and nobody was or is being told of.

    That is what nobody began to make, and periods that a later one was to name.
    """
    c = DELIVERY.c
    is_untouched = sa.and_(c.state == "planned", c.attempts == 0)
    is_named = sa.and_(c.state == "skipped", c.reason.in_(UNTOLD))
    connection.execute(
        sa.delete(DELIVERY).where(
            sa.tuple_(c.workspace_id, c.subscription_id).in_(subscriptions),
            c.kind == "digest",
            c.trigger.in_(("schedule", "catchup")),
            c.due_at > after,
            sa.or_(is_untouched, is_named),
        )
    )


def skip_posts(
    connection: sa.Connection,
    workspace_id: int,
    subscription_id: int,
    *,
    reason: str,
    now: datetime,
) -> None:
    """Skip the digests of a subscription that were due and surely did not leave yet."""
    c = DELIVERY.c
    connection.execute(
        sa.update(DELIVERY)
        .where(
            c.workspace_id == workspace_id,
            c.subscription_id == subscription_id,
            c.kind == "digest",
            c.act == "post",
            c.trigger.in_(("schedule", "catchup")),
            c.state.in_(("planned", "ready")),
            c.maybe_sent_at.is_(None),
        )
        .values(state="skipped", reason=reason, ended_at=now)
    )


def one_delivery(workspace_id: int, delivery_id: str) -> sa.ColumnElement[bool]:
    """The condition that names one delivery."""
    return sa.and_(DELIVERY.c.workspace_id == workspace_id, DELIVERY.c.id == delivery_id)
