"""Whether usage that came late makes a report that was sent wrong enough to say so, and the words.

More than one part in a hundred of what was told, to the micro-credit; where nothing was told,
anything.  A smaller difference stays as it was posted: every answer asked again has it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from analytics.captions import moment_text
from analytics.numbers import change_of, change_text, credits_text

PARTS = 100
Totals = Mapping[int, tuple[int, int]]  # rows of usage and micro-credits by day


@dataclass(frozen=True, slots=True)
class Correction:
    """Micro-credits that were told, None where there was no usage yet, and those of now."""

    told: int | None
    now: int

    @property
    def is_needed(self) -> bool:
        """Whether people must be told."""
        told = self.told or 0
        return PARTS * abs(self.now - told) > abs(told)

    @property
    def words(self) -> str:
        """`12,345 → 12,900 credits (▲ 4%)`."""
        after = f"{credits_text(self.now)} credits"
        if not self.told:
            return f"no usage → {after}"
        return (
            f"{credits_text(self.told)} → {after} ({change_text(change_of(self.now, self.told))})"
        )

    def note(self, at: datetime) -> str:
        """For the post itself, at a local time."""
        return f"Corrected {moment_text(at)}: {self.words}, because usage came late."


def changed_days(before: Totals, now: Totals) -> set[int]:
    """The days whose usage is not what it was, those that nobody looked at before among them."""
    return {day for day in before.keys() | now.keys() if before.get(day) != now.get(day)}


def touches(days: Collection[int], first: int, end: int) -> bool:
    """Whether one of some days is in a half-open stretch of days."""
    return any(first <= day < end for day in days)
