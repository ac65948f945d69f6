"""A month at a glance: one picture of what was used, where it will end, by which models and people.

Everything in the picture also stands in facts and tables; the point of the forecast never stands
without its range.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from analytics.budgets import headline_of, projected_facts
from analytics.burn_up import BurnUp, budget_figure
from analytics.by_person import UNATTRIBUTED
from analytics.captions import caption, footnotes, nothing_known
from analytics.figures import DashboardFigure, Tile, TopList, TopRow
from analytics.lines import (
    Changes,
    Line,
    cut_lines,
    framed,
    line_of,
    ordered_lines,
    spent_text,
    together_as,
)
from analytics.measures import Usage, gather, gather_spend, total
from analytics.model_lines import model_lines
from analytics.month_budget import month_burn
from analytics.monthly import month_before
from analytics.numbers import (
    axis_text,
    change_of,
    change_text,
    count_text,
    counted_credits,
    credits_text,
    duration_text,
    ratio_text,
    shares,
)
from analytics.outcomes import gather_bins
from analytics.percentiles import Spread, spread_of
from analytics.projection_words import shown_end
from analytics.query import Query
from analytics.report import Actions, Button, Column, Fact, Facts, Note, Report, Table
from analytics.scopes import Scope, status_text
from analytics.text import distinct
from analytics.timerange import MONTH_NAMES, MONTHS
from storage.reading import Days, Span
from storage.timekeys import date_of

TOP = 4
NOTHING = Changes()


@dataclass(frozen=True, slots=True)
class Ranking:
    """A short list: its first lines and the sum of the rest."""

    key: str
    heading: str
    lines: Sequence[Line]
    rest: Line | None

    @property
    def every(self) -> list[Line]:
        """All rows, the rest last."""
        return [*self.lines, *([self.rest] if self.rest else [])]


@dataclass(frozen=True, slots=True)
class Sides:
    """Complete days of the month, and as many of the one before: `words`, or `brief` on a tile.

    `credits` are those now and before of models that are priced on both sides.
    """

    now: Usage
    before: Usage
    credits: tuple[int, int]
    words: str
    brief: str


@dataclass(frozen=True, slots=True)
class Glance:
    """Everything a dashboard shows of a month; `sides` is None where there is no time before."""

    query: Query
    burn: BurnUp
    usage: Usage
    sides: Sides | None
    spread: Spread | None
    rankings: Sequence[Ranking]


def dashboard(query: Query, *, with_people: bool) -> Report:
    """Tiles, burn-up, top models and, where allowed, top people of one calendar month."""
    title = f"{_name(query)} at a Glance"
    models = gather(query, ("model",))
    if not models:
        headline, hint = nothing_known(query)
        return framed(query, title, headline, (hint, _steps(query, with_people=with_people)))
    rankings = [_models(query, models)]
    if with_people:
        rankings.append(_people(query))
    glance = Glance(
        query=query,
        burn=month_burn(query, Scope(), query.range.first),
        usage=total(models),
        sides=_sides(query),
        spread=spread_of((gather_bins(query, None) or {}).get((), {})),
        rankings=rankings,
    )
    headline = _headline(glance)
    return framed(
        query,
        title,
        headline,
        (
            _figure(glance, headline),
            Facts(tuple(_facts(glance))),
            *(_table(ranking) for ranking in rankings),
            *_notes(glance),
            _steps(query, with_people=with_people),
        ),
    )


def _name(query: Query) -> str:
    """`March 2026`."""
    first = query.range.first
    return f"{MONTHS[first.month - 1].title()} {first.year}"


def _sides(query: Query) -> Sides | None:
    compared = month_before(query)
    if compared is None:
        return None
    now, before = (gather(query, ("model",), span=side) for side in (compared.now, compared.before))
    unpriced = {key for side in (now, before) for key, usage in side.items() if usage.unpriced}
    spent, earlier = (
        sum(usage.credits for key, usage in side.items() if key not in unpriced)
        for side in (now, before)
    )
    brief = _brief(compared.before)
    return Sides(total(now), total(before), (spent, earlier), compared.words, brief)


def _brief(span: Span) -> str:
    """`Feb` for a whole month, `1–9 Feb` for a part of it."""
    if not isinstance(span, Days):
        return ""
    first, end = date_of(span.first), date_of(span.end)
    month = MONTH_NAMES[first.month - 1]
    last = date_of(span.end - 1).day
    return month if end.day == 1 else f"{first.day}–{last} {month}" if last > 1 else f"1 {month}"


def _headline(glance: Glance) -> str:
    if glance.usage.known_credits is None:
        return spent_text(glance.usage)
    if glance.burn.limit is None and glance.burn.projection.is_finished:
        return f"{spent_text(glance.usage)} used in {_name(glance.query)}"
    if glance.burn.limit is None:
        return f"{spent_text(glance.usage)} used. {glance.burn.words}"
    return headline_of(glance.burn)


# ---- short lists


def _models(query: Query, models: Mapping[tuple[int, ...], Usage]) -> Ranking:
    lines = ordered_lines(model_lines(query, dict(models), NOTHING), "credits")
    return Ranking("model", "Top models", *cut_lines(lines, TOP, NOTHING))


def _people(query: Query) -> Ranking:
    """The largest by their numbers; of thousands, lines and names are made for these few."""
    sums = {key: usage for (key,), usage in gather_spend(query, ("person",)).items()}
    ranked = sorted(sums, key=lambda key: (-sums[key].credits, key))
    known = query.reader.names("person")
    shown = ranked if len(ranked) <= TOP + 1 else ranked[:TOP]
    names = distinct({key: known.get(key) or UNATTRIBUTED for key in shown})
    lines = [line_of(key, names[key], sums[key], NOTHING) for key in shown]
    hidden = ranked[len(shown) :]
    usage = sum((sums[key] for key in hidden), Usage())
    rest = together_as(len(hidden), usage, NOTHING, hidden) if hidden else None
    return Ranking("person", "Top people", lines, rest)


def _table(ranking: Ranking) -> Table:
    lines = ranking.every
    portions = shares([line.usage.credits for line in lines])
    whole = sum((line.usage for line in lines), Usage())
    return Table(
        columns=(
            Column(ranking.key, ranking.heading),
            Column("prompts", "Prompts", "count"),
            Column("credits", "Credits", "credits"),
            Column("share", "Share", "share"),
        ),
        rows=tuple(
            (line.name, line.usage.known_prompts, line.usage.known_credits, share)
            for line, share in zip(lines, portions, strict=True)
        ),
        total=("Total", whole.known_prompts, whole.known_credits, sum(portions)),
        others=len(lines) - 1 if ranking.rest else None,
    )


# ---- numbers


def _facts(glance: Glance) -> Iterator[Fact]:
    usage, burn, spread = glance.usage, glance.burn, glance.spread
    note = "" if burn.percent is None or burn.limit is None else f"{burn.percent}% of the limit"
    yield Fact("credits", "Used", usage.known_credits, "credits", note)
    if burn.limit is not None:
        yield Fact("budget", "Limit", burn.limit, "credits")
    yield from projected_facts(burn)
    yield Fact("prompts", "Prompts", usage.known_prompts, "count", _risen(glance, "prompts"))
    yield Fact("credits_per_prompt", "Per prompt", usage.per_prompt, "credits", _was(glance))
    if spread is not None:
        yield Fact("p50_ms", "Typical wait", spread.p50, "duration", f"n {spread.n:,}")
        yield Fact("p95_ms", "1 in 20 slower than", spread.p95, "duration")
    status = status_text(burn.state)
    if status is not None:
        yield Fact("status", "Status", status)


def _risen(glance: Glance, measure: Literal["prompts", "credits"], *, brief: bool = False) -> str:
    """`▲ 8% on February`; empty where it is not known."""
    sides = glance.sides
    if sides is None:
        return ""
    now, before = sides.credits
    if measure == "prompts":
        now, before = sides.now.prompts, sides.before.prompts
        if sides.now.uncounted or sides.before.uncounted:
            return ""
    if not before:
        return ""
    return f"{change_text(change_of(now, before))} on {sides.brief if brief else sides.words}"


def _was(glance: Glance) -> str:
    before = glance.sides.before.per_prompt if glance.sides else None
    return "" if before is None else f"was {ratio_text(before)}"


# ---- picture


def _figure(glance: Glance, headline: str) -> DashboardFigure:
    query, footer = glance.query, caption(glance.query)
    used = spent_text(glance.usage)
    tops = (f"{r.heading}: {r.lines[0].name}." for r in glance.rankings if r.lines)
    return DashboardFigure(
        title=_name(query),
        subtitle=query.range.dates + (", so far" if query.range.is_partial else ""),
        footer=footer,
        alt=f"Dashboard. {headline} {used}. {' '.join(tops)} {footer}.",
        tiles=tuple(_tiles(glance)),
        burn_up=budget_figure(query, glance.burn, headline),
        lists=tuple(_short(ranking) for ranking in glance.rankings),
    )


def _tiles(glance: Glance) -> Iterator[Tile]:
    usage, burn, spread = glance.usage, glance.burn, glance.spread
    known = usage.known_credits
    of = f"{burn.percent}% of {credits_text(burn.limit)}" if burn.limit else ""
    risen = _risen(glance, "credits", brief=True) if not burn.projection.is_finished else ""
    yield Tile("Used", "–" if known is None else credits_text(known), of or risen)
    yield _end_tile(glance)
    prompts = usage.known_prompts
    yield Tile(
        "Prompts",
        "–" if prompts is None else count_text(prompts),
        _risen(glance, "prompts", brief=True),
    )
    each = usage.per_prompt
    yield Tile("Per prompt", "–" if each is None else ratio_text(each), _was(glance))
    if spread is not None:
        slow = "" if spread.p95 is None else f"p95 {duration_text(spread.p95)}"
        yield Tile("Typical wait", duration_text(spread.p50), slow)


def _end_tile(glance: Glance) -> Tile:
    """The forecast with its range; of a month that is over, how it stands beside the one before."""
    burn, projection = glance.burn, glance.burn.projection
    if projection.is_finished:
        turn, _, words = _risen(glance, "credits", brief=True).partition(" on ")
        return Tile("Change", turn or "–", f"on {words}" if words else "")
    if not projection.n:
        return Tile("Forecast", "–", "no complete day yet")
    low, point, high = shown_end(projection, burn.limit)
    # On a tile thousands are short, or the range beside the point would be cut.
    ends = f"{axis_text(low)}–{axis_text(high)}"
    if projection.is_range_first:
        return Tile("Forecast", ends, "80% range")
    return Tile("Forecast", f"~{credits_text(point)}", f"80% {ends}")


def _short(ranking: Ranking) -> TopList:
    def row(line: Line) -> TopRow:
        return TopRow(line.name, line.usage.credits, line.family)

    rest = row(ranking.rest) if ranking.rest else None
    return TopList(ranking.heading, tuple(map(row, ranking.lines)), rest)


# ---- words


def _notes(glance: Glance) -> Iterator[Note]:
    risen = _risen(glance, "credits")
    if risen and glance.sides:
        now = glance.sides.credits[0] if glance.query.range.is_partial else None
        told = "" if now is None else f"Without today: {counted_credits(now)}, "
        yield Note(f"{told}{risen}.", "delta")
    yield from footnotes(glance.query, glance.usage)


def _steps(query: Query, *, with_people: bool) -> Actions:
    days = f"{query.range.first:%Y-%m}"
    people = (Button("By person", f"by-user {days}"),) if with_people else ()
    return Actions(
        (
            Button("Report", f"report {days}"),
            Button("Budget", "budget"),
            Button("By model", f"by-model {days}"),
            *people,
        )
    )
