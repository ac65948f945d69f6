"""Usage by a group and model, from which every breakdown is folded.

A tier is that of the model's multiplier at the time of the usage: models whose tier changes inside
a span are read day by day (hour by hour within a day), all others at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from analytics.lines import Changes
from analytics.measures import (
    Comparison,
    Costs,
    Sums,
    Usage,
    comparison,
    gather,
    gather_spend,
    multiplier_at,
    price_edges,
    span_of,
    stated_costs,
    tier_at,
    tier_of,
)
from analytics.numbers import multiplier_text
from analytics.query import TIERS, Query
from storage.reading import Days, Hours, Key, Span

Group = Literal["family", "tier", "project", "department", "task"]
Label = Literal["project", "department", "task"]
LABELS: Mapping[str, Label] = {"project": "project", "department": "department", "task": "task"}
Parts = Sums  # by group and model
UNKNOWN_TIER = TIERS.index("unknown")


def read_parts(query: Query, group: Group, *, span: Span | None = None) -> Parts:
    """Usage by group and model; a family by its id, a tier by its place in `TIERS`."""
    label, chosen = LABELS.get(group), span or span_of(query)
    if label is not None:
        return gather(query, (label, "model"), span=chosen)
    models = gather(query, ("model",), span=chosen)
    if group == "family":
        known = query.reader.catalog.models
        return {(known[model].family_id, model): usage for (model,), usage in models.items()}
    return {(tier, model): u for (model, tier), u in _tiered(query, models, (), chosen).items()}


def split_by_tier(query: Query, label: Label, parts: Parts) -> dict[tuple[int, int], int]:
    """Micro-credits by label and tier, of parts over the query's range."""
    found: dict[tuple[int, int], int] = defaultdict(int)
    for (key, _, tier), usage in _tiered(query, parts, (label,), span_of(query)).items():
        found[key, tier] += usage.credits
    return found


def _tiered(query: Query, sums: Sums, by: Sequence[Key], span: Span) -> Sums:
    """Sums by key and model, told apart by tier, too."""
    models = {key[-1] for key in sums}
    moving = {model for model in models if len(_tiers(query, model, span)) > 1}
    tiers = {model: TIERS.index(tier_at(query, model, span.first, span)) for model in models}
    found = {(*k, tiers[k[-1]]): usage for k, usage in sums.items() if k[-1] not in moving}
    if not moving:
        return found
    moment: Key = "bucket" if isinstance(span, Hours) else "day"
    only = {"model": tuple(sorted(moving))}
    for key, usage in gather(query, (*by, "model", moment), span=span, only=only).items():
        *rest, model, at = key
        cell = (*rest, model, TIERS.index(tier_at(query, model, at, span)))
        found[cell] = found.get(cell, Usage()) + usage
    return found


def _tiers(query: Query, model: int, span: Span) -> set[str]:
    starts = (span.first, *price_edges(query, model, span))
    return {tier_at(query, model, start, span) for start in starts}


def tier_name(query: Query, tier: int, parts: Parts) -> str:
    """`Premium (2x-5x)`: with the multipliers that were used; parts are by tier and model."""
    ends = _multipliers(query, tier, {model for key, model in parts if key == tier})
    if ends is None:
        return "Unknown (no price)"
    low, high = map(multiplier_text, ends)
    return f"{TIERS[tier].title()} ({low if low == high else f'{low}-{high}'})"


def _multipliers(query: Query, tier: int, models: Iterable[int]) -> tuple[int, int] | None:
    """The lowest and highest multiplier that models had in a tier; None for the unknown one."""
    span = span_of(query)
    found = [
        multiplier
        for model in models
        for start in (span.first, *price_edges(query, model, span))
        if (multiplier := multiplier_at(query, model, start, span)) is not None
        and tier_of(query, multiplier) == TIERS[tier]
    ]
    return (min(found), max(found)) if found else None


def by_group(parts: Parts) -> dict[int, Usage]:
    """The usage of each group."""
    return _folded(parts.items())


def _folded(items: Iterable[tuple[tuple[int, ...], Usage]]) -> dict[int, Usage]:
    found: dict[int, Usage] = {}
    for (key, _), usage in items:
        found[key] = found[key] + usage if key in found else usage
    return found


def models_of(parts: Parts) -> dict[int, dict[tuple[int, ...], Usage]]:
    """The usage of each group by model."""
    found: dict[int, dict[tuple[int, ...], Usage]] = defaultdict(dict)
    for (key, model), usage in parts.items():
        found[key][model,] = usage
    return found


