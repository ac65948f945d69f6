"""The rhythm of a week and the level of spend, from daily totals: what forecast and alerts share.

Rows of a matrix are stretches of complete days, oldest first, zero before the first known day.
Weekdays need no calendar: place 0 is the weekday seven days before a row's end, and so that of
the first day after it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
PSEUDO_WEEKS = 2.0  # pull a weekday's factor towards 1


def days_before(daily: Floats, ends: Counts, width: int) -> Floats:
    """A row of the `width` days before each end, zeros before the first day; read-only."""
    padded = np.concatenate([np.zeros(width), daily])
    rows: Floats = np.lib.stride_tricks.sliding_window_view(padded, width)[ends]
    return rows


def weekday_factors(days: Floats, known: Counts) -> Floats:
    """Seven factors with mean 1 for each row: the spend of a weekday beside an average day's.

    Rows are whole weeks wide; `known` days at their end are data. Weeks that are not wholly known
    or have no usage do not count; without any week all factors are 1.
    """
    weeks = days.reshape(len(days), -1, 7)
    is_whole = np.arange(weeks.shape[1], 0, -1) <= known[:, None] // 7
    counts = is_whole & (weeks.sum(axis=2) > 0)
    sums = (weeks * counts[:, :, None]).sum(axis=1)
    number = counts.sum(axis=1)[:, None]
    mean = sums.sum(axis=1, keepdims=True) / np.maximum(7 * number, 1)
    # Their mean is 1 already, and none is below 1/7: no balancing, no floor.
    weighed: Floats = sums / np.where(mean > 0, mean, 1) + PSEUDO_WEEKS
    factors: Floats = weighed / (number + PSEUDO_WEEKS)
    return factors


def levels(days: Floats, factors: Floats, known: Counts, half_life: float) -> Floats:
    """Spend of an average day for each row, older days counting half as much per half-life.

    Both matrices have whole weeks; each row knows at least one day.
    """
    width = days.shape[1]
    age = np.arange(width - 1, -1, -1)
    decay = np.where(age < known[:, None], 0.5 ** (age / half_life), 0.0)
    expected = np.tile(factors, width // 7)
    level: Floats = (decay * days).sum(axis=1) / (decay * expected).sum(axis=1)
    return level
