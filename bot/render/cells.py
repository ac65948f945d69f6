"""One value of a report, for people and for programs, by its unit.

Invariant: whatever comes from outside leaves here as one clean line; numbers for programs are
exact, never floats.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import assert_never

from analytics.numbers import (
    change_text,
    cost_text,
    count_text,
    credits_text,
    duration_text,
    exact_credits,
    factor_text,
    multiplier_text,
    rate_text,
)
from analytics.report import (
    Cell,
    Fact,
    Unit,
)
from analytics.text import clean
from analytics.timerange import MONTH_NAMES

UNKNOWN = "–"
MAX_CELL = 200
MAX_PROSE = 3000
MICRO_PLACES, NANO_PLACES, FRACTION_PLACES = 6, 9, 6

Exact = str | int | Decimal | None


def cell_text(cell: Cell, unit: Unit, currency: str = "") -> str:
    """A cell as people read it; an unknown one is a dash, midnight is the day alone."""
    if cell is None:
        return UNKNOWN
    if isinstance(cell, str):
        return cleaned(cell)
    if isinstance(cell, datetime):
        return moment_text(cell)
    return _amount_text(cell, unit, clean(currency) if currency else "")


def _amount_text(  # noqa: C901, PLR0911  # a table: one line for each unit
    amount: float, unit: Unit, currency: str
) -> str:
    match unit:
        case "credits":
            return credits_text(int(amount))
        case "cost":
            return cost_text(int(amount), currency).strip()
        case "share":
            return f"{amount:.0f}%"
        case "multiplier":
            return multiplier_text(int(amount))
        case "change":
            return change_text(amount)
        case "duration":
            return duration_text(amount)
        case "rate":
            return rate_text(amount)
        case "rating":
            return f"{amount:.1f}"
        case "speed":
            return f"{amount:,.0f}/s"
        case "factor":
            return factor_text(amount)
        case "count" | "text" | "moment":
            return count_text(int(amount))
        case _:
            assert_never(unit)


def exact(cell: Cell, unit: Unit) -> Exact:
    """A cell as programs read it: credits, cost and multiplier in whole units, time as ISO 8601."""
    if cell is None:
        return None
    if isinstance(cell, str):
        return cleaned(cell)
    if isinstance(cell, datetime):
        return cell.isoformat()
    return _exact_amount(cell, unit)


def _exact_amount(amount: float, unit: Unit) -> int | Decimal:
    match unit:
        case "credits":
            return whole(exact_credits(int(amount)))
        case "cost":
            return whole(Decimal(int(amount)).scaleb(-NANO_PLACES))
        case "multiplier":
            return whole(Decimal(int(amount)).scaleb(-MICRO_PLACES))
        case "change" | "rate" | "rating" | "speed" | "factor":
            return whole(Decimal(repr(round(float(amount), FRACTION_PLACES))))
        case "count" | "share" | "duration" | "text" | "moment":
            return round(amount)
        case _:
            assert_never(unit)


def cleaned(text: str, limit: int = MAX_CELL) -> str:
    """One clean line; what is left out stays "", it is no unknown name."""
    return clean(text, limit) if text else ""


def whole(value: Decimal) -> int | Decimal:
    """An integer where the value is one, else the value without trailing zeros."""
    return int(value) if value == value.to_integral_value() else value.normalize()


def fact_text(fact: Fact) -> str:
    """The value of a fact with its note behind it: `March 15 (485 credits)`."""
    value = cell_text(fact.value, fact.unit, fact.currency)
    return f"{value} ({clean(fact.note, MAX_CELL)})" if fact.note else value


def moment_text(moment: datetime, *, year: bool = True, hour: bool = False) -> str:
    """`18 Mar 2026 14:05` in the moment's own zone; midnight is the day alone unless `hour`."""
    day = f"{moment.day} {MONTH_NAMES[moment.month - 1]}" + (f" {moment.year}" if year else "")
    return f"{day} {moment:%H:%M}" if has_hour(moment) or hour else day


def has_hour(cell: Cell) -> bool:
    """Whether a cell is a moment inside a day."""
    return isinstance(cell, datetime) and bool(cell.hour or cell.minute)


def prose(text: str) -> str:
    """Sentences of ours that may quote what came from outside: clean lines, none of them blank."""
    lines = (clean(line, MAX_PROSE) for line in text[:MAX_PROSE].splitlines() if line.strip())
    return "\n".join(lines)
