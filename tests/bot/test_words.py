"""What a newcomer types wrong, and what is said to it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from analytics.errors import UserError
from bot.registry import COMMANDS, parse
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
