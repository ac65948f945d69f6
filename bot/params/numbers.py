"""Small whole numbers that people type: the number of a rule or trial, a slice, a margin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NewType

from analytics.errors import UserError
from analytics.text import clean
from analytics.trial import MARGINS
from bot.context import Context
from bot.params.base import ParamType
from storage.trials import MAX_SLICE_PCT

Number = NewType("Number", int)
Percent = NewType("Percent", int)
Margin = NewType("Margin", int)
MAX_NUMBER = 9999


class NumberType(ParamType):
    """The number of a rule or trial, or a place in a list, from 1."""

    words = "number"
    positional = True

    def __init__(self, *, required: bool = True) -> None:
        self.required = required

    def read(self, texts: Sequence[str], ctx: Context) -> Number | None:
        """The number, None when it was left out; raises UserError."""
        del ctx
        if not texts:
            return None
        number = whole(texts[0].removeprefix("#"), range(1, MAX_NUMBER + 1))
        if number is None:
            raise UserError(f"'{clean(texts[0], 40)}' is not a number.", hint="Type one such as 2.")
        return Number(number)


class PercentType(ParamType):
    """The slice of a task's prompts that a trial takes: `10%`."""

    words = "10%"
    positional = True

    def read(self, texts: Sequence[str], ctx: Context) -> Percent | None:
        """Whole per cent, None when left out; raises UserError."""
        del ctx
        if not texts:
            return None
        number = whole(texts[0].removesuffix("%").strip(), range(1, MAX_SLICE_PCT + 1))
        if number is None:
            raise UserError(
                f"'{clean(texts[0], 40)}' is not a slice of 1% to {MAX_SLICE_PCT}%.",
                hint="For example `10%`; as many prompts stay on the old model to compare with.",
            )
        return Percent(number)


class MarginType(ParamType):
    """The loss of success, in points, that counts as none."""

    words = "3"

    def read(self, texts: Sequence[str], ctx: Context) -> Margin | None:
        """Points, None when left out; raises UserError."""
        del ctx
        if not texts:
            return None
        number = whole(texts[0], MARGINS)
        if number is None:
            raise UserError(
                f"'{clean(texts[0], 40)}' is not a margin of {MARGINS[0]} to {MARGINS[-1]} points.",
                hint="For example `margin=3`: success may fall by less than 3 points.",
            )
        return Margin(number)


def whole(text: str, allowed: range) -> int | None:
    """The number that ASCII digits write, if it is allowed."""
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        return None
    return int(text) if int(text) in allowed else None
