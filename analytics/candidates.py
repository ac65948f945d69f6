"""A model beside others: what is known of it, and when it differs clearly from another."""

from __future__ import annotations

from dataclasses import dataclass

from analytics.outcomes import FEWEST_PROMPTS, Outcome
from analytics.percentiles import Spread
from analytics.quality import Quality
from analytics.wilson import Tally, newcombe

NORMAL_95 = 1.96
CLEARLY_FASTER = 1.12  # a little more than a bin is wide: inside one the order is not known


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model in a comparison; `quality` has its ratings, those given in chat among them."""

    key: int
    name: str
    family: str
    outcome: Outcome
    quality: Quality
    spread: Spread | None

    @property
    def is_marked(self) -> bool:
        """Whether it rests on too few prompts for any claim."""
        return self.outcome.usage.prompts < FEWEST_PROMPTS

    @property
    def per_prompt(self) -> int | None:
        """Micro-credits a prompt."""
        return self.outcome.usage.per_prompt

    @property
    def p50(self) -> float | None:
        """Typical response time (ms), where enough prompts were timed to claim anything."""
        return self.spread.p50 if self.spread and self.spread.n >= FEWEST_PROMPTS else None

    @property
    def rating(self) -> float | None:
        """Mean stars; None below 10 ratings."""
        return self.quality.rating


def is_faster(one: Candidate, other: Candidate) -> bool:
    """Whether the typical prompt of one takes noticeably less time."""
    return one.p50 is not None and other.p50 is not None and one.p50 * CLEARLY_FASTER <= other.p50


def rating_step(one: Candidate, other: Candidate) -> float | None:
    """Stars that one has more than the other, 0 where it is not clear; None without ratings."""
    if one.rating is None or other.rating is None:
        return None
    return one.rating - other.rating if one.quality.is_rated_apart(other.quality) else 0.0


def success_step(one: Candidate, other: Candidate) -> float | None:
    """Success that one has more than the other (0..1), 0 where it is not clear (95 %)."""
    mine, theirs = (Tally(it.outcome.ok_n, it.outcome.ok) for it in (one, other))
    if min(mine.n, theirs.n) < FEWEST_PROMPTS:
        return None
    low, high = newcombe(theirs, mine, NORMAL_95)
    return mine.rate - theirs.rate if low > 0 or high < 0 else 0.0
