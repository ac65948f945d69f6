"""Who may make or send a delivery now: one process at a time, by a lease with a random token.

A row is claimed for rendering by itself, for sending together with its destination, so that one
request at a time is on its way to a channel.  Each claim is decided by one UPDATE.  The token of a
claim is repeated in every later UPDATE: whoever lost the lease changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import SQLModel

from storage.outbox import ACTS, ATTEMPT, COLUMNS, DELIVERY, KINDS, DeliveryRow, State, one_delivery
from storage.outgoing import TO_RENDER, TO_SEND, TURN

# A wait beyond these was set before the clock was moved back; it counts as over.
LONGEST_WAIT = timedelta(hours=6)
LONGEST_QUIET = timedelta(hours=36)  # a row that nobody tried yet may wait for the morning
DESTINATION = SQLModel.metadata.tables["destination"]
PAUSE = SQLModel.metadata.tables["chat_pause"]
_X, _Y = DELIVERY.alias("x"), DELIVERY.alias("y")  # a row, and one that may stand before it
_PARENT, _D, _P = DELIVERY.alias("parent"), DESTINATION.alias("d"), PAUSE.alias("p")
Number = sa.ColumnElement[int]
_MOMENT = DELIVERY.c.maybe_sent_at.type  # a time without it would be kept as another zone's
_TO_DESTINATION = sa.and_(_D.c.workspace_id == _X.c.workspace_id, _D.c.id == _X.c.destination_id)


@dataclass(frozen=True, slots=True)
class Lane:
    """The channel that a delivery goes to."""

    workspace_id: int
    id: int
    platform: str
    external_id: str
    channel_id: str
    is_direct: bool
    name: str
    people_rows: bool
    is_external: bool
    created_by: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery in this process's hands until its lease ends.

    `row.maybe_sent_at` is that of earlier tries.  `parent_message` is the platform's id of the
    message that it belongs to.
    """

    row: DeliveryRow
    lane: Lane
    token: str
    payload: Mapping[str, Any] | None = None
    artifact: bytes | None = None
    artifact_name: str | None = None
    parent_message: str | None = None


@dataclass(frozen=True, slots=True)
class Hands:
    """What one process has in hand by its own running time, which nobody sets.

    `lanes` are (workspace, channel) with a request on its way, `rows` deliveries whose last
    request, or a change of which, may still land, or whose last look was a moment ago.
    """

    lanes: frozenset[tuple[int, int]] = frozenset()
    rows: frozenset[str] = frozenset()

    def leaves(
        self, x: sa.FromClause, d: sa.FromClause | None = None
    ) -> Iterator[sa.ColumnElement[bool]]:
        """The conditions that leave them out."""
        if self.rows:
            yield x.c.id.not_in(self.rows)
            yield sa.or_(x.c.act != "edit", x.c.parent_id.not_in(self.rows))
        if self.lanes and d is not None:
            yield sa.tuple_(d.c.workspace_id, d.c.id).not_in(self.lanes)


LANE = [DESTINATION.c[name] for name in Lane.__slots__]
_CONTENT = [DELIVERY.c.payload, DELIVERY.c.artifact, DELIVERY.c.artifact_name]


def claim_render(
    connection: sa.Connection, now: datetime, *, lease: timedelta, platforms: Collection[str]
) -> Claim | None:
    """The next delivery to be made for one of the platforms; None when there is none.

    `attempts` counts the claims: a row that kills its process is known by it.  What was made in
    vain is counted by `fail_render`, so that a process that is killed is nobody's failure.
    """
    chosen = (
        sa.select(_X.c.workspace_id, _X.c.id)
        .select_from(_X.join(_D, _TO_DESTINATION))
        .where(
            _in_state(TO_RENDER),
            is_over(_X.c.not_before, now, LONGEST_QUIET),
            sa.or_(_X.c.state == "planned", is_over(_X.c.lease_until, now, 2 * lease)),
            _parent_is("ready", "sending", "sent"),
            *_is_ours(platforms),
        )
        .order_by(*(_X.c[name] for name in TURN))
        .limit(1)
        .with_for_update(of=_X, skip_locked=True)
    )
    token = uuid4().hex
    found = connection.execute(
        sa.update(DELIVERY)
        .where(sa.tuple_(DELIVERY.c.workspace_id, DELIVERY.c.id) == chosen.scalar_subquery())
        .values(
            state="rendering",
            lease_token=token,
            lease_until=now + lease,
            attempts=DELIVERY.c.attempts + 1,
        )
        .returning(*COLUMNS)
    ).first()
    if found is None:
        return None
    row = DeliveryRow(*found)
    return Claim(row, lane_of(connection, row.workspace_id, row.destination_id), token)


