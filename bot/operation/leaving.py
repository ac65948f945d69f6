"""A service that was told to end is gone in time, whatever still runs in its threads."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Final

import structlog

log = structlog.get_logger()
# Those who run services give them ten seconds or more before they kill.
LEAVE_SECONDS: Final = 9.5


def end_in_time(
    code: int, *, seconds: float = LEAVE_SECONDS, end: Callable[[int], object] = os._exit
) -> threading.Timer:
    """End the process with `code` in some seconds, unless it has ended by then.

    The interpreter waits for its threads without a limit, and a nightly check of a large ledger
    takes minutes.  What is cut off is undone by the database, as if the power had failed.
    """

    def leave() -> None:
        running = sorted(one.name for one in threading.enumerate() if not one.daemon)
        log.warning("service.cut_off", threads=running)
        sys.stdout.flush()
        sys.stderr.flush()
        end(code)

    timer = threading.Timer(seconds, leave)
    timer.daemon = True
    timer.start()
    return timer
