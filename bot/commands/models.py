"""The catalogue: models, and what a prompt of each costs."""

from __future__ import annotations

from analytics.catalogue import Repricing, catalogue, repriced
from analytics.numbers import multiplier_text
from analytics.query import Query
from analytics.report import (
    Report,
)
from analytics.timerange import parse_range
from bot.context import Context
from bot.params import Day, Limit, ModelName, Multiplier
from bot.registry import command
from storage.catalog import set_multiplier
from storage.timekeys import day_number, to_micros

VOLUME = "last 30d"


def _recent(ctx: Context) -> Query:
    today = ctx.reader.clock.local_date(ctx.now)
    return Query(ctx.reader, ctx.now, parse_range(VOLUME, today))


@command("models", example="models", native="models list", defaults={"limit": "25"})
def list_models(ctx: Context, limit: Limit) -> Report:
    """Every model with its multiplier, tier and validity.

    Models used in the last 30 days come first.
    """
    return catalogue(_recent(ctx), limit)


@command(
    "models set", example='models set "GPT-4o" 2.5x from 2026-07-01', needs="admin", changes=True
)
def set_model(ctx: Context, model: ModelName, multiplier: Multiplier, from_: Day | None) -> Report:
    """Change what a prompt of a model costs, from a day on.

    Today when no day is named. Usage that is recorded already keeps its credits.
    """
    clock = ctx.reader.clock
    day = from_ or clock.local_date(ctx.now)
    start = to_micros(clock.midnight(day_number(day)))
    report = repriced(_recent(ctx), Repricing(model, multiplier, start))
    before = ctx.reader.catalog.price_at(model, start - 1)
    ctx.record(
        "models.set",
        ctx.reader.catalog.models[model].slug,
        before=multiplier_text(before.multiplier) if before else None,
        after=f"{multiplier_text(multiplier)} from {day}",
    )
    set_multiplier(
        ctx.reader.connection,
        ctx.reader.workspace.id,
        model,
        multiplier=multiplier,
        valid_from=start,
    )
    return report