def claim_lane(
    connection: sa.Connection,
    now: datetime,
    *,
    lease: timedelta,
    platforms: Collection[str],
    blocks: timedelta,
    hands: Hands | None = None,
) -> Claim | None:
    """A free lane and the head of it; None when nothing may be sent now.

    Alerts come first, then what was created first; parts when their message is there.  Behind a
    message of which nobody knows whether it arrived, those of its priority wait for `blocks`.
    What is still in this process's `hands` is left alone, whatever the wall clock says.
    """
    hands = hands or Hands()
    free = (
        sa.select(_D.c.workspace_id, _D.c.id)
        .select_from(_X.join(_D, _TO_DESTINATION))
        .where(
            *_may_leave(now, lease=lease),
            is_over(_D.c.lane_until, now, 2 * lease),
            is_over(_D.c.not_before, now, LONGEST_WAIT),
            *_is_ours(platforms),
            ~_is_paused(now),
            ~_stands_before(now, blocks, _D.c.workspace_id, _D.c.id),
            *hands.leaves(_X, _D),
        )
        .order_by(*(_X.c[name] for name in TURN))
        .limit(1)
        .with_for_update(of=_D, skip_locked=True)
    )
    token = uuid4().hex
    lane = connection.execute(
        sa.update(DESTINATION)
        .where(sa.tuple_(DESTINATION.c.workspace_id, DESTINATION.c.id) == free.scalar_subquery())
        .values(lane_token=token, lane_until=now + lease, served_at=now)
        .returning(*LANE)
    ).first()
    if lane is None:
        return None
    claim = _claim_head(
        connection, now, Lane(*lane), token, lease=lease, blocks=blocks, hands=hands
    )
    if claim is None:
        free_lane(connection, Lane(*lane), token, now)
    return claim


def _claim_head(  # noqa: PLR0913  # what a claim is decided by, each by name
    connection: sa.Connection,
    now: datetime,
    lane: Lane,
    token: str,
    *,
    lease: timedelta,
    blocks: timedelta,
    hands: Hands,
) -> Claim | None:
    head = (
        sa.select(_X.c.workspace_id, _X.c.id)
        .where(
            _X.c.workspace_id == lane.workspace_id,
            _X.c.destination_id == lane.id,
            _X.c.kind.in_(KINDS),
            _X.c.act.in_(ACTS),
            *_may_leave(now, lease=lease),
            ~_stands_before(now, blocks, sa.literal(lane.workspace_id), sa.literal(lane.id)),
            *hands.leaves(_X),
        )
        .order_by(*(_X.c[name] for name in TURN))
        .limit(1)
    )
    found = connection.execute(
        sa.update(DELIVERY)
        .where(
            sa.tuple_(DELIVERY.c.workspace_id, DELIVERY.c.id) == head.scalar_subquery(),
            # Again, for a row that its late owner ended while this statement waited for it.
            DELIVERY.c.state.in_(("ready", "sending")),
            is_over(DELIVERY.c.not_before, now, LONGEST_WAIT),
        )
        .values(
            state="sending",
            lease_token=token,
            lease_until=now + lease,
            attempts=DELIVERY.c.attempts + 1,
        )
        .returning(*COLUMNS, *_CONTENT)
    ).first()
    if found is None:
        return None
    *columns, payload, artifact, artifact_name = found
    row = DeliveryRow(*columns)
    parent = _parent_message(connection, row)
    return Claim(row, lane, token, payload, artifact, artifact_name, parent)


def mark_maybe_sent(connection: sa.Connection, claim: Claim, now: datetime) -> bool:
    """Keep that a request is about to leave; False when it must not: the lease or chat is lost.

    Committed before the socket is opened, so that without it a row was certainly never sent.
    """
    paused = sa.exists().where(_is_lane(_D, claim.lane), _is_paused(now))
    first_try = sa.func.coalesce(DELIVERY.c.maybe_sent_at, sa.literal(now, _MOMENT))
    done = connection.execute(
        sa.update(DELIVERY)
        .where(is_held(claim), ~paused)
        .values(maybe_sent_at=first_try, missed_at=None)
    )
    if done.rowcount == 0:
        return False
    row = claim.row
    connection.execute(
        sa.insert(ATTEMPT).values(
            workspace_id=row.workspace_id,
            delivery_id=row.id,
            n=row.attempts,
            started_at=now,
            outcome="begun",
        )
    )
    return True


def anything_due(
    connection: sa.Connection, now: datetime, *, lease: timedelta, platforms: Collection[str]
) -> tuple[bool, bool]:
    """Whether something may be to be made, and to be sent; cheap, and not exact."""

    def some(these: str, *more: sa.ColumnElement[bool]) -> sa.Exists:
        joined = sa.select(sa.literal(1)).select_from(_X.join(_D, _TO_DESTINATION))
        return joined.where(_in_state(these), *_is_ours(platforms), *more).exists()

    to_render = some(TO_RENDER, is_over(_X.c.not_before, now, LONGEST_QUIET))
    to_send = some(
        TO_SEND,
        is_over(_X.c.not_before, now, LONGEST_WAIT),
        is_over(_D.c.lane_until, now, 2 * lease),
        is_over(_D.c.not_before, now, LONGEST_WAIT),
        ~_is_paused(now),
    )
    render, send = connection.execute(sa.select(to_render, to_send)).one()
    return bool(render), bool(send)


