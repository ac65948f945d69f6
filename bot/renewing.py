"""Answers that renew themselves: the same line is asked again while its message can be changed.

Every renewal goes through the whole door, so a right that was taken away ends it.  It also ends
when the message is replaced, when the platform refuses, and when the service leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from analytics.report import Note, Report
from bot.context import Identity

if TYPE_CHECKING:
    from bot.desk import Desk

log = structlog.get_logger()
Show = Callable[[Report], Awaitable[bool]]  # whether the message could still be changed
ENDED = "No longer renews itself."


def announced(report: Report, seconds: float) -> Report:
    """The report with a word about how long it goes on renewing itself."""
    minutes = round(seconds / 60)
    words = f"Renews itself for {minutes} minute{'' if minutes == 1 else 's'}."
    note = Note(words if seconds > 0 else ENDED)
    return replace(report, blocks=(*report.blocks, note))


class Renewing:
    """The renewals of one connection, each a task."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._tasks: set[asyncio.Task[None]] = set()

    def start(
        self,
        report: Report,
        identity: Identity,
        show: Show,
        *,
        uses: int | None = None,
        over: Callable[[], None] = lambda: None,
    ) -> None:
        """Go on asking, and call `over` in the end.

        `uses` is how often the message can be changed, None for always.
        """
        if report.renews is None or not report.line or uses == 0:
            over()
            return
        task = asyncio.create_task(self._renew(report, identity, show, uses))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: over())

    async def end(self) -> None:
        """End every renewal now."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _renew(
        self, report: Report, identity: Identity, show: Show, uses: int | None
    ) -> None:
        renewal = report.renews
        assert renewal is not None  # noqa: S101  # `start` asked
        count = max(1, int(renewal.lasts // renewal.every))
        count = count if uses is None else min(count, uses)
        pause = renewal.lasts / count
        try:
            for number in range(1, count + 1):
                await self._desk.pause(pause)
                again = await self._desk.ask(report.line, identity)
                left = renewal.lasts - number * pause
                if not again.line or not await show(announced(again, left)):
                    return
        except Exception:  # the outermost loop of a task that nobody waits for
            log.exception("renewal.failed", command=report.line.partition(" ")[0])
