"""Lines and commands: what is typed is what is asked, and an answer's line asks it again."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

import bot.commands  # noqa: F401  # registers every command
from analytics.errors import UserError
from analytics.report import (
    Actions,
    Facts,
    Report,
)
from bot.registry import COMMANDS, MAX_LINE, Call, amend, complete, find_command, parse, run
from tests.alerted import crossing, fire
from tests.analytics.world import World
from tests.cast import event
from tests.databases import Filling, elsewhere

NAMES = sorted(COMMANDS)


@pytest.fixture(scope="module")
def sqlite_template(filled: Filling) -> Path:
    """A workspace with three models and two people, and what examples are about."""
    return filled(_company)


def _company(engine: sa.Engine) -> None:
    world = World(engine)
    models = ("gpt-4o", "claude-3-haiku", "o3-mini")
    people = ("alice@example.com", "bob@example.com")
    world.write([event(model=m, person=p) for m in models for p in people])
    world.ask("grants add pack 5000")  # which an example removes
    world.ask("budget set 2000 monthly")  # which examples change
    fire(engine, crossing())  # which examples look at
    world.ask("alerts here kind=silent")  # so that the channel is known
    world.ask("purchase policy pack=5000 ceiling=20000")
    world.ask("purchase test")  # which an example approves
    world.ask("digest subscribe daily 09:00")  # which examples change


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """The company, to ask."""
    return World(sqlite_engine)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_declared_whole(name: str) -> None:
    known = COMMANDS[name]
    assert known.summary.endswith((".", "more."))
    assert parse(known.example).command is known
    assert known.needs in ("member", "lead", "admin", "owner")


@pytest.mark.parametrize("name", NAMES)
def test_the_example_runs_and_its_line_repeats_it(name: str, world: World) -> None:
    report = world.ask(COMMANDS[name].example)
    assert report.headline
    # What changes something says something else when it is done again.
    assert COMMANDS[name].changes or world.ask(report.line) == report


def test_help_names_every_command_and_each_family_lists_its_own(world: World) -> None:
    report = world.ask("help")
    facts = [block for block in report.blocks if isinstance(block, Facts)]
    listed = [str(fact.value) for block in facts for fact in block.facts]
    assert sorted(", ".join(listed).split(", ")) == NAMES
    buttons = [b for block in report.blocks if isinstance(block, Actions) for b in block.buttons]
    for button in buttons:
        assert world.ask(button.line).headline.startswith(button.label)


@pytest.mark.parametrize("name", NAMES)
def test_every_button_line_parses(name: str, world: World) -> None:
    report = world.ask(COMMANDS[name].example)
    rows = [block for block in report.blocks if isinstance(block, Actions)]
    assert rows
    for button in (button for row in rows for button in row.buttons):
        assert parse(button.line).line == button.line


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("by-user last 7d", "by-user last 7d"),
        ("/by-user  last   7d", "by-user last 7d"),
        ("BY-USER range=today limit=5", "by-user today limit=5"),
        ("timeline by week last 3 months", "timeline last 3 months by week"),
        ("timeline last 7d by=day", "timeline last 7d by day"),
        ("by-model model=gpt-4o model=o3-mini", "by-model model=gpt-4o model=o3-mini"),
        ("by-model model=“Claude 3 Haiku”", 'by-model model="Claude 3 Haiku"'),
        ("by-person today", "by-user today"),
        ("by-user @sarah today", "by-user today person=sarah"),
        ('by-user "@Sarah Lee"', 'by-user person="Sarah Lee"'),
        ("", "overview"),
        ("help by-user", "help by-user"),
    ],
)
def test_a_line_is_read_and_written_in_one_way(typed: str, line: str) -> None:
    assert parse(typed).line == line


@pytest.mark.parametrize(
    ("line", "quoted", "help_"),
    [
        ("by-usr last 7d", "by-usr", "`by-user`"),
        ("frobnicate", "frobnicate", "`help`"),
        ("by-user lst week", "lst week", "`last week`"),
        ("by-user limt=5", "limt", "`limit=`"),
        ("by-user limit=ten", "ten", "limit=10"),
        ("by-user limit=0", "0", "limit=10"),
        ("by-user limit=１２", "１２", "limit=10"),
        ("by-user sort=credits;drop", "credits;drop", "`credits`"),
        ("by-user limit=5 limit=6", "twice", "one"),
        ("timeline by fortnight", "fortnight", "week"),
        ("by-model tier=gold", "gold", "`premium`"),
        ("by-model model=gpt4o-mni", "gpt4o-mni", "GPT-4o mini"),
        ("by-model person=alise@example.com", "alise@example.com", "alice@example.com"),
        ("by-model project=%", "%", "`Atlas`"),
        ('by-model project="\' OR 1=1 --"', "OR 1=1", "`Atlas`"),
        ('by-model model="gpt', "quote", "Close"),
        ("by-model project=", "project=", "leave it out"),
        ("overview last 7d", "last 7d", "overview"),
        ("help nothing", "nothing", "help"),
        ("x" * (MAX_LINE + 1), str(MAX_LINE + 1), str(MAX_LINE)),
        ("by-user " + "a " * 40, "words", "30"),
    ],
)
def test_a_mistake_is_quoted_and_helped(world: World, line: str, quoted: str, help_: str) -> None:
    with pytest.raises(UserError) as caught:
        world.ask(line)
    assert quoted in caught.value.message
    assert help_ in caught.value.hint


@given(st.text(max_size=60))
def test_any_text_is_a_call_or_a_sentence(text: str) -> None:
    found: Call | UserError
    try:
        found = parse(text)
    except UserError as error:
        found = error
    if isinstance(found, Call):
        assert parse(found.line).line == found.line
    else:
        assert found.message
        assert found.hint


@given(st.text(max_size=30))
def test_any_name_makes_a_line_that_reads_the_same_back(name: str) -> None:
    line = amend("by-model last 7d", {"project": [name]})
    assert parse(line).line == line
    assert set(parse(line).given) - {"project"} == {"range"}
    assert ("project" in parse(line).given) == ("project=" in line)


def test_a_form_rewrites_a_line() -> None:
    line = "timeline last 7d by day model=gpt-4o"
    changes = {"range": ["2026-03"], "by": [], "model": [], "sort": ["name"]}
    assert amend(line, changes) == "timeline 2026-03"


def test_completion_offers_what_is_known(world: World) -> None:
    with world.context() as ctx:
        by_model = find_command("by-model")
        assert complete(by_model, "person", "BOB", ctx) == ["bob@example.com"]
        assert "last 30d" in complete(by_model, "range", "last 3", ctx)
        assert complete(by_model, "model", "claude 3 h", ctx) == ["Claude 3 Haiku"]
        assert complete(find_command("timeline"), "by", "w", ctx) == ["week"]
        assert len(complete(by_model, "model", "", ctx)) == 25


def test_a_name_with_a_quote_is_completed_and_found(world: World) -> None:
    world.write([event(project='5" disk')])
    with world.context() as ctx:
        (name,) = complete(find_command("by-model"), "project", "disk", ctx)
    line = amend("by-model today", {"project": [name]})
    assert line == 'by-model today project="5 disk"'
    assert world.ask(line).line == line


def test_a_bare_line_is_the_overview_and_an_empty_workspace_says_how_to_fill_it(
    sqlite_engine: sa.Engine,
) -> None:
    empty = World(sqlite_engine, elsewhere(sqlite_engine).name).ask("")
    assert empty.headline == "No usage has come in yet."
    assert "creditbot import" in _words(empty)


def _words(report: Report) -> str:
    return " ".join(getattr(block, "text", "") for block in report.blocks)


def test_asking_is_pure(world: World) -> None:
    with world.context() as ctx:
        assert run("by-user last 7d", ctx) == run("by-user last 7d", ctx)
