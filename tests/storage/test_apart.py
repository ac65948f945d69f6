"""Turns that fail apart from each other."""

from __future__ import annotations

import asyncio

import pytest

from storage.apart import Apart
from storage.errors import DatabaseBusy

BUSY = DatabaseBusy("It is busy.")


def went(*errors: BaseException | None) -> list[int]:
    """Give each its turn; those that were had."""
    had = []
    with Apart() as apart:
        for number, error in enumerate(errors):
            had.append(number)
            with apart.turn(number):
                if error is not None:
                    raise error
    return had


def test_without_trouble_nothing_is_raised() -> None:
    assert went(None, None) == [0, 1]


def test_one_bug_is_raised_as_it_is_with_whose_turn_it_was() -> None:
    with pytest.raises(KeyError) as caught:
        went(BUSY, KeyError("odd"), BUSY)
    assert caught.value.__notes__ == ["In the turn of 1."]


def test_several_bugs_are_raised_together() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        went(KeyError(), BUSY, ValueError())
    assert [type(one) for one in caught.value.exceptions] == [KeyError, ValueError]


def test_several_busy_turns_are_one_busy_database() -> None:
    with pytest.raises(DatabaseBusy):
        went(None, BUSY, DatabaseBusy("Again."))


def test_who_is_cancelled_ends_at_once() -> None:
    with pytest.raises(asyncio.CancelledError):
        went(KeyError(), asyncio.CancelledError(), ValueError())


def test_the_names_of_turns_with_bugs_are_known() -> None:
    apart = Apart()
    for name, error in (("a", BUSY), ("b", KeyError())):
        with apart.turn(name):
            raise error
    assert apart.bugs == ["b"]
