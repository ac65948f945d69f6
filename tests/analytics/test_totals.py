"""Totals: a fault here makes two reports of one team disagree.

What must hold: models = people = days = tiers = total to the micro-credit, with filters and limits;
shares add up to 100; what is unknown is no zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.figures import TierFigure
from analytics.measures import Usage
from analytics.numbers import round_half_even, shares
from analytics.report import (
    Table,
)
from storage.events import Granularity, UsageEvent
from storage.timekeys import DAY_US, to_micros
from tests.analytics.world import World, column, table_of, total_of
from tests.cast import NOW, event

MODELS = ("gpt-4o", "claude-3-haiku", "o3-mini", "nobody-knows-1")
PEOPLE = ("alice@example.com", "bob@example.com", None)
DAY = 86_400_000_000

EVENTS = st.builds(
    lambda ago, model, person, ok, project, task: event(
        ts=to_micros(NOW) - ago,
        model=model,
        person=person,
        ok=ok,
        project=project,
        task=task,
        department=project,
        latency_ms=None,
    ),
    st.integers(0, 60 * DAY),
    st.sampled_from(MODELS),
    st.sampled_from(PEOPLE),
    st.sampled_from((True, False, None)),
    st.sampled_from(("Atlas", "Borealis", None)),
    st.sampled_from(("coding", "writing", "mail", None)),
)
LINES = ("last 60d", "last 30d", "2026-03", "2026-02-10..2026-03-05", "today")
SPLITS = (
    *("by-model", "by-user", "by-family", "by-tier", "by-project", "by-department", "by-task"),
    *("by-project limit=1", "by-tier limit=2", "timeline"),
)
FILTERS = ("", " model=gpt-4o", " person=alice@example.com", " tier=premium tier=economy")


def _credits(events: Sequence[UsageEvent]) -> int:
    prices = {"gpt-4o": 2_000_000, "claude-3-haiku": 500_000, "o3-mini": 1_000_000}
    return sum(prices.get(e.model, 0) for e in events if e.ok is not False)


@settings(max_examples=8)
@given(events=st.lists(EVENTS, min_size=1, max_size=60), words=st.sampled_from(LINES))
def test_every_split_has_the_same_total(
    engine: sa.Engine, events: list[UsageEvent], words: str
) -> None:
    world = World(engine)
    world.write(events)
    for narrowed in FILTERS:
        totals = set()
        for line in SPLITS:
            report = world.ask(f"{line} {words}{narrowed}")
            for table in (block for block in report.blocks if isinstance(block, Table)):
                credits = [cell for cell in column(table, "credits") if isinstance(cell, int)]
                assert sum(credits) == (total_of(table, "credits") or 0)
                totals.add((total_of(table, "credits"), total_of(table, "prompts")))
                if "share" in [known.key for known in table.columns]:
                    parts = sum(filter(None, column(table, "share")))  # type: ignore[arg-type]  # integers
                    assert parts == (100 if total_of(table, "credits") else 0)
        assert len(totals) <= 1


def test_the_total_is_the_sum_over_the_events(engine: sa.Engine) -> None:
    world = World(engine)
    events = [
        event(ts=to_micros(NOW - timedelta(hours=7 * n)), model=MODELS[n % 4], ok=n % 5 != 0)
        for n in range(80)
    ]
    world.write(events)
    for line in ("by-model last 60d", "by-user last 60d", "timeline last 60d by week"):
        assert total_of(table_of(world.ask(line)), "credits") == _credits(events)


def test_tiers_split_the_total(engine: sa.Engine) -> None:
    world = World(engine)
    world.write([event(model=model, ok=True) for model in MODELS for _ in range(3)])
    parts = {
        tier: total_of(table_of(world.ask(f"by-model today tier={tier}")), "credits")
        for tier in ("premium", "standard", "economy", "unknown")
    }
    assert parts == {
        "premium": 6_000_000,
        "standard": 3_000_000,
        "economy": 1_500_000,
        "unknown": None,
    }


@pytest.mark.parametrize("line", ["by-model last 7d limit=1", "by-user last 7d limit=1"])
def test_what_a_limit_hides_is_summed_in_the_row_of_others(engine: sa.Engine, line: str) -> None:
    world = World(engine)
    for number in range(5):
        model, person = MODELS[number % 3], f"p{number}@example.com"
        world.write([event(model=model, person=person) for _ in range(number + 1)])
    table = table_of(world.ask(line))
    assert len(table.rows) == 2
    assert table.others == 1
    assert sum(column(table, "credits")) == total_of(table, "credits")  # type: ignore[arg-type]  # integers
    assert sum(column(table, "prompts")) == total_of(table, "prompts")  # type: ignore[arg-type]  # integers


def test_what_has_no_price_is_shown_and_not_zero(engine: sa.Engine) -> None:
    world = World(engine)
    world.write([event(model="nobody-knows-1"), event(model="gpt-4o")])
    report = world.ask("by-model today")
    table = table_of(report)
    assert dict(zip(column(table, "model"), column(table, "credits"), strict=True)) == {
        "GPT-4o": 2_000_000,
        "nobody-knows-1": None,
    }
    assert any("1 of 2 usage rows without a price" in getattr(b, "text", "") for b in report.blocks)


def test_free_failures_are_no_price(engine: sa.Engine) -> None:
    world = World(engine)
    world.write([event(model="nobody-knows-1"), event(model="nobody-knows-1", ok=False)])
    assert column(table_of(world.ask("by-model today")), "credits") == [None]
    figure = world.ask("by-tier today").figure
    assert isinstance(figure, TierFigure)
    assert [tier.credits for tier in figure.tiers] == [None]


def test_prompts_that_a_source_does_not_state_are_not_zero(engine: sa.Engine) -> None:
    world = World(engine)
    start = to_micros(NOW) // DAY_US * DAY_US
    row = replace(
        event(ok=None, latency_ms=None, rating=None, ts=start),
        granularity=Granularity.DAY,
        prompts=None,
        credits=12_750_000,
    )
    world.write_days([row])
    table = table_of(world.ask("by-user today"))
    assert column(table, "prompts") == [None]
    assert column(table, "credits") == [12_750_000]
    assert column(table, "credits_per_prompt") == [None]


@given(st.lists(st.integers(0, 10**12), max_size=30))
def test_shares_add_up_to_100(parts: list[int]) -> None:
    found = shares(parts)
    assert sum(found) == (100 if sum(parts) else 0)
    assert all(abs(s - p * 100 / max(sum(parts), 1)) < 1 for s, p in zip(found, parts, strict=True))


def test_shares_of_the_mission() -> None:
    assert shares([8250, 3120, 1477]) == [64, 24, 12]


CELLS = st.lists(
    st.tuples(st.integers(1, 9), st.integers(1, 5), st.booleans()), min_size=1, max_size=8
)


@given(CELLS)
def test_a_sum_of_cells_knows_the_prompts_of_rows_without_a_price(
    cells: list[tuple[int, int, bool]],
) -> None:
    """Each cell has rows of one size; those of several prompts and no price leave it unknown."""
    usages = [
        Usage(rows, rows * size, 0 if bare else rows * 10, 0, rows if bare else 0)
        for rows, size, bare in cells
    ]
    whole = sum(usages, Usage())
    assert whole.per_prompt == _each(cells, usages)
    assert (whole - usages[0]).per_prompt in (None, _each(cells[1:], usages[1:]))


def _each(cells: Sequence[tuple[int, int, bool]], usages: Sequence[Usage]) -> int | None:
    """Credits a priced prompt; None where rows without a price are of several prompts."""
    priced = sum(rows * size for rows, size, bare in cells if not bare)
    if not priced or any(bare and size > 1 for _, size, bare in cells):
        return None
    return round_half_even(sum(usage.credits for usage in usages), priced)
