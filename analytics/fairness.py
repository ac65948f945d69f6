"""Comparing people, models and workflows fairly: minimum numbers, like work, clear differences.

Nobody is called efficient without the measure, and nobody unproductive at all. Below a minimum
there is no rank, only "not enough data (12 of 30)".
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from analytics.measures import round_half_even
from analytics.numbers import count_text

LEAST_PROMPTS = 30  # of a task or model
LEAST_PERSON_PROMPTS = 50
LEAST_RATINGS = 10
LEAST_PEERS = 3  # people in a task, so that there are colleagues to compare with
KNOWN_OUTCOMES_PCT = 90
PRIOR_RATINGS = 20  # at the workspace's mean
PRIOR_PROMPTS = 50
# Two means of n ratings, whose standard deviation is about 1, differ so rarely by chance.
CLEAR = 2.8


def too_few_text(have: int, need: int) -> str:
    """`not enough data (12 of 30)`."""
    return f"not enough data ({count_text(have)} of {count_text(need)})"


def credits_per_success(credits: int, *, prompts: int, ok_n: int, ok: int) -> int | None:
    """Micro-credits for each prompt that succeeded, rounded half to even.

    None where nothing succeeded, or fewer than 90 % of the outcomes are known.
    """
    if ok <= 0 or 100 * ok_n < KNOWN_OUTCOMES_PCT * prompts:
        return None
    return round_half_even(credits, ok)


def shrunk_rating(stars: int, n: int, mean: float) -> float:
    """What ratings are ranked by: their mean, pulled to the workspace's while there are few."""
    return (stars + PRIOR_RATINGS * mean) / (n + PRIOR_RATINGS)


def is_clear(a: float, n_a: int, b: float, n_b: int) -> bool:
    """Whether two mean ratings differ clearly; else say "no clear difference"."""
    least = min(n_a, n_b)
    return least >= LEAST_RATINGS and abs(a - b) >= CLEAR / math.sqrt(least)


@dataclass(frozen=True, slots=True)
class Work:
    """Prompts and micro-credits of one person on one task; 0 is the uncategorised one."""

    person_id: int
    task_id: int
    prompts: int
    credits: int


@dataclass(frozen=True, slots=True)
class PeerIndex:
    """A person's credits beside what colleagues use for the same prompts on the same tasks.

    `credits` and `prompts` are those of tasks with enough colleagues; `expected` is what the
    others' credits per prompt make of the prompts. `value` is 1.4 for "uses 1.4 times the credits
    of colleagues on the same tasks", already pulled towards 1 while there are few prompts.
    """

    prompts: int
    credits: int
    expected: float
    value: float


def peer_indexes(work: Iterable[Work]) -> dict[int, PeerIndex]:
    """The index of each person with at least 50 prompts in tasks of at least 3 people."""
    by_task: dict[int, list[Work]] = defaultdict(list)
    for row in work:
        if row.prompts > 0:
            by_task[row.task_id].append(row)
    shared = [rows for rows in by_task.values() if len(rows) >= LEAST_PEERS]
    mine: dict[int, list[Work]] = defaultdict(list)
    expected: dict[int, float] = defaultdict(float)
    for rows in shared:
        prompts, credits = _sums(rows)
        for row in rows:
            others = (credits - row.credits) / (prompts - row.prompts)
            mine[row.person_id].append(row)
            expected[row.person_id] += row.prompts * others
    prompts, credits = _sums([row for rows in by_task.values() for row in rows])
    prior = PRIOR_PROMPTS * credits / prompts if prompts else 0.0
    found = {}
    for person, rows in mine.items():
        prompts, credits = _sums(rows)
        if prompts >= LEAST_PERSON_PROMPTS and expected[person] + prior > 0:
            value = (credits + prior) / (expected[person] + prior)
            found[person] = PeerIndex(prompts, credits, expected[person], value)
    return found


def _sums(rows: Sequence[Work]) -> tuple[int, int]:
    return sum(row.prompts for row in rows), sum(row.credits for row in rows)


def peer_text(index: PeerIndex) -> str:
    """`uses 1.4 times the credits of colleagues on the same tasks`."""
    value = f"{index.value:.1f}"
    if value == "1.0":
        return "uses as many credits as colleagues on the same tasks"
    return f"uses {value} times the credits of colleagues on the same tasks"


@dataclass(frozen=True, slots=True)
class Standing:
    """Cost (micro-credits a prompt) and quality (shrunk rating or success) of a model."""

    cost: float
    quality: float
    n: int


def frontier(models: Mapping[int, Standing]) -> list[int]:
    """Models that no other beats, the cheapest first; those under 30 prompts take no part.

    One beats another that is no better in either, and worse in one.
    """
    enough = [(one.cost, -one.quality, key) for key, one in models.items()]
    found: list[int] = []
    best: tuple[float, float] | None = None
    for cost, worse, key in sorted(one for one in enough if models[one[2]].n >= LEAST_PROMPTS):
        if best is None or worse < best[1] or (cost, worse) == best:
            found.append(key)
            best = cost, worse
    return found
