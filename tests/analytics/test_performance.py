"""Response times: what is told, what is not known, and what nothing is claimed about."""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from analytics.errors import UserError
from analytics.figures import LatencyFigure, LineFigure
from analytics.percentiles import merged, percentile, spread_of
from analytics.report import Fact, Facts, Note, Report
from bot.registry import run
from storage.errors import StorageError
from storage.events import Granularity, UsageEvent
from storage.timekeys import DAY_US, latency_bin, to_micros
from tests.analytics.world import World, column, table_of, total_of
from tests.cast import ALICE, BOB, NOW, event

MONDAY = NOW.replace(hour=0, minute=0)  # NOW is a Monday, 14:05


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """An empty workspace in Berlin."""
    return World(sqlite_engine)


def timed(count: int, ms: int | None, **more: object) -> list[UsageEvent]:
    """Prompts a minute apart, up to an hour before NOW, that took equally long."""
    usual = {"ts": to_micros(NOW) - 3600_000_000}
    first = {**usual, **more}
    base = int(first.pop("ts"))  # type: ignore[call-overload]  # a number like any other
    return [event(latency_ms=ms, ts=base - n * 60_000_000, **first) for n in range(count)]


def facts(report: Report) -> dict[str, Fact]:
    found = (block for block in report.blocks if isinstance(block, Facts))
    return {fact.key: fact for block in found for fact in block.facts}


def notes(report: Report) -> str:
    return " ".join(block.text for block in report.blocks if isinstance(block, Note))


# ---- percentiles


@given(st.lists(st.integers(5, 600_000), min_size=1, max_size=300), st.floats(0.01, 0.99))
def test_a_percentile_lies_in_the_bin_of_the_exact_one(values: list[int], share: float) -> None:
    found = percentile(Counter(map(latency_bin, values)), share)
    exact = sorted(values)[math.ceil(share * len(values) - 1e-9) - 1]
    assert exact / 1.11 <= found <= exact * 1.11


def test_percentiles_of_real_spreads_are_within_two_per_cent() -> None:
    dice = random.Random(7)  # noqa: S311  # no secret
    values = sorted(round(1000 * math.exp(dice.gauss(0.5, 0.6))) for _ in range(20_000))
    bins = Counter(map(latency_bin, values))
    for share in (0.5, 0.95):
        assert percentile(bins, share) == pytest.approx(values[int(share * 20_000)], rel=0.02)


@given(st.lists(st.lists(st.integers(1, 10_000), max_size=30), max_size=5))
def test_bins_of_parts_are_the_bins_of_the_whole(parts: list[list[int]]) -> None:
    whole = Counter(latency_bin(ms) for part in parts for ms in part)
    assert merged(Counter(map(latency_bin, part)) for part in parts) == whole


def test_under_twenty_values_there_is_no_p95() -> None:
    few, enough = spread_of({80: 19}), spread_of({80: 20})
    assert few is not None
    assert enough is not None
    assert few.p95 is None
    assert enough.p95 is not None
    assert spread_of({}) is None


# ---- models


def test_the_headline_names_the_fastest_and_the_slowest(world: World) -> None:
    world.write([*timed(40, 800, model="claude-3-haiku"), *timed(40, 4100, model="o3-mini")])
    world.write(timed(5, 100, model="gpt-4o"))  # too few to be called anything
    report = world.ask("performance last 7d")
    assert report.headline == (
        "Prompt Response Times: average 2.3 s; fastest Claude 3 Haiku (0.8 s avg), "
        "slowest o3 mini (4.1 s avg)"
    )
    assert column(table_of(report), "n") == [5, 40, 40]
    assert column(table_of(report), "p95_ms")[0] is None


def test_unknown_outcomes_and_times_are_no_zeros(world: World) -> None:
    world.write([*timed(3, 1000), *timed(7, None), *timed(10, None, ok=None)])
    world.write(timed(2, 3000, ok=False))
    report = world.ask("performance last 7d")
    assert facts(report)["success_rate"].value == pytest.approx(10 / 12)
    assert facts(report)["avg_ms"].value == pytest.approx(1800)
    assert "Response times are known for 5 of 22 prompts." in notes(report)


