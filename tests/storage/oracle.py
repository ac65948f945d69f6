"""What the ledger must hold, computed again in plain Python from usage events.

Nothing of `storage` is used but the event itself, so no table is its own judge: names instead of
ids, datetimes instead of time keys, dictionaries instead of SQL.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from storage.events import Granularity, UsageEvent

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SPEND = ("events", "prompts", "credits")
COST = ("cost_nano", "cost_n")
SPEED = ("ttft_sum", "ttft_n", "gen_ms", "gen_tokens")
COUNTED = (*SPEND, "uncounted", "unpriced")
FULL = (
    *COUNTED, "ok", "ok_n", "tokens_in", "tokens_out",
    "lat_sum", "lat_n", "rating_sum", "rating_n",
)  # fmt: skip
TABLES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "usage_hour": (("bucket", "model"), FULL),
    "usage_hour_total": (("bucket",), (*SPEND, "lat_sum", "lat_n")),
    "usage_day": (("day", "model"), FULL),
    "usage_month": (("month", "model"), FULL),
    "usage_person_day": (("day", "person", "department", "model"), FULL),
    "usage_person_month": (("month", "person", "department", "model"), FULL),
    "usage_person_day_total": (("day", "person", "department"), SPEND),
    "usage_person_month_total": (("month", "person", "department"), SPEND),
    "usage_department_day": (("day", "department", "model"), FULL),
    "usage_department_month": (("month", "department", "model"), FULL),
    "usage_department_day_total": (("day", "department"), COUNTED),
    "usage_task_day": (("day", "task", "model"), FULL),
    "usage_task_month": (("month", "task", "model"), FULL),
    "usage_project_day": (("day", "project", "model"), FULL),
    "usage_project_month": (("month", "project", "model"), FULL),
    "usage_project_day_total": (("day", "project"), COUNTED),
    "lat_model_day": (("day", "model", "bin"), ("lat_n",)),
    "lat_model_month": (("month", "model", "bin"), ("lat_n",)),
    "lat_class_day": (("day", "hour_class", "bin"), ("lat_n",)),
    "lat_class_month": (("month", "hour_class", "bin"), ("lat_n",)),
    "cost_day": (("day", "model", "currency"), COST),
    "cost_month": (("month", "model", "currency"), COST),
    "cost_person_day": (("day", "person", "department", "model", "currency"), COST),
    "cost_person_month": (("month", "person", "department", "model", "currency"), COST),
    "speed_day": (("day", "model"), SPEED),
    "speed_month": (("month", "model"), SPEED),
    "usage_source_day": (
        ("day", "source"),
        ("events", "prompts", "credits", "uncounted", "unpriced"),
    ),
}
NEEDS = {
    name: key
    for name, (keys, _) in TABLES.items()
    for key in ("bucket", "bin", "currency")
    if key in keys
} | {
    "lat_class_day": "bin",
    "lat_class_month": "bin",
    "speed_day": "first_token",
    "speed_month": "first_token",
}
GIVEN = frozenset({"event_id", "ts", "granularity", "model"})  # never unknown
PRICED_BY = frozenset({"prompts", "ok", "credits"})
Tables = dict[str, dict[tuple[object, ...], tuple[int, ...]]]


@dataclass(frozen=True)
class Fact:
    """An event as it counts; `micro` are its credits in the workspace's unit, None unpriced."""

    event: UsageEvent
    source: str
    micro: int | None


