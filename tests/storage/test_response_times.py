"""Response times, speeds and hours: every answer is that of plain Python over the events."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from storage.catalog import Catalog
from storage.crossings import Days, Hours, Key, RangeTooLong
from storage.engine import reading
from storage.events import Granularity, UsageEvent
from storage.reading import BinKey, Live, Reader, Speed
from storage.rollups import FULL
from storage.timekeys import DAY_US, latency_bin, to_micros
from tests.cast import NOW, ZONE, event
from tests.storage.test_reading import MODELS, PRICES, Ledgered

Where = Mapping[str, Sequence[int]]
DAYS = 28


def some_events() -> list[UsageEvent]:
    random = Random(11)  # noqa: S311  # a fixed sample
    start = to_micros(NOW)
    timed = [
        event(
            ts=start - random.randrange(DAYS * DAY_US),
            model=random.choice(MODELS),
            person=random.choice(("ann@example.com", "ben@example.com", None)),
            project=random.choice(("Atlas", "Hermes", None)),
            task=random.choice(("coding", "mail", None)),
            ok=random.choice((True, True, False, None)),
            rating=random.choice((None, None, 3, 5)),
            tokens_out=random.choice((None, 300)),
            latency_ms=random.choice((None, 1, 900, 1000, 60_000)),
            ttft_ms=random.choice((None, 200, 900)),
        )
        for _ in range(300)
    ]
    unit = {"latency_ms": None, "ok": None, "prompts": 7}
    day_start = start // DAY_US * DAY_US
    day_rows = [event(ts=day_start, granularity=Granularity.DAY, **unit)]
    return timed + day_rows


@pytest.fixture
def month(engine: sa.Engine) -> Ledgered:
    """A month of usage with a change of Berlin's clocks on its last day but one."""
    return Ledgered(engine, some_events())


@pytest.fixture
def reader(month: Ledgered) -> Iterator[Reader]:
    with reading(month.engine) as connection:
        catalog = Catalog.load(connection, month.workspace.id)
        yield Reader(connection, month.workspace, catalog)


def local(one: UsageEvent) -> datetime:
    return datetime.fromtimestamp(one.ts / 1e6, ZoneInfo(ZONE))


def hour_class(one: UsageEvent) -> int:
    moment = local(one)
    if moment.weekday() >= 5:
        return 2
    return 0 if 9 <= moment.hour < 17 else 1


def chosen(place: Ledgered, where: Where, span: Days | Hours) -> Iterator[UsageEvent]:
    for one in place.events:
        time: Key = "day" if isinstance(span, Days) else "bucket"
        inside = span.first <= place.key(one, time) < span.end
        if inside and all(place.key(one, name) in ids for name, ids in where.items()):  # type: ignore[arg-type]  # names of dimensions
            yield one


def month_of(place: Ledgered) -> Days:
    today = place.clock.day(NOW)
    return Days(today - DAYS + 1, today + 1)


WHERES: list[Where] = [{}, {"model": (1, 2, 3, 4, 5)}, {"person": (1,)}, {"task": (1, 0)}]
BY: list[tuple[BinKey, ...]] = [
    (),
    ("model",),
    ("day",),
    ("hour_class",),
    ("model", "day"),
    ("hour_class", "day"),
    ("model", "hour_class"),
    ("person",),
]


@pytest.mark.parametrize("by", BY)
def test_bins_are_those_of_the_events(
    month: Ledgered, reader: Reader, by: tuple[BinKey, ...]
) -> None:
    days = month_of(month)
    for where in WHERES:
        expected: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for one in chosen(month, where, days):
            if one.latency_ms is not None:
                cell = {
                    "model": month.key(one, "model"),
                    "day": month.key(one, "day"),
                    "hour_class": hour_class(one),
                    "person": month.key(one, "person"),
                }
                expected[tuple(cell[name] for name in by)][latency_bin(one.latency_ms)] += 1
        assert reader.bins(by, days, where) == expected


def test_one_key_of_bins_may_stand_alone(month: Ledgered, reader: Reader) -> None:
    days = month_of(month)
    alone, none = (reader.bins("model", days), reader.bins(None, days))
    assert alone == reader.bins(("model",), days)
    assert none == reader.bins((), days)


