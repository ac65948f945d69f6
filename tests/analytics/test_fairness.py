"""Fair comparisons: like work, minimum numbers, nobody beaten on the frontier."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.fairness import (
    PeerIndex,
    Standing,
    Work,
    credits_per_success,
    frontier,
    is_clear,
    peer_indexes,
    peer_text,
    shrunk_rating,
    too_few_text,
)
from storage.events import MICRO

ALICE, BOB, CAROL = 1, 2, 3


def work(person: int, task: int, prompts: int, credits: int) -> Work:
    """Credits in whole ones."""
    return Work(person, task, prompts, credits * MICRO)


def test_a_person_is_compared_with_the_others_on_the_same_tasks() -> None:
    rows = [
        *(work(ALICE, 1, 100, 200), work(BOB, 1, 100, 100), work(CAROL, 1, 300, 300)),
        *(work(ALICE, 2, 100, 300), work(BOB, 2, 50, 300), work(CAROL, 2, 50, 300)),
    ]
    found = peer_indexes(rows)[ALICE]
    # The others use 1 a prompt on task 1 and 6 on task 2; the workspace 1500 / 700 a prompt.
    prior = 50 * 1_500 / 700
    assert (found.prompts, found.credits) == (200, 500 * MICRO)
    assert found.expected == pytest.approx(700 * MICRO)
    assert found.value == pytest.approx((500 + prior) / (700 + prior))


def test_a_task_of_two_people_compares_nobody() -> None:
    assert peer_indexes([work(ALICE, 1, 100, 200), work(BOB, 1, 100, 100)]) == {}


@pytest.mark.parametrize(("prompts", "is_shown"), [(49, False), (50, True)])
def test_an_index_needs_50_prompts(prompts: int, *, is_shown: bool) -> None:
    rows = [work(ALICE, 0, prompts, 99), work(BOB, 0, 60, 60), work(CAROL, 0, 60, 60)]
    assert (ALICE in peer_indexes(rows)) is is_shown


def test_without_any_credits_nobody_is_above_others() -> None:
    assert peer_indexes([work(person, 1, 90, 0) for person in (ALICE, BOB, CAROL)]) == {}


@given(
    st.lists(
        st.builds(
            Work, st.integers(1, 5), st.integers(0, 2), st.integers(0, 500), st.integers(0, 10**15)
        ),
        max_size=15,
        unique_by=lambda row: (row.person_id, row.task_id),
    )
)
def test_indexes_are_finite_and_not_negative(rows: list[Work]) -> None:
    for found in peer_indexes(rows).values():
        assert 0 <= found.value < float("inf")
        assert found.prompts >= 50


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1.42, "uses 1.4 times the credits of colleagues on the same tasks"),
        (0.6, "uses 0.6 times the credits of colleagues on the same tasks"),
        (1.04, "uses as many credits as colleagues on the same tasks"),
    ],
)
def test_an_index_is_said_without_a_judgement(value: float, words: str) -> None:
    assert peer_text(PeerIndex(100, 100, 100.0, value)) == words


def test_few_ratings_count_as_the_workspaces_mean() -> None:
    assert shrunk_rating(0, 0, 3.5) == 3.5
    assert shrunk_rating(100, 20, 3.0) == 4.0


@pytest.mark.parametrize(
    ("n", "difference", "clear"),
    [(49, 0.401, True), (49, 0.399, False), (9, 4.0, False), (10, 0.89, True), (10, 0.88, False)],
)
def test_a_difference_is_clear_by_the_smaller_number(
    n: int, difference: float, *, clear: bool
) -> None:
    assert is_clear(4.0, 1_000, 4.0 - difference, n) is clear
    assert is_clear(4.0 - difference, n, 4.0, 1_000) is clear


@pytest.mark.parametrize(
    ("ok_n", "ok", "micro"), [(90, 45, 2 * MICRO), (89, 45, None), (100, 0, None)]
)
def test_credits_per_success_need_known_outcomes(ok_n: int, ok: int, micro: int | None) -> None:
    assert credits_per_success(90 * MICRO, prompts=100, ok_n=ok_n, ok=ok) == micro


def test_too_few_is_said_with_both_numbers() -> None:
    assert too_few_text(12, 30) == "not enough data (12 of 30)"


def test_the_frontier_has_whom_nobody_beats() -> None:
    models = {
        1: Standing(1.0, 3.0, 30),
        2: Standing(2.0, 4.0, 30),
        3: Standing(2.0, 3.9, 30),  # beaten by 2
        4: Standing(3.0, 4.0, 30),  # beaten by 2
        5: Standing(2.0, 4.0, 99),  # as good as 2
        6: Standing(0.1, 5.0, 29),  # too few prompts
    }
    assert frontier(models) == [1, 2, 5]


@given(
    st.dictionaries(
        st.integers(0, 20),
        st.builds(Standing, st.integers(0, 4), st.integers(1, 5), st.sampled_from([29, 30])),
    )
)
def test_everyone_else_is_beaten_by_the_frontier(models: dict[int, Standing]) -> None:
    best = frontier(models)
    for key, one in models.items():
        beaten = any(
            models[other].cost <= one.cost
            and models[other].quality >= one.quality
            and models[other] != one
            and (models[other].cost, models[other].quality) != (one.cost, one.quality)
            for other in best
        )
        assert (key in best) is (one.n >= 30 and not beaten)
