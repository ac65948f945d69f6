"""Days of unusual spend: the rule, its gates, and who carries the rise.

A verdict on a day looks at days before it only, so what comes later never changes it; an import
that is undone does. "Spend is unusual" is
all that may be said: never a cause. Formulae and constants: measured on real series, with at most
0.6 false alerts in 30 days (`python -m benchmarks methods`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analytics.numbers import counted_credits, credits_text
from analytics.timerange import MONTHS, WEEKDAYS
from analytics.weekdays import Counts, Floats, days_before, weekday_factors

BASE_DAYS = 28
FACTOR_DAYS = 56
LEAST_PROMPTS = 5  # a day, on average over the base
MONTH = 30  # mean days that the excess is a share of
# Least z and least excess; either pair is enough.
RULES = ((3.5, 0.05), (2.5, 0.20))
SCOPE_EXCESS = 0.05  # of the workspace's month, for one person or source alone
MOST_FACTOR = 100  # beyond it a factor only says that the usual is next to nothing
Kind = Literal["person", "model", "task", "project", "source"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is usual on one judged day, in micro-credits, and how far it was passed.

    `index` is the day's place in the series; `mean` is that of the 28 days before, `usual` the
    same for its weekday; `excess` is a share of a month at the mean; `z` may be infinite.
    """

    index: int
    total: int
    mean: float
    usual: float
    z: float
    excess: float
    is_alert: bool

    @property
    def factor(self) -> float:
        """How many times the usual of the weekday."""
        return self.total / self.usual


@dataclass(frozen=True, slots=True)
class Unusual:
    """The rule on several days at once; see `Verdict`."""

    mean: Floats
    usual: Floats
    z: Floats
    excess: Floats
    is_alert: NDArray[np.bool_]


def against_usual(days: Floats, known: Counts, totals: Floats) -> Unusual:
    """The rule, without the gate on prompts, on each total after its row of FACTOR_DAYS days.

    At least BASE_DAYS of a row are known.
    """
    base = days[:, -BASE_DAYS:]
    mean, sd = base.mean(axis=1), base.std(axis=1)
    usual = mean * weekday_factors(days, known)[:, 0]
    rise = totals - mean
    # After 28 equal days any rise is infinitely rare; the excess decides alone.
    z = np.divide(rise, sd, out=np.where(rise > 0, np.inf, 0.0), where=sd > 0)
    month = MONTH * mean
    excess = np.divide(totals - usual, month, out=np.zeros_like(month), where=month > 0)
    is_alert = np.any([(z >= far) & (excess >= much) for far, much in RULES], axis=0)
    return Unusual(mean, usual, z, excess, is_alert & (mean > 0))


def is_busy(prompts: Floats, days: Counts) -> NDArray[np.bool_]:
    """Whether the 28 days before each day had enough prompts to tell what is unusual."""
    until = np.concatenate([[0.0], np.cumsum(prompts)])
    enough: NDArray[np.bool_] = until[days] - until[days - BASE_DAYS] >= LEAST_PROMPTS * BASE_DAYS
    return enough


def verdicts(daily: Sequence[int], prompts: Sequence[int]) -> list[Verdict]:
    """A verdict on every day that may be judged, oldest first.

    Takes micro-credits and prompts by day, both from the workspace's first day on. Left out are
    days without 28 complete days before them, with fewer than 5 prompts a day over those, or
    after 28 days without any credits.
    """
    if len(daily) != len(prompts):
        raise ValueError("credits and prompts are of different days")
    if len(daily) <= BASE_DAYS:
        return []
    ends = np.arange(BASE_DAYS, len(daily))
    is_open = is_busy(np.array(prompts, float), ends)
    spent = np.array(daily, float)
    found = against_usual(days_before(spent, ends, FACTOR_DAYS), ends, spent[ends])
    return [
        Verdict(
            index=int(ends[at]),
            total=daily[ends[at]],
            mean=float(found.mean[at]),
            usual=float(found.usual[at]),
            z=float(found.z[at]),
            excess=float(found.excess[at]),
            is_alert=bool(found.is_alert[at]),
        )
        for at in np.flatnonzero(is_open & (found.mean > 0))
    ]


def judge(daily: Sequence[int], prompts: Sequence[int]) -> Verdict | None:
    """The verdict on the last day of the series, which may still run; None where none is due.

    More spend only raises z, so an alert before the day's end stays one.
    """
    recent = max(0, len(daily) - FACTOR_DAYS - 1)
    found = verdicts(daily[recent:], prompts[recent:])
    if not found or found[-1].index != len(daily) - recent - 1:
        return None
    return replace(found[-1], index=len(daily) - 1)


def matters_to_all(verdict: Verdict, workspace_mean: float) -> bool:
    """Whether one person's or source's unusual day matters to a workspace of that daily mean."""
    month = MONTH * workspace_mean
    return verdict.is_alert and verdict.total - verdict.usual >= SCOPE_EXCESS * month


@dataclass(frozen=True, slots=True)
class Part:
    """What one id of a kind used on the judged day and in the 28 days before."""

    kind: Kind
    key: int
    name: str
    total: int
    before: int

    @property
    def rise(self) -> float:
        """Micro-credits above its own mean."""
        return self.total - self.before / BASE_DAYS


@dataclass(frozen=True, slots=True)
class Carrier:
    """Who carries most of a rise, with the share of it; above 1 where others used less."""

    part: Part
    share: float


def carrier(verdict: Verdict, parts: Iterable[Part]) -> Carrier | None:
    """The part with the largest own rise, the first where equal; None where nothing rose."""
    rise = verdict.total - verdict.mean
    largest = max(parts, key=lambda part: part.rise, default=None)
    if largest is None or largest.rise <= 0 or rise <= 0:
        return None
    return Carrier(largest, largest.rise / rise)


def unusual_text(verdict: Verdict, day: date) -> str:
    """`Spend is unusual: 4,210 credits on Tuesday 24 March, 3 times the usual Tuesday (1,350)`."""
    weekday = WEEKDAYS[day.weekday()].title()
    when = f"{weekday} {day.day} {MONTHS[day.month - 1].title()}"
    return (
        f"Spend is unusual: {counted_credits(verdict.total)} on {when}, {_times(verdict, weekday)}."
    )


def still_text(verdict: Verdict, day: date) -> str:
    """For the day after an alert, whose own z says little: the alert is in its 28 days."""
    return f"Still at {_times(verdict, WEEKDAYS[day.weekday()].title())}."


def carrier_text(found: Carrier) -> str:
    """`Largest rise: Dana, 2,400 credits above the mean of 28 days (84% of the rise).`."""
    share = "all" if found.share >= 0.995 else f"{found.share:.0%}"
    return (
        f"Largest rise: {found.part.name}, {counted_credits(round(found.part.rise))} above "
        f"the mean of {BASE_DAYS} days ({share} of the rise)."
    )


def _times(verdict: Verdict, weekday: str) -> str:
    factor = verdict.factor
    times = f"more than {MOST_FACTOR}" if factor > MOST_FACTOR else f"{factor:.1f}"
    return f"{times} times the usual {weekday} ({credits_text(round(verdict.usual))})"
