"""How usage moves: what carries its change, week against week, month against budget."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from analytics.buckets import fitted_grain
from analytics.captions import footnotes, heading
from analytics.drill import address
from analytics.errors import UserError
from analytics.figures import MoverFigure
from analytics.lines import REST, empty_report, framed, spent_text
from analytics.measures import Comparison, Usage, comparison
from analytics.month_budget import month_burn
from analytics.movers import (
    KINDS,
    Kind,
    Sides,
    Step,
    mover_figure,
    mover_table,
    movers,
    read_sides,
    step_text,
)
from analytics.numbers import (
    change_of,
    change_text,
    counted,
    counted_credits,
    credits_text,
    round_half_even,
)
from analytics.periods import ByDay, Pace, Stage, read_days, span_behind, stage_table, stages, trend
from analytics.query import Query
from analytics.report import Actions, Button, Fact, Facts, Note, Report
from analytics.rhythm import complete_days
from analytics.scopes import scope_alone
from analytics.silence import silent_then
from analytics.timerange import WEEKDAY_NAMES
from storage.reading import Days
from storage.timekeys import date_of, day_number

PATTERN_DAYS = 14  # complete days before weekdays are set side by side
# Rollups know one of these together with models and days; two of them only the ledger knows.
KEPT: Mapping[str, str] = {
    "person": "people",
    "department": "people",
    "project": "project",
    "task": "task",
}


@dataclass(frozen=True, slots=True)
class Sight:
    """The kinds of movers an asker may see, and their ids that may have no row of their own."""

    kinds: Collection[Kind] = KINDS
    folded: Mapping[Kind, Collection[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """Both sides of the query's change, by each kind that is kept; all kinds have equal sums."""

    compared: Comparison
    sides: Mapping[Kind, Sides]

    @property
    def now(self) -> int:
        """Micro-credits now."""
        return sum(self.sides["model"].now.values())

    @property
    def before(self) -> int:
        """Micro-credits before."""
        return sum(self.sides["model"].before.values())


def trends(query: Query, pace: Pace, most: int, sight: Sight) -> Report:
    """Movers, periods and the pattern of the week; a trend is only said of three periods.

    Raises UserError for filters whose history is not kept.
    """
    title = heading("Trends", query)
    if not is_kept(query):
        raise UserError(
            "Trends look back for months, and these filters together are only kept prompt by "
            "prompt.",
            hint="Leave one of them out.",
        )
    days = _days(query, pace)
    inside = range(day_number(query.range.first), day_number(query.range.end))
    whole = sum((usage for key, usage in days.items() if key in inside), Usage())
    if not whole.events:
        return empty_report(title, query)
    change, periods = read_change(query), stages(query, pace, days)
    if is_silent := bool(silent_then(query)):
        periods = []  # week beside week, what is missing looks like a fall
    facts = [
        *_pace_facts(periods, pace),
        *_month_fact(query),
        *_person_facts(change),
        *_pattern(query, days),
    ]
    headline = spent_text(whole) if change is None else _headline(query, change)
    return framed(
        query,
        title,
        headline,
        (
            *(Note(words, "delta") for words in claims(periods, pace)),
            *([_figure(query, change, headline)] if change else ()),
            *((Facts(tuple(facts)),) if facts else ()),
            *([mover_table(steps_by_kind(query, change, most, sight))] if change else ()),
            *([stage_table(query, periods, pace)] if periods else ()),
            *(() if is_silent else _notes(change)),
            *footnotes(query, whole),
            _other_pace(query, pace),
        ),
    )


def is_kept(query: Query) -> bool:
    """Whether the history that the query's filters leave is kept in sums."""
    return len(_classes(query)) <= 1 or bool(query.filters.person)


def _classes(query: Query, kind: str = "model") -> set[str]:
    named = {KEPT[name] for name in KEPT if getattr(query.filters, name)}
    return named | {KEPT[name] for name in (kind,) if name in KEPT}


def _days(query: Query, pace: Pace) -> ByDay:
    """Usage by day, of the range and of the periods."""
    first, end = span_behind(query, pace)
    inside = day_number(query.range.first), day_number(query.range.end)
    return read_days(query, Days(min(first, inside[0]), max(end, inside[1])))


# ---- what carries the change


def read_change(query: Query, known: Mapping[Kind, Sides] | None = None) -> Change | None:
    """Both sides by every kind that is kept; None where there is nothing to compare with.

    Kinds that are `known` already are not read again.
    """
    # Three days of which two are a weekend fall each time beside three that are not.
    compared = comparison(query, by_week=True)
    if compared is None:
        return None
    kept = [kind for kind in KINDS if len(_classes(query, kind)) <= 1]
    sides = {kind: (known or {}).get(kind) or read_sides(query, kind, compared) for kind in kept}
    change = Change(compared, sides)
    return change if change.now or change.before else None


def steps_by_kind(
    query: Query, change: Change, most: int, sight: Sight
) -> dict[Kind, Sequence[Step]]:
    """The movers of each kind; one that the filters leave a single id of says nothing more."""
    found = {
        kind: movers(query, kind, sides, most=most, folded=sight.folded.get(kind, ()))
        for kind, sides in change.sides.items()
        if kind in sight.kinds
    }
    return {kind: steps for kind, steps in found.items() if kind == "model" or len(steps) > 1}


