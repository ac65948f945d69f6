"""The models of a workspace, what a prompt of each costs, and what a new price would change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analytics.lines import framed
from analytics.measures import Usage, gather, tier_of
from analytics.numbers import count_text, counted, counted_credits, multiplier_text
from analytics.query import Query
from analytics.report import (
    Actions,
    Button,
    Column,
    Note,
    Report,
    Row,
    Table,
)
from analytics.text import clean, distinct
from analytics.timerange import MONTH_NAMES
from storage.catalog import Price
from storage.timekeys import from_micros, to_micros

USED = 2  # models that buttons lead to


def catalogue(query: Query, limit: int) -> Report:
    """Family, multiplier, tier and validity of each model; those used in the range come first."""
    catalog = query.reader.catalog
    used = {key: usage for (key,), usage in gather(query, ("model",)).items()}
    names = distinct({key: model.name for key, model in catalog.models.items()})
    order = sorted(names, key=lambda key: (-_prompts(used.get(key)), names[key].casefold(), key))
    rows = tuple(_row(query, key, names[key], used.get(key)) for key in order[:limit])
    unpriced = sum(not catalog.prices(key) for key in used)
    headline = f"{counted(len(order), 'model')}, {count_text(len(used))} of them used"
    if unpriced:
        headline += f"; {count_text(unpriced)} without a price"
    columns = (
        Column("model", "Model"),
        Column("family", "Family"),
        Column("multiplier", "Multiplier", "multiplier"),
        Column("tier", "Tier"),
        Column("start", "Valid from", "moment"),
        Column("next", "Then"),
        Column("prompts", "Prompts", "count"),
    )
    return framed(
        query,
        "Models",
        headline,
        (Table(columns, rows), *_notes(len(order), len(rows)), _actions(query)),
    )


def _prompts(usage: Usage | None) -> int:
    return usage.prompts if usage is not None else -1


def _row(query: Query, key: int, name: str, usage: Usage | None) -> Row:
    catalog, zone = query.reader.catalog, query.reader.clock.zone
    price = catalog.price_at(key, to_micros(query.now))
    multiplier = price.multiplier if price else None
    return (
        name,
        clean(catalog.models[key].family, 40),
        multiplier,
        tier_of(query, multiplier),
        from_micros(price.valid_from).astimezone(zone) if price and price.valid_from else None,
        _following(query, key),
        usage.known_prompts if usage is not None else 0,
    )


def _following(query: Query, key: int) -> str:
    """`2.5x from 1 Jul 2026`: the next price of a model; "" when none is planned."""
    prices = query.reader.catalog.prices(key)
    coming = next((p for p in prices if p.valid_from > to_micros(query.now)), None)
    return f"{multiplier_text(coming.multiplier)} from {_day(query, coming)}" if coming else ""


def _day(query: Query, price: Price) -> str:
    day = from_micros(price.valid_from).astimezone(query.reader.clock.zone)
    return f"{day.day} {MONTH_NAMES[day.month - 1]} {day.year}"


def _notes(known: int, shown: int) -> Iterator[Note]:
    if shown < known:
        rest = count_text(known - shown)
        yield Note(f"{rest} more: `models limit={known}` shows them all.")
    yield Note('An admin changes one: `models set "GPT-4o" 2.5x from 2026-07-01`.', "hint")


def _actions(query: Query) -> Actions:
    return Actions((Button("Used by model", f"by-model {query.range.words}"),))


@dataclass(frozen=True, slots=True)
class Repricing:
    """A new multiplier for a model from a moment on (epoch microseconds)."""

    model: int
    multiplier: int
    valid_from: int


def repriced(query: Query, new: Repricing) -> Report:
    """What a new price changes, at the volume of the query's range; past events keep theirs."""
    catalog = query.reader.catalog
    name = clean(catalog.models[new.model].name)
    before = catalog.price_at(new.model, new.valid_from - 1)
    day = _day(query, Price(new.valid_from, new.multiplier, None, None))
    was = f"before {multiplier_text(before.multiplier)}" if before else "without a price before"
    usage = gather(query, ("model",)).get((new.model,), Usage())
    notes = [Note("Usage that is recorded already keeps its credits.")]
    if before is not None and usage.prompts:
        step = (new.multiplier - before.multiplier) * usage.prompts
        sign = "+" if step > 0 else "−"
        notes.append(
            Note(
                f"At the {counted(usage.prompts, 'prompt')} of the {query.range.label} that is "
                f"{sign}{counted_credits(abs(step))}."
                if step
                else "That is the price it has already.",
                "delta",
            )
        )
    return Report(
        title="Models",
        headline=f"{name} costs {multiplier_text(new.multiplier)} from {day}, {was}",
        blocks=(*notes, Actions((Button("All models", "models"),))),
    )
