"""One record of our own format, as JSON object or CSV row, read into a usage event.

docs: `id, at, person, model, provider, prompts, credits, cost, currency, tokens_in, tokens_out,
cache_read, cache_write, reasoning, latency_ms, ttft_ms, ok, error, task, project, department, tags,
rating, granularity, trial, arm`; only `at` and `model` are needed, other names are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from zoneinfo import ZoneInfo

from storage.events import ARMS, MAX_TRIAL, UNLABELED, Granularity, UsageEvent
from storage.sources.amounts import (
    MAX_AMOUNT,
    MAX_COST,
    MAX_COUNT,
    MAX_CREDITS,
    count,
    micro,
    nano,
    nearest,
    number_in_json,
    number_in_text,
)
from storage.sources.base import RowError, fold
from storage.sources.moments import (
    ZONE_AHEAD,
    Moment,
    check_day,
    check_moment,
    day_of,
    day_start,
    moment_of,
)
from storage.sources.names import (
    MAX_ACCOUNT,
    MAX_PROVIDER,
    error_code,
    event_key,
    label,
    person,
    quoted,
    row_digest,
    row_key,
    tags,
)
from storage.timekeys import HOUR_US, from_micros

ALIASES = {
    "user": "person",
    "email": "person",
    "username": "person",
    "timestamp": "at",
    "date": "at",
    "time": "at",
}
REQUIRED = ("at", "model")
_GRAINS = {"": Granularity.EXACT, "exact": Granularity.EXACT} | {
    "hour": Granularity.HOUR,
    "day": Granularity.DAY,
}
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
# Only what a record may say: whatever is added here changes the keys of rows without an id.
_CONTENT = attrgetter(
    *(n for n in UsageEvent.__slots__ if n not in ("event_id", "blocked", "trial", "arm"))
)
_SUMMED = attrgetter(
    "granularity", "ts", "account", "person", "model", "task", "project", "department"
)


@dataclass(frozen=True, slots=True)
class Reading:
    """How records are read: `decimal` is the point of text numbers, None says JSON values.

    `exported` is the time of the file in epoch seconds.
    """

    zone: ZoneInfo | None
    now: datetime
    decimal: str | None = None
    exported: int = 0


@dataclass(frozen=True, slots=True)
class Read:
    """An event, and what had to be decided about it.  Without an id the key is still blank."""

    event: UsageEvent
    notes: tuple[str, ...] = ()


def canonical(name: str) -> str:
    """The name of a field, whatever case, spaces or alias it came with."""
    folded = fold(name)
    return ALIASES.get(folded, folded)


def by_field(record: Mapping[str, object]) -> dict[str, object]:
    """The values by canonical name; raises RowError where two names mean one field."""
    meant: dict[str, str] = {}
    for name in record:
        field = canonical(name)
        if field in meant:
            raise RowError(f"the names {quoted(meant[field])} and {quoted(name)} both mean {field}")
        meant[field] = name
    return {field: record[name] for field, name in meant.items()}


def keyed(event: UsageEvent, ordinal: Callable[[bytes], int], reading: Reading) -> UsageEvent:
    """An event without an id with a key from what it says.

    A call is known by everything it says.  A sum of an hour or a day is known by what it is the
    sum of, so that a later export replaces its amounts instead of adding them.
    """
    single = event.granularity is Granularity.EXACT
    digest = row_digest((_CONTENT if single else _SUMMED)(event))
    key = row_key(digest, ordinal(digest))
    return replace(event, event_id=key, revision=0 if single else reading.exported)


def read_record(record: Mapping[str, object], reading: Reading) -> Read:
    """The event of one record by canonical names; raises RowError with the reason."""
    values = _Values(_cloud_event(record) if "specversion" in record else record, reading.decimal)
    grain = _granularity(values)
    moment = _moment(values, grain, reading)
    kept, cut = tags(values.words("tags"))
    trial, arm, half = _trial(values)
    event = UsageEvent(
        event_id=event_key(values.key() or ""),
        ts=moment.ts,
        granularity=grain,
        account=values.label("account", limit=MAX_ACCOUNT),
        person=person(values.plain("person")),
        model=_model(values),
        department=values.label("department"),
        project=values.label("project"),
        task=values.label("task"),
        provider=values.label("provider", limit=MAX_PROVIDER),
        prompts=_prompts(values, grain),
        ok=values.flag("ok"),
        error=error_code(values.plain("error")),
        credits=values.micro("credits"),
        tokens_in=values.count("tokens_in"),
        tokens_out=values.count("tokens_out"),
        cache_read=values.count("cache_read"),
        cache_write=values.count("cache_write"),
        reasoning=values.count("reasoning"),
        latency_ms=values.milliseconds("latency_ms"),
        ttft_ms=values.milliseconds("ttft_ms"),
        rating=_rating(values),
        tags=kept,
        trial=trial,
        arm=arm,
    )
    event, notes = _with_cost(event, values)
    event, more = _of_single_prompts(event)
    told = (moment.note, f"{cut} tags were cut" if cut else "", half, notes, more)
    return Read(event, tuple(filter(None, told)))


def _cloud_event(record: Mapping[str, object]) -> dict[str, object]:
    """CloudEvents 1.0: `source` and `id` are the key, the usage itself lies in `data`."""
    inner = record.get("data")
    if not isinstance(inner, dict):
        raise RowError("data of the CloudEvent is not an object")
    outer = {
        "id": record.get("id"),
        "account": record.get("source"),
        "at": record.get("at"),
        "person": record.get("subject"),
    }
    return {
        **by_field(inner),
        **{name: value for name, value in outer.items() if value is not None},
    }


class _Values:
    """The values of one record by canonical name; nothing is None, whichever way it is written."""

    def __init__(self, record: Mapping[str, object], decimal: str | None) -> None:
        self._record = record
        self._decimal = decimal
        self.is_text = decimal is not None

    def plain(self, name: str) -> object:
        """The value as it stands; a blank cell is None."""
        value = self._record.get(name)
        return None if value == "" and self._decimal is not None else value

    def key(self) -> str | None:
        """The record's own id."""
        value = self.plain("id")
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return label(value, "id", limit=MAX_AMOUNT)

    def label(self, name: str, *, limit: int = 200) -> str | None:
        """A label."""
        return label(self.plain(name), name, limit=limit)

    def number(self, name: str, *, text: bool = False, limit: int = MAX_AMOUNT) -> Decimal | None:
        """A number that is not negative; with `text` JSON may write it as a string."""
        value = self.plain(name)
        if value is None:
            return None
        if self._decimal is not None and isinstance(value, str):
            return number_in_text(value, name, decimal=self._decimal, limit=limit)
        return number_in_json(value, name, text=text, limit=limit)

    def count(self, name: str, *, limit: int = MAX_AMOUNT) -> int | None:
        """A whole number."""
        found = self.number(name, limit=limit)
        return None if found is None else count(found, name)

    def micro(self, name: str) -> int | None:
        """Millionths."""
        found = self.number(name, text=True, limit=MAX_CREDITS)
        return None if found is None else micro(found)

    def milliseconds(self, name: str) -> int | None:
        """Milliseconds, rounded."""
        found = self.number(name, limit=MAX_COUNT)
        return None if found is None else nearest(found)

    def flag(self, name: str) -> bool | None:
        """True or false; text stands for it only in a CSV."""
        value = self.plain(name)
        if value is None or isinstance(value, bool):
            return value
        known = _FLAGS.get(value.strip().casefold()) if isinstance(value, str) else None
        if known is None or self._decimal is None:
            raise RowError(f"{name} is neither true nor false")
        return known

    def words(self, name: str) -> Iterable[object]:
        """A list of words; in a CSV they stand in one cell, divided by semicolons."""
        value = self.plain(name)
        if value is None:
            return ()
        if isinstance(value, str):
            return value.split(";")
        if not isinstance(value, list):
            raise RowError(f"{name} is not a list")
        return value