def _headline(query: Query, change: Change) -> str:
    """`▲ 25% on the 29 days before: 143,120 credits after 115,636; GPT-4o +4,100`."""
    turn = change_text(change_of(change.now, change.before))
    words = (
        f"{turn} on {change.compared.words}: {counted_credits(change.now)} after "
        f"{credits_text(change.before)}"
    )
    steps = movers(query, "model", change.sides["model"], most=1)
    lead = [step for step in steps if step.key != REST and step.step]
    return f"{words}; {lead[0].name} {step_text(lead[0].step)}" if lead else words


def _figure(query: Query, change: Change, headline: str) -> MoverFigure:
    sides = change.sides["model"]
    steps = movers(query, "model", sides, most=len(sides.keys))
    return mover_figure(query, steps, headline, change.compared.words)


# ---- facts


def _pace_facts(periods: Sequence[Stage], pace: Pace) -> Iterator[Fact]:
    """The last complete period beside the one before it: credits, and credits a prompt."""
    whole = [stage for stage in periods if stage.whole]
    if len(whole) < 2:
        return
    before, now = whole[-2:]
    turn = change_text(change_of(now.usage.credits, before.usage.known_credits))
    beside = f"{turn} on {before.label}"
    yield Fact(
        pace,
        f"Last {'7 days' if pace == 'week' else 'month'}",
        now.usage.known_credits,
        "credits",
        beside,
    )
    if now.usage.per_prompt is not None and before.usage.per_prompt is not None:
        turn = change_text(change_of(now.usage.per_prompt, before.usage.per_prompt))
        beside = f"{turn} on {before.label}"
        yield Fact("credits_per_prompt", "Per prompt", now.usage.per_prompt, "credits", beside)


def _month_fact(query: Query) -> Iterator[Fact]:
    """The running month, where it is asked about, against the budget of whom it is asked."""
    scope = scope_alone(query.filters)
    if scope is None:
        return
    today = query.reader.clock.local_date(query.now)
    if not query.range.first <= today < query.range.end:
        return
    burn = month_burn(query, scope, today)
    if burn.limit is not None:
        used = f"{credits_text(burn.spent)} of {counted_credits(burn.limit)} used"
        words = burn.words.removesuffix(".")
        yield Fact("budget", f"{burn.stretch.title} against budget", words, note=used)


def _person_facts(change: Change | None) -> Iterator[Fact]:
    """Credits per active person, beside the time before; usage of nobody is left out."""
    people = change.sides.get("person") if change else None
    if people is None:
        return
    known = [{key: v for key, v in side.items() if key} for side in (people.now, people.before)]
    if not known[0]:
        return
    now, before = (round_half_even(sum(s.values()), len(s)) if s else None for s in known)
    note = counted(len(known[0]), "active person").replace("persons", "people")
    if before is not None:
        note += f"; before {credits_text(before)} of {len(known[1]):,}"
    yield Fact("credits_per_person", "Per active person", now, "credits", note)


def _pattern(query: Query, days: ByDay) -> Iterator[Fact]:
    """The average of each weekday over the range's complete days, days without usage included."""
    complete = complete_days(query)
    if len(complete) < PATTERN_DAYS:
        return
    sums, counts = [0] * 7, [0] * 7
    for day in complete:
        weekday = date_of(day).weekday()
        sums[weekday] += days[day].credits if day in days else 0
        counts[weekday] += 1
    averages = [round_half_even(sums[at], counts[at]) for at in range(7)]
    named = zip(WEEKDAY_NAMES, averages, strict=True)
    words = ", ".join(f"{name} {credits_text(average)}" for name, average in named)
    yield Fact("weekdays", "Average by weekday", words)
    yield Fact("average", "Average day", round_half_even(sum(sums), len(complete)), "credits")


# ---- words


def claims(periods: Sequence[Stage], pace: Pace) -> Iterator[str]:
    """`Credits per prompt fell over the last 4 weeks: 2.1, 1.9, 1.8, 1.7.`, where that is so."""
    run = trend(periods, lambda stage: stage.usage.per_prompt)
    if run is not None:
        turn, values = run
        yield f"Credits per prompt {turn} over the last {len(values)} {pace}s: {', '.join(values)}."
    run = trend(periods, lambda stage: stage.usage.known_credits, credits_text)
    if run is not None:
        turn, values = run
        yield f"Credits {turn} over the last {len(values)} {pace}s: {', '.join(values)}."


def _notes(change: Change | None) -> Iterator[Note]:
    if change is None:
        yield Note("There is no time before to compare with: nothing is said to rise or fall.")
    elif len(change.sides) < len(KINDS):
        yield Note("With this filter some movers are only kept prompt by prompt: left out.")


def _other_pace(query: Query, pace: Pace) -> Actions:
    other: Pace = "month" if pace == "week" else "week"
    lines = (
        (f"By {other}", address(query, "trends", query.range.words, other)),
        ("Timeline", address(query, "timeline", query.range.words, fitted_grain(query.range))),
    )
    return Actions(tuple(Button(label, line) for label, line in lines if line))
