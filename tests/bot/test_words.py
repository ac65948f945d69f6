"""What a newcomer types wrong, and what is said to it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from analytics.errors import UserError
from analytics.report import Facts, Table
from bot.registry import COMMANDS, parse
from bot.render.cells import MAX_CELL
from tests.analytics.world import World
from tests.cast import event


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """An empty workspace in Berlin."""
    return World(sqlite_engine)


@pytest.mark.parametrize(
    ("line", "quoted", "hint"),
    [
        ("by-user person=Anna Schmidt", "'Schmidt' after 'person=Anna'", 'person="Anna Schmidt"'),
        ("by-model last 7d project=Help centre", "'centre'", 'project="Help centre"'),
        ("digset list", "'digset'", "Did you mean `digest list`?"),
        ("digset", "'digset'", "Did you mean `digest`?"),
        ("buget", "'buget'", "Did you mean `budget`?"),
        ("grants", "only the beginning", "`grants add plan`"),
    ],
)
def test_a_mistake_says_what_to_type(line: str, quoted: str, hint: str) -> None:
    with pytest.raises(UserError) as error:
        parse(line)
    assert quoted in error.value.message
    assert hint in (error.value.hint or "")


def test_a_range_may_follow_a_filter() -> None:
    assert parse("by-user person=Anna last 7d").line == "by-user last 7d person=Anna"


@pytest.mark.parametrize(
    ("line", "missing"),
    [("rate gpt-4o", "stars: 1-5"), ("trial plan coding gpt-4o", "cheaper-model")],
)
def test_what_is_missing_has_a_name(world: World, line: str, missing: str) -> None:
    world.write([event(task="coding")])
    with pytest.raises(UserError, match=missing):
        world.ask(line)


def test_a_quoted_name_that_nobody_knows_is_quoted_whole(world: World) -> None:
    world.write([event()])
    with pytest.raises(UserError, match=r"no model 'Claude 2\.1'"):
        world.ask('compare "Claude 2.1", gpt-4o')


def test_a_comma_after_a_quote_is_no_part_of_the_name() -> None:
    assert parse('compare "Claude 3 Haiku", gpt-4o').line == 'compare "Claude 3 Haiku" gpt-4o'


def test_help_of_preferences_lists_what_each_takes() -> None:
    words = {param.name: param.words for param in COMMANDS["preferences set"].params}
    assert "text" not in words.values()
    assert words["theme"] == "light|dark"


def test_help_of_the_beginning_of_commands_lists_them(world: World) -> None:
    report = world.ask("help digest")
    (table,) = [block for block in report.blocks if isinstance(block, Table)]
    assert ("digest subscribe", COMMANDS["digest subscribe"].summary) in table.rows
    assert all(str(row[0]).startswith("digest ") for row in table.rows)


def test_help_names_no_more_commands_than_a_line_has_room_for(world: World) -> None:
    report = world.ask("help")
    (facts,) = [block.facts for block in report.blocks if isinstance(block, Facts)]
    assert max(len(str(fact.value)) for fact in facts) <= MAX_CELL


def test_a_question_before_its_schedule_is_told_to_stand_behind_it(world: World) -> None:
    with pytest.raises(UserError) as error:
        world.ask("digest subscribe by-user last 7d weekly mon 09:00")
    assert '`weekly mon 09:00 "by-user last 7d"`' in (error.value.hint or "")
