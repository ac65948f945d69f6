"""Opinions on proposals: one for each task and pair of models, the last one counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa

from storage.advice import Opinion, list_opinions, set_opinion
from storage.engine import reading, writing
from tests.cast import NOW
from tests.databases import elsewhere, home

NO = Opinion(1, 2, 3, "declined", NOW, "alice", 850_000_000, NOW + timedelta(days=90))


def say(engine: sa.Engine, *opinions: Opinion) -> None:
    with writing(engine) as connection:
        for opinion in opinions:
            set_opinion(connection, home(engine).id, opinion)


def listed(engine: sa.Engine) -> list[Opinion]:
    with reading(engine) as connection:
        return list_opinions(connection, home(engine).id)


def test_an_opinion_comes_back_and_the_newest_stands_first(engine: sa.Engine) -> None:
    later = replace(NO, task_id=4, at=NOW + timedelta(hours=1), until=None)
    say(engine, NO, later)
    assert listed(engine) == [later, NO]


def test_a_second_opinion_of_a_proposal_replaces_the_first(engine: sa.Engine) -> None:
    yes = replace(NO, status="accepted", at=NOW + timedelta(days=1), until=None)
    say(engine, NO, yes)
    assert listed(engine) == [yes]


def test_another_workspace_has_its_own_opinions(engine: sa.Engine) -> None:
    say(engine, NO)
    with reading(engine) as connection:
        assert list_opinions(connection, elsewhere(engine).id) == []
