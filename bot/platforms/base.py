"""What every chat platform is to the rest of the program."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Fatal(Exception):  # noqa: N818  # not a bug: a setting that only its owner can mend
    """Trying again cannot help: a wrong token, a missing permission.  Names the setting."""


class Platform(Protocol):
    """One chat platform in the running service.

    `run` serves until `stop` is set and then returns in a clean state.  It raises Fatal for a
    setting that only its owner can mend, anything else when it should be started anew.  `report`
    is called with a few words whenever its state changes ("up", "reconnecting").
    """

    name: str

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set."""
