"""Whether usage that came late makes a report that was sent wrong enough to say so, and the words.

More than one part in a hundred of what was told, to the micro-credit, in the total or in a row
that was shown; where nothing was told, anything.  A smaller difference stays as it was posted:
every answer asked again has it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from analytics.captions import moment_text
from analytics.numbers import change_of, change_text, counted_credits, credits_text

PARTS = 100
REST = "rest"  # the row of a table that stands for all that is less than what it names
OTHERS = "others"  # the same where the rows are in another order
# By day: rows of usage, micro-credits, and what else must stay as it is.
Totals = Mapping[int, tuple[int, ...]]
Rows = Mapping[str, int]  # micro-credits by what a row is known by


@dataclass(frozen=True, slots=True)
class Told:
    """What a report tells: micro-credits in all, None where it tells none, and in its tables."""

    credits: int | None
    tables: Mapping[str, Rows] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Correction:
    """What was told, and what is told now."""

    told: Told
    now: Told

    @property
    def is_needed(self) -> bool:
        """Whether people must be told."""
        return self._is_other or PARTS * self.moved > self._whole

    @property
    def _is_other(self) -> bool:
        """Whether the total is another."""
        told = self.told.credits or 0
        return self.now.credits is not None and PARTS * abs(self.now.credits - told) > abs(told)

    @property
    def _whole(self) -> int:
        """What rows are measured by: the total, or all rows of the largest table."""
        if self.told.credits is not None:
            return abs(self.told.credits)
        return max((abs(sum(rows.values())) for rows in self.told.tables.values()), default=0)

    @property
    def moved(self) -> int:
        """The most micro-credits by which a row surely changed that is in both reports' tables."""
        both = self.told.tables.keys() & self.now.tables.keys()
        return max((_moved(self.told.tables[key], self.now.tables[key]) for key in both), default=0)

    @property
    def words(self) -> str:
        """`12,345 → 12,900 credits (▲ 4%)`."""
        rows = f"single rows changed by up to {counted_credits(self.moved)}"
        if self.now.credits is None:
            return rows
        after = counted_credits(self.now.credits)
        if self.now.credits == self.told.credits:
            return f"still {after}, but {rows}"
        if not self.told.credits:
            return f"no usage → {after}"
        before, turn = self.told.credits, change_of(self.now.credits, self.told.credits)
        change = f"{credits_text(before)} → {after} ({change_text(turn)})"
        return change if self._is_other else f"{change}, and {rows}"

    @property
    def cause(self) -> str:
        """What made it wrong, as far as that can be told."""
        return "usage came late" if self._is_other else "usage came late or was corrected"

    def note(self, at: datetime) -> str:
        """For the post itself, at a local time."""
        return f"Corrected {moment_text(at)}: {self.words}, because {self.cause}."


def _moved(told: Rows, now: Rows) -> int:
    """The largest change of a row; of one that only one side names, what it changed at least."""
    return max((_step(told, now, key) for key in told.keys() | now.keys()), default=0)


def _step(told: Rows, now: Rows, key: str) -> int:
    if key in told and key in now:
        return abs(now[key] - told[key])
    there, other = (told, now) if key in told else (now, told)
    if key in (REST, OTHERS) or OTHERS in other:
        return 0  # one side names every row, and those are compared; or nobody knows
    # What is not named among the largest is no more than the least of them.
    most = min((value for name, value in other.items() if name != REST), default=0)
    return max(there[key] - most, 0) if REST in other else abs(there[key])


def changed_days(before: Totals, now: Totals) -> set[int]:
    """The days whose usage is not what it was, those that nobody looked at before among them."""
    return {day for day in before.keys() | now.keys() if _differs(before.get(day), now.get(day))}


def _differs(before: tuple[int, ...] | None, now: tuple[int, ...] | None) -> bool:
    """Whether two looks differ; one by an earlier version knew less, and is compared by that."""
    if before is None or now is None:
        return before is not now
    return any(was != is_ for was, is_ in zip(before, now, strict=False))


def touches(days: Collection[int], first: int, end: int) -> bool:
    """Whether one of some days is in a half-open stretch of days."""
    return any(first <= day < end for day in days)
