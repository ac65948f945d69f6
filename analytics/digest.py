"""What digests share: the moment they speak from, tiles, facts, and the days behind them.

A digest is about a period that is over and speaks from its last instant: what came afterwards,
decisions included, is not in it.  So it says the same however late it is asked, unless usage of
the period itself came late.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from functools import cached_property

from analytics.burn_up import BurnUp, Spent, read_days
from analytics.captions import caption, footnotes, nothing_known
from analytics.figures import BudgetFigure, DashboardFigure, DayStrip, Tile, TopList, TopRow
from analytics.lines import Changes, cut_lines, framed, ordered_lines, spent_text, together_as
from analytics.lines import line_of as line_of_id
from analytics.measures import Sums, Usage, gather_spend, total
from analytics.model_lines import model_lines
from analytics.numbers import (
    change_of,
    change_text,
    count_text,
    counted,
    credits_text,
    duration_text,
    ratio_text,
)
from analytics.outcomes import FEWEST_PROMPTS, Outcome, all_of, gather_bins, gather_outcomes
from analytics.parts import Parts
from analytics.percentiles import Bins, Spread, merged, spread_of
from analytics.projection import MOST_DAYS
from analytics.query import Filters, Query
from analytics.report import Actions, Block, Button, Fact, Facts, Note, Report, Table
from analytics.scopes import Sight as BudgetSight
from analytics.silence import Silence
from analytics.text import clean, distinct
from analytics.timerange import TimeRange
from analytics.tops import by_model, people_table_of
from analytics.trends import Sight as MoverSight
from storage.events import MICRO
from storage.reading import Days, Reader
from storage.timekeys import date_of, day_number

STRIP_DAYS = 14
TOP = 4
HOURS = 24
ByDay = Mapping[int, Spent]


@dataclass(frozen=True, slots=True)
class Sight:
    """What a digest may tell its readers.

    `people` are rows of persons; `movers` are the kinds that may be named, and ids that may not;
    `budgets` says whose.  Without `looks_back` nothing is told of the time before the period, but
    of as many days just before it, which the walls check along with it.
    """

    people: bool = True
    movers: MoverSight = field(default_factory=MoverSight)
    budgets: BudgetSight = field(default_factory=BudgetSight)
    looks_back: bool = True


def query_then(reader: Reader, range_: TimeRange, filters: Filters) -> Query:
    """The query of a period that is over, asked at the instant of its end."""
    return Query(reader, reader.clock.midnight(day_number(range_.end)), range_, filters)


def days_then(query: Query) -> ByDay:
    """Spending by day up to the end of the range, as far back as a projection looks."""
    first, end = day_number(query.range.first), day_number(query.range.end)
    rows = read_days(query, (), Days(min(first, end - 1 - MOST_DAYS), end))
    return {day: spent for (day,), spent in rows.items()}


@dataclass(frozen=True, slots=True)
class People:
    """Usage by person now and in the time before; 0 is that of no known person."""

    every: Mapping[int, Usage]
    every_before: Mapping[int, Usage] | None

    @property
    def now(self) -> Mapping[int, Usage]:
        """Active people with their usage."""
        return {key: usage for key, usage in self.every.items() if key}

    @property
    def before(self) -> Mapping[int, Usage] | None:
        """People who were active before; None where that is not known or may not be told."""
        known = self.every_before
        return None if known is None else {key: usage for key, usage in known.items() if key}

    @property
    def active(self) -> int:
        """How many used anything."""
        return len(self.every) - (0 in self.every)

    @property
    def prompts_each(self) -> float | None:
        """Prompts of an active person, on average; None without any."""
        return _each(self.now)

    @property
    def was(self) -> str:
        """`was 12`, as far as it is known."""
        return "" if self.before is None else f"was {count_text(len(self.before))}"


def _each(people: Mapping[int, Usage]) -> float | None:
    return sum(one.prompts for one in people.values()) / len(people) if people else None


def read_people(query: Query, before: Days | None) -> People:
    """Active people of the range, and of the days before it where those may be told."""

    def read(span: Days | None) -> dict[int, Usage]:
        found = gather_spend(query, ("person",), span=span)
        return {key: usage for (key,), usage in found.items()}

    return People(read(None), read(before) if before else None)


@dataclass(frozen=True)
class Seen:
    """What every digest reads of its period; parts are by tier and model."""

    query: Query
    sight: Sight
    parts: Parts
    people: People
    models: Mapping[int, Outcome]
    waits: Mapping[int, Bins]
    silent: Sequence[Silence]

    @property
    def whole(self) -> Usage:
        """All usage of the period."""
        return total(self.parts)

    @cached_property
    def spread(self) -> Spread | None:
        """Response times of all prompts together."""
        return spread_of(merged(self.waits.values()))

    @property
    def outcome(self) -> Outcome:
        """How all prompts went."""
        return all_of(self.models.values())


def read_seen(
    query: Query, sight: Sight, parts: Parts, silent: Sequence[Silence], before: Days | None
) -> Seen:
    """The period's people and outcomes beside its parts; `before` are the days to compare with."""
    outcomes = gather_outcomes(query, ("model",))
    return Seen(
        query=query,
        sight=sight,
        parts=parts,
        people=read_people(query, before),
        models={key: outcome for (key,), outcome in outcomes.items()},
        waits={key: bins for (key,), bins in (gather_bins(query, "model") or {}).items()},
        silent=silent,
    )


