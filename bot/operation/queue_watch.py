"""Looks every minute whether an unasked message waits for far too long: the service is unwell then.

After 2 h it is in the log, after 6 h the health is red, and at once where a platform refuses all.
What waits for a platform that nobody set up here is told apart, and is no fault.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from analytics.numbers import counted
from bot.operation.ticking import ALIVE
from storage.engine import reading, writing
from storage.errors import StorageError
from storage.queue_stats import Queue, pauses, queue_of
from storage.replicas import UNSET, is_set_up, serving
from storage.unset import Idle, idle_platforms, note_unset

log = structlog.get_logger()
LOOK_SECONDS = 60
SAME_STRETCH = timedelta(minutes=15)  # between two looks, also over a restart
TOKENS: Mapping[str, str] = {
    "slack": "CREDITBOT_SLACK_BOT_TOKEN",
    "discord": "CREDITBOT_DISCORD_TOKEN",
}


class QueueWatch:
    """Tells where nothing may be sent, and how many messages wait for more than 6 h; else None.

    `tell_unset` is told in words what goes to platforms that are none of `platforms`, and that no
    other running replica serves.
    """

    def __init__(
        self,
        engine: sa.Engine,
        now: Callable[[], datetime],
        report: Callable[[str | None], None],
        platforms: Collection[str],
        tell_unset: Callable[[Mapping[str, str]], None],
    ) -> None:
        self._engine = engine
        self._now = now
        self._report = report
        self._platforms = platforms
        self._tell_unset = tell_unset

    async def look(self) -> None:
        """Look once; a busy database is looked at again the next time."""
        try:
            queue, idle, refused = await asyncio.to_thread(self._looked)
        except StorageError as error:
            log.warning("queue.not_looked_at", reason=error.message)
            return
        if queue.late:
            log.warning("queue.late", late=queue.late, lost=queue.lost)
        late = [f"{counted(queue.lost, 'message')} late by 6 h"] if queue.lost else []
        self._report("; ".join([*refused, *late]) or None)
        self._tell_unset({one.platform: unset_words(one) for one in idle})

    def _looked(self) -> tuple[Queue, list[Idle], list[str]]:
        now = self._now()
        with reading(self._engine) as connection:
            served = serving(connection, now, within=ALIVE)
            idle = idle_platforms(connection, {*self._platforms, *served})
            queue = queue_of(connection, now, idle=[one.platform for one in idle])
            told = {
                f"{one.platform} refuses everything: {one.reason}"
                for one in pauses(connection, now)
                if one.needs_probe and one.platform in self._platforms
            }
        if idle:
            with writing(self._engine) as connection:
                for one in idle:
                    note_unset(connection, one.platform, now, gap=SAME_STRETCH)
        return queue, idle, sorted(told)


def is_unset(words: str) -> bool:
    """Whether the state of a part says that nobody set it up."""
    return not is_set_up(words)


def unset_words(idle: Idle) -> str:
    """`not set up: 2 digests go there; set CREDITBOT_SLACK_BOT_TOKEN, or end them`."""
    goes = [counted(idle.digests, "digest")] if idle.digests else []
    goes += [counted(idle.messages, "message")] if idle.messages else []
    verb = "goes" if idle.digests + idle.messages == 1 else "go"
    what = f"{UNSET}: {' and '.join(goes)} {verb} there"
    return f"{what}; set {TOKENS.get(idle.platform, 'its token')}, or end them"
