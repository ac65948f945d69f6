"""Reading: every crossing gives the same sums from whatever table answers it.

The oracle is a plain Python sum over the events, so no engine is its own judge.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from random import Random
from typing import cast, get_args

import pytest
import sqlalchemy as sa

from storage.catalog import Catalog
from storage.crossings import Days, Hours, Key, RangeTooLong, Span, split_months
from storage.engine import reading
from storage.errors import TooSlow
from storage.events import Granularity, Route, UsageEvent
from storage.labels import Labels
from storage.ledger import Ledger, Origin
from storage.reading import Reader
from storage.timekeys import DAY_US, Clock, first_day, to_micros
from storage.workspaces import find_workspace
from tests.cast import NOW, event

MODELS = ("gpt-4o", "claude-3-haiku", "o3-mini")
DIMENSIONS: tuple[Key, ...] = ("model", "person", "department", "project", "task")
By = tuple[Key, ...]
Where = Mapping[str, Sequence[int]]
MEASURES = ("events", "prompts", "credits")
PRICES = {"gpt-4o": 2_000_000, "claude-3-haiku": 500_000, "o3-mini": 1_000_000}


def some_events(count: int, days: int) -> list[UsageEvent]:
    """Usage over the last days with every label, sometimes unknown."""
    random = Random(5)  # noqa: S311  # a fixed sample
    start = to_micros(NOW)
    return [
        event(
            ts=start - random.randrange(days * DAY_US),
            model=random.choice(MODELS),
            person=random.choice(("ann@example.com", "ben@example.com", None)),
            department=random.choice(("Sales", "Growth", None)),
            project=random.choice(("Atlas", "Hermes", None)),
            task=random.choice(("coding", "mail", None)),
        )
        for _ in range(count)
    ]


class Ledgered:
    """Events in a real ledger, and the ids they got."""

    def __init__(self, engine: sa.Engine, events: Sequence[UsageEvent]) -> None:
        self.engine, self.events = engine, events
        with reading(engine) as connection:
            self.workspace = find_workspace(connection, None)
        self.labels = Labels(engine, self.workspace.id)
        ledger = Ledger(engine, self.workspace, self.labels)
        exact = [e for e in events if e.granularity == Granularity.EXACT]
        ledger.write(exact, Origin("feed", "events", Route.FILE), now=NOW)
        days = [e for e in events if e.granularity == Granularity.DAY]
        ledger.replace_slices(days, Origin("bill", "copilot", Route.FILE), now=NOW)
        self.clock: Clock = self.workspace.clock()

    def key(self, one: UsageEvent, name: Key) -> int:
        """The id or time key of an event."""
        if name == "day":
            return self.clock.keys(one.ts, one.granularity).day
        if name == "bucket":
            return self.clock.bucket(one.ts)
        find: Callable[[str | None], int] = getattr(self.labels, f"{name}_id")
        return find(getattr(one, name))

    def expected(self, by: By, span: Span, where: Where) -> list[tuple[int, ...]]:
        """The rows that a reader must give, sorted."""
        sums: dict[tuple[int, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
        for one in self.events:
            time: Key = "day" if isinstance(span, Days) else "bucket"
            if isinstance(span, Hours) and one.granularity == Granularity.DAY:
                continue
            inside = span.first <= self.key(one, time) < span.end
            if inside and all(
                self.key(one, cast("Key", name)) in ids for name, ids in where.items()
            ):
                prompts = one.prompts or 0
                cell = sums[tuple(self.key(one, name) for name in by)]
                for index, value in enumerate((1, prompts, PRICES[one.model] * prompts)):
                    cell[index] += value
        return sorted((*key, *cell) for key, cell in sums.items())

    def rows(self, by: By, span: Span, where: Where) -> list[tuple[int, ...]]:
        """What the reader gives, sorted."""
        with reading(self.engine) as connection:
            catalog = Catalog.load(connection, self.workspace.id)
            reader = Reader(connection, self.workspace, catalog)
            return sorted(reader.sums(by, MEASURES, span, where))


@pytest.fixture
def month(engine: sa.Engine) -> Ledgered:
    """A month of usage, with rows that only know their day."""
    events = some_events(250, 28)
    day = to_micros(NOW) // DAY_US * DAY_US
    events += [
        event(
            ts=day - number * DAY_US,
            granularity=Granularity.DAY,
            prompts=7,
            ok=None,
            latency_ms=None,
            task=None,
        )
        for number in range(1, 6)
    ]
    return Ledgered(engine, events)


def test_every_crossing_of_a_month_is_exact(month: Ledgered) -> None:
    today = month.clock.day(NOW)
    span = Days(today - 27, today + 1)
    narrow: list[Where] = [{}]
    narrow += [{name: (1, 0)} for name in DIMENSIONS]
    narrow += [{"person": (1,), "task": (1, 2)}, {"model": (month.key(month.events[0], "model"),)}]
    for size in (0, 1, 2):
        for by in combinations(DIMENSIONS, size):
            for where in narrow:
                found = month.rows(by, span, where)
                assert found == month.expected(by, span, where), (by, where)


def test_days_and_hours_are_exact(month: Ledgered) -> None:
    today = month.clock.day(NOW)
    days = Days(today - 10, today + 1)
    midnights = (month.clock.midnight(day) for day in (today - 3, today))
    first, end = (month.clock.bucket(to_micros(midnight)) for midnight in midnights)
    hours = Hours(first + 5, end + 2)
    wheres: list[Where] = [{}, {"model": (1, 2, 3)}, {"person": (1,)}, {"project": (1, 0)}]
    by_days: list[By] = [(), ("day",), ("day", "model")]
    by_hours: list[By] = [(), ("bucket",), ("person",), ("bucket", "model")]
    for where in wheres:
        for by in by_days:
            assert month.rows(by, days, where) == month.expected(by, days, where)
        for by in by_hours:
            assert month.rows(by, hours, where) == month.expected(by, hours, where)


def test_long_ranges_join_months_and_days_and_take_others_away(engine: sa.Engine) -> None:
    long = Ledgered(engine, some_events(400, 200))
    today = long.clock.day(NOW)
    back = ((199, 0), (150, 21), (31, 1), (55, 3), (62, 34), (27, 25))
    for first, end in ((today - low, today - high + 1) for low, high in back):
        span = Days(first, end)
        crossings: list[By] = [(), ("model",), ("person",), ("project", "model"), ("department",)]
        crossings += [("task",), ("task", "model"), ("day",), ("person", "model")]
        for by in crossings:
            wheres: list[Where] = [{}, {"person": (1,)}] if by == ("person",) else [{}]
            for where in wheres:
                assert long.rows(by, span, where) == long.expected(by, span, where)


def test_a_crossing_that_is_not_kept_is_refused_when_it_is_long(engine: sa.Engine) -> None:
    long = Ledgered(engine, some_events(20, 10))
    today = long.clock.day(NOW)
    with pytest.raises(RangeTooLong, match="31 days"):
        long.rows(("task", "project"), Days(today - 60, today + 1), {})
    assert long.rows(("task", "project"), Days(today - 60, today + 1), {"person": (1,)})


def test_hours_of_the_day_are_exact_over_a_clock_change(engine: sa.Engine) -> None:
    long = Ledgered(engine, some_events(200, 30))  # Berlin's clocks changed the day before
    first, end = long.clock.bucket(to_micros(NOW)) - 25 * 24, long.clock.bucket(to_micros(NOW)) + 1
    wheres: list[Where] = [{}, {"model": (1, 2, 3, 4, 5)}, {"person": (1,)}]
    for where in wheres:
        expected: dict[int, int] = defaultdict(int)
        for bucket, *_, spent in long.expected(("bucket",), Hours(first, end), where):
            expected[long.clock.bucket_start(bucket).hour] += spent
        with reading(engine) as connection:
            catalog = Catalog.load(connection, long.workspace.id)
            reader = Reader(connection, long.workspace, catalog)
            assert reader.hours_of_day(Hours(first, end), where) == expected


def test_months_and_days_less_what_is_over_are_the_span_once() -> None:
    for first in range(20_000, 20_080, 7):
        for end in range(first + 1, first + 130, 11):
            for newest in (first - 40, first + 3, end - 1, end + 12):
                split = split_months(Days(first, end), newest)
                whole = [Days(first_day(month), first_day(month + 1)) for month in split.months]
                times = _days((*whole, *split.days))
                times.subtract(_days(split.over))
                assert +times == _days([Days(first, end)])
                assert min(times.values()) >= 0


def test_of_a_month_that_is_nearly_whole_the_few_other_days_are_read() -> None:
    third, today = first_day(24_312) + 3, first_day(24_313) + 9
    split = split_months(Days(third, today + 1), newest=today)
    assert split.months == (24_312, 24_313)  # of the running month nothing is to come
    assert split.over == (
        Days(first_day(24_312), third),
        Days(today + 1, first_day(24_314)),
    )


def _days(parts: Iterable[Days]) -> Counter[int]:
    return Counter(day for part in parts for day in range(part.first, part.end))


def test_the_dimensions_of_filters_are_those_of_the_reader() -> None:
    assert set(DIMENSIONS) < set(get_args(Key))


def test_a_question_that_takes_too_long_is_stopped(engine: sa.Engine) -> None:
    endless = sa.text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000000) "
        "SELECT count(*) FROM n"
    )
    with pytest.raises(TooSlow, match="too long"), reading(engine, seconds=0.05) as connection:
        connection.execute(endless)
    with reading(engine) as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar() == 1
