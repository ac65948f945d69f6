"""Response times: how many prompts took how long, and how fast models spoke.

Bins are kept by model and by class of hour; everything else is read from the ledger, whose exact
milliseconds are put into the same bins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from storage import daytimes
from storage.crossings import BIN_LEVELS, LEDGER, Days, Hours, Narrowed, Workplace, level_for
from storage.events import Granularity
from storage.timekeys import to_micros

BinKey = Literal["model", "hour_class", "day", "person"]
_COLUMNS = {
    "model": "model_id",
    "hour_class": "hour_class",
    "day": "day",
    "person": "person_id",
}


class Speed(NamedTuple):
    """Milliseconds to the first token of `ttft_n` prompts; `gen_tokens` came in `gen_ms` after."""

    ttft_sum: int
    ttft_n: int
    gen_ms: int
    gen_tokens: int


@dataclass(frozen=True, slots=True)
class Live:
    """Single prompts of a model; `latencies` are the known response times (ms), ascending."""

    model_id: int
    prompts: int
    ok: int
    ok_n: int
    latencies: tuple[int, ...]


class _Part(NamedTuple):
    """Prompts of one model that took equally long."""

    ms: int | None
    prompts: int
    ok: int
    ok_n: int


def binned(
    place: Workplace, by: Sequence[BinKey], days: Days, *, chosen: Narrowed
) -> sa.Select[Any] | None:
    """Rows (keys, bin, prompts) from a table of bins; None when none tells these keys apart."""
    keys = [_COLUMNS[name] for name in by]
    needed = {*keys, *chosen}
    level = level_for(BIN_LEVELS, needed - {"day"}, ("lat_n",))
    if level is None:
        return None
    return place.joined(level, [*keys, "bin"], ["lat_n"], span=days, chosen=chosen)


def exact(
    place: Workplace, by: Sequence[BinKey], days: Days, *, chosen: Narrowed
) -> sa.Select[Any]:
    """Rows (keys, milliseconds, prompts) from the ledger; raises RangeTooLong."""
    keys = [_ledger_key(place, name, days).label(name) for name in by]
    wanted = [LEDGER.c[name].in_(ids) for name, ids in chosen.items()]
    inside = place.ledger_span(days, chosen)
    timed = LEDGER.c.latency_ms.is_not(None)
    statement = sa.select(*keys, LEDGER.c.latency_ms, sa.func.count())
    statement = statement.where(place.here(LEDGER), timed, *inside, *wanted)
    return statement.group_by(*keys, LEDGER.c.latency_ms)


def _ledger_key(place: Workplace, name: BinKey, days: Days) -> sa.ColumnElement[Any]:
    if name != "hour_class":
        return LEDGER.c[_COLUMNS[name]]
    first, end = (
        place.clock.bucket(to_micros(place.clock.midnight(day))) for day in (days.first, days.end)
    )
    return daytimes.hour_class(place.bucket, Hours(first, end), place.clock)


def recent(place: Workplace, since: int, until: int, *, chosen: Narrowed) -> sa.Select[Any]:
    """Rows (model, milliseconds or None, prompts, ok, ok_n) of single prompts of some minutes."""
    keys = (LEDGER.c.model_id, LEDGER.c.latency_ms)
    sums = (sa.func.sum(LEDGER.c[name]) for name in ("prompts", "ok", "ok_n"))
    wanted = [LEDGER.c[name].in_(ids) for name, ids in chosen.items()]
    single = (LEDGER.c.grain == int(Granularity.EXACT), LEDGER.c.prompts == 1)
    statement = sa.select(*keys, *sums).where(
        place.here(LEDGER), LEDGER.c.ts >= since, LEDGER.c.ts < until
    )
    return statement.where(*single, *wanted).group_by(*keys)


def gathered(rows: Iterable[Sequence[Any]]) -> list[Live]:
    """The rows of `recent` by model, the busiest first."""
    by_model: defaultdict[int, list[_Part]] = defaultdict(list)
    for model_id, ms, prompts, ok, ok_n in rows:
        by_model[int(model_id)].append(_Part(ms, int(prompts), int(ok), int(ok_n)))
    models = [_live(model_id, parts) for model_id, parts in by_model.items()]
    return sorted(models, key=lambda live: (-live.prompts, live.model_id))


def _live(model_id: int, parts: Sequence[_Part]) -> Live:
    timed = sorted((part.ms, part.prompts) for part in parts if part.ms is not None)
    return Live(
        model_id=model_id,
        prompts=sum(part.prompts for part in parts),
        ok=sum(part.ok for part in parts),
        ok_n=sum(part.ok_n for part in parts),
        latencies=tuple(ms for ms, count in timed for _ in range(count)),
    )
