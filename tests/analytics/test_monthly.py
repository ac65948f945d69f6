"""The credit report of a month: the mission's numbers, what paid, and what cannot be told."""

from __future__ import annotations

from datetime import date, datetime

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.errors import UserError
from analytics.figures import BudgetFigure
from analytics.report import Fact, Facts, Note, Report, Table
from bot.registry import parse, run
from storage.events import MICRO, UsageEvent
from storage.timekeys import to_micros
from tests.analytics.spending import march, noon, rhythm, spend
from tests.analytics.test_totals import EVENTS
from tests.analytics.world import World, column, total_of
from tests.cast import NOW, event

APRIL = datetime.fromisoformat("2026-04-02T10:00:00+02:00")
# Model, prompts, credits: 12,847 credits at 1.85 a prompt, and their tiers as the mission has them.
SPENT = (
    ("gpt-4o", 2_000, 4_000),
    ("claude-opus-4", 850, 4_250),
    ("gpt-4-turbo", 2_400, 3_120),
    ("claude-3-haiku", 1_600, 1_400),
    ("gpt-5-nano", 94, 77),
)


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """A workspace that used 12,847 credits in March."""
    world = World(sqlite_engine)
    at = to_micros(noon(world, date(2026, 3, 12)))
    world.write(
        [
            event(model=model, prompts=prompts, credits=credits * MICRO, ts=at, person=f"{n}@x.io")
            for n, (model, prompts, credits) in enumerate(SPENT)
        ]
    )
    return world


def facts(report: Report) -> dict[str, Fact]:
    found = (block for block in report.blocks if isinstance(block, Facts))
    return {fact.key: fact for block in found for fact in block.facts}


def notes(report: Report) -> str:
    return " ".join(block.text for block in report.blocks if isinstance(block, Note))


def table(report: Report, key: str) -> Table:
    """The table whose rows are named by a column."""
    tables = (block for block in report.blocks if isinstance(block, Table))
    return next(one for one in tables if one.columns[0].key == key)


def test_the_example_of_the_mission(world: World) -> None:
    world.ask("grants add plan 15000 monthly from 2026-03-01")
    report = world.ask("report march", now=APRIL)
    found = facts(report)
    assert report.title == "March 2026 Credit Usage"
    assert found["credits"].value == 12_847 * MICRO
    assert found["plan_used"].value == 12_847 * MICRO
    assert found["additional_used"].value == 0
    assert found["remaining"].value == 2_153 * MICRO
    assert found["credits_per_prompt"].value == "1.85"
    assert "overage" not in found
    tiers = table(report, "tier")
    assert column(tiers, "tier") == [
        "Premium (2x-5x)",
        "Standard (1x)",
        "Economy (0.1x-0.5x)",
    ]
    assert column(tiers, "credits") == [credits * MICRO for credits in (8_250, 3_120, 1_477)]
    assert column(tiers, "share") == [64, 24, 12]
    assert total_of(tiers, "credits") == 12_847 * MICRO


def test_packs_pay_what_the_plan_does_not(world: World) -> None:
    world.ask("grants add plan 15000 monthly from 2026-03-01")
    world.ask("grants add pack 5000 expires 2026-06-30 from 2026-03-01")
    spend(world, {date(2026, 3, 20): 5_000})
    report = world.ask("report 2026-03", now=APRIL)
    assert report.headline == (
        "17,847 credits used: 15,000 of the plan, 2,847 additional. "
        "2,153 credits remaining: Team Plan 0, Credit Pack 2,153"
    )
    assert column(table(report, "grant"), "remaining") == [0, 2_153 * MICRO]


def test_what_no_grant_pays_is_overage(world: World) -> None:
    world.ask("grants add plan 10000 monthly from 2026-03-01")
    report = world.ask("report 2026-03", now=APRIL)
    found = facts(report)
    parts = (found[key].value for key in ("plan_used", "additional_used", "overage"))
    assert list(parts) == [10_000 * MICRO, 0, 2_847 * MICRO]
    assert "10,000 of the plan, 0 additional, 2,847 over." in report.headline


def test_without_grants_it_says_who_adds_them(world: World) -> None:
    report = world.ask("report 2026-03", now=APRIL)
    assert report.headline == "12,847 credits used"
    assert "remaining" not in facts(report)
    assert "grants add plan 15000 monthly" in notes(report)


def test_a_grant_bought_later_is_no_matter_of_an_earlier_month(world: World) -> None:
    world.ask("grants add plan 15000 monthly from 2026-04-01")
    assert "plan_used" not in facts(world.ask("report 2026-03", now=APRIL))


def test_the_average_is_over_what_is_known(world: World) -> None:
    at = to_micros(noon(world, date(2026, 3, 3)))
    world.write([event(ts=at, model="nobody-knows-1"), event(ts=at, model="nobody-knows-1")])
    report = world.ask("report 2026-03", now=APRIL)
    average = facts(report)["credits_per_prompt"]
    assert (average.value, average.note) == ("1.85", "of 6,944 prompts")
    assert "2 of 7 usage rows without a price" in notes(report)


def test_every_table_has_the_same_total(world: World) -> None:
    spend(world, {date(2026, 3, day): day for day in range(1, 20)}, model="nobody-knows-1")
    report = world.ask("report 2026-03", now=APRIL)
    totals = {total_of(table(report, key), "credits") for key in ("tier", "model", "person")}
    assert totals == {facts(report)["credits"].value}


