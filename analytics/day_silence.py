"""Sources of whole days: which day is missing, and when it should have been here.

A day is missed when the same weekday brought usage in most of the weeks before.  It is late when it
took much longer than that weekday usually takes, so that neither weekends nor weekly files alarm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WEEK, WEEKS, REGULAR = 7, 4, 3
# A source that comes within the hour is no alarm before a day has passed.
SHORTEST = timedelta(days=1)
SLACK = 1.5  # times the usual wait
UNKNOWN = timedelta(days=2)  # what is given to a source of which no arrival is known


def weekdays_before(day: int, last: int) -> Sequence[int]:
    """The same weekday in the last weeks up to `last`, the newest first."""
    return [one for one in range(day - WEEK, last - WEEK * WEEKS, -WEEK) if one <= last][:WEEKS]


def missed(rows: Mapping[int, int], last: int, end: int) -> Iterator[int]:
    """The days between the last one of a source and `end` on which it usually brings usage."""
    for day in range(last + 1, end):
        if sum(rows.get(one, 0) > 0 for one in weekdays_before(day, last)) >= REGULAR:
            yield day


@dataclass(frozen=True, slots=True)
class Missing:
    """A day that is not here.

    `over` is the end of it; `waits` are how long the same weekday took in the weeks before; `heard`
    is when the source brought its last day, where that is known.
    """

    day: int
    over: datetime
    waits: Sequence[timedelta] = ()
    heard: datetime | None = None

    @property
    def usual(self) -> timedelta | None:
        """How long it usually takes until it is here; None where nothing is known of that."""
        known = sorted(self.waits)
        return known[(len(known) - 1) // 2] if known else None

    @property
    def due(self) -> datetime:
        """When its being late is worth a word; not while the source catches up."""
        wait = UNKNOWN if self.usual is None else max(SHORTEST, SLACK * self.usual)
        return max(self.over + wait, (self.heard or self.over) + SHORTEST)
