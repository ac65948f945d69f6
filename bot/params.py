"""Text to value, one entry for each type a command may ask for.

The error sentence stands beside the reader, so every surface gives the same one.
"""

from __future__ import annotations

import difflib
import typing
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NewType

from analytics import timerange
from analytics.errors import UserError
from analytics.query import TIERS, Filters
from analytics.report import Grain
from analytics.text import clean
from analytics.timerange import TimeRange
from bot.context import Context
from storage.reading import DIMENSIONS, Dimension

Limit = NewType("Limit", int)
CommandName = NewType("CommandName", str)
MAX_LIMIT = 1000
EXAMPLES = 6  # names in a hint
_NO_QUOTES = str.maketrans(dict.fromkeys('"“”„«»'))


class ParamType(ABC):
    """How one type is written, read and completed.

    The `loose` type of a command takes the words that carry no `name=`; a `lead` word ("by")
    announces the next word as its value.
    """

    words = ""
    loose = False
    lead = ""

    @abstractmethod
    def read(self, texts: Sequence[str], ctx: Context) -> object:
        """The value of the texts given for it (none when it was left out); raises UserError."""

    def complete(self, text: str, ctx: Context) -> list[str]:
        """What a typed beginning may become, best first."""
        del text, ctx
        return []

    def expand(self, name: str, default: str | None) -> Iterator[Param]:
        """The parameters that a function's argument of this type stands for."""
        yield Param(name, name, self, default)


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a command; `default` is text, read as if the person had typed it.

    It fills the function's argument `target`, or with `part` one field of it.
    """

    name: str
    target: str
    type: ParamType
    default: str | None = None
    part: str = ""
    repeatable: bool = False

    @property
    def usage(self) -> str:
        """How it is typed, for help."""
        if self.type.loose:
            return f"[{self.type.words}]"
        name = f"{self.type.lead} " if self.type.lead else f"{self.name}="
        return f"[{name}{self.type.words}]"

    def written(self, text: str) -> str:
        """A text as it stands in a line; reading it back gives the same.

        A line cannot hold a quote inside a name; names are found without it, too.  What is blank
        then is not written at all.
        """
        text = " ".join(text.translate(_NO_QUOTES).split())
        if self.type.loose or not text:
            return text
        if self.type.lead:
            return f"{self.type.lead} {text}"
        return f'{self.name}="{text}"' if " " in text else f"{self.name}={text}"

    def read_into(self, values: dict[str, object], texts: Sequence[str], ctx: Context) -> None:
        """Read the texts and put the value where the function expects it."""
        value = self.type.read(texts, ctx)
        if not self.part:
            values[self.target] = value
            return
        whole = values.get(self.target, Filters())
        changes: dict[str, Any] = {self.part: value}
        values[self.target] = replace(typing.cast("Filters", whole), **changes)


class RangeType(ParamType):
    """Days: `last 7d`, `2026-03`."""

    words = "last 7d | this month | 2026-03 | 2026-03-01..2026-03-15"
    loose = True

    def read(self, texts: Sequence[str], ctx: Context) -> TimeRange:
        """The range; raises UserError."""
        return timerange.parse_range(texts[0], ctx.reader.clock.local_date(ctx.now))

    def complete(self, text: str, ctx: Context) -> list[str]:
        """Range words that hold what was typed; what was typed itself when it is a range."""
        del ctx
        typed = " ".join(text.casefold().split())
        return [words for words in timerange.EXAMPLES if typed in words]


class GrainType(ParamType):
    """The width of a bucket; left out, it is fitted to the range."""

    words = "hour|day|week|month"
    lead = "by"
    _names: Mapping[str, Grain] = {
        name: grain
        for grain in typing.get_args(Grain)
        for name in (grain, f"{grain}s", {"day": "daily"}.get(grain, f"{grain}ly"))
    }

    def read(self, texts: Sequence[str], ctx: Context) -> Grain | None:
        """The grain, None when it was left out; raises UserError."""
        del ctx
        if not texts:
            return None
        found = self._names.get(texts[0].casefold())
        if found is None:
            raise UserError(
                f"I can't group by '{texts[0]}'.", hint="Group by hour, day, week or month."
            )
        return found

    def complete(self, text: str, ctx: Context) -> list[str]:
        """The grains that start so."""
        del ctx
        return [name for name in typing.get_args(Grain) if name.startswith(text.casefold())]


class LimitType(ParamType):
    """How many rows, 1 to 1,000."""

    words = "rows"

    def read(self, texts: Sequence[str], ctx: Context) -> Limit:
        """The number; raises UserError."""
        del ctx
        text = texts[0]
        if text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MAX_LIMIT:
            return Limit(int(text))
        raise UserError(
            f"'{text}' is not a number of rows from 1 to {MAX_LIMIT:,}.",
            hint="For example `limit=10`.",
        )

    def complete(self, text: str, ctx: Context) -> list[str]:
        """Usual numbers of rows."""
        del ctx
        return [words for words in ("5", "10", "20", "50", "100") if words.startswith(text)]


class ChoiceType(ParamType):
    """One of a few words."""

    def __init__(self, choices: Sequence[str]) -> None:
        self.choices = tuple(choices)
        self.words = "|".join(choices)

    def read(self, texts: Sequence[str], ctx: Context) -> str:
        """The chosen word; raises UserError with the allowed ones."""
        del ctx
        typed = texts[0].casefold()
        if typed in self.choices:
            return typed
        allowed = ", ".join(f"`{choice}`" for choice in self.choices)
        raise UserError(f"'{texts[0]}' is not one of the choices.", hint=f"Choose {allowed}.")

    def complete(self, text: str, ctx: Context) -> list[str]:
        """The choices that start so."""
        del ctx
        return [choice for choice in self.choices if choice.startswith(text.casefold())]


class CommandType(ParamType):
    """The name of a command, for help; empty when left out."""

    words = "command"
    loose = True

    def read(self, texts: Sequence[str], ctx: Context) -> CommandName:
        """The name as typed; the command that uses it says when it is unknown."""
        del ctx
        return CommandName(texts[0] if texts else "")


class NameType(ParamType):
    """A model, family, person, department, project or task, found by name."""

    def __init__(self, dimension: Dimension) -> None:
        self.dimension = dimension
        self.words = dimension

    def read(self, texts: Sequence[str], ctx: Context) -> tuple[int, ...]:
        """The ids; raises UserError that names the nearest known ones."""
        return tuple(self._one(text, ctx) for text in texts)

    def _one(self, text: str, ctx: Context) -> int:
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


class _Types(dict[object, ParamType]):
    """By type hint; a Literal is a choice of its words."""

    def __missing__(self, hint: object) -> ParamType:
        if typing.get_origin(hint) is Literal:
            return ChoiceType(typing.get_args(hint))
        raise KeyError(f"no parameter type for {hint}")


PARAM_TYPES: Mapping[object, ParamType] = _Types(
    {
        TimeRange: RangeType(),
        Grain | None: GrainType(),
        Filters: FiltersType(),
        Limit: LimitType(),
        CommandName: CommandType(),
    }
)
