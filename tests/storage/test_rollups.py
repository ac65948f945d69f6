"""The most important test of storage: rollups equal the ledger, whatever happens in which order.

A fault here is found late and costs history.  The oracle is plain Python over the events.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.cells import TABLES
from storage.changes import Values, delete
from storage.engine import writing
from storage.events import Granularity, UsageEvent
from storage.rebuild import rebuild
from storage.rollups import Rollup
from storage.timekeys import DAY_US, HOUR_US
from storage.verify import verify
from tests.cast import ALICE, BOB, NOW, event
from tests.databases import sqlite_from
from tests.storage.oracle import Fact, stored_tables
from tests.storage.world import UNPRICED, World, at, spread, world

ZONES = ("America/New_York", "Asia/Kathmandu", "Africa/Cairo")
# Ends of a month, of a day, of both kinds of clock change; everything else lies between.
MOMENTS = sorted(
    at(text, zone) + us
    for zone in ZONES
    for text in ("2026-02-28T23:59:59", "2026-03-01T00:00", "2026-03-08T03:00", "2025-11-02T01:30")
    for us in (0, 999_999)
)
DAYS = [at(f"2026-03-{day:02}", "UTC") for day in (1, 2)]
numbers = itertools.count()


def sometimes(value: object) -> st.SearchStrategy[object]:
    return st.sampled_from([value, value, None])


events = st.builds(
    event,
    event_id=st.sampled_from(["a", "b", "c", "d"]),
    ts=st.sampled_from(MOMENTS),
    granularity=st.sampled_from([Granularity.EXACT, Granularity.EXACT, Granularity.HOUR]),
    model=st.sampled_from(["alpha", "beta", UNPRICED]),
    person=st.sampled_from([ALICE, BOB, None]),
    department=sometimes("Platform"),
    project=sometimes("Atlas"),
    task=sometimes("coding"),
    provider=sometimes("openai"),
    prompts=st.sampled_from([1, 1, 3, None]),
    ok=st.sampled_from([True, False, None]),
    credits=st.sampled_from([None, None, 700_000]),
    cost_nano=st.sampled_from([12_000_000, 12_000_000, -12_000_000, None]),
    currency=st.just("USD"),
    tokens_in=st.sampled_from([None, 0, 1200]),
    tokens_out=st.sampled_from([None, 0, 300]),
    latency_ms=st.sampled_from([None, 1, 1500, 700_000]),
    ttft_ms=st.sampled_from([None, None, 0, 400, 1500]),
    rating=st.sampled_from([None, 1, 5]),
    revision=st.sampled_from([0, 0, 0, 1]),
).map(lambda e: replace(e, latency_ms=min(e.latency_ms, 600_000) if e.latency_ms else None))
# The same event again, mostly: independent ones nearly always contradict each other.
again = st.builds(
    lambda e, gaps: (e, *(replace(e, **{name: None}) for name in gaps), e),
    events,
    st.lists(
        st.sampled_from(
            ["person", "task", "rating", "ok", "prompts", "credits", "cost_nano", "ttft_ms"]
        ),
        max_size=3,
    ),
)
rows = st.builds(
    event,
    event_id=st.sampled_from(["x", "y", "z"]),
    ts=st.sampled_from(DAYS),
    granularity=st.just(Granularity.DAY),
    model=st.sampled_from(["alpha", UNPRICED]),
    prompts=st.sampled_from([None, 0, 40]),
    credits=st.sampled_from([None, 40_000_000]),
    latency_ms=st.none(),
    ok=st.none(),
)


@dataclass(frozen=True)
class Step:
    """Something that happens to a workspace."""

    kind: str
    events: tuple[UsageEvent, ...] = ()
    event_id: str = "a"

    def happen(self, place: World) -> None:
        """Do it to the ledger and to the oracle."""
        getattr(self, self.kind)(place)

    def write(self, place: World) -> None:
        place.write(*self.events)

    def slices(self, place: World) -> None:
        place.replace(*self.events)

    def twice(self, place: World) -> None:
        place.write(*self.events)
        before = stored_tables(place.engine, place.workspace.id)
        place.ledger.write(self.events, place.feed(), now=NOW)
        assert stored_tables(place.engine, place.workspace.id) == before

    def undone(self, place: World) -> None:
        known = dict(place.oracle.known)
        number = place.import_batch(next(numbers) + 1)
        place.write(*self.events, batch_id=number)
        undone = place.undo(number)
        assert undone.kept == ()
        place.oracle.known = known

    def slices_undone(self, place: World) -> None:
        known = dict(place.oracle.known)
        number = place.import_batch(next(numbers) + 1)
        place.replace(*self.events, batch_id=number)
        assert place.undo(number).kept == ()
        place.oracle.known = known

    def deleted(self, place: World) -> None:
        known = place.oracle.known.pop(("feed", self.event_id), None)
        gone = place.delete(self.event_id)
        assert gone == (known is not None)

    def corrected(self, place: World) -> None:
        fact = place.oracle.known.get(("feed", self.event_id))
        if fact is None:
            return
        values: Values = {
            "ts": MOMENTS[0],
            "person_id": place.labels.person_id(BOB),
            "model_id": place.labels.model_id("beta"),
        }
        place.correct(self.event_id, values)
        changed = replace(fact.event, person=BOB, model="beta", ts=MOMENTS[0])
        place.oracle.known["feed", self.event_id] = Fact(
            changed, "feed", place.oracle.credits(changed)
        )

    def repriced(self, place: World) -> None:
        place.set_price("alpha", 2_500_000)
        place.reprice(DAYS[0] // DAY_US - 200, DAYS[0] // DAY_US + 200)
        place.oracle.reprice()


some_events = st.one_of(st.lists(events, min_size=1, max_size=4).map(tuple), again)
some_rows = st.lists(rows, min_size=1, max_size=3, unique_by=lambda row: row.event_id).map(tuple)
steps = st.one_of(
    st.builds(Step, st.sampled_from(["write", "write", "twice", "undone"]), some_events),
    st.builds(Step, st.sampled_from(["slices", "slices", "slices_undone"]), some_rows),
    st.builds(
        Step,
        st.sampled_from(["deleted", "corrected", "repriced"]),
        event_id=st.sampled_from(["a", "b"]),
    ),
)


@given(zone=st.sampled_from(ZONES), happened=st.lists(steps, min_size=3, max_size=9))
@settings(max_examples=40)
def test_rollups_equal_the_ledger_in_any_order_of_events(
    zone: str, happened: list[Step], sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with sqlite_from(sqlite_template, tmp_path_factory.mktemp("rollups")) as engine:
        place = world(engine, zone)
        for step in happened:
            step.happen(place)
        place.check()
        rebuild(engine, place.workspace)
        assert stored_tables(engine, place.workspace.id) == place.oracle.tables()


def _mix(place: World) -> None:
    """A fixed mix of everything, for the engine that is slower to start."""
    base = [
        event(event_id=f"e{n}", ts=ts, model=("alpha", "beta", UNPRICED)[n % 3], cost_nano=n * 1000)
        for n, ts in enumerate(MOMENTS)
    ]
    base = [replace(e, currency="EUR", rating=None, task=None, ttft_ms=200) for e in base]
    rated = [replace(e, rating=4, task="review") for e in base[:5]]
    contradicting = [replace(e, tokens_out=1) for e in base[5:8]]
    day_rows = [
        event(
            event_id=f"d{n}", ts=DAYS[n % 2], granularity=Granularity.DAY, model="alpha", prompts=n
        )
        for n in range(4)
    ]
    revised = [replace(e, revision=1, prompts=2) for e in base[:4]]
    for step in (
        Step("write", (*base, *base[:3])),
        Step("twice", (*rated, *contradicting)),
        Step("slices", tuple(day_rows)),
        Step("slices_undone", tuple(day_rows[:1])),
        Step("undone", (*revised, event(model="beta"))),
        Step("corrected", event_id="e3"),
        Step("deleted", event_id="e7"),
        Step("repriced"),
        Step("slices", tuple(replace(row, prompts=None) for row in day_rows[1:])),
    ):
        step.happen(place)


def test_rollups_equal_the_ledger_after_a_mix_on_every_engine(engine: sa.Engine) -> None:
    place = world(engine)
    _mix(place)
    place.check()
    before = stored_tables(engine, place.workspace.id)
    rebuild(engine, place.workspace)
    assert stored_tables(engine, place.workspace.id) == before


def test_the_same_batch_twice_changes_nothing(engine: sa.Engine) -> None:
    place = world(engine)
    batch = spread(range(MOMENTS[0], MOMENTS[0] + 30))
    place.write(*batch)
    before = stored_tables(engine, place.workspace.id), _ledger(engine)
    assert place.write(*batch).duplicate == 30
    assert (stored_tables(engine, place.workspace.id), _ledger(engine)) == before


def _ledger(engine: sa.Engine) -> list[sa.Row[tuple[object, ...]]]:
    with engine.connect() as connection:
        order = "workspace_id, source_id, event_id"
        ledger = connection.execute(sa.text(f"SELECT * FROM usage_event ORDER BY {order}"))  # noqa: S608  # our names
        changes = connection.execute(sa.text(f"SELECT rev FROM usage_change ORDER BY {order}, rev"))  # noqa: S608  # our names
        return [*ledger, *changes]


def test_two_workspaces_share_nothing(sqlite_engine: sa.Engine) -> None:
    ours, theirs = world(sqlite_engine), world(sqlite_engine, "Asia/Kathmandu")
    _mix(ours)
    theirs.write(event(event_id="e0", ts=MOMENTS[0], model="beta"))
    ours.check()
    theirs.check()
    _mix(theirs)
    rebuild(sqlite_engine, theirs.workspace)
    ours.check()


def test_deleting_everything_leaves_no_cell(sqlite_engine: sa.Engine) -> None:
    place = world(sqlite_engine)
    _mix(place)
    with sqlite_engine.connect() as connection:
        keys = connection.execute(sa.text("SELECT source_id, event_id FROM usage_event")).all()
    gone = delete(
        sqlite_engine, place.workspace, [tuple(k) for k in keys], actor="t", reason="t", now=NOW
    )
    assert gone == len(keys) > 10
    assert not any(stored_tables(sqlite_engine, place.workspace.id).values())


@pytest.mark.parametrize("rollup", TABLES, ids=lambda rollup: rollup.name)
def test_verify_names_damage_and_rebuild_repairs_it(
    sqlite_engine: sa.Engine, rollup: Rollup
) -> None:
    place = world(sqlite_engine)
    _mix(place)
    table, measure = rollup.table, rollup.measures[0]
    with writing(sqlite_engine) as connection:
        cell = connection.execute(sa.select(table)).first()
        assert cell is not None
        here = sa.and_(*(table.c[k] == getattr(cell, k) for k in ("workspace_id", *rollup.keys)))
        connection.execute(sa.update(table).where(here).values({measure: table.c[measure] + 1}))
    damage = list(verify(sqlite_engine, place.workspace))
    key = tuple(getattr(cell, name) for name in rollup.keys)
    assert [(found.table, found.key) for found in damage] == [(rollup.name, key)]
    rebuild(sqlite_engine, place.workspace)
    place.check()


def test_verify_names_a_lost_cell_and_an_invented_one(sqlite_engine: sa.Engine) -> None:
    place = world(sqlite_engine)
    place.write(event(model="alpha"))
    with writing(sqlite_engine) as connection:
        connection.execute(sa.text("DELETE FROM usage_hour"))
        connection.execute(sa.text("UPDATE usage_task_day SET task_id = 77"))
    found = [
        (d.table, d.ledger is None, d.rollup is None)
        for d in verify(sqlite_engine, place.workspace)
    ]
    assert found == [
        ("usage_hour", False, True),
        ("usage_task_day", True, False),
        ("usage_task_day", False, True),
    ]


def test_rebuild_of_a_range_leaves_other_months_alone(sqlite_engine: sa.Engine) -> None:
    place = world(sqlite_engine)
    place.write(*spread(MOMENTS))
    with writing(sqlite_engine) as connection:
        connection.execute(sa.text("UPDATE usage_day SET prompts = prompts + 1"))
    march = DAYS[0] // DAY_US
    rebuild(sqlite_engine, place.workspace, first_day=march, last_day=march + 1)
    days = [found.key[0] for found in verify(sqlite_engine, place.workspace)]
    assert days
    assert all(day < march for day in days)


def test_a_new_zone_is_a_rebuild(sqlite_engine: sa.Engine) -> None:
    place = world(sqlite_engine)
    place.write(*spread(MOMENTS))
    moved = replace(place.workspace, zone="Asia/Kathmandu")
    done: list[tuple[int, int]] = []
    read = rebuild(sqlite_engine, moved, progress=lambda *step: done.append(step))
    place.oracle.zone = ZoneInfo("Asia/Kathmandu")
    assert stored_tables(sqlite_engine, moved.id) == place.oracle.tables()
    assert read == len(MOMENTS)
    assert done == [(n, len(done)) for n in range(1, len(done) + 1)]


@pytest.mark.parametrize(
    ("zone", "start", "hours"),
    [
        ("America/New_York", "2026-03-08T00:00", 23),
        ("America/New_York", "2025-11-02T00:00", 25),
        ("Asia/Kathmandu", "2026-03-08T00:00", 24),
        ("Africa/Cairo", "2026-04-24T01:00", 23),  # its midnight does not exist
    ],
)
def test_every_hour_of_a_day_is_in_that_day(
    sqlite_engine: sa.Engine, zone: str, start: str, hours: int
) -> None:
    place = world(sqlite_engine, zone)
    number = (datetime.fromisoformat(start).date() - date(1970, 1, 1)).days
    first = at(start, zone)
    inside = [first + hour * HOUR_US for hour in range(hours)]
    later = NOW + timedelta(days=60)
    place.write(*spread([first - 1, *inside, first + hours * HOUR_US]), now=later)
    place.check()
    tables = stored_tables(sqlite_engine, place.workspace.id)
    assert tables["usage_day"][number, "alpha"][0] == hours
    assert len(tables["usage_hour"]) == hours + 2


def test_a_day_row_keeps_its_utc_date_and_is_in_no_hour(sqlite_engine: sa.Engine) -> None:
    place = world(sqlite_engine)
    place.replace(event(ts=DAYS[0], granularity=Granularity.DAY, model="alpha", prompts=9))
    tables = stored_tables(sqlite_engine, place.workspace.id)
    assert list(tables["usage_day"]) == [(DAYS[0] // DAY_US, "alpha")]
    assert not tables["usage_hour"]
    assert not tables["lat_model_day"]


def test_what_is_unknown_is_counted_as_unknown_and_never_as_zero(sqlite_engine: sa.Engine) -> None:
    place = world(sqlite_engine)
    place.write(
        event(ts=MOMENTS[0], model="alpha", prompts=None),
        event(ts=MOMENTS[0], model=UNPRICED),
        event(ts=MOMENTS[0], model="alpha", prompts=0),
    )
    cells = stored_tables(sqlite_engine, place.workspace.id)["usage_day"]
    named = {key[1]: cell[:5] for key, cell in cells.items()}
    assert named == {"alpha": (2, 0, 0, 1, 1), UNPRICED: (1, 1, 0, 0, 1)}


def test_a_cost_counts_only_known_prompts_and_its_refund_leaves_no_cell(
    sqlite_engine: sa.Engine,
) -> None:
    place = world(sqlite_engine)
    cost = event(model="alpha", prompts=None, cost_nano=7, currency="USD")
    place.write(cost)
    tables = stored_tables(sqlite_engine, place.workspace.id)
    assert list(tables["cost_day"].values()) == [(7, 0)]
    place.write(replace(cost, event_id="refund", cost_nano=-7))
    assert not stored_tables(sqlite_engine, place.workspace.id)["cost_day"]
    place.check()


def test_the_first_token_of_what_were_several_prompts_does_not_count(engine: sa.Engine) -> None:
    place = world(engine)
    place.write(event(event_id="one", model="alpha", ttft_ms=300))
    assert list(stored_tables(engine, place.workspace.id)["speed_day"].values()) == [
        (300, 1, 1200, 300)
    ]
    place.correct("one", Values(prompts=3, ok=0, ok_n=0, latency_ms=None, rating=0))
    assert not stored_tables(engine, place.workspace.id)["speed_day"]
