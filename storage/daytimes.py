"""Sums by the local hour and weekday, grouped by the database.

The stretches of constant shift between two clock changes are part of the statement, so it is exact
over them and the same on every engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import sqlalchemy as sa

from storage.crossings import LEDGER, LEDGER_MEASURES, Hours, Narrowed, Workplace
from storage.rollups import BY_NAME, HOUR
from storage.timekeys import Clock, HourClass

Part = Literal["hour", "weekday"]
_THURSDAY = 3  # 1970-01-01


def sums(
    place: Workplace,
    parts: Sequence[Part],
    measures: Sequence[str],
    *,
    span: Hours,
    chosen: Narrowed,
) -> sa.Select[Any]:
    """Sums by parts of the local time, from the smallest table that knows; raises RangeTooLong."""
    if chosen.keys() <= {"model_id"}:
        is_narrow = not chosen and set(measures) <= {*HOUR}
        table = BY_NAME["usage_hour_total" if is_narrow else "usage_hour"].table
        bucket: sa.ColumnElement[int] = table.c.bucket
        inside = [bucket >= span.first, bucket < span.end]
        totals: list[sa.ColumnElement[Any]] = [sa.func.sum(table.c[name]) for name in measures]
    else:
        table, bucket = LEDGER, place.bucket
        inside = place.ledger_span(span, chosen)
        totals = [LEDGER_MEASURES[name] for name in measures]
    local = _local(bucket, span, place.clock)
    keys: list[sa.ColumnElement[Any]] = [
        (_hour(local) if part == "hour" else _weekday(local)).label(part) for part in parts
    ]
    wanted = [table.c[name].in_(ids) for name, ids in chosen.items()]
    statement = sa.select(*keys, *totals).where(place.here(table), *inside, *wanted)
    return statement.group_by(*keys)


def hour_class(bucket: sa.ColumnElement[int], span: Hours, clock: Clock) -> sa.ColumnElement[int]:
    """The class of an hour bucket, as `Clock.keys` gives it."""
    local = _local(bucket, span, clock)
    hour = _hour(local)
    is_peak = sa.and_(hour >= clock.peak[0], hour < clock.peak[1])
    return sa.case(
        (_weekday(local) >= 5, int(HourClass.WEEKEND)),
        (is_peak, int(HourClass.PEAK)),
        else_=int(HourClass.OFF_PEAK),
    )


def _local(bucket: sa.ColumnElement[int], span: Hours, clock: Clock) -> sa.ColumnElement[int]:
    """Local hours since the first midnight of 1970."""
    *changes, (_, last) = clock.shifts(span.first, span.end)
    shift: sa.ColumnElement[int] = sa.literal(last)
    if changes:
        shift = sa.case(*((bucket < end, hours) for end, hours in changes), else_=last)
    return bucket + shift


def _hour(local: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return local % 24


def _weekday(local: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return (local // 24 + _THURSDAY) % 7
