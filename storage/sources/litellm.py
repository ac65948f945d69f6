"""LiteLLM proxy: records of its `generic_api` callback, as array, JSON lines or single objects.

Payload of LiteLLM 1.101 (https://docs.litellm.ai/docs/observability/generic_api).  A record also
holds messages, responses, headers, key hashes and tracebacks: only the fields named here are read,
and a reason never quotes a value.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import BinaryIO

from storage.events import ARMS, MAX_TRIAL, UNLABELED, UsageEvent
from storage.sources.amounts import MAX_COST, MAX_COUNT, count, nano, nearest, number_in_json
from storage.sources.base import (
    Adjusted,
    Fit,
    Item,
    Rejected,
    RowError,
    Sample,
    Source,
    SourceOptions,
)
from storage.sources.json_rows import json_items
from storage.sources.moments import check_moment, epoch_micros, moment_of
from storage.sources.names import (
    MAX_PROVIDER,
    error_code,
    event_key,
    label,
    person,
    tags,
)

_CALL = frozenset({"litellm_call_id", "custom_llm_provider", "response_cost", "model_group"})
_PEOPLE = (
    ("metadata", "user_api_key_user_email"),
    ("metadata", "user_api_key_user_id"),
    ("end_user",),
    ("user",),  # payload before 1.60
    ("metadata", "user_api_key_alias"),
)
BLOCKED = "error_budget_"
_TRIAL = re.compile(r"trial:([0-9]{1,10})")
NOISE = "User-Agent:"  # the proxy adds two such tags to every call


class LiteLLM:
    """Single calls, one prompt each; the call id is the key on every route."""

    name = "litellm"
    title = "a LiteLLM callback batch"
    aggregate = False

    def fit(self, sample: Sample) -> Fit:
        """Two of the names that only LiteLLM uses."""
        found = {key for key in sample.keys if key in _CALL}
        if len(found) > 1:
            return Fit(len(found) + 1)
        return Fit(len(found), ("litellm_call_id", "model_group"))

    def read(
        self, file: BinaryIO, options: SourceOptions, *, now: datetime
    ) -> Generator[Item, None, None]:
        """One event a call."""
        for item in json_items(file, options):
            yield item if isinstance(item, Rejected) else _item(item.line, item.value, now)


SOURCE: Source = LiteLLM()


def _item(line: int, record: dict[str, object], now: datetime) -> Item:
    try:
        return read_call(record, now=now, line=line)
    except RowError as error:
        return Rejected(line, error.reason)


def read_call(record: Mapping[str, object], *, now: datetime, line: int) -> UsageEvent | Adjusted:
    """The event of one call; raises RowError.  Cached tokens beyond the input are told."""
    call = _Call(record)
    ts = call.moment("endTime")
    check_moment(ts, now)
    tokens = _tokens(call)
    kept, cut = tags(tag for tag in call.tags if not tag.startswith(NOISE))
    trial, arm = _drawn(call)
    event = UsageEvent(
        event_id=event_key(_call_id(call)),
        ts=ts,
        model=_model(call),
        person=_person(call),
        department=call.label("metadata", "user_api_key_team_alias") or call.tagged("dept:"),
        project=call.label("metadata", "user_api_key_project_alias") or call.tagged("project:"),
        task=_task(call),
        provider=call.label("custom_llm_provider", limit=MAX_PROVIDER),
        prompts=1,
        ok=_outcome(call),
        error=_error(call),
        blocked=_is_blocked(call),
        cost_nano=call.nano("response_cost"),
        currency=None if call.at("response_cost") is None else "USD",
        tokens_in=tokens.fresh,
        tokens_out=tokens.out,
        cache_read=tokens.cache_read,
        cache_write=tokens.cache_write,
        latency_ms=call.milliseconds("response_time"),
        ttft_ms=_first_token_ms(call),
        tags=kept,
        trial=trial,
        arm=arm,
    )
    notes = [f"{cut} tags were cut"] if cut else []
    if tokens.is_odd:
        notes.append("more cached than prompt tokens: fresh input counted as 0")
    return Adjusted(line, "; ".join(notes), event) if notes else event


class _Call:
    """The fields of one record; an empty text stands for nothing."""

    def __init__(self, record: Mapping[str, object]) -> None:
        self._record = record
        found = self.at("request_tags")
        listed = found if isinstance(found, list) else []
        self.tags = [tag for tag in listed if isinstance(tag, str)]

    def at(self, *path: str) -> object:
        """The value at a path of keys; None where there is none."""
        value: object = self._record
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return None if value == "" else value

    def label(self, *path: str, limit: int = 200) -> str | None:
        """A label at a path; what is no text is none."""
        value = self.at(*path)
        return label(value, path[-1], limit=limit) if isinstance(value, str) else None

    def tagged(self, prefix: str) -> str | None:
        """The rest of the first tag that begins so."""
        found = next((tag for tag in self.tags if tag.startswith(prefix)), "")
        return label(found.removeprefix(prefix), prefix)

    def count(self, *path: str) -> int | None:
        """A whole number at a path."""
        value = self.at(*path)
        return None if value is None else count(number_in_json(value, path[-1]), path[-1])

    def nano(self, name: str) -> int | None:
        """Billionths of a dollar."""
        value = self.at(name)
        return None if value is None else nano(number_in_json(value, name, limit=MAX_COST))

    def milliseconds(self, name: str) -> int | None:
        """Milliseconds of a field in seconds."""
        value = self.at(name)
        if value is None:
            return None
        return nearest(number_in_json(value, name, limit=MAX_COUNT // 1000) * 1000)

    def moment(self, name: str) -> int:
        """Epoch microseconds of a time in seconds; older payloads write it as text."""
        value = self.at(name)
        if value is None:
            raise RowError(f"{name} is missing")
        if isinstance(value, str):
            try:
                return moment_of(value, None).ts
            except RowError:
                raise RowError(f"{name} is not a time") from None  # without the value
        return epoch_micros(number_in_json(value, name, limit=10**20))


@dataclass(frozen=True, slots=True)
class _Tokens:
    fresh: int | None
    out: int | None
    cache_read: int | None
    cache_write: int | None
    is_odd: bool = False


def _tokens(call: _Call) -> _Tokens:
    """Tokens without cache: `prompt_tokens` includes what was read from and written to it."""
    total, out = call.count("prompt_tokens"), call.count("completion_tokens")
    usage = ("metadata", "usage_object")
    read = call.count(*usage, "prompt_tokens_details", "cached_tokens")
    written = call.count(*usage, "cache_creation_input_tokens")
    if call.at("status") == "failure" and not total and not out:
        return _Tokens(None, None, read, written)  # a failed call reports 0 for "unknown"
    if total is None:
        return _Tokens(None, out, read, written)
    fresh = total - (read or 0) - (written or 0)
    return _Tokens(max(fresh, 0), out, read, written, is_odd=fresh < 0)


def _call_id(call: _Call) -> str:
    for name in ("litellm_call_id", "id"):
        found = call.label(name, limit=4000)
        if found:
            return found
    raise RowError("litellm_call_id is missing")


def _model(call: _Call) -> str:
    """The name people call it by; else the provider's, without the provider before it."""
    group = call.label("model_group")
    if group:
        return group
    if call.at("model") is None:
        raise RowError("model is missing")
    name = (call.label("model") or "").split("/", 1)[-1]
    return label(name, "model") or UNLABELED


