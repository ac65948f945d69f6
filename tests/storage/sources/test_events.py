"""Our own format, in every form a file may have."""

from __future__ import annotations

import hashlib
import json

import pytest

from storage.events import Granularity
from tests.storage.sources.texts import csv_of, events, fixture, notes, read, rejected


def test_a_csv_row_fills_every_field_it_names() -> None:
    first, second, failed, day = events(fixture("events.csv"))
    assert (first.event_id, first.person, first.model) == ("e-1", "alice@example.com", "gpt-4o")
    assert (first.credits, first.cost_nano, first.currency) == (2_000_000, 12_500_000, "USD")
    assert (first.tokens_in, first.latency_ms, first.ok) == (1200, 2310, True)
    assert (first.task, first.department, first.tags) == ("coding", "Platform", ("ide", "review"))
    assert (second.person, second.prompts, second.ok) == ("bob@example.com", 1, True)
    assert (failed.ok, failed.person, failed.credits) == (False, None, None)
    assert (day.granularity, day.prompts, day.credits) == (Granularity.DAY, 41, 41_000_000)


def test_json_lines_read_like_rows_and_unknown_prompts_stay_unknown() -> None:
    first, failed, day = events(fixture("events.jsonl"))
    assert (first.credits, first.prompts) == (2_000_000, 1)
    assert (failed.ts, failed.error) == (1773573000250000, "rate_limit")
    assert (day.prompts, day.credits) == (None, 12_750_000)


def test_two_cloud_event_sources_never_share_a_key() -> None:
    first, second = events(fixture("cloud_events.json"))
    assert first.event_id == second.event_id
    assert (first.account, second.account) == ("gateway-eu", "gateway-us")
    assert (second.person, second.credits) == ("bob@example.com", 3_000_000)


def test_one_object_over_several_lines_is_one_event() -> None:
    text = json.dumps({"id": "a", "at": "2026-03-15T10:02:11Z", "model": "gpt-4o"}, indent=2)
    assert [event.event_id for event in events(read(text))] == ["a"]


def test_names_come_in_any_case_order_and_alias() -> None:
    items = read("Model ,USER,Tokens-In,Cost_USD,Timestamp\ngpt-4o,alice,12,0.5,1773568931\n")
    (event,) = events(items)
    assert (event.person, event.tokens_in, event.cost_nano, event.currency) == (
        "alice",
        12,
        500_000_000,
        "USD",
    )


def test_a_long_id_becomes_its_hash() -> None:
    text = csv_of(f"{'x' * 65},1773568931,a", f"{'y' * 64},1773568931,a", header="id,at,model")
    long, short = events(read(text))
    assert long.event_id == hashlib.sha256(b"x" * 65).hexdigest()
    assert short.event_id == "y" * 64


def test_credits_are_exact_and_round_half_to_even() -> None:
    text = "\n".join(
        f'{{"id": "{n}", "at": 1773568931, "model": "a", "credits": {value}}}'
        for n, value in enumerate(("0.0000005", "0.0000015", "0.1", "9007199254.740993"))
    )
    items = read(text)
    assert [event.credits for event in events(items)] == [0, 2, 100_000]
    assert len(rejected(items)) == 1


def test_a_cost_without_a_currency_is_left_out_with_a_note() -> None:
    items = read(csv_of("1773568931,a,2,0.5", header="at,model,credits,cost"))
    assert (events(items)[0].cost_nano, events(items)[0].credits) == (None, 2_000_000)
    assert notes(items) == [(2, "cost without a currency was left out")]


def test_response_time_of_several_prompts_is_left_out_with_a_note() -> None:
    items = read(csv_of("1773568931,a,3,900", header="at,model,prompts,latency_ms"))
    assert (events(items)[0].prompts, events(items)[0].latency_ms) == (3, None)
    assert "left out" in notes(items)[0][1]


def test_a_trial_stands_with_its_arm_in_csv_and_json() -> None:
    (row,) = events(read(csv_of("1773568931,a,7,Test", header="at,model,trial,arm")))
    (record,) = events(read('{"at": 1773568931, "model": "a", "trial": 7, "arm": "control"}'))
    assert [(one.trial, one.arm) for one in (row, record)] == [(7, "test"), (7, "control")]


