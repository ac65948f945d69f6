"""The digest of a day: what was used, beside what is usual for its weekday, and by whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from statistics import median

from analytics.anomaly import (
    BASE_DAYS,
    Carrier,
    Kind,
    Part,
    Verdict,
    carrier,
    carrier_text,
    judge,
    matters_to_all,
    still_text,
    unusual_text,
)
from analytics.burn_up import BurnUp, read_days
from analytics.by_person import UNATTRIBUTED
from analytics.digest import (
    ByDay,
    Seen,
    Sight,
    beside,
    budget_note,
    days_then,
    details,
    endnotes,
    framed_then,
    further,
    known_facts,
    leader_text,
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
from analytics.lines import spent_text
from analytics.measures import gather_credits
from analytics.month_budget import month_so_far
from analytics.movers import Kind as MoverKind
from analytics.numbers import ratio_text
from analytics.parts import read_parts
from analytics.query import Filters, Query
from analytics.report import Actions, Note, Report, Table
from analytics.scopes import scope_alone
from analytics.silence import silences
from analytics.text import clean
from analytics.timerange import MONTHS, WEEKDAYS
from analytics.tops import model_table, tier_table
from storage.reading import Days
from storage.timekeys import day_number

STILL = 1.5  # times the usual: on the day after an alert, less is no longer worth a sentence
MOST_CARRIERS = 2
WEEK = 7
USUAL_WEEKS = 8
CARRYING: tuple[MoverKind, ...] = ("model", "person", "project")
# Beside a filter some crossings are only kept prompt by prompt: 28 days of those take too long.
KINDS: dict[MoverKind, Kind] = {"model": "model", "person": "person", "project": "project"}


@dataclass(frozen=True, slots=True)
class Daily:
    """A day with the days behind it: `verdict` and `before` are None where they are not known.

    `before` are the micro-credits of the same weekday a week earlier; `usual` is the median of the
    last eight. The rule compares with a mean, which one spike lifts for weeks: only where it finds
    a day unusual is that told.
    """

    seen: Seen
    by_day: ByDay
    verdict: Verdict | None
    was_unusual: bool
    before: int | None
    usual: int | None
    burn: BurnUp | None

    @property
    def day(self) -> date:
        """The day."""
        return self.seen.query.range.first

    @property
    def is_unusual(self) -> bool:
        """Whether its spend is, by the rule that alerts use."""
        return self.verdict is not None and self.verdict.is_alert

    @property
    def change(self) -> str:
        """`▲ 12% on a usual Monday`; nothing while a source is silent, or nothing is known."""
        if self.seen.silent:
            return ""
        weekday, spent = WEEKDAYS[self.day.weekday()].title(), self.seen.whole.credits
        if self.usual is not None:
            return told(spent, self.usual, f"a usual {weekday}")
        return told(spent, self.before, f"the {weekday} before")

    @property
    def beside(self) -> str:
        """The same for a tile."""
        if not self.change:
            return ""
        spent = self.seen.whole.credits
        if self.usual is not None:
            return beside(spent, self.usual, "usual")
        return beside(spent, self.before)


def daily(query: Query, sight: Sight) -> Report:
    """The digest of a day that is over; `query` speaks from its end."""
    title = f"Daily Digest: {query.range.dates}"
    parts, silent = read_parts(query, "tier"), silences(query)
    if not parts:
        return nothing_then(query, title, _steps(query, sight))
    earlier = None if silent else _week_before(query, sight)
    found = _found(query, sight, read_seen(query, sight, parts, silent, earlier))
    seen, models, was = found.seen, model_table(query, parts), _was(found)
    return framed_then(
        query,
        title,
        _headline(found, models),
        (
            *_unusual(found),
            *(budget_note(found.burn) if found.burn else ()),
            picture(
                seen,
                _short(found),
                tiles(seen, found.beside, was),
                days=strip(query, found.by_day, "Last 14 days") if sight.looks_back else None,
            ),
            *known_facts(use_facts(seen, found.change, was)),
            *known_facts(speed_facts(seen), is_detail=True),
            *details(tier_table(query, parts), models, *people_rows(seen)),
            *endnotes(seen),
            _steps(query, sight),
        ),
    )


def _week_before(query: Query, sight: Sight) -> Days | None:
    """The same weekday a week earlier, where it may be told and is known."""
    day, oldest = day_number(query.range.first), query.reader.oldest
    if not sight.looks_back or oldest is None or query.reader.clock.day(oldest) > day - WEEK:
        return None
    return Days(day - WEEK, day - WEEK + 1)


def _found(query: Query, sight: Sight, seen: Seen) -> Daily:
    if not sight.looks_back:
        return Daily(seen, {}, None, was_unusual=False, before=None, usual=None, burn=None)
    by_day, day = days_then(query), day_number(query.range.first)
    verdict, yesterday = (_verdict(query, by_day, one) for one in (day, day - 1))
    earlier = _week_before(query, sight)
    return Daily(
        seen=seen,
        by_day=by_day,
        verdict=verdict,
        was_unusual=yesterday is not None and yesterday.is_alert,
        before=by_day.get(earlier.first, (0, 0))[0] if earlier else None,
        usual=_usual(query, by_day, verdict),
        burn=month_so_far(query, scope_alone(query.filters), by_day),
    )


def _usual(query: Query, by_day: ByDay, verdict: Verdict | None) -> int | None:
    """What is told as usual of the weekday, in micro-credits; None where no day may be judged."""
    oldest = query.reader.oldest
    if verdict is None or oldest is None:
        return None
    if verdict.is_alert:
        return round(verdict.usual)
    day, known = day_number(query.range.first), query.reader.clock.day(oldest)
    same = [day - WEEK * weeks for weeks in range(1, USUAL_WEEKS + 1)]
    return round(median(by_day.get(one, (0, 0))[0] for one in same if one >= known))


def _verdict(query: Query, by_day: ByDay, day: int) -> Verdict | None:
    """The rule on one day; of a part of the workspace an alert must matter to the whole, too."""
    oldest = query.reader.oldest
    if oldest is None:
        return None
    first = max(query.reader.clock.day(oldest), min(by_day, default=day))
    series = [by_day.get(one, (0, 0)) for one in range(first, day + 1)]
    found = judge([spent for spent, _ in series], [prompts for _, prompts in series])
    if found is None or not found.is_alert or not query.filters:
        return found
    every = Query(query.reader, query.now, query.range)
    whole = read_days(every, (), Days(day - BASE_DAYS, day))
    mean = sum(spent for spent, _ in whole.values()) / BASE_DAYS
    return found if matters_to_all(found, mean) else None


# ---- words


def _headline(found: Daily, models: Table) -> str:
    """`412 credits on Monday 30 March, ▲ 12% on a usual Monday; GPT-4o takes 41%`."""
    if found.is_unusual and found.verdict is not None:
        return unusual_text(found.verdict, found.day)
    words = f"{spent_text(found.seen.whole)} on {_day_text(found.day)}"
    change, leader = found.change, leader_text(models)
    words += f", {change}" if change else ""
    return f"{words}; {leader}" if leader else words


def _short(found: Daily) -> str:
    """The finding without the date, which stands beside it in the picture."""
    weekday = WEEKDAYS[found.day.weekday()].title()
    if found.is_unusual and found.verdict is not None:
        return f"Unusual spend: {found.verdict.factor:.1f} times the usual {weekday}"
    words = f"{spent_text(found.seen.whole)} on {weekday}"
    return f"{words}, {found.change.replace(weekday, 'one')}" if found.change else words


def _day_text(day: date) -> str:
    return f"{WEEKDAYS[day.weekday()].title()} {day.day} {MONTHS[day.month - 1].title()}"


def _was(found: Daily) -> str:
    """What a prompt cost on the same weekday a week before, by what days tell."""
    earlier = _week_before(found.seen.query, found.seen.sight)
    spent, prompts = found.by_day.get(earlier.first, (0, 0)) if earlier else (0, 0)
    return f"was {ratio_text(round(spent / prompts))}" if prompts and spent else ""


def _unusual(found: Daily) -> Iterator[Note]:
    """Who carries an unusual day, never why; or that the day after is still far up."""
    verdict = found.verdict
    if verdict is None:
        return
    if found.is_unusual:
        carriers = _carriers(found, verdict)
        words = " ".join(carrier_text(one) for one in carriers[:MOST_CARRIERS])
        if words:
            yield Note(words, "delta")
    elif found.was_unusual and found.usual and verdict.total >= STILL * found.usual:
        yield Note(still_text(replace(verdict, usual=found.usual), found.day), "delta")


def _carriers(found: Daily, verdict: Verdict) -> Sequence[Carrier]:
    """The largest rise of each kind that may be told, the largest share first."""
    query, movers = found.seen.query, found.seen.sight.movers
    kinds = [kind for kind in CARRYING if kind in movers.kinds]
    if query.filters != Filters():
        kinds = [kind for kind in kinds if kind == "model"]
    every = (
        carrier(verdict, _parts(query, kind, set(movers.folded.get(kind, ())))) for kind in kinds
    )
    return sorted((one for one in every if one is not None), key=lambda one: -one.share)


def _parts(query: Query, kind: MoverKind, folded: set[int]) -> Iterator[Part]:
    day = day_number(query.range.first)
    now = gather_credits(query, kind, Days(day, day + 1))
    before = gather_credits(query, kind, Days(day - BASE_DAYS, day))
    names = query.reader.names(kind)
    none = UNATTRIBUTED if kind == "person" else f"(no {kind})"
    for key, spent in now.items():
        if key not in folded:
            name = clean(names.get(key) or none)
            yield Part(KINDS[kind], key, name, spent, before.get(key, 0))


def _steps(query: Query, sight: Sight) -> Actions:
    day = query.range.first.isoformat()
    return further(
        {
            "By model": f"by-model {day}",
            "By person": f"by-user {day}" if sight.people else "",
            "Response times": f"performance {day}",
            "Budget": "budget",
        }
    )
