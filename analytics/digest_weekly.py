"""The digest of a week: its days, its people, its models, and what moved since the week before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from analytics.anomaly import BASE_DAYS, FACTOR_DAYS, Verdict, verdicts
from analytics.digest import (
    ByDay,
    Seen,
    Sight,
    beside,
    days_then,
    details,
    endnotes,
    framed_then,
    further,
    known_facts,
    nothing_then,
    people_rows,
    picture,
    read_seen,
    speed_facts,
    strip,
    tiles,
    told,
    use_facts,
)
from analytics.lines import REST, spent_text
from analytics.measures import Usage, comparison, gather
from analytics.movers import Kind, Sides, mover_table, movers, step_text
from analytics.numbers import (
    change_of,
    count_text,
    counted,
    credits_text,
    ratio_text,
    round_half_even,
    shares,
)
from analytics.parts import read_parts
from analytics.percentiles import spread_of
from analytics.periods import read_days as read_usage_days
from analytics.periods import span_behind, stages
from analytics.query import Query
from analytics.report import Actions, Column, Fact, Note, Report, Row, Table
from analytics.silence import silences
from analytics.text import clean, distinct
from analytics.timerange import WEEKDAY_NAMES, WEEKDAYS
from analytics.tops import by_model, tier_table
from analytics.trends import Change, claims, is_kept, read_change, steps_by_kind
from storage.reading import Days, RangeTooLong
from storage.timekeys import date_of, day_number

WEEK = 7
MOVERS = 3
MODELS = 8


@dataclass(frozen=True, slots=True)
class Tasks:
    """Credits by task: how many have a name, the largest that may be told, and what has none.

    Shares are in whole per cent.
    """

    named: int
    top: str
    top_share: int
    top_credits: int
    without: int


@dataclass(frozen=True, slots=True)
class Weekly:
    """A week with the one before; `change` and `before` are None where it may not be told."""

    seen: Seen
    change: Change | None
    before: Usage | None
    by_day: ByDay
    tasks: Tasks | None

    @property
    def turn(self) -> str:
        """`▲ 8% on the week before`."""
        if self.change is None:
            return ""
        return told(self.change.now, self.change.before, "the week before")

    @property
    def beside(self) -> str:
        """The same for a tile."""
        return beside(self.change.now, self.change.before) if self.change else ""

    @property
    def was(self) -> str:
        """What a prompt cost in the week before."""
        each = self.before.per_prompt if self.before else None
        return "" if each is None else f"was {ratio_text(each)}"


def weekly(query: Query, sight: Sight) -> Report:
    """The digest of seven days that are over; `query` speaks from their end."""
    title = f"Weekly Digest: {query.range.dates}"
    parts, silent = read_parts(query, "tier"), silences(query)
    if not parts:
        return nothing_then(query, title, _steps(query, sight))
    # While a source is silent, what is less says nothing.
    compares = is_kept(query) and not silent and comparison(query) is not None
    earlier = _week_before(query) if compares else None
    seen = read_seen(query, sight, parts, silent, earlier)
    change = read_change(query, _people_sides(seen)) if compares else None
    found = Weekly(
        seen=seen,
        change=change,
        before=sum(gather(query, ("model",), span=earlier).values(), Usage()) if earlier else None,
        by_day=days_then(query) if sight.looks_back else _two_weeks(query),
        tasks=_tasks(query, sight),
    )
    headline = _headline(found)
    return framed_then(
        query,
        title,
        headline,
        (
            *_unusual(found),
            *_trends(found),
            picture(
                seen,
                _short(found),
                tiles(
                    seen,
                    found.beside,
                    found.was,
                    found.before.known_prompts if found.before else None,
                ),
                days=strip(query, found.by_day, "The week after the one before"),
            ),
            *known_facts(_facts(found)),
            *known_facts(speed_facts(seen), is_detail=True),
            *details(*_tables(found)),
            *endnotes(seen),
            _steps(query, sight),
        ),
    )


def _week_before(query: Query) -> Days:
    first = day_number(query.range.first)
    return Days(first - WEEK, first)


def _people_sides(seen: Seen) -> Mapping[Kind, Sides]:
    """Both sides by person, which are read already."""
    before = seen.people.every_before
    if before is None:
        return {}
    return {"person": Sides(_credits(seen.people.every), _credits(before))}


def _credits(people: Mapping[int, Usage]) -> dict[int, int]:
    return {key: usage.credits for key, usage in people.items()}


def _two_weeks(query: Query) -> ByDay:
    """The days of both weeks alone, where nothing may be told of the time before."""
    first = day_number(query.range.first)
    days = read_usage_days(query, Days(first - WEEK, day_number(query.range.end)))
    return {day: (usage.credits, usage.prompts) for day, usage in days.items()}


# ---- words


def _headline(found: Weekly) -> str:
    """`3,120 credits in the week of 23 Mar, ▲ 8% on the week before; GPT-4o +410`."""
    words = _short(found)
    lead = _lead(found)
    return f"{words}; {lead}" if lead and found.turn else words


def _short(found: Weekly) -> str:
    first = found.seen.query.range.first
    end = found.seen.query.range.end - timedelta(days=1)
    days = (
        f"{WEEKDAY_NAMES[first.weekday()]} {first.day} to {WEEKDAY_NAMES[end.weekday()]} {end.day}"
    )
    words = f"{spent_text(found.seen.whole)}, {days}"
    return f"{words}: {found.turn}" if found.turn else words


def _lead(found: Weekly) -> str:
    """The model that moved most; projects and people stand in the table."""
    if found.change is None:
        return ""
    steps = movers(found.seen.query, "model", found.change.sides["model"], most=1)
    lead = [step for step in steps if step.key != REST and step.step]
    return f"{lead[0].name} {step_text(lead[0].step)}" if lead else ""


def _unusual(found: Weekly) -> Iterator[Note]:
    """`Spend was unusual on Tuesday 24 March: 3.0 times the usual Tuesday (1,350).`, never why."""
    query = found.seen.query
    if not found.seen.sight.looks_back or query.filters:
        return
    for day, verdict in _verdicts(query, found.by_day):
        if verdict.is_alert:
            date = date_of(day)
            weekday = WEEKDAYS[date.weekday()].title()
            usual = credits_text(round(verdict.usual))
            yield Note(
                f"Spend was unusual on {weekday} {date.day}: {credits_text(verdict.total)} "
                f"credits, {verdict.factor:.1f} times the usual {weekday} ({usual}).",
                "delta",
            )


def _verdicts(query: Query, by_day: ByDay) -> Iterator[tuple[int, Verdict]]:
    """The rule on each day of the week that may be judged."""
    oldest, inside = query.reader.oldest, day_number(query.range.first)
    if oldest is None:
        return
    start = max(query.reader.clock.day(oldest), inside - FACTOR_DAYS - BASE_DAYS)
    series = [by_day.get(day, (0, 0)) for day in range(start, day_number(query.range.end))]
    for verdict in verdicts([spent for spent, _ in series], [prompts for _, prompts in series]):
        if start + verdict.index >= inside:
            yield start + verdict.index, verdict


def _trends(found: Weekly) -> Iterator[Note]:
    """What rose or fell over three weeks or more."""
    query = found.seen.query
    if found.change is None or not found.seen.sight.looks_back:
        return
    days = read_usage_days(query, Days(*span_behind(query, "week")))
    for words in claims(stages(query, "week", days), "week"):
        yield Note(words, "delta")


# ---- numbers


def _facts(found: Weekly) -> Iterator[Fact]:
    people = found.seen.people
    yield from use_facts(found.seen, found.turn, found.was)
    each = people.prompts_each
    if each is not None:
        yield Fact("prompts_each", "Prompts a person", round(each), "count", _each_before(found))
    if people.before is not None:
        came, gone = people.now.keys() - people.before.keys(), people.before.keys() - people.now
        if came or gone:
            words = f"{len(came)} not active the week before, {len(gone)} only then"
            yield Fact("team", "Team", words)
    if found.tasks is not None:
        yield from _task_facts(found.tasks)


def _each_before(found: Weekly) -> str:
    before = found.seen.people.before
    if not before:
        return ""
    prompts = sum(usage.prompts for usage in before.values())
    return f"was {count_text(round_half_even(prompts, len(before)))}"


def _task_facts(tasks: Tasks) -> Iterator[Fact]:
    note = f"{tasks.without}% uncategorised" if tasks.without else ""
    yield Fact("tasks", "Tasks", tasks.named, "count", note)
    if tasks.top:
        note = f"{tasks.top_share}% of credits"
        yield Fact("top_task", "Top task", tasks.top, note=note, spent=tasks.top_credits)


def _tasks(query: Query, sight: Sight) -> Tasks | None:
    """None where no usage has a task, or where only the ledger could tell of too many days."""
    if "task" not in sight.movers.kinds:
        return None
    try:
        sums = {key: usage.credits for (key,), usage in gather(query, ("task",)).items()}
    except RangeTooLong:
        return None
    named = [key for key in sums if key]
    if not named:
        return None
    keys = sorted(sums, key=lambda key: (-sums[key], key))
    portions = dict(zip(keys, shares([sums[key] for key in keys]), strict=True))
    top = min(named, key=lambda key: (-sums[key], key))
    # The largest of all is not named where few people are behind it; then no other is the largest.
    is_open = top not in sight.movers.folded.get("task", ())
    name = clean(query.reader.names("task")[top]) if is_open else ""
    return Tasks(len(named), name, portions[top], sums[top], portions.get(0, 0))


# ---- tables


def _tables(found: Weekly) -> Iterator[Table]:
    seen, sight = found.seen, found.seen.sight
    yield _day_table(found)
    yield _model_table(found)
    if found.change is not None:
        yield mover_table(steps_by_kind(seen.query, found.change, MOVERS, sight.movers))
    yield tier_table(seen.query, seen.parts)
    yield from people_rows(seen)


def _day_table(found: Weekly) -> Table:
    """Each day beside the same weekday of the week before."""
    query, by_day = found.seen.query, found.by_day
    first = day_number(query.range.first)
    usage = read_usage_days(query, Days(first, day_number(query.range.end)))
    rows = [
        _day_row(query, day, usage.get(day, Usage()), by_day if found.change else {})
        for day in range(first, day_number(query.range.end))
    ]
    whole = found.seen.whole
    turn = None if found.change is None else change_of(found.change.now, found.change.before)
    return Table(
        columns=(
            Column("start", "Day", "moment"),
            Column("prompts", "Prompts", "count"),
            Column("credits", "Credits", "credits"),
            Column("change", "On the week before", "change"),
            Column("credits_per_prompt", "Per prompt", "credits"),
        ),
        rows=tuple(rows),
        total=(None, whole.known_prompts, whole.known_credits, turn, whole.per_prompt),
    )


def _day_row(query: Query, day: int, usage: Usage, by_day: ByDay) -> Row:
    before = by_day.get(day - WEEK)
    return (
        query.reader.clock.midnight(day),
        usage.known_prompts,
        usage.known_credits,
        change_of(usage.credits, before[0]) if before else None,
        usage.per_prompt,
    )


def _model_table(found: Weekly) -> Table:
    """Models side by side: what they took, what a prompt cost, how it went; the rest together."""
    seen = found.seen
    sums = by_model(seen.parts)
    ranked = sorted(sums, key=lambda key: (-sums[key].credits, key))
    shown = ranked if len(ranked) <= MODELS + 1 else ranked[:MODELS]
    hidden = ranked[len(shown) :]
    rest = sum((sums[key] for key in hidden), Usage())
    credits = [sums[key].credits for key in shown] + ([rest.credits] if hidden else [])
    portions = shares(credits)
    names = distinct({key: seen.query.reader.catalog.models[key].name for key in shown})
    rows = [
        _model_row(names[key], sums[key], portions[at], _quality(seen, key))
        for at, key in enumerate(shown)
    ]
    if hidden:
        rows.append(
            _model_row(counted(len(hidden), "other"), rest, portions[-1], (None, None, None))
        )
    whole = seen.whole
    return Table(
        columns=(
            Column("model", "Model"),
            Column("prompts", "Prompts", "count"),
            Column("credits", "Credits", "credits"),
            Column("share", "Share", "share"),
            Column("credits_per_prompt", "Per prompt", "credits"),
            Column("success_rate", "Success", "rate"),
            Column("p50_ms", "p50", "duration"),
            Column("p95_ms", "p95", "duration"),
        ),
        rows=tuple(rows),
        total=_model_row("Total", whole, sum(portions), _all_quality(seen)),
        others=len(rows) - 1 if hidden else None,
    )


Quality = tuple[float | None, float | None, float | None]  # success, p50, p95


def _quality(seen: Seen, model: int) -> Quality:
    outcome, spread = seen.models.get(model), spread_of(seen.waits.get(model, {}))
    success = outcome.success if outcome else None
    return (success, spread.p50 if spread else None, spread.p95 if spread else None)


def _all_quality(seen: Seen) -> Quality:
    spread = seen.spread
    return (
        seen.outcome.success,
        spread.p50 if spread else None,
        spread.p95 if spread else None,
    )


def _model_row(name: str, usage: Usage, share: int, quality: Quality) -> Row:
    return (name, usage.known_prompts, usage.known_credits, share, usage.per_prompt, *quality)


def _steps(query: Query, sight: Sight) -> Actions:
    days = query.range.words
    return further(
        {
            "Trends": f"trends {days}",
            "By model": f"by-model {days}",
            "By person": f"by-user {days}" if sight.people else "",
            "Efficiency": f"efficiency {days}",
        }
    )