def test_without_any_time_it_says_so_and_draws_nothing(world: World) -> None:
    world.write(timed(3, None))
    report = world.ask("performance last 7d")
    assert report.headline == "Prompt Response Times: none known of 3 prompts"
    assert report.figure is None
    assert "Gateways tell response times" in notes(report)
    assert facts(report)["success_rate"].value == 1


def test_when_everything_fails_success_is_nothing(world: World) -> None:
    world.write(timed(30, 900, ok=False))
    assert facts(world.ask("performance last 7d"))["success_rate"].value == 0


def test_one_data_point_is_told_and_not_compared(world: World) -> None:
    world.write(timed(1, 1500))
    report = world.ask("performance last 7d")
    assert report.headline == "Prompt Response Times: average 1.5 s"
    assert isinstance(report.figure, LatencyFigure)
    assert report.figure.rows[0].marked
    assert "fastest_hours" not in facts(report)


def test_speed_is_told_where_a_source_tells_the_first_token(world: World) -> None:
    world.write(timed(2, 3000, ttft_ms=1000, tokens_out=100))
    world.write(timed(1, 3000, model="o3-mini"))
    report = world.ask("performance last 7d")
    assert sorted(column(table_of(report), "tokens_per_second"), key=str) == [50.0, None]
    assert total_of(table_of(report), "ttft_ms") == 1000


def test_sixty_models_fit_a_picture(world: World) -> None:
    world.write([e for n in range(60) for e in timed(n + 1, 1000 + n, model=f"house-{n}")])
    report = world.ask("performance last 7d limit=50")
    table = table_of(report)
    assert table.others == 50
    assert sum(n for n in column(table, "n") if isinstance(n, int)) == total_of(table, "n") == 1830
    assert isinstance(report.figure, LatencyFigure)
    assert len(report.figure.rows) == 12
    assert [row.p50_ms for row in report.figure.rows] == sorted(
        row.p50_ms for row in report.figure.rows
    )


def test_the_fastest_and_slowest_are_those_of_all_models(world: World) -> None:
    world.write([e for n in range(4) for e in timed(60 + n, 1000 + n, model=f"busy-{n}")])
    world.write(timed(40, 100, model="quick") + timed(40, 9000, model="late"))
    report = world.ask("performance last 7d limit=2")
    assert "fastest quick (0.1 s avg), slowest late (9.0 s avg)" in report.headline
    assert isinstance(report.figure, LatencyFigure)
    assert [row.name for row in report.figure.rows] == ["quick", "late"]


def test_the_average_is_compared_with_the_time_before(world: World) -> None:
    world.write(timed(1, 1, ts=to_micros(NOW - timedelta(days=30))))
    for ago, ms in ((10, 2000), (3, 3000)):
        world.write(timed(4, ms, ts=to_micros(NOW - timedelta(days=ago))))
    delta = notes(world.ask("performance last 7d"))
    assert "Average ▲ 50% on the 6 days before (2.0 s)." in delta


# ---- hours


def test_peak_off_peak_and_weekend_have_averages_of_their_own(world: World) -> None:
    friday, saturday = (NOW.replace(day=day, minute=50) for day in (27, 28))
    world.write(timed(30, 2800, ts=to_micros(friday.replace(hour=10))))
    world.write(timed(20, 1900, ts=to_micros(friday.replace(hour=20))))
    world.write(timed(10, 1500, ts=to_micros(saturday.replace(hour=10))))
    found = facts(world.ask("performance last 7d"))
    averages = [found[key].value for key in ("peak_ms", "off_peak_ms", "weekend_ms")]
    assert averages == [2800, 1900, 1500]
    assert found["peak_ms"].title == "Peak hours (9 AM-5 PM)"
    assert found["weekend_ms"].note.endswith("n 10")


def test_rows_without_an_hour_are_in_no_hour(world: World) -> None:
    world.write(timed(30, 2000))
    day = to_micros(MONDAY) // DAY_US * DAY_US
    world.write_days(timed(1, 9000, ts=day, granularity=Granularity.DAY, prompts=1))
    report = world.ask("performance last 7d by hour")
    assert total_of(table_of(report), "n") == 30


