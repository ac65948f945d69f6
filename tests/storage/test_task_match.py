"""Task rules, one by one: what a condition matches, and what it never does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.task_rules import Fields, InvalidRule, Rule, check_conditions, compiled
from tests.cast import NOW

Conditions = Mapping[str, Sequence[str]]


def rules(*conditions: Conditions) -> list[Rule]:
    """Rules in this order, for the tasks 11, 12, ..."""
    return [
        Rule(number, number, 10 + number, {name: tuple(v) for name, v in given.items()}, NOW)
        for number, given in enumerate(conditions, 1)
    ]


def task(
    *conditions: Conditions, tokens_in: int = 0, tokens_out: int = 0, **names: str | tuple[str, ...]
) -> int | None:
    known = {name: (v,) if isinstance(v, str) else v for name, v in names.items()}
    return compiled(rules(*conditions))(Fields(known, tokens_in, tokens_out))


@pytest.mark.parametrize(
    ("glob", "name", "matches"),
    [
        ("gpt-4*", "GPT-4o", True),
        ("GPT-4O", "gpt-4o", True),
        ("gpt-4", "gpt-4o", False),
        ("gpt-4?", "gpt-4o", True),
        ("[internal] *", "[internal] bot", True),
        ("a.c", "abc", False),
        ("STRASSE", "Straße", True),
        ("*", "anything", True),
    ],
)
def test_a_glob_knows_two_signs_and_no_case(glob: str, name: str, *, matches: bool) -> None:
    assert (task({"model": [glob]}, model=name) == 11) is matches


def test_a_list_is_or_and_fields_are_and() -> None:
    rule = {"project": ["atlas", "hermes"], "model": ["gpt*"]}
    assert task(rule, project="Hermes", model="gpt-4o") == 11
    assert task(rule, project="Hermes", model="claude") is None
    assert task(rule, project="Zeus", model="gpt-4o") is None


def test_any_name_of_a_thing_will_do() -> None:
    assert task({"tag": ["team:*"]}, tag=("env:prod", "team:core")) == 11
    assert task({"tag": ["team:*"]}, tag=()) is None


def test_the_first_rule_wins() -> None:
    both = ({"model": ["gpt*"]}, {"project": ["atlas"]})
    assert task(*both, model="gpt-4o", project="atlas") == 11
    assert task(*both, model="claude", project="atlas") == 12


@pytest.mark.parametrize(
    ("bound", "inside", "outside"),
    [
        ("100..500", (100, 500), (99, 501)),
        ("..500", (1, 500), (0, 501)),
        ("1000..", (1000, 10**9), (999, 0)),
        ("7", (7,), (6, 8)),
    ],
)
def test_bounds_hold_both_ends_and_never_an_unknown_count(
    bound: str, inside: Sequence[int], outside: Sequence[int]
) -> None:
    assert all(task({"tokens_in": [bound]}, tokens_in=count) == 11 for count in inside)
    assert not any(task({"tokens_out": [bound]}, tokens_out=count) for count in outside)


def test_a_bounded_rule_lets_the_next_one_try() -> None:
    ladder = (
        {"model": ["gpt*"], "tokens_in": ["..100"], "tokens_out": ["..10", "50.."]},
        {"tokens_in": ["..100"]},
        {"model": ["*"]},
    )
    assert task(*ladder, model="gpt-4o", tokens_in=100, tokens_out=50) == 11
    assert task(*ladder, model="gpt-4o", tokens_in=100, tokens_out=20) == 12
    assert task(*ladder, model="gpt-4o", tokens_in=101, tokens_out=50) == 13


def test_what_is_unknown_matches_nothing_and_no_rule_at_all_neither() -> None:
    assert task({"project": ["*"]}) is None
    assert task(model="gpt-4o") is None


words = st.text(alphabet="ab*?.[", max_size=4)


@given(glob=words.filter(str.strip), name=words.filter(str.strip))
def test_a_glob_matches_what_a_walk_over_it_matches(glob: str, name: str) -> None:
    def walk(rest: str, text: str) -> bool:
        if not rest:
            return not text
        if rest[0] == "*":
            return any(walk(rest[1:], text[start:]) for start in range(len(text) + 1))
        return bool(text) and rest[0] in ("?", text[0]) and walk(rest[1:], text[1:])

    assert (task({"project": [glob]}, project=name) == 11) == walk(glob, name)


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({}, "needs a condition"),
        ({"model": []}, "needs a condition"),
        ({"colour": ["red"]}, 'no field "colour"'),
        ({"model": [" "]}, "model is blank"),
        ({"tokens_in": ["many"]}, '"many" is not a range'),
        ({"tokens_in": [".."]}, "not a range"),
        ({"tokens_out": ["5..1"]}, "ends before it begins"),
        ({"tokens_out": ["-5"]}, "not a range"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(conditions: Conditions, words: str) -> None:
    with pytest.raises(InvalidRule, match=words):
        check_conditions(conditions)


def test_conditions_are_kept_tidy() -> None:
    assert check_conditions({"model": [" gpt-4* "], "tag": ()}) == {"model": ("gpt-4*",)}