def _granularity(values: _Values) -> Granularity:
    text = values.label("granularity") or ""
    grain = _GRAINS.get(text.casefold())
    if grain is None:
        raise RowError(f"granularity {quoted(text)} is none of exact, hour, day")
    return grain


def _moment(values: _Values, grain: Granularity, reading: Reading) -> Moment:
    value = values.plain("at")
    if grain is Granularity.DAY:
        day = _day(value, reading)
        check_day(day, reading.now, ahead=ZONE_AHEAD)
        return Moment(day_start(day))
    moment = moment_of(value, reading.zone)
    check_moment(moment.ts, reading.now)
    if grain is Granularity.HOUR:
        return replace(moment, ts=moment.ts - moment.ts % HOUR_US)
    return moment


def _day(value: object, reading: Reading) -> date:
    """The day a bucket is labelled with: the written date, or the UTC date of an epoch number."""
    if isinstance(value, str) and ("-" in value or "/" in value):
        text = value.strip()
        if len(text) > len("2026-03-15"):
            moment_of(text, reading.zone or ZoneInfo("UTC"))  # whatever follows must be a time
            text = text[:10]
        return day_of(text)
    ts = moment_of(value, reading.zone).ts
    check_moment(ts, reading.now)
    return from_micros(ts).date()


def _model(values: _Values) -> str:
    value = values.plain("model")
    if value is None and not values.is_text:
        raise RowError("model is missing")
    return label(value, "model") or UNLABELED


