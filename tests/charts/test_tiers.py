"""Bars by tier: lengths, colours, shares, what is slim, what is folded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg

from analytics.query import TIERS as KEYS
from charts import ThemeName
from charts.picture import compose
from charts.sheet import Sheet
from charts.theme import LIGHT, THEMES
from charts.use_cases import fold
from tests.charts.kind_samples import CASES, NAMES, TIERS, Case, Tier, split_figure, tier_figure
from tests.charts.pictures import (
    SCALE,
    THEME_NAMES,
    blocks,
    card,
    overlaps,
    pixels,
    rgb,
    texts,
)

AMOUNT = st.one_of(st.just(0.0), st.floats(0.000001, 10), st.floats(10, 1e9))
few = settings(deadline=None, max_examples=25)


def words(name: str) -> list[str]:
    return [text for text, _ in texts(card(name, "light"))]


@pytest.mark.parametrize("theme", THEME_NAMES)
def test_each_part_has_exactly_the_colour_of_its_tier(theme: ThemeName) -> None:
    image = pixels("tiers", theme)
    for box, (tier, *_) in zip(blocks(card("tiers", theme)), [*TIERS, *TIERS], strict=True):
        row = image[int(box.top) + 6, round(box.left) + 1 : round(box.right) - 1]
        assert (row == rgb(THEMES[theme].tier(tier))).all()


@pytest.mark.parametrize("column", [2, 3], ids=["prompts", "credits"])
def test_parts_of_a_bar_are_proportional_and_fill_it(column: int) -> None:
    made = card("tiers", "light")
    drawn = blocks(made)[:3] if column == 2 else blocks(made)[3:]
    amounts = [float(row[column]) for row in TIERS]
    whole = drawn[-1].right - drawn[0].left
    assert whole == pytest.approx((made.right - made.left - 52) * SCALE)
    for box, amount in zip(drawn, amounts, strict=True):
        gap = SCALE if box is not drawn[-1] else 0
        assert box.right - box.left + gap == pytest.approx(whole * amount / sum(amounts), abs=1)


def test_shares_add_up_and_stand_in_the_parts() -> None:
    shares = [int(text[:-1]) for text in words("tiers") if text.endswith("%")]
    assert shares == [30, 28, 42, 64, 24, 12]


def test_a_part_too_slim_for_its_share_has_a_line_below() -> None:
    assert [text for text in words("slim_tiers") if text.endswith("%")] == ["100%", "100%"]
    assert "3 credits" in words("slim_tiers")


def test_a_bar_of_nothing_says_so() -> None:
    assert "none" in words("unpriced_tiers")
    assert len(blocks(card("unpriced_tiers", "light"))) == 1


@pytest.mark.parametrize("theme", THEME_NAMES)
def test_parts_of_a_task_have_length_and_colour_of_their_tier(theme: ThemeName) -> None:
    image, drawn = pixels("tasks", theme), iter(blocks(card("tasks", theme)))
    first = next(box for box in blocks(card("tasks", theme)))
    scale = (first.right - first.left + 0.6 * SCALE) / CASES[0][2][0]
    for _, _, parts in CASES:
        for (tier, *_), part in zip(TIERS, parts, strict=True):
            if part:
                box = next(drawn)
                assert box.right - box.left + 0.6 * SCALE == pytest.approx(part * scale, abs=1)
                colour = image[int(box.top) + 5, int((box.left + box.right) / 2)]
                assert tuple(colour) == rgb(THEMES[theme].tier(tier))


def test_a_legend_names_only_tiers_that_are_drawn() -> None:
    assert "Economy" not in words("huge_tasks")
    assert "Premium" in words("huge_tasks")
    assert "Premium ≥2×" in words("tasks")


def test_nothing_and_next_to_nothing_are_told_apart_by_tasks() -> None:
    assert {"100%", "<1%", "0%"} <= set(words("huge_tasks"))


@few
@given(st.integers(1, 60), st.integers(2, 20))
def test_folded_tasks_add_up_with_those_shown(count: int, most: int) -> None:
    figure = split_figure([(f"task {i}", 900.0 - i, (900 - i, 0, 0)) for i in range(count)])
    rows, others = fold(figure.rows, most)
    everything = [*rows, *([others] if others else [])]
    assert len(everything) <= most
    assert sum(row.credits for row in everything) == sum(row.credits for row in figure.rows)
    assert sum(row.share for row in everything) == 100
    assert np.sum([row.parts for row in everything]) == sum(row.credits for row in figure.rows)


TIER_ROWS: st.SearchStrategy[list[Tier]] = st.lists(
    st.tuples(st.sampled_from(KEYS), st.sampled_from(NAMES), st.integers(0, 10**6), AMOUNT),
    min_size=1,
    max_size=4,
)


@few
@given(TIER_ROWS)
def test_no_tiers_make_texts_cover_each_other(rows: list[Tier]) -> None:
    made = compose(tier_figure(rows), Sheet(LIGHT))
    FigureCanvasAgg(made.canvas)
    assert overlaps(made) == []


CASE_ROWS: st.SearchStrategy[list[Case]] = st.lists(
    st.tuples(st.sampled_from(NAMES), st.tuples(AMOUNT, AMOUNT, AMOUNT)).map(
        lambda row: (row[0], sum(row[1]), row[1])
    ),
    min_size=1,
    max_size=20,
)


@few
@given(CASE_ROWS)
def test_no_tasks_make_texts_cover_each_other(rows: list[Case]) -> None:
    made = compose(split_figure(rows), Sheet(LIGHT))
    FigureCanvasAgg(made.canvas)
    assert overlaps(made) == []