def read_compared(query: Query, group: Group) -> tuple[Parts, Changes]:
    """The parts of the range, and both sides of its change by group.

    The change is of models that are priced on both sides, so the whole changes as it does by
    model.  Complete days are read once, and the rest of the range added to them.
    """
    compared, span = comparison(query), span_of(query)
    if compared is None:
        return read_parts(query, group), Changes()
    if group in LABELS and isinstance(compared.now, Days):
        return read_parts(query, group), _label_changes(query, LABELS[group], compared)
    now = read_parts(query, group, span=compared.now)
    before = read_parts(query, group, span=compared.before)
    if isinstance(compared.now, Hours):
        parts = read_parts(query, group)
    elif compared.now.end < span.end:
        rest = read_parts(query, group, span=Days(compared.now.end, span.end))
        parts = {key: now.get(key, Usage()) + rest.get(key, Usage()) for key in now.keys() | rest}
    else:
        parts = now
    return parts, _changes(compared, now, before)


def _label_changes(query: Query, label: Label, compared: Comparison) -> Changes:
    """The same from sums of all models, which are far fewer cells."""
    now, before = compared.now, compared.before
    sides: Sequence[Span] = (now, before)
    looked = sides
    if isinstance(now, Days) and isinstance(before, Days) and before.end == now.first:
        looked = (Days(before.first, now.end),)
    models = (gather(query, ("model",), span=side) for side in looked)
    unpriced = {key for side in models for (key,), usage in side.items() if usage.unpriced}
    seen: set[int] = set()
    priced: list[dict[int, int]] = []
    for side in sides:
        sums = {key: usage for (key,), usage in gather_spend(query, (label,), span=side).items()}
        seen |= sums.keys()
        if unpriced:
            only = {"model": tuple(sorted(unpriced))}
            for (key,), usage in gather(query, (label,), span=side, only=only).items():
                sums[key] -= usage
        priced.append({key: usage.credits for key, usage in sums.items() if usage.events})
    unknown = frozenset(seen - priced[0].keys() - priced[1].keys())
    return Changes(
        compared.words, compared.left_out, now=priced[0], before=priced[1], unknown=unknown
    )


def _changes(compared: Comparison, now: Parts, before: Parts) -> Changes:
    unpriced = {key[1] for side in (now, before) for key, usage in side.items() if usage.unpriced}
    priced_now, priced_before = (
        _folded(item for item in side.items() if item[0][1] not in unpriced)
        for side in (now, before)
    )
    seen = {key for key, _ in (*now, *before)}
    return Changes(
        words=compared.words,
        left_out=compared.left_out,
        now={key: usage.credits for key, usage in priced_now.items()},
        before={key: usage.credits for key, usage in priced_before.items()},
        unknown=frozenset(seen - priced_now.keys() - priced_before.keys()),
    )


def part_costs(query: Query, group: Group) -> Costs | None:
    """Stated costs by family or tier; None where none is known, or for a label.

    Those are not kept by project or task, and by department only person by person: ten times the
    time of all the rest.
    """
    if group in LABELS:
        return None
    costs = stated_costs(query, ("model",))
    if costs is None or costs.is_mixed:
        return costs
    if group == "family":
        known = query.reader.catalog.models
        cells = {(known[key[0]].family_id, *key): cost for key, cost in costs.by_key.items()}
    else:
        cells = _tier_costs(query, costs)
    found: dict[tuple[int, ...], int] = defaultdict(int)
    for (key, *_), cost in cells.items():
        found[key,] += cost
    return replace(costs, by_key=dict(found))


def _tier_costs(query: Query, costs: Costs) -> dict[tuple[int, ...], int]:
    """Costs by tier and model, and by day for models whose tier changes."""
    span = span_of(query)
    models = {key[0] for key in costs.by_key}
    moving = tuple(sorted(m for m in models if len(_tiers(query, m, span)) > 1))
    found: dict[tuple[int, ...], int] = {
        (TIERS.index(tier_at(query, model, span.first, span)), model): cost
        for (model,), cost in costs.by_key.items()
        if model not in moving
    }
    if moving:
        daily = stated_costs(query, ("model", "day"), only={"model": moving})
        for (model, day), cost in (daily.by_key if daily else {}).items():
            found[TIERS.index(tier_at(query, model, day, span)), model, day] = cost
    return found
