"""The last minutes: what is asked now, how long it takes, how often it works."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

from analytics.captions import filters_text, newest_text
from analytics.measures import pieces, span_of
from analytics.numbers import counted, duration_text, rate_text
from analytics.percentiles import LEAST_P95
from analytics.query import Query
from analytics.report import Actions, Button, Column, Note, Renewal, Report, Row, Table
from analytics.text import distinct, typed
from storage.response_times import Live

MINUTES = 15
AHEAD = 10  # minutes that the clock of a source may go before ours, as storage takes it
RENEWAL = Renewal(every=30, lasts=600)
TITLE = f"Live: the last {MINUTES} minutes"
COLUMNS = (
    Column("model", "Model"),
    Column("prompts", "Prompts", "count"),
    Column("avg_ms", "Average", "duration"),
    Column("p95_ms", "p95", "duration"),
    Column("success_rate", "Success", "rate"),
)
FURTHER = (
    Button("Today by hour", "performance today by hour"),
    Button("Last 7 days", "performance last 7d"),
)


def live(query: Query) -> Report:
    """Prompts, average, p95 and success of each model in the last 15 minutes, busiest first.

    Single prompts only: what a source sums up comes later.
    """
    since = query.now - timedelta(minutes=MINUTES)
    until = query.now + timedelta(minutes=AHEAD)
    found = [
        row
        for _, where in pieces(query, span_of(query))
        for row in query.reader.live(since, until, where)
    ]
    found = [row for row in found if row.prompts]
    if not found:
        chosen = f" of {filters_text(query)}" if query.filters else ""
        return _report(query, f"No prompts{chosen} in the last {MINUTES} minutes", _newest(query))
    catalog = query.reader.catalog.models
    names = distinct({row.model_id: catalog[row.model_id].name for row in found})
    together = Live(
        model_id=0,
        prompts=sum(row.prompts for row in found),
        ok=sum(row.ok for row in found),
        ok_n=sum(row.ok_n for row in found),
        latencies=tuple(sorted(ms for row in found for ms in row.latencies)),
    )
    rows = tuple(_cells(names[row.model_id], row) for row in found)
    return _report(query, _headline(together), Table(COLUMNS, rows, _cells("All", together)))


def _report(query: Query, headline: str, block: Table | Note) -> Report:
    models = query.reader.catalog.models
    line = " ".join(["live", *(typed(models[key].name) for key in query.filters.model)])
    actions = Actions((Button("Refresh", line), *FURTHER))
    narrowed = filters_text(query)
    return Report(TITLE, headline, (block, actions), narrowed=narrowed, renews=RENEWAL)


def _newest(query: Query) -> Note:
    newest = query.reader.newest
    if newest is None:
        return Note("No usage has come in yet.", "hint")
    return Note(newest_text(newest), "hint")


def _headline(together: Live) -> str:
    """`42 prompts in the last 15 minutes: average 2.1 s, 97.6% succeeded`."""
    parts = [
        f"average {duration_text(_mean(together.latencies))}" if together.latencies else "",
        f"{rate_text(together.ok / together.ok_n)} succeeded" if together.ok_n else "",
    ]
    said = ", ".join(filter(None, parts))
    words = f"{counted(together.prompts, 'prompt')} in the last {MINUTES} minutes"
    return f"{words}: {said}" if said else words


def _cells(name: str, row: Live) -> Row:
    return (
        name,
        row.prompts,
        _mean(row.latencies) if row.latencies else None,
        _slow(row.latencies) if len(row.latencies) >= LEAST_P95 else None,
        row.ok / row.ok_n if row.ok_n else None,
    )


def _mean(latencies: Sequence[int]) -> float:
    return sum(latencies) / len(latencies)


def _slow(latencies: Sequence[int]) -> int:
    """The response time that 19 of 20 do not pass."""
    return latencies[math.ceil(0.95 * len(latencies)) - 1]
