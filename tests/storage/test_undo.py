"""An import taken back leaves what other imports of the same days said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from storage.engine import reading, writing
from storage.events import Granularity, UsageEvent
from storage.import_log import BATCH as BATCHES
from storage.import_log import Exports
from storage.intake import Slice
from storage.timekeys import DAY_US, to_micros
from storage.undo import Undone
from tests.cast import NOW, event
from tests.storage.world import World, feed, world

FIRST_DAY = to_micros(NOW) // DAY_US - 9


@pytest.fixture
def place(engine: sa.Engine) -> World:
    return world(engine)


def export(place: World, number: int, **prompts: int) -> None:
    """Import an export: prompts by the name of the row; `d3_x` is a row of day 3."""
    place.import_batch(number)
    rows = [day_row(name, count) for name, count in prompts.items()]
    place.ledger.replace_slices(rows, feed(number), now=NOW, admit=admit_all(place, number))


def day_row(name: str, prompts: int) -> UsageEvent:
    return event(
        event_id=name,
        ts=(FIRST_DAY + int(name[1])) * DAY_US,
        granularity=Granularity.DAY,
        model="alpha",
        prompts=prompts,
    )


def admit_all(place: World, number: int) -> Callable[[sa.Connection, set[Slice]], set[Slice]]:
    def admit(connection: sa.Connection, slices: set[Slice]) -> set[Slice]:
        Exports(connection, place.workspace.id).note(slices, number * 1000, batch_id=number)
        return slices

    return admit


def left(place: World) -> dict[str, int]:
    with reading(place.engine) as connection:
        rows = connection.execute(sa.text("SELECT event_id, prompts FROM usage_event"))
        return {row.event_id: row.prompts for row in rows}


def test_days_that_a_later_import_brought_too_stay_as_it_said(place: World) -> None:
    export(place, 1, d1_x=10, d2_x=20, d4_x=40)
    export(place, 2, d1_x=10, d2_x=25, d3_x=5)
    key = place.labels.source_id("feed", "events", now=NOW), "d2_x"
    assert place.undo(1) == Undone(deleted=1, restored=0, kept=(key,), confirmed=1)
    assert left(place) == {"d1_x": 10, "d2_x": 25, "d3_x": 5}
    place.undo(2)
    assert left(place) == {}


@pytest.mark.parametrize(
    "order", [(1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)]
)
def test_imports_undone_in_any_order_leave_what_the_last_one_left_said(
    place: World, order: tuple[int, ...]
) -> None:
    said = {1: {"d1_x": 8, "d1_z": 3}, 2: {"d1_x": 10}, 3: {"d1_x": 10, "d1_y": 1}}
    for number, prompts in said.items():
        export(place, number, **prompts)
    for number in order:
        place.undo(number)
        del said[number]
        assert left(place) == (said[max(said)] if said else {})


def test_undo_finds_what_claimed_to_be_from_the_future_and_leaves_other_imports(
    place: World,
) -> None:
    late, old = to_micros(NOW + timedelta(days=3)), to_micros(NOW - timedelta(days=40))
    for number, ts in ((1, late), (2, old)):
        place.import_batch(number)
        place.write(event(model="alpha", ts=ts), event(model="alpha", ts=ts + 1), batch_id=number)
        with writing(place.engine) as connection:
            connection.execute(
                sa.update(BATCHES)
                .where(BATCHES.c.id == number)
                .values(first_ts=ts, last_ts=ts + 1, finished_at=NOW)
            )
    assert place.undo(1) == Undone(deleted=2, restored=0)
    assert place.undo(2) == Undone(deleted=2, restored=0)
