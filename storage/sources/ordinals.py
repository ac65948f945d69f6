"""Which of several identical rows a row is, counted exactly in bounded memory."""

from __future__ import annotations

import sqlite3

_CACHE_KIB = 16_384


class Ordinals:
    """Counts keys: 0 for the first row with a key, 1 for the next.

    The counts lie in an anonymous database of SQLite, which stays in memory while it is small and
    moves to a temporary file when it grows; a dictionary of ten million keys takes over a GB.
    """

    def __init__(self) -> None:
        self._seen = sqlite3.connect("", isolation_level=None)
        self._seen.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        self._seen.execute("PRAGMA journal_mode=OFF")
        self._seen.execute("CREATE TABLE seen (row BLOB PRIMARY KEY, n INTEGER) WITHOUT ROWID")
        self._seen.execute("BEGIN")

    def close(self) -> None:
        """Forget everything."""
        self._seen.close()

    def of(self, key: bytes) -> int:
        """How many rows with this key came before."""
        found = self._seen.execute(
            "INSERT INTO seen VALUES (?, 0) ON CONFLICT (row) DO UPDATE SET n = n + 1 RETURNING n",
            (key,),
        )
        (ordinal,) = found.fetchone()
        found.close()
        return int(ordinal)
