"""Which days a source brought usage on."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from storage.engine import reading
from storage.reading import Days
from storage.source_days import rows_by_source
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
