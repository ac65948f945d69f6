"""Digests: one period that is over, whole, the same whenever it is asked; parts add up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.errors import UserError
from analytics.figures import DashboardFigure
from analytics.report import Facts, Note, Report, Table
from bot.briefing import gather_briefing
from bot.registry import parse, run
from bot.render import discord, text
from storage.budgets import remove_budget, set_budget
from storage.engine import writing
from storage.events import UsageEvent
from storage.preferences import set_preference
from storage.timekeys import to_micros
from tests.analytics.world import World, column, table_of, total_of
from tests.cast import NOW, ZONE, event
from tests.daily_files import bring, every_day

MICRO = 1_000_000
BERLIN = ZoneInfo(ZONE)
YESTERDAY = datetime(2026, 3, 29, tzinfo=BERLIN)  # a Sunday of 23 hours
MODELS = ("gpt-4o", "claude-3-haiku", "o3-mini", "nobody-knows-1")
PEOPLE = ("alice@example.com", "bob@example.com", "carol@example.com", None)


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """An empty workspace in Berlin; it is Monday 30 March 2026, 14:05."""
    return World(sqlite_engine)


def on(day: date, count: int = 1, *, hour: int = 12, **more: object) -> list[UsageEvent]:
    """Prompts around an hour of a local day."""
    at = to_micros(datetime(day.year, day.month, day.day, hour, tzinfo=BERLIN))
    return [event(ts=at + n * MICRO, **more) for n in range(count)]


def steady(world: World, days: int = 70, a_day: int = 6) -> None:
    """The same few prompts every day up to yesterday, by three models and three people."""
    dates = [YESTERDAY.date() - timedelta(days=ago) for ago in range(days)]
    usage = [
        on(day, hour=8 + number, model=MODELS[number % 3], person=PEOPLE[number % 3])
        for day in dates
        for number in range(a_day)
    ]
    world.write([one for some in usage for one in some])


def tables(report: Report) -> dict[str, Table]:
    """Tables by the key of their first column."""
    found = (block for block in report.blocks if isinstance(block, Table))
    return {table.columns[0].key: table for table in found}


def facts(report: Report) -> dict[str, object]:
    """Values by key."""
    blocks = (block for block in report.blocks if isinstance(block, Facts))
    return {fact.key: fact.value for block in blocks for fact in block.facts}


def said(report: Report) -> str:
    """Headline and notes."""
    notes = (block.text for block in report.blocks if isinstance(block, Note))
    return "\n".join((report.headline, *notes))


def said_in_tiles(report: Report) -> list[str]:
    """What stands below the numbers of the picture."""
    assert isinstance(report.figure, DashboardFigure)
    return [tile.note for tile in report.figure.tiles]


def spent(report: Report) -> int:
    """The credits that a report tells, in micro; 0 of no usage."""
    value = facts(report).get("credits", 0)
    assert isinstance(value, int)
    return value


# ---- which period


def test_the_period_is_the_one_that_was_over_last(world: World) -> None:
    steady(world, 40)
    lines = [world.ask(f"digest {kind}").line for kind in ("daily", "weekly", "monthly")]
    assert lines == [
        "digest daily 2026-03-29",
        "digest weekly 2026-03-23..2026-03-29",
        "digest monthly 2026-02",
    ]


@pytest.mark.parametrize(
    "line",
    ["daily today", "daily 2026-03-30", "weekly this week", "weekly today", "monthly 2026-03"],
)
def test_what_still_runs_is_refused_with_the_line_to_type(world: World, line: str) -> None:
    world.write([event()])
    with pytest.raises(UserError, match="not over yet") as caught:
        world.ask(f"digest {line}")
    assert "`" in caught.value.hint


@pytest.mark.parametrize(
    ("line", "pinned"),
    [
        ("daily friday", "2026-03-27"),
        ("weekly 2026-03-18", "2026-03-16..2026-03-22"),
        ("weekly 2026-03-18..2026-03-24", "2026-03-18..2026-03-24"),
        ("weekly last week", "2026-03-23..2026-03-29"),
        ("monthly january", "2026-01"),
        ("monthly 2026-02", "2026-02"),
    ],
)
def test_a_period_is_named_in_many_ways_and_pinned(world: World, line: str, pinned: str) -> None:
    world.write([event()])
    report = world.ask(f"digest {line}")
    assert report.line.split(" ")[2] == pinned
    assert world.ask(report.line) == report


@pytest.mark.parametrize("line", ["daily last 7d", "weekly last 8d", "monthly q1 2025", "daily x"])
def test_another_stretch_is_refused(world: World, line: str) -> None:
    with pytest.raises(UserError):
        world.ask(f"digest {line}")


def test_a_week_begins_on_the_weekday_of_the_workspace(world: World) -> None:
    with writing(world.engine) as connection:
        set_preference(connection, 1, "week_start", "6")
    world.write(on(YESTERDAY.date()))
    assert world.ask("digest weekly").line == "digest weekly 2026-03-22..2026-03-28"


def test_no_moment_is_in_two_days_and_none_in_no_day(world: World) -> None:
    first = datetime(2026, 3, 23, tzinfo=BERLIN)
    edges = [first + timedelta(days=n) for n in range(8)]
    world.write([event(ts=to_micros(at) - back) for at in edges for back in (0, 1)])
    days = [
        spent(world.ask(f"digest daily {(first + timedelta(days=n)):%Y-%m-%d}")) for n in range(7)
    ]
    assert days == [4 * MICRO] * 7
    assert spent(world.ask("digest weekly")) == sum(days)


def test_a_day_of_23_and_one_of_25_hours_is_whole_and_says_so(world: World) -> None:
    short, long = date(2026, 3, 29), date(2025, 10, 26)
    for day, hours in ((short, 23), (long, 25)):
        start = datetime(day.year, day.month, day.day, tzinfo=BERLIN)
        world.write([event(ts=to_micros(start) + n * 3_600_000_000) for n in range(-1, hours + 1)])
    for day, hours in ((short, 23), (long, 25)):
        report = world.ask(f"digest daily {day}")
        assert facts(report)["prompts"] == hours
        assert f"This day had {hours} hours" in said(report)


# ---- the same however late


@pytest.mark.parametrize("kind", ["daily 2026-03-22", "weekly 2026-03-22", "monthly 2026-02"])
def test_what_comes_after_a_period_does_not_change_its_digest(world: World, kind: str) -> None:
    steady(world)
    before = world.ask(f"digest {kind}")
    world.write(on(NOW.date(), 300, model="gpt-4o", person="new@example.com"))
    with writing(world.engine) as connection:
        place = {"scope": "workspace", "target_id": 0, "period": "monthly"}
        set_budget(connection, 1, **place, amount=MICRO, now=NOW)  # type: ignore[arg-type]  # literals
    later = world.ask(f"digest {kind}", now=NOW + timedelta(days=40))
    assert replace(later, as_of=None) == replace(before, as_of=None)


def test_data_end_with_the_period(world: World) -> None:
    steady(world, 20)
    shown = text.render(world.ask("digest daily"))
    assert "29 Mar 2026 · Europe/Berlin · data until 13:00" in shown
    world.write([event()])
    line, later = "digest daily 2026-03-29", NOW + timedelta(9)
    for report in (world.ask(line), world.ask(line, now=later)):
        assert "data until 29 Mar, whole day" in text.render(report)
        assert "data until 29 Mar, whole day" in repr(
            discord.message(report, image=False, values={})
        )


# ---- sums


EVENTS = st.builds(
    lambda ago, model, person, ok, task: event(
        ts=to_micros(NOW) - ago, model=model, person=person, ok=ok, task=task, department=task
    ),
    st.integers(0, 70 * 86_400_000_000),
    st.sampled_from(MODELS),
    st.sampled_from(PEOPLE),
    st.sampled_from((True, False, None)),
    st.sampled_from(("coding", "writing", None)),
)


@settings(max_examples=8)
@given(events=st.lists(EVENTS, min_size=1, max_size=60))
def test_every_table_has_the_total_of_the_days(engine: sa.Engine, events: list[UsageEvent]) -> None:
    world = World(engine)
    world.write(events)
    for kind in ("daily", "weekly", "monthly"):
        for narrowed in ("", " person=alice@example.com", " model=gpt-4o"):
            try:
                report = world.ask(f"digest {kind}{narrowed}")
            except UserError:  # nobody of that name in this example
                continue
            days = report.line.split(" ")[2]
            other = world.ask(f"by-model {days}{narrowed}")
            if "model" not in tables(report):
                assert not any(isinstance(block, Table) for block in other.blocks)
                continue
            whole = total_of(table_of(other), "credits")
            for key in ("model", "tier", "person", "start"):
                _adds_up(tables(report).get(key), whole)
            _lists_add_up(report, whole)


def _adds_up(table: Table | None, whole: object) -> None:
    if table is None:
        return
    assert total_of(table, "credits") == whole
    known = [cell for cell in column(table, "credits") if isinstance(cell, int)]
    assert sum(known) == (whole or 0)


def _lists_add_up(report: Report, whole: object) -> None:
    figure = report.figure
    assert isinstance(figure, DashboardFigure)
    for one in figure.lists:
        rest = one.others.credits if one.others else 0
        assert sum(row.credits for row in one.rows) + rest == (whole or 0)


def test_movers_of_each_kind_carry_the_whole_change(world: World) -> None:
    steady(world)
    world.write(on(YESTERDAY.date() - timedelta(days=2), 30, model="gpt-4o", person=None))
    report = world.ask("digest weekly")
    groups = tables(report)["kind"].groups
    assert {group.subtotal[4] for group in groups} == {60 * MICRO}
    assert "▲" in report.headline
    assert "GPT-4o +60" in report.headline


# ---- the day


def test_a_day_stands_beside_a_usual_one_of_its_weekday(world: World) -> None:
    steady(world)
    report = world.ask("digest daily")
    assert report.headline == (
        "7 credits on Sunday 29 March, 0% on a usual Sunday; GPT-4o takes 57%"
    )


def test_one_spike_does_not_change_what_is_usual(world: World) -> None:
    steady(world)
    world.write(on(YESTERDAY.date() - timedelta(days=14), 200))
    report = world.ask("digest daily")
    assert report.headline.startswith("7 credits on Sunday 29 March, 0% on a usual Sunday;")
    assert "0% · usual 7" in said_in_tiles(report)


def test_before_28_days_it_stands_beside_the_week_before(world: World) -> None:
    steady(world, 10)
    assert "0% on the Sunday before" in world.ask("digest daily").headline
    assert "Sunday before" not in world.ask("digest daily 2026-03-22").headline


def test_an_unusual_day_names_who_carries_it_and_no_cause(world: World) -> None:
    steady(world)
    day = YESTERDAY.date() - timedelta(days=1)
    world.write(on(day, 100, person="dana@example.com", model="o3-mini", project="Moon"))
    report = world.ask(f"digest daily {day}")
    assert report.headline.startswith("Spend is unusual: 107 credits on Saturday 28 March")
    assert "Largest rise: dana@example.com, 100 credits above" in said(report)
    assert "Spend was unusual on Saturday 28" in said(world.ask("digest weekly"))


def test_the_day_after_is_still_far_up_where_it_is(world: World) -> None:
    steady(world)
    for ago, count in ((1, 47), (0, 16)):
        world.write(on(YESTERDAY.date() - timedelta(days=ago), count))
    assert "Still at" in said(world.ask("digest daily"))
    assert "Still at" not in said(world.ask("digest daily 2026-03-28"))


def test_a_small_part_of_the_workspace_is_not_unusual_for_all(world: World) -> None:
    for ago in range(60):
        day = YESTERDAY.date() - timedelta(days=ago)
        world.write([*on(day, 100), *on(day, 5 if ago else 40, project="Moon")])
    assert "unusual" not in said(world.ask("digest daily project=Moon"))
    assert "3.9 times" not in said(world.ask("digest daily"))


# ---- what is missing


def test_a_period_without_usage_is_a_short_text(world: World) -> None:
    world.write([event()])
    for kind in ("daily", "weekly", "monthly"):
        report = world.ask(f"digest {kind}")
        assert report.headline.startswith("No usage")
        assert report.figure is None
        assert not tables(report)


def test_a_month_that_is_over_is_not_projected_though_its_usage_stopped(world: World) -> None:
    world.write(on(date(2026, 2, 10), 30))
    shown = text.render(world.ask("digest monthly"))
    assert "1–28 Feb 2026" in shown
    assert "data until 10 Feb" in shown
    assert "rojected" not in shown


def test_nothing_at_all_says_how_to_begin(world: World) -> None:
    assert "creditbot import" in said(world.ask("digest daily"))


def test_a_silent_source_is_named_and_a_fall_is_not(world: World) -> None:
    steady(world, a_day=2)
    for ago in range(3, 70):
        day = YESTERDAY.date() - timedelta(days=ago)
        world.write(on(day, 30), source="gateway:acme")
    for kind in ("daily", "weekly"):
        report = world.ask(f"digest {kind}")
        assert "No data from gateway:acme since 26 Mar" in said(report)
        assert "▼" not in repr(report)


def silent(world: World) -> None:
    """Usage of every day, and a source that is silent since 26 March."""
    steady(world, a_day=2)
    for ago in range(3, 70):
        day = YESTERDAY.date() - timedelta(days=ago)
        world.write(on(day, 30), source="gateway:acme")


@pytest.mark.parametrize(
    "line",
    [
        "trends 2026-03-27..2026-03-29",
        "by-model last 7d",
        "by-user last 7d",
        "by-department last 7d",
        "timeline last 7d",
    ],
)
def test_a_question_that_is_sent_names_a_silent_source_and_no_change(
    world: World, line: str
) -> None:
    silent(world)
    asked = line.replace("last 7d", "2026-03-23..2026-03-29")
    report = world.ask(asked, now=datetime(2026, 3, 30, tzinfo=BERLIN))
    assert said(report).count("No data from gateway:acme since 26 Mar") == 1
    assert "▼" not in text.render(report)
    assert "−" not in text.render(report)
    assert "▼" in text.render(world.ask(asked))


def test_pages_of_a_digest_keep_to_the_rule_of_its_post(world: World) -> None:
    steady(world, 120, a_day=2)
    for day in (YESTERDAY.date() - timedelta(days=ago) for ago in range(33, 120)):
        world.write(on(day, 30), source="gateway:acme")
    line = "digest monthly 2026-02"
    with world.context() as ctx:
        pages = gather_briefing(parse(line), run(line, ctx), ctx).parts
    assert {"models", "people", "speed"} <= pages.keys()
    for page in pages.values():
        assert "▼" not in text.render(page)


def test_a_source_of_few_rows_a_day_is_silent_when_a_day_is_missing(world: World) -> None:
    every_day(world, YESTERDAY.date() - timedelta(days=1))
    steady(world, a_day=2)
    for kind in ("daily", "weekly"):
        report = world.ask(f"digest {kind}")
        assert "No data from copilot since 28 Mar" in said(report)
        assert "▼" not in repr(report)
    bring(world, [YESTERDAY.date()], NOW)
    assert "No data from" not in said(world.ask("digest daily"))


def test_a_source_that_rests_on_weekends_is_not_silent(world: World) -> None:
    steady(world, a_day=2)
    for ago in range(70):
        day = YESTERDAY.date() - timedelta(days=ago)
        if day.weekday() < 5:
            world.write(on(day, 30), source="gateway:acme")
    assert "No data from" not in said(world.ask("digest daily"))


def test_one_prompt_of_unknown_price_is_a_digest(world: World) -> None:
    world.write(on(YESTERDAY.date(), model="house-model", person=None, latency_ms=None))
    for kind in ("daily", "weekly"):
        report = world.ask(f"digest {kind}")
        assert report.headline.startswith("Credits not known")
        assert "nan" not in repr(report).casefold()


# ---- the month


def limited(world: World, amount: int, *, at: datetime) -> None:
    """A monthly budget of the workspace from a moment on."""
    with writing(world.engine) as connection:
        set_budget(
            connection,
            1,
            scope="workspace",
            target_id=0,
            period="monthly",
            amount=amount * MICRO,
            now=at,
        )


def test_a_month_is_measured_by_the_budget_that_held_at_its_end(world: World) -> None:
    steady(world)
    limited(world, 500, at=datetime(2026, 2, 10, tzinfo=BERLIN))
    limited(world, 100, at=datetime(2026, 3, 1, tzinfo=BERLIN))
    report = world.ask("digest monthly")
    assert "Within budget: 196 of 500 used" in report.headline
    (row,) = tables(report)["scope"].rows
    assert row == ("Workspace", "workspace", 500 * MICRO, 196 * MICRO, 0.392, 304 * MICRO)


def test_a_sentence_about_a_budget_has_one_colon(world: World) -> None:
    steady(world)
    limited(world, 10, at=YESTERDAY - timedelta(days=28))
    notes = [one for one in said(world.ask("digest daily")).splitlines() if "March" in one][1:]
    assert [one.count(":") for one in notes] == [1]
    assert notes[0].startswith("March, over budget since ")


def test_a_budget_that_was_removed_or_set_too_late_is_none(world: World) -> None:
    steady(world)
    limited(world, 100, at=datetime(2026, 3, 1, tzinfo=BERLIN))
    assert "scope" not in tables(world.ask("digest monthly"))
    limited(world, 300, at=datetime(2026, 1, 1, tzinfo=BERLIN))
    with writing(world.engine) as connection:
        where = {"scope": "workspace", "target_id": 0}
        remove_budget(connection, 1, **where, now=datetime(2026, 2, 2, tzinfo=BERLIN))  # type: ignore[arg-type]  # literals
    assert "scope" not in tables(world.ask("digest monthly"))


def test_return_is_told_with_what_was_assumed_or_not_at_all(world: World) -> None:
    steady(world)
    assert "value" not in facts(world.ask("digest monthly"))
    for line in ("price 0.04 EUR", "rate 60 EUR", "minutes 4"):
        world.ask(f"roi set {line}")
    report = world.ask("digest monthly")
    assert facts(report)["hours"] == "11 hours"
    assert "Assumed by an admin, not measured" in said(report)


def test_what_is_left_of_grants_is_that_of_the_month(world: World) -> None:
    steady(world)
    world.ask("grants add plan 150 monthly from 2026-01-01")
    world.ask("grants add pack 1000 from 2026-01-01")
    report = world.ask("digest monthly")
    assert facts(report)["plan_used"] == 150 * MICRO
    assert facts(report)["additional_used"] == 46 * MICRO
    assert "of a pack all since it began" in said(report)
    assert "Over budget" in report.headline


# ---- who may see what


def test_people_are_for_who_may_see_them(world: World) -> None:
    steady(world)
    for kind in ("daily", "weekly", "monthly"):
        with world.context(role="member", walls="admins") as ctx:
            report = run(f"digest {kind}", ctx)
        assert "example.com" not in repr(report)
        assert "by-user" not in repr(report)


def test_behind_walls_a_group_has_no_past_that_nobody_checked(world: World) -> None:
    steady(world)
    for ago in range(60):
        day = YESTERDAY.date() - timedelta(days=ago)
        for person in PEOPLE[:3] if ago < 14 else PEOPLE[:1]:
            world.write(on(day, 90 - ago, department="Lab", person=person))
    with world.context(role="member", walls="admins") as ctx:
        daily, week = (run(f"digest {kind} department=Lab", ctx) for kind in ("daily", "weekly"))
        whole = run("digest daily", ctx)
    assert "usual" in said(whole)
    assert "usual" not in said(daily)
    assert isinstance(daily.figure, DashboardFigure)
    assert daily.figure.days is None
    assert "on the week before" in week.headline  # the walls looked at that one, too
    assert "over the last" not in said(week)


# ---- post and thread


def test_a_post_is_short_and_its_thread_has_the_tables(world: World) -> None:
    steady(world)
    for kind in ("daily", "weekly", "monthly"):
        report = world.ask(f"digest {kind}")
        thread = report.thread
        assert thread is not None
        assert not tables(report.post)
        assert report.post.figure is not None
        assert set(tables(report)) == set(tables(thread))