# ---- the frame


def framed_then(query: Query, title: str, headline: str, blocks: tuple[Block, ...]) -> Report:
    """The report, with how long a day was whose clock was changed."""
    return framed(query, title, headline, (*blocks, *_length(query)))


def _length(query: Query) -> Iterator[Note]:
    if query.range.days != 1:
        return
    first = query.reader.clock.midnight(day_number(query.range.first))
    # Two moments of one zone would be compared by their wall clocks.
    hours = (query.now.astimezone(UTC) - first).total_seconds() / 3600
    if hours != HOURS:
        yield Note(f"This day had {hours:g} hours: the clock was changed.")


def nothing_then(query: Query, title: str, steps: Actions) -> Report:
    """The short text of a period without usage, which is better than silence."""
    headline, hint = nothing_known(query)
    # What came in later is no hint: it would make another report of the same period.
    hints = (hint,) if query.filters or query.reader.newest is None else ()
    return framed_then(query, title, headline, (*hints, steps))


def endnotes(seen: Seen) -> list[Note]:
    """What an honest reader must know about the sums."""
    return footnotes(seen.query, seen.whole)


# ---- numbers


def told(now: int, before: int | None, words: str) -> str:
    """`▲ 8% on the week before`; empty without a time before."""
    return f"{change_text(change_of(now, before))} on {words}" if before else ""


def beside(now: int | None, before: int | None, word: str = "was") -> str:
    """`▲ 8% · was 4,700`, for a tile; empty without a time before."""
    if now is None or not before:
        return ""
    return f"{change_text(change_of(now, before))} · {word} {credits_text(before)}"


def use_facts(seen: Seen, change: str, was: str) -> Iterator[Fact]:
    """Credits, prompts, credits a prompt and active people; only what is known."""
    usage = seen.whole
    yield Fact("credits", "Credits", usage.known_credits, "credits", change)
    yield Fact("prompts", "Prompts", usage.known_prompts, "count")
    yield Fact("credits_per_prompt", "Per prompt", usage.per_prompt, "credits", was)
    if seen.people.active:
        yield Fact("people", "Active people", seen.people.active, "count", seen.people.was)


def speed_facts(seen: Seen) -> Iterator[Fact]:
    """How prompts went: success, waits, and the models at both ends; nothing of few prompts."""
    outcome, spread = seen.outcome, seen.spread
    if outcome.success is not None:
        note = f"of {counted(outcome.ok_n, 'known outcome')}"
        yield Fact("success_rate", "Success", outcome.success, "rate", note)
    if spread is not None:
        yield Fact("p50_ms", "Typical wait", spread.p50, "duration", f"n {spread.n:,}")
        if spread.p95 is not None:
            yield Fact("p95_ms", "1 in 20 slower than", spread.p95, "duration")
    ranked = sorted(
        (one.average_ms, clean(seen.query.reader.catalog.models[key].name))
        for key, one in seen.models.items()
        if one.average_ms is not None and one.lat_n >= FEWEST_PROMPTS
    )
    if len(ranked) > 1:
        for key, title, (ms, name) in (
            ("fastest", "Fastest", ranked[0]),
            ("slowest", "Slowest", ranked[-1]),
        ):
            yield Fact(key, title, name, note=f"{duration_text(ms)} on average")


def known_facts(facts: Iterator[Fact], *, is_detail: bool = False) -> list[Facts]:
    """A block of the facts that are known; none of none."""
    known = tuple(fact for fact in facts if fact.value is not None)
    return [Facts(known, is_detail=is_detail)] if known else []


def details(*tables: Table | Facts | Note) -> list[Block]:
    """Blocks for who wants to know more."""
    return [replace(block, is_detail=True) for block in tables]


def people_rows(seen: Seen) -> list[Table]:
    """The first few people, where they may be told and credits are known."""
    if not seen.sight.people or seen.whole.known_credits is None or not seen.people.active:
        return []
    credits = {key: usage.credits for key, usage in seen.people.every.items()}
    return [people_table_of(seen.query, seen.whole, credits)]


