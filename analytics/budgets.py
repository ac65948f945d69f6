"""How budgets stand: used, left, where the period will end, and when each threshold is reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from analytics.budget_words import (
    amount_text,
    day_text,
    line_of,
    raise_text,
    threshold_text,
    typed_credits,
)
from analytics.burn_up import BurnUp, budget_figure
from analytics.captions import moment_text, nothing_known
from analytics.figures import BudgetFigure
from analytics.lines import framed
from analytics.numbers import counted_credits, credits_text
from analytics.past_use import rounded_up
from analytics.projection import State, chance_of_passing
from analytics.projection_words import chance_text, expected_on_text, point_text, range_text
from analytics.query import Query
from analytics.report import Actions, Button, Column, Fact, Facts, Note, Report, Row, Table
from analytics.scopes import (
    CHANCE_NOTE,
    PERIODS,
    STANDING,
    Limit,
    Scope,
    Sight,
    Tracked,
    limits,
    projected_cells,
    standing_cells,
    status_text,
    tracked,
)
from analytics.stretches import DAY, stretch_of
from analytics.timerange import MONTHS
from storage.events import MICRO
from storage.marks import Threshold
from storage.timekeys import day_number

COLUMNS = (
    Column("scope", "Scope"),
    Column("kind", "Kind"),
    Column("budget", "Budget", "credits"),
    Column("used", "Used", "credits"),
    *STANDING,
)
PLAN_NOTE = (
    "No budget is set: the plan's allowance is tracked. "
    "An admin sets one with `budget set 20000 monthly`."
)
USUAL = 20_000 * MICRO  # in an example, where nothing is used yet
MOST_RAISES = 3
STEPS = (
    Button("Forecast", "forecast"),
    Button("Budgets", "budget list"),
    Button("By department", "by-department this month"),
    Button("By model", "by-model this month"),
)


def budget_status(query: Query, scope: Scope, sight: Sight) -> Report:
    """The budget of a scope, and for the workspace a table of all budgets the asker may see.

    A scope with several budgets leads with its monthly one.
    """
    known = [limit for limit in limits(query) if sight.may_see(limit.scope, limit.stretch)]
    ours = [limit for limit in known if limit.scope == scope] or [_without(query, scope)]
    lead = min(ours, key=lambda limit: PERIODS.index(limit.stretch.period))
    shown = known if scope.kind == "workspace" else ours
    rows = tracked(query, shown)
    main = next(row for row in rows if row.limit == lead)
    return _report(query, main, rows)


def _without(query: Query, scope: Scope) -> Limit:
    return Limit(scope, stretch_of("monthly", query.reader.clock.local_date(query.now)), None)


def _report(query: Query, main: Tracked, rows: Sequence[Tracked]) -> Report:
    scope, burn = main.limit.scope, main.burn
    today = query.reader.clock.local_date(query.now)
    asked = replace(query, range=burn.stretch.so_far(today), filters=scope.filters)
    name = "" if scope.kind == "workspace" else scope.name(query)
    title = f"{burn.stretch.title} Credit Budget Status" + (f": {name}" if name else "")
    if burn.limit is None and not burn.projection.n and not burn.spent:
        headline, hint = nothing_known(asked)
        return framed(asked, title, headline, (hint, *_how_to_set(query, main), _steps(scope)))
    headline = headline_of(burn, name)
    return framed(
        asked,
        title,
        headline,
        (
            *_delta(burn),
            _figure(asked, main, headline),
            Facts(tuple(_facts(main))),
            *((_table(query, rows),) if burn.limit is not None or len(rows) > 1 else ()),
            *_notes(asked, main, rows),
            _steps(scope),
        ),
    )


def headline_of(burn: BurnUp, name: str = "") -> str:
    """How a budget stands in a sentence; one of nothing, and none at all, included.

    A budget that is not set is one of `name`, where it is not the workspace's.
    """
    used = f"{counted_credits(burn.spent)} used"
    if burn.limit is None:
        return f"No budget is set{f' for {name}' if name else ''}. {used}. {burn.words}"
    if not burn.limit:
        day = burn.passed_on
        since = f": {used} since {_day_text(day)}" if day else ", and nothing is used"
        return f"The budget is 0{since}."
    return burn.words


def _delta(burn: BurnUp) -> Iterator[Note]:
    """The chance that is not told elsewhere, and the day of each threshold."""
    sentences = []
    if burn.limit and burn.state in (State.ON_TRACK, State.OVER, State.EARLY):
        chance = chance_text(chance_of_passing(burn.projection, burn.limit))
        sentences += [f"{chance} chance of passing {credits_text(burn.limit)}"] if chance else []
    dates = [text for one in burn.thresholds if (text := _threshold(burn, one))]
    sentences += [", ".join(dates)] if dates else []
    if sentences:
        yield Note(". ".join(sentences) + ".", "delta")


def _raised(limit: Limit) -> str:
    """`raised by 500 until 30 Apr 2026`; empty without a raise."""
    if limit.until is None:
        return ""
    return f"raised by {amount_text(limit.raised)} until {day_text(limit.until)}"


def _figure(query: Query, main: Tracked, headline: str) -> BudgetFigure:
    """The burn-up; of a raise that ends before its period, what the limit then is."""
    limit = main.limit
    name = "" if limit.scope.kind == "workspace" else limit.scope.name(query)
    figure = budget_figure(query, main.burn, headline, name)
    if limit.until is None or limit.amount is None:
        return figure
    raised = f"{figure.subtitle}. Limit {_raised(limit)}"
    falls = limit.until + DAY
    after = (falls, limit.amount - limit.raised) if falls < limit.stretch.end else None
    return replace(figure, subtitle=raised, falls=after)


def _threshold(burn: BurnUp, threshold: Threshold) -> str:
    reached, expected = burn.reached(threshold), burn.expected(threshold)
    named = threshold_text(threshold)
    if reached is not None:
        return f"{named} {'reached' if isinstance(threshold, int) else 'on'} {_day_text(reached)}"
    return "" if expected is None else expected_on_text(named, expected.day, expected)


def _day_text(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1].title()}"


def _facts(main: Tracked) -> Iterator[Fact]:
    burn = main.burn
    limit, spent, percent = burn.limit, burn.spent, burn.percent
    if limit is not None:
        yield Fact("budget", "Total budget", limit, "credits", note=_raised(main.limit))
    yield Fact("used", "Used", spent, "credits", note="" if percent is None else f"{percent}%")
    if limit is not None and not burn.is_passed:
        note = "" if percent is None else f"{100 - percent}%"
        yield Fact("remaining", "Remaining", limit - spent, "credits", note=note)
    elif limit is not None:
        yield Fact("over", "Over by", spent - limit, "credits")
    yield from projected_facts(burn)
    status = status_text(burn.state)
    if status is not None:
        yield Fact("status", "Status", status)


def projected_facts(burn: BurnUp) -> Iterator[Fact]:
    """The expected end with its range, as text: it is as exact as it is said."""
    projection = burn.projection
    if projection.is_finished or not projection.n:
        return
    ends, title = range_text(projection, burn.limit), f"Projected end of {burn.stretch.span}"
    if projection.is_range_first:
        yield Fact("projected", title, ends, note="80% range")
    else:
        about = f"about {point_text(projection, burn.limit)}"
        yield Fact("projected", title, about, note=f"80% range {ends}")


def _table(query: Query, rows: Sequence[Tracked]) -> Table:
    return Table(COLUMNS, tuple(_row(query, row) for row in rows))


def _row(query: Query, row: Tracked) -> Row:
    limit, burn = row.limit, row.burn
    period = limit.stretch.period
    words = "plan" if limit.is_plan else limit.scope.kind
    return (
        limit.scope.name(query),
        words if period == "monthly" else f"{words}, {period}",
        burn.limit,
        burn.spent,
        *projected_cells(burn.projection, burn.limit),
        *standing_cells(burn),
    )


def _notes(query: Query, main: Tracked, rows: Sequence[Tracked]) -> Iterator[Note]:
    if main.burn.limit is not None:
        yield CHANCE_NOTE
    raised = [row.limit for row in rows if row.limit.until is not None]
    for limit in raised[:MOST_RAISES]:
        yield Note(raise_text(limit, limit.scope.name(query)))
    if main.limit.is_plan:
        yield Note(PLAN_NOTE)
    elif main.burn.limit is None:
        yield from _how_to_set(query, main)
    yield from lag_notes(query, main.burn)


def _how_to_set(query: Query, main: Tracked) -> Iterator[Note]:
    """The line that sets a budget of this scope, a tenth above what it is expected to use."""
    scope, projection = main.limit.scope, main.burn.projection
    ends = max(main.burn.spent, 0 if projection.is_thin else projection.projected)
    amount = typed_credits(rounded_up(ends) if ends else USUAL)
    line = line_of(query, scope, f"budget set {amount} monthly")
    bought = ", or adds what was bought: `grants add plan 15000 monthly`"
    if line:
        more = bought if scope.kind == "workspace" else ""
        yield Note(f"An admin sets one with `{line}`{more}.", "hint")


def lag_notes(query: Query, burn: BurnUp) -> Iterator[Note]:
    """What to know about a workspace whose data end days ago."""
    if burn.known_to is not None:
        end = query.reader.clock.midnight(day_number(burn.known_to))
        yield Note(f"Data end on {moment_text(end)[:-6]}: projected from there.")


def _steps(scope: Scope) -> Actions:
    more = () if scope.kind == "workspace" else (Button("Whole workspace", "budget"),)
    return Actions((*more, *STEPS))
