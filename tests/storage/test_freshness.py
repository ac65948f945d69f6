"""How fresh usage is, by source and at all, on both databases."""

from __future__ import annotations

import sqlalchemy as sa

from storage.engine import reading
from storage.freshness import Freshness, arrived, freshness_of
from storage.timekeys import DAY_US, day_number, to_micros
from tests.analytics.world import World
from tests.cast import NOW, event
from tests.databases import elsewhere

AT = to_micros(NOW)


def test_each_source_has_its_last_day_and_an_event_only_if_recent(engine: sa.Engine) -> None:
    world, today = World(engine), day_number(NOW.date())
    world.write([event(ts=AT - 60_000_000), event(ts=AT - 120_000_000)], source="gateway")
    world.write([event(ts=AT - 9 * DAY_US)], source="bill")
    with reading(engine) as connection:
        found = freshness_of(connection, world.workspace.id, now_us=AT)
    assert found == [
        Freshness("bill", today - 9, None),
        Freshness("gateway", today, AT - 60_000_000),
    ]


def test_what_came_in_is_counted_over_all_workspaces(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        assert arrived(connection) == (0, None)
    other = World(engine, elsewhere(engine).name)
    World(engine).write([event(ts=AT - DAY_US), event(ts=AT - 2 * DAY_US)])
    other.write([event(ts=AT - 5)])
    with reading(engine) as connection:
        assert arrived(connection) == (3, AT - 5)
        assert freshness_of(connection, 1, now_us=AT)[0].newest == AT - DAY_US
