"""What was told of closed periods, and what their days hold now: where late usage shows."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

import sqlalchemy as sa

from storage.cells import SOURCE_DAY
from storage.crossings import Days
from storage.outbox import COLUMNS, DELIVERY, Act, DeliveryRow, State
from storage.preferences import set_state, state
from storage.rollups import BY_NAME

SEEN = "late_data_seen"
DAYS = 28  # a row of the memory: a day takes 66 characters at most, a row holds 2,000
# By day: rows of usage, micro-credits, and a number that changes with whom or what they are of.
Totals = Mapping[int, tuple[int, ...]]
OWNED = ("usage_person_day", "usage_task_day", "usage_project_day")
PRIME = 2**31 - 1  # below it the product of two remainders is a whole number of the database
STEP = 1_000_003  # between the keys of a cell
LOST: tuple[State, ...] = ("dead", "skipped", "ambiguous")


def sent_digests(
    connection: sa.Connection, workspace_id: int, since: datetime
) -> list[DeliveryRow]:
    """The digests about a closed period that were sent from a moment on, tests left out."""
    return _digests(
        connection, workspace_id, DELIVERY.c.state == "sent", DELIVERY.c.sent_at >= since
    )


def digests_on_their_way(connection: sa.Connection, workspace_id: int) -> list[DeliveryRow]:
    """The digests about a closed period that are being made or wait to leave, tests left out."""
    on_their_way: tuple[State, ...] = ("rendering", "ready", "sending")
    return _digests(connection, workspace_id, DELIVERY.c.state.in_(on_their_way))


def _digests(
    connection: sa.Connection, workspace_id: int, *which: sa.ColumnElement[bool]
) -> list[DeliveryRow]:
    wanted = sa.select(*COLUMNS).where(
        DELIVERY.c.workspace_id == workspace_id,
        DELIVERY.c.kind == "digest",
        DELIVERY.c.act == "post",
        DELIVERY.c.trigger != "test",
        DELIVERY.c.window_end.is_not(None),
        DELIVERY.c.line != "",
        *which,
    )
    ordered = wanted.order_by(DELIVERY.c.sent_at, DELIVERY.c.id)
    return [DeliveryRow(*row) for row in connection.execute(ordered)]


@dataclass(frozen=True, slots=True)
class Corrected:
    """How often a post was to be corrected, when last, and what stands in it since.

    `facts` are those of the last correction that arrived or is on its way, None where none is;
    `is_lost` says that the last of all will not arrive, or that nobody knows.
    """

    count: int
    at: datetime
    facts: Mapping[str, Any] | None
    is_lost: bool


def corrections(
    connection: sa.Connection, workspace_id: int, posts: Collection[str]
) -> Mapping[str, Corrected]:
    """What became of posts that were corrected, by the delivery of the post."""
    wanted = (
        sa.select(DELIVERY.c.parent_id, DELIVERY.c.facts, DELIVERY.c.created_at, DELIVERY.c.state)
        .where(*_corrects(workspace_id), DELIVERY.c.parent_id.in_(posts))
        .order_by(DELIVERY.c.created_at, DELIVERY.c.id)
    )
    found: dict[str, Corrected] = {}
    for post, facts, at, ended in connection.execute(wanted):
        before, is_lost = found.get(post), ended in LOST
        stands = (before.facts if before else None) if is_lost else facts
        found[post] = Corrected(before.count + 1 if before else 1, at, stands, is_lost)
    return found


def lost_corrections(connection: sa.Connection, workspace_id: int, since: datetime) -> set[str]:
    """The posts of which a correction made from a moment on did not arrive, for all we know."""
    wanted = sa.select(DELIVERY.c.parent_id).where(
        *_corrects(workspace_id), DELIVERY.c.state.in_(LOST), DELIVERY.c.created_at >= since
    )
    return set(connection.execute(wanted).scalars())


def _corrects(workspace_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    c = DELIVERY.c
    return c.workspace_id == workspace_id, c.kind == "correction", c.act == "edit"


def details_of(connection: sa.Connection, workspace_id: int, post: str) -> str | None:
    """The delivery of the details below a post, there or on its way; None where there are none."""
    there: tuple[State, ...] = ("ready", "sending", "sent")
    wanted = sa.select(DELIVERY.c.id).where(
        *_below(workspace_id, [post], "reply"), DELIVERY.c.state.in_(there)
    )
    found: str | None = connection.execute(wanted).scalar()
    return found


def with_files(
    connection: sa.Connection, workspace_id: int, posts: Collection[str]
) -> Collection[str]:
    """Those of some posts below which files were sent."""
    wanted = sa.select(DELIVERY.c.parent_id).where(
        *_below(workspace_id, posts, "file"), DELIVERY.c.state == "sent"
    )
    return set(connection.execute(wanted).scalars())


def _below(
    workspace_id: int, posts: Collection[str], act: Act
) -> tuple[sa.ColumnElement[bool], ...]:
    c = DELIVERY.c
    ours = c.workspace_id == workspace_id
    return ours, c.parent_id.in_(posts), c.kind == "digest", c.act == act


def day_totals(connection: sa.Connection, workspace_id: int, days: Days) -> Totals:
    """Rows of usage and micro-credits of each day that has any, and the mark of their owners."""
    c = SOURCE_DAY.table.c
    wanted = (
        sa.select(c.day, sa.func.sum(c.events), sa.func.sum(c.credits))
        .where(c.workspace_id == workspace_id, c.day >= days.first, c.day < days.end)
        .group_by(c.day)
    )
    rows = connection.execute(wanted).all()
    marks = _marks(connection, workspace_id, days)
    return {
        int(day): (int(events), int(credits), marks.get(day, 0))
        for day, events, credits in rows
        if events
    }


def _marks(connection: sa.Connection, workspace_id: int, days: Days) -> Mapping[int, int]:
    """A number of each day that is another when usage moves between people, models and labels.

    The sum of what each cell holds times the square of its keys, in the remainders of a prime:
    without the square two moves that cancel out by person and by model would cancel out here.
    """
    found: dict[int, int] = {}
    for rollup in map(BY_NAME.get, OWNED):
        assert rollup is not None  # noqa: S101  # for the type checker
        c = rollup.table.c
        place: sa.ColumnElement[int] = sa.literal(0, sa.BigInteger)
        for key in rollup.keys[1:]:
            place = (place * STEP + sa.cast(c[key], sa.BigInteger)) % PRIME
        held = (c.credits % PRIME + c.events % PRIME * STEP) % PRIME
        mark = sa.func.sum(held * (place * place % PRIME) % PRIME)
        ours = (c.workspace_id == workspace_id, c.day >= days.first, c.day < days.end)
        for day, total in connection.execute(sa.select(c.day, mark).where(*ours).group_by(c.day)):
            found[day] = (found.get(day, 0) * STEP + int(total)) % PRIME
    return found


def totals_seen(connection: sa.Connection, workspace_id: int) -> Totals:
    """The totals that were looked at last; none before the first look."""
    found: dict[int, tuple[int, ...]] = {}
    for number in count():
        kept = state(connection, f"{SEEN}_{number}", workspace_id)
        if not kept:
            return found
        days: dict[str, list[int]] = json.loads(kept)
        found |= {int(day): tuple(total) for day, total in days.items()}
    raise AssertionError("count has no end")


def keep_totals(connection: sa.Connection, workspace_id: int, totals: Totals) -> None:
    """Remember what was looked at, some days a row; an empty row ends them."""
    days = sorted(totals.items())
    texts = [json.dumps(dict(days[at : at + DAYS])) for at in range(0, len(days), DAYS)]
    for number, text in enumerate((*texts, "")):
        set_state(connection, f"{SEEN}_{number}", text, workspace_id=workspace_id)