def _person(call: _Call) -> str | None:
    found = (call.at(*path) for path in _PEOPLE)
    named = (person(value) for value in found if isinstance(value, str))
    return next((name for name in named if name), None)


def _task(call: _Call) -> str | None:
    return (
        call.label("metadata", "requester_metadata", "task")
        or call.label("metadata", "spend_logs_metadata", "task")
        or call.tagged("task:")
    )


def _drawn(call: _Call) -> tuple[int | None, str | None]:
    """The trial and its arm of two tags; tags are free text, so anything else means nothing."""
    numbers = [int(found[1]) for found in map(_TRIAL.fullmatch, call.tags) if found]
    arms = [arm for arm in ARMS if f"arm:{arm}" in call.tags]
    if len(numbers) != 1 or len(arms) != 1 or not 0 < numbers[0] <= MAX_TRIAL:
        return None, None
    return numbers[0], arms[0]


def _is_blocked(call: _Call) -> bool:
    """Whether a budget of the proxy stopped the call before any model saw it."""
    found = call.at("error_information")
    if not isinstance(found, dict):
        return False
    return any(key.startswith(BLOCKED) and value not in (None, "") for key, value in found.items())


def _outcome(call: _Call) -> bool | None:
    """Success or failure; a call that a budget blocked is neither."""
    if _is_blocked(call):
        return None
    return {"success": True, "failure": False}.get(str(call.at("status")))


def _error(call: _Call) -> str | None:
    code = error_code(call.at("error_information", "error_class"))
    code = code or error_code(call.at("error_information", "error_code"))
    return code or ("budget_exceeded" if _is_blocked(call) else None)


def _first_token_ms(call: _Call) -> int | None:
    if call.at("completionStartTime") is None or call.at("startTime") is None:
        return None
    elapsed = Decimal(call.moment("completionStartTime") - call.moment("startTime")) / 1000
    return nearest(elapsed) if 0 <= elapsed <= MAX_COUNT else None
