"""What every source shares: the items it yields, the wishes it is read with, its protocol.

A source turns a foreign file into usage events, one item at a time and in bounded memory.  A bad
record is a value (`Rejected`), never an exception that stops its neighbours; a file of which
nothing can be used raises UnusableFile before the first item.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import BinaryIO, Protocol
from zoneinfo import ZoneInfo

from storage.errors import UnusableFile
from storage.events import UsageEvent

MAX_REASON = 300
_GAPS = re.compile(r"[\s_-]+")


class RowError(Exception):
    """Why one record cannot be taken; the reason is a short sentence for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason[:MAX_REASON]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that was not taken.  `text` is the raw row of a CSV, for a file of rejects."""

    line: int
    reason: str
    text: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A record taken with a change that must be told, or knowingly left out (no `event`)."""

    line: int
    reason: str
    event: UsageEvent | None = None


Item = UsageEvent | Rejected | Adjusted


def noted(item: Item, line: int, note: str) -> Item:
    """The item with one more note, if there is one; a refused record has its reason."""
    if not note or isinstance(item, Rejected):
        return item
    if isinstance(item, Adjusted):
        return replace(item, reason=f"{item.reason}; {note}")
    return Adjusted(line, note, item)


@dataclass(frozen=True, slots=True)
class Sample:
    """What the beginning of a file shows: a CSV header, or the keys of its first JSON objects.

    Names are folded (`fold`); a file is a CSV or JSON, so one of both is empty.
    """

    header: tuple[str, ...] = ()
    keys: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """The column or key names, whichever there are."""
        return self.keys or frozenset(self.header)


def fold(name: str) -> str:
    """A column name without regard to case, spaces and dashes: `Tokens In` is `tokens_in`."""
    return _GAPS.sub("_", name.strip().casefold())


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What the importer said about the file.

    `zone` (IANA name) is for times without an offset; without `encoding` a file is UTF-8, or
    UTF-16 if it says so with a byte order mark.  `exported` (epoch seconds) is when it was written.
    """

    zone: str | None = None
    delimiter: str = ","
    decimal: str = "."
    encoding: str | None = None
    exported: int = 0


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a file fits a source: names it needs and has, names it lacks, and advice."""

    matched: int
    lacking: tuple[str, ...] = ()
    hint: str = ""


class Source(Protocol):
    """One foreign format.  Every module of this package with a `SOURCE` is offered.

    Events are inserted by key.  With `aggregate`, rows that only know a day replace everything
    the account has for that day.
    """

    @property
    def name(self) -> str:
        """What people type behind `--source`."""
        ...

    @property
    def title(self) -> str:
        """What the format is called in a sentence."""
        ...

    @property
    def aggregate(self) -> bool:
        """Whether its day rows replace the slice (account, UTC day) they belong to."""
        ...

    def fit(self, sample: Sample) -> Fit:
        """What the beginning of a file has and lacks of this format."""
        ...

    def read(
        self, file: BinaryIO, options: SourceOptions, *, now: datetime
    ) -> Generator[Item, None, None]:
        """The items of a file in its order; closed by who asked, in the thread that read."""
        ...


@lru_cache(maxsize=8)
def zone_of(name: str | None) -> ZoneInfo | None:
    """The zone of a name; raises UnusableFile for one that does not exist."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed, a folder of the zone database
        raise UnusableFile(
            f'"{name[:40]}" is not a time zone.', hint="For example --tz Europe/Berlin."
        ) from None
