"""What a question is about: days of a workspace, narrowed by filters."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal

from analytics.timerange import TimeRange
from storage.reading import Reader
from storage.timekeys import day_number

Tier = Literal["premium", "standard", "economy", "unknown"]
TIERS: tuple[Tier, ...] = ("premium", "standard", "economy", "unknown")


@dataclass(frozen=True, slots=True)
class Filters:
    """Ids by dimension; values of one dimension are alternatives, dimensions narrow each other."""

    model: tuple[int, ...] = ()
    family: tuple[int, ...] = ()
    tier: tuple[Tier, ...] = ()
    person: tuple[int, ...] = ()
    department: tuple[int, ...] = ()
    project: tuple[int, ...] = ()
    task: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is narrowed."""
        return any(getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True, slots=True)
class Query:
    """A range of one workspace at a moment, narrowed; every question reads through one.

    `newest` is up to when usage was known, where numbers of then are told again.
    """

    reader: Reader
    now: datetime
    range: TimeRange
    filters: Filters = Filters()
    newest: datetime | None = None

    @property
    def speaks_from_end(self) -> bool:
        """Whether it is asked at the instant its range ended, as all that is sent unasked."""
        clock, end = self.reader.clock, day_number(self.range.end)
        return not self.range.is_partial and self.now == clock.midnight(end)
