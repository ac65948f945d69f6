"""The running service, wired by hand: database, desk, platforms, clock, health, in one loop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime

import sqlalchemy as sa
import structlog

from analytics.figures import (
    ModelFigure,
)
from bot.alerts.watch import WATCH_SECONDS, Watch
from bot.asking import Asking
from bot.chat import Platform
from bot.context import Identity
from bot.counters import Counters
from bot.delivery.corrections import CORRECT_SECONDS
from bot.delivery.standings import STANDINGS_SECONDS, Standings
from bot.delivery.transactions import Transactions
from bot.delivery.worker import Deliveries
from bot.desk import Desk
from bot.drawing import Drawing
from bot.due import late
from bot.due import tick as due_each_tick
from bot.http.guard import Guard
from bot.http.health import Probe, health_routes
from bot.http.metrics import metrics_route
from bot.http.server import HttpServer
from bot.http.trials import Assigning
from bot.operation.clock_guard import RIGHT, ClockGuard
from bot.operation.leases import HeldByOne, Leases, replica_name
from bot.operation.queue_watch import LOOK_SECONDS, QueueWatch, is_unset
from bot.operation.supervisor import supervise
from bot.operation.ticking import EXIT_STUCK, TICK_SECONDS, Pulse, Tick, Verdict, Watchman
from bot.operation.upkeep import (
    DECIDE_SECONDS,
    GATHER_SECONDS,
    PURGE_SECONDS,
    VERIFY_SECONDS,
    Upkeep,
)
from bot.operation.witness import ASK_SECONDS, Witness, addresses_of
from bot.pacing import Pacing
from bot.purchases.worker import TURN_SECONDS, Purchasing, webhook_of
from bot.scheduler import Ticker
from bot.settings import Settings
from bot.wiring import deliveries_of, senders_of
from storage.engine import open_engine, reading
from storage.errors import StorageError
from storage.leases import database_clock
from storage.migrate import require_current, upgrade

log = structlog.get_logger()
# Discord resets the token of a bot that identifies 1,000 times a day: 2 minutes are 720.
LONGEST_PAUSE = {"slack": 30.0, "discord": 120.0}
GRACE_SECONDS = 8.0
HOUSEKEEP_SECONDS = 3600
HEAR_SECONDS = 2.0  # that a start waits for a platform to say what time it is
DELIVERY_THREADS = 6
TURN_SECONDS_AT_MOST = 20.0  # of the worker: it may wait for a busy database
NOTHING = ModelFigure("Warm-up", "", "", "", ())
FIRST_LINE, OPERATOR = "overview", Identity("terminal", "", "")


class Service:
    """Everything that runs; `states` says in words how each part is.

    `leaving` is called with the exit code when it begins to stop.
    """

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], datetime],
        *,
        leaving: Callable[[int], object] = lambda _: None,
    ) -> None:
        self.settings = settings
        self.now = now
        self.leaving = leaving
        self.stop = asyncio.Event()
        self.states: dict[str, str] = {}
        self.counters = Counters()
        self.guard = ClockGuard()
        self.exit_code = 0
        self.owners = [word.strip() for word in settings.admins.split(",") if word.strip()]

    async def run(self) -> None:
        """Serve until `stop` is set, then leave in order: clock, platforms, server, pools."""
        engine = await asyncio.to_thread(self._database)
        drawing = Drawing()
        pacing = Pacing(asyncio.get_running_loop().time)
        desk = Desk(engine, now=self.now, owners=self.owners, drawing=drawing, pacing=pacing)
        leases = Leases(engine, self.now, holder=replica_name())
        tick = self._tick(engine, leases.holder)
        senders, transactions = senders_of(self.settings), self._threaded(engine)
        deliveries = deliveries_of(
            self.settings,
            transactions,
            senders,
            drawing=drawing,
            asking=Asking(now=self.now, owners=self.owners, workspace=None),
            owners=self.owners,
            counters=self.counters,
            ahead=lambda: self.guard.ahead(self.now()),
            is_sure=self._is_sure,
        )
        self._tell_due(tick, deliveries, tuple(senders))
        witness = Witness(addresses_of(self.settings), self.guard)
        ticker = self._ticker(engine, leases, tuple(senders))
        ticker.every(TICK_SECONDS * self.settings.delivery_scale, tick.run, name="tick")
        standings = Standings(transactions, senders, owners=self.owners)
        self._tell_late(ticker, deliveries, standings, leases)
        ticker.every(ASK_SECONDS, witness.ask, name="clock")
        guard, probe = Guard(engine, self.now), Probe(engine)
        routes = (
            *health_routes(self._health, probe),
            metrics_route(self._health, probe, tick, self.counters, self.now),
            Assigning(guard).route,
        )
        server = HttpServer(self.settings.http_host, self.settings.http_port, routes)
        port = await server.start()
        parts = [self._supervised(platform) for platform in self._platforms(desk, leases)]
        warm = asyncio.gather(_warm_up(desk, drawing), await self._heard(engine, witness))
        parts.append(self._worker(deliveries))
        ticker.start()
        watchmen = self._watched(tick, deliveries)
        log.info("service.started", platforms=sorted(self.states), health_port=port)
        if not senders:
            log.warning("service.without_chat", hint="No token is set: see `creditbot doctor`.")
        try:
            await self.stop.wait()
        finally:
            await self._ended(ticker, watchmen, parts)
            for sender in senders.values():
                await sender.close()
            warm.cancel()
            await asyncio.gather(warm, return_exceptions=True)
            await server.stop()
            for one in (guard, probe, tick, drawing, desk, deliveries, leases):
                one.close()
            engine.dispose()
            log.info("service.stopped")

    async def _ended(
        self, ticker: Ticker, watchmen: Sequence[Watchman], parts: Sequence[asyncio.Task[None]]
    ) -> None:
        """Let nothing begin any more, and what goes on come to its end."""
        self.leaving(self.exit_code)
        for watchman in watchmen:
            watchman.off()
        ticker.stop()
        self.stop.set()
        await _finish(parts)

    def _threaded(self, engine: sa.Engine) -> Transactions:
        """Transactions of what sends, away from the loop."""
        threads = ThreadPoolExecutor(DELIVERY_THREADS, "delivery")
        return Transactions(engine, self.now, threads=threads)

    def _database(self) -> sa.Engine:
        """SQLite brings itself up to date after a copy; PostgreSQL waits for its operator."""
        engine = open_engine(self.settings.database_url)
        if engine.dialect.name == "sqlite":
            upgrade(engine, zone=self.settings.timezone, now=self.now())
        require_current(engine)
        return engine

    def _health(self) -> dict[str, str]:
        """How each part is; the clock shows only while it is in doubt."""
        doubt = {} if self.guard.state == RIGHT else {"clock": self.guard.state}
        return self.states | doubt

    def _tick(self, engine: sa.Engine, replica: str) -> Tick:
        """What is done every few seconds; its steps are told when the worker is there."""
        return Tick(
            engine,
            self.now,
            replica=replica,
            parts=self._health,
            tell_unkept=self._teller("database"),
            guard=self.guard,
            counters=self.counters,
        )

    @staticmethod
    def _tell_due(tick: Tick, deliveries: Deliveries, platforms: Collection[str]) -> None:
        for name, job in due_each_tick(platforms).items():
            tick.add(name, deliveries.step(job), plans=True)
        tick.add("sweep", deliveries.sweep)

    def _tell_late(
        self, ticker: Ticker, deliveries: Deliveries, standings: Standings, leases: Leases
    ) -> None:
        """What has time, and costs three times as much where three replicas do it."""
        asking = Asking(now=self.now, owners=self.owners, workspace=None)
        for name, seconds, job in (
            ("channels", STANDINGS_SECONDS, standings.look),
            *((name, CORRECT_SECONDS, deliveries.step(job)) for name, job in late(asking).items()),
            ("housekeep", HOUSEKEEP_SECONDS, self._when_sure(deliveries.housekeep)),
        ):
            ticker.every(seconds, leases.alone(name, job), name=name)
        # Not a step of the tick: a network that is dead takes its time.
        ticker.every(TICK_SECONDS * self.settings.delivery_scale, deliveries.probe, name="probe")

    async def _heard(self, engine: sa.Engine, witness: Witness) -> asyncio.Task[None]:
        """Hear what time it is before anything is decided by it; who is late goes on to be asked.

        A computer that begins with a wrong clock has nothing else to tell it by.
        """

        def database() -> None:
            with suppress(StorageError), reading(engine) as connection:
                if (told := database_clock(connection)) is not None:
                    self.guard.note_database(told)

        asked = asyncio.create_task(witness.ask())
        await asyncio.gather(
            asyncio.to_thread(database), asyncio.wait((asked,), timeout=HEAR_SECONDS)
        )
        return asked

    def _is_sure(self) -> bool:
        """Whether the wall clock is believed right now; for any thread."""
        return self.guard.may_plan(self.now())

    def _when_sure(self, job: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """A job that deletes or ends what is old: by a clock that is ahead nothing is."""

        async def run() -> None:
            if self._is_sure():
                await job()

        return run

    def _worker(self, deliveries: Deliveries) -> asyncio.Task[None]:
        """The worker's task; a service whose worker ended by a bug of ours is started anew."""

        def ended(task: asyncio.Task[None]) -> None:
            if not self.stop.is_set() and not task.cancelled():
                log.error("deliveries.ended", exc_info=task.exception())
                self.exit_code = EXIT_STUCK
                self.stop.set()

        task = asyncio.create_task(deliveries.run(self.stop), name="deliveries")
        task.add_done_callback(ended)
        return task

    def _teller(self, part: str) -> Callable[[str | None], None]:
        """Tells how a part is that is only shown while there is something to say."""

        def tell(words: str | None) -> None:
            if words is None:
                self.states.pop(part, None)
            else:
                self.states[part] = words

        return tell

    def _tell_unset(self, idle: Mapping[str, str]) -> None:
        """A platform that something goes to and nobody set up is a part, though no fault."""
        for name in [part for part, words in self.states.items() if is_unset(words)]:
            del self.states[name]
        self.states |= {name: words for name, words in idle.items() if name not in self.states}

    def _watched(self, tick: Tick, deliveries: Deliveries) -> list[Watchman]:
        """Who looks whether the tick and the worker still come to an end."""
        loop = asyncio.get_running_loop()
        watchmen = [
            Watchman(lambda: tick.beats, self._verdict("tick", loop)),
            Watchman(
                lambda: deliveries.turns,
                self._verdict("deliveries", loop),
                pulse=Pulse(tick_seconds=TURN_SECONDS_AT_MOST),
            ),
        ]
        for watchman in watchmen:
            watchman.start()
        return watchmen

    def _verdict(self, part: str, loop: asyncio.AbstractEventLoop) -> Callable[[Verdict], None]:
        """What a watchman's verdict on a part means for the service."""

        def tell(verdict: Verdict) -> None:
            if verdict == "well":
                self.states.pop(part, None)
                return
            self.states[part] = "stuck"
            if verdict == "over":
                self.exit_code = EXIT_STUCK
                with suppress(RuntimeError):  # a loop that is closed has ended already
                    loop.call_soon_threadsafe(self.stop.set)

        return tell

    def _ticker(self, engine: sa.Engine, leases: Leases, platforms: Collection[str]) -> Ticker:
        def report(state: str) -> None:
            self.states["ledger"] = state

        ticker, upkeep = (
            Ticker(self.counters),
            Upkeep(engine, self.now, report=report, leases=leases),
        )
        queue = QueueWatch(engine, self.now, self._teller("outbox"), platforms, self._tell_unset)
        ticker.every(LOOK_SECONDS, queue.look, name="queue")
        ticker.every(PURGE_SECONDS, self._when_sure(upkeep.purge), name="purge")
        ticker.every(VERIFY_SECONDS, upkeep.verify, name="verify")
        ticker.every(GATHER_SECONDS, upkeep.gather, name="gather")
        ticker.every(DECIDE_SECONDS, self._when_sure(upkeep.decide), name="decide")
        buying = Purchasing(engine, self.now, webhook_of(self.settings), is_sure=self._is_sure)
        ticker.every(TURN_SECONDS, buying.turn, name="purchases")
        watch = Watch(engine, self.now, leases=leases, is_sure=self._is_sure)
        ticker.every(WATCH_SECONDS, watch.look, name="watch")
        return ticker

    def _platforms(self, desk: Desk, leases: Leases) -> list[Platform]:
        """The platforms that have a token; a missing library or token leaves the other alone.

        Slack gives each envelope to one of many sockets; Discord gives everything to every gateway
        connection, so one replica at a time holds that.
        """
        wanted: dict[str, Callable[[Desk], Platform]] = {}
        if self.settings.slack_bot_token or self.settings.slack_app_token:
            wanted["slack"] = self._slack
        if self.settings.discord_token:
            wanted["discord"] = self._discord
        found = []
        for name, make in wanted.items():
            try:
                found.append(make(desk))
            except ImportError as error:
                self.states[name] = f"off: its library cannot be loaded ({error})"
                log.error("platform.library_missing", platform=name, reason=str(error))  # noqa: TRY400  # a setting, not a bug
        return [
            HeldByOne(one, leases, report=self._reporter(one.name))
            if one.name == "discord"
            else one
            for one in found
        ]

    def _slack(self, desk: Desk) -> Platform:
        from bot.platforms.slack import SlackPlatform  # noqa: PLC0415  # only where it is used

        return SlackPlatform(self.settings, desk, report=self._reporter("slack"))

    def _discord(self, desk: Desk) -> Platform:
        from bot.platforms.discord import DiscordPlatform  # noqa: PLC0415  # only where it is used

        return DiscordPlatform(self.settings, desk, report=self._reporter("discord"))

    def _reporter(self, name: str) -> Callable[[str], None]:
        def report(state: str) -> None:
            if self.states.get(name) != state:
                log.info("platform.state", platform=name, state=state)
            self.states[name] = state

        report("connecting")
        return report

    def _supervised(self, platform: Platform) -> asyncio.Task[None]:
        work = supervise(
            platform,
            self.stop,
            longest_pause=LONGEST_PAUSE[platform.name],
            report=self._reporter(platform.name),
        )
        return asyncio.create_task(work, name=platform.name)


async def _warm_up(desk: Desk, drawing: Drawing) -> None:
    """A first answer and a first picture cost several warm ones, so nobody's is the first."""
    await asyncio.gather(drawing.warm_up(NOTHING), desk.ask(FIRST_LINE, OPERATOR))


async def _finish(parts: Sequence[asyncio.Task[None]]) -> None:
    """Commands in flight get a few seconds; what is late is cut off."""
    if not parts:
        return
    _, late = await asyncio.wait(parts, timeout=GRACE_SECONDS)
    for part in late:
        part.cancel()
        with suppress(asyncio.CancelledError):
            await part


async def serve(
    settings: Settings,
    now: Callable[[], datetime],
    *,
    leaving: Callable[[int], object] = lambda _: None,
) -> int:
    """Run the service until SIGTERM or SIGINT, or until it is stuck; gives the exit code."""
    service = Service(settings, now, leaving=leaving)
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, service.stop.set)
    await service.run()
    return service.exit_code
