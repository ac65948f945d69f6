"""The check-up of what runs: does it tick, do the clocks agree, does what is due leave?"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

import sqlalchemy as sa

from analytics.numbers import counted
from bot.operation.clock_guard import MOST_APART, spoken
from bot.operation.findings import Finding, Mark
from bot.operation.queue_watch import unset_words
from bot.operation.ticking import ALIVE
from bot.settings import Settings
from storage.engine import opened, reading
from storage.errors import StorageError
from storage.leases import database_clock
from storage.migrate import require_current
from storage.queue_stats import Queue, count_dead, dead_destinations, pauses, queue_of
from storage.replicas import last_tick, replicas, serving
from storage.unset import idle_platforms

NAMED = 5  # dead channels; `health` in chat names them all


def running(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Findings about the database's clock, the last tick and the outbox.

    Nothing of a database that cannot be read: that is told elsewhere.
    """
    try:
        with opened(settings.database_url) as engine:
            require_current(engine)
            with reading(engine) as connection:
                yield from _looked_at(connection, now, settings.platforms)
    except StorageError:
        return


def _looked_at(
    connection: sa.Connection, now: datetime, platforms: Collection[str]
) -> Iterator[Finding]:
    told = database_clock(connection)
    if told is not None:
        apart = abs(told - now)
        words = f"{spoken(apart)} apart from this computer's"
        wrong = apart > MOST_APART
        yield Finding("FAIL" if wrong else "ok  ", "Database's clock", words)
    there = told or now
    served = serving(connection, there, within=ALIVE)
    idle = idle_platforms(connection, {*platforms, *served})
    queue = queue_of(connection, there, idle=[one.platform for one in idle])
    yield _ticking(connection, there, queue)
    yield from _parts(connection, there)
    yield from _queue(queue, there)
    for one in idle:
        yield Finding("note", one.platform.title(), f"{unset_words(one)}.")
    yield from _channels(connection, there)


def _ticking(connection: sa.Connection, now: datetime, queue: Queue) -> Finding:
    """When anything ticked the last time; nobody there is a fault only when something is due."""
    ticked = last_tick(connection)
    if ticked is not None and now - ticked <= ALIVE:
        many = sum(now - one.at <= ALIVE for one in replicas(connection))
        return Finding("ok  ", "Last tick", f"{spoken(now - ticked)} ago, {many} running")
    words = "never" if ticked is None else f"{spoken(now - ticked)} ago"
    hint = "is `creditbot run` up?"
    return Finding("FAIL" if queue.oldest_due else "note", "Last tick", f"{words}: {hint}")


def _parts(connection: sa.Connection, now: datetime) -> Iterator[Finding]:
    """What running replicas say of parts that are not well."""
    for one in replicas(connection):
        for part, words in one.parts.items():
            if now - one.at <= ALIVE and words.startswith(("off", "reconnecting", "stuck")):
                yield Finding("FAIL", f"{part} on {one.name}", words)


def _queue(queue: Queue, now: datetime) -> Iterator[Finding]:
    words = f"{queue.total} waiting"
    if queue.oldest_due is not None:
        words += f", the oldest for {spoken(now - queue.oldest_due)}"
    if queue.late:
        words += f"; {queue.late} for more than 2 h"
    mark: Mark = "FAIL" if queue.lost else "note" if queue.late else "ok  "
    yield Finding(mark, "Messages", words)
    for many, what in (
        (queue.unknown, "may have arrived and are looked for"),
        (queue.ambiguous, "may have arrived, and nobody can tell; look into their channels"),
    ):
        if many:
            yield Finding("note", "Messages", f"{many} {what}.")


def _channels(connection: sa.Connection, now: datetime) -> Iterator[Finding]:
    for pause in pauses(connection, now):
        words = f"Nothing is sent now: {pause.reason}."
        yield Finding("FAIL", pause.platform.title(), words)
    dead = count_dead(connection)
    if dead:
        few = dead_destinations(connection, limit=NAMED)
        named = ", ".join(f"{one.name} ({one.reason})" for one in few if not one.is_direct)
        takes = "takes" if dead == 1 else "take"
        words = f"{counted(dead, 'channel')} {takes} nothing any more"
        yield Finding("note", "Channels", f"{words}: {named}." if named else f"{words}.")
