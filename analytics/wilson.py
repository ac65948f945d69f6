"""Bounds of a success rate and of the difference of two, for small numbers, too."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tally:
    """`ok` successes among `n` prompts whose outcome is known."""

    n: int = 0
    ok: int = 0

    def __add__(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(self.n + other.n, self.ok + other.ok)

    @property
    def rate(self) -> float:
        """The success rate; there is at least one prompt."""
        return self.ok / self.n

    @property
    def careful_rate(self) -> float:
        """The rate with one more success and one more failure: never 0 or 1."""
        return (self.ok + 1) / (self.n + 2)


def wilson(tally: Tally, z: float) -> tuple[float, float]:
    """Lower and upper bound of a success rate, z standard errors away (Wilson 1927)."""
    if not tally.n:
        return 0.0, 1.0
    n, rate = tally.n, tally.rate
    whole = 1 + z * z / n
    middle = (rate + z * z / (2 * n)) / whole
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / whole
    return max(0.0, middle - half), min(1.0, middle + half)


def newcombe(a: Tally, b: Tally, z: float) -> tuple[float, float]:
    """Lower and upper bound of b's rate minus a's (Newcombe 1998, method 10); both have prompts."""
    (low_a, high_a), (low_b, high_b) = wilson(a, z), wilson(b, z)
    rate_a, rate_b = a.rate, b.rate
    difference = rate_b - rate_a
    below = math.hypot(rate_b - low_b, high_a - rate_a)
    above = math.hypot(high_b - rate_b, rate_a - low_a)
    return difference - below, difference + above
