"""GitHub Copilot reports of every generation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storage.events import MICRO, Granularity, UsageEvent
from storage.timekeys import from_micros
from tests.storage.sources.texts import FIXTURES, events, fixture, notes, read, rejected


def _credits(found: list[UsageEvent]) -> list[int | None]:
    return [event.credits for event in found]


def test_g0_counts_single_requests_at_their_time() -> None:
    found = events(fixture("copilot_g0.csv"))
    assert [event.prompts for event in found] == [1, 1, 1]
    assert _credits(found) == [MICRO, MICRO, 330_000]
    assert {event.granularity for event in found} == {Granularity.EXACT}
    assert len({event.event_id for event in found}) == 3
    assert f"{from_micros(found[0].ts):%Y-%m-%dT%H:%M:%SZ}" == "2025-11-04T00:29:46Z"


def test_g1_is_premium_requests_by_organisation_and_day() -> None:
    found = events(fixture("copilot_g1.csv"))
    assert _credits(found) == [15_000_000, 5_000_000, 330_000, 3_000_000, 900_000]
    assert {event.unit for event in found} == {"premium_request"}
    assert [event.account for event in found] == ["acme-labs"] * 2 + ["acme-org"] * 3
    assert {event.prompts for event in found} == {None}
    assert {event.granularity for event in found} == {Granularity.DAY}


def test_g1_rows_that_differ_only_in_the_quota_flag_both_count() -> None:
    first, second, *_ = events(fixture("copilot_g1.csv"))
    assert first.event_id != second.event_id
    assert replace(first, event_id="", credits=0, cost_nano=0) == (
        replace(second, event_id="", credits=0, cost_nano=0)
    )


def test_usage_without_a_seat_belongs_to_nobody() -> None:
    review = events(fixture("copilot_g1.csv"))[3]
    assert (review.person, review.department) == (None, None)


def test_products_and_automatic_models_are_tags() -> None:
    found = events(fixture("copilot_g1.csv"))
    assert (found[2].tags, found[4].tags) == (("spark",), ("auto",))
    assert found[4].model == "Auto: Claude Haiku 4.5"


def test_g2_states_ai_credits_beside_premium_requests() -> None:
    found = events(fixture("copilot_g2.csv"))
    assert {event.unit for event in found} == {"ai_credit"}
    assert _credits(found) == [140_795_459, 74_911_610, 10_690_217, 13_178_108]
    assert [event.cost_nano for event in found][:2] == [1_407_954_590, 749_116_100]


def test_g2_repairs_the_known_fault_of_april_2026_and_tells_each_row() -> None:
    assert [(line, reason.split(":")[0]) for line, reason in notes(fixture("copilot_g2.csv"))] == [
        (4, "halved"),
        (5, "left out"),
    ]


def test_g3_takes_the_quantity_and_spreadsheet_dates() -> None:
    found = events(fixture("copilot_g3.csv"))
    assert _credits(found) == [859_050_653, 3_107_395]
    assert [f"{from_micros(event.ts):%Y-%m-%d}" for event in found] == ["2026-09-01", "2026-09-02"]
    assert found[0].cost_nano == 8_590_506_534


def test_g4_brings_tokens_where_they_are_stated() -> None:
    first, second = events(fixture("copilot_g4.csv"))
    assert (first.tokens_in, first.tokens_out) == (58_698, 3_319)
    assert (first.cache_read, first.cache_write) == (52_782, 209)
    assert (second.tokens_in, second.cache_write) == (None, None)


def test_the_order_of_columns_does_not_matter() -> None:
    lines = (FIXTURES / "copilot_g4.csv").read_text().splitlines()
    turned = "".join(",".join(reversed(line.split(","))) + "\n" for line in lines)
    assert read(turned) == fixture("copilot_g4.csv")


def test_a_premium_request_without_its_ai_credits_is_refused() -> None:
    text = (FIXTURES / "copilot_g2.csv").read_text().replace("140.795459", "")
    assert rejected(read(text)) == [(2, "aic_quantity is blank")]


def test_amounts_that_do_not_add_up_are_taken_as_stated_and_told() -> None:
    text = (FIXTURES / "copilot_g3.csv").read_text()
    items = read(text.replace("8.590506534,0,", "8.590506534,1,"))
    assert "do not add up" in notes(items)[0][1]
    assert len(events(items)) == 2


def test_a_price_that_does_not_give_the_gross_amount_is_told() -> None:
    text = (FIXTURES / "copilot_g4.csv").read_text()
    items = read(text.replace("ai-credits,0.01,0.912", "ai-credits,0.02,0.912"))
    assert notes(items) == [(2, "quantity times price is not the gross amount; taken as stated")]


def test_a_refund_in_the_net_amount_is_no_reason_to_refuse() -> None:
    text = (FIXTURES / "copilot_g4.csv").read_text()
    items = read(text.replace("0.912657829,0.912657829,0,", "0.912657829,1.912657829,-1,"))
    assert len(events(items)) == 2
    assert notes(items) == []


def test_a_row_without_a_unit_is_refused() -> None:
    text = (FIXTURES / "copilot_g4.csv").read_text().replace("ai-credits,0.01,0.912", ",0.01,0.912")
    assert rejected(read(text)) == [(2, "unit_type is blank")]


@pytest.mark.parametrize(
    ("date", "words"),
    [
        ("31/9/26", '"31/9/26" does not exist'),
        ("", "is missing"),
        ("2026/09/01", "is not a date"),
        ("2026-9-1", "is not a date"),
    ],
)
def test_a_date_that_is_none_is_refused(date: str, words: str) -> None:
    text = (FIXTURES / "copilot_g3.csv").read_text().replace("9/1/26", date)
    ((line, reason),) = rejected(read(text))
    assert (line, words in reason) == (2, True)
