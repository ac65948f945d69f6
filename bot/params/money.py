"""Money and minutes that people type: `0.04 USD`, `4.5`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import NewType

from analytics.errors import UserError
from analytics.text import clean
from bot.context import Context
from bot.params.base import ParamType
from storage.events import NANO

Nano = NewType("Nano", int)
Currency = NewType("Currency", str)
Seconds = NewType("Seconds", int)
MOST_MONEY, MOST_MINUTES = 1_000_000, 600
SIGNS = {"$": "USD", "€": "EUR", "£": "GBP"}
_MONEY = re.compile(r"\d{1,7}(\.\d{1,9})?", re.ASCII)
_MINUTES = re.compile(r"\d{1,3}(\.\d)?", re.ASCII)


class NanoType(ParamType):
    """An amount of money, more than nothing, in billionths."""

    words = "amount"
    positional = True
    required = True

    def read(self, texts: Sequence[str], ctx: Context) -> Nano:
        """Billionths, exact; raises UserError."""
        del ctx
        text = texts[0].strip()
        value = Decimal(text) if _MONEY.fullmatch(text) else Decimal(0)
        if not 0 < value <= MOST_MONEY:
            raise UserError(
                f"'{clean(text)}' is not an amount of money.",
                hint="Type a number above 0, then the currency: `0.04 USD`.",
            )
        return Nano(int(value * NANO))


class CurrencyType(ParamType):
    """Three letters, or the sign of a usual one."""

    words = "USD"
    positional = True
    required = True

    def read(self, texts: Sequence[str], ctx: Context) -> Currency:
        """The letters; raises UserError."""
        del ctx
        text = SIGNS.get(texts[0], texts[0]).upper()
        if len(text) == 3 and text.isascii() and text.isalpha():
            return Currency(text)
        raise UserError(
            f"'{clean(texts[0])}' is not a currency.", hint="Type three letters such as USD or EUR."
        )

    def complete(self, text: str, ctx: Context) -> list[str]:
        """Usual currencies."""
        del ctx
        return [code for code in SIGNS.values() if code.startswith(text.upper())]


class SecondsType(ParamType):
    """Minutes, with at most one decimal."""

    words = "minutes"
    positional = True
    required = True

    def read(self, texts: Sequence[str], ctx: Context) -> Seconds:
        """Seconds, exact; raises UserError."""
        del ctx
        text = texts[0].strip()
        value = Decimal(text) if _MINUTES.fullmatch(text) else Decimal(-1)
        if not 0 <= value <= MOST_MINUTES:
            raise UserError(
                f"'{clean(text)}' is not a number of minutes.",
                hint=f"Type one from 0 to {MOST_MINUTES}, for example 4 or 4.5.",
            )
        return Seconds(int(value * 60))