def test_exact_bins_of_a_long_range_need_a_person(month: Ledgered, reader: Reader) -> None:
    long = Days(month_of(month).first - 60, month_of(month).end)
    with pytest.raises(RangeTooLong, match="31 days"):
        reader.bins("model", long, {"project": (1,)})
    assert reader.bins("model", long, {"person": (1,)})
    assert reader.bins("model", long)


@pytest.mark.parametrize("by", [(), ("model",), ("day",), ("day", "model")])
def test_speeds_count_what_is_known(
    month: Ledgered, reader: Reader, by: tuple[Literal["day", "model"], ...]
) -> None:
    days = month_of(month)
    for where in WHERES[:2]:
        expected: dict[tuple[int, ...], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for one in chosen(month, where, days):
            if one.ttft_ms is None or one.prompts != 1:
                continue
            sums = expected[tuple(month.key(one, name) for name in by)]
            gen_ms = (one.latency_ms or 0) - one.ttft_ms
            is_timed = gen_ms > 0 and one.tokens_out
            measured = (
                one.ttft_ms,
                1,
                gen_ms if is_timed else 0,
                one.tokens_out if is_timed else 0,
            )
            for place, value in enumerate(measured):
                sums[place] += value or 0
        found = reader.speeds(by, days, where)
        assert found == {key: Speed(*sums) for key, sums in expected.items()}


def test_speeds_of_a_person_are_not_known(month: Ledgered, reader: Reader) -> None:
    days = month_of(month)
    assert reader.speeds((), days, {"person": (1,)}) is None
    assert reader.speeds((), Days(0, 5)) == {}


def hours_of(place: Ledgered) -> Hours:
    now = place.clock.bucket(to_micros(NOW))
    return Hours(now - 25 * 24, now + 1)


@pytest.mark.parametrize("measure", ["credits", "prompts"])
def test_hours_of_the_week_are_exact_over_a_clock_change(
    month: Ledgered, reader: Reader, measure: Literal["credits", "prompts"]
) -> None:
    span = hours_of(month)
    for where in WHERES:
        expected: dict[tuple[int, int], int] = defaultdict(int)
        for one in chosen(month, where, span):
            if one.granularity != Granularity.DAY:
                price = 0 if one.ok is False else PRICES[one.model]
                moment = local(one)
                total = price if measure == "credits" else 1
                expected[moment.weekday(), moment.hour] += total
        found = reader.week_hours(span, where, measure)
        assert found == expected


def test_response_times_by_hour_leave_out_what_is_not_known(
    month: Ledgered, reader: Reader
) -> None:
    span = hours_of(month)
    for where in WHERES:
        expected: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
        for one in chosen(month, where, span):
            if one.granularity != Granularity.DAY and one.latency_ms is not None:
                moment = local(one)
                hour = expected[moment.weekday(), moment.hour]
                hour[0] += one.latency_ms
                hour[1] += 1
        found = reader.week_times(span, where)
        assert found == {hour: tuple(sums) for hour, sums in expected.items()}


def test_every_measure_of_the_ledger_is_that_of_the_rollups(
    month: Ledgered, reader: Reader
) -> None:
    days, person = month_of(month), {"person": (1, 2, 0)}
    for by in (("person", "model"), ("day",), ()):
        wide = sorted(reader.sums(by, FULL, days, person))
        # A project beside it is in no rollup; every project is chosen.
        where = {**person, "project": (0, 1, 2)}
        assert sorted(reader.sums(by, FULL, days, where)) == wide


def test_a_ledger_sum_over_nothing_is_no_row(month: Ledgered, reader: Reader) -> None:
    where = {"person": (99,), "project": (1,)}
    days = month_of(month)
    assert reader.sums((), ("prompts", "events"), days, where) == []


def test_live_tells_single_prompts_since_a_moment(month: Ledgered, reader: Reader) -> None:
    since = NOW - timedelta(days=9)
    recent = [one for one in month.events if one.ts >= to_micros(since) and one.prompts == 1]
    expected = []
    for model in MODELS:
        own = [one for one in recent if one.model == model]
        expected.append(
            Live(
                model_id=month.labels.model_id(model),
                prompts=len(own),
                ok=sum(bool(one.ok) for one in own),
                ok_n=sum(one.ok is not None for one in own),
                latencies=tuple(sorted(o.latency_ms for o in own if o.latency_ms is not None)),
            )
        )
    found = reader.live(since, NOW)
    assert found == sorted(expected, key=lambda one: (-one.prompts, one.model_id))
    assert reader.live(since, since) == []
