"""Sums of usage by key, narrowed by filters and compared with the time before.

Unknown is not zero: prompts that a source does not state and credits that cannot be priced are
counted beside the sums, so that every question can say so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from analytics.numbers import round_half_even
from analytics.query import Query, Tier
from analytics.silence import silent_then
from storage.reading import Days, Hours, Key, Span
from storage.timekeys import day_number, to_micros

WEEK = 7
SPEND = ("events", "prompts", "credits")
FULL = (*SPEND, "uncounted", "unpriced")
Where = dict[str, tuple[int, ...]]
Sums = dict[tuple[int, ...], "Usage"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Additive sums of one cell.

    `uncounted` rows do not say how many prompts they stand for; `unpriced` rows have no credits.
    `told` is what the cells of a sum told of the prompts of its unpriced rows, None where one of
    them could not; below 0 it is no sum.
    """

    events: int = 0
    prompts: int = 0
    credits: int = 0
    uncounted: int = 0
    unpriced: int = 0
    told: int | None = -1

    def __sub__(self, other: Usage) -> Usage:
        """What is left when the other is taken out."""
        mine, its = self.unpriced_prompts, other.unpriced_prompts
        return Usage(
            self.events - other.events,
            self.prompts - other.prompts,
            self.credits - other.credits,
            self.uncounted - other.uncounted,
            self.unpriced - other.unpriced,
            None if mine is None or its is None else mine - its,
        )

    def __add__(self, other: Usage) -> Usage:
        """Both together."""
        mine, its = self.unpriced_prompts, other.unpriced_prompts
        return Usage(
            self.events + other.events,
            self.prompts + other.prompts,
            self.credits + other.credits,
            self.uncounted + other.uncounted,
            self.unpriced + other.unpriced,
            None if mine is None or its is None else mine + its,
        )

    @property
    def unpriced_prompts(self) -> int | None:
        """Prompts of the unpriced rows; None where rows of one cell are of several prompts."""
        if not self.unpriced:
            return 0
        if self.told is None or self.told >= 0:
            return self.told
        return self.unpriced if self.events == self.prompts else None

    @property
    def known_prompts(self) -> int | None:
        """Prompts, None when nothing but uncounted rows is there."""
        return None if self.uncounted and not self.prompts else self.prompts

    @property
    def known_credits(self) -> int | None:
        """Micro-credits; None when unpriced rows are all that can have used any."""
        return None if self.unpriced and not self.credits else self.credits

    @property
    def per_prompt(self) -> int | None:
        """Micro-credits a priced prompt, rounded half to even; None where that is not known."""
        unpriced = self.unpriced_prompts
        if self.uncounted or unpriced is None or self.prompts <= unpriced:
            return None
        return round_half_even(self.credits, self.prompts - unpriced)


def total(sums: Mapping[tuple[int, ...], Usage]) -> Usage:
    """All cells together."""
    return sum(sums.values(), Usage())


def gather(
    query: Query, by: Sequence[Key], *, span: Span | None = None, only: Where | None = None
) -> Sums:
    """Sums by key over the query's range or another span; cells without usage are absent.

    `only` narrows further, for a second look at the few rows that are shown.
    """
    return _gather(query, by, span or span_of(query), FULL, only or {})


def gather_spend(query: Query, by: Sequence[Key], *, span: Span | None = None) -> Sums:
    """`gather` without what is unknown: for rankings over many keys, from the smallest tables."""
    return _gather(query, by, span or span_of(query), SPEND, {})


def _gather(
    query: Query, by: Sequence[Key], span: Span, measures: Sequence[str], only: Where
) -> Sums:
    found: Sums = {}
    for part, where in pieces(query, span):
        for row in query.reader.sums(by, measures, part, _both(where, only)):
            key, usage = row[: len(by)], Usage(*row[len(by) :])
            found[key] = found[key] + usage if key in found else usage
    return found


def _both(where: Where, only: Where) -> Where:
    """The ids that both leave; of a dimension that only one narrows, its own."""
    shared = where.keys() & only.keys()
    kept = {name: tuple(key for key in where[name] if key in only[name]) for name in shared}
    return {**where, **only, **kept}


