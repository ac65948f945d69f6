"""What a command is, and what a line is once it is understood: a call of one.

Invariant: `Call.line` is the one way to write a call down, and reading it gives the same call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from analytics.report import (
    Report,
)
from bot.context import Role
from bot.params import PEOPLE, Param

Answer = Callable[..., Report]


@dataclass(frozen=True, slots=True)
class Command:
    """One command: what a person types first, its parameters and the function that answers.

    A name may have several words (`grants add pack`).  `shows_people` marks answers with people's
    rows, which a workspace may restrict; one that `changes` something runs in a write transaction
    and leaves a row in the audit.  One `for_anyone` tells of no workspace: guests may ask it, also
    where another organisation reads along.  `native` is its path in Discord, `by model` for
    `by-model`.
    """

    name: str
    summary: str
    details: str
    example: str
    params: tuple[Param, ...]
    answer: Answer
    needs: Role = "member"
    shows_people: bool = False
    aliases: tuple[str, ...] = ()
    changes: bool = False
    for_anyone: bool = False
    native: str = ""

    @property
    def path(self) -> tuple[str, ...]:
        """Its place among native commands: at most a group and a word, as Discord nests them."""
        group, *rest = (self.native or self.name).split(" ")
        return (group, "-".join(rest)) if rest else (group,)

    def param(self, name: str) -> Param | None:
        """The parameter of that name."""
        return next((param for param in self.params if param.name == name), None)

    @property
    def usage(self) -> str:
        """How to type it, for help and for hints."""
        return " ".join([self.name, *(param.usage for param in self.params)])


@dataclass(frozen=True, slots=True)
class Call:
    """A parsed line: a command and the texts given for its parameters, in their order."""

    command: Command
    given: Mapping[str, tuple[str, ...]]

    @property
    def line(self) -> str:
        """The line that repeats this call, parameters in declared order."""
        words, is_gap = [self.command.name], False
        for param in self.command.params:
            texts = self.given.get(param.name, ())
            # Behind one that is left out, a value without its name would take the wrong place.
            words += [param.written(text, named=is_gap) for text in texts]
            is_gap |= param.type.positional and not texts
        return " ".join(filter(None, words))

    @property
    def lists_people(self) -> bool:
        """Whether the answer has a row for each person."""
        split = self.given.get("by", ("",))[0].casefold()
        return self.command.shows_people or split in PEOPLE

    @property
    def shows_people(self) -> bool:
        """Whether the answer shows rows of people or of a chosen one."""
        return self.lists_people or "person" in self.given
