"""How creditbot is: does it tick, is it connected, what waits, what does not arrive."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from analytics.numbers import counted
from analytics.report import Actions, Block, Button, Column, Fact, Facts, Note, Report, Table
from analytics.text import clean
from bot.context import Context, outranks
from bot.operation.clock_guard import MOST_APART, spoken
from bot.operation.queue_watch import is_unset
from bot.operation.ticking import ALIVE
from bot.refusals import in_words
from bot.registry import command
from storage.freshness import Freshness, freshness_of
from storage.leases import database_clock
from storage.queue_stats import (
    Pause,
    Queue,
    Weak,
    at_least_once,
    dead_destinations,
    pauses,
    queue_of,
)
from storage.replicas import Replica, last_tick, replicas
from storage.timekeys import date_of, from_micros, to_micros

PLATFORMS = {"slack": "Slack", "discord": "Discord"}
WHY_TWICE = {
    "slack": "its history may not be read; invite @creditbot there and allow channels:history",
    "discord": "its history may not be read; give creditbot the right Read Message History",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of the running program."""

    now: datetime
    ticked: datetime | None
    replicas: Sequence[Replica]
    apart: timedelta | None

    @property
    def served(self) -> set[str]:
        """The parts that some replica has set up, well or not."""
        parts = [part for one in self.replicas for part in one.parts.items()]
        return {part for part, words in parts if not is_unset(words)}

    @property
    def is_ticking(self) -> bool:
        """Whether some replica is alive."""
        return self.ticked is not None and self.now - self.ticked <= ALIVE


@dataclass(frozen=True, slots=True)
class Outbox:
    """What is known of unasked messages, for those who look after them."""

    queue: Queue
    dead: Sequence[Weak]
    weak: Sequence[Weak]
    pauses: Sequence[Pause]


@command("health", example="health", native="digest health")
def health(ctx: Context) -> Report:
    """Whether creditbot is well: ticks, connections, sources.

    Admins also see what waits to be sent, and channels that get nothing or not surely once.
    """
    standing = _standing(ctx)
    outbox = _outbox(ctx, standing) if outranks(ctx.asker.role, "admin") else None
    wrong = [*_wrong(standing), *(_undelivered(outbox, standing.now) if outbox else ())]
    fresh = freshness_of(
        ctx.reader.connection, ctx.reader.workspace.id, now_us=to_micros(standing.now)
    )
    blocks: list[Block] = [Facts(tuple(_facts(standing, outbox)))]
    blocks += [Note(words, "hint") for words in wrong[1:]]  # the headline tells the first
    blocks += [*_parts(standing), *_sources(fresh, ctx)]
    if outbox is not None:
        blocks += [Note(words) for words in _repeats(outbox)]
    blocks.append(Actions((Button("Today", "overview"), Button("What you can ask", "help"))))
    found = counted(len(wrong), "thing")
    return Report(
        title="Health",
        headline=f"{found} to look at: {wrong[0]}" if wrong else "creditbot is well",
        blocks=tuple(blocks),
    )


def _standing(ctx: Context) -> Standing:
    connection = ctx.reader.connection
    told = database_clock(connection)
    now = told or ctx.now
    return Standing(
        now=now,
        ticked=last_tick(connection),
        replicas=[one for one in replicas(connection) if now - one.at <= ALIVE],
        apart=None if told is None else told - ctx.now,
    )


def _outbox(ctx: Context, standing: Standing) -> Outbox:
    connection, ours = ctx.reader.connection, ctx.reader.workspace.id
    now, parts = standing.now, [one.parts.items() for one in standing.replicas]
    idle = {part for items in parts for part, _ in items} - standing.served
    return Outbox(
        queue=queue_of(connection, now, workspace_id=ours, idle=idle),
        dead=dead_destinations(connection, workspace_id=ours),
        weak=at_least_once(connection, workspace_id=ours),
        pauses=pauses(connection, now, workspace_id=ours),
    )


