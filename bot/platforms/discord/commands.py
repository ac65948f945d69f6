"""`/credits` as Discord's native command: one subcommand for each command of the registry."""

from __future__ import annotations

import hashlib
import inspect
import json
import keyword
import re
import textwrap
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Protocol

import discord
from discord import app_commands

from bot.params.base import Param
from bot.registry import COMMANDS, Call, Command

MAX_TEXT = 100
MAX_SUMMARY = 46  # a group may have 8,000 characters in all, and it has some ninety commands
# Of the 8,000 characters there are 3 to 14 for each of more than three hundred options.
SHORT = {
    "rows|all": "all",
    "model-now": "costly",
    "cheaper-model": "cheaper",
    "last 7d | this month | 2026-03 | 2026-03-01..2026-03-15": "last 7d",
    "premium|standard|economy|unknown": "premium",
    "credits|prompts|change|name": "or name",
    "monthly|weekly|quarterly|billing": "or weekly",
    "threshold|projected|anomaly|silent|advice|purchase|all": "or advice",
    "yesterday | monday | 2026-03-03": "yesterday",
    "last week | 2026-03-23 | 2026-03-23..2026-03-29": "last week",
    "this month | last month | march | 2026-03": "last month",
    "last month | march | 2026-03": "last month",
    "weekly mon 09:00": "mon 09:00",
    '"by-department last 7d"': "by-user",
    "2026-03-24T07:00+01:00": "2026-03-24",
    "everyone|leads|admins": "or leads",
    "monday|saturday|sunday": "or sunday",
    "model|person|hour|day": "or person",
    "hour|day|week|month": "or week",
    "admin|automatic": "or automatic",
    "owners|admins": "or admins",
    "department=Sales": "task=Coding",
    "latest|all|none": "or all",
}
GROUP = "credits"
_CLAUSE = re.compile(r"[,:;] ")
Interaction = discord.Interaction[discord.Client]
Tree = app_commands.CommandTree[discord.Client]
Choices = list[app_commands.Choice[str]]
Native = app_commands.Command[Any, ..., None]  # the library's own way to say "any owner"


class Answering(Protocol):
    """Who answers what is typed and completes what is being typed."""

    async def command(self, interaction: Interaction, line: str) -> None:
        """Answer a line."""

    async def completions(
        self, interaction: Interaction, *, command: str, param: str, text: str
    ) -> list[str]:
        """What a beginning may become."""


def credits_group(answering: Answering) -> app_commands.Group:
    """The whole `/credits` command; the library raises ValueError above 25 entries a level."""
    group = app_commands.Group(
        name=GROUP,
        description="Where our AI credits went, and whether they will last",
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
    )
    inner: dict[str, app_commands.Group] = {}
    for command in COMMANDS.values():
        first, *rest = command.path
        if rest and first not in inner:
            inner[first] = app_commands.Group(name=first, description=f"{first.title()}…")
            group.add_command(inner[first])
        (inner[first] if rest else group).add_command(_native(command, answering))
    return group


def tree_digest(tree: Tree) -> str:
    """A fingerprint of what Discord would be told; equal between starts of the same program."""
    shape = [command.to_dict(tree) for command in tree.get_commands()]
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()


def line_of(command: Command, options: Mapping[str, str | None]) -> str:
    """The line that chosen options stand for, as it would have been typed."""
    verbatim = {p.name for p in command.params if p.type.verbatim or p.type.nested}
    texts = {
        name: text.strip() if name in verbatim else _tidy(text)
        for name, text in options.items()
        if text
    }
    return Call(command, {name: (text,) for name, text in texts.items() if text}).line


def _tidy(text: str) -> str:
    return " ".join(text.replace('"', "").split())


def _native(command: Command, answering: Answering) -> Native:
    names = {param.name: _python(param.name) for param in command.params}

    async def call(interaction: Interaction, **options: str | None) -> None:
        given = {name: options.get(python) for name, python in names.items()}
        await answering.command(interaction, line_of(command, given))

    _sign(call, list(names.values()))
    native: Native = app_commands.Command(
        name=command.path[-1], description=_shortened(command.summary), callback=call
    )
    # All at once: the library gives what a call leaves out three dots.
    told = {names[param.name]: option_text(param) for param in command.params}
    app_commands.describe(**told)(native)
    for param in command.params:
        name = names[param.name]
        app_commands.rename(**{name: param.name})(native)
        native.autocomplete(name)(_completer(command.name, param.name, answering))
    return native


def option_text(param: Param) -> str:
    """What stands beside an option; one that its name explains has dots, for want of room."""
    words = param.words.removesuffix("*")
    is_plain = words.casefold() in (param.name, "number", "")
    return "…" if is_plain else SHORT.get(words) or words


def _python(name: str) -> str:
    """A name that the library can look for in a signature: `from` is none in Python."""
    return f"{name}_" if keyword.iskeyword(name) else name.replace("-", "_")


def _sign(call: Callable[..., Awaitable[None]], names: list[str]) -> None:
    """Give the callback the signature that the library reads its options from."""
    kind = inspect.Parameter
    first = kind("interaction", kind.POSITIONAL_OR_KEYWORD, annotation=Interaction)
    rest = [kind(n, kind.KEYWORD_ONLY, default=None, annotation=str | None) for n in names]
    call.__signature__ = inspect.Signature([first, *rest])  # type: ignore[attr-defined]  # read by inspect
    call.__annotations__ = {"interaction": Interaction} | dict.fromkeys(names, str | None)


def _completer(
    command: str, param: str, answering: Answering
) -> Callable[[Interaction, str], Coroutine[None, None, Choices]]:
    async def complete(interaction: Interaction, current: str) -> Choices:
        found = await answering.completions(interaction, command=command, param=param, text=current)
        # A value that is cut would be another one, so a longer one has to be typed.
        return [app_commands.Choice(name=v, value=v) for v in found if 0 < len(v) <= MAX_TEXT][:25]

    return complete


def _shortened(summary: str) -> str:
    """A summary; a long one's first clause, cut between two words if need be; `help` has it all."""
    whole = summary.removesuffix(".")
    told = whole if len(whole) <= MAX_SUMMARY else _CLAUSE.split(whole)[0]
    return textwrap.shorten(told, MAX_SUMMARY, placeholder="…")
