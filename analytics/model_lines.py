"""Models as lines: with family and multiplier, in families, and as the bars of a card."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from analytics.captions import caption, period_of
from analytics.figures import FamilyBars, ModelBar, ModelFigure
from analytics.lines import OTHER, Changes, Line, Sort, alt_text, line_of, ordered_lines
from analytics.measures import Sums
from analytics.numbers import shares
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
    families = by_family(ordered_lines(lines, "credits"), "credits")
    sums = [sum(line.usage.credits for line in members) for members in families]
    bars = tuple(
        FamilyBars(members[0].family, credits, share, tuple(map(_bar, members)))
        for members, credits, share in zip(families, sums, shares(sums), strict=True)
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
