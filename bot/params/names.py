"""Names of models, families, people, departments, projects and tasks, and the filters they make."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Sequence
from typing import NewType

from analytics.errors import UserError
from analytics.query import TIERS, Filters
from analytics.text import clean
from bot.context import Context
from bot.params.base import Param, ParamType
from bot.params.usual import ChoiceType
from storage.reading import DIMENSIONS, Dimension

EVERY = "all"
EXAMPLES = 6  # names in a hint
LONGEST = 6  # words of a name without quotes
BETWEEN = ("and", "vs", "vs.", "against", "with", "to")


ModelName = NewType("ModelName", int)
ModelNames = NewType("ModelNames", tuple[int, ...])
TaskName = NewType("TaskName", int)


class NameType(ParamType):
    """Models, families, people, departments, projects or tasks, found by name."""

    def __init__(self, dimension: Dimension) -> None:
        self.dimension = dimension
        self.words = dimension

    def read(self, texts: Sequence[str], ctx: Context) -> object:
        """The ids; raises UserError that names the nearest known ones.

        `all` is none of them in particular: it says no to a filter that somebody usually sets.
        """
        if [text.casefold() for text in texts] == [EVERY]:
            return ()
        return tuple(self.find(text, ctx) for text in texts)

    def find(self, text: str, ctx: Context) -> int:
        """The id of a name; raises UserError that names the nearest known ones."""
        found = ctx.reader.find(self.dimension, text)
        visible = self._visible(ctx)
        if visible is not None and found not in visible:
            # The same words for a known and an unknown name: a guess must not tell them apart.
            raise UserError(
                f"'{clean(text)}' may be one of the other people, whose rows are for "
                f"{ctx.people_visibility} here.",
                hint="Ask an admin, or leave `person=` out.",
            )
        if found is not None:
            return found
        quoted = clean(text)
        names = {name.casefold(): name for name in ctx.reader.names(self.dimension).values()}
        close = difflib.get_close_matches(text.casefold(), list(names), 3, 0.5)
        near = [names[name] for name in close] or [
            name for folded, name in names.items() if text.casefold() in folded
        ][:3]
        hint = f"Did you mean {', '.join(f'`{clean(name)}`' for name in near)}?"
        raise UserError(
            f"I know no {self.dimension} '{quoted}'.",
            hint=hint if near else self._examples(names.values()),
        )

    def _examples(self, names: Collection[str]) -> str:
        """Some of the names there are."""
        if not names:
            return f"No {self.dimension} has been used yet."
        some = sorted(names, key=str.casefold)[:EXAMPLES]
        listed = ", ".join(f"`{clean(name)}`" for name in some)
        return f"There is {listed}{' and others' if len(names) > len(some) else ''}."

    def _visible(self, ctx: Context) -> frozenset[int] | None:
        """The ids that this asker may know of; None is all."""
        return ctx.visible_people if self.dimension == "person" else None

    def complete(self, text: str, ctx: Context) -> list[str]:
        """Known names that hold what was typed, those that start with it first."""
        typed, visible = text.casefold(), self._visible(ctx)
        known = ctx.reader.names(self.dimension).items()
        names = sorted(
            (name for key, name in known if visible is None or key in visible), key=str.casefold
        )
        holding = [name for name in names if typed in name.casefold()]
        return sorted(holding, key=lambda name: not name.casefold().startswith(typed))


class WordNameType(NameType):
    """Names that are typed without `name=`: `compare gpt-4o "Claude 3 Haiku"`.

    Where it is clear which words are a name, it needs no quotes, and there may be commas.
    """

    positional = True
    repeatable = True

    def read(self, texts: Sequence[str], ctx: Context) -> object:
        """The ids, each once; raises UserError that names the nearest known ones."""
        parts = [part.strip() for text in texts for part in text.split(",") if part.strip()]
        known = [ctx.reader.find(self.dimension, part) for part in parts]
        if all(key is not None for key in known):
            return tuple(dict.fromkeys(known))
        words = [word for part in parts for word in part.split()]
        try:
            return tuple(dict.fromkeys(self._names_in(words, ctx)))
        except UserError:
            for part, key in zip(parts, known, strict=True):
                if " " in part and key is None:
                    self.find(part, ctx)  # the whole name as it was quoted, not its first word
            raise

    def complete(self, text: str, ctx: Context) -> list[str]:
        """Known names for the last of several, behind those that were typed before it."""
        if not self.repeatable or "," not in text:
            return super().complete(text, ctx)
        before, _, last = text.rpartition(",")
        return [f"{before}, {name}" for name in super().complete(last.strip(), ctx)]

    def _names_in(self, words: Sequence[str], ctx: Context) -> Iterator[int]:
        """The ids of names that follow each other, the longest name first."""
        at = 0
        while at < len(words):
            ends = range(min(len(words), at + LONGEST), at, -1)
            names = ((end, " ".join(words[at:end])) for end in ends)
            find = ctx.reader.find
            end = next((end for end, name in names if find(self.dimension, name)), at + 1)
            if end > at + 1 or words[at].casefold() not in BETWEEN:
                yield self.find(" ".join(words[at:end]), ctx)
            at = end


class OneNameType(WordNameType):
    """Exactly one name, or with `required=False` at most one."""

    repeatable = False
    wordy = True

    def __init__(self, dimension: Dimension, *, required: bool = True) -> None:
        super().__init__(dimension)
        self.required = required

    def read(self, texts: Sequence[str], ctx: Context) -> int | None:
        """The id, None when it was left out; raises UserError."""
        return self.find(texts[0], ctx) if texts else None


class TierType(ChoiceType):
    """A multiplier tier, repeatable."""

    def read(self, texts: Sequence[str], ctx: Context) -> tuple[str, ...]:  # type: ignore[override]  # repeatable
        """The tiers; raises UserError."""
        return tuple(super(TierType, self).read([text], ctx) for text in texts)


class FiltersType(ParamType):
    """The seven filters, each a repeatable parameter of its own."""

    def read(self, texts: Sequence[str], ctx: Context) -> Filters:
        """Never asked itself: its parts are."""
        del texts, ctx
        raise AssertionError("filters are read by their parts")

    def expand(self, name: str, default: str | None) -> Iterator[Param]:
        """One parameter a dimension."""
        del default
        for part in ("model", "family", "tier", "person", "department", "project", "task"):
            kind = TierType(TIERS) if part == "tier" else NameType(DIMENSIONS[part])
            yield Param(part, name, kind, part=part, repeatable=True)