def _facts(standing: Standing, outbox: Outbox | None) -> Iterator[Fact]:
    ticked = standing.ticked
    last = "never" if ticked is None else f"{spoken(standing.now - ticked)} ago"
    yield Fact("last_tick", "Last tick", last)
    yield Fact("replicas", "Running", len(standing.replicas), "count")
    if standing.apart is not None:
        yield Fact("clock", "Clock against the database", spoken(standing.apart))
    if outbox is None:
        return
    queue = outbox.queue
    oldest = "" if queue.oldest_due is None else spoken(standing.now - queue.oldest_due)
    yield Fact(
        "waiting", "Waiting", queue.total, "count", note=f"the oldest {oldest}" * bool(oldest)
    )
    yield Fact("unknown", "Without an answer", queue.unknown, "count")
    yield Fact("ambiguous", "Undecided", queue.ambiguous, "count")
    yield Fact("dead", "Dead channels", len(outbox.dead), "count")


def _wrong(standing: Standing) -> Iterator[str]:
    """What somebody must mend about the program, in sentences."""
    if standing.ticked is None:
        yield "`creditbot run` has not run here yet: nothing is planned or sent."
    elif not standing.is_ticking:
        yield "creditbot stands still: nothing is planned or sent; see the log of `creditbot run`."
    for one in standing.replicas:
        for part, words in one.parts.items():
            is_idle = is_unset(words) and part not in standing.served
            is_wrong = words.startswith(("off", "reconnecting", "stuck")) or is_idle
            if is_wrong or part == "clock":
                yield f"{PLATFORMS.get(part, part)}: {clean(words).rstrip('.')}."
    if standing.apart is not None and abs(standing.apart) > MOST_APART:
        apart = spoken(standing.apart)
        yield f"The clock of the computer that answers is {apart} apart from the database's."


def _undelivered(outbox: Outbox, now: datetime) -> Iterator[str]:
    """What somebody must mend about messages, in sentences."""
    if outbox.queue.late:
        yield f"{counted(outbox.queue.late, 'message')} waiting for more than 2 h."
    if outbox.queue.ambiguous:
        yield (
            f"{counted(outbox.queue.ambiguous, 'message')} may have arrived or not, and nobody "
            "can tell; look into the channel."
        )
    for pause in outbox.pauses:
        name = PLATFORMS.get(pause.platform, pause.platform)
        wait = f", for {spoken(pause.until - now)} more" if pause.until > now else ""
        yield f"{name}: nothing is sent now{wait} ({clean(pause.reason)})."
    for one in outbox.dead:
        why = clean(in_words(one.reason or "unknown reason"))
        yield f"{_named(one)} takes nothing any more ({why})."


def _repeats(outbox: Outbox) -> Iterator[str]:
    for one in outbox.weak:
        why = WHY_TWICE.get(one.platform, "its history may not be read")
        yield f"{_named(one)} gets messages at least once, perhaps twice: {why}."


def _named(one: Weak) -> str:
    """A channel as people know it; somebody's direct messages stay unnamed."""
    place = "A direct conversation" if one.is_direct else f"#{clean(one.name).lstrip('#')}"
    return f"{place} ({PLATFORMS.get(one.platform, one.platform)})"


def _parts(standing: Standing) -> Iterator[Block]:
    """Each part of the program, and how many replicas say what of it."""
    said: Mapping[str, Counter[str]] = defaultdict(Counter)
    for one in standing.replicas:
        for part, words in one.parts.items():
            said[part][clean(words)] += 1
    if said:
        rows = tuple(
            (PLATFORMS.get(part, part), words, many)
            for part, counts in sorted(said.items())
            for words, many in sorted(counts.items())
        )
        columns = (Column("part", "Part"), Column("state", "State"), Column("n", "On", "count"))
        yield Table(columns, rows)


def _sources(fresh: Sequence[Freshness], ctx: Context) -> Iterator[Block]:
    """When each source had usage the last time."""
    if not fresh:
        yield Note("No source has brought usage yet.")
        return
    zone = ctx.reader.clock.zone
    rows = tuple(
        (
            one.source,
            None if one.day is None else date_of(one.day).isoformat(),
            None if one.newest is None else from_micros(one.newest).astimezone(zone),
        )
        for one in fresh
    )
    columns = (
        Column("source", "Source"),
        Column("day", "Last day with usage"),
        Column("newest", "Newest usage", "moment"),
    )
    yield Table(columns, rows)