@pytest.mark.parametrize("half", ["7,", ",test"])
def test_half_of_a_trial_is_left_out_with_a_note(half: str) -> None:
    items = read(csv_of(f"1773568931,a,{half}", header="at,model,trial,arm"))
    assert (events(items)[0].trial, events(items)[0].arm) == (None, None)
    assert notes(items) == [(2, "a trial without its arm, or an arm alone, was left out")]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("7,both", 'arm "both" is none of control, test'),
        ("0,test", "trial is 0"),
        ("x,test", "trial"),
        ("-1,test", "trial is below 0"),
        ("2147483648,test", "trial"),
    ],
)
def test_a_trial_that_cannot_be_is_refused(given: str, words: str) -> None:
    items = read(csv_of(f"1773568931,a,{given}", header="at,model,trial,arm"))
    ((_, reason),) = rejected(items)
    assert words in reason


def test_the_key_of_a_row_without_an_id_is_that_of_the_first_release() -> None:
    (plain,) = events(read(csv_of("1773568931,alpha,12", header="at,model,tokens_in")))
    header = "at,model,tokens_in,trial,arm"
    (drawn,) = events(read(csv_of("1773568931,alpha,12,7,test", header=header)))
    assert (
        plain.event_id
        == drawn.event_id
        == "d5ecf7785c700c7cd3b24f340fd48eebda019f2da0c421883a959d1f1a27af5e"
    )


def test_tags_beyond_the_limit_are_cut_and_counted() -> None:
    many = ";".join(f"tag-{n}" for n in range(25))
    items = read(csv_of(f"1773568931,a,{many}", header="at,model,tags"))
    assert len(events(items)[0].tags) == 20
    assert notes(items) == [(2, "5 tags were cut")]


@pytest.mark.parametrize(
    "at", ["2026-03-14", "3/14/26", "2026-03-14T00:00:00+09:00", "2026-03-14 23:00", "1773446400"]
)
def test_a_day_bucket_keeps_the_date_it_is_labelled_with(at: str) -> None:
    (event,) = events(read(csv_of(f"{at},a,day", header="at,model,granularity")))
    assert event.ts == 1773446400000000


@pytest.mark.parametrize("at", ["2026-03-14 noon", "2026-13-14", "12", "tomorrow"])
def test_a_day_bucket_without_a_date_is_refused(at: str) -> None:
    assert len(rejected(read(csv_of(f"{at},a,day", header="at,model,granularity")))) == 1


def test_an_hour_bucket_starts_at_its_hour() -> None:
    row = csv_of("2026-03-14T10:59:59Z,a,hour", header="at,model,granularity")
    (event,) = events(read(row))
    assert (event.ts, event.prompts) == (1773482400000000, None)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ('{"at": 1773568931}', "model is missing"),
        ('{"model": "a"}', "at is missing"),
        ('{"at": "2014-12-31T23:59:59Z", "model": "a"}', "at lies before 2015"),
        ('{"at": "2093-01-01T00:00:00Z", "model": "a"}', "at lies in the future"),
        ('{"at": "2093-01-01", "granularity": "day", "model": "a"}', "2093-01-01 lies in the f"),
        ('{"at": "2026-03-14", "model": "a"}', "has no time"),
        ('{"at": null, "granularity": "day", "model": "a"}', "at is missing"),
        ('{"at": 1773568931, "model": "a", "tags": "b"}', ""),
        ('{"at": 1773568931, "model": "a", "tags": {}}', "tags is not a list"),
        ('{"at": 1773568931, "model": "a\\u0000"}', "control character"),
        ('{"specversion": "1.0", "id": "a", "data": 7}', "data of the CloudEvent"),
        ("[1, 2]", "not a JSON object"),
        (f'{{"at": 1.{"0" * 200}, "model": "a"}}', "too long"),
    ],
)
def test_a_json_record_is_refused_by_its_first_fault(record: str, words: str) -> None:
    items = read('{"at": 1773568931, "model": "good"}\n' + record)
    assert len(events(items)) == 1 if words else 2
    assert "".join(reason for _, reason in rejected(items)).find(words) >= 0


def test_lists_and_numbers_of_json_are_read_as_such() -> None:
    (event,) = events(read('{"id": 7, "at": 1773568931, "model": "a", "tags": ["x", "y", "x"]}'))
    assert (event.event_id, event.tags) == ("7", ("x", "y"))


def test_an_error_sentence_of_a_provider_is_never_kept() -> None:
    text = '{"at": 1773568931, "model": "a", "ok": false, "error": "You asked: my secret"}'
    assert events(read(text))[0].error is None


def test_names_that_draw_nothing_are_no_names() -> None:
    (event,) = events(read(csv_of("1773568931,\u200b,\u2800\u00ad,2")))
    assert (event.person, event.model) == (None, "Unlabeled")


def test_a_lone_surrogate_is_replaced() -> None:
    (event,) = events(read('{"at": 1773568931, "model": "a\\ud800b"}'))
    assert event.model == "a\ufffdb"
