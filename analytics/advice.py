"""A cheaper model for a task: what is worth a trial, and what came of trials.

Logs may only ever say "worth a trial"; "confirmed" needs prompts whose model was drawn at random.
A claimed saving is never more than the credits that it comes from, and each prompt is in one
proposal only. Methods and constants: `python -m benchmarks methods` shows how often they err.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from analytics.evidence import (
    Comparison,
    Multipliers,
    Pair,
    Records,
    Shortfall,
    cheaper_pairs,
    shortfall,
)
from analytics.trial import RECHECK_DAYS, Status
from analytics.wilson import Tally

MARGIN_PCT = 3
LEAST_CERTAINTY = 0.95
MOST_SHOWN = 3
# Ratings never prove, they only veto; unhappy people rate more often.
VETO_STARS, LEAST_VETO_OVERLAP = -0.25, 4.0
Z_VETO = NormalDist().inv_cdf(0.8)
Level = Literal["confirmed", "running", "worth a trial", "stopped"]


@dataclass(frozen=True, slots=True)
class Volume:
    """Prompts and micro-credits of one model on one task in the last 30 complete days.

    Without rows that do not say how many prompts they are: their credits would all seem saved.
    """

    prompts: int
    credits: int


@dataclass(frozen=True, slots=True)
class TrialResult:
    """How a trial stands, with outcomes of its arms, `age_days` after its end."""

    pair: Pair
    status: Status
    margin_pct: int
    control: Tally
    test: Tally
    age_days: int = 0

    @property
    def holds(self) -> bool:
        """Whether it speaks for the pair: models change, so a confirmation is checked again."""
        if self.status == "confirmed":
            return self.age_days <= RECHECK_DAYS
        return self.status != "no answer"


@dataclass(frozen=True, slots=True)
class Proposal:
    """Task, costly and cheaper model, with the most that it may save in a month (micro-credits).

    `certainty` is the probability that the loss is within the margin, as far as logs can tell;
    None where only a trial speaks.
    """

    pair: Pair
    level: Level
    saving: int
    margin_pct: int
    comparison: Comparison | None = None
    certainty: float | None = None
    trial: TrialResult | None = None


@dataclass(frozen=True, slots=True)
class Basis:
    """What savings are drawn from: records of 60 days, volumes of 30, multipliers in millionths.

    Volumes are by task and model. A model without multiplier here is not current.
    """

    records: Records
    volumes: Mapping[tuple[int, int], Volume]
    multipliers: Multipliers


def proposals(
    compared: Iterable[Comparison],
    basis: Basis,
    *,
    margin_pct: int = MARGIN_PCT,
    trials: Iterable[TrialResult] = (),
    declined: Collection[Pair] = (),
) -> list[Proposal]:
    """One proposal a task and costly model, the largest saving first, stopped trials last.

    Of several cheaper models the most certain is proposed, not the cheapest; what a trial has
    found, or is finding, goes before what logs say; of several trials of a pair the last counts.
    Show the first MOST_SHOWN.
    """
    last = {result.pair: result for result in trials}
    known = {pair: result for pair, result in last.items() if result.holds}
    found = [
        proposal
        for comparison in compared
        if comparison.pair not in known
        if (proposal := _from_logs(basis, comparison, margin_pct)) is not None
    ]
    found += [
        proposal
        for result in known.values()
        if (proposal := _from_trial(basis, result)) is not None
    ]
    stopped = [one for one in found if one.level == "stopped"]
    open_ = [one for one in found if one.level != "stopped" and one.pair not in declined]
    best: dict[tuple[int, int], Proposal] = {}
    for proposal in sorted(open_, key=_rank):
        best.setdefault(proposal.pair[:2], proposal)
    by_saving = sorted(best.values(), key=lambda one: (-one.saving, one.pair))
    return [*by_saving, *sorted(stopped, key=lambda one: one.pair)]


def combined_saving(shown: Iterable[Proposal]) -> int:
    """Micro-credits a month of several proposals; at most the credits of the prompts concerned."""
    return sum(proposal.saving for proposal in shown)


def _rank(proposal: Proposal) -> tuple[int, float, int, Pair]:
    """What goes first for one task and model: trials, then certainty, then saving."""
    order: Sequence[Level] = ("confirmed", "running", "worth a trial", "stopped")
    return (
        order.index(proposal.level),
        -(proposal.certainty or 0),
        -proposal.saving,
        proposal.pair,
    )


def _from_logs(basis: Basis, found: Comparison, margin_pct: int) -> Proposal | None:
    certainty = certainty_of(found, margin_pct)
    saving = saving_of(basis, found.pair)
    if certainty < LEAST_CERTAINTY or not saving or is_vetoed(found):
        return None
    return Proposal(found.pair, "worth a trial", saving, margin_pct, found, certainty)


def _from_trial(basis: Basis, result: TrialResult) -> Proposal | None:
    saving = 0 if result.status == "stopped" else saving_of(basis, result.pair)
    if result.status == "no answer" or (not saving and result.status != "stopped"):
        return None
    return Proposal(result.pair, result.status, saving, result.margin_pct, trial=result)


def certainty_of(found: Comparison, margin_pct: int) -> float:
    """The probability that the cheaper model loses no more than the margin, in points."""
    belief = found.belief
    return NormalDist().cdf((belief.mean + margin_pct / 100) / belief.sd)


def is_vetoed(found: Comparison) -> bool:
    """Whether the people who rated both models clearly like the cheaper one less."""
    ratings = found.ratings
    if ratings is None or ratings.overlap < LEAST_VETO_OVERLAP or ratings.value >= VETO_STARS:
        return False
    # Stars have a standard deviation of about 1.
    return ratings.value + Z_VETO / math.sqrt(ratings.overlap) < 0


def saving_of(basis: Basis, pair: Pair) -> int:
    """Micro-credits that 30 days would cost less, at most; 0 where nothing would be saved.

    At the credits really charged: of the costly model in those days, of the cheaper one on this
    task in 60 days, by its multiplier where it has not been used there.
    """
    task, a, b = pair
    volume = basis.volumes.get((task, a))
    multipliers = basis.multipliers
    if volume is None or a not in multipliers or b not in multipliers:
        return 0
    record = basis.records.get((task, b))
    cost, prompts = (record.credits, record.prompts) if record else (0, 0)
    if not prompts:
        cost, prompts = multipliers[b], 1
    instead = -(-volume.prompts * cost // prompts)
    return max(0, volume.credits - instead)


def shortfalls(basis: Basis) -> list[Shortfall]:
    """What is missing for a comparison, the task and model with most credits first.

    One for each task and costly model without any comparison: that of the cheaper model with most
    outcomes.
    """
    records = basis.records
    nearest: dict[tuple[int, int], tuple[int, Shortfall]] = {}
    compared = set()
    for pair in cheaper_pairs(records, basis.multipliers):
        task, a, b = pair
        found = shortfall(records, pair)
        outcomes = records[task, b].outcomes.n
        if found is None:
            compared.add((task, a))
        elif (task, a) not in nearest or outcomes > nearest[task, a][0]:
            nearest[task, a] = outcomes, found
    open_ = [(key, found) for key, (_, found) in nearest.items() if key not in compared]
    nothing = Volume(0, 0)
    open_.sort(key=lambda one: (-basis.volumes.get(one[0], nothing).credits, one[0]))
    return [found for _, found in open_]
