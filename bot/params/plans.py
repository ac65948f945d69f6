"""What plans and packs are made of: their rhythm, their rank, the number of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NewType

from analytics.errors import UserError
from analytics.text import clean
from bot.context import Context
from bot.params.base import ParamType
from bot.params.usual import ChoiceType

Rhythm = NewType("Rhythm", str)
Rank = NewType("Rank", int)
GrantId = NewType("GrantId", int)
MAX_RANK, MAX_ID = 9, 10**9


class RhythmType(ChoiceType):
    """How often a plan gives its credits."""

    positional = True

    def __init__(self) -> None:
        super().__init__(("monthly",))


class RankType(ParamType):
    """The place of a pack in the burn order, 0 to 9."""

    words = "0-9"

    def read(self, texts: Sequence[str], ctx: Context) -> Rank:
        """The number; raises UserError."""
        del ctx
        return Rank(_number(texts[0], MAX_RANK, "a priority", "for example `priority=1`"))


class GrantIdType(ParamType):
    """The number of a grant, as `grants list` shows it."""

    words = "ID"
    positional = True
    required = True

    def read(self, texts: Sequence[str], ctx: Context) -> GrantId:
        """The number; raises UserError."""
        del ctx
        return GrantId(_number(texts[0], MAX_ID, "the ID of a grant", "`grants list` shows them"))


def _number(text: str, most: int, thing: str, hint: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and int(text) <= most:
        return int(text)
    raise UserError(f"'{clean(text)}' is not {thing}.", hint=f"{hint[0].upper()}{hint[1:]}.")
