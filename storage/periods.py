"""The periods of budgets in local day numbers: the stretch that holds a day, and its name."""

from __future__ import annotations

from storage.budgets import Period
from storage.timekeys import date_of, first_day, month_number

_MONDAY = 3  # the weekday of day number 0, a Thursday


def period_of(
    period: Period, day: int, *, billing_day: int = 1, week_start: int = 0
) -> tuple[int, int]:
    """First day and end, exclusive, of the period that holds a day.

    A billing month begins on its `billing_day`, 1 to 28, a week on a weekday, 0 for Monday.
    """
    date = date_of(day)
    month = month_number(date)
    match period:
        case "weekly":
            first = day - (day + _MONDAY - week_start) % 7
            return first, first + 7
        case "quarterly":
            quarter = month - month % 3
            return first_day(quarter), first_day(quarter + 3)
        case "billing":
            begun = month - (date.day < billing_day)
            return first_day(begun) + billing_day - 1, first_day(begun + 1) + billing_day - 1
        case "monthly":
            return first_day(month), first_day(month + 1)


def period_key(period: Period, first: int) -> str:
    """The name of a period in keys, from its first local day: `monthly:2026-03`.

    Never an instant, so that a clock or zone that moves cannot make a second one.
    """
    start = date_of(first)
    match period:
        case "monthly":
            return f"monthly:{start:%Y-%m}"
        case "quarterly":
            return f"quarterly:{start.year}-q{(start.month + 2) // 3}"
        case _:
            return f"{period}:{start}"
