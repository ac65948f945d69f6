"""`/credits` as Discord is told it: within every limit, and the same line as typed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast
from unittest.mock import patch

import discord
import pytest
from discord import app_commands
from hypothesis import given
from hypothesis import strategies as st

import bot.commands  # noqa: F401  # registers every command
from analytics.errors import UserError
from bot.platforms.discord.answers import Answers
from bot.platforms.discord.commands import Tree, credits_group, line_of, tree_digest
from bot.platforms.discord.form import filled_line, form_of, submitted_fields
from bot.registry import COMMANDS, Command, parse

LIMIT = 25
MAX_TEXT = 8000
GROUP_TYPE = 2
Json = dict[str, object]


class Nobody(Answers):
    """Answers nothing: these tests only read what Discord is told."""

    def __init__(self) -> None:
        pass


def tree_of() -> Tree:
    tree = app_commands.CommandTree(discord.Client(intents=discord.Intents.none()))
    tree.add_command(credits_group(Nobody()))
    return tree


def told(tree: Tree) -> Json:
    return cast("Json", tree.get_commands()[0].to_dict(tree))


def options(part: Json) -> list[Json]:
    return cast("list[Json]", part.get("options", []))


def leaves(part: Json, *above: str) -> Iterator[tuple[tuple[str, ...], Json]]:
    """Every subcommand with its path; a group has subcommands instead of options."""
    for inside in options(part):
        path = (*above, str(inside["name"]))
        if inside["type"] == GROUP_TYPE:
            yield from leaves(inside, *path)
        else:
            yield path, inside


def texts(part: Json) -> str:
    inside = "".join(map(texts, options(part)))
    return f"{part['name']}{part['description']}{inside}"


def test_every_command_and_every_option_is_offered() -> None:
    offered = {path: [o["name"] for o in options(leaf)] for path, leaf in leaves(told(tree_of()))}
    assert offered == {c.path: [p.name for p in c.params] for c in COMMANDS.values()}
    assert {("overview",), ("help",)} <= set(offered)


def test_a_long_summary_is_its_first_clause_and_a_short_one_whole() -> None:
    described = {path: leaf["description"] for path, leaf in leaves(told(tree_of()))}
    assert described["digest", "subscribe"] == "Send a digest"
    assert described["alerts", "off"] == "End a route, or all routes to this channel"
    cut = [str(words) for words in described.values() if str(words).endswith("…")]
    assert len(cut) < len(described) / 8
    assert all(not re.search("[,:;] ", words) for words in cut)


def test_there_is_room_for_commands_to_come() -> None:
    assert len(texts(told(tree_of()))) <= MAX_TEXT - 1000


def test_the_whole_command_fits_discord() -> None:
    group = told(tree_of())
    inner = [part for sub in options(group) for part in options(sub)]
    parts = [group, *options(group), *inner, *(o for part in inner for o in options(part))]
    assert all(len(options(part)) <= LIMIT for part in parts)
    assert all(re.fullmatch(r"[-_a-z0-9]{1,32}", str(part["name"])) for part in parts)
    assert all(1 <= len(str(part["description"])) <= 100 for part in parts)
    assert len(texts(group)) <= MAX_TEXT


def test_every_option_has_words_of_its_own_not_only_the_last() -> None:
    subscribe = next(
        leaf for path, leaf in leaves(told(tree_of())) if path == ("digest", "subscribe")
    )
    said = {option["name"]: option["description"] for option in options(subscribe)}
    assert said["when"] == "mon 09:00"
    assert said["attach"] == "pdf,csv"
    assert said["quiet"] == "22:00-07:00"


def test_a_registry_that_outgrows_one_level_fails_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = COMMANDS["help"]
    for index in range(LIMIT):
        name = f"more-{index}"
        more = Command(name, "More", "", name, (), sample.answer)
        monkeypatch.setitem(COMMANDS, name, more)
    with pytest.raises(ValueError, match="maximum number of child commands"):
        credits_group(Nobody())


def test_the_digest_changes_only_with_what_discord_is_told() -> None:
    before = tree_digest(tree_of())
    assert tree_digest(tree_of()) == before
    with patch.dict(COMMANDS):  # which restores the order, too
        del COMMANDS["help"]
        assert tree_digest(tree_of()) != before


@given(st.sampled_from(list(COMMANDS.values())), st.data())
def test_options_make_a_line_that_reads_back_to_them(command: Command, data: st.DataObject) -> None:
    word = st.text("abc 7.-", min_size=1).map(lambda text: " ".join(text.split())).filter(bool)
    params = [param for param in command.params if not param.type.loose]
    # Discord lets nobody leave out what must be there.
    names = [p.name for p in params if p.type.required or data.draw(st.booleans())]
    chosen = {name: data.draw(word) for name in names}
    words = {name: text.replace(" ", "") for name, text in chosen.items() if _led(command, name)}
    line = line_of(command, {**chosen, **words})
    assert parse(line).given == {name: (text,) for name, text in {**chosen, **words}.items()}


def _led(command: Command, name: str) -> bool:
    param = command.param(name)
    return param is not None and bool(param.type.lead)


def test_a_quote_in_an_option_cannot_break_out_of_it() -> None:
    line = line_of(COMMANDS["by-user"], {"model": 'x" person="bob'})
    assert parse(line).given == {"model": ("x person=bob",)}


@pytest.mark.parametrize(
    "line",
    [
        *(command.example for command in COMMANDS.values()),
        "by-user 2026-03-01..2026-03-15 model=gpt-4o model=o3 limit=5",
        'timeline last 3 months by week project="Big One"',
    ],
)
def test_a_form_that_is_sent_unchanged_gives_the_same_line(line: str) -> None:
    form = form_of(line, "f|x").to_dict()
    sent = [
        {"component": {"custom_id": box["custom_id"], "value": box.get("value")}}
        for box in (cast("dict[str, str]", part["component"]) for part in form["components"])
    ]
    assert parse(filled_line(line, submitted_fields(sent))) == parse(line)


def test_a_field_of_the_form_may_be_emptied() -> None:
    emptied = {"range": " ", "grain": "", "options": ""}
    assert filled_line("timeline last 7d by week model=o3", emptied) == "timeline"


def test_a_value_given_twice_in_the_form_is_told() -> None:
    line = filled_line("by-user", {"range": "last 7d", "options": "range=today"})
    with pytest.raises(UserError, match="given twice"):
        parse(line)