@dataclass
class Oracle:
    """A workspace's usage as a dictionary; `prices` are micro-credits a prompt by model."""

    zone: ZoneInfo
    prices: dict[str, int]
    known: dict[tuple[str, str], Fact] = field(default_factory=dict)

    def write(self, events: Iterable[UsageEvent], source: str) -> dict[str, int]:
        """Insert, fill or refuse each event; how many of each."""
        counts: dict[str, int] = defaultdict(int)
        for event in map(held, events):
            key = (source, event.event_id)
            before = self.known.get(key)
            after = self._met(before, event, source)
            if before is None:
                counts["accepted"] += 1
            elif event.revision > before.event.revision:
                counts["replaced"] += 1
            elif after is None:
                counts["conflicting"] += 1
            else:
                counts["duplicate" if after == before else "merged"] += 1
            self.known[key] = after or self.known[key]
        return dict(counts)

    def _met(self, before: Fact | None, event: UsageEvent, source: str) -> Fact | None:
        if before is None or event.revision > before.event.revision:
            return Fact(event, source, self.credits(event))
        if event.revision < before.event.revision:
            return before
        gaps: dict[str, object] = {}
        for name in (f.name for f in fields(UsageEvent)):
            old, new = _known(before.event, name), _known(event, name)
            if old is not None and new is not None and old != new:
                return None
            if old is None and new is not None and name not in GIVEN:
                gaps[name] = getattr(event, name)
        event = replace(before.event, **gaps)  # type: ignore[arg-type]  # fields of an event
        frozen = before.micro is not None and PRICED_BY.isdisjoint(gaps)
        return Fact(event, source, before.micro if frozen else self.credits(event))

    def replace_slices(self, events: Iterable[UsageEvent], source: str) -> None:
        """Forget the UTC days of the events, then take the events; the same keeps its credits."""
        events = [held(event) for event in events]
        days = {event.ts // 86_400_000_000 for event in events}
        old = {k: f for k, f in self.known.items() if k[0] == source}
        for key, fact in old.items():
            if fact.event.ts // 86_400_000_000 in days:
                del self.known[key]
        for event in events:
            key = (source, event.event_id)
            before = old.get(key)
            same = before is not None and before.event == event
            self.known[key] = (
                before if same and before else Fact(event, source, self.credits(event))
            )

    def reprice(self) -> None:
        """Today's prices for everything."""
        self.known = {k: replace(f, micro=self.credits(f.event)) for k, f in self.known.items()}

    def credits(self, event: UsageEvent) -> int | None:
        """Stated credits, else price x prompts; a failed prompt costs nothing."""
        if event.credits is not None:
            return event.credits if event.unit == "credit" else None
        if event.prompts is None:
            return None
        if event.ok is False or event.prompts == 0:
            return 0
        price = self.prices.get(event.model)
        return None if price is None else price * event.prompts

    def tables(self) -> Tables:
        """Every rollup by name, keyed by names and numbers."""
        found: dict[str, dict[tuple[object, ...], list[int]]] = {name: {} for name in TABLES}
        for fact in self.known.values():
            keys, measures = self._keys(fact), _measures(fact)
            for name, (columns, sums) in TABLES.items():
                if keys[NEEDS.get(name, "day")] is None:
                    continue
                cell = tuple(keys[column] for column in columns)
                row = found[name].setdefault(cell, [0] * len(sums))
                for place, measure in enumerate(sums):
                    row[place] += measures[measure]
        return {
            name: {key: tuple(row) for key, row in cells.items() if any(row)}
            for name, cells in found.items()
        }

    def _keys(self, fact: Fact) -> dict[str, object]:
        event = fact.event
        moment = EPOCH + timedelta(microseconds=event.ts)
        local = moment.astimezone(self.zone)
        day = moment.date() if event.granularity == Granularity.DAY else local.date()
        timed = event.latency_ms is not None
        weekend, peak = local.weekday() >= 5, 9 <= local.hour < 17
        return {
            "bucket": None if event.granularity == Granularity.DAY else self._bucket(event.ts),
            "day": (day - date(1970, 1, 1)).days,
            "month": day.year * 12 + day.month - 1,
            "hour_class": 2 if weekend else 0 if peak else 1,
            "bin": math.floor(math.log(event.latency_ms or 1) / math.log(1.1)) if timed else None,
            "person": event.person,
            "department": event.department,
            "project": event.project,
            "task": event.task,
            "model": event.model,
            "source": fact.source,
            "currency": None if event.cost_nano is None else event.currency,
            "first_token": event.ttft_ms,
        }

    def _bucket(self, ts: int) -> int:
        offset = datetime(2026, 1, 1, tzinfo=self.zone).utcoffset() or timedelta()
        return (ts + int(offset.total_seconds()) % 3600 * 1_000_000) // 3_600_000_000


def held(event: UsageEvent) -> UsageEvent:
    """The event without what cannot be known of it: times and outcomes belong to single prompts."""
    if event.prompts != 1 or event.granularity != Granularity.EXACT:
        event = replace(event, latency_ms=None, ttft_ms=None, rating=None)
    if not event.prompts:
        event = replace(event, ok=None)
    return event if event.cost_nano is not None else replace(event, currency=None)


def _known(event: UsageEvent, name: str) -> object:
    """A value that is compared; 0 tokens say nothing, and `unit` belongs to the credits."""
    if name in ("account", "revision", "unit"):
        return None
    value: object = getattr(event, name)
    if name in ("tokens_in", "tokens_out", "tags"):
        return value or None
    if name == "credits" and value is not None:
        return value, event.unit
    return value


def _measures(fact: Fact) -> dict[str, int]:
    event = fact.event
    prompts = event.prompts or 0
    gen_ms = max((event.latency_ms or 0) - (event.ttft_ms or 0), 0)
    is_timed = gen_ms > 0 and bool(event.tokens_out)
    return {
        "events": 1,
        "prompts": prompts,
        "credits": fact.micro or 0,
        "uncounted": int(event.prompts is None),
        "unpriced": int(fact.micro is None),
        "ok": prompts if event.ok else 0,
        "ok_n": 0 if event.ok is None else prompts,
        "tokens_in": event.tokens_in or 0,
        "tokens_out": event.tokens_out or 0,
        "lat_sum": event.latency_ms or 0,
        "lat_n": int(event.latency_ms is not None),
        "rating_sum": event.rating or 0,
        "rating_n": int(event.rating is not None),
        "cost_nano": event.cost_nano or 0,
        "cost_n": prompts,
        "ttft_sum": event.ttft_ms or 0,
        "ttft_n": 1,
        "gen_ms": gen_ms if is_timed else 0,
        "gen_tokens": event.tokens_out or 0 if is_timed else 0,
    }


def stored_tables(engine: sa.Engine, workspace_id: int) -> Tables:
    """What the database holds, with names in the place of ids."""
    names: dict[str, dict[object, object]] = {}
    with engine.connect() as connection:
        for column, table, shown, number in (
            ("person", "person_alias", "alias", "person_id"),
            ("model", "model_alias", "alias", "model_id"),
            ("department", "department", "name", "id"),
            ("project", "project", "name", "id"),
            ("task", "task", "name", "id"),
            ("source", "source", "name", "id"),
        ):
            rows = connection.execute(
                sa.text(f"SELECT {number}, {shown} FROM {table} WHERE workspace_id = :w"),  # noqa: S608  # our names
                {"w": workspace_id},
            )
            names[column] = {0: None, **{row[0]: row[1] for row in rows}}
        found: Tables = {}
        for name, (keys, measures) in TABLES.items():
            columns = [f"{k}_id" if k in names else k for k in keys]
            rows = connection.execute(
                sa.text(
                    f"SELECT {','.join((*columns, *measures))} FROM {name} "  # noqa: S608  # our names
                    f"WHERE workspace_id = {workspace_id}"
                )
            )
            found[name] = {
                tuple(
                    names[key][value] if key in names else value
                    for key, value in zip(keys, row[: len(keys)], strict=True)
                ): tuple(row[len(keys) :])
                for row in rows
            }
    return found
