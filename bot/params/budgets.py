"""What budgets are made of besides their credits: period, thresholds, billing day."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import NewType

from analytics.errors import UserError
from analytics.text import clean
from bot.context import Context
from bot.params.amounts import PERIODS, parse_amount
from bot.params.base import ParamType
from bot.params.numbers import whole
from bot.params.usual import ChoiceType
from storage.marks import Mark, Threshold

BudgetPeriod = NewType("BudgetPeriod", str)
Thresholds = NewType("Thresholds", tuple[Threshold, ...])
BillingDay = NewType("BillingDay", int)
Seen = NewType("Seen", int)
MOST_THRESHOLDS = 10
LAST_BILLING_DAY = 28  # every month has it
_BETWEEN = re.compile(r"[,;/\s]+")
_APART = re.compile(r"\s+(cr|credits?|used|left)\b", re.IGNORECASE)  # `500 left`
_MARK = re.compile(r"(.+?)(cr|credits?|used|left)", re.ASCII)
_NAMES = {"month": "monthly", "week": "weekly", "quarter": "quarterly"}


class PeriodType(ChoiceType):
    """The period that a budget is for: `monthly`."""

    positional = True

    def __init__(self) -> None:
        super().__init__(PERIODS)

    def read(self, texts: Sequence[str], ctx: Context) -> str | None:  # type: ignore[override]  # may be left out
        """The period, None when it was left out; raises UserError with the allowed ones."""
        if not texts:
            return None
        return super().read([_NAMES.get(texts[0].casefold(), texts[0])], ctx)


class ThresholdsType(ParamType):
    """When people are warned: at per cents, credits used, credits left: `75,15000cr,500left`."""

    words = "75,90,100"

    def read(self, texts: Sequence[str], ctx: Context) -> Thresholds | None:
        """Whole per cents first, then credits used, then left; None when left out.

        Raises UserError.
        """
        del ctx
        if not texts:
            return None
        typed = [part for part in _BETWEEN.split(_APART.sub(r"\1", texts[0])) if part]
        read = [_threshold(part) for part in typed]
        twice = next((at for at, one in enumerate(read) if one in read[:at]), None)
        if twice is not None:
            raise UserError(
                f"'{clean(typed[twice], 40)}' is there twice.", hint="Name each threshold once."
            )
        if not 1 <= len(read) <= MOST_THRESHOLDS:
            raise UserError(
                f"'{clean(texts[0], 40)}' are {len(read)} thresholds.",
                hint=f"Name 1 to {MOST_THRESHOLDS}, for example `thresholds=75,90,100`.",
            )
        shares = sorted(one for one in read if isinstance(one, int))
        marks = [one for one in read if not isinstance(one, int)]
        used = sorted((one for one in marks if one.kind == "used"), key=lambda one: one.amount)
        left = sorted((one for one in marks if one.kind == "left"), key=lambda one: -one.amount)
        return Thresholds((*shares, *used, *left))


def _threshold(text: str) -> Threshold:
    """`75`, `75%`, `15000cr`, `15kcr`, `500left`; raises UserError."""
    found = _MARK.fullmatch(text.casefold())
    if found is not None:
        with suppress(UserError):
            return Mark("left" if found[2] == "left" else "used", parse_amount(found[1]))
    number = None if found else whole(text.removesuffix("%"), range(1, 101))
    if number is None:
        raise UserError(
            f"'{clean(text, 40)}' is not a threshold.",
            hint="Thresholds are whole per cents from 1 to 100, `thresholds=75,90,100`, or credits "
            "used or left: `15000cr,500left`.",
        )
    return number


class BillingDayType(ParamType):
    """The day of the month on which a billing period begins."""

    words = "1-28"

    def read(self, texts: Sequence[str], ctx: Context) -> BillingDay | None:
        """The day, None when it was left out; raises UserError."""
        del ctx
        if not texts:
            return None
        day = whole(texts[0], range(1, LAST_BILLING_DAY + 1))
        if day is None:
            raise UserError(
                f"'{clean(texts[0], 40)}' is not a day that every month has.",
                hint=f"Billing begins on a day from 1 to {LAST_BILLING_DAY}: `day=15`.",
            )
        return BillingDay(day)


class SeenType(ParamType):
    """The revision that a change replaces, as its button says it: a yes to what was shown."""

    words = "number"

    def read(self, texts: Sequence[str], ctx: Context) -> Seen | None:
        """The revision, None when it was left out; raises UserError."""
        del ctx
        if not texts:
            return None
        if texts[0].isascii() and texts[0].isdigit() and len(texts[0]) < 9:
            return Seen(int(texts[0]))
        raise UserError(
            f"'{clean(texts[0], 40)}' is not a revision.",
            hint="Leave `revision=` out to see what would change.",
        )
