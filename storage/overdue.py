"""What waits long past its time because nothing could leave: found, ended, made anew.

Everything here is fenced by what a row says in the very UPDATE: it was surely never sent, and it is
in nobody's hands.  A subscription of which one digest is in somebody's hands is left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from storage.claims import DESTINATION, Claim, free_lane, is_held
from storage.destinations import Destination
from storage.endings import SUBSCRIPTION
from storage.outbox import ATTEMPT, DELIVERY, WAITING, Trigger
from storage.outgoing import TO_RENDER, TO_SEND
from storage.subscriptions import Catchup, Subscription, awake_at

Key = tuple[int, int]  # workspace and subscription
SCHEDULED: tuple[Trigger, ...] = ("schedule", "catchup")
_D = DELIVERY.c
_ITS_SUBSCRIPTION = [SUBSCRIPTION.c[name] for name in Subscription.__slots__]
_ITS_DESTINATION = [DESTINATION.c[name] for name in Destination.__slots__]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A digest that waits and was surely never sent."""

    id: str
    state: str
    trigger: Trigger
    due_at: datetime
    window_start: datetime | None
    window_end: datetime | None
    not_before: datetime
    reason: str | None
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Late:
    """A subscription whose digests wait, oldest first, and where they go; it is held.

    `worked_at` is when anything was last sent to that platform workspace, `free_at` the moment of
    the leases' clock at which nobody had them in hands.
    """

    workspace_id: int
    kept: Subscription
    to: Destination
    rows: Sequence[Waiting]
    worked_at: datetime | None
    free_at: datetime

    def awake(self, moment: datetime) -> datetime:
        """The first instant from a moment on at which a digest may leave; see `awake_at`."""
        return awake_at(moment, self.kept.quiet, self.to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anew:
    """A digest that is made again, because it has something else to say by now."""

    id: str
    was_made: bool
    trigger: Trigger
    facts: Mapping[str, object]
    not_before: datetime


_COLUMNS = [_D[name] for name in Waiting.__slots__]


def overdue(
    connection: sa.Connection, now: datetime, *, late: timedelta, most: Mapping[Catchup, int]
) -> list[Key]:
    """Subscriptions with a digest that waits longer than `late`, and must not leave as it is.

    More wait than their policy lets leave, or one does not say yet that it is late.
    """
    waiting = _waiting(now)
    c, s = waiting.c, SUBSCRIPTION.c
    count, is_late = sa.func.count, c.due_at < now - late
    allowed = sa.case(dict(most), value=s.catchup, else_=max(most.values()))
    is_silent = sa.and_(c.state == "ready", c.trigger == "schedule")
    its = sa.and_(s.workspace_id == c.workspace_id, s.id == c.subscription_id)
    wanted = (
        sa.select(c.workspace_id, c.subscription_id)
        .select_from(waiting.join(SUBSCRIPTION, its))
        .group_by(c.workspace_id, c.subscription_id, s.catchup)
        .having(count().filter(is_late) > 0)
        .having(sa.or_(count() > allowed, count().filter(is_late, is_silent) > 0))
    )
    return _keys(connection, wanted)


def overdue_in(
    connection: sa.Connection,
    now: datetime,
    *,
    late: timedelta,
    chat: tuple[int, str, str] | None = None,
) -> list[Key]:
    """All subscriptions with a digest that waits so long, of one chat (workspace, platform, id)."""
    waiting = _waiting(now - late)
    c, d = waiting.c, DESTINATION.c
    wanted = sa.select(c.workspace_id, c.subscription_id).distinct()
    if chat is not None:
        its = sa.and_(d.workspace_id == c.workspace_id, d.id == c.destination_id)
        wanted = wanted.select_from(waiting.join(DESTINATION, its)).where(
            sa.tuple_(d.workspace_id, d.platform, d.external_id) == sa.tuple_(*chat)
        )
    return _keys(connection, wanted)


def lock_late(
    connection: sa.Connection, keys: Collection[Key], now: datetime, *, only_look: bool = False
) -> list[Late]:
    """What waits of some subscriptions, each held until the transaction ends, or `only_look`.

    Left out are those that another replica holds, and those of which a digest is being made or
    sent at this moment.
    """
    s, d = SUBSCRIPTION.c, DESTINATION.c
    its = sa.and_(d.workspace_id == s.workspace_id, d.id == s.destination_id)
    wanted = (
        sa.select(s.workspace_id, *_ITS_SUBSCRIPTION, *_ITS_DESTINATION)
        .select_from(SUBSCRIPTION.join(DESTINATION, its))
        .where(sa.tuple_(s.workspace_id, s.id).in_(keys))
        .order_by(s.workspace_id, s.id)
    )
    if not only_look:
        wanted = wanted.with_for_update(of=SUBSCRIPTION, skip_locked=True)
    border = 1 + len(_ITS_SUBSCRIPTION)
    held = {(row[0], row[1]): row for row in connection.execute(wanted)}
    rows = _rows(connection, held, now, only_look=only_look)
    worked = _worked(connection)
    found = []
    for key, row in held.items():
        if waiting := rows.get(key):
            kept, destination = Subscription(*row[1:border]), Destination(*row[border:])
            chat = (key[0], destination.platform, destination.external_id)
            worked_at = worked.get(chat)
            found.append(Late(key[0], kept, destination, waiting, worked_at, now))
    return found


def _rows(
    connection: sa.Connection, keys: Collection[Key], now: datetime, *, only_look: bool
) -> dict[Key, list[Waiting]]:
    """The digests that wait, held; nothing of a subscription of which not all can be."""
    ours = sa.and_(sa.tuple_(_D.workspace_id, _D.subscription_id).in_(keys), _is_scheduled())
    columns = (_D.workspace_id, _D.subscription_id, *_COLUMNS)
    free: sa.Select[Any] = sa.select(*columns).where(ours, _is_free(now))
    free = free.order_by(_D.due_at, _D.id)
    found: dict[Key, list[Waiting]] = {}
    if not only_look:
        free = free.with_for_update(skip_locked=True)
    for row in connection.execute(free):
        found.setdefault((row[0], row[1]), []).append(Waiting(*row[2:]))
    mine = {row.id for rows in found.values() for row in rows}
    every: sa.Select[Any] = sa.select(*columns[:2], _D.id).where(
        ours, _D.state.in_(WAITING), *_unsent()
    )
    for row in connection.execute(every):
        if row.id not in mine:
            found.pop((row.workspace_id, row.subscription_id), None)
    return found


def named_by(
    connection: sa.Connection, late: Late, delivery_id: str
) -> list[tuple[datetime, datetime]]:
    """The stretches of time that a digest is to name."""
    wanted = sa.select(_D.window_start, _D.window_end).where(
        _D.workspace_id == late.workspace_id,
        _D.subscription_id == late.kept.id,
        _D.superseded_by == delivery_id,
        _D.window_start.is_not(None),
        _D.window_end.is_not(None),
    )
    return [(row[0], row[1]) for row in connection.execute(wanted)]


def hand_on(connection: sa.Connection, late: Late, delivery_ids: Collection[str], by: str) -> None:
    """Let one digest name what others were to name."""
    named = sa.update(DELIVERY).where(
        _D.workspace_id == late.workspace_id,
        _D.subscription_id == late.kept.id,
        _D.superseded_by.in_(delivery_ids),
    )
    connection.execute(named.values(superseded_by=by))


def leave_out(
    connection: sa.Connection,
    late: Late,
    delivery_ids: Collection[str],
    *,
    reason: str,
    by: str | None = None,
    now: datetime,
) -> int:
    """End digests that are not sent any more."""
    ours = sa.and_(_D.workspace_id == late.workspace_id, _is_free(late.free_at))
    ended = sa.update(DELIVERY).where(ours, _D.id.in_(delivery_ids))
    return connection.execute(ended.values(**_skipped(reason, now), superseded_by=by)).rowcount


UNMADE: Mapping[str, Any] = {
    "state": "planned",
    "reason": None,
    "attempts": 0,
    "failures": 0,
    "lease_token": None,
    "lease_until": None,
    "data_until": None,
    "payload": sa.null(),
    "payload_sha": None,
    "artifact": sa.null(),
    "artifact_name": None,
    "artifact_sha": None,
}


def make_anew(connection: sa.Connection, late: Late, anew: Anew) -> int:
    """Let a digest be made again, with all that hangs on it, as if nobody had tried it."""
    here = sa.and_(_D.workspace_id == late.workspace_id, _D.id == anew.id)
    done = connection.execute(
        sa.update(DELIVERY)
        .where(here, _is_free(late.free_at))
        .values(**UNMADE, trigger=anew.trigger, facts=dict(anew.facts), not_before=anew.not_before)
    ).rowcount
    if done and anew.was_made:
        _forget_parts(connection, late.workspace_id, anew.id)
    return done


def give_back(connection: sa.Connection, claim: Claim, now: datetime) -> bool:
    """Let a claimed message that surely never left be made again; its lane goes on."""
    free_lane(connection, claim.lane, claim.token, now)
    unmade = sa.update(DELIVERY).where(is_held(claim), *_unsent())
    done = connection.execute(unmade.values(**UNMADE, not_before=now)).rowcount == 1
    if done:
        _forget_parts(connection, claim.row.workspace_id, claim.row.id)
    return done


def _forget_parts(connection: sa.Connection, workspace_id: int, delivery_id: str) -> None:
    # Its parts were made of what it said before; they cannot have left without it.
    parts = sa.and_(_D.workspace_id == workspace_id, _D.parent_id == delivery_id)
    connection.execute(sa.delete(DELIVERY).where(parts, _D.state.in_(WAITING)))
    # Or days of refusals would count against the life that it has from now on.
    tries = sa.and_(ATTEMPT.c.workspace_id == workspace_id, ATTEMPT.c.delivery_id == delivery_id)
    connection.execute(sa.delete(ATTEMPT).where(tries))


# ---- alerts


def waiting_alerts(connection: sa.Connection, workspace_id: int) -> dict[str, int]:
    """The posts of alerts that wait and were surely never sent, each with its alert."""
    found: dict[str, int] = {}
    for these in (TO_RENDER, TO_SEND):
        wanted = sa.select(_D.id, _D.alert_id).where(
            sa.text(these),
            _D.workspace_id == workspace_id,
            _D.kind == "alert",
            _D.act == "post",
            _D.trigger != "test",
            _D.alert_id.is_not(None),
            *_unsent(),
        )
        found |= {row.id: row.alert_id for row in connection.execute(wanted)}
    return found


def leave_alerts_out(
    connection: sa.Connection,
    workspace_id: int,
    delivery_ids: Collection[str],
    *,
    reason: str,
    now: datetime,
    free_at: datetime,
) -> int:
    """End posts of alerts that nobody is sending at the moment `free_at` of the leases' clock."""
    ended = sa.update(DELIVERY).where(
        _D.workspace_id == workspace_id, _D.id.in_(delivery_ids), _is_free(free_at)
    )
    return connection.execute(ended.values(**_skipped(reason, now))).rowcount


# ---- rows


def _skipped(reason: str, now: datetime) -> dict[str, object]:
    over = {"lease_token": None, "lease_until": None}
    return {"state": "skipped", "reason": reason, "ended_at": now, **over}


def _waiting(until: datetime) -> sa.Subquery:
    """The digests that wait and were due by a moment."""
    columns = [_D[name] for name in ("workspace_id", "subscription_id", "destination_id")]
    columns += [_D.state, _D.trigger, _D.due_at]
    # In the words of the partial indexes, or all of the history is read.
    parts = [
        sa.select(*columns).where(sa.text(these), _is_scheduled(), *_unsent(), _D.due_at <= until)
        for these in (TO_RENDER, TO_SEND)
    ]
    return sa.union_all(*parts).subquery("waiting")


def _is_scheduled() -> sa.ColumnElement[bool]:
    return sa.and_(
        _D.kind == "digest",
        _D.act == "post",
        _D.trigger.in_(SCHEDULED),
        _D.subscription_id.is_not(None),
    )


def _unsent() -> tuple[sa.ColumnElement[bool], ...]:
    return (_D.maybe_sent_at.is_(None), _D.platform_message_id.is_(None))


def _is_free(now: datetime) -> sa.ColumnElement[bool]:
    """It waits, was surely never sent, and nobody holds it."""
    is_held = sa.and_(_D.lease_token.is_not(None), _D.lease_until > now)
    return sa.and_(_D.state.in_(WAITING), *_unsent(), sa.not_(is_held))


def _worked(connection: sa.Connection) -> dict[tuple[int, str, str], datetime]:
    """When each platform workspace took something the last time."""
    d = DESTINATION.c
    chat = (d.workspace_id, d.platform, d.external_id)
    newest = sa.func.max(d.last_ok_at, type_=d.last_ok_at.type)
    wanted = sa.select(*chat, newest).where(d.last_ok_at.is_not(None)).group_by(*chat)
    return {(row[0], row[1], row[2]): row[3] for row in connection.execute(wanted)}


def _keys(connection: sa.Connection, wanted: sa.Select[Any]) -> list[Key]:
    return sorted((int(row[0]), int(row[1])) for row in connection.execute(wanted))
