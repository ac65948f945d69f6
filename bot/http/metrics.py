"""`/metrics` in Prometheus' text format, written by hand: a few dozen lines need no library.

Counters are this process's own, gauges about the outbox are read from the database that replicas
share.  Labels are words of our own; no token, name, channel or address ever stands here.
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
import structlog
from aiohttp import web

from bot.counters import Counters, Labels
from bot.http.health import WELL, Probe, States
from bot.operation.clock_guard import RIGHT
from bot.operation.queue_watch import is_unset
from bot.operation.ticking import TICKS, Tick
from bot.scheduler import COUNTED
from storage.engine import reading
from storage.errors import StorageError
from storage.freshness import arrived
from storage.queue_stats import Queue, count_dead, pauses, queue_of
from storage.timekeys import to_micros

log = structlog.get_logger()
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SENDS = "sends"
DATABASE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Shared:
    """What all replicas read alike."""

    queue: Queue
    dead: int
    pauses: int
    events: int
    newest: int | None


@dataclass(slots=True)
class Page:
    """Lines of the exposition, one family after the other."""

    lines: list[str] = field(default_factory=list)

    def family(
        self,
        name: str,
        kind: Literal["counter", "gauge"],
        words: str,
        samples: Mapping[Labels, float],
    ) -> None:
        """A metric with its samples by labels; one without samples is left out."""
        if samples:
            full = f"creditbot_{name}"
            self.lines += [f"# HELP {full} {words}", f"# TYPE {full} {kind}"]
            self.lines += [f"{full}{_braced(to)} {value:.10g}" for to, value in samples.items()]

    def gauge(self, name: str, words: str, value: float | None) -> None:
        """One number that goes up and down; None is left out, for unknown is not zero."""
        self.family(name, "gauge", words, {} if value is None else {(): value})

    @property
    def text(self) -> str:
        """The whole page."""
        return "\n".join([*self.lines, ""])


def metrics_route(
    states: States, probe: Probe, tick: Tick, counters: Counters, now: Callable[[], datetime]
) -> web.RouteDef:
    """`/metrics`; what the database cannot tell now is left out and said to be."""

    async def answer(_: web.Request) -> web.Response:
        try:
            idle = [part for part, words in states().items() if is_unset(words)]
            shared = await probe.look(lambda engine: _read(engine, now(), idle))
        except (StorageError, sa.exc.SQLAlchemyError, TimeoutError) as error:
            log.warning("metrics.incomplete", reason=type(error).__name__)
            shared = None
        page = Page()
        _process(page, tick, counters, now())
        _parts(page, states())
        page.gauge("database_up", "Whether the database answered.", float(shared is not None))
        if shared is not None:
            _outbox(page, shared, now())
        return web.Response(text=page.text, headers={"Content-Type": CONTENT_TYPE})

    return web.get("/metrics", answer)


def _read(engine: sa.Engine, now: datetime, idle: Collection[str]) -> Shared:
    with reading(engine, seconds=DATABASE_SECONDS) as connection:
        events, newest = arrived(connection)
        return Shared(
            queue=queue_of(connection, now, idle=idle),
            dead=count_dead(connection),
            pauses=len(pauses(connection, now)),
            events=events,
            newest=newest,
        )


def _process(page: Page, tick: Tick, counters: Counters, now: datetime) -> None:
    ticks = dict(counters.of(TICKS)) or {(): 0}
    page.family("ticks_total", "counter", "Ticks that came to an end.", ticks)
    age = None if tick.last_at is None else (now - tick.last_at).total_seconds()
    page.gauge("last_tick_age_seconds", "Seconds since the last tick ended.", age)
    for name, words in (
        (COUNTED, "Turns of jobs that failed, were missed or overlapped."),
        ("tick_errors", "Steps of the tick that failed."),
        (SENDS, "Tries to send an unasked message, by what became of them."),
    ):
        page.family(f"{name}_total", "counter", words, counters.of(name))
    page.gauge(
        "clock_trusted", "Whether the wall clock is believed.", float(tick.guard.state == RIGHT)
    )
    apart = tick.guard.differences(now)
    known = {"platform": apart.platform, "database": apart.database}
    page.family(
        "clock_difference_seconds",
        "gauge",
        "How far a witness is ahead of this computer's clock.",
        {(("witness", who),): by.total_seconds() for who, by in known.items() if by is not None},
    )


def _parts(page: Page, states: Mapping[str, str]) -> None:
    page.family(
        "part_up",
        "gauge",
        "Whether a part of this replica is well; standing by is well.",
        {(("part", name),): float(words in WELL) for name, words in sorted(states.items())},
    )
    page.family(
        "part_standby",
        "gauge",
        "Whether another replica holds what this part waits for.",
        {(("part", name),): float(words == "standby") for name, words in sorted(states.items())},
    )


def _outbox(page: Page, shared: Shared, now: datetime) -> None:
    queue = shared.queue
    page.family(
        "deliveries_waiting",
        "gauge",
        "Unasked messages that are not at their end, by state.",
        {(("state", state),): n for state, n in queue.waiting.items()},
    )
    oldest = 0.0 if queue.oldest_due is None else (now - queue.oldest_due).total_seconds()
    for name, words, value in (
        ("oldest_waiting_seconds", "How long the oldest of those waits whose time came.", oldest),
        ("deliveries_late", "Messages still waiting 2 h after they were due.", queue.late),
        ("deliveries_lost", "Messages still waiting 6 h after they were due.", queue.lost),
        ("unknown_sends", "Messages that may have arrived and are looked for.", queue.unknown),
        ("ambiguous_sends", "Messages of which nobody can tell.", queue.ambiguous),
        ("dead_destinations", "Channels that take nothing any more.", shared.dead),
        ("paused_workspaces", "Platform workspaces where nothing is sent now.", shared.pauses),
    ):
        page.gauge(name, words, value)
    page.gauge("usage_events", "Usage events that are kept.", shared.events)
    age = None if shared.newest is None else (to_micros(now) - shared.newest) / 1e6
    page.gauge("newest_event_age_seconds", "Age of the newest usage event.", age)


def _braced(labels: Labels) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
