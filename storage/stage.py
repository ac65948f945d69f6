"""A usage event becomes a ledger row: names to ids, time keys, credits.

The loop of `stage` runs for every event that is ever imported, so it works on local variables and
plain tuples; everything rare is a function of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TypeVar

from storage.catalog import Catalog, Price
from storage.events import MAX_TRIAL, Granularity, Route, UsageEvent
from storage.labels import Labels
from storage.pricing import Tariff, quote
from storage.records import (
    BLOCKED,
    HOME_DEPARTMENT,
    NO_DETAIL,
    SKEWED,
    STATED,
    UNCOUNTED,
    Detail,
    EventKey,
    LedgerRow,
    PlainRow,
    Record,
)
from storage.task_match import Matcher
from storage.text import tidy
from storage.timekeys import DAY_US, HOUR_US, Clock, to_micros

SKEW = timedelta(minutes=10)
MAX_EVENT_ID = 64
MAX_WORD = 80  # of provider and error
MAX_UNIT = 32
MAX_TAG = 100
MAX_TAGS = 20
LARGEST = 10**15  # a billion credits; sums of a whole table stay inside 64 bits
_GRAIN_US = {Granularity.EXACT: 1, Granularity.HOUR: HOUR_US, Granularity.DAY: DAY_US}
_TASK = LedgerRow._fields.index("task_id")
_AMOUNTS = ("prompts", "credits", "tokens_in", "tokens_out", "cache_read", "cache_write")
_TIMES = ("reasoning", "latency_ms", "ttft_ms")
Name = TypeVar("Name", str, str | None)


@dataclass(frozen=True, slots=True)
class Arrival:
    """What all events of one call share; `sources` maps an event's account to its source id."""

    workspace_id: int
    sources: Mapping[str | None, int]
    route: Route
    batch_id: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Staged:
    """Rows and details by key, and events whose key came a second time, in their order."""

    rows: dict[EventKey, PlainRow] = field(default_factory=dict)
    details: dict[EventKey, Detail] = field(default_factory=dict)
    again: list[Record] = field(default_factory=list)

    def record(self, key: EventKey) -> Record:
        """The first event of a key."""
        return Record(LedgerRow._make(self.rows[key]), self.details.get(key, NO_DETAIL))


class Resolver:
    """Ids and prices of one batch, each name looked up once."""

    def __init__(self, labels: Labels) -> None:
        self.models = _Once(labels.model_id)
        self.people = _Once(labels.person_id)
        self.departments = _Once(labels.department_id)
        self.projects = _Once(labels.project_id)
        self.tasks = _Once(labels.task_id)
        self.homes = _Once(labels.home_department)
        self.rules: Matcher | None = labels.matcher
        self.catalog: Catalog = labels.catalog
        self._prices: dict[int, tuple[Price, ...]] = {}

    def price(self, model_id: int, ts: int) -> Price | None:
        """The price that is valid at epoch microseconds."""
        prices = self._prices.get(model_id)
        if prices is None:
            prices = self._prices[model_id] = self.catalog.prices(model_id)
        if len(prices) == 1 and prices[0].valid_from <= ts:
            return prices[0]
        return self.catalog.price_at(model_id, ts) if prices else None


_Raw = TypeVar("_Raw")


class _Once(dict[_Raw, int]):
    """A dictionary that asks for what it does not hold."""

    def __init__(self, ask: Callable[[_Raw], int]) -> None:
        super().__init__()
        self._ask = ask

    def __missing__(self, name: _Raw) -> int:
        found = self[name] = self._ask(name)
        return found


