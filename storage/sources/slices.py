"""Day sums of a whole file, put together by account and day in bounded memory.

A day may be spread over the file, but its slice is replaced as a whole.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from operator import attrgetter
from typing import Any

from storage.events import Granularity, UsageEvent
from storage.text import tidy
from storage.timekeys import DAY_US

BUFFER = 1_000
_FIELDS = tuple(UsageEvent.__slots__)
_values = attrgetter(*_FIELDS)


class Slices:
    """The day sums of a file.

    They lie in an anonymous database of SQLite, which stays in memory while it is small and moves
    to a temporary file when it grows.
    """

    def __init__(self) -> None:
        self._staged = sqlite3.connect("", isolation_level=None)
        self._staged.execute("PRAGMA journal_mode=OFF")
        self._staged.execute("CREATE TABLE staged (account TEXT, day INTEGER, event TEXT)")
        self._staged.execute("BEGIN")
        self._waiting: list[tuple[str, int, str]] = []

    def add(self, event: UsageEvent) -> None:
        """Put one day sum to its slice."""
        self._waiting.append(
            (_account(event.account), event.ts // DAY_US, json.dumps(_values(event)))
        )
        if len(self._waiting) >= BUFFER:
            self._keep()

    def whole(self, size: int) -> Iterator[list[UsageEvent]]:
        """All events in groups of about `size`, no slice in two groups."""
        self._keep()
        group: list[UsageEvent] = []
        last: tuple[str, int] | None = None
        found = self._staged.execute(
            "SELECT account, day, event FROM staged ORDER BY account, day, rowid"
        )
        for account, day, text in found:
            if len(group) >= size and (account, day) != last:
                yield group
                group = []
            last = (account, day)
            group.append(_event(text))
        if group:
            yield group

    def gaps(self, account: str | None) -> set[int]:
        """The UTC days between the first and the last of all on which an account has no row."""
        run = self._staged.execute
        first, last = run("SELECT min(day), max(day) FROM staged").fetchone()
        named = run("SELECT DISTINCT day FROM staged WHERE account = ?", (_account(account),))
        return set(range(first, last + 1)).difference(day for (day,) in named)

    def close(self) -> None:
        """Forget everything."""
        self._staged.close()

    def _keep(self) -> None:
        self._staged.executemany("INSERT INTO staged VALUES (?, ?, ?)", self._waiting)
        self._waiting.clear()


def _account(name: str | None) -> str:
    # Spellings that the ledger takes for one account are one here too.
    return tidy(name or "")


def _event(text: str) -> UsageEvent:
    values: dict[str, Any] = dict(zip(_FIELDS, json.loads(text), strict=True))
    values["granularity"] = Granularity(values["granularity"])
    values["tags"] = tuple(values["tags"])
    return UsageEvent(**values)
