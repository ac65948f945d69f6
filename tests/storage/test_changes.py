"""Changes of the past: ledger, log and rollups agree afterwards, and undo restores exactly."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from storage.change_log import Change
from storage.changes import NoSuchEvent, Repriced, Values
from storage.engine import writing
from storage.events import Granularity, UsageEvent
from storage.timekeys import DAY_US, to_micros
from storage.undo import NothingToUndo, Undone
from storage.workspaces import workspace_by_id
from tests.cast import BOB, NOW, event
from tests.storage.oracle import Tables, stored_tables
from tests.storage.test_ledger import kept
from tests.storage.world import UNPRICED, World, feed, world

A = event(event_id="a", model="alpha")
TODAY = to_micros(NOW) // DAY_US


@pytest.fixture
def place(engine: sa.Engine) -> World:
    return world(engine)


def state(place: World) -> tuple[Tables, list[tuple[object, ...]]]:
    """Rollups, and the ledger without the number of changes."""
    with place.engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT * FROM usage_event ORDER BY source_id, event_id"))
        events = [tuple(row)[:-1] for row in rows]
        details = connection.execute(
            sa.text("SELECT * FROM usage_detail ORDER BY source_id, event_id")
        )
        return stored_tables(place.engine, place.workspace.id), [*events, *map(tuple, details)]


def log(place: World) -> list[tuple[object, ...]]:
    with place.engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT event_id, rev, actor, reason, batch_id FROM usage_change ORDER BY 1, 2")
        )
        return [tuple(row) for row in rows]


# ---- corrections and deletions


def test_a_correction_moves_an_event_reprices_it_and_is_logged(place: World) -> None:
    place.write(A)
    values: Values = {"ts": A.ts - 40 * DAY_US, "model_id": place.labels.model_id("beta")}
    place.correct("a", values)
    place.oracle.known.clear()
    place.oracle.write([replace(A, ts=A.ts - 40 * DAY_US, model="beta")], "feed")
    place.check()
    assert log(place) == [("a", 1, "alice", "a mistake", 0)]


def test_corrected_credits_are_stated_from_then_on(place: World) -> None:
    place.write(replace(A, model=UNPRICED))
    place.correct("a", {"credits": 5})
    place.set_price(UNPRICED, 77)
    place.reprice(TODAY, TODAY)
    assert kept(place).row.credits == 5


def test_a_correction_makes_known_what_was_unknown(place: World) -> None:
    place.write(replace(A, prompts=None, department=None))
    sales = place.labels.department_id(None) + 9
    place.correct("a", {"prompts": 2, "department_id": sales})
    row = kept(place).row
    assert (row.prompts, row.department_id, row.flags, row.credits) == (2, sales, 0, 2_000_000)


def test_a_change_of_nothing_into_nothing_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="before or after"):
        _ = Change(None, None).key


def test_an_empty_workspace_has_nothing_to_reprice(place: World) -> None:
    assert place.reprice(0, TODAY) == Repriced(changed=0, before=0, after=0)


def test_an_event_that_does_not_exist_cannot_be_corrected(place: World) -> None:
    with pytest.raises(NoSuchEvent, match='no event "a"'):
        place.correct("a", {"ok": 0})


def test_an_event_that_was_deleted_may_come_again_and_change_again(place: World) -> None:
    for _ in range(2):
        place.write(A)
        assert place.delete("a") == 1
        place.oracle.known.clear()
        place.check()
    place.write(A)
    place.write(replace(A, rating=5))
    place.check()
    assert [row[1] for row in log(place)] == [1, 2, 3]


# ---- prices


def test_reprice_recomputes_exactly_the_range_and_the_model(place: World) -> None:
    place.write(
        A, event(event_id="b", model="beta"), replace(A, event_id="c", ts=A.ts - 9 * DAY_US)
    )
    place.set_price("alpha", 3_000_000)
    place.set_price("beta", 9_000_000)
    done = place.reprice(TODAY - 1, TODAY + 1, "alpha")
    assert done == Repriced(changed=1, before=1_000_000, after=3_000_000)
    assert [kept(place, name).row.credits for name in "abc"] == [3_000_000, 333_333, 1_000_000]
    assert kept(place).row.multiplier == 3_000_000


def test_only_events_whose_credits_change_are_counted(place: World) -> None:
    place.write(A, replace(A, event_id="s", credits=4), replace(A, event_id="f", ok=False))
    place.set_price("alpha", 3_000_000)
    done = place.reprice(0, TODAY)
    assert done == Repriced(changed=1, before=1_000_000, after=3_000_000)
    assert {kept(place, name).row.multiplier for name in "asf"} == {3_000_000}


def test_repricing_again_changes_nothing(place: World) -> None:
    place.write(
        A, replace(A, event_id="s", credits=4), event(event_id="f", model="alpha", ok=False)
    )
    place.set_price("alpha", 3_000_000)
    place.reprice(0, TODAY)
    place.oracle.reprice()
    place.check()
    again = place.reprice(0, TODAY)
    assert again == Repriced(changed=0, before=0, after=0)


def test_a_factor_given_later_prices_what_was_kept_as_stated(place: World) -> None:
    place.write(replace(A, credits=2_000_000, unit="acu"))
    with writing(place.engine) as connection:
        connection.execute(
            sa.text("INSERT INTO source_factor VALUES (:w, :s, 'acu', 500000)"),
            {"w": place.workspace.id, "s": place.key("a")[0]},
        )
    place.reprice(TODAY, TODAY)
    assert (kept(place).row.credits, kept(place).row.flags & 15) == (1_000_000, 0)


@pytest.mark.parametrize("how", ["reprice", "correct"])
def test_a_price_given_later_decides_the_unit_of_a_workspace_without_one(
    engine: sa.Engine, how: str
) -> None:
    place = world(engine, unit=None)
    place.ledger.write([replace(A, model=UNPRICED)], feed(), now=NOW)
    place.set_price(UNPRICED, 2_000_000)
    if how == "reprice":
        place.reprice(TODAY - 1, TODAY + 1)
    else:
        place.correct("a", {"ok": 1})
    assert (kept(place).row.credits, kept(place).row.flags, unit_of(place)) == (
        2_000_000,
        0,
        "credit",
    )


def unit_of(place: World) -> str | None:
    with place.engine.connect() as connection:
        return workspace_by_id(connection, place.workspace.id).credit_unit


# ---- undo


def test_a_wrong_first_import_taken_back_leaves_the_unit_open(engine: sa.Engine) -> None:
    place = world(engine, unit=None)
    place.import_batch(1)
    wrong = replace(A, event_id="w", credits=5, unit="ai_credit")
    place.ledger.write([wrong, replace(A, event_id="f", ok=False)], feed(1), now=NOW)
    place.undo(1)
    place.ledger.write([replace(A, event_id="f", ok=False)], feed(), now=NOW)
    assert unit_of(place) is None
    assert place.ledger.write([A], feed(), now=NOW).new_unit == "credit"
    assert (kept(place).row.credits, kept(place).row.flags) == (1_000_000, 0)


def test_undo_keeps_the_unit_while_a_priced_row_is_left(place: World) -> None:
    place.import_batch(1)
    place.write(replace(A, event_id="s", credits=0))
    place.write(A, batch_id=1)
    place.undo(1)
    assert unit_of(place) == "credit"


def test_undo_restores_exactly_what_was_there_before(place: World) -> None:
    b, c = event(event_id="b", model="alpha"), event(event_id="c", model="alpha", rating=None)
    place.write(replace(A, task=None, tags=("x",)), replace(b, cost_nano=5, currency="USD"))
    place.replace(day_row("x"), day_row("y"))
    before = state(place)
    place.import_batch(1)
    again = replace(A, tags=("x",))
    place.write(again, replace(b, revision=1, cost_nano=None), c, replace(c, rating=2), batch_id=1)
    place.replace(day_row("x", prompts=3), day_row("z"), batch_id=1)
    assert place.undo(1) == Undone(deleted=2, restored=4)
    assert state(place) == before


def day_row(event_id: str, *, prompts: int = 10) -> UsageEvent:
    day = (TODAY - 5) * DAY_US
    return event(
        event_id=event_id, ts=day, granularity=Granularity.DAY, model="alpha", prompts=prompts
    )


def test_undo_leaves_what_others_changed_since_and_names_it(place: World) -> None:
    place.import_batch(1)
    place.write(A, event(event_id="b", model="alpha"), batch_id=1)
    bob = place.labels.person_id(BOB)
    place.correct("a", {"person_id": bob})
    assert place.undo(1) == Undone(deleted=1, restored=0, kept=(place.key("a"),))
    assert kept(place).row.person_id == bob


def test_imports_undone_from_the_last_to_the_first_leave_nothing(place: World) -> None:
    for number, rating in ((1, None), (2, 4)):
        place.import_batch(number)
        place.write(replace(A, rating=rating), batch_id=number)
    assert place.undo(2) == Undone(deleted=0, restored=1)
    assert place.undo(1) == Undone(deleted=1, restored=0)
    assert not any(state(place)[0].values())


def test_undoing_the_later_import_does_not_bring_back_an_undone_one(place: World) -> None:
    place.import_batch(1)
    place.replace(day_row("x"), batch_id=1)
    place.import_batch(2)
    place.replace(day_row("y"), batch_id=2)
    assert place.undo(1) == Undone(deleted=0, restored=0)
    assert place.undo(2) == Undone(deleted=1, restored=0)
    assert not any(state(place)[0].values())


def test_an_import_is_undone_once_and_must_exist(place: World) -> None:
    place.import_batch(1)
    place.undo(1)
    for number in (1, 2):
        with pytest.raises(NothingToUndo, match=f"no import {number}"):
            place.undo(number)


def test_an_undone_import_can_be_imported_again(place: World) -> None:
    for number in (1, 2):
        place.import_batch(number)
        assert place.ledger.write([A], feed(number), now=NOW).accepted == 1
        assert place.undo(number).events == 1
