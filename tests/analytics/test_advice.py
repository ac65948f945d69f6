"""Advice: gates at their borders, savings that never exceed the spend, what may be said.

What must hold: nothing below minimum evidence, nothing for what is uncategorised, never towards
the costlier model, and "confirmed" only from a trial.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.advice import (
    Basis,
    Proposal,
    TrialResult,
    Volume,
    combined_saving,
    is_vetoed,
    proposals,
    shortfalls,
)
from analytics.advice_words import Names, missing_text, proposal_text
from analytics.evidence import Multipliers, Pair, comparisons, records_of
from analytics.strata import LEAST_SPREAD, Belief, Difference, difference, shrunk
from analytics.wilson import Tally
from storage.events import MICRO
from storage.evidence import Evidence

EMAIL, REVIEW = 1, 2
COSTLY, MIDDLE, CHEAP = 1, 2, 3
MULTIPLIERS = {COSTLY: 2 * MICRO, MIDDLE: MICRO, CHEAP: MICRO // 2}
PAIR = (EMAIL, COSTLY, CHEAP)
NAMES = Names("Email", "GPT-4o", "Sonnet")


def used(
    model: int, counts: Sequence[int], *, task: int = EMAIL, rate: float = 1.0
) -> list[Evidence]:
    """So many prompts of persons 1, 2, ... with a model, at its multiplier."""
    return [
        Evidence(
            task_id=task,
            model_id=model,
            person_id=person,
            third=1,
            prompts=count,
            ok_n=count,
            ok=round(rate * count),
            credits=count * MULTIPLIERS[model],
            rating_sum=0,
            rating_n=0,
        )
        for person, count in enumerate(counts, 1)
    ]


def basis(evidence: Iterable[Evidence], multipliers: Multipliers = MULTIPLIERS) -> Basis:
    """Of a workspace whose last 30 days are its 60 days."""
    records = records_of(evidence)
    volumes = {key: Volume(one.prompts, one.credits) for key, one in records.items()}
    return Basis(records, volumes, multipliers)


def advise(
    found: Basis,
    *,
    margin_pct: int = 3,
    trials: Sequence[TrialResult] = (),
    declined: Collection[Pair] = (),
) -> list[Proposal]:
    """Proposals on all comparisons that the basis allows."""
    compared = comparisons(found.records, found.multipliers)
    return proposals(compared, found, margin_pct=margin_pct, trials=trials, declined=declined)


def proposed(evidence: Iterable[Evidence], margin_pct: int = 3) -> list[tuple[int, int, int]]:
    return [one.pair for one in advise(basis(evidence), margin_pct=margin_pct)]


ENOUGH = [*used(COSTLY, [400] * 3), *used(CHEAP, [400] * 3)]


def test_an_equal_cheaper_model_is_worth_a_trial() -> None:
    [found] = advise(basis(ENOUGH))
    assert (found.pair, found.level) == (PAIR, "worth a trial")
    assert found.saving == 1_200 * (2 * MICRO - MICRO // 2)


@pytest.mark.parametrize(
    ("costly", "cheap", "is_compared"),
    [
        ([100, 50, 50], [40, 30, 30], True),
        ([100, 50, 49], [40, 30, 30], False),
        ([100, 50, 50], [40, 30, 29], False),
        ([100, 100], [50, 50], False),  # two people
        ([100, 100, 0], [50, 50, 50], False),  # the third used only one of them
        # a b / (a + b) of 3 and 597, 97 and 1, 1 and 2 prompts are under 40 together
        ([3, 97, 300], [597, 1, 2], False),
    ],
)
def test_each_gate_is_hard(costly: list[int], cheap: list[int], *, is_compared: bool) -> None:
    records = records_of([*used(COSTLY, costly), *used(CHEAP, cheap)])
    assert bool(comparisons(records, MULTIPLIERS)) is is_compared


@pytest.mark.parametrize(("first", "is_compared"), [(49, True), (48, False)])
def test_the_overlap_counts_from_40_on(first: int, *, is_compared: bool) -> None:
    # 200 and 49 prompts weigh 39.4, 200 and 48 weigh 38.7; two others bring 0.5 each.
    rows = [*used(COSTLY, [200, 1, 1]), *used(CHEAP, [first, 1, 1, 60])]
    assert bool(comparisons(records_of(rows), MULTIPLIERS)) is is_compared


def test_prompts_without_a_known_outcome_are_no_evidence() -> None:
    unknown = [row._replace(ok_n=0, ok=0) for row in used(CHEAP, [400] * 3)]
    assert proposed([*used(COSTLY, [400] * 3), *unknown]) == []


def test_nothing_is_proposed_for_what_is_uncategorised() -> None:
    assert proposed([row._replace(task_id=0) for row in ENOUGH]) == []


def test_people_who_are_not_known_are_not_compared_with_themselves() -> None:
    named = [row._replace(person_id=row.person_id % 3) for row in ENOUGH]
    assert {row.person_id for row in named} == {0, 1, 2}
    assert proposed(named) == []


def test_a_model_that_is_not_current_is_not_compared() -> None:
    assert advise(basis(ENOUGH, {COSTLY: MULTIPLIERS[COSTLY]})) == []


def test_models_of_equal_multiplier_are_not_compared() -> None:
    assert advise(basis(ENOUGH, {COSTLY: MICRO, CHEAP: MICRO})) == []


def test_a_loss_beyond_the_margin_is_not_proposed() -> None:
    worse = [*used(COSTLY, [400] * 3), *used(CHEAP, [400] * 3, rate=0.95)]
    assert proposed(worse) == []
    assert proposed(worse, margin_pct=10) == [PAIR]


def test_success_is_compared_within_people() -> None:
    # Alice succeeds half as often, on whatever model; she prefers the cheap one.
    costly = [*used(COSTLY, [100], rate=0.5), *used(COSTLY, [0, 500, 500])]
    cheap = [*used(CHEAP, [500], rate=0.5), *used(CHEAP, [0, 300, 300])]
    [found] = comparisons(records_of([*costly, *cheap]), MULTIPLIERS)
    assert found.b.rate < found.a.rate - 0.15
    assert found.difference.value == 0


@pytest.mark.parametrize(("z", "is_proposed"), [(1.6449, True), (1.6448, False)])
def test_proposals_are_95_per_cent_certain(z: float, *, is_proposed: bool) -> None:
    found = basis(ENOUGH)
    [compared] = comparisons(found.records, found.multipliers)
    border = replace(compared, belief=Belief(mean=z * 0.01 - 0.03, sd=0.01))
    assert bool(proposals([border], found)) is is_proposed


def test_the_most_certain_model_is_proposed_not_the_cheapest() -> None:
    costly, cheap = used(COSTLY, [400] * 3, rate=0.9), used(CHEAP, [400] * 3, rate=0.9)
    middle = used(MIDDLE, [900] * 3, rate=0.9)
    assert proposed([*costly, *cheap]) == [PAIR]
    assert (EMAIL, COSTLY, MIDDLE) in proposed([*costly, *middle, *cheap])
    assert PAIR not in proposed([*costly, *middle, *cheap])


def test_a_refusal_leaves_the_next_best() -> None:
    rows = [*used(COSTLY, [400] * 3), *used(MIDDLE, [900] * 3), *used(CHEAP, [400] * 3)]
    found = advise(basis(rows), declined={(EMAIL, COSTLY, MIDDLE)})
    assert (EMAIL, COSTLY, CHEAP) in [one.pair for one in found]


@pytest.mark.parametrize(
    ("n", "stars", "vetoed"),
    [
        (10, 40, True),
        (10, 47, False),  # 0.3 less, but not clearly so
        (40, 190, False),  # 0.25 less is no difference
        (8, 32, True),
        (7, 28, False),  # 7 and 7 ratings weigh 3.5: too few
    ],
)
def test_only_clearly_worse_ratings_veto(n: int, stars: int, *, vetoed: bool) -> None:
    rows = list(ENOUGH)
    rows[0] = rows[0]._replace(rating_sum=5 * n, rating_n=n)
    rows[3] = rows[3]._replace(rating_sum=stars, rating_n=n)
    [found] = comparisons(records_of(rows), MULTIPLIERS)
    assert is_vetoed(found) is vetoed
    assert bool(proposed(rows)) is not vetoed


def test_ratings_of_people_who_rated_one_model_do_not_count() -> None:
    rows = list(ENOUGH)
    rows[0] = rows[0]._replace(rating_sum=500, rating_n=100)
    rows[4] = rows[4]._replace(rating_sum=100, rating_n=100)
    [found] = comparisons(records_of(rows), MULTIPLIERS)
    assert found.ratings is None


def test_what_saves_nothing_is_not_proposed() -> None:
    # The cheaper multiplier was charged more in the end, by stated costs.
    dear = [row._replace(credits=3 * row.prompts * MICRO) for row in used(CHEAP, [400] * 3)]
    assert proposed([*used(COSTLY, [400] * 3), *dear]) == []


def result(status: str, **more: object) -> TrialResult:
    """A trial of the pair with 653 prompts an arm."""
    arms = {"control": Tally(653, 630), "test": Tally(653, 627)}
    return TrialResult(PAIR, status, 3, **{**arms, **more})  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize(
    ("status", "levels"),
    [
        ("confirmed", ["confirmed"]),
        ("running", ["running"]),
        ("stopped", ["stopped"]),
        ("no answer", ["worth a trial"]),
    ],
)
def test_what_a_trial_found_goes_before_logs(status: str, levels: list[str]) -> None:
    found = advise(basis(ENOUGH), trials=[result(status)])
    assert [one.level for one in found] == levels


def test_a_model_that_is_new_to_a_task_saves_by_its_multiplier() -> None:
    [found] = advise(basis(used(COSTLY, [400] * 3)), trials=[result("running")])
    assert found.saving == 1_200 * (2 * MICRO - MICRO // 2)


def test_a_trial_of_what_nobody_does_any_more_saves_nothing() -> None:
    idle = Basis(records_of(ENOUGH), {}, MULTIPLIERS)
    assert advise(idle, trials=[result("running")]) == []


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [
        ("stopped", "no answer", "worth a trial"),
        ("no answer", "stopped", "stopped"),
        ("confirmed", "running", "running"),
    ],
)
def test_of_several_trials_of_a_pair_the_last_counts(before: str, after: str, level: str) -> None:
    [found] = advise(basis(ENOUGH), trials=[result(before), result(after)])
    assert found.level == level


def test_a_confirmation_is_checked_again_after_90_days() -> None:
    for days, level in ((90, "confirmed"), (91, "worth a trial")):
        [found] = advise(basis(ENOUGH), trials=[result("confirmed", age_days=days)])
        assert found.level == level


def test_a_confirmed_model_goes_before_a_more_certain_one() -> None:
    rows = [*used(COSTLY, [400] * 3), *used(MIDDLE, [900] * 3), *used(CHEAP, [40] * 3)]
    found = advise(basis(rows), trials=[result("confirmed")])
    assert [one.pair for one in found if one.pair[1] == COSTLY] == [PAIR]


COUNTS = st.lists(st.integers(0, 900), min_size=3, max_size=4)
ROWS = st.lists(
    st.builds(
        used,
        st.sampled_from([COSTLY, MIDDLE, CHEAP]),
        COUNTS,
        task=st.integers(0, 3),
        rate=st.floats(0.9, 1),
    ),
    max_size=14,
).map(lambda made: [row for rows in made for row in rows])
VOLUMES = st.dictionaries(
    st.tuples(st.integers(0, 3), st.sampled_from([COSTLY, MIDDLE, CHEAP])),
    st.builds(Volume, st.integers(0, 10**6), st.integers(0, 10**13)),
)


@given(ROWS, VOLUMES, st.integers(1, 10))
def test_savings_never_exceed_the_spend_they_come_from(
    rows: list[Evidence], volumes: dict[tuple[int, int], Volume], margin_pct: int
) -> None:
    found = advise(Basis(records_of(rows), volumes, MULTIPLIERS), margin_pct=margin_pct)
    sources = [one.pair[:2] for one in found]
    assert len(sources) == len(set(sources))
    assert all(0 < one.saving <= volumes[one.pair[:2]].credits for one in found)
    assert combined_saving(found) <= sum(volumes[source].credits for source in sources)
    assert [one.saving for one in found] == sorted((o.saving for o in found), reverse=True)


@given(ROWS, st.integers(1, 10))
def test_every_proposal_passed_every_rule(rows: list[Evidence], margin_pct: int) -> None:
    for found in advise(basis(rows), margin_pct=margin_pct):
        task, a, b = found.pair
        comparison = found.comparison
        assert comparison is not None
        assert found.level == "worth a trial"
        assert task
        assert MULTIPLIERS[b] < MULTIPLIERS[a]
        assert (comparison.a.n >= 200, comparison.b.n >= 100) == (True, True)
        assert comparison.people >= 3
        assert found.certainty is not None
        assert found.certainty >= 0.95


def test_strata_weigh_by_what_both_have() -> None:
    a = {(1, 1): Tally(100, 90), (2, 1): Tally(100, 50), (3, 1): Tally(50, 0)}
    b = {(1, 1): Tally(100, 80), (2, 1): Tally(25, 15), (4, 1): Tally(50, 50)}
    found = difference(a, b)
    assert found is not None
    # weights 50 and 20, differences -0.1 and +0.1; (235 + 1) / (325 + 2) pooled
    assert found.value == pytest.approx((50 * -0.1 + 20 * 0.1) / 70)
    assert found.variance == pytest.approx(236 / 327 * 91 / 327 / 70)
    assert (found.a, found.b) == (Tally(200, 140), Tally(125, 95))


def test_one_stratum_has_the_variances_of_its_rates() -> None:
    found = difference({(1, 1): Tally(98, 49)}, {(1, 1): Tally(48, 24)})
    assert found is not None
    assert found.variance == pytest.approx(0.25 / 98 + 0.25 / 48)


def test_strata_without_both_say_nothing() -> None:
    assert difference({(1, 1): Tally(9, 9)}, {(2, 1): Tally(9, 9)}) is None


def seen(value: float, variance: float) -> Difference:
    return Difference(value, variance, 50.0, Tally(), Tally())


def test_one_task_alone_keeps_its_difference_and_the_error_of_the_floor() -> None:
    [belief] = shrunk([seen(-0.02, 0.0004)])
    own = LEAST_SPREAD**2 / (LEAST_SPREAD**2 + 0.0004)
    assert belief.mean == pytest.approx(-0.02)
    assert belief.sd**2 == pytest.approx(own * 0.0004 + (1 - own) ** 2 * (0.0009 + 0.0004))


def test_tasks_that_differ_keep_most_of_their_difference() -> None:
    # Seen variance 0.02, noise 0.001: a spread of 0.019, so 95 % of each difference is its own.
    found = shrunk([seen(0.0, 0.001), seen(0.2, 0.001)])
    assert [belief.mean for belief in found] == pytest.approx([0.005, 0.195])


def test_tasks_borrow_from_each_other_the_less_the_more_they_know() -> None:
    known, vague = shrunk([seen(0.0, 1e-8), seen(0.1, 0.01)])
    assert known.mean == pytest.approx(0.0, abs=1e-3)
    assert vague.mean < 0.03
    assert math.isfinite(vague.sd)


def test_the_words_hold_evidence_margin_and_up_to() -> None:
    rows = [*used(COSTLY, [815, 815, 815], rate=0.964), *used(CHEAP, [206] * 3, rate=0.961)]
    [found] = advise(basis(rows), margin_pct=5)
    words = proposal_text(found, NAMES)
    assert words == (
        "Worth a trial: Sonnet for Email. On 618 and 2,445 prompts of 3 people who use "
        "both, success 96.1% against 96.4% (margin 5 points). Up to 3,668 credits a month at the "
        "last 30 days' volume. Logs cannot prove equal quality."
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (
            "confirmed",
            (
                "Confirmed: Sonnet for Email. Success stayed within 3 points in a trial of "
                "653 + 653 prompts. Up to 1,800 credits a month at the last 30 days' volume."
            ),
        ),
        (
            "stopped",
            (
                "Stopped: Sonnet for Email. Success was more than 3 points lower in a trial "
                "of 653 + 653 prompts."
            ),
        ),
        (
            "running",
            (
                "Trial running: Sonnet for Email. 653 + 653 prompts so far (margin 3 "
                "points). Up to 1,800 credits a month at the last 30 days' volume."
            ),
        ),
    ],
)
def test_only_trials_confirm_or_stop(status: str, words: str) -> None:
    [found] = advise(basis(ENOUGH), trials=[result(status)])
    assert proposal_text(found, NAMES) == words


def test_a_proposal_without_evidence_cannot_be_said() -> None:
    with pytest.raises(ValueError, match="logs or on a trial"):
        proposal_text(Proposal(PAIR, "confirmed", 1, 3), NAMES)


@pytest.mark.parametrize(
    ("costly", "cheap", "words"),
    [
        ([199], [400], "Needs 200 prompts of GPT-4o on Email; 199 so far."),
        ([400], [43], "Needs 100 prompts of Sonnet on Email; 43 so far."),
        (
            [400],
            [100],
            "Needs 3 people who used both GPT-4o and Sonnet on Email; 1 so far.",
        ),
        (
            [200, 1, 1],
            [1, 200, 1],
            (
                "Needs the same people to use both GPT-4o and Sonnet on Email more evenly; "
                "comparable prompts 2 of 40 so far."
            ),
        ),
    ],
)
def test_what_is_missing_is_named(costly: list[int], cheap: list[int], words: str) -> None:
    [found] = shortfalls(basis([*used(COSTLY, costly), *used(CHEAP, cheap)]))
    assert missing_text(found, NAMES) == words


def test_prompts_without_outcome_are_named_as_such() -> None:
    rows = [row._replace(prompts=row.prompts + 1) for row in used(COSTLY, [199])]
    [found] = shortfalls(basis([*rows, *used(CHEAP, [400])]))
    assert "with a known outcome; 199 so far" in missing_text(found, NAMES)


def test_the_largest_spend_is_what_most_lacks_evidence() -> None:
    rows = [*used(COSTLY, [100]), *used(MIDDLE, [50]), *used(CHEAP, [60])]
    more = [row._replace(task_id=REVIEW, credits=10 * row.credits) for row in rows[:2]]
    found = [one.pair for one in shortfalls(basis([*rows, *more]))]
    assert found == [(REVIEW, COSTLY, MIDDLE), (EMAIL, COSTLY, CHEAP), (EMAIL, MIDDLE, CHEAP)]


def test_nothing_is_missing_where_a_comparison_stands() -> None:
    assert shortfalls(basis(ENOUGH)) == []