def gather_credits(query: Query, by: Key, span: Span) -> dict[int, int]:
    """Micro-credits by id: the least that a ranking or a comparison needs."""
    found: dict[int, int] = defaultdict(int)
    for part, where in pieces(query, span):
        for key, credits in query.reader.sums((by,), ("credits",), part, where):
            found[key] += credits
    return dict(found)


def span_of(query: Query) -> Days:
    """The days of the query's range."""
    return Days(day_number(query.range.first), day_number(query.range.end))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a change compares: complete days with as many before, or the hours of today so far.

    `left_out` names what of the range is in neither, because it still runs.
    """

    now: Span
    before: Span
    words: str
    left_out: str = ""


def comparison(query: Query, *, by_week: bool = False) -> Comparison | None:
    """The two spans of a change; `by_week` sets a few days beside the same days a week before.

    None in the first hour of a day that stands alone, and where the workspace's usage does not
    reach back to the start of the time before: what is not known is no zero to compare with.
    Nor is there a change in what is sent while a source is silent.
    """
    if silent_then(query):
        return None
    compared = _sides(query, by_week=by_week)
    oldest, clock = query.reader.oldest, query.reader.clock
    if compared is None or oldest is None:
        return None
    before = compared.before
    first = clock.bucket(to_micros(oldest)) if isinstance(before, Hours) else clock.day(oldest)
    return compared if first <= before.first else None


def _sides(query: Query, *, by_week: bool) -> Comparison | None:
    whole = query.range.complete()
    days = whole.days
    if not whole.is_partial:
        inside, before = Days(day_number(whole.first), day_number(whole.end)), whole.previous()
        if by_week and not query.range.is_partial and 1 < days < WEEK:
            a_week_before = Days(inside.first - WEEK, inside.end - WEEK)
            return Comparison(inside, a_week_before, "the same days a week before")
        words = "the day before" if days == 1 else f"the {days} days before"
        left_out = "today" if query.range.is_partial else ""
        earlier_days = Days(day_number(before.first), day_number(before.end))
        return Comparison(inside, earlier_days, words, left_out)
    clock = query.reader.clock
    today = day_number(query.range.first)
    start, earlier = (clock.bucket(to_micros(clock.midnight(day))) for day in (today, today - 1))
    end = clock.bucket(to_micros(query.now))
    if start == end:
        return None
    # The same time on yesterday's clock, also when a clock change lies between.
    yesterday = clock.bucket_start(end) - timedelta(days=1)
    return Comparison(
        Hours(start, end),
        Hours(earlier, clock.bucket(to_micros(yesterday))),
        "the same hours yesterday",
        "this hour",
    )


def tier_of(query: Query, multiplier: int | None) -> Tier:
    """The tier of a multiplier in millionths, by the workspace's borders; without one unknown."""
    if multiplier is None:
        return "unknown"
    standard_from, premium_from = query.reader.workspace.tiers
    if multiplier >= premium_from:
        return "premium"
    return "standard" if multiplier >= standard_from else "economy"


def pieces(query: Query, span: Span) -> list[tuple[Span, Where]]:
    """The span, cut where a wanted tier means other models, each with ids to narrow by.

    Empty when the filters contradict each other.
    """
    filters = query.filters
    where: Where = {
        name: ids
        for name in ("person", "department", "project", "task")
        if (ids := getattr(filters, name))
    }
    models = _chosen_models(query)
    if not filters.tier:
        if models is None:
            return [(span, where)]
        return [(span, {**where, "model": models})] if models else []
    candidates = tuple(query.reader.catalog.models) if models is None else models
    cut: list[tuple[Span, Where]] = []
    for part in _cut_at_prices(query, span, candidates):
        chosen = tuple(
            model for model in candidates if tier_at(query, model, part.first, span) in filters.tier
        )
        if chosen:
            cut.append((part, {**where, "model": chosen}))
    return cut


def _chosen_models(query: Query) -> tuple[int, ...] | None:
    """Models that the model and family filters leave; None when neither is given."""
    filters, models = query.filters, query.reader.catalog.models
    if not filters.model and not filters.family:
        return None
    return tuple(
        key
        for key, model in models.items()
        if (not filters.model or key in filters.model)
        and (not filters.family or model.family_id in filters.family)
    )


