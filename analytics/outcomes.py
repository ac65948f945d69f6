"""How prompts went: response times and success.

Success counts only prompts whose outcome is known, an average only what was timed: unknown is
never zero.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from analytics.measures import FULL, Usage, Where, pieces, span_of
from analytics.percentiles import Bins
from analytics.query import Query
from storage.reading import BinKey, Days, Hours, Key, RangeTooLong, Span, Speed

QUALITY = ("ok", "ok_n", "lat_sum", "lat_n")
FEWEST_PROMPTS = 30  # under which nothing is claimed: 95 % of 30 may be anything from 81 to 99 %
Outcomes = dict[tuple[int, ...], "Outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Additive sums of one cell, from `lat_n` timed prompts and `ok_n` with known outcome."""

    usage: Usage = field(default_factory=Usage)
    ok: int = 0
    ok_n: int = 0
    lat_sum: int = 0
    lat_n: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        """Both together."""
        sums = (mine + theirs for mine, theirs in zip(self.quality, other.quality, strict=True))
        return Outcome(self.usage + other.usage, *sums)

    def __sub__(self, other: Outcome) -> Outcome:
        """What is left when the other is taken out."""
        left = (whole - part for whole, part in zip(self.quality, other.quality, strict=True))
        return Outcome(self.usage - other.usage, *left)

    @property
    def quality(self) -> tuple[int, ...]:
        """Its sums in the order of QUALITY."""
        return (self.ok, self.ok_n, self.lat_sum, self.lat_n)

    @property
    def average_ms(self) -> float | None:
        """Mean response time of what was timed."""
        return self.lat_sum / self.lat_n if self.lat_n else None

    @property
    def success(self) -> float | None:
        """Fraction of the known outcomes that are good."""
        return self.ok / self.ok_n if self.ok_n else None


def all_of(parts: Iterable[Outcome]) -> Outcome:
    """All cells together."""
    return sum(parts, Outcome())


def gather_outcomes(
    query: Query, by: Sequence[Key], *, span: Span | None = None, only: Where | None = None
) -> Outcomes:
    """Outcomes by key over the query's range or another span; `only` narrows further.

    Raises RangeTooLong for a crossing that only the ledger holds.
    """
    found: Outcomes = {}
    for part, where in pieces(query, span or span_of(query)):
        rows = query.reader.sums(by, (*FULL, *QUALITY), part, {**where, **(only or {})})
        for row in rows:
            key = row[: len(by)]
            sums = row[len(by) :]
            outcome = Outcome(Usage(*sums[: len(FULL)]), *sums[len(FULL) :])
            found[key] = found[key] + outcome if key in found else outcome
    return found


def gather_bins(
    query: Query, by: BinKey | Sequence[BinKey] | None, *, only: Where | None = None
) -> dict[tuple[int, ...], Bins] | None:
    """Prompts by bin of their response time for each cell; None where only the ledger knows.

    The ledger answers up to 31 days, or for named people any time.
    """
    found: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    try:
        for part, where in pieces(query, span_of(query)):
            if isinstance(part, Days):
                for key, bins in query.reader.bins(by, part, {**where, **(only or {})}).items():
                    found[key].update(bins)
    except RangeTooLong:
        return None
    return dict(found)


def gather_speeds(
    query: Query, by: Sequence[Literal["day", "model"]]
) -> Mapping[tuple[int, ...], Speed]:
    """First tokens and tokens a second by keys; empty where a filter is not kept."""
    found: dict[tuple[int, ...], Speed] = {}
    for part, where in pieces(query, span_of(query)):
        rows = query.reader.speeds(by, part, where) if isinstance(part, Days) else None
        if rows is None:
            return {}
        for key, speed in rows.items():
            found[key] = both(found[key], speed) if key in found else speed
    return found


def both(one: Speed, other: Speed) -> Speed:
    """Two speeds together."""
    return Speed(*map(sum, zip(one, other, strict=True)))


def first_token_ms(speed: Speed | None) -> float | None:
    """Mean time to the first token."""
    return speed.ttft_sum / speed.ttft_n if speed and speed.ttft_n else None


def tokens_a_second(speed: Speed | None) -> float | None:
    """Output tokens a second after the first one."""
    return 1000 * speed.gen_tokens / speed.gen_ms if speed and speed.gen_ms else None


def week_times(query: Query, span: Hours) -> dict[tuple[int, int], tuple[int, int]] | None:
    """(milliseconds, prompts) by weekday and local hour; None where only the ledger knows."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    try:
        for part, where in pieces(query, span):
            if isinstance(part, Hours):
                for key, (total, count) in query.reader.week_times(part, where).items():
                    before = found.get(key, (0, 0))
                    found[key] = (before[0] + total, before[1] + count)
    except RangeTooLong:
        return None
    return found
