"""Stars that people give, and for what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NewType

from analytics.errors import UserError
from analytics.text import clean
from bot.context import Context
from bot.params.base import ParamType
from bot.params.names import NameType

Stars = NewType("Stars", int)
RatedTask = NewType("RatedTask", int)
MOST = 5


class StarsType(ParamType):
    """1 to 5 stars: `4`, also `4/5` or the stars themselves."""

    words = "1-5"
    positional = True
    required = True

    def read(self, texts: Sequence[str], ctx: Context) -> Stars:
        """The number of stars; raises UserError."""
        del ctx
        text = texts[0].removesuffix("/5")
        number = str(len(text)) if text and not text.strip("★*") else text
        if len(number) == 1 and number in "12345":
            return Stars(int(number))
        raise UserError(
            f"'{clean(texts[0])}' is not a rating.",
            hint="Give 1 to 5, for example `rate gpt-4o 4`.",
        )

    def complete(self, text: str, ctx: Context) -> list[str]:
        """The five ratings, the best first."""
        del ctx
        return [number for number in "54321" if number.startswith(text)]


class RatedTaskType(NameType):
    """The task that a rating is for, at most one."""

    def read(self, texts: Sequence[str], ctx: Context) -> int:
        """The id, 0 when it was left out; raises UserError."""
        return self.find(texts[0], ctx) if texts else 0
