"""Pictures are drawn in one process of their own, which may be killed.

Matplotlib holds the interpreter lock for a hundred milliseconds at a time, and a hostile label can
keep it busy for seconds; neither may delay an acknowledgement.  A picture that takes too long
costs its process, never the text of an answer.
"""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import resource
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from threading import Timer

import structlog

from analytics.figures import (
    Figure,
)
from bot.logs import set_up_logs
from charts import Document, ThemeName

log = structlog.get_logger()
SECONDS = 10.0
PRINTING_SECONDS = 30.0  # a briefing is about 17 plain charts
REST_SECONDS = 5.0  # an answer that began is only copied
FIRST_SECONDS = 60.0  # a new process imports matplotlib and may build its font cache
MEMORY_BYTES = 2 << 30
CACHE_BYTES = 32 << 20


class Drawing:
    """Draws figures as PNG and prints documents as PDF, one at a time.

    Equal figures are drawn once and kept a while.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "drawing")
        self._pen: _Pen | None = None
        self._is_closed = False
        self._cache: OrderedDict[str, bytes] = OrderedDict()
        self._running: dict[str, asyncio.Future[bytes | None]] = {}

    async def draw(self, figure: Figure, theme: ThemeName) -> bytes | None:
        """The PNG of a figure, None when it could not be drawn."""
        key = hashlib.sha256(f"{theme}{figure!r}".encode()).hexdigest()
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        if key not in self._running:
            loop = asyncio.get_running_loop()
            job = loop.run_in_executor(self._thread, self._draw, figure, theme)
            self._running[key] = job
            job.add_done_callback(lambda _: self._running.pop(key, None))
        picture = await asyncio.shield(self._running[key])
        if picture is not None:
            self._keep(key, picture)
        return picture

    async def print(self, document: Document) -> bytes | None:
        """The PDF of a document, None when it could not be drawn."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._draw, document, "light")

    async def warm_up(self, figure: Figure) -> None:
        """Start the process and draw once: a first picture costs several warm ones."""
        await self.draw(figure, "light")

    def close(self) -> None:
        """End the process and take no more work; what waits for a picture gets none.

        Nothing is waited for: the drawing thread clears away what it owns as its last work.
        """
        if self._is_closed:
            return
        self._is_closed = True
        if (pen := self._pen) is not None:
            pen.stop()
        self._thread.submit(self._put_away)
        self._thread.shutdown(wait=False)

    def _keep(self, key: str, picture: bytes) -> None:
        self._cache[key] = picture
        while sum(map(len, self._cache.values())) > CACHE_BYTES:
            self._cache.popitem(last=False)

    def _draw(self, work: Figure | Document, theme: ThemeName) -> bytes | None:
        """Runs in the drawing thread, which owns the process."""
        try:
            first = self._pen is None
            self._pen = self._pen or _Pen()
            if self._is_closed:  # after a process is there: `close` may just have missed it
                raise EOFError("closed")  # noqa: TRY301  # as if the process had met its end
            usual = PRINTING_SECONDS if isinstance(work, Document) else SECONDS
            return self._pen.draw(work, theme, seconds=FIRST_SECONDS if first else usual)
        except (OSError, EOFError, TimeoutError, _NotDrawn) as error:
            kind = "document" if isinstance(work, Document) else work.kind
            log.warning("figure.not_drawn", kind=kind, reason=str(error) or repr(error))
            if not isinstance(error, _NotDrawn):
                self._put_away()
            return None

    def _put_away(self) -> None:
        """End the process; runs in the drawing thread."""
        pen, self._pen = self._pen, None
        if pen is not None:
            pen.put_away()


class _NotDrawn(Exception):  # noqa: N818  # a value from the other process
    """The process is well, this figure is not."""


class _Pen:
    """The drawing process and the pipe to it."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process: SpawnProcess = context.Process(
            target=_serve, args=(theirs,), name="creditbot-drawing", daemon=True
        )
        self._process.start()
        theirs.close()

    def draw(self, work: Figure | Document, theme: ThemeName, *, seconds: float) -> bytes:
        """The PNG or PDF; raises TimeoutError, OSError or EOFError when the process is lost."""
        with self._ends_after(seconds):
            self._pipe.send((work, theme))
        if not self._pipe.poll(seconds):
            raise TimeoutError(f"drawing took longer than {seconds:.0f} s")
        with self._ends_after(REST_SECONDS):
            outcome: bytes | str = self._pipe.recv()
        if isinstance(outcome, str):
            raise _NotDrawn(outcome)
        return outcome

    @contextmanager
    def _ends_after(self, seconds: float) -> Iterator[None]:
        """A process that stops in the middle is ended, so that nobody waits for it for ever."""
        timer = Timer(seconds, self.stop)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def stop(self) -> None:
        """End the process at once, from any thread: who is drawing meets the end of the pipe."""
        self._process.kill()

    def put_away(self) -> None:
        """End the process and close the pipe; only for the thread that reads from it."""
        self.stop()
        self._process.join(5)
        self._pipe.close()


def limit_memory() -> None:
    """Hold this process to MEMORY_BYTES, or to what it is held to already when that is less."""
    try:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    except (ValueError, OSError) as error:  # some systems know the limit and refuse to set it
        log.warning("drawing.memory_not_limited", reason=str(error))


def _serve(pipe: Connection) -> None:
    """The drawing process: work in, a file or the reason out, until the pipe closes."""
    set_up_logs("WARNING")
    limit_memory()
    from charts import draw, printed  # noqa: PLC0415  # only this process loads matplotlib

    while True:
        try:
            work, theme = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            is_paper = isinstance(work, Document)
            pipe.send(printed(work) if is_paper else draw(work, theme=theme))
        except Exception as error:  # noqa: BLE001  # one bad figure must not end the process
            pipe.send(f"{type(error).__name__}: {error}")
