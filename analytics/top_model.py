"""The top model, in one way wherever it is named.

It has most prompts; where a source does not say how many prompts its rows are, most credits.
"""

from __future__ import annotations

from collections.abc import Mapping

from analytics.measures import Usage
from analytics.query import Query
from analytics.text import clean

ByModel = Mapping[tuple[int, ...], Usage]


def model_ranks(models: ByModel) -> dict[tuple[int, ...], int]:
    """What each model is ranked by: its prompts, or its credits where prompts are not known."""
    counted = not any(usage.uncounted for usage in models.values())
    return {key: usage.prompts if counted else usage.credits for key, usage in models.items()}


def top_model(query: Query, models: ByModel) -> str | None:
    """The name of the top model; None without usage."""
    ranks = model_ranks(models)
    if not ranks:
        return None
    (key,) = min(ranks, key=lambda k: (-ranks[k], -models[k].credits, k))
    return clean(query.reader.catalog.models[key].name)
