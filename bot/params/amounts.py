"""Numbers and dates that people type: amounts of credits, days, short texts."""

from __future__ import annotations

import re
import typing
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NewType

from analytics.errors import UserError
from analytics.text import clean
from bot.context import Context
from bot.params.base import ParamType
from storage.budgets import Period
from storage.events import MICRO

Amount = NewType("Amount", int)  # micro-credits
Day = NewType("Day", date)
Text = NewType("Text", str)
Multiplier = NewType("Multiplier", int)  # millionths
MAX_CREDITS = 10**9
MAX_TEXT = 80
PERIODS: tuple[str, ...] = typing.get_args(Period)
_AMOUNT = re.compile(r"(\d{1,3}(?:,\d{3})+|\d{1,12})(\.\d{1,6})?([kKmM])?", re.ASCII)
_MULTIPLIER = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)[xX×]?", re.ASCII)
_SCALES = {"k": 10**3, "m": 10**6, "": 1}


class AmountType(ParamType):
    """Credits: `20000`, `20,000`, `1.5k`; more than nothing, at most a billion."""

    words = "credits"
    positional = True
    required = True

    def read(self, texts: Sequence[str], ctx: Context) -> Amount:
        """Micro-credits, exact; raises UserError."""
        del ctx
        return parse_amount(texts[0])


class MaybeAmountType(AmountType):
    """Credits that may be left out; the name of a period has its place behind them."""

    required = False

    def read(self, texts: Sequence[str], ctx: Context) -> Amount | None:  # type: ignore[override]  # may be left out
        """Micro-credits, None when left out; raises UserError."""
        return super().read(texts, ctx) if texts else None

    def passes(self, text: str) -> bool:
        """Whether a word is a period: `budget set monthly`."""
        return text.casefold() in PERIODS


def parse_amount(text: str) -> Amount:
    """The micro-credits of a typed number; raises UserError."""
    found = _AMOUNT.fullmatch(text.strip())
    whole, fraction, scale = found.groups("") if found else ("0", "", "")
    value = Decimal(whole.replace(",", "") + fraction) * _SCALES[scale.lower()]
    if not 0 < value <= MAX_CREDITS or value * MICRO % 1:
        raise UserError(
            f"'{clean(text)}' is not a number of credits.",
            hint="Type a number above 0 and up to a billion, for example 20000 or 1.5k.",
        )
    return Amount(int(value * MICRO))


class MultiplierType(ParamType):
    """What a prompt costs: `2.5x`, `0.3`, up to 999."""

    words = "2.5x"
    positional = True
    required = True

    def read(self, texts: Sequence[str], ctx: Context) -> Multiplier:
        """Millionths, exact; raises UserError."""
        del ctx
        found = _MULTIPLIER.fullmatch(texts[0].strip())
        if found is None:
            raise UserError(
                f"'{clean(texts[0])}' is not a multiplier.",
                hint="Write the credits a prompt costs, from 0 to 999: 2.5x.",
            )
        return Multiplier(int(Decimal(found[1]) * MICRO))


class DayType(ParamType):
    """A day: `expires 2026-06-30`; announced by the parameter's name."""

    words = "2026-06-30"
    led = True

    def read(self, texts: Sequence[str], ctx: Context) -> Day | None:
        """The date, None when it was left out; raises UserError."""
        del ctx
        if not texts:
            return None
        try:
            return Day(date.fromisoformat(texts[0]))
        except ValueError:
            raise UserError(
                f"'{clean(texts[0])}' is not a day.", hint="Write it as 2026-06-30."
            ) from None


class TextType(ParamType):
    """A short text of one's own, such as a name."""

    words = "text"

    def read(self, texts: Sequence[str], ctx: Context) -> Text | None:
        """The text on one clean line, None when it was left out; raises UserError."""
        del ctx
        if not texts:
            return None
        if len(texts[0]) > MAX_TEXT:
            raise UserError(
                f"'{clean(texts[0], 40)}' has {len(texts[0])} characters.",
                hint=f"At most {MAX_TEXT} are kept.",
            )
        return Text(clean(texts[0]))
