"""What time it is for the platforms: the `Date` of a reply of theirs, to whoever asks.

No token is sent: the address of an API has a front page, and any answer of it carries its time.
"""

from __future__ import annotations

from collections.abc import Sequence

import aiohttp
import structlog
from yarl import URL

from bot.operation.clock_guard import RIGHT, ClockGuard
from bot.settings import Settings

log = structlog.get_logger()
ASK_SECONDS = 60  # how often a clock in doubt is asked about
TURNS_IF_RIGHT = 10  # how many of those pass when it is not
PATIENCE = 5.0


class Witness:
    """Tells the guard what the platforms' clocks say: at the start, now and then, and in doubt."""

    def __init__(self, addresses: Sequence[str], guard: ClockGuard) -> None:
        self._addresses = [str(URL(one).with_path("/").with_query(None)) for one in addresses]
        self._guard = guard
        self._turns = 0

    async def ask(self) -> None:
        """Ask when it is time to; the first answer is enough."""
        self._turns += 1
        if self._guard.state == RIGHT and self._turns % TURNS_IF_RIGHT != 1:
            return
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for address in self._addresses:
                date = await _date(session, address)
                if date is not None:
                    self._guard.note_platform(date)
                    return


def addresses_of(settings: Settings) -> list[str]:
    """The platforms that this installation talks to."""
    wanted = {
        settings.slack_api_url: settings.slack_bot_token,
        settings.discord_api_url: settings.discord_token,
    }
    return [address for address, token in wanted.items() if token is not None]


async def _date(session: aiohttp.ClientSession, address: str) -> str | None:
    """What an address says the time is; nobody there is no news about the clock."""
    try:
        async with session.head(address, allow_redirects=False) as response:
            return response.headers.get("Date")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        log.info("clock.nobody_to_ask", reason=type(error).__name__)
        return None
