"""What a parameter is: how one type of value is written, read and completed."""

from __future__ import annotations

import typing
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from analytics.query import Filters
from bot.context import Context

YES = "yes"  # what a flag stands for
_NO_QUOTES = str.maketrans(dict.fromkeys('"“”„«»'))


class ParamType(ABC):
    """How one type is written, read and completed.

    Of the words that carry no `name=`, a `lead` word ("by") announces the next one as its value
    (a `led` type is announced by its parameter's name), a `positional` type takes the next one,
    and the `loose` type of a command takes all that are left.  Nothing may stand for a `required`
    one; a `wordy` one may have blanks.  A `verbatim` one is the whole rest of the line, as typed;
    a `nested` one is another line inside this one.  A `flag` is said by its name alone.
    """

    words = ""
    loose = False
    positional = False
    required = False
    lead = ""
    led = False
    wordy = False
    verbatim = False
    nested = False
    flag = False
    repeatable = False

    @abstractmethod
    def read(self, texts: Sequence[str], ctx: Context) -> object:
        """The value of the texts given for it (none when it was left out); raises UserError."""

    def complete(self, text: str, ctx: Context) -> list[str]:
        """What a typed beginning may become, best first."""
        del text, ctx
        return []

    def claims(self, text: str) -> bool:
        """Whether a loose type knows words as its own between those that have a place."""
        del text
        return False

    def passes(self, text: str) -> bool:
        """Whether a type that has a place leaves a word to the next, because it may be left out."""
        del text
        return False

    def takes(self, words: Sequence[str]) -> int:
        """How many of the words left a type that has a place takes; there is at least one."""
        return 0 if self.passes(words[0]) else 1

    def is_placed(self, text: str) -> bool:
        """Whether a text of a type that has a place is known by it, without its name."""
        del text
        return True

    def written(self, text: str) -> str:
        """A text as it stands in a line: one word, in quotes where it has blanks.

        A line cannot hold a quote inside a name; names are found without it, too.
        """
        bare = " ".join(text.translate(_NO_QUOTES).split())
        return f'"{bare}"' if " " in bare else bare

    def pinned(self, texts: Sequence[str], ctx: Context) -> Sequence[str]:
        """Texts that mean on any other day what these mean now; raises UserError."""
        del ctx
        return texts

    def expand(self, name: str, default: str | None) -> Iterator[Param]:
        """The parameters that a function's argument of this type stands for.

        `from_` is typed as `from`: some words of a line are no names in Python.
        """
        typed = name.rstrip("_")
        yield Param(typed, name, self, default, repeatable=self.repeatable)


NO_FILTERS = Filters()


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a command; `default` is text, read as if the person had typed it.

    It fills the function's argument `target`, or with `part` one field of it, which starts as
    `whole`.
    """

    name: str
    target: str
    type: ParamType
    default: str | None = None
    part: str = ""
    repeatable: bool = False
    shown: str = ""
    whole: Filters | Mapping[str, object] = field(default=NO_FILTERS, hash=False)

    @property
    def lead(self) -> str:
        """The word that announces its value; empty for most."""
        return self.name if self.type.led else self.type.lead

    @property
    def usage(self) -> str:
        """How it is typed, for help; in brackets where it may be left out."""
        name = f"{self.lead} " if self.lead else f"{self.name}="
        bare = self.type.loose or self.type.positional or self.type.verbatim
        typed = self.words if bare else name + self.words
        if self.type.flag:
            typed = self.name
        return typed if self.type.required else f"[{typed}]"

    @property
    def words(self) -> str:
        """What may be typed as its value, as its command or else its type says."""
        return self.shown or self.type.words

    def written(self, text: str, *, named: bool = False) -> str:
        """A text as it stands in a line, with `name=` where asked; reading it gives the same.

        What is blank is not written at all.
        """
        if self.type.verbatim:
            return text
        word = self.type.written(text)
        if self.type.loose or not word:
            return word.strip('"')
        if self.type.flag and word == YES:
            return self.name
        if self.type.positional and not named and self.type.is_placed(text):
            return word
        return f"{self.lead} {word}" if self.lead else f"{self.name}={word}"

    def read_into(self, values: dict[str, object], texts: Sequence[str], ctx: Context) -> None:
        """Read the texts and put the value where the function expects it."""
        value = self.type.read(texts, ctx)
        if not self.part:
            values[self.target] = value
            return
        whole = values.get(self.target, self.whole)
        changes: dict[str, Any] = {self.part: value}
        if isinstance(whole, Mapping):
            values[self.target] = {**whole, **changes}
        else:
            values[self.target] = replace(typing.cast("Filters", whole), **changes)
