"""The manifest asks for what the bot uses, and for nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from inspect import iscoroutinefunction
from pathlib import Path

from slack_sdk.web.async_client import AsyncWebClient

import bot.commands
import bot.platforms.slack
from bot.registry import COMMANDS
from bot.settings import Settings
from bot.slack_manifest import (
    COMMAND_SCOPES,
    EVENT_SCOPES,
    METHOD_SCOPES,
    hint_of,
    manifest,
    scopes,
)
from tests.doubles.slack_rules import _schemas

FOLDER = Path(bot.platforms.slack.__file__).parent
MADE = manifest(Settings(_env_file=None))  # type: ignore[call-arg]  # pydantic-settings' own


def called_methods() -> set[str]:
    """Every method of Slack's Web API that the platform's source names."""
    names = {
        node.attr
        for file in FOLDER.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute)
    }
    methods = {name for name in names if iscoroutinefunction(getattr(AsyncWebClient, name, None))}
    return {name.replace("_", ".") for name in methods if not name.startswith("_")}


def named_in(hint: str) -> Iterator[str]:
    """The commands that a person may read out of a hint."""
    for family, opened, rests in re.findall(r"([\w-]+)(?: ([\[(])([^\])]*)[\])])?", hint):
        if opened != "(":
            yield family
        yield from (f"{family} {rest}" for rest in rests.split("|") if rest)


def test_every_called_method_is_known_with_its_scopes() -> None:
    assert called_methods() == set(METHOD_SCOPES)


def test_the_double_knows_the_same_methods() -> None:
    assert set(_schemas()["replies"]) == set(METHOD_SCOPES)


def test_the_scopes_are_those_of_methods_events_and_the_once_only_promise() -> None:
    needed = {
        scope for scopes in (*METHOD_SCOPES.values(), *EVENT_SCOPES.values()) for scope in scopes
    }
    assert set(scopes()) == needed | COMMAND_SCOPES
    assert MADE["oauth_config"] == {"scopes": {"bot": scopes()}}


def test_every_command_stands_in_the_hint_within_its_limit() -> None:
    features = MADE["features"]
    assert isinstance(features, dict)
    (command,) = features["slash_commands"]
    assert set(named_in(command["usage_hint"])) == set(COMMANDS)
    assert len(command["usage_hint"]) <= 1000
    assert command["should_escape"] is True


def test_a_hint_without_room_for_every_command_names_every_family() -> None:
    names = [f"{family} command-{number}" for family in ("alerts", "help") for number in range(60)]
    assert hint_of(names) == "alerts | help"


def test_names_and_descriptions_keep_slacks_limits() -> None:
    display = MADE["display_information"]
    assert isinstance(display, dict)
    assert len(display["name"]) <= 35
    assert len(display["description"]) <= 140


def test_direct_messages_and_home_are_switched_on() -> None:
    features, settings = MADE["features"], MADE["settings"]
    assert isinstance(features, dict)
    assert isinstance(settings, dict)
    assert features["app_home"]["messages_tab_read_only_enabled"] is False
    assert settings["socket_mode_enabled"] is True
    assert set(settings["event_subscriptions"]["bot_events"]) == {
        "app_home_opened",
        "app_mention",
        "message.im",
    }
