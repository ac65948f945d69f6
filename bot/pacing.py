"""How fast one person may ask: ten questions a minute, five of them at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

BURST = 5.0
SECONDS_EACH = 6.0
REMEMBERED = 10_000  # people; whoever asked longest ago is forgotten first


class Pacing:
    """A bucket of questions for each person, refilled by the clock it is given (seconds)."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def wait_for(self, who: str) -> float:
        """Take one question: 0, or the seconds until the next one is there to take."""
        now = self._clock()
        with self._lock:
            full_at = max(self._full_at.pop(who, now), now)
            wait = full_at + SECONDS_EACH - (now + BURST * SECONDS_EACH)
            if wait <= 0:
                full_at += SECONDS_EACH
            self._full_at[who] = full_at
            while len(self._full_at) > REMEMBERED:
                self._full_at.popitem(last=False)
        return max(wait, 0.0)