def stage(
    events: Iterable[UsageEvent],
    arrival: Arrival,
    *,
    resolver: Resolver,
    tariff: Tariff,
    clock: Clock,
) -> Staged:
    """Ledger rows of the events, priced at their own time; labels must be prepared."""
    staged = Staged()
    rows, details = staged.rows, staged.details
    workspace_id, route, batch_id = arrival.workspace_id, int(arrival.route), arrival.batch_id
    sources, price_at, keys_at = arrival.sources, resolver.price, clock.keys
    terms = {account: tariff.terms(source_id) for account, source_id in sources.items()}
    models, people, homes = resolver.models, resolver.people, resolver.homes
    departments, projects, tasks = resolver.departments, resolver.projects, resolver.tasks
    arrived = to_micros(arrival.now)
    latest = to_micros(arrival.now + SKEW)
    for event in events:
        account, ts, grain, prompts = event.account, event.ts, event.granularity, event.prompts
        flags = 0
        if ts > latest:
            ts, flags = arrived - arrived % _GRAIN_US[grain], SKEWED
        model_id, person_id = models[event.model], people[event.person]
        department_id = departments[event.department]
        if not department_id:
            department_id, flags = homes[person_id], flags | HOME_DEPARTMENT
        price = price_at(model_id, ts)
        credits_micro, priced = quote(event, price, terms[account])
        if prompts is None:
            prompts, flags = 0, flags | UNCOUNTED
        if event.blocked:
            flags |= BLOCKED
        ok = event.ok
        single = prompts == 1 and not grain  # of others a time or a rating means nothing
        event_id = event.event_id
        if len(event_id) > MAX_EVENT_ID or not event_id.isprintable():
            event_id = sha256(event_id.encode("utf-8", "surrogatepass")).hexdigest()
        source_id = sources[account]
        row = (
            workspace_id, source_id, event_id, ts, int(grain), keys_at(ts, grain).day,
            person_id, department_id, projects[event.project], model_id, tasks[event.task],
            prompts, prompts if ok else 0, 0 if ok is None else prompts,
            event.tokens_in or 0, event.tokens_out or 0,
            event.latency_ms if single else None, event.rating or 0 if single else 0,
            price.multiplier if price else 0, credits_micro, flags | priced, route, batch_id, 0,
        )  # fmt: skip
        key = (source_id, event_id)
        detail = NO_DETAIL
        if not _is_plain(event):
            detail = _detail(event, stated=bool(priced & STATED), single=single)
        if key in rows:
            staged.again.append(Record(LedgerRow._make(row), detail))
            continue
        rows[key] = row
        if detail is not NO_DETAIL:
            details[key] = detail
    return staged


def give_tasks(staged: Staged, rules: Matcher) -> None:
    """Let rules name the task of every event whose source named none."""
    for key, row in staged.rows.items():
        if not row[_TASK]:
            record = rules.ruled(Record(LedgerRow._make(row), staged.details.get(key, NO_DETAIL)))
            staged.rows[key] = record.row
    staged.again[:] = [
        record if record.row.task_id else rules.ruled(record) for record in staged.again
    ]


def _is_plain(event: UsageEvent) -> bool:
    """Whether the ledger row alone holds everything that the event brings."""
    return (
        event.cost_nano is None
        and event.credits is None
        and event.provider is None
        and event.error is None
        and event.cache_read is None
        and event.cache_write is None
        and event.reasoning is None
        and event.ttft_ms is None
        and event.trial is None
        and not event.tags
        and not event.revision
    )


def _detail(event: UsageEvent, *, stated: bool, single: bool) -> Detail:
    currency = (event.currency or "").upper() if event.cost_nano is not None else ""
    foreign = event.credits is not None and not stated
    detail = Detail(
        cost_nano=event.cost_nano,
        currency=currency if len(currency) == 3 and currency.isalpha() else None,
        amount=event.credits if foreign else None,
        unit=tidy(event.unit, MAX_UNIT) if foreign else None,
        cache_read=event.cache_read,
        cache_write=event.cache_write,
        reasoning=event.reasoning,
        ttft_ms=event.ttft_ms if single else None,
        provider=tidy(event.provider or "", MAX_WORD) or None,
        error=tidy(event.error or "", MAX_WORD) or None,
        tags=tuple(tidy(tag, MAX_TAG) for tag in event.tags[:MAX_TAGS]) or None,
        revision=event.revision,
        trial_id=event.trial,
        arm=event.arm if event.trial is not None else None,
    )
    return NO_DETAIL if detail == NO_DETAIL else detail


def impossible(events: Iterable[UsageEvent]) -> Iterator[str]:
    """What makes events unfit for the ledger, one phrase each; sources refuse such rows first."""
    for event in events:
        for name in (*_AMOUNTS, *_TIMES):
            value = getattr(event, name)
            if value is not None and not 0 <= value <= LARGEST:
                yield f'event "{event.event_id}" has {name} {value}'
        if event.trial is not None and not 0 < event.trial <= MAX_TRIAL:
            yield f'event "{event.event_id}" has trial {event.trial}'
        if event.rating is not None and not 1 <= event.rating <= 5:
            yield f'event "{event.event_id}" has rating {event.rating}'
