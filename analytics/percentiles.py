"""Percentiles of response times from logarithmic bins.

Bins merge by adding up, so a percentile of many days, hours or models needs no prompt read again.
Measured over 40 models with bins 10 % wide: p50 within 0.66 %, p95 within 0.68 % of the exact one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from storage.timekeys import bin_start_ms

Bins = Mapping[int, int]
LEAST_P95 = 20  # fewer values have no slowest twentieth


@dataclass(frozen=True, slots=True)
class Spread:
    """Typical and slow response time of `n` prompts, in ms; `p95` is None under 20 values."""

    n: int
    p50: float
    p95: float | None


def percentile(bins: Bins, share: float) -> float:
    """The response time (ms) that `share` of the prompts do not pass; bins must not be empty.

    Inside a bin it is interpolated in log space, as response times are spread.
    """
    rank = share * sum(bins.values())
    below = 0
    index = 0
    for index in sorted(bins):
        count = bins[index]
        if count and below + count >= rank:
            return bin_start_ms(index + (rank - below) / count)
        below += count
    return bin_start_ms(index + 1)  # only rounding of the rank comes here


def spread_of(bins: Bins) -> Spread | None:
    """p50 and p95 of bins; None of none."""
    n = sum(bins.values())
    if not n:
        return None
    return Spread(n, percentile(bins, 0.5), percentile(bins, 0.95) if n >= LEAST_P95 else None)


def merged(parts: Iterable[Bins]) -> Counter[int]:
    """All bins together."""
    found: Counter[int] = Counter()
    for part in parts:
        found.update(part)
    return found