def leader_text(models: Table) -> str:
    """`GPT-4o takes 41%`: the first row of the models' table, where there are several."""
    if len(models.rows) < 2:
        return ""
    name, *_, share = models.rows[0]
    return f"{name} takes {share}%" if share else ""


# ---- the picture


def tiles(seen: Seen, change: str, was: str, prompts_before: int | None = None) -> Iterator[Tile]:
    """Credits, prompts, credits a prompt, people and waits, as far as they are known."""
    usage, spread = seen.whole, seen.spread
    known, prompts, each = usage.known_credits, usage.known_prompts, usage.per_prompt
    yield Tile("Credits", "–" if known is None else credits_text(known), change)
    turn = beside(prompts and prompts * MICRO, prompts_before and prompts_before * MICRO)
    yield Tile("Prompts", "–" if prompts is None else count_text(prompts), turn)
    yield Tile("Per prompt", "–" if each is None else ratio_text(each), was)
    if seen.people.active:
        yield Tile("People", count_text(seen.people.active), seen.people.was)
    if spread is not None:
        slow = "" if spread.p95 is None else f"p95 {duration_text(spread.p95)}"
        yield Tile("Typical wait", duration_text(spread.p50), slow)


def picture(
    seen: Seen,
    title: str,
    tiles_: Iterator[Tile],
    *,
    days: DayStrip | None = None,
    burn_up: BudgetFigure | None = None,
) -> DashboardFigure:
    """Tiles above the days or the burn-up, and the short lists of models and people."""
    query, footer = seen.query, caption(seen.query)
    lists = [_model_list(seen), *([_people_list(seen)] if seen.sight.people else [])]
    tops = " ".join(f"{one.heading}: {one.rows[0].name}." for one in lists if one.rows)
    return DashboardFigure(
        title=title,
        subtitle=query.range.dates,
        footer=footer,
        alt=f"Dashboard. {title}. {spent_text(seen.whole)}. {tops} {footer}.",
        tiles=tuple(tiles_),
        burn_up=burn_up,
        lists=tuple(lists),
        days=days,
    )


def _model_list(seen: Seen) -> TopList:
    nothing = Changes()
    sums: Sums = {(key,): usage for key, usage in by_model(seen.parts).items()}
    lines = ordered_lines(model_lines(seen.query, sums, nothing), "credits")
    shown, rest = cut_lines(lines, TOP, nothing)
    rows = tuple(TopRow(line.name, line.usage.credits, line.family) for line in shown)
    return TopList("Top models", rows, TopRow(rest.name, rest.usage.credits) if rest else None)


def _people_list(seen: Seen) -> TopList:
    """The largest by their numbers; of thousands, names are made for these few."""
    sums = seen.people.now
    ranked = sorted(sums, key=lambda key: (-sums[key].credits, key))
    shown = ranked if len(ranked) <= TOP + 1 else ranked[:TOP]
    known = seen.query.reader.names("person")
    names = distinct({key: known.get(key, "") for key in shown})
    lines = [line_of_id(key, names[key], sums[key], Changes()) for key in shown]
    rows = tuple(TopRow(line.name, line.usage.credits) for line in lines)
    left = seen.whole.credits - sum(row.credits for row in rows)
    hidden = ranked[len(shown) :]
    if not hidden:
        # What nobody is known for is no person, and still part of the whole.
        return TopList("Top people", rows, TopRow("(unattributed)", left) if left else None)
    rest = together_as(len(hidden), Usage(), Changes(), hidden)
    return TopList("Top people", rows, TopRow(rest.name, left))


def strip(query: Query, by_day: ByDay, heading: str) -> DayStrip:
    """The days of the range, and those before it that make them 14."""
    first, end = day_number(query.range.first), day_number(query.range.end)
    start = min(first, end - STRIP_DAYS)
    oldest = query.reader.oldest
    known = query.reader.clock.day(oldest) if oldest is not None else end
    return DayStrip(
        heading=heading,
        start=date_of(start),
        credits=tuple(
            by_day.get(day, (0, 0))[0] if day >= known else None for day in range(start, end)
        ),
        marked=first - start,
    )


def budget_note(burn: BurnUp) -> list[Note]:
    """How the month stands against its limit, with the range of its end; nothing without one."""
    if not burn.limit:
        return []
    title, words = burn.stretch.title, burn.words
    # "Over: even the low end …" has its colon already.
    told = f"{title}, {words[0].lower()}{words[1:]}" if ": " in words else f"{title}: {words}"
    return [Note(told, "delta")]


def further(lines: Mapping[str, str]) -> Actions:
    """Questions one click away, by their label."""
    return Actions(tuple(Button(label, line) for label, line in lines.items() if line))
