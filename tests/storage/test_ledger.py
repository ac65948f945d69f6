"""What becomes of events that arrive, in the words of the outcome and in the rows that are kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from storage.engine import writing
from storage.events import Granularity, Route, UsageEvent
from storage.labels import Labels, set_home_department
from storage.ledger import ImpossibleEvent, Ledger, Outcome
from storage.records import (
    EVENT,
    FOREIGN_UNIT,
    SKEWED,
    STATED,
    UNCOUNTED,
    UNPRICED,
    LedgerRow,
    Record,
    records,
)
from storage.timekeys import DAY_US, HOUR_US, to_micros
from tests.cast import ALICE, NOW, event
from tests.storage.oracle import stored_tables
from tests.storage.world import UNPRICED as NO_PRICE
from tests.storage.world import World, feed, world

A = event(event_id="a", model="alpha")


@pytest.fixture
def place(sqlite_engine: sa.Engine) -> World:
    return world(sqlite_engine)


def kept(place: World, event_id: str = "a") -> Record:
    with place.engine.connect() as connection:
        (found,) = records(
            connection,
            EVENT.c.workspace_id == place.workspace.id,
            EVENT.c.event_id == event_id,
        )
        return found


def test_ledger_rows_have_the_columns_of_their_table() -> None:
    assert LedgerRow._fields == tuple(column.name for column in EVENT.columns)


def test_nothing_is_an_empty_outcome(place: World) -> None:
    assert place.ledger.write([], feed(), now=NOW) == Outcome()


def test_a_new_event_is_accepted_with_its_frozen_price(place: World) -> None:
    outcome = place.write(A)
    assert (outcome.accepted, outcome.credits, outcome.unpriced) == (1, 1_000_000, 0)
    place.set_price("alpha", 9_000_000)
    place.labels.reload()
    assert place.write(A).duplicate == 1
    assert (kept(place).row.credits, kept(place).row.multiplier) == (1_000_000, 1_000_000)


def test_what_was_unknown_is_filled_once(place: World) -> None:
    place.write(replace(A, task=None, latency_ms=None, ok=None))
    assert place.write(replace(A, rating=4)).merged == 1
    assert place.write(replace(A, rating=4)).duplicate == 1
    row = kept(place).row
    assert (row.rating, row.latency_ms, row.ok, row.rev) == (4, 1500, 1, 1)
    place.check()


@pytest.mark.parametrize(
    ("gap", "credits_micro"), [({"ok": False}, 0), ({"credits": 5}, 5), ({"prompts": 3}, 3_000_000)]
)
def test_credits_are_the_same_whatever_arrives_first(
    place: World, gap: dict[str, object], credits_micro: int
) -> None:
    less = replace(A, **dict.fromkeys(("ok", "latency_ms", *gap)))  # type: ignore[arg-type]  # fields
    more = replace(less, **gap)  # type: ignore[arg-type]  # fields of an event
    place.write(less, more)
    place.write(replace(more, event_id="b"), replace(less, event_id="b"))
    assert [kept(place, name).row.credits for name in "ab"] == [credits_micro] * 2
    place.check()


def test_filling_what_no_price_follows_from_leaves_the_credits_frozen(place: World) -> None:
    place.write(A)
    place.set_price("alpha", 9_000_000)
    place.labels.reload()
    place.write(replace(A, rating=4))
    assert kept(place).row.credits == 1_000_000


def test_a_later_arrival_that_knows_less_takes_nothing_away(place: World) -> None:
    place.write(replace(A, rating=4))
    assert place.write(replace(A, rating=None, person=None, latency_ms=None)).duplicate == 1
    assert kept(place).row.rating == 4


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"tokens_out": 301}, "tokens_out"),
        ({"person": "bob@example.com"}, "person_id"),
        ({"ok": False}, "ok"),
        ({"cost_nano": 8, "currency": "USD"}, "cost_nano"),
        ({"credits": 5}, "stated"),
        ({"tags": ("x",)}, "tags"),
    ],
)
def test_a_contradiction_is_named_and_the_first_stays(
    place: World, changes: dict[str, object], field: str
) -> None:
    first = replace(A, cost_nano=7, currency="USD", credits=4, tags=("y",))
    place.write(first)
    outcome = place.write(replace(first, **changes, rating=5))  # type: ignore[arg-type]  # fields
    assert outcome.conflicts == (("a", (field,)),)
    assert kept(place).row.rating == 0
    place.check()


def test_a_contradiction_in_an_import_is_kept_for_review(place: World) -> None:
    place.write(A)
    for tokens in (1, 2):
        place.write(replace(A, tokens_out=tokens), batch_id=7)
    with place.engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT line, kind, reason, event_id FROM rejected_item ORDER BY line")
        )
        assert [tuple(row) for row in rows] == [
            (-2, "conflict", "tokens_out: kept 300, refused 2", "a"),
            (-1, "conflict", "tokens_out: kept 300, refused 1", "a"),
        ]


def test_a_higher_revision_replaces_through_the_change_log_and_a_lower_one_is_late(
    place: World,
) -> None:
    place.write(A)
    assert place.write(replace(A, tokens_out=1, revision=2)).replaced == 1
    assert place.write(replace(A, tokens_out=5, revision=1)).duplicate == 1
    assert kept(place).row.tokens_out == 1
    place.check()


def test_repeats_in_one_call_meet_each_other(place: World) -> None:
    outcome = place.write(replace(A, rating=None), A, replace(A, rating=3), replace(A, rating=2))
    assert (outcome.accepted, outcome.duplicate, outcome.merged) == (1, 1, 1)
    assert outcome.conflicts == (("a", ("rating",)),)
    place.check()


def test_two_routes_of_one_call_may_differ_in_what_they_measured(place: World) -> None:
    place.write(A)
    trace = replace(A, ts=A.ts + 9, latency_ms=1501, rating=5)
    origin = replace(feed(), route=Route.TRACE)
    assert place.ledger.write([trace], origin, now=NOW).merged == 1
    assert (kept(place).row.ts, kept(place).row.latency_ms) == (A.ts, 1500)


def test_a_fill_prices_what_had_no_price_and_nothing_else(place: World) -> None:
    place.write(replace(A, prompts=None, ok=None), event(event_id="b", model="alpha", ok=None))
    assert kept(place).row.flags & (UNCOUNTED | UNPRICED) == UNCOUNTED | UNPRICED
    place.set_price("alpha", 5_000_000)
    place.labels.reload()
    place.write(A)
    assert (kept(place).row.credits, kept(place).row.flags & UNPRICED) == (5_000_000, 0)
    assert kept(place, "b").row.credits == 1_000_000
    place.check()


def test_an_event_from_the_future_is_stored_at_its_arrival_once(place: World) -> None:
    ahead = replace(A, ts=to_micros(NOW + timedelta(minutes=11)))
    place.ledger.write([ahead], feed(), now=NOW)
    assert kept(place).row.ts == to_micros(NOW)
    assert kept(place).row.flags & SKEWED
    for later in (NOW, NOW + timedelta(hours=1)):
        assert place.ledger.write([ahead], feed(), now=later).duplicate == 1


def test_ten_minutes_ahead_are_believed(place: World) -> None:
    ahead = replace(A, ts=to_micros(NOW + timedelta(minutes=10)))
    place.write(ahead)
    assert kept(place).row.ts == ahead.ts


def test_a_future_day_row_stays_a_whole_day(place: World) -> None:
    row = replace(A, ts=to_micros(NOW) + 3 * DAY_US, granularity=Granularity.DAY)
    place.ledger.replace_slices([row], feed(), now=NOW)
    assert kept(place).row.ts % DAY_US == 0


def test_accounts_of_one_call_are_sources_of_their_own(place: World) -> None:
    events = [replace(A, account=name) for name in ("acme", "umbrella", None)]
    assert place.ledger.write(events, feed(), now=NOW).accepted == 3
    days = stored_tables(place.engine, place.workspace.id)["usage_source_day"]
    assert {key[1] for key in days} == {
        "feed", "feed:acme", "feed:umbrella",
    }  # fmt: skip


def test_a_long_event_id_is_kept_as_its_hash_and_still_recognised(place: World) -> None:
    long = event(event_id="x" * 65, model="alpha")
    assert place.ledger.write([long], feed(), now=NOW).accepted == 1
    assert place.ledger.write([long], feed(), now=NOW).duplicate == 1


@pytest.mark.parametrize("event_id", ["a\0b", "\ud800", "line\nbreak"])
def test_an_event_id_that_a_database_refuses_is_kept_as_its_hash(
    engine: sa.Engine, event_id: str
) -> None:
    place = world(engine)
    odd = event(event_id=event_id, model="alpha", error="a\0b", tags=("\ud800",))
    assert place.ledger.write_one(odd, feed(), now=NOW).accepted == 1
    assert place.ledger.write_one(odd, feed(), now=NOW).duplicate == 1


def test_a_home_department_is_a_snapshot_that_contradicts_nothing(place: World) -> None:
    place.labels.prepare([event(department="Sales")], now=NOW)
    sales, alice = place.labels.department_id("Sales"), place.labels.person_id(ALICE)
    with writing(place.engine) as connection:
        set_home_department(connection, place.workspace.id, alice, department_id=sales)
    place.labels.reload()
    place.ledger.write([replace(A, department=None)], feed(), now=NOW)
    assert kept(place).row.department_id == sales
    assert place.ledger.write([A], feed(), now=NOW).merged == 1
    assert kept(place).row.department_id == place.labels.department_id("Platform")


def test_details_are_kept_only_where_a_source_brings_some(place: World) -> None:
    plain = replace(A, event_id="b", provider=None)
    full = replace(A, cache_read=5, ttft_ms=80, error="429", tags=("x", "y"), reasoning=3)
    place.write(plain, full)
    with place.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT event_id FROM usage_detail")).scalars().all() == [
            "a"
        ]
    detail = kept(place).detail
    assert (detail.cache_read, detail.ttft_ms, detail.error, detail.tags) == (
        5,
        80,
        "429",
        ("x", "y"),
    )


def test_a_cost_without_a_currency_is_kept_and_never_guessed(place: World) -> None:
    place.ledger.write([replace(A, cost_nano=9, currency="dollars")], feed(), now=NOW)
    assert (kept(place).detail.cost_nano, kept(place).detail.currency) == (9, None)
    assert not stored_tables(place.engine, place.workspace.id)["cost_day"]


def test_a_person_who_becomes_known_brings_the_department(place: World) -> None:
    place.labels.prepare([event(department="Sales")], now=NOW)
    sales, alice = place.labels.department_id("Sales"), place.labels.person_id(ALICE)
    with writing(place.engine) as connection:
        set_home_department(connection, place.workspace.id, alice, department_id=sales)
    place.labels.reload()
    unnamed = replace(A, department=None)
    place.ledger.write([replace(unnamed, person=None)], feed(), now=NOW)
    assert place.ledger.write([unnamed], feed(), now=NOW).merged == 1
    assert (kept(place).row.person_id, kept(place).row.department_id) == (alice, sales)


def test_credits_stated_later_count_and_stay_when_prices_are_renewed(place: World) -> None:
    place.write(A)
    assert place.write(replace(A, credits=5)).merged == 1
    assert place.write(replace(A, credits=6)).conflicts == (("a", ("stated",)),)
    place.reprice(0, A.ts // DAY_US + 1)
    assert kept(place).row.credits == 5


# ---- units


def test_the_first_unit_that_is_imported_becomes_the_credit(sqlite_engine: sa.Engine) -> None:
    place = world(sqlite_engine, unit=None)
    silent = event(event_id="s", model=NO_PRICE)
    assert place.ledger.write([silent], feed(), now=NOW).new_unit is None
    stated = replace(A, credits=3, unit="ai_credit")
    outcome = place.ledger.write([stated, event(model="alpha")], feed(), now=NOW)
    assert (outcome.new_unit, outcome.credits, outcome.unpriced) == ("ai_credit", 3, 1)
    assert kept(place).row.flags == STATED
    assert place.ledger.write([replace(stated, event_id="b")], feed(), now=NOW).new_unit is None


def test_a_ledger_opened_before_another_decided_the_unit_follows_it(engine: sa.Engine) -> None:
    first = world(engine, unit=None)
    second = Ledger(engine, first.workspace, Labels(engine, first.workspace.id))
    first.ledger.write([replace(A, credits=3, unit="ai_credit")], feed(), now=NOW)
    outcome = second.write([event(credits=4, unit="acu")], feed(), now=NOW)
    assert (outcome.new_unit, outcome.unpriced) == (None, 1)


def test_another_unit_is_kept_as_stated_and_shown_as_unpriced(place: World) -> None:
    place.write(replace(A, credits=2_000_000, unit="premium_request"))
    found = kept(place)
    assert (found.row.credits, found.row.flags & ~16) == (0, UNPRICED | FOREIGN_UNIT)
    assert (found.detail.amount, found.detail.unit) == (2_000_000, "premium_request")


def test_a_factor_of_the_source_counts_from_the_next_call_on(place: World) -> None:
    source_id = place.labels.source_id("feed", "events", now=NOW)
    with writing(place.engine) as connection:
        connection.execute(
            sa.text("INSERT INTO source_factor VALUES (:w, :s, 'premium_request', 100000)"),
            {"w": place.workspace.id, "s": source_id},
        )
    stated = replace(A, credits=2_000_000, unit="premium_request")
    assert place.ledger.write([stated], feed(), now=NOW).credits == 200_000


# ---- slices

DAY = to_micros(NOW) // DAY_US * DAY_US - 5 * DAY_US


def day_row(
    event_id: str, *, prompts: int = 10, day: int = 0, account: str | None = None
) -> UsageEvent:
    return event(
        event_id=event_id,
        ts=DAY + day * DAY_US,
        granularity=Granularity.DAY,
        model="alpha",
        prompts=prompts,
        account=account,
    )


def test_a_slice_is_replaced_as_a_whole_and_the_next_day_is_left_alone(place: World) -> None:
    place.replace(day_row("x"), day_row("y"), day_row("next", day=1))
    outcome = place.replace(day_row("x", prompts=11), day_row("z"))
    assert (outcome.accepted, outcome.replaced, outcome.removed) == (1, 1, 1)
    place.check()


def test_the_same_slices_again_change_nothing_and_log_nothing(engine: sa.Engine) -> None:
    place = world(engine)
    rows = [day_row(name, day=day) for day, name in enumerate("xyz")]
    place.replace(*rows)
    outcome = place.replace(*rows)
    assert (outcome.duplicate, outcome.accepted, outcome.removed) == (3, 0, 0)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM usage_change")).scalar() == 0
    place.check()


def test_a_slice_of_one_account_leaves_the_others_alone(place: World) -> None:
    rows = [day_row("x", account="acme"), day_row("y", account="umbrella")]
    place.ledger.replace_slices(rows, feed(), now=NOW)
    outcome = place.ledger.replace_slices([day_row("z", account="acme")], feed(), now=NOW)
    assert (outcome.accepted, outcome.removed) == (1, 1)
    assert kept(place, "y").row.prompts == 10


def test_a_row_that_moved_to_another_day_is_moved_and_not_doubled(place: World) -> None:
    place.replace(day_row("x"))
    assert place.replace(day_row("x", day=1)).replaced == 1
    place.check()


def test_the_hours_of_a_day_are_one_slice(place: World) -> None:
    hours = [
        replace(day_row(f"h{n}"), granularity=Granularity.HOUR, ts=DAY + n * HOUR_US)
        for n in range(3)
    ]
    place.replace(*hours)
    assert place.replace(hours[0]).removed == 2
    place.check()


def test_a_slice_from_the_future_is_the_same_when_it_comes_again(place: World) -> None:
    row = replace(day_row("x"), ts=to_micros(NOW) + 3 * DAY_US)
    for later in (NOW, NOW + timedelta(days=1)):
        outcome = place.ledger.replace_slices([row], feed(), now=later)
    assert (outcome.duplicate, outcome.replaced) == (1, 0)


# ---- refusals and rivals


@pytest.mark.parametrize(
    "changes", [{"prompts": -1}, {"credits": -1}, {"rating": 6}, {"tokens_in": 10**30}]
)
def test_impossible_numbers_are_named_and_nothing_is_kept(
    engine: sa.Engine, changes: dict[str, object]
) -> None:
    place = world(engine)
    with pytest.raises(ImpossibleEvent, match='event "a" has'):
        place.ledger.write([event(model="alpha"), replace(A, **changes)], feed(), now=NOW)  # type: ignore[arg-type]  # fields
    assert not any(stored_tables(engine, place.workspace.id).values())


def test_a_fault_of_our_own_is_not_dressed_up_as_one_of_the_source(place: World) -> None:
    source_id = place.labels.source_id("feed", "events", now=NOW)
    with writing(place.engine) as connection:
        connection.execute(
            sa.text(
                "INSERT INTO usage_detail (workspace_id, source_id, event_id, revision) "
                "VALUES (:w, :s, 'a', 0)"
            ),
            {"w": place.workspace.id, "s": source_id},
        )
    with pytest.raises(sa.exc.IntegrityError):
        place.ledger.write([A], feed(), now=NOW)


def test_two_writers_at_once_count_an_event_once(engine: sa.Engine) -> None:
    place = world(engine)
    batches = [[event(event_id=f"e{n}", model="alpha") for n in range(3000)] for _ in range(2)]
    batches[1].reverse()  # unsorted, the two would wait for each other
    ledgers = [Ledger(engine, place.workspace, Labels(engine, place.workspace.id)) for _ in batches]
    with ThreadPoolExecutor(2) as pool:
        runs = [
            pool.submit(ledger.write, batch[start : start + 1500], feed(), now=NOW)
            for start in (0, 1500)
            for ledger, batch in zip(ledgers, batches, strict=True)
        ]
        outcomes = [run.result() for run in runs]
    assert sum(outcome.accepted for outcome in outcomes) == 3000
    assert sum(outcome.duplicate + outcome.conflicting for outcome in outcomes) == 3000
    place.oracle.write(batches[0], "feed")
    place.check()
