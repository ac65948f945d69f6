"""LiteLLM callback batches: the mapping, and that nothing private comes through."""

from __future__ import annotations

import json

import pytest

from tests.storage.sources.texts import FIXTURES, events, fixture, notes, read, rejected

CANARY = "CANARY"


def _records() -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((FIXTURES / "litellm.json").read_text())
    return found


def _changed(**changes: object) -> str:
    return json.dumps([_records()[0] | changes])


def test_a_call_becomes_an_event() -> None:
    call = events(fixture("litellm.json"))[0]
    assert (call.event_id, call.model, call.provider) == ("call-1", "gpt-4o", "openai")
    assert (call.ts, call.latency_ms, call.ttft_ms) == (1773573002000000, 2000, 500)
    assert (call.person, call.department) == ("alice@example.com", "sales")
    assert (call.project, call.task) == ("atlas", "email")
    assert (call.prompts, call.ok, call.error) == (1, True, None)
    assert (call.cost_nano, call.currency, call.credits) == (225_000, "USD", None)
    assert call.tags == ("dept:sales", "project:atlas")


def test_cached_tokens_are_taken_out_of_the_input() -> None:
    call = events(fixture("litellm.json"))[0]
    assert (call.tokens_in, call.cache_read, call.cache_write, call.tokens_out) == (30, 60, 10, 20)


def test_a_failed_call_is_kept_with_a_code_and_without_usage() -> None:
    failed = events(fixture("litellm.json"))[1]
    assert (failed.ok, failed.error, failed.person) == (False, "RateLimitError", "bob@example.com")
    assert (failed.tokens_in, failed.tokens_out, failed.cost_nano) == (None, None, 0)


def test_a_call_that_a_budget_blocked_is_neither_success_nor_failure() -> None:
    blocked = events(fixture("litellm.json"))[2]
    assert (blocked.ok, blocked.error, blocked.model) == (None, "BudgetExceededError", "o3")
    assert [call.blocked for call in events(fixture("litellm.json"))] == [False, False, True]


def test_array_lines_and_single_objects_say_the_same() -> None:
    records = _records()
    lines = "\n".join(map(json.dumps, records))
    singles = [read(json.dumps(record, indent=1)) for record in records]
    assert read(lines) == fixture("litellm.json") == [item for found in singles for item in found]


def test_nothing_private_reaches_an_event() -> None:
    assert CANARY in (FIXTURES / "litellm.json").read_text()
    assert CANARY not in repr(fixture("litellm.json"))


@pytest.mark.parametrize(
    "changes",
    [
        {"endTime": CANARY},
        {"endTime": None, "messages": CANARY},
        {"response_cost": CANARY},
        {"response_time": [CANARY]},
        {"prompt_tokens": CANARY},
        {"model": None, "model_group": None},
        {"litellm_call_id": None, "id": None},
        {"model_group": CANARY * 100},
    ],
)
def test_nothing_private_reaches_a_reason(changes: dict[str, object]) -> None:
    ((_, reason),) = rejected(read(_changed(**changes)))
    assert reason
    assert CANARY not in reason


def test_names_that_draw_nothing_are_no_names() -> None:
    hidden = "\u200b\u3164"
    call = events(read(_changed(model_group=hidden, model=f"openai/{hidden}")))[0]
    assert call.model == "Unlabeled"
    assert events(read(_changed(metadata={}, end_user=hidden)))[0].person is None
    assert events(read(_changed(litellm_call_id=hidden)))[0].event_id == "chatcmpl-1"
    assert len(rejected(read(_changed(litellm_call_id=" ", id=hidden)))) == 1


def test_an_older_payload_with_times_as_text_is_read() -> None:
    changes = {"endTime": "2026-03-15T11:10:02Z", "litellm_call_id": "", "end_user": None}
    (call,) = events(read(_changed(**changes, user="carol")))
    assert (call.ts, call.event_id, call.person) == (1773573002000000, "chatcmpl-1", "carol")


def test_more_cached_than_prompt_tokens_count_as_0_and_are_told() -> None:
    items = read(_changed(prompt_tokens=5))
    assert events(items)[0].tokens_in == 0
    assert "more cached than prompt tokens" in notes(items)[0][1]


def test_one_bad_record_never_fails_its_neighbours() -> None:
    records = [_records()[0], {"litellm_call_id": "x", "endTime": 1773573000}, _records()[1]]
    items = read(json.dumps(records))
    assert len(events(items)) == 2
    assert rejected(items) == [(1, "model is missing")]


@pytest.mark.parametrize(
    ("tags", "drawn"),
    [
        (["trial:7", "arm:test"], (7, "test")),
        (["arm:control", "x", "trial:12"], (12, "control")),
        (["trial:7"], (None, None)),
        (["trial:7", "arm:both"], (None, None)),
        (["trial:0", "arm:test"], (None, None)),
        (["trial:7", "arm:test", "arm:control"], (None, None)),
        (["trial:7", "arm:" + 300 * "x"], (None, None)),
        (["trial:٧", "arm:test"], (None, None)),
        (["trial:2147483648", "arm:test"], (None, None)),
    ],
)
def test_two_tags_say_which_arm_of_a_trial_was_drawn(
    tags: list[str], drawn: tuple[int | None, str | None]
) -> None:
    (call,) = events(read(_changed(request_tags=tags)))
    assert (call.trial, call.arm) == drawn
