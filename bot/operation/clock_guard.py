"""Whether the wall clock may be believed: a wrong one would use up the days that have not come.

Two witnesses are asked, the database and the `Date` of the platforms' replies.  What they said is
carried on by the computer's own running time, so that a later jump of the wall clock shows at
once.  Without a platform's word, a jump against the running time itself is not believed.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

MOST_MOVED = timedelta(minutes=5)
MOST_APART = timedelta(seconds=30)
UNHEARD = timedelta(minutes=15)  # how wrong the clock may be where no platform said so
TRY_AGAIN = 60.0  # seconds
REMEMBERED = 86_400.0  # seconds that what a witness said is carried on: quartz drifts 4 s a day
RIGHT = "right"


class RunningTime(Protocol):
    """Seconds that only grow."""

    def __call__(self) -> float:
        """The seconds by now."""


def running_seconds() -> float:
    """How long this computer runs, asleep or awake; where that is not told, awake."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks about the wall clock; None is what nobody could tell.

    `moved` is how much further it went than the running time.  The others are how far they are
    ahead of it.
    """

    moved: timedelta = timedelta()
    database: timedelta | None = None
    platform: timedelta | None = None


def distrust(evidence: Evidence) -> str | None:
    """Why the wall clock is not believed, in words; None when it is.

    The platform's word settles a jump: the clock was set right.  The database's does not: it may
    live on this computer and have jumped with it.
    """
    for witness, ahead in (("platform", evidence.platform), ("database", evidence.database)):
        if ahead is not None and abs(ahead) > MOST_APART:
            side = "behind" if ahead > timedelta() else "ahead of"
            return f"the clock is {spoken(ahead)} {side} the {witness}'s"
    if evidence.platform is None and abs(evidence.moved) > MOST_MOVED:
        side = "forward" if evidence.moved > timedelta() else "back"
        return f"the clock was moved {spoken(evidence.moved)} {side}"
    return None


def spoken(apart: timedelta) -> str:
    """A difference in one unit, without its sign."""
    seconds = abs(apart.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


@dataclass(frozen=True, slots=True)
class _Said:
    """What time it was for somebody when this computer had run so long."""

    told: datetime
    at: float


class ClockGuard:
    """Judges the wall clock again at every question; doubts it for at least a minute.

    Threads may tell it things while another one asks.
    """

    def __init__(self, running: RunningTime = running_seconds) -> None:
        self._running = running
        self._lock = threading.Lock()
        self._anchor: _Said | None = None
        self._database: _Said | None = None
        self._platform: _Said | None = None
        self._doubt: tuple[str, float] | None = None

    @property
    def state(self) -> str:
        """RIGHT, or why nothing is planned."""
        return RIGHT if self._doubt is None else self._doubt[0]

    def note_database(self, told: datetime) -> None:
        """The database said what time it is."""
        self._database = _Said(told, self._running())

    def note_platform(self, date: str) -> None:
        """A platform's reply carried this `Date`; one that cannot be read says nothing."""
        try:
            told = parsedate_to_datetime(date)
        except ValueError:
            return
        self._platform = _Said(told.replace(tzinfo=told.tzinfo or UTC), self._running())

    def may_plan(self, now: datetime) -> bool:
        """Whether what is due may be decided by `now`, the wall clock."""
        with self._lock:
            at = self._running()
            if self._doubt is not None and at - self._doubt[1] < TRY_AGAIN:
                return False
            reason = distrust(self._evidence(now, at))
            self._doubt = None if reason is None else (reason, at)
            if reason is None:
                self._anchor = _Said(now, at)
            return reason is None

    def differences(self, now: datetime) -> Evidence:
        """How far the witnesses are apart from the wall clock."""
        return self._evidence(now, self._running())

    def ahead(self, now: datetime) -> timedelta:
        """How far the clock of what was sent may be ahead of the platforms'; never below zero.

        That is the database's clock, or the wall clock where the database has none.
        """
        told = self.differences(now)
        if told.platform is None:
            return UNHEARD
        return max((told.database or timedelta()) - told.platform, timedelta())

    def _evidence(self, now: datetime, at: float) -> Evidence:
        anchor = self._anchor
        moved = timedelta() if anchor is None else now - _carried(anchor, at)
        return Evidence(moved, _ahead(self._database, now, at), _ahead(self._platform, now, at))


def _carried(said: _Said, at: float) -> datetime:
    return said.told + timedelta(seconds=at - said.at)


def _ahead(said: _Said | None, now: datetime, at: float) -> timedelta | None:
    if said is None or at - said.at > REMEMBERED:
        return None
    return _carried(said, at) - now
