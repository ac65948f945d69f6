"""What goes wrong on purpose between a sender and a platform, and who did not wait.

A request meets one fate: it is taken, refused for now (429 with a time to wait), answered by 500,
or taken without an answer; of those last some take effect only later, when whoever asked has given
up or died.  The dice have a seed.  Times are in seconds.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web

Fate = Literal["fine", "limited", "failed", "lost", "late"]


@dataclass
class Weather:
    """Shares of what goes wrong; without any the sky is clear.

    `lost` are taken and held without an answer for `hold`; of them a share `late` takes effect
    after `landing`.  `closed` says by place since and until when nothing may be asked there;
    `hasty` tells where somebody asked nevertheless.  Every request to a place in `hanging` is held
    and does nothing.
    """

    limited: float = 0.0
    failed: float = 0.0
    lost: float = 0.0
    late: float = 0.5
    retry_after: float = 0.2
    landing: float = 1.0
    hold: float = 30.0
    seed: int = 7
    hanging: frozenset[str] = frozenset()
    clock: Callable[[], float] = time.monotonic
    counts: Counter[str] = field(default_factory=Counter)
    hasty: list[str] = field(default_factory=list)
    closed: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take the dice."""
        self._dice = random.Random(self.seed)  # noqa: S311  # dice, not secrets

    def fate(self, place: str, request: web.Request, *, came_at: float | None = None) -> Fate:
        """What this request meets; one to a place that is closed comes too early.

        `came_at` is when it began to be read: what was on its way before the refusal left is not
        early.  Nor is a place closed by a refusal that nobody waits for any more.
        """
        now = self.clock()
        closed_at, until = self.closed.get(place, (0.0, 0.0))
        if closed_at < (now if came_at is None else came_at) < until:
            left, since = until - now, now - closed_at
            self.hasty.append(f"{place}: {since:.3f} s after a refusal, {left:.3f} s too early")
        fate = self._thrown()
        self.counts[fate] += 1
        if fate == "limited" and _is_heard(request):
            self.closed[place] = (now, now + self.retry_after)
        return fate

    def _thrown(self) -> Fate:
        roll = self._dice.random()
        if roll < self.limited:
            return "limited"
        if roll < self.limited + self.failed:
            return "failed"
        if roll < self.limited + self.failed + self.lost:
            return "late" if self._dice.random() < self.late else "lost"
        return "fine"

    async def before(self, fate: Fate) -> None:
        """Let time pass before what a request does is done, whether or not anybody waits."""
        if fate == "late":
            await asyncio.sleep(self.landing)

    async def after(self, fate: Fate, request: web.Request) -> None:
        """Hold an answer that nobody will get, then cut the connection."""
        if fate in ("lost", "late"):
            await self.held(request)

    async def held(self, request: web.Request) -> None:
        """Answer nothing until the other side has gone, at most for `hold`."""
        ends = time.monotonic() + self.hold
        while time.monotonic() < ends and _is_open(request):  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.05)
        abort(request)


def _is_open(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()


def _is_heard(request: web.Request) -> bool:
    """Whether the other side still listens.  The kernel knows, often before the loop does.

    Who gave up or died while its request lay here has closed its end by now.
    """
    if not _is_open(request):
        return False
    shared = request.get_extra_info("socket").fileno()
    with socket.socket(fileno=os.dup(shared)) as end:
        try:
            return end.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False


def abort(request: web.Request) -> None:
    """Cut the connection without a word."""
    if isinstance(request.transport, asyncio.Transport):
        request.transport.abort()
