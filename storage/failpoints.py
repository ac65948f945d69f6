"""Named places at which a test lets a process die, fail or lose its database.

Nothing happens unless the environment says so: `CREDITBOT_FAILPOINT=P9:kill`, `:raise` or
`:dbdrop`.  P1 to P20 are those of `tests/chaos/matrix.py`, P21 is
in the middle of catching up.
"""

from __future__ import annotations

import os
import signal

import sqlalchemy as sa

from storage.errors import DatabaseUnusable

SETTING = "CREDITBOT_FAILPOINT"
_spent: set[str] = set()


class FailpointReached(Exception):  # noqa: N818  # the event is the name
    """The exception that a test asked for."""


def failpoint(name: str, connection: sa.Connection | None = None) -> None:
    """Die here, raise, or lose the database (`connection`'s, where one is at hand), if so set.

    Once a process: what comes after it is the recovery that is tested.
    """
    armed = os.environ.get(SETTING)
    if not armed or armed in _spent:
        return
    point, _, act = armed.partition(":")
    if point != name:
        return
    _spent.add(armed)
    match act:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "raise":
            raise FailpointReached(name)
        case "dbdrop":
            if connection is not None:
                connection.invalidate()
            raise DatabaseUnusable("The database server does not answer.", hint="A test took it.")
        case _:
            raise ValueError(f"{SETTING} must be POINT:kill, :raise or :dbdrop, not {armed}.")


def rearm() -> None:
    """Let points act again in this process."""
    _spent.clear()
