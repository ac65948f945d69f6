"""The budget's card: the curve from zero, lines at their per cents, the band, the labels."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from numpy.typing import NDArray

from analytics.figures import (
    BudgetFigure,
)
from charts import ThemeName
from charts.budget import marked_days
from charts.card import Card
from charts.picture import compose
from charts.sheet import Sheet
from charts.theme import LIGHT, THEMES
from tests.charts.kind_samples import SPENT, budget_figure
from tests.charts.pictures import SAMPLES, SCALE, THEME_NAMES, card, overlaps, pixels, rgb, texts

DAY = st.one_of(st.just(0.0), st.floats(0, 50), st.floats(0, 1e6))


def lines(made: Card, stroke: float) -> list[NDArray[np.float64]]:
    """The points of the lines of a stroke, in CSS pixels."""
    found = (artist for artist in made.canvas.artists if isinstance(artist, Line2D))
    return [
        np.column_stack([line.get_xdata(), line.get_ydata()])
        for line in found
        if line.get_linewidth() == stroke
    ]


def bands(made: Card) -> list[Polygon]:
    """The band of the forecast."""
    areas = [artist for artist in made.canvas.artists if isinstance(artist, Polygon)]
    return [area for area in areas if area.get_alpha() == 0.2]


def words(name: str) -> set[str]:
    return {text for text, _ in texts(card(name, "light"))}


def test_the_curve_rises_from_zero_in_proportion() -> None:
    (curve,) = lines(card("budget", "light"), 2.2)
    heights = curve[0, 1] - curve[:, 1]
    scale = heights[-1] / sum(SPENT)
    assert heights[0] == 0
    assert heights[1:] == pytest.approx(np.cumsum(SPENT) * scale, abs=1 / SCALE)


def test_the_lines_stand_at_their_per_cents_of_the_limit() -> None:
    made = card("budget", "light")
    (curve,), (full,) = lines(made, 2.2), lines(made, 1.1)
    base = curve[0, 1]
    scale = (base - curve[-1, 1]) / sum(SPENT)
    assert base - full[0, 1] == pytest.approx(20000 * scale, abs=1 / SCALE)
    thin = [line[0, 1] for line in lines(made, 0.7)]
    for percent in (75, 90):
        wanted = base - 200 * percent * scale
        assert min(abs(y - wanted) for y in thin) < 1 / SCALE


def test_a_raise_that_ends_is_a_step_down_to_the_limit_without_it() -> None:
    made = card("raised_budget", "light")
    (curve,), (full,) = lines(made, 2.2), lines(made, 1.1)
    base, scale = curve[0, 1], (curve[0, 1] - curve[-1, 1]) / sum(SPENT)
    raised, raised_end, fallen, end = full
    assert base - raised[1] == pytest.approx(22500 * scale, abs=1 / SCALE)
    assert raised_end[0] == fallen[0] < end[0]
    assert base - end[1] == pytest.approx(20000 * scale, abs=1 / SCALE)
    assert "20k" in words("raised_budget")


@pytest.mark.parametrize("theme", THEME_NAMES)
def test_status_colours_are_exact(theme: ThemeName) -> None:
    (full,) = lines(card("budget", theme), 1.1)
    left, y = (full[0] * SCALE).astype(int)
    column = pixels("budget", theme)[y - 3 : y + 4, left + 40]
    assert rgb(THEMES[theme].crit) in [tuple(pixel) for pixel in column.tolist()]


def test_labels_name_what_is_drawn() -> None:
    assert {"15,230 used", "75%", "90%", "100%", "~19.5k", "even pace", "31 Mar"} <= words("budget")


def test_without_a_limit_there_are_no_lines_and_no_pace() -> None:
    assert not {"75%", "90%", "100%", "even pace"} & words("unlimited")
    assert lines(card("unlimited", "light"), 1.1) == []
    assert len(bands(card("unlimited", "light"))) == 1


def test_a_finished_month_has_no_band() -> None:
    assert bands(card("finished_month", "light")) == []
    assert not any(text.startswith("~") for text in words("finished_month"))


def test_a_budget_of_nothing_is_a_line_at_zero() -> None:
    made = card("budget_of_nothing", "light")
    (full,), (curve,) = lines(made, 1.1), lines(made, 2.2)
    assert full[0, 1] == curve[0, 1]


@pytest.mark.parametrize("name", ["budget", "first_day", "over_budget", "far_over_budget"])
def test_what_is_used_is_written_inside_the_plot(name: str) -> None:
    made = card(name, "light")
    (curve,) = lines(made, 2.2)
    (box,) = (box for text, box in texts(made) if text.endswith(" used"))
    if "budget" in name:
        assert box.left / SCALE >= curve[0, 0]
    assert box.bottom / SCALE <= curve[0, 1] + 3


@pytest.mark.parametrize("times", [0, 0.03, 0.74, 0.9, 1, 1.8, 4, 30])
@pytest.mark.parametrize("day", [5, 24])
def test_what_is_used_is_not_written_on_the_band(times: float, day: int) -> None:
    spent = [20_000 * times / day] * day
    total = sum(spent)
    end = (total * (1 + 21 / day), total * 30 / day, total * (1 + 45 / day))
    made = compose(budget_figure(spent, 20_000, end, days=30), Sheet(LIGHT))
    FigureCanvasAgg(made.canvas)
    (band,) = bands(made)
    path = band.get_path()
    (box,) = (box for text, box in texts(made) if text.endswith(" used"))
    corners = np.array(
        [(x, y) for x in np.linspace(box.left, box.right, 40) for y in (box.top, box.bottom)]
    )
    assert not path.contains_points(corners / SCALE).any()


def test_what_is_used_stays_at_its_dot_between_the_lines() -> None:
    spent = [280 / 4] * 4 + [1520] + [862 / 19] * 19
    made = compose(budget_figure(spent, 3000, (2860, 2950, 3100), days=30), Sheet(LIGHT))
    FigureCanvasAgg(made.canvas)
    (curve,), (full,) = lines(made, 2.2), lines(made, 1.1)
    (box,) = (box for text, box in texts(made) if text.endswith(" used"))
    assert full[0, 1] < box.top / SCALE < box.bottom / SCALE < curve[-1, 1] + 1


def test_lines_that_would_lie_on_each_other_are_one() -> None:
    far = compose(budget_figure([600_000], 20_000), Sheet(LIGHT))
    near = compose(budget_figure([80_000], 20_000), Sheet(LIGHT))
    for made, named in ((far, {"100%"}), (near, {"75%", "90%", "100%"})):
        FigureCanvasAgg(made.canvas)
        assert {text for text, _ in texts(made) if text.endswith("%")} == named


@pytest.mark.parametrize("days", [1, 2, 7, 28, 31, 45, 92, 365])
def test_the_ends_of_a_period_are_marked_and_the_rest_in_order(days: int) -> None:
    marks = marked_days(budget_figure([1], days=days))
    inner = marks[2:]
    assert {0, days - 1} <= set(marks)
    assert all(a < b for a, b in pairwise(inner))
    assert all(0 < day < days - 1 for day in inner)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(DAY, min_size=1, max_size=31),
    st.none() | st.floats(0, 1e7),
    st.none() | st.tuples(st.floats(1, 2), st.floats(0, 1), st.floats(0, 1)),
)
def test_no_budget_makes_texts_cover_each_other(
    spent: list[float], limit: float | None, growth: tuple[float, float, float] | None
) -> None:
    total = sum(spent)
    end = growth and (total, total * growth[0], total * (growth[0] + growth[1] + growth[2]))
    made = compose(budget_figure(spent, limit, end), Sheet(LIGHT))
    FigureCanvasAgg(made.canvas)
    assert overlaps(made) == []


def test_samples_say_what_they_hold() -> None:
    figure = SAMPLES["budget"]
    assert isinstance(figure, BudgetFigure)
    assert figure.used[-1] == sum(SPENT) * 1_000_000
