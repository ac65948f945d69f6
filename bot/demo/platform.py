"""The demo as a chat platform: its clock runs, usage goes on, and what is due arrives in channels.

The clock stands while something is done and moves by hand in between, so a day may pass in a
second without any lease of the outbox ending meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from bot.alerts.watch import WATCH_SECONDS, Watch
from bot.asking import Asking
from bot.delivery.composing import Composer
from bot.delivery.corrections import CORRECT_SECONDS
from bot.delivery.sending import Courier
from bot.delivery.timing import Timing
from bot.delivery.transactions import TROUBLE, Transactions
from bot.delivery.worker import Deliveries, Job
from bot.demo.database import GATEWAY, keep_moment
from bot.demo.opening import opening_lines
from bot.demo.posts import KeptPosts
from bot.demo.usage import Onward, Workload
from bot.drawing import Drawing
from bot.due import ON_USAGE, late, prompt, tick
from bot.operation.upkeep import Upkeep
from bot.platforms.console import ConsoleSender, Post
from bot.purchases.worker import Purchasing
from bot.render.widths import PIPED_WIDTH
from storage.engine import reading, writing
from storage.labels import Labels
from storage.ledger import Ledger
from storage.replicas import note_tick
from storage.workspaces import find_workspace

log = structlog.get_logger()
STEP = timedelta(minutes=10)  # shorter than what makes a digest late
USAGE_STEP = timedelta(minutes=1)
FAST_USAGE_STEP = timedelta(minutes=30)  # while time is skipped
WATCH = timedelta(seconds=WATCH_SECONDS)
FAST_WATCH = timedelta(hours=6)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PAUSE = timedelta(seconds=2)  # between two posts to a channel
BREATHS = 6  # pauses after a jump, for what waits for its turn
BEAT = 0.25  # seconds of a real clock
LONGEST = timedelta(days=62)
PATIENCE = 45.0  # seconds for a picture
_SPAN = re.compile(r"(?P<count>\d{1,4}) ?(?P<unit>m|min|minutes?|h|hours?|d|days?|w|weeks?)")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def span_of(text: str) -> timedelta | None:
    """`1d`, `6 hours`, `30m`; None for anything else, for nothing, and for more than two months."""
    found = _SPAN.fullmatch(text.strip().casefold())
    if found is None:
        return None
    units = _UNITS | {"w": timedelta(weeks=1)}
    span = int(found["count"]) * units[found["unit"][0]]
    return span if timedelta() < span <= LONGEST else None


@dataclass
class Clock:
    """The demo's time, moved by hand; `is_ahead` once it went faster than a real one."""

    moment: datetime
    is_ahead: bool = False

    def now(self) -> datetime:
        """What time it is in the demo."""
        return self.moment


