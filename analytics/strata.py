"""Two models compared on like prompts: the same person, the same third of prompt sizes.

Hard prompts go to costly models, and skilled people prefer some: sums over everything would
compare people and prompts, not models. Every stratum weighs by how much of both models it has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analytics.wilson import Tally

# The true differences between tasks are never taken to vary less than this.
LEAST_SPREAD = 0.03
Strata = Mapping[tuple[int, int], Tally]  # by person and third


@dataclass(frozen=True, slots=True)
class Difference:
    """Success of b minus that of a over the strata that have both.

    `overlap` is the sum of the strata's weights, a b / (a + b) prompts each; `a` and `b` are the
    prompts of those strata alone.
    """

    value: float
    variance: float
    overlap: float
    a: Tally
    b: Tally


@dataclass(frozen=True, slots=True)
class Belief:
    """A difference after what the other tasks of the same two models say about it."""

    mean: float
    sd: float


def difference(a: Strata, b: Strata) -> Difference | None:
    """Mantel-Haenszel weighted difference; None where no stratum has both."""
    pairs = [(a[key], b[key]) for key in a.keys() & b.keys() if a[key].n and b[key].n]
    if not pairs:
        return None
    weights = [weight(left.n, right.n) for left, right in pairs]
    overlap = math.fsum(weights)
    rises = (w * (right.rate - left.rate) for w, (left, right) in zip(weights, pairs, strict=True))
    whole_a = sum((left for left, _ in pairs), Tally())
    whole_b = sum((right for _, right in pairs), Tally())
    if len(pairs) == 1:
        variance = _variance(whole_a) / whole_a.n + _variance(whole_b) / whole_b.n
    else:
        variance = _variance(whole_a + whole_b) / overlap
    return Difference(math.fsum(rises) / overlap, variance, overlap, whole_a, whole_b)


def weight(a: int, b: int) -> float:
    """What a stratum with so many of each can say: the smaller of both counts most."""
    return a * b / (a + b)


def _variance(tally: Tally) -> float:
    return tally.careful_rate * (1 - tally.careful_rate)


def shrunk(found: Sequence[Difference]) -> list[Belief]:
    """Beliefs about differences of the same two models on several tasks, in order.

    Tasks borrow strength from each other by how little they seem to differ; the error of their
    common mean is kept.
    """
    values = [one.value for one in found]
    mean = math.fsum(values) / len(values)
    seen = math.fsum((value - mean) ** 2 for value in values) / max(len(values) - 1, 1)
    noise = math.fsum(one.variance for one in found) / len(found)
    spread = max(seen - noise, LEAST_SPREAD**2)
    precisions = [1 / (spread + one.variance) for one in found]
    precision = math.fsum(precisions)
    centre = math.fsum(p * value for p, value in zip(precisions, values, strict=True)) / precision
    beliefs = []
    for one in found:
        own = spread / (spread + one.variance)
        variance = own * one.variance + (1 - own) ** 2 / precision
        beliefs.append(Belief(centre + own * (one.value - centre), math.sqrt(variance)))
    return beliefs
