"""How well prompts went: outcomes and ratings beside what they cost."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from analytics.measures import pieces, span_of
from analytics.numbers import round_half_even
from analytics.query import Query
from storage.ratings import RatingKey, rating_sums
from storage.reading import Days

LEAST_RATINGS = 10
LEAST_KNOWN_PCT = 90  # of the outcomes
CLEAR = 2.8  # by 2.8 / sqrt(n) do two means of n ratings with a deviation of 1 rarely differ
PULL = 20  # ratings of the workspace's mean that every mean is mixed with


@dataclass(frozen=True, slots=True)
class Quality:
    """Additive sums of a cell: `ok` of `ok_n` prompts with known outcome; micro-credits; stars."""

    prompts: int = 0
    credits: int = 0
    ok: int = 0
    ok_n: int = 0
    rating_sum: int = 0
    rating_n: int = 0

    def __add__(self, other: Quality) -> Quality:
        """Both together."""
        mine, theirs = (
            [getattr(one, field.name) for field in fields(one)] for one in (self, other)
        )
        return Quality(*map(sum, zip(mine, theirs, strict=True)))

    @property
    def per_prompt(self) -> int:
        """Micro-credits a prompt; there is at least one."""
        return round_half_even(self.credits, self.prompts)

    @property
    def success(self) -> float | None:
        """Success rate of the prompts whose outcome is known; None without any."""
        return self.ok / self.ok_n if self.ok_n else None

    @property
    def rating(self) -> float | None:
        """Mean stars; None below 10 ratings."""
        return self.rating_sum / self.rating_n if self.rating_n >= LEAST_RATINGS else None

    @property
    def per_success(self) -> int | None:
        """Micro-credits for each prompt that succeeded; None under 90 % of known outcomes."""
        if not self.ok or 100 * self.ok_n < LEAST_KNOWN_PCT * self.prompts:
            return None
        return round_half_even(self.credits, self.ok)

    def is_rated_apart(self, other: Quality) -> bool:
        """Whether both mean ratings differ clearly; else there is "no clear difference"."""
        if self.rating is None or other.rating is None:
            return False
        least = min(self.rating_n, other.rating_n)
        return abs(self.rating - other.rating) >= CLEAR / math.sqrt(least)

    def pulled_rating(self, mean: float) -> float:
        """The mean with 20 ratings of the workspace's mean mixed in: for ranking only."""
        return (self.rating_sum + PULL * mean) / (self.rating_n + PULL)


MEASURES = tuple(field.name for field in fields(Quality))
Cells = Mapping[tuple[int, ...], Quality]


def gather_quality(query: Query, by: Sequence[RatingKey]) -> dict[tuple[int, ...], Quality]:
    """Prompts, credits, outcomes and stars by key; stars given in chat are among them."""
    found: dict[tuple[int, ...], Quality] = defaultdict(Quality)
    for span, where in pieces(query, span_of(query)):
        for row in query.reader.sums(by, MEASURES, span, where):
            found[row[: len(by)]] += Quality(*row[len(by) :])
        if isinstance(span, Days):
            reader = query.reader
            stars = rating_sums(reader.connection, reader.workspace.id, by, span, where)
            for key, (total, count) in stars.items():
                if key in found:
                    found[key] += Quality(rating_sum=total, rating_n=count)
    return dict(found)