def _prompts(values: _Values, grain: Granularity) -> int | None:
    found = values.count("prompts", limit=MAX_COUNT)
    return 1 if found is None and grain is Granularity.EXACT else found


def _rating(values: _Values) -> int | None:
    found = values.count("rating")
    if found is not None and not 1 <= found <= 5:
        raise RowError(f"rating {found} is not between 1 and 5")
    return found


def _trial(values: _Values) -> tuple[int | None, str | None, str]:
    """The trial and its arm, which mean something only together, and what to say otherwise."""
    trial = values.count("trial", limit=MAX_TRIAL)
    arm = (values.label("arm") or "").casefold()
    if trial == 0:
        raise RowError("trial is 0")
    if arm and arm not in ARMS:
        raise RowError(f"arm {quoted(arm)} is none of {', '.join(ARMS)}")
    if trial is None and not arm:
        return None, None, ""
    if trial is None or not arm:
        return None, None, "a trial without its arm, or an arm alone, was left out"
    return trial, arm, ""


def _with_cost(event: UsageEvent, values: _Values) -> tuple[UsageEvent, str]:
    """A currency is never guessed: a cost without one stays unknown, and that is told."""
    dollars = values.number("cost_usd", text=True, limit=MAX_COST)
    amount = values.number("cost", text=True, limit=MAX_COST)
    currency = "USD" if dollars is not None else (values.label("currency") or "").upper()
    amount = amount if dollars is None else dollars
    if amount is None:
        return event, ""
    if not currency:
        return event, "cost without a currency was left out"
    if len(currency) != 3 or not (currency.isascii() and currency.isalpha()):
        raise RowError(f"currency {quoted(currency)} is not an ISO code like USD")
    return replace(event, cost_nano=nano(amount), currency=currency), ""


def _of_single_prompts(event: UsageEvent) -> tuple[UsageEvent, str]:
    """Response times and ratings belong to one prompt at an exact time."""
    if event.granularity is Granularity.EXACT and event.prompts == 1:
        return event, ""
    if event.latency_ms is None and event.ttft_ms is None and event.rating is None:
        return event, ""
    plain = replace(event, latency_ms=None, ttft_ms=None, rating=None)
    return plain, "response time and rating of several prompts were left out"
