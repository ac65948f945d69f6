"""A channel that takes nothing any more: what stops, and who is told, once.

Its subscriptions are paused, what waits for it is skipped, and nothing is asked of it until a
person resumes it.  Their creator is told by direct message; where that is closed, the admins are.
Alerts that it was to be told of are routed again, so that somebody is told of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from storage import audit, locks
from storage.alerts import ALERT, route_again
from storage.claims import DESTINATION, LONGEST_WAIT, Claim, Lane, is_over
from storage.destinations import destination_of
from storage.endings import SUBSCRIPTION, Trouble, finish_dead
from storage.merged import ALONE, untie
from storage.outbox import DELIVERY, DeliveryRow, NewDelivery, insert_deliveries, skip_posts
from storage.outgoing import TO_RENDER, TO_SEND
from storage.roles import list_roles

GONE = "destination_dead"
CANCELLED = "cancelled: its message was not sent"
CREATOR, ADMINS = "creator", "admins"  # whom a notice is for
MAX_REASON = 200
RECENT = timedelta(days=1)  # an older alert that is about no budget is no news any more
REFUSED = "destination: "  # how the reason of a message begins that its channel did not take
_TOLD = DELIVERY.c.workspace_id, DELIVERY.c.alert_id, DELIVERY.c.act, DELIVERY.c.id


def destination_died(
    connection: sa.Connection,
    claim: Claim,
    now: datetime,
    trouble: Trouble,
    *,
    owners: Collection[str] = (),
) -> bool:
    """End the delivery and its channel, and tell who cares; False for a claim that was lost.

    `owners` are actors with every right, besides those of the role table.
    """
    locks.hold(connection, claim.lane.workspace_id)  # before other rows: new ones are numbered
    if not finish_dead(connection, claim, now, trouble):
        return False
    lane, row = claim.lane, claim.row
    _route_again(connection, [(row.workspace_id, row.alert_id, row.act, row.id)])
    if stop_channel(connection, lane, now, trouble, owners=owners) and _is_for_creator(row):
        facts, everybody = {**row.facts, "to": ADMINS}, admins(connection, lane, owners)
        tell(connection, lane, everybody, key=row.dedupe_key, facts=facts, now=now)
    return True


def _is_for_creator(row: DeliveryRow) -> bool:
    return row.kind == "notice" and row.facts.get("to") == CREATOR


def stop_channel(
    connection: sa.Connection,
    lane: Lane,
    now: datetime,
    trouble: Trouble,
    *,
    owners: Collection[str] = (),
) -> bool:
    """Stop all that goes to a channel and tell who cares; False where it was stopped before.

    The workspace's row is held.
    """
    streak = connection.execute(
        sa.update(DESTINATION)
        .where(_lane(lane), DESTINATION.c.state == "ok")
        .values(
            state="dead",
            dead_reason=trouble.code[:MAX_REASON],
            fail_streak=DESTINATION.c.fail_streak + 1,
            streak=DESTINATION.c.streak + 1,
            streak_notified=True,
        )
        .returning(DESTINATION.c.streak)
    ).scalar()
    if streak is None:
        return False
    audit.record_own(
        connection,
        lane.workspace_id,
        at=now,
        action="channel stopped",
        object=f"destination {lane.id}",
        before="ok",
        after=trouble.reason,
    )
    _skip_waiting(connection, lane, now)
    creators = _pause_subscriptions(connection, lane, trouble, now)
    everybody = admins(connection, lane, owners)
    if creators or not lane.is_direct:
        facts = {"channel": lane.name, "code": trouble.code, "paused": len(creators)}
        told = sorted(set(creators)) or [lane.created_by]
        tell_creator(
            connection, lane, told, everybody, key=f"o|{lane.id}|{streak}", facts=facts, now=now
        )
    return True


def tell_creator(  # noqa: PLR0913  # what a notice is made of, each by name
    connection: sa.Connection,
    lane: Lane,
    creators: Sequence[str],
    everybody: Sequence[str],
    *,
    key: str,
    facts: Mapping[str, object],
    now: datetime,
) -> None:
    """Tell who made something; where none of them takes messages, tell `everybody`."""
    to_creator = {**facts, "to": CREATOR}
    if not tell(connection, lane, creators, key=key, facts=to_creator, now=now):
        tell(connection, lane, everybody, key=key, facts={**facts, "to": ADMINS}, now=now)


def tell(
    connection: sa.Connection,
    lane: Lane,
    people: Sequence[str],
    *,
    key: str,
    facts: Mapping[str, object],
    now: datetime,
) -> list[str]:
    """Put a notice into the conversations with some people; the ids of those that are new.

    People of another platform, and whose conversation is closed, are left out.
    """
    here, rows = f"{lane.platform}:{lane.external_id}:", []
    for person in people:
        user_id = person.removeprefix(here)
        if user_id in ("", person):
            continue
        conversation = _conversation(connection, lane, user_id, person, now)
        if conversation is not None:
            rows.append(
                NewDelivery(
                    workspace_id=lane.workspace_id,
                    dedupe_key=f"{key}|{conversation}",
                    kind="notice",
                    trigger="sweep",
                    priority=0,
                    destination_id=conversation,
                    actor=person,
                    due_at=now,
                    created_at=now,
                    facts=facts,
                )
            )
    return insert_deliveries(connection, rows)


def admins(connection: sa.Connection, lane: Lane, owners: Collection[str]) -> list[str]:
    """Everybody who may mend a channel of this platform workspace."""
    here = f"{lane.platform}:{lane.external_id}:"
    roles = list_roles(connection, lane.workspace_id)
    found = {who for who, role in roles if role in ("admin", "owner")} | set(owners)
    return sorted(who for who in found if who.startswith(here))


def pause_subscription(
    connection: sa.Connection, claim: Claim, reason: str, *, now: datetime
) -> str | None:
    """Stop what a delivery came from; its creator, or None where it stopped before.

    The workspace's row is held.
    """
    row = claim.row
    found: str | None = connection.execute(
        sa.update(SUBSCRIPTION)
        .where(
            SUBSCRIPTION.c.workspace_id == row.workspace_id,
            SUBSCRIPTION.c.id == row.subscription_id,
            SUBSCRIPTION.c.is_paused.is_(False),
        )
        .values(is_paused=True, pause_reason=reason[:MAX_REASON])
        .returning(SUBSCRIPTION.c.created_by)
    ).scalar()
    if found is not None and row.subscription_id is not None:
        record_pause(connection, row.workspace_id, row.subscription_id, reason, now=now)
        skip_posts(connection, row.workspace_id, row.subscription_id, reason="paused", now=now)
    return found


def record_pause(
    connection: sa.Connection, workspace_id: int, number: int, reason: str, *, now: datetime
) -> None:
    """Put into the audit that the program paused a digest."""
    audit.record_own(
        connection,
        workspace_id,
        at=now,
        action="digest paused",
        object=f"digest {number}",
        before="on",
        after=f"paused: {reason}",
    )


def sweep(connection: sa.Connection, now: datetime) -> int:
    """End what can never leave: for a channel that is stopped, or part of what was not sent.

    What its maker or sender left behind, too: nobody claims it there any more.
    """
    d, parent = DESTINATION.alias("d"), DELIVERY.alias("parent")
    stopped = sa.exists().where(
        d.c.workspace_id == DELIVERY.c.workspace_id,
        d.c.id == DELIVERY.c.destination_id,
        d.c.state != "ok",
    )
    lost = sa.exists().where(
        parent.c.workspace_id == DELIVERY.c.workspace_id,
        parent.c.id == DELIVERY.c.parent_id,
        parent.c.state.in_(("skipped", "dead", "ambiguous")),
    )
    _hold_all(connection, stopped)
    c, done = DELIVERY.c, 0
    is_left = is_over(c.lease_until, now, LONGEST_WAIT)
    for open_, waiting, begun in (
        (TO_RENDER, "planned", "rendering"),
        (TO_SEND, "ready", "sending"),
    ):
        # In the words of the partial indexes, or all of the history is read.
        idle = sa.or_(c.state == waiting, sa.and_(c.state == begun, is_left))
        ended = sa.update(DELIVERY).where(sa.text(open_), idle)
        for why, reason in ((stopped, GONE), (lost, CANCELLED)):
            # Whether one arrived that its sender left, nobody will ask there.
            unsure = sa.and_(c.state == "sending", c.maybe_sent_at.is_not(None))
            state = sa.case((unsure, "ambiguous"), else_="skipped")
            values = {"state": state, "reason": reason, "ended_at": now}
            left = ended.where(why).values(lease_token=None, lease_until=None, **values)
            rows = connection.execute(left.returning(*_TOLD)).all()
            done += len(rows)
            if reason == GONE:
                _route_again(connection, [tuple(row) for row in rows])
    return done


def _hold_all(connection: sa.Connection, stopped: sa.Exists) -> None:
    """Hold the rows of workspaces whose alerts may be routed again; mostly there are none."""
    found: set[int] = set()
    for open_ in (TO_RENDER, TO_SEND):
        waiting = sa.select(DELIVERY.c.workspace_id).where(sa.text(open_), stopped)
        found |= set(connection.execute(waiting.distinct()).scalars())
    for workspace_id in sorted(found):
        locks.hold(connection, workspace_id)


def _skip_waiting(connection: sa.Connection, lane: Lane, now: datetime) -> None:
    waiting = sa.update(DELIVERY).where(
        DELIVERY.c.workspace_id == lane.workspace_id,
        DELIVERY.c.destination_id == lane.id,
        DELIVERY.c.state.in_(("planned", "ready")),
    )
    skipped = waiting.values(state="skipped", reason=GONE, ended_at=now)
    rows = connection.execute(skipped.returning(*_TOLD)).all()
    _route_again(connection, [tuple(row) for row in rows])


def _route_again(
    connection: sa.Connection, ended: Iterable[tuple[int, int | None, str, str]]
) -> None:
    """Let the alerts of posts that were lost go elsewhere, with what they were to tell along.

    Each row is (workspace, alert, act, delivery).
    """
    lost: dict[int, dict[str, int]] = {}
    for workspace_id, alert_id, act, delivery_id in ended:
        if alert_id is not None and act == "post":
            lost.setdefault(workspace_id, {})[delivery_id] = alert_id
    for workspace_id, posts in lost.items():
        route_again(connection, workspace_id, set(posts.values()))
        untie(connection, workspace_id, posts)


def was_lost(row: DeliveryRow) -> bool:
    """Whether a post certainly told nobody: its channel, or what was to tell it, was gone."""
    if row.state == "skipped":
        return row.reason in (GONE, ALONE) and row.maybe_sent_at is None
    return row.state == "dead" and (row.reason or "").startswith(REFUSED)


def is_lost() -> sa.ColumnElement[bool]:
    """The same as a condition."""
    row = DELIVERY.c
    return sa.or_(
        sa.and_(row.state == "skipped", row.reason.in_((GONE, ALONE)), row.maybe_sent_at.is_(None)),
        sa.and_(row.state == "dead", row.reason.startswith(REFUSED, autoescape=True)),
    )


def route_untold(
    connection: sa.Connection, workspace_id: int, *, since: datetime, today: date
) -> int:
    """Let open alerts that nobody was told of, and nobody saw, be routed again; how many.

    Those of a budget whose period runs, and others that fired since a moment.
    """
    is_told = sa.exists().where(
        DELIVERY.c.workspace_id == ALERT.c.workspace_id,
        DELIVERY.c.alert_id == ALERT.c.id,
        DELIVERY.c.act == "post",
        ~is_lost(),
    )
    wanted = sa.select(ALERT.c.id, ALERT.c.facts, ALERT.c.fired_at).where(
        ALERT.c.workspace_id == workspace_id,
        ALERT.c.state == "fired",
        ALERT.c.routed_at.is_not(None),
        ALERT.c.acked_at.is_(None),
        ~is_told,
    )
    found = [
        number
        for number, facts, fired_at in connection.execute(wanted)
        if fired_at > since or str(facts.get("end", "")) > str(today)
    ]
    if found:
        locks.hold(connection, workspace_id)
        route_again(connection, workspace_id, found)
    return len(found)


def _pause_subscriptions(
    connection: sa.Connection, lane: Lane, trouble: Trouble, now: datetime
) -> list[str]:
    """Who made the subscriptions that stop now."""
    paused = (
        sa.update(SUBSCRIPTION)
        .where(
            SUBSCRIPTION.c.workspace_id == lane.workspace_id,
            SUBSCRIPTION.c.destination_id == lane.id,
            SUBSCRIPTION.c.is_paused.is_(False),
            SUBSCRIPTION.c.ended_at.is_(None),
        )
        .values(is_paused=True, pause_reason=trouble.reason)
        .returning(SUBSCRIPTION.c.id, SUBSCRIPTION.c.created_by)
    )
    found = sorted((row.id, row.created_by) for row in connection.execute(paused))
    for number, _ in found:
        record_pause(connection, lane.workspace_id, number, trouble.reason, now=now)
    return [creator for _, creator in found]


@dataclass(frozen=True, slots=True)
class _Person:
    channel_id: str
    name: str = ""
    is_direct: bool = True


def _conversation(
    connection: sa.Connection, lane: Lane, user_id: str, actor: str, now: datetime
) -> int | None:
    """The direct conversation with a person; None where it takes nothing."""
    found = destination_of(
        connection,
        lane.workspace_id,
        platform=lane.platform,
        external_id=lane.external_id,
        place=_Person(user_id),
        actor=actor,
        now=now,
    )
    return found.id if found.state == "ok" else None


def _lane(lane: Lane) -> sa.ColumnElement[bool]:
    return sa.and_(DESTINATION.c.workspace_id == lane.workspace_id, DESTINATION.c.id == lane.id)
