"""What the credits may be worth, and what an admin assumes for that."""

from __future__ import annotations

from analytics import roi
from analytics.query import Query
from analytics.report import Actions, Button, Report
from analytics.text import clean
from analytics.timerange import TimeRange
from bot.context import Context
from bot.params import Currency, Nano, RatedTask, Seconds
from bot.registry import command
from bot.walls import folded
from storage.preferences import preference, set_preference


@command("roi", example="roi last 30d", native="roi show", defaults={"range": "last 30d"})
def return_on_credits(ctx: Context, range: TimeRange) -> Report:
    """What the credits cost against what they may be worth.

    Minutes saved, value and cost by task, from a price, a rate and minutes that an admin set; they
    are printed with every answer.
    """
    query = Query(ctx.reader, ctx.now, range)
    return roi.roi(query, folded("task", query, ctx))


@command("roi set price", example="roi set price 0.04 USD", needs="admin", changes=True)
def set_price(ctx: Context, amount: Nano, currency: Currency) -> Report:
    """Set the price of a credit, for `roi`."""
    money = roi.Money(amount, currency)
    return _changed(ctx, roi.PRICE, money.written, f"A credit costs {money.text}.")


@command("roi set rate", example="roi set rate 60 EUR", needs="admin", changes=True)
def set_rate(ctx: Context, amount: Nano, currency: Currency) -> Report:
    """Set what an hour of work is worth, for `roi`."""
    money = roi.Money(amount, currency)
    return _changed(ctx, roi.RATE, money.written, f"An hour is worth {money.text}.")


@command("roi set minutes", example="roi set minutes 4", needs="admin", changes=True)
def set_minutes(ctx: Context, minutes: Seconds, task: RatedTask) -> Report:
    """Set the minutes that a prompt saves, for `roi`.

    With `task=` for one task alone, which may be 0.
    """
    whose = f" of {clean(ctx.reader.names('task')[task])}" if task else ""
    words = f"A prompt{whose} saves {roi.minutes_text(minutes)} minutes."
    name = f"{roi.MINUTES}_{task}" if task else roi.MINUTES
    return _changed(ctx, name, str(minutes), words)


def _changed(ctx: Context, name: str, value: str, words: str) -> Report:
    connection, workspace = ctx.reader.connection, ctx.reader.workspace.id
    before = preference(connection, workspace, name)
    set_preference(connection, workspace, name, value)
    ctx.record("roi set", name, before=before, after=value)
    return Report("Return on Credits", words, (Actions((Button("Return", "roi last 30d"),)),))
