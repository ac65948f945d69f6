"""Models between price and quality: which of them no other beats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analytics.figures import Dot, FrontierFigure
from analytics.numbers import counted, ratio_text
from analytics.quality import LEAST_RATINGS, Quality
from analytics.text import clean, distinct
from storage.catalog import ModelEntry

LEAST_PROMPTS = 30
SHOWN = 16  # more dots would hide each other's names


@dataclass(frozen=True, slots=True)
class Plot:
    """What a picture of models is about: their sums, the catalogue's names, the card's footer."""

    models: Mapping[int, Quality]
    catalog: Mapping[int, ModelEntry]
    footer: str
    title: str = ""


def frontier_figure(plot: Plot) -> FrontierFigure | None:
    """Rating or success against credits a prompt; None for fewer than two comparable models.

    Ratings where most models have ten, pulled to the mean of all; only models with 30 prompts.
    """
    enough = {key: one for key, one in plot.models.items() if one.prompts >= LEAST_PROMPTS}
    rated = {key: one for key, one in enough.items() if one.rating_n >= LEAST_RATINGS}
    known = {key: one for key, one in enough.items() if one.ok_n >= LEAST_PROMPTS}
    by_stars = len(rated) > 1 and 2 * len(rated) >= len(known)
    if by_stars:
        whole = sum(plot.models.values(), Quality())
        mean = whole.rating_sum / whole.rating_n
        values = {key: one.pulled_rating(mean) for key, one in rated.items()}
    else:
        values = {key: one.ok / one.ok_n for key, one in known.items()}
    if len(values) < 2:
        return None
    return _figure(plot, values, by_stars=by_stars)


def _figure(plot: Plot, values: Mapping[int, float], *, by_stars: bool) -> FrontierFigure:
    models = plot.models
    chosen = undominated({key: (models[key].per_prompt, value) for key, value in values.items()})
    order = sorted(values, key=lambda key: (key not in chosen, -models[key].prompts, key))[:SHOWN]
    names = distinct({key: plot.catalog[key].name for key in order})
    dots = tuple(
        Dot(
            name=names[key],
            family=clean(plot.catalog[key].family, 40),
            per_prompt=models[key].per_prompt,
            value=values[key],
            prompts=models[key].prompts,
            efficient=key in chosen,
        )
        for key in order
    )
    quality = "better rated" if by_stars else "more often successful"
    some = f"{len(chosen)} of {counted(len(values), 'model')}"
    title = plot.title or f"No model is both cheaper and {quality} than {some}"
    first = ", ".join(f"{dot.name} {ratio_text(dot.per_prompt)}" for dot in dots[:3])
    return FrontierFigure(
        title=title,
        subtitle=f"{'Rating' if by_stars else 'Success'} against credits a prompt",
        footer=plot.footer,
        alt=f"Scatter of models. {title}. Credits a prompt: {first}. {plot.footer}.",
        axis="rating" if by_stars else "success",
        dots=dots,
    )


def undominated(found: Mapping[int, tuple[int, float]]) -> set[int]:
    """Keys of (price, value) that no other beats: none is as cheap and as good, and one better."""
    return {
        key
        for key, (price, value) in found.items()
        if not any(
            other <= price and worth >= value and (other, worth) != (price, value)
            for other, worth in found.values()
        )
    }
