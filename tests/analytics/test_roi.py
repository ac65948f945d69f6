"""Return on credits: nothing is told that nobody entered, every assumption is printed."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.errors import UserError
from analytics.report import Fact, Facts, Note, Report, Table
from bot.registry import run
from storage.engine import reading
from storage.events import MICRO, NANO
from tests.analytics.world import World, column, table_of, total_of
from tests.cast import NOW, event


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """Ten prompts of coding, of which one failed, and four of writing."""
    world = World(sqlite_engine)
    world.write([event(ok=n > 0) for n in range(10)])
    world.write([event(task="writing", ok=None) for _ in range(4)])
    return world


def facts(report: Report) -> dict[str, Fact]:
    found = (block for block in report.blocks if isinstance(block, Facts))
    return {fact.key: fact for block in found for fact in block.facts}


def notes(report: Report) -> str:
    return " ".join(block.text for block in report.blocks if isinstance(block, Note))


def assume(world: World, *lines: str) -> Report:
    for line in lines:
        world.ask(f"roi set {line}")
    return world.ask("roi today")


def test_cost_and_value_stand_side_by_side(world: World) -> None:
    report = assume(world, "price 0.50 EUR", "rate 60 EUR", "minutes 4")
    assert report.headline == "26 credits: assumed worth €52.00, cost €13.00, ×4.0"
    found = facts(report)
    assert (found["value"].value, found["cost"].value) == (52 * NANO, 13 * NANO)
    assert (found["factor"].value, found["factor"].unit) == (4.0, "factor")
    table = table_of(report)
    assert column(table, "task") == ["coding", "writing"]
    assert column(table, "prompts") == [9, 4]
    assert column(table, "minutes_saved") == [36, 16]
    assert total_of(table, "minutes_saved") == 52
    assert column(table, "credits") == [18 * MICRO, 8 * MICRO]


def test_every_assumption_is_printed(world: World) -> None:
    report = assume(world, "price 0.04 USD", "rate 60 EUR", "minutes 4", "minutes 6.5 task=coding")
    said = "4 minutes a prompt (coding 6.5) saved, €60.00 an hour, $0.04 a credit."
    assert said in notes(report)
    assert column(table_of(report), "minutes_each") == ["6.5", "4"]


def test_two_currencies_are_not_compared(world: World) -> None:
    report = assume(world, "price 0.04 USD", "rate 60 EUR", "minutes 4")
    assert "factor" not in facts(report)
    assert "×" not in report.headline
    assert "Value is in EUR and cost in USD" in notes(report)


@pytest.mark.parametrize(
    ("lines", "known", "missing"),
    [
        ((), set(), ("roi set price", "roi set rate", "roi set minutes")),
        (("price 1 EUR",), {"cost"}, ("roi set rate", "roi set minutes")),
        (("minutes 4",), {"hours"}, ("roi set price", "roi set rate")),
        (("rate 60 EUR", "minutes 4"), {"hours", "value"}, ("roi set price",)),
    ],
)
def test_what_is_missing_is_named_with_the_line_to_type(
    world: World, lines: tuple[str, ...], known: set[str], missing: tuple[str, ...]
) -> None:
    report = assume(world, *lines)
    assert set(facts(report)) == known
    assert all(line in notes(report) for line in missing)
    said = [
        line
        for line in ("roi set price", "roi set rate", "roi set minutes")
        if line in notes(report)
    ]
    assert said == list(missing)


def test_without_anything_no_return_is_told(world: World) -> None:
    report = assume(world)
    assert report.headline == "26 credits used; no return can be told yet"
    assert not [block for block in report.blocks if isinstance(block, Table)]


def test_a_task_without_minutes_is_unknown_and_not_zero(world: World) -> None:
    report = assume(world, "rate 60 EUR", "minutes 4 task=coding")
    table = table_of(report)
    assert column(table, "minutes_saved") == [36, None]
    assert total_of(table, "value") == 36 * NANO


def test_a_task_may_save_nothing(world: World) -> None:
    report = assume(world, "rate 60 EUR", "minutes 4", "minutes 0 task=writing")
    assert column(table_of(report), "value") == [36 * NANO, 0]


def test_all_failures_are_worth_nothing(sqlite_engine: sa.Engine) -> None:
    world = World(sqlite_engine)
    world.write([event(ok=False) for _ in range(3)])
    report = assume(world, "price 1 EUR", "rate 60 EUR", "minutes 4")
    assert report.headline == "0 credits: assumed worth €0.00, cost €0.00"
    assert "nan" not in str(report).casefold()


def test_many_tasks_are_summed_in_one_row(world: World) -> None:
    world.write([event(task=f"task {n}") for n in range(15)])
    table = table_of(assume(world, "price 1 EUR", "rate 60 EUR", "minutes 4"))
    assert len(table.rows) == 11
    assert column(table, "task")[-1] == "7 others"
    assert sum(cell for cell in column(table, "cost") if isinstance(cell, int)) == total_of(
        table, "cost"
    )


@settings(max_examples=15)
@given(st.integers(1, 10**6), st.integers(0, 600))
def test_totals_are_the_sums_of_their_rows(
    sqlite_engine: sa.Engine, cents: int, minutes: int
) -> None:
    world = World(sqlite_engine)
    world.write([event(task=task) for task in ("a", "b", "b", None)])
    report = assume(world, f"price {cents / 100} EUR", "rate 33.33 EUR", f"minutes {minutes}")
    table = table_of(report)
    for key in ("minutes_saved", "value", "cost", "credits", "prompts"):
        cells = [cell for cell in column(table, key) if isinstance(cell, int)]
        assert sum(cells) == total_of(table, key)


def test_no_usage_is_said(sqlite_engine: sa.Engine) -> None:
    assert World(sqlite_engine).ask("roi").headline == "No usage has come in yet."


# ---- setting


def test_what_is_set_is_said_and_audited(world: World) -> None:
    assert world.ask("roi set price 0.04 $").headline == ("A credit costs $0.04.")
    assert world.ask("roi set minutes 4 task=coding").headline == (
        "A prompt of coding saves 4 minutes."
    )
    world.ask("roi set price 0.05 USD")
    with reading(world.engine) as connection:
        rows = connection.execute(sa.text("SELECT action, object, before, after FROM audit")).all()
    assert tuple(rows[-1]) == ("roi set", "roi_price", "40000000 USD", "50000000 USD")
    assert len(rows) == 3


@pytest.mark.parametrize(
    ("line", "quoted", "help_"),
    [
        ("price free USD", "'free'", "0.04 USD"),
        ("price 0 USD", "'0'", "0.04 USD"),
        ("price 0.04", "needs currency: USD", "roi set price 0.04 USD"),
        ("price 0.04 dollars", "'dollars'", "three letters"),
        ("rate 1e9 EUR", "'1e9'", "0.04 USD"),
        ("minutes -4", "'-4'", "4 or 4.5"),
        ("minutes 601", "'601'", "4 or 4.5"),
        ("minutes 4 task=dancing", "'dancing'", "coding"),
    ],
)
def test_a_mistake_is_quoted_and_helped(world: World, line: str, quoted: str, help_: str) -> None:
    with pytest.raises(UserError) as caught:
        world.ask(f"roi set {line}")
    assert quoted in caught.value.message
    assert help_ in caught.value.hint


def test_only_admins_set_assumptions(world: World) -> None:
    with (
        world.context(role="lead", may_change=True, now=NOW) as ctx,
        pytest.raises(UserError, match="for admins"),
    ):
        run("roi set minutes 4", ctx)