@settings(max_examples=12)
@given(events=st.lists(EVENTS, min_size=1, max_size=50), plan=st.integers(1, 60))
def test_a_report_has_the_total_of_every_other_answer(
    sqlite_engine: sa.Engine, events: list[UsageEvent], plan: int
) -> None:
    world = World(sqlite_engine)
    world.write(events)
    world.ask(f"grants add plan {plan} from 2026-01-01")
    for month in ("2026-03", "2026-02"):
        found = facts(world.ask(f"report {month}"))
        if not found:
            continue
        [by_model] = [b for b in world.ask(f"by-model {month}").blocks if isinstance(b, Table)]
        total = total_of(by_model, "credits")
        assert found["credits"].value == total
        parts = [
            found[key].value for key in ("plan_used", "additional_used", "overage") if key in found
        ]
        assert sum(part for part in parts if isinstance(part, int)) == (total or 0)


def test_a_month_is_compared_with_the_whole_month_before(world: World) -> None:
    spend(world, rhythm(date(2026, 1, 20), date(2026, 3, 1)))
    before = sum(rhythm(date(2026, 2, 1), date(2026, 3, 1)).values())
    said = notes(world.ask("report 2026-03", now=APRIL))
    assert f"on February ({before:,.0f})." in said


def test_a_running_month_is_compared_with_as_many_days(sqlite_engine: sa.Engine) -> None:
    world = World(sqlite_engine)
    now = march(world)
    said = notes(world.ask("report", now=now))
    assert "on the first 23 days of February (" in said


def test_a_running_month_has_its_end_and_one_that_is_over_has_none(
    sqlite_engine: sa.Engine,
) -> None:
    world = World(sqlite_engine)
    now = march(world)
    running = world.ask("report", now=now)
    assert facts(running)["projected"].value == "about 19,500"
    assert "80% range" in facts(running)["projected"].note
    over = world.ask("report 2026-02", now=now)
    assert "projected" not in facts(over)
    assert isinstance(over.figure, BudgetFigure)
    assert over.figure.forecast is None


def test_nothing_is_compared_with_days_before_the_first_usage(world: World) -> None:
    assert "February" not in notes(world.ask("report 2026-03", now=APRIL))


def test_costs_stand_there_where_they_are_known(world: World) -> None:
    at = to_micros(noon(world, date(2026, 3, 3)))
    world.write([event(ts=at, cost_nano=12_400_000_000, currency="USD")])
    report = world.ask("report 2026-03", now=APRIL)
    assert (facts(report)["cost"].value, facts(report)["cost"].currency) == (12_400_000_000, "USD")
    assert "Cost is known for 1 of" in notes(report)


def test_people_are_for_who_may_see_them(world: World) -> None:
    with world.context(role="member", walls="admins", now=APRIL) as ctx:
        report = run("report 2026-03", ctx)
    assert "x.io" not in str(report)
    assert column(table(world.ask("report 2026-03", now=APRIL), "person"), "person")


def test_many_people_are_summed_in_one_row(world: World) -> None:
    at = to_micros(noon(world, date(2026, 3, 3)))
    world.write([event(ts=at, person=f"q{n}@x.io") for n in range(9)])
    people = table(world.ask("report 2026-03", now=APRIL), "person")
    assert column(people, "person")[-1] == "9 others"
    credits = [cell for cell in column(people, "credits") if isinstance(cell, int)]
    assert sum(credits) == total_of(people, "credits")


def test_both_databases_say_the_same(engine: sa.Engine) -> None:
    world = World(engine)
    now = march(world)
    world.ask("grants add plan 15000 monthly from 2026-01-01")
    world.ask("grants add pack 5000 from 2026-03-01")
    for line in ("rate 60 EUR", "price 0.1 EUR", "minutes 2"):
        world.ask(f"roi set {line}")
    said = {line: world.ask(line, now=now).headline for line in ("report", "budget", "roi")}
    assert said["report"].startswith("15,230 credits used: 15,000 of the plan, 230 additional.")
    assert said["budget"] == "Over budget since 24 March: 15,230 of 15,000."
    assert said["roi"] == "19,252 credits: assumed worth €60.00, cost €1,925.20, ×0.03"
    assert world.ask("forecast", now=now).headline == said["budget"]


def test_a_month_without_usage_says_so_and_what_is_owned(world: World) -> None:
    world.ask("grants add plan 15000 monthly from 2026-01-01")
    report = world.ask("report 2026-01", now=APRIL)
    assert report.headline == "No usage in 1–31 Jan 2026."
    assert column(table(report, "grant"), "remaining") == [15_000 * MICRO]


@pytest.mark.parametrize(
    ("line", "quoted", "help_"),
    [
        ("report 2026-12", "'2026-12' lies in the future.", "The running month is 2026-03."),
        ("report last 7d", "'last 7d' is not one month.", "report march"),
        ("report q1 2026", "'q1 2026' is not one month.", "report march"),
        ("report today", "'today' is not one month.", "report march"),
        ("report smarch", "smarch", "report march"),
    ],
)
def test_what_is_no_month_is_quoted(world: World, line: str, quoted: str, help_: str) -> None:
    with pytest.raises(UserError) as caught:
        world.ask(line, now=NOW)
    assert quoted in caught.value.message
    assert help_ in caught.value.hint


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("report", "April 2026"),
        ("report this month", "April 2026"),
        ("report last month", "March 2026"),
        ("report march", "March 2026"),
        ("report december", "December 2025"),
        ("report feb 2026", "February 2026"),
        ("report 2026-03-01..2026-03-31", "March 2026"),
    ],
)
def test_months_are_named_in_many_ways(world: World, line: str, title: str) -> None:
    assert world.ask(line, now=APRIL).title == f"{title} Credit Usage"
    assert parse(line).line == line