def test_by_hour_has_averages_and_by_day_percentiles(world: World) -> None:
    world.write([*timed(90, 2000), *timed(40, 1000, ts=to_micros(NOW) - 3 * DAY_US)])
    hours, days = (world.ask(f"performance last 7d by {by}") for by in ("hours", "day"))
    assert [c.key for c in table_of(hours).columns] == ["hour", "avg_ms", "n"]
    assert column(table_of(days), "p50_ms").count(None) == 5
    assert isinstance(days.figure, LineFigure)
    assert days.figure.series[0].values[3] == 1.0
    assert days.figure.series[1].values[0] is None


def test_an_hour_of_few_prompts_is_no_point_of_the_line(world: World) -> None:
    hour = DAY_US // 24
    for back, count in ((0, 40), (1, 40), (2, 9)):
        world.write(timed(count, 1000 * (back + 1), ts=to_micros(NOW) - back * hour))
    figure = world.ask("performance today by hour").figure
    assert isinstance(figure, LineFigure)
    assert [value is None for value in figure.series[0].values] == [True, False, False, True]
    assert figure.subtitle.endswith("hours of 30 prompts or more")


# ---- people


def test_people_wait_and_are_not_slow(world: World) -> None:
    world.write([*timed(40, 800), *timed(40, 4000, person=BOB)])
    report = world.ask("performance last 7d by users")
    assert report.headline.endswith(
        f"shortest for {ALICE} (0.8 s avg), longest for {BOB} (4.0 s avg)"
    )
    assert column(table_of(report), "p50_ms")[0] == pytest.approx(800, rel=0.1)


def test_percentiles_of_people_need_a_short_range(world: World) -> None:
    world.write([*timed(40, 800), *timed(40, 4000, person=BOB)])
    report = world.ask("performance last 3 months by person")
    assert column(table_of(report), "p50_ms") == [None, None]
    assert "up to 31 days" in notes(report)


def test_who_may_not_see_people_sees_no_rows_of_them(world: World) -> None:
    world.write([*timed(40, 800), *timed(40, 4000, person=BOB)])
    with world.context(role="member", walls="admins") as ctx:
        assert run("performance last 7d", ctx).headline
        for line in ("performance last 7d by person", "performance last 7d by=Users"):
            with pytest.raises(UserError, match="other people's rows"):
                run(line, ctx)


# ---- filters


def test_filters_of_the_ledger_leave_percentiles_out_of_long_ranges(world: World) -> None:
    world.write(timed(40, 800))
    report = world.ask("performance last 3 months department=Platform")
    assert facts(report)["avg_ms"].value == 800
    assert column(table_of(report), "p50_ms") == [None]
    assert "up to 31 days" in notes(report)
    with pytest.raises(UserError, match="prompt by prompt"):
        world.ask("performance last 3 months by hour department=Platform")
    with pytest.raises(StorageError, match="prompt by prompt"):
        world.ask("performance last 3 months department=Platform project=Atlas")


def test_a_tier_chooses_its_models(world: World) -> None:
    world.write([*timed(40, 800, model="claude-3-haiku"), *timed(40, 4000, model="o3-mini")])
    report = world.ask("performance last 7d tier=economy")
    assert column(table_of(report), "model") == ["Claude 3 Haiku"]


def test_nothing_used_has_the_usual_sentence(world: World) -> None:
    assert world.ask("performance last 7d").headline == "No usage has come in yet."


def test_a_picture_of_many_shows_those_whom_its_title_names(world: World) -> None:
    world.write([e for n in range(20) for e in timed(60 - n, 1000 + n, model=f"house-{n:02}")])
    figure = world.ask("performance last 7d").figure
    assert isinstance(figure, LatencyFigure)
    shown = [row.name for row in figure.rows]
    assert len(shown) == 12
    assert (shown[0], shown[-1]) == ("house-00", "house-19")
    assert {"house-00", "house-19"} <= {word.strip(",") for word in figure.title.split()}
