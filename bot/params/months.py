"""One month."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NewType

from analytics.errors import UserError
from analytics.text import clean
from analytics.timerange import MONTHS, TimeRange, parse_range
from bot.context import Context
from bot.params.base import ParamType

Month = NewType("Month", TimeRange)
EXAMPLES = ("this month", "last month")


class MonthType(ParamType):
    """A calendar month, cut at today while it runs: `march`, `2026-03`, `last month`."""

    words = "this month | last month | march | 2026-03"
    loose = True

    def read(self, texts: Sequence[str], ctx: Context) -> Month:
        """The days of the month; raises UserError for anything else, and for one to come."""
        today = ctx.reader.clock.local_date(ctx.now)
        try:
            found = parse_range(texts[0], today)
        except UserError as error:
            future = "lies in the future" in error.message
            hint = f"The running month is {today:%Y-%m}." if future else _HINT
            raise UserError(error.message, hint=hint) from error
        following = (found.first.replace(day=1) + timedelta(days=32)).replace(day=1)
        is_month = found.first.day == 1 and found.end == min(following, today + timedelta(days=1))
        if not is_month or (found.days == 1 and found.words in ("today", str(today))):
            raise UserError(f"'{clean(texts[0])}' is not one month.", hint=_HINT)
        return Month(found)

    def complete(self, text: str, ctx: Context) -> list[str]:
        """The two near months, and names of months."""
        del ctx
        typed = text.casefold().strip()
        return [words for words in (*EXAMPLES, *MONTHS) if typed in words]


_HINT = "Try `report march`, `report 2026-03` or `report last month`."