def gather_priced(
    query: Query, by: Sequence[Key]
) -> dict[tuple[int, ...], dict[int | None, Usage]]:
    """Usage of the range by key, split by the multiplier that was valid then; None is unpriced.

    Tiers of the parts follow by `tier_of`.
    """
    found: dict[tuple[int, ...], dict[int | None, Usage]] = defaultdict(dict)
    whole = span_of(query)
    for span in _cut_at_prices(query, whole, tuple(query.reader.catalog.models)):
        for (*key, model), usage in gather(query, (*by, "model"), span=span).items():
            parts = found[tuple(key)]
            multiplier = multiplier_at(query, model, span.first, span)
            parts[multiplier] = parts.get(multiplier, Usage()) + usage
    return dict(found)


def _cut_at_prices(query: Query, span: Span, models: Sequence[int]) -> list[Span]:
    """The span in pieces within which no model changes its price."""
    edges = sorted({edge for model in models for edge in price_edges(query, model, span)})
    starts, ends = [span.first, *edges], [*edges, span.end]
    kind = type(span)
    return [kind(first, end) for first, end in zip(starts, ends, strict=True)]


def price_edges(query: Query, model: int, span: Span) -> list[int]:
    """The days or hours inside a span from which on a model has another price."""
    clock = query.reader.clock
    at = clock.bucket if isinstance(span, Hours) else lambda ts: clock.keys(ts).day
    found = (at(price.valid_from) for price in query.reader.catalog.prices(model))
    return [edge for edge in found if span.first < edge < span.end]


def tier_at(query: Query, model: int, first: int, span: Span) -> Tier:
    """The tier in a day or hour of a span: a price that changes inside it holds all of it."""
    return tier_of(query, multiplier_at(query, model, first, span))


def multiplier_at(query: Query, model: int, first: int, span: Span) -> int | None:
    """The multiplier at the end of a day or hour; None for a model without a price then."""
    clock = query.reader.clock
    following = first + 1
    end = clock.bucket_start(following) if isinstance(span, Hours) else clock.midnight(following)
    price = query.reader.catalog.price_at(model, to_micros(end) - 1)
    return price.multiplier if price else None


@dataclass(frozen=True, slots=True)
class Costs:
    """Stated costs in billionths; `covered` prompts have one.

    In several currencies `currency` is empty, and there is nothing but that to say.
    """

    currency: str
    total: int
    covered: int
    by_key: Mapping[tuple[int, ...], int]

    @property
    def is_mixed(self) -> bool:
        """Whether they are in several currencies, which are never added up."""
        return not self.currency


def stated_costs(query: Query, by: Sequence[Key], *, only: Where | None = None) -> Costs | None:
    """Costs of the range by key; None when none is known.

    `only` leaves out keys that are not shown; the total has them nevertheless.
    """
    found = _costs(query, by if only is None else (), {})
    if not found:
        return None
    currencies = {currency for _, currency in found}
    if len(currencies) > 1:
        return Costs("", 0, 0, {})
    shown = found if only is None else _costs(query, by, only) or {}
    return Costs(
        currency=currencies.pop(),
        total=sum(nano for nano, _ in found.values()),
        covered=sum(prompts for _, prompts in found.values()),
        by_key={key: nano for (key, _), (nano, _) in shown.items()},
    )


def _costs(
    query: Query, by: Sequence[Key], only: Where
) -> dict[tuple[tuple[int, ...], str], tuple[int, int]] | None:
    """Billionths and covered prompts by key and currency; None for a crossing not kept."""
    found: dict[tuple[tuple[int, ...], str], tuple[int, int]] = {}
    for part, where in pieces(query, span_of(query)):
        chosen = _both(where, only)
        rows = query.reader.costs(by, part, chosen) if isinstance(part, Days) else None
        if rows is None:
            return None
        for key, currency, nano, prompts in rows:
            before = found.get((key, currency), (0, 0))
            found[key, currency] = (before[0] + nano, before[1] + prompts)
    return found


def hours_of_day(query: Query, span: Hours) -> dict[int, int]:
    """Micro-credits by local hour of the day over a span of hours."""
    found: dict[int, int] = defaultdict(int)
    for part, where in pieces(query, span):
        if isinstance(part, Hours):
            for hour, credits in query.reader.hours_of_day(part, where).items():
                found[hour] += credits
    return dict(found)
