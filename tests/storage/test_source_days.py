"""Which days a source brought usage on."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from storage.engine import reading
from storage.events import MICRO
from storage.reading import Days
from storage.source_days import credits_by_source, rows_by_source, source_names
from storage.timekeys import day_number, to_micros
from tests.analytics.world import World
from tests.cast import NOW, event
from tests.databases import elsewhere

TODAY = day_number(NOW.date())


def test_rows_are_counted_by_source_and_day_of_one_workspace(engine: sa.Engine) -> None:
    world, ago = World(engine), to_micros(NOW - timedelta(days=2))
    world.write([event(), event(), event(ts=ago)], source="gateway:acme")
    world.write([event(ts=ago)], source="editor:acme")
    with reading(engine) as connection:
        found = rows_by_source(connection, 1, Days(TODAY - 2, TODAY + 1))
        assert {source.name: by_day for source, by_day in found.items()} == {
            "gateway:acme": {TODAY: 2, TODAY - 2: 1},
            "editor:acme": {TODAY - 2: 1},
        }
        assert list(rows_by_source(connection, 1, Days(TODAY, TODAY + 1)).values()) == [{TODAY: 2}]
        assert rows_by_source(connection, elsewhere(engine).id, Days(0, TODAY + 1)) == {}


def test_credits_of_sources_add_up_to_all(engine: sa.Engine) -> None:
    world, ago = World(engine), to_micros(NOW - timedelta(days=2))
    world.write([event(), event(ts=ago)], source="gateway:acme")
    world.write([event()], source="editor:acme")
    with reading(engine) as connection:
        names = source_names(connection, 1)
        found = credits_by_source(connection, 1, Days(TODAY, TODAY + 1))
        assert {names[key] for key in found} == {"gateway:acme", "editor:acme"}
        assert sum(found.values()) == 4 * MICRO  # two a prompt
        assert credits_by_source(connection, elsewhere(engine).id, Days(0, TODAY + 1)) == {}
