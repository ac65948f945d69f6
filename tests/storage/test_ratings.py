"""Stars given in chat: the last one of a day counts, and sums are those of plain Python."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import product

import pytest
import sqlalchemy as sa

from storage.crossings import Days
from storage.engine import reading, writing
from storage.labels import Labels, department_named, set_home_department
from storage.ratings import RatingKey, rate, rating_sums
from tests.cast import ALICE, BOB, NOW, event
from tests.databases import elsewhere, home

KEYS: tuple[RatingKey, ...] = ("model", "task", "person", "day")
# (person, model, task, day) -> stars
STARS = {
    (person, model, task, day): 1 + (person + 2 * model + 3 * task + day) % 5
    for person, model, task, day in product((1, 2), (1, 2), (0, 1), range(100, 104))
}


def give(engine: sa.Engine, stars: Mapping[tuple[int, int, int, int], int]) -> None:
    with writing(engine) as connection:
        for (person, model, task, day), number in stars.items():
            rate(
                connection,
                home(engine).id,
                person_id=person,
                model_id=model,
                task_id=task,
                day=day,
                stars=number,
                now=NOW,
            )


def sums(
    engine: sa.Engine,
    by: Sequence[RatingKey] = (),
    where: Mapping[str, Sequence[int]] | None = None,
    *,
    workspace_id: int = 0,
) -> dict[tuple[int, ...], tuple[int, int]]:
    with reading(engine) as connection:
        ours = workspace_id or home(engine).id
        return rating_sums(connection, ours, by, Days(101, 104), where)


def expected(by: Sequence[RatingKey], **where: int) -> dict[tuple[int, ...], tuple[int, int]]:
    found: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for (person, model, task, day), number in STARS.items():
        keys = {"person": person, "model": model, "task": task, "day": day}
        if day >= 101 and all(keys[name] == wanted for name, wanted in where.items()):
            found[tuple(keys[name] for name in by)].append(number)
    return {key: (sum(numbers), len(numbers)) for key, numbers in found.items()}


@pytest.mark.parametrize("by", [(), ("model",), ("task", "model"), ("person", "day"), KEYS])
def test_sums_are_those_of_the_stars(engine: sa.Engine, by: tuple[RatingKey, ...]) -> None:
    give(engine, STARS)
    assert sums(engine, by) == expected(by)
    assert sums(engine, by, {"person": (2,), "task": (0,)}) == expected(by, person=2, task=0)


def test_the_last_stars_of_a_day_replace_the_earlier(engine: sa.Engine) -> None:
    for number in (1, 5, 4):
        give(engine, {(1, 1, 0, 102): number})
    assert sums(engine) == {(): (4, 1)}


def test_nothing_is_no_sum(engine: sa.Engine) -> None:
    assert sums(engine) == {}


@pytest.mark.parametrize("stars", [0, 6, -1])
def test_other_numbers_are_no_stars(engine: sa.Engine, stars: int) -> None:
    with pytest.raises(ValueError, match="between 1 and 5"):
        give(engine, {(1, 1, 1, 102): stars})


def test_a_department_stands_for_its_people_and_a_project_for_nothing(engine: sa.Engine) -> None:
    labels = Labels(engine, home(engine).id)
    labels.prepare([event(person=ALICE), event(person=BOB)], now=NOW)
    with writing(engine) as connection:
        sales = department_named(connection, home(engine).id, "Sales")
        set_home_department(connection, home(engine).id, labels.person_id(BOB), department_id=sales)
    alice, bob = labels.person_id(ALICE), labels.person_id(BOB)
    give(engine, {(alice, 1, 1, 102): 5, (bob, 1, 1, 102): 2, (0, 1, 1, 102): 1})
    assert sums(engine, where={"department": (sales,)}) == {(): (2, 1)}
    assert sums(engine, ["person"], {"department": (0,)}) == {(alice,): (5, 1), (0,): (1, 1)}
    assert sums(engine, where={"project": (1,)}) == {}


def test_the_stars_of_another_workspace_are_not_counted(engine: sa.Engine) -> None:
    give(engine, STARS)
    assert sums(engine, workspace_id=elsewhere(engine).id) == {}
