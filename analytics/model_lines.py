"""Models as lines: with family and multiplier, in families, and as the bars of a card."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from analytics.captions import caption, period_of
from analytics.figures import FamilyBars, ModelBar, ModelFigure
from analytics.lines import OTHER, Changes, Line, Sort, alt_text, line_of, ordered_lines
from analytics.measures import Sums, Usage
from analytics.numbers import shares_by_key
from analytics.query import Query
from analytics.text import clean, distinct
from storage.timekeys import to_micros


def model_lines(query: Query, sums: Sums, changes: Changes) -> list[Line]:
    """A line for each model, with its family and its multiplier at the end of the range."""
    catalog = query.reader.catalog
    ts = to_micros(period_of(query).end) - 1
    names = distinct({key: catalog.models[key].name for (key,) in sums})
    lines = []
    for (key,), usage in sums.items():
        model, price = catalog.models[key], catalog.price_at(key, ts)
        line = line_of(key, names[key], usage, changes)
        multiplier = price.multiplier if price else None
        lines.append(replace(line, family=clean(model.family, 40), multiplier=multiplier))
    return lines


def model_shares(query: Query, sums: Mapping[int, Usage]) -> dict[int, int]:
    """Whole per cents of each model of all that were used: families add up to 100, models to those.

    Every table of models takes its shares from here, however few of them it shows.
    """
    models = query.reader.catalog.models
    families: dict[int, dict[int, int]] = defaultdict(dict)
    for key, usage in sums.items():
        families[models[key].family_id][key] = usage.credits
    wholes = shares_by_key({key: sum(members.values()) for key, members in families.items()})
    found: dict[int, int] = {}
    for key, members in families.items():
        found |= shares_by_key(members, whole=wholes[key])
    return found


def _family_order(lines: Sequence[Line], sort: Sort) -> tuple[bool, float, str]:
    measure = sum(line.usage.prompts if sort == "prompts" else line.usage.credits for line in lines)
    return lines[0].family == OTHER, 0 if sort == "name" else -measure, lines[0].family


def by_family(lines: Sequence[Line], sort: Sort) -> list[list[Line]]:
    """Lines in families, the largest family first, Other last."""
    families: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        families[line.family].append(line)
    return sorted(families.values(), key=lambda members: _family_order(members, sort))


def model_figure(query: Query, title: str, lines: Sequence[Line]) -> ModelFigure:
    """Every model as a bar under its family."""
    portions = model_shares(query, {line.key: line.usage for line in lines})
    bars = tuple(
        FamilyBars(
            name=members[0].family,
            credits=sum(line.usage.credits for line in members),
            share=sum(portions[line.key] for line in members),
            models=tuple(map(_bar, members)),
        )
        for members in by_family(ordered_lines(lines, "credits"), "credits")
    )
    footer = caption(query)
    return ModelFigure(
        title=title,
        subtitle="Credits by model. Pill = multiplier",
        footer=footer,
        alt=alt_text("Bar chart by model", title, ordered_lines(lines, "credits"), footer),
        families=bars,
    )


def _bar(line: Line) -> ModelBar:
    return ModelBar(
        line.name, line.usage.credits, line.multiplier, line.usage.known_credits is not None
    )