def is_held(claim: Claim) -> sa.ColumnElement[bool]:
    """The condition of every change: the row is still in the hands of this claim."""
    return sa.and_(
        one_delivery(claim.row.workspace_id, claim.row.id), DELIVERY.c.lease_token == claim.token
    )


def free_lane(
    connection: sa.Connection,
    lane: Lane,
    token: str,
    now: datetime,
    not_before: datetime | None = None,
) -> None:
    """Let others send to the channel, from `not_before` on; nothing when the lane was lost."""
    later = {} if not_before is None else {"not_before": not_before}
    connection.execute(
        sa.update(DESTINATION)
        .where(_is_lane(DESTINATION, lane), DESTINATION.c.lane_token == token)
        .values(lane_token=None, lane_until=now, **later)
    )


def _in_state(these: str) -> sa.TextClause:
    """The condition of a partial index, in its own words: with parameters it is not used."""
    return sa.text(f"x.{these}")


def is_over(
    column: sa.ColumnElement[Any], now: datetime, longest: timedelta
) -> sa.ColumnElement[bool]:
    """Whether a moment has come; one beyond `longest` was set by a clock that was ahead."""
    return sa.or_(column <= now, column > now + longest)


def _is_lane(table: sa.FromClause, lane: Lane) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.workspace_id == lane.workspace_id, table.c.id == lane.id)


def _is_ours(platforms: Collection[str]) -> tuple[sa.ColumnElement[bool], ...]:
    """What this version knows how to send: an older one leaves new kinds to a newer one."""
    return (
        _D.c.state == "ok",
        _D.c.platform.in_(platforms),
        _X.c.kind.in_(KINDS),
        _X.c.act.in_(ACTS),
    )


def _is_paused(now: datetime) -> sa.Exists:
    return sa.exists().where(
        _P.c.workspace_id == _D.c.workspace_id,
        _P.c.platform == _D.c.platform,
        _P.c.external_id == _D.c.external_id,
        sa.or_(_P.c.needs_probe, sa.and_(_P.c.until > now, _P.c.until <= now + LONGEST_WAIT)),
    )


def _may_leave(
    now: datetime, *, lease: timedelta
) -> tuple[sa.ColumnElement[bool] | sa.TextClause, ...]:
    return (
        _in_state(TO_SEND),
        is_over(_X.c.not_before, now, LONGEST_WAIT),
        sa.or_(_X.c.state == "ready", is_over(_X.c.lease_until, now, 2 * lease)),
        _parent_is("sent"),
    )


def _stands_before(
    now: datetime, blocks: timedelta, workspace_id: Number, destination_id: Number
) -> sa.Exists:
    """Whether one of its lane that may be there already stands in the way.

    The lane is named from outside: by the joined destination, this is only looked at where that
    is free (with 10,000 rows waiting a claim then takes 30 ms and not 1,600).
    """
    before = sa.tuple_(*(_Y.c[name] for name in TURN[1:])) < sa.tuple_(
        *(_X.c[name] for name in TURN[1:])
    )
    return sa.exists().where(
        _Y.c.workspace_id == workspace_id,
        _Y.c.destination_id == destination_id,
        # In the words of its small index: of ten thousand that wait few are in doubt.
        sa.text("y.state = 'ready' AND y.maybe_sent_at IS NOT NULL"),
        _Y.c.priority == _X.c.priority,
        before,
        _Y.c.maybe_sent_at > now - blocks,
        _Y.c.not_before > now,
        _Y.c.not_before <= now + LONGEST_WAIT,
    )


def _parent_is(*states: State) -> sa.ColumnElement[bool]:
    """It is no part, or the message that it is a part of has come so far."""
    is_there = sa.exists().where(
        _PARENT.c.workspace_id == _X.c.workspace_id,
        _PARENT.c.id == _X.c.parent_id,
        _PARENT.c.state.in_(states),
    )
    return sa.or_(_X.c.parent_id.is_(None), is_there)


def lane_of(connection: sa.Connection, workspace_id: int, destination_id: int) -> Lane:
    """The lane of a destination that is there."""
    wanted = sa.select(*LANE).where(
        DESTINATION.c.workspace_id == workspace_id, DESTINATION.c.id == destination_id
    )
    return Lane(*connection.execute(wanted).one())


def _parent_message(connection: sa.Connection, row: DeliveryRow) -> str | None:
    if row.parent_id is None:
        return None
    wanted = sa.select(DELIVERY.c.platform_message_id)
    found: str | None = connection.execute(
        wanted.where(one_delivery(row.workspace_id, row.parent_id))
    ).scalar()
    return found
