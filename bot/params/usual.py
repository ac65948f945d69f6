"""Ranges, grains, numbers of rows and choices."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from typing import NewType

from analytics import timerange
from analytics.errors import UserError
from analytics.figures import Grain
from analytics.timerange import TimeRange
from bot.context import Context
from bot.params.base import ParamType

Limit = NewType("Limit", int)
CommandName = NewType("CommandName", str)
MAX_LIMIT = 1000
ALL_ROWS = 10**9


class RangeType(ParamType):
    """Days: `last 7d`, `2026-03`."""

    words = "last 7d | this month | 2026-03 | 2026-03-01..2026-03-15"
    loose = True

    def read(self, texts: Sequence[str], ctx: Context) -> TimeRange:
        """The range; raises UserError."""
        today = ctx.reader.clock.local_date(ctx.now)
        return timerange.parse_range(texts[0], today, ctx.reader.workspace.week_start)

    def claims(self, text: str) -> bool:
        """Whether words are a range."""
        return timerange.is_range(text)

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
    """How many rows, 1 to 1,000; `all` is for files, a message shows what it has room for."""

    words = "rows|all"

    def read(self, texts: Sequence[str], ctx: Context) -> Limit | None:
        """The number, None when it was left out; raises UserError."""
        del ctx
        if not texts:
            return None
        text = texts[0]
        if text.casefold() == "all":
            return Limit(ALL_ROWS)
        if text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MAX_LIMIT:
            return Limit(int(text))
        raise UserError(
            f"'{text}' is not a number of rows from 1 to {MAX_LIMIT:,}.",
            hint="For example `limit=10`, or `limit=all`.",
        )

    def complete(self, text: str, ctx: Context) -> list[str]:
        """Usual numbers of rows."""
        del ctx
        return [words for words in ("5", "10", "20", "50", "100", "all") if words.startswith(text)]


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
