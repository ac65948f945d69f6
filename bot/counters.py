"""What this process counted since it started, for `/metrics`: numbers with a few fixed labels.

A label is a word of our own (an outcome, a platform, a job), never a token, a name or a channel.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping

Labels = tuple[tuple[str, str], ...]


class Counters:
    """Counts by name and labels; threads may count at once."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Labels]] = Counter()
        self._lock = threading.Lock()

    def up(self, name: str, by: int = 1, **labels: str) -> None:
        """Count something."""
        with self._lock:
            self._counts[name, tuple(sorted(labels.items()))] += by

    def of(self, name: str) -> Mapping[Labels, int]:
        """How often something was counted, by its labels."""
        with self._lock:
            return {labels: n for (known, labels), n in self._counts.items() if known == name}
