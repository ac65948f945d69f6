"""`creditbot demo`: a seeded company to ask about, without any token."""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from analytics.errors import UserError
from bot.demo import database
from bot.demo.platform import Clock, LivePlatform
from bot.demo.session import Session
from bot.demo.usage import EVENTS, Workload
from bot.desk import Desk
from bot.drawing import Drawing
from storage.engine import opened

ZONE = "Europe/Berlin"
FOLDER = Path("demo")
FILE = "creditbot.db"
QUESTIONS = ("by-model last 30d", "by-user last 7d", "timeline last 3 months by week")
PROMPT = "/credits "
REAL = 1.0  # demo seconds in a second
INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended


def run_demo(  # noqa: PLR0913  # the options of a program
    folder: Path = FOLDER,
    *,
    zone: str = ZONE,
    events: int = EVENTS,
    now: datetime,
    console: Console,
    interactive: bool,
    speed: float = REAL,
    anew: bool = False,
) -> int:
    """Make the demo's database when it is missing or older than today, then answer.

    The clock of all answers stands still at `now`, where the pretended usage ends, or where a
    demo whose clock was moved was left, unless it is to begin `anew`.  Interactive, it runs on
    from there, `speed` times as fast as a real one, and lines are taken until the person leaves.
    Gives the exit code.  Raises UserError when the folder cannot be written, StorageError for a
    file that is not the demo's and for a zone that does not exist.
    """
    work = Workload(now=now, zone=zone, events=events)
    try:
        work = _prepare(folder / FILE, work, console, anew=anew)
        _talk(folder, work, console, speed=speed if interactive else None)
    except OSError as error:
        raise UserError(
            f"The demo cannot be written to '{folder}': {error.strerror}.",
            hint="Name a folder of your own with --folder.",
        ) from error
    except KeyboardInterrupt:
        console.print("Stopped.")
        return INTERRUPTED
    return 0


def _prepare(file: Path, work: Workload, console: Console, *, anew: bool) -> Workload:
    """The workload up to the moment at which the demo begins."""
    left = None if anew else database.left_at(file, work)
    if left is not None:
        local = left.astimezone(ZoneInfo(work.zone))
        _say(
            console,
            f"It goes on where you left it: {local:%A} {local.day} {local:%B %Y, %H:%M}. "
            "`creditbot demo --new` begins today.",
        )
        return replace(work, now=left)
    if not anew and database.is_fresh(file, work):
        return work
    if database.went_ahead(file):
        _say(
            console,
            "A new demo begins today. The old one, with its digests, alerts and budgets, is kept "
            f"as {database.kept_as(file)}.",
        )
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,} events"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("A company of forty at work", total=work.events)
        database.create(file, work, step=lambda count: bar.advance(task, count))
    return work


def _say(console: Console, words: str) -> None:
    console.print(words, markup=False, highlight=False, soft_wrap=True)


def _talk(folder: Path, work: Workload, console: Console, *, speed: float | None) -> None:
    clock = Clock(work.now, is_ahead=database.went_ahead(folder / FILE))
    with (
        opened(f"sqlite:///{folder / FILE}") as engine,
        closing(Drawing()) as drawing,
        closing(Desk(engine, now=clock.now, drawing=drawing)) as desk,
        asyncio.Runner() as runner,
    ):
        session = Session(desk, console, folder, runner)
        for line in QUESTIONS:
            console.print(f"{PROMPT}{line}", style="bold", markup=False, highlight=False)
            session.ask(line)
        if speed is None:
            return
        live = LivePlatform(
            engine, work, clock, speed, session.arrives, folder, lambda: session.width
        )
        session.live = live
        _remember_lines()
        live.start()
        try:
            session.stay(lambda: console.input(session.prompt))
        finally:
            live.stop()


def _remember_lines() -> None:
    """Let the arrow keys bring typed lines back, where the terminal library is there."""
    with suppress(ImportError):
        import readline  # noqa: F401, PLC0415  # its import is what changes input()
