"""Posts about a closed period are corrected when usage that came late changes it.

The post itself is changed and says so, and one line in its thread tells people who read it.  Only
days whose totals changed since the last look are asked about again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import sqlalchemy as sa
import structlog

from analytics.errors import UserError
from analytics.late_data import Correction, Told, changed_days, touches
from analytics.text import clean
from bot.asking import Asking
from bot.delivery.audience import answer
from bot.delivery.shown import facts_of, told_by, told_in
from bot.delivery.worker import Job
from storage.claims import Claim, lane_of
from storage.crossings import Days
from storage.engine import reading, writing
from storage.errors import StorageError
from storage.late_data import (
    Corrected,
    Totals,
    corrections,
    day_totals,
    digests_on_their_way,
    keep_totals,
    lost_corrections,
    sent_digests,
    totals_seen,
    with_files,
)
from storage.outbox import DeliveryRow, NewDelivery, insert_deliveries
from storage.timekeys import Clock
from storage.workspaces import WorkspaceInfo, list_workspaces

log = structlog.get_logger()
# A month's digest stays right until the next one is there.
LOOKED = timedelta(days=35)
LONGEST_PERIOD = timedelta(days=31)
CORRECT_SECONDS = 3600
# Usage that trickles in must not turn a thread into a ticker.
PAUSE = timedelta(days=1)
# What a delivery's line tells now, asked as it was.
Ask = Callable[[sa.Connection, DeliveryRow], Told]


def asked_again(asking: Asking) -> Ask:
    """What a delivery's line tells, asked once more with the rights that it was made with."""

    def ask(connection: sa.Connection, post: DeliveryRow) -> Told:
        claim = Claim(post, lane_of(connection, post.workspace_id, post.destination_id), token="")
        end = post.window_end or post.due_at
        outsiders = claim.lane.is_external
        return told_by(answer(connection, asking, claim, end, outsiders=outsiders).report)

    return ask


def correcting(asking: Asking) -> Job:
    """The job that plans corrections, for the ticker."""
    ask = asked_again(asking)
    return lambda engine, now: correct(engine, ask, now)


def correct(engine: sa.Engine, ask: Ask, now: datetime) -> int:
    """Plan the corrections that are due in every workspace; how many posts are new among them.

    What could not be planned in one is planned at the next look, and holds up no other.
    """
    with reading(engine) as connection:
        workspaces = list_workspaces(connection)
    planned = 0
    for workspace in workspaces:
        try:
            planned += _correct(engine, workspace, ask, now)
        except StorageError as error:
            log.warning("digests.not_checked", workspace=workspace.name, reason=error.message)
        except Exception:  # one workspace's trouble must not keep the others' posts wrong
            log.exception("digests.not_checked", workspace=workspace.name)
    return planned


def _correct(engine: sa.Engine, workspace: WorkspaceInfo, ask: Ask, now: datetime) -> int:
    clock = workspace.clock()
    with reading(engine) as connection:
        # In this order: on PostgreSQL each question sees what was committed by then, so what is
        # made after the totals were read knows them, and what leaves meanwhile is found twice.
        span = Days(clock.day(now - LOOKED - LONGEST_PERIOD), clock.day(now))
        totals = day_totals(connection, workspace.id, span)
        leaving = digests_on_their_way(connection, workspace.id)
        posts = sent_digests(connection, workspace.id, now - LOOKED)
        changed = changed_days(totals_seen(connection, workspace.id), totals)
        lost = lost_corrections(connection, workspace.id, now - LOOKED)
        if not changed and not lost:
            return 0
        touched = {post.id for post in posts if touches(changed, *_days(post, clock))}
        known = corrections(connection, workspace.id, touched | lost)
        # What did not arrive is found by itself, a day after it was made, whatever its days do.
        again = {id_ for id_, one in known.items() if one.is_lost}
        due = [post for post in posts if post.id in touched | again]
        waiting = [post for post in due if _is_fresh(known.get(post.id), now)]
        rested = [post for post in due if post not in waiting]
        waiting = [post for post in waiting if post.id not in again]
        # What is on its way may tell of the time before the change, and cannot be changed yet.
        waiting += leaving
        wrong = list(_wrong(connection, rested, known, ask, waiting))
        filed = with_files(connection, workspace.id, [post.id for post, *_ in wrong])
    # What waits must be looked at again: its days stay changed.
    totals = _without(totals, [_days(post, clock) for post in waiting])
    rows = [
        row
        for post, n, found in wrong
        for row in _rows(post, n, found, now.astimezone(clock.zone), has_files=post.id in filed)
    ]
    with writing(engine) as connection:
        new = insert_deliveries(connection, rows)
        keep_totals(connection, workspace.id, totals)
    if new:
        log.info("digests.corrected", workspace=workspace.name, posts=len(new) // 2)
    return len(new) // 2


def _days(post: DeliveryRow, clock: Clock) -> tuple[int, int]:
    """The local days that a post is about, half-open."""
    start, end = post.window_start, post.window_end
    if start is None or end is None:
        return 0, 0
    return clock.day(start), clock.day(end - timedelta(microseconds=1)) + 1


def _is_fresh(known: Corrected | None, now: datetime) -> bool:
    return known is not None and now - known.at < PAUSE


def _without(totals: Totals, stretches: Sequence[tuple[int, int]]) -> Totals:
    return {
        day: total
        for day, total in totals.items()
        if not any(touches((day,), first, end) for first, end in stretches)
    }


def _wrong(
    connection: sa.Connection,
    posts: Sequence[DeliveryRow],
    known: Mapping[str, Corrected],
    ask: Ask,
    unasked: list[DeliveryRow],
) -> Iterator[tuple[DeliveryRow, int, Correction]]:
    """The posts that tell something else now, with the number of their correction.

    Those that the database gave no answer about join `unasked`.
    """
    for post in posts:
        before = known.get(post.id)
        try:
            now = ask(connection, post)
        except UserError as error:
            # Who may not ask any more learns nothing new by it either.
            log.info("digest.not_checked", delivery=post.id, reason=error.message)
            continue
        except StorageError as error:
            log.warning("digest.not_checked", delivery=post.id, reason=error.message)
            unasked.append(post)
            continue
        stands = before.facts if before else None
        found = Correction(told_in(post.facts if stands is None else stands), now)
        if found.is_needed:
            yield post, before.count + 1 if before else 1, found


def _rows(
    post: DeliveryRow, n: int, found: Correction, now: datetime, *, has_files: bool
) -> Iterator[NewDelivery]:
    """The change of the post, and the line below it; `now` is local."""
    edit = NewDelivery(
        workspace_id=post.workspace_id,
        dedupe_key=f"c|{post.id}|{n}",
        kind="correction",
        trigger="sweep",
        act="edit",
        destination_id=post.destination_id,
        actor=post.actor,
        line=post.line,
        subscription_id=post.subscription_id,
        parent_id=post.id,
        period_key=post.period_key,
        window_start=post.window_start,
        window_end=post.window_end,
        due_at=now,
        created_at=now,
        facts={**facts_of(found.now), "note": found.note(now)},
    )
    yield edit
    cause = found.cause[0].upper() + found.cause[1:]
    files = ", the files below it are from before" if has_files else ""
    line = clean(post.line).replace("`", "'")
    yield replace(
        edit,
        id=uuid4().hex,
        dedupe_key=f"c|{post.id}|{n}|r",
        act="reply",
        line="",
        part=1,
        facts={
            "headline": f"Corrected: {found.words}.",
            "hint": f"{cause}; the post above is changed{files}. `{line}` tells all of it.",
        },
    )
