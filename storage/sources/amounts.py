"""Numbers of foreign records, exact: text or JSON in, integers of a small unit out.

Only ASCII digits count, a boolean is no number, and nothing is ever guessed to be 0: what is not
a number, is negative or absurdly large raises RowError.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal

from storage.sources.base import RowError
from storage.sources.names import quoted

MAX_AMOUNT = 10**12
MAX_CREDITS = 10**9  # in millionths, sums of a whole table stay inside 64 bits
MAX_COST = 10**6  # in billionths, for the same reason
MAX_COUNT = 2 * 10**9  # prompts and milliseconds have 32 bits on PostgreSQL
MAX_DIGITS = 64
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_MICRO = Decimal("0.000001")
_NANO = Decimal("0.000000001")


def number_in_text(text: str, name: str, *, decimal: str = ".", limit: int = MAX_AMOUNT) -> Decimal:
    """The number a cell holds; with `decimal` "," a comma stands before the fraction."""
    plain = text.strip()
    if decimal != ".":
        plain = plain.replace(".", "?").replace(decimal, ".")
    if not plain:
        raise RowError(f"{name} is blank")
    if len(plain) > MAX_DIGITS or not _NUMBER.fullmatch(plain):
        hint = ": use --decimal ," if decimal == "." and "," in plain else ""
        raise RowError(f"{name} {quoted(text)} is not a number{hint}")
    return _bounded(Decimal(plain), name, limit)


def number_in_json(
    value: object, name: str, *, text: bool = False, limit: int = MAX_AMOUNT
) -> Decimal:
    """The number of a JSON value; with `text` a decimal string is one too."""
    if text and isinstance(value, str):
        return number_in_text(value, name, limit=limit)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise RowError(f"{name} is not a number")
    return _bounded(Decimal(value), name, limit)


def micro(value: Decimal) -> int:
    """Millionths, rounded half to even."""
    return int(value.quantize(_MICRO, ROUND_HALF_EVEN).scaleb(6))


def nano(value: Decimal) -> int:
    """Billionths, rounded half to even."""
    return int(value.quantize(_NANO, ROUND_HALF_EVEN).scaleb(9))


def count(value: Decimal, name: str) -> int:
    """A whole number; a fraction raises RowError."""
    if value != value.to_integral_value():
        raise RowError(f"{name} {quoted(format(value, 'f'))} is not a whole number")
    return int(value)


def nearest(value: Decimal) -> int:
    """The nearest whole number, halves to even."""
    return int(value.to_integral_value(ROUND_HALF_EVEN))


def _bounded(value: Decimal, name: str, limit: int) -> Decimal:
    if value < 0:
        raise RowError(f"{name} is below 0: negative usage")
    if value > limit:
        raise RowError(f"{name} is absurdly large")
    return value
