"""Models side by side: how long they take, how often they work, what they cost, how they are liked.

What rests on few prompts or ratings is shown and marked, never hidden, and nothing is claimed of
it.  Where two models do not differ clearly, the answer says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from analytics.candidates import Candidate
from analytics.captions import caption, heading
from analytics.comparison_words import delta, verdict
from analytics.errors import UserError
from analytics.figures import Dot, Figure, FrontierFigure
from analytics.frontier import undominated
from analytics.lines import empty_report, framed
from analytics.numbers import rate_text, ratio_text
from analytics.outcomes import FEWEST_PROMPTS, Outcome, gather_bins, gather_outcomes
from analytics.percentiles import spread_of
from analytics.performance import latency_figure
from analytics.quality import LEAST_RATINGS, Quality, gather_quality
from analytics.query import Query
from analytics.report import Actions, Button, Column, Note, Report, Row, Table
from analytics.text import clean, distinct, typed
from analytics.timings import Timing

MOST = 6
ALONE = 5  # models that are compared when none is named
STARS = range(1, 6)
COLUMNS = (
    Column("model", "Model"),
    Column("avg_ms", "Average", "duration"),
    Column("p50_ms", "p50", "duration"),
    Column("p95_ms", "p95", "duration"),
    Column("success_rate", "Success", "rate"),
    Column("credits_per_prompt", "Credits/prompt", "credits"),
    Column("rating", "Rating", "rating"),
    Column("n", "n", "count"),
    Column("prompts", "Prompts", "count"),
)
MARK = Column("mark", "Mark")


def compare(query: Query, models: Sequence[int], *, may_rate: bool) -> Report:
    """Up to six models side by side, the five most used when none is named.

    With `may_rate` a single model, or the one that the verdict names, can be given stars.
    Raises UserError for too many models.
    """
    named = tuple(dict.fromkeys((*models, *query.filters.model)))
    if len(named) > MOST:
        raise UserError(
            f"{len(named)} models are too many to compare.", hint=f"Name up to {MOST} of them."
        )
    asked = replace(query, filters=replace(query.filters, model=named)) if named else query
    title = heading("Model Comparison", query)
    everything = gather_outcomes(asked, ("model",))
    if not any(outcome.usage.events for outcome in everything.values()):
        return empty_report(title, asked)
    ratings = gather_quality(replace(query, filters=replace(query.filters, model=())), ("model",))
    candidates = _candidates(asked, named, everything, ratings)
    finding = verdict(candidates)
    figure = _figure(query, finding.title or finding.headline, candidates, ratings)
    single = candidates[0] if len(candidates) == 1 else None
    rated = (finding.leader or single) if may_rate else None
    return framed(
        query,
        title,
        finding.headline,
        (
            *delta(candidates, finding.leader),
            *((figure,) if figure else ()),
            _table(candidates),
            *_notes(candidates),
            *([Note(f"How good is {rated.name}? Give it 1 to 5 stars.", "hint")] if rated else []),
            *_actions(query, rated),
        ),
    )


def _candidates(
    query: Query,
    named: Sequence[int],
    everything: Mapping[tuple[int, ...], Outcome],
    ratings: Mapping[tuple[int, ...], Quality],
) -> list[Candidate]:
    """The chosen models, those most used first."""
    used = sorted(
        ((outcome.usage.prompts, -key) for (key,), outcome in everything.items()), reverse=True
    )
    keys = list(named) if named else [-key for _, key in used[:ALONE]]
    keys.sort(key=lambda key: (-everything.get((key,), Outcome()).usage.prompts, key))
    catalog = query.reader.catalog.models
    names = distinct({key: catalog[key].name for key in keys})
    bins = gather_bins(query, "model", only={"model": tuple(keys)}) or {}
    return [
        Candidate(
            key=key,
            name=names[key],
            family=clean(catalog[key].family, 40),
            outcome=everything.get((key,), Outcome()),
            quality=ratings.get((key,), Quality()),
            spread=spread_of(bins.get((key,), {})),
        )
        for key in keys
    ]


def _table(candidates: Sequence[Candidate]) -> Table:
    """A row for each model; `n` are its ratings, a last column marks few prompts."""
    is_marked = any(one.is_marked for one in candidates)
    columns = (*COLUMNS, MARK) if is_marked else COLUMNS
    rows = tuple(
        (*_cells(one), *((("few" if one.is_marked else ""),) if is_marked else ()))
        for one in candidates
    )
    return Table(columns, rows)


def _cells(one: Candidate) -> Row:
    outcome, spread = one.outcome, one.spread
    return (
        one.name,
        outcome.average_ms,
        spread.p50 if spread else None,
        spread.p95 if spread else None,
        outcome.success,
        outcome.usage.per_prompt,
        one.quality.rating,
        one.quality.rating_n,
        outcome.usage.known_prompts,
    )


def _figure(
    query: Query,
    title: str,
    candidates: Sequence[Candidate],
    ratings: Mapping[tuple[int, ...], Quality],
) -> Figure | None:
    """Cost against quality; response times where fewer than two models have both."""
    rated = [one for one in candidates if one.quality.rating is not None]
    if len(rated) > 1:
        stars, n = (
            sum(getattr(quality, name) for quality in ratings.values())
            for name in ("rating_sum", "rating_n")
        )
        values = {one.key: one.quality.pulled_rating(stars / n) for one in rated}
    else:
        values = {
            one.key: success for one in candidates if (success := one.outcome.success) is not None
        }
    shown = [
        (one, price) for one in candidates if (price := one.outcome.usage.per_prompt) is not None
    ]
    shown = [(one, price) for one, price in shown if one.key in values]
    if len(shown) < 2:
        rows = [Timing(one.key, one.name, one.outcome, one.spread) for one in candidates]
        return latency_figure(query, title, rows, "model")
    best = undominated(
        {one.key: (price, values[one.key]) for one, price in shown if not one.is_marked}
    )
    dots = tuple(
        Dot(
            name=one.name,
            family=one.family,
            per_prompt=price,
            value=values[one.key],
            prompts=one.outcome.usage.prompts,
            efficient=one.key in best,
            marked=one.is_marked,
        )
        for one, price in shown
    )
    return _frontier(query, title, dots, by_stars=len(rated) > 1)


def _frontier(query: Query, title: str, dots: Sequence[Dot], *, by_stars: bool) -> FrontierFigure:
    footer = caption(query)
    measure = "rating" if by_stars else "success"
    pulled = ", pulled to the mean while few," if by_stars else ""
    said = ", ".join(
        f"{dot.name} {f'{dot.value:.1f}' if by_stars else rate_text(dot.value)} "
        f"at {ratio_text(dot.per_prompt)}"
        for dot in dots[:3]
    )
    return FrontierFigure(
        title=title,
        subtitle=f"{measure.title()}{pulled} against credits a prompt. Filled: none is cheaper and "
        "better",
        footer=footer,
        alt=f"Scatter of models, {measure} against credits a prompt. {title}. {said}. {footer}.",
        axis="rating" if by_stars else "success",
        dots=tuple(dots),
    )


def _notes(candidates: Sequence[Candidate]) -> list[Note]:
    notes = []
    unused = [one.name for one in candidates if not one.outcome.usage.events]
    if unused:
        notes.append(Note(f"Not used in this time: {', '.join(unused)}."))
    if any(one.is_marked for one in candidates):
        notes.append(Note(f"Models with fewer than {FEWEST_PROMPTS} prompts are marked."))
    if any(one.quality.rating_n < LEAST_RATINGS for one in candidates):
        notes.append(Note(f"n is the number of ratings; a mean is told from {LEAST_RATINGS} on."))
    if len(candidates) == 1:
        notes.append(Note("Name another model to see them side by side.", "hint"))
    return notes


def _actions(query: Query, rated: Candidate | None) -> tuple[Actions, ...]:
    """Stars for a model, and what is behind the numbers."""
    words = query.range.words
    further = Actions(
        (Button("Response times", f"performance {words}"), Button("Live", "live")),
    )
    stars = _star_buttons(query, rated) if rated else ()
    return (Actions(stars), further) if stars else (further,)


def _star_buttons(query: Query, one: Candidate) -> tuple[Button, ...]:
    """Five buttons that rate a model, for the one task that was asked about.

    None for two models of one name: a line cannot tell them apart.
    """
    name, tasks = typed(one.name), query.filters.task
    if query.reader.find("model", name) != one.key:
        return ()
    task = f" task={typed(query.reader.names('task')[tasks[0]])}" if len(tasks) == 1 else ""
    return tuple(Button(f"{stars} ★", f"rate {name} {stars}{task}", "do") for stars in STARS)