@dataclass
class LivePlatform:
    """Time, usage, digests and alerts of the demo, in a thread of their own.

    `speed` demo seconds pass in a real one.  `write` is given what arrives in channels, whose
    tables are at most `width` wide; pictures and files of posts are put into `folder`.
    """

    engine: sa.Engine
    work: Workload
    clock: Clock
    speed: float
    write: Callable[[str], None]
    folder: Path
    width: Callable[[], int] = lambda: PIPED_WIDTH
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _kept: dict[str, bytes] = field(default_factory=dict)
    _is_enough: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Wire the parts of the service that tell unasked."""
        with reading(self.engine) as connection:
            workspace = find_workspace(connection, None)
        self._ledger = Ledger(self.engine, workspace, Labels(self.engine, workspace.id))
        self._onward, self._fed = Onward(self.work), self.clock.now()
        self._sender = ConsoleSender(self.write, clock=self.time_text, width=self.width)
        self._posts = KeptPosts(Path(f"{self.engine.url.database}-posts"))
        self._sender.posts.update(self._posts.read())
        self._asking = Asking(now=self.clock.now, owners=(), workspace=None)
        self._watch = Watch(self.engine, self.clock.now)
        self._watched = self._corrected = self.clock.now()
        self._others = _Others(self.engine, self.clock.now)
        self._stop = asyncio.Event()
        self._turns = asyncio.Lock()
        self._thread = threading.Thread(target=self._serve, name="demo", daemon=True)

    def start(self) -> None:
        """Let the clock run."""
        self._thread.start()

    def stop(self) -> None:
        """Let what is being done end: a step of the clock, not what was still to pass."""
        self._is_enough.set()
        with suppress(RuntimeError):  # a loop that is closed has ended already
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=10)

    def skip(self, span: timedelta) -> None:
        """Let a stretch of time pass at once; returns when everything of it was told.

        Ctrl-C ends it early, between two steps of the clock.
        """
        passing = asyncio.run_coroutine_threadsafe(self._pass(span, breaths=BREATHS), self._loop)
        try:
            passing.result()
        except KeyboardInterrupt:
            self._is_enough.set()
            passing.result()
            self._is_enough.clear()

    def time_text(self) -> str:
        """What the clock on the demo's wall shows: `Tue 24 Nov 14:54`."""
        local = self.clock.now().astimezone(ZoneInfo(self.work.zone))
        return f"{local:%a} {local.day} {local:%b %H:%M}"

    def post(self, number: str) -> Post | None:
        """A message by its number."""
        return self._sender.posts.get(number)

    def opening_lines(self) -> tuple[str, ...]:
        """What to type so that something arrives."""
        with reading(self.engine) as connection:
            workspace = find_workspace(connection, None)
            return opening_lines(connection, workspace, self.clock.now())

    # ---- in the thread

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        with closing(Drawing()) as drawing:
            self._deliveries = self._worker(drawing)
            self._loop.run_until_complete(self._live())
        self._loop.close()

    def _worker(self, drawing: Drawing) -> Deliveries:
        # The demo's clock stands meanwhile, and a first picture on a busy laptop takes its time.
        timing, senders = Timing(picture=PATIENCE), {self._sender.name: self._sender}
        kept = Transactions(self.engine, self.clock.now, clock=lambda _connection, now: now)
        composer = Composer(kept, self._asking, senders, timing=timing, drawing=drawing)
        return Deliveries(
            kept, composer, Courier(kept, senders, timing=timing), senders, timing=timing
        )

    async def _live(self) -> None:
        while not self._stop.is_set():
            await self._pass(timedelta(seconds=BEAT * self.speed))
            try:
                await asyncio.wait_for(self._stop.wait(), BEAT)
            except TimeoutError:
                continue

    async def _pass(self, span: timedelta, *, breaths: int = 0) -> None:
        """Let time pass in small steps, and do what each of them makes due."""
        if not self.clock.is_ahead and (self.speed != 1 or breaths):
            # At once: whoever is killed in the future is to go on there the next time.
            self.clock.is_ahead = True
            keep_moment(self.engine, self.clock.now())
        async with self._turns:
            end = self.clock.now() + span
            while not self._is_enough.is_set() and (left := end - self.clock.now()) > timedelta():
                await self._turn(min(STEP, left))
            for _ in range(breaths):
                await self._turn(PAUSE)
            self._keep()

    def _keep(self) -> None:
        """Leave the sign of life that `health` looks for, and where to go on the next time."""
        try:
            with writing(self.engine) as connection:
                note_tick(connection, "demo", {}, now=self.clock.now())
            if self.clock.is_ahead:
                keep_moment(self.engine, self.clock.now())
            self._posts.write(self._sender.posts)
        except (*TROUBLE, OSError) as error:
            log.warning("demo.postponed", reason=str(error).partition("\n")[0])

    async def _turn(self, step: timedelta) -> None:
        try:
            await self._do(step)
        except TROUBLE as error:
            log.warning("demo.postponed", reason=str(error).partition("\n")[0])

    async def _do(self, step: timedelta) -> None:
        self.clock.moment += step
        now = self.clock.now()
        is_fast = step >= STEP
        has_worked = self._work_on(now, FAST_USAGE_STEP if is_fast else USAGE_STEP)
        has_worked |= await self._others.turn(now, is_fast=is_fast)
        jobs = self._jobs(now, is_fast=is_fast)
        if is_fast and not has_worked and "watch" not in jobs:
            # A week is a thousand steps: what only new usage changes need not look each time.
            jobs = {name: job for name, job in jobs.items() if name not in ON_USAGE}
        for job in jobs.values():
            job(self.engine, now)
        await self._deliveries.settle()
        self._keep_files()

    def _jobs(self, now: datetime, *, is_fast: bool) -> Mapping[str, Job]:
        """What the service does, as often as it does, or as a stretch in seconds has time for."""
        jobs: dict[str, Job] = dict(tick())
        if now - self._watched >= (FAST_WATCH if is_fast else WATCH):
            self._watched = now
            jobs["watch"] = lambda _engine, _now: self._watch.look_now()
        jobs |= prompt(())
        if now - self._corrected >= timedelta(seconds=CORRECT_SECONDS):
            self._corrected = now
            jobs |= late(self._asking)
        return jobs

    def _work_on(self, now: datetime, least: timedelta) -> bool:
        """Bring the pretended usage up to now, once it is worth a transaction; whether it was."""
        if now - self._fed < least:
            return False
        events = self._onward.between(self._fed, now)
        self._fed = now
        if events:
            self._ledger.write(events, GATEWAY, now=now)
            if self.clock.is_ahead:
                keep_moment(self.engine, now)  # or a demo that is killed would work this time twice
        return True

    def _keep_files(self) -> None:
        for post in list(self._sender.posts.values()):
            if post.content is None or self._kept.get(post.id) == post.content:
                continue
            self._kept[post.id] = post.content
            is_file = post.text.startswith("[") and post.text.endswith("]")
            name = post.text.strip("[]") if is_file else f"message-{post.id}.png"
            file = self.folder / Path(name).name
            try:
                file.write_bytes(post.content)
            except OSError as error:
                self.write(f"{os.path.relpath(file)} could not be written: {error.strerror}.")
            else:
                self.write(f"Written: {os.path.relpath(file)}")


class _Others:
    """What the service does beside telling: it buys credits, gathers evidence, ends trials."""

    def __init__(self, engine: sa.Engine, now: Callable[[], datetime]) -> None:
        self._buying = Purchasing(engine, now, None)
        self._upkeep = Upkeep(engine, now, report=log.debug)
        self._bought = self._kept_up = now()

    async def turn(self, now: datetime, *, is_fast: bool) -> bool:
        """Do what its time has come for; whether it had."""
        if now - self._bought < (HOUR if is_fast else MINUTE):
            return False
        self._bought = now
        await self._buying.turn()
        if now - self._kept_up >= HOUR:
            self._kept_up = now
            await self._upkeep.gather()
            await self._upkeep.decide()
        return True
