"""What the days left of a month will use: a level with weekday factors, and its 80 % range.

Floats in and out; `analytics.projection` turns them into credits. Bands of the textbook kind cover
25-46 % of months on real series, because levels drift: these were fitted on how far the method
itself missed, and are narrowed by a replay of the series' own past.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analytics.anomaly import BASE_DAYS, FACTOR_DAYS, against_usual, is_busy
from analytics.weekdays import Counts, Floats, days_before, levels, weekday_factors

LEAST_DAYS = 28  # below: the run-rate of this month alone
LEVEL_DAYS = 112
FACTOR_WIDTH = 84  # 12 weeks
SHORT, LONG = 7.0, 28.0  # half-lives in days
NOISY, LEAST_NOISY_DAYS = 0.5, 56
NOISE_DAYS = 56
LEAST_NOISE_FACTOR = 0.2
LEAST_CV, MOST_CV = 0.05, 5.0
# One huge day three weeks back more than doubled the error; it says nothing about days to come.
CLEAN_DAYS, CLEAN_EXCESS = 56, 0.20
LEAST_REPLAY_DAYS, LEAST_REPLAYS = 60, 12
SHORT_HORIZON = 5
FALLEN = 1 / 3


@dataclass(frozen=True, slots=True)
class Band:
    """A fitted range, from `least` days of data on.

    With s = exp(b0 + b1 ln cv + b2 ln days left) it reaches from p exp(low s) to p exp(high s).
    """

    least: int
    b0: float
    b1: float
    b2: float
    low: float
    high: float


BANDS = (
    Band(60, -0.657, 0.720, -0.061, -1.70, 2.02),
    Band(28, -0.642, 0.804, -0.005, -1.58, 2.45),
    Band(0, -0.834, 0.614, 0.134, -1.63, 2.69),
)


@dataclass(frozen=True, slots=True)
class Remaining:
    """Expected use of each day left, the 80 % range of their sum, and whether usage fell sharply.

    With nothing used lately the sum is 0, and the high end is what an average day would bring.
    """

    days: Floats
    low: float
    high: float
    has_fallen: bool


def remaining(daily: Floats, prompts: Floats, rate: float | None, left: int) -> Remaining:
    """What the `left` days after the series will use; 0 of an empty series.

    `rate` is the mean of this month's days, which decides alone while history is short; None
    before the month has a complete day.
    """
    known = len(daily)
    if not known or not left:
        return Remaining(np.zeros(left), 0.0, 0.0, has_fallen=False)
    calm = without_huge_days(daily, prompts)
    level, days, cv = _outlook(calm, left)
    has_fallen = known >= LEAST_DAYS and bool(calm[-7:].mean() < FALLEN * level)
    if known < LEAST_DAYS:
        days = np.full(left, daily.mean() if rate is None else rate)
    point = float(days.sum())
    if point <= 0:
        return Remaining(days, 0.0, float(daily.mean()) * left, has_fallen)
    low, high = _fitted(point, cv, known, left)
    if known >= LEAST_REPLAY_DAYS:
        low, high = _replayed(calm, point, low, high, left)
    return Remaining(days, min(low, point), max(high, point), has_fallen)


def without_huge_days(daily: Floats, prompts: Floats) -> Floats:
    """The series with unusual days that took a fifth of a month set to what was usual for them.

    Where there are few prompts a day, busy days are nothing unusual: to trim those does harm.
    """
    calm = daily.copy()
    for at in range(max(BASE_DAYS, len(calm) - CLEAN_DAYS), len(calm)):
        # Cheap, and implied by the excess: most days need nothing more.
        if calm[at] <= CLEAN_EXCESS * 30 * calm[at - BASE_DAYS : at].mean():
            continue
        ends = np.array([at])
        if not is_busy(prompts, ends)[0]:
            continue
        found = against_usual(days_before(calm, ends, FACTOR_DAYS), ends, calm[ends])
        if found.is_alert[0] and found.excess[0] >= CLEAN_EXCESS:
            calm[at] = found.usual[0]
    return calm


def _outlook(daily: Floats, left: int) -> tuple[float, Floats, float]:
    """The level, what it makes of the days left, and how noisy the days were (cv)."""
    known = np.array([len(daily)])
    rows = days_before(daily, known, LEVEL_DAYS)
    factors = weekday_factors(rows[:, -FACTOR_WIDTH:], known)
    short = level = float(levels(rows, factors, known, SHORT)[0])
    lately = min(NOISE_DAYS, len(daily))
    past = np.tile(factors[0], LEVEL_DAYS // 7)[-lately:]
    noise = float((daily[-lately:] / np.maximum(past, LEAST_NOISE_FACTOR)).std())
    cv = noise / short if short > 0 else MOST_CV
    if cv > NOISY and len(daily) >= LEAST_NOISY_DAYS:
        level = (short + float(levels(rows, factors, known, LONG)[0])) / 2
    return level, level * factors[0][np.arange(left) % 7], cv


def _fitted(point: float, cv: float, known: int, left: int) -> tuple[float, float]:
    band = next(band for band in BANDS if known >= band.least)
    noise = math.log(min(max(cv, LEAST_CV), MOST_CV))
    s = math.exp(band.b0 + band.b1 * noise + band.b2 * math.log(left))
    return point * math.exp(band.low * s), point * math.exp(band.high * s)


def _replayed(
    daily: Floats, point: float, low: float, high: float, left: int
) -> tuple[float, float]:
    """The range drawn half way, in logarithms, to how far the series' own past was missed."""
    step = 1 if left <= SHORT_HORIZON else 2
    origins = np.arange(LEAST_DAYS, len(daily) - left + 1, step)
    if len(origins) < LEAST_REPLAYS:
        return low, high
    ratios = _replay(daily, origins, left)
    if len(ratios) < LEAST_REPLAYS:
        return low, high
    r10, r90 = np.quantile(ratios, [0.1, 0.9]).tolist()
    if r10 <= 0:
        return low, high
    return math.sqrt(low * point * r10), math.sqrt(high * point * r90)


def _replay(daily: Floats, origins: Counts, left: int) -> Floats:
    """Actual over predicted sum of the `left` days after each origin, where any was predicted."""
    rows = days_before(daily, origins, LEVEL_DAYS)
    factors = weekday_factors(rows[:, -FACTOR_WIDTH:], origins)
    level = levels(rows, factors, origins, SHORT)
    predicted = level * factors[:, np.arange(left) % 7].sum(axis=1)
    sums = np.concatenate([[0.0], np.cumsum(daily)])
    actual = sums[origins + left] - sums[origins]
    is_known = predicted > 0
    ratios: Floats = actual[is_known] / predicted[is_known]
    return ratios
