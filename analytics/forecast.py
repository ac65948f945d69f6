"""What the month will have used at its end: the workspace, its departments and its projects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from analytics.budgets import lag_notes, projected_facts
from analytics.burn_up import BurnUp, budget_figure
from analytics.captions import nothing_known
from analytics.lines import framed
from analytics.measures import gather_credits, span_of
from analytics.numbers import counted, credits_text
from analytics.projection import chance_of_passing
from analytics.projection_words import chance_text
from analytics.query import Filters, Query
from analytics.report import Actions, Button, Column, Fact, Facts, Note, Report, Row, Table
from analytics.scopes import (
    CHANCE_NOTE,
    KEYS,
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
from analytics.stretches import Stretch, stretch_of
from storage.budgets import Scope as Kind

MOST_ROWS = 10  # of departments, and of projects: each row is a projection of its own
PARTS: tuple[Kind, ...] = ("department", "project")
COLUMNS = (
    Column("scope", "Scope"),
    Column("kind", "Kind"),
    Column("used", "Used", "credits"),
    *STANDING,
)


def forecast(query: Query, scope: Scope, sight: Sight) -> Report:
    """The expected end of the month with its range, alone and by department and project."""
    month = stretch_of("monthly", query.reader.clock.local_date(query.now))
    known = {limit.scope: limit for limit in limits(query) if limit.stretch == month}
    asked = replace(query, filters=scope.filters)
    wanted = [scope] if scope.kind != "workspace" else [scope, *_parts(query, sight, month)]
    rows = tracked(query, [known.get(one, Limit(one, month, None)) for one in wanted])
    burn, name = rows[0].burn, "" if scope.kind == "workspace" else scope.name(query)
    title = f"{month.title} {month.first.year} Forecast" + (f": {name}" if name else "")
    if not burn.projection.n and not burn.spent:
        headline, hint = nothing_known(asked)
        return framed(asked, title, headline, (hint, _steps(scope)))
    return framed(
        asked,
        title,
        burn.words,
        (
            *_chance(burn),
            budget_figure(asked, burn, burn.words, name),
            Facts(tuple(_facts(burn))),
            Table(COLUMNS, tuple(_row(query, row) for row in rows)),
            *_notes(query, burn, rows),
            _steps(scope),
        ),
    )


def _parts(query: Query, sight: Sight, month: Stretch) -> Iterator[Scope]:
    """The departments and projects with most credits this month that may have a row."""
    for kind in PARTS:
        sums = gather_credits(replace(query, filters=Filters()), KEYS[kind], span_of(query))
        keys = [key for key in sums if key and sight.may_see(Scope(kind, key), month)]
        for key in sorted(keys, key=lambda key: (-sums[key], key))[:MOST_ROWS]:
            yield Scope(kind, key)


def _chance(burn: BurnUp) -> Iterator[Note]:
    if burn.limit and burn.state is not None and not burn.is_passed:
        chance = chance_text(chance_of_passing(burn.projection, burn.limit))
        if chance and chance not in burn.words:
            yield Note(f"{chance} chance of passing {credits_text(burn.limit)}.", "delta")


def _facts(burn: BurnUp) -> Iterator[Fact]:
    projection = burn.projection
    yield Fact("used", "Used so far", burn.spent, "credits")
    yield from projected_facts(burn)
    if burn.limit is not None:
        yield Fact("budget", "Budget", burn.limit, "credits")
    status = status_text(burn.state)
    if status is not None:
        yield Fact("status", "Status", status)
    yield Fact("n", "Rests on", counted(projection.n, "complete day"))


def _row(query: Query, row: Tracked) -> Row:
    burn = row.burn
    return (
        row.limit.scope.name(query),
        row.limit.scope.kind,
        burn.spent,
        *projected_cells(burn.projection, burn.limit),
        *standing_cells(burn),
    )


def _notes(query: Query, burn: BurnUp, rows: Sequence[Tracked]) -> Iterator[Note]:
    if any(row.burn.limit is not None for row in rows):
        yield CHANCE_NOTE
    if len(rows) > 1:
        yield Note("Each row has a projection of its own: they do not add up.")
        if any(row.burn.projection.is_thin for row in rows):
            yield Note("Without a forecast: usage on too few days for more than a range.")
    yield from lag_notes(query, burn)


def _steps(scope: Scope) -> Actions:
    whole = () if scope.kind == "workspace" else (Button("Whole workspace", "forecast"),)
    return Actions((*whole, Button("Budget", "budget"), Button("Over time", "timeline this month")))
