"""What logs know of models on tasks, and which pairs of models they may compare.

The gates are hard: below minimum evidence nothing is said but what is missing.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from analytics.strata import Belief, Difference, difference, shrunk, weight
from analytics.wilson import Tally
from storage.evidence import Evidence

LEAST_FROM, LEAST_TO = 200, 100  # prompts with a known outcome
LEAST_PEOPLE = 3
LEAST_OVERLAP = 40.0
Pair = tuple[int, int, int]  # task, from model, to model
Multipliers = Mapping[int, int]
Missing = Literal["from", "to", "people", "overlap"]


@dataclass(slots=True)
class Record:
    """Everything that is known of one model on one task."""

    prompts: int = 0
    credits: int = 0
    outcomes: Tally = field(default_factory=Tally)
    strata: dict[tuple[int, int], Tally] = field(default_factory=dict)
    ratings: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, row: Evidence) -> None:
        """Count a row in. Who is not known cannot be compared with themself: no stratum."""
        tally = Tally(row.ok_n, row.ok)
        self.prompts += row.prompts
        self.credits += row.credits
        self.outcomes += tally
        if row.person_id and row.ok_n:
            key = row.person_id, row.third
            self.strata[key] = self.strata.get(key, Tally()) + tally
        if row.person_id and row.rating_n:
            stars, number = self.ratings.get(row.person_id, (0, 0))
            self.ratings[row.person_id] = stars + row.rating_sum, number + row.rating_n


Records = Mapping[tuple[int, int], Record]


@dataclass(frozen=True, slots=True)
class RatingDifference:
    """Stars of b minus those of a within the people who rated both: `a` and `b` ratings."""

    value: float
    overlap: float
    a: int
    b: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A costly model `a` and a cheaper `b` on one task, with enough evidence for both."""

    pair: Pair
    a: Tally
    b: Tally
    people: int
    strata: int
    difference: Difference
    belief: Belief
    ratings: RatingDifference | None


@dataclass(frozen=True, slots=True)
class Shortfall:
    """The first gate that a pair does not pass: `have` of `need`.

    `prompts` are those of the model that lacks evidence, whose outcome need not be known.
    """

    pair: Pair
    missing: Missing
    need: int
    have: int
    prompts: int = 0


def records_of(evidence: Iterable[Evidence]) -> dict[tuple[int, int], Record]:
    """Evidence by task and model; what is uncategorised is left out."""
    records: dict[tuple[int, int], Record] = defaultdict(Record)
    for row in evidence:
        if row.task_id:
            records[row.task_id, row.model_id].add(row)
    return dict(records)


def cheaper_pairs(records: Records, multipliers: Multipliers) -> Iterator[Pair]:
    """Every costly and cheaper model that were used on the same task, in order of their ids."""
    models: dict[int, list[int]] = defaultdict(list)
    for task, model in sorted(records):
        if model in multipliers:
            models[task].append(model)
    for task, used in models.items():
        for a in used:
            yield from ((task, a, b) for b in used if multipliers[b] < multipliers[a])


def shortfall(records: Records, pair: Pair, least_people: int = LEAST_PEOPLE) -> Shortfall | None:
    """What a pair still needs; None when it passes every gate."""
    task, a, b = pair
    costly, cheap = records[task, a], records[task, b]
    if costly.outcomes.n < LEAST_FROM:
        return Shortfall(pair, "from", LEAST_FROM, costly.outcomes.n, costly.prompts)
    if cheap.outcomes.n < LEAST_TO:
        return Shortfall(pair, "to", LEAST_TO, cheap.outcomes.n, cheap.prompts)
    shared = costly.strata.keys() & cheap.strata.keys()
    people = len({person for person, _ in shared})
    if people < least_people:
        return Shortfall(pair, "people", least_people, people)
    overlap = math.fsum(weight(costly.strata[key].n, cheap.strata[key].n) for key in shared)
    if overlap < LEAST_OVERLAP:
        return Shortfall(pair, "overlap", round(LEAST_OVERLAP), math.floor(overlap))
    return None


def comparisons(
    records: Records, multipliers: Multipliers, least_people: int = LEAST_PEOPLE
) -> list[Comparison]:
    """Every pair with enough evidence; tasks of the same two models borrow from each other.

    `multipliers` are those of the models that are current; others are compared with none. With a
    hundred thousand rows this takes half a second, and changes only when evidence or prices do.
    """
    by_models: dict[tuple[int, int], list[tuple[Pair, Difference]]] = defaultdict(list)
    for pair in cheaper_pairs(records, multipliers):
        if shortfall(records, pair, least_people) is None:
            task, a, b = pair
            found = difference(records[task, a].strata, records[task, b].strata)
            if found is not None:
                by_models[a, b].append((pair, found))
    return [
        _comparison(records, pair, found, belief)
        for group in by_models.values()
        for (pair, found), belief in zip(group, shrunk([one for _, one in group]), strict=True)
    ]


def _comparison(records: Records, pair: Pair, found: Difference, belief: Belief) -> Comparison:
    task, a, b = pair
    costly, cheap = records[task, a], records[task, b]
    shared = costly.strata.keys() & cheap.strata.keys()
    return Comparison(
        pair=pair,
        a=costly.outcomes,
        b=cheap.outcomes,
        people=len({person for person, _ in shared}),
        strata=len(shared),
        difference=found,
        belief=belief,
        ratings=_ratings(costly, cheap),
    )


def _ratings(costly: Record, cheap: Record) -> RatingDifference | None:
    people = sorted(costly.ratings.keys() & cheap.ratings.keys())
    if not people:
        return None
    total = overlap = 0.0
    for person in people:
        (stars_a, a), (stars_b, b) = costly.ratings[person], cheap.ratings[person]
        total += weight(a, b) * (stars_b / b - stars_a / a)
        overlap += weight(a, b)
    return RatingDifference(
        total / overlap,
        overlap,
        sum(costly.ratings[person][1] for person in people),
        sum(cheap.ratings[person][1] for person in people),
    )
