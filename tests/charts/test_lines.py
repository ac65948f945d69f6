"""Lines: where they pass, where they break off, names at their ends; movers to both sides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from analytics.figures import (
    LineFigure,
    MoverFigure,
)
from charts import ThemeName
from charts.card import Card
from charts.movers import fold, step_text
from charts.picture import compose
from charts.sheet import Sheet
from charts.theme import LIGHT, THEMES
from tests.charts.kind_samples import MOVES, NAMES, WAVE, line_figure, mover_figure
from tests.charts.pictures import (
    SAMPLES,
    SCALE,
    THEME_NAMES,
    bars,
    card,
    dots,
    overlaps,
    pixels,
    rgb,
    texts,
    written,
)

few = settings(deadline=None, max_examples=25)


def runs(made: Card, colour: str) -> list[NDArray[np.float64]]:
    """The stretches of a line in CSS pixels."""
    found = (artist for artist in made.canvas.artists if isinstance(artist, Line2D))
    return [
        np.column_stack([line.get_xdata(), line.get_ydata()])
        for line in found
        if line.get_color() == colour and line.get_linewidth() == 1.8
    ]


def words(name: str) -> list[str]:
    return [text for text, _ in texts(card(name, "light"))]


def test_a_line_rises_in_proportion_from_zero() -> None:
    made = card("lines", "light")
    (line,) = runs(made, LIGHT.series[0])
    (slow,) = runs(made, LIGHT.series[2])
    heights, times = made.bottom - 18 - line[:, 1], made.bottom - 18 - slow[:, 1]
    assert heights == pytest.approx(heights[0] / WAVE[0] * np.array(WAVE))
    assert times == pytest.approx(2.5 * heights)


def test_a_line_breaks_off_where_nothing_is_known() -> None:
    made = card("lines", "light")
    assert [len(run) for run in runs(made, LIGHT.series[1])] == [6, 13]
    assert len(dots(made)) == 1  # one value stands between two gaps


@pytest.mark.parametrize("theme", THEME_NAMES)
def test_a_line_and_its_name_have_the_colour_of_its_place(theme: ThemeName) -> None:
    made, colours = card("lines", theme), THEMES[theme].series
    names = {text.get_text(): text.get_color() for text in written(made)}
    assert (names["Average"], names["GPT-4o"]) == (colours[0], colours[3])
    (line,) = runs(made, colours[2])
    x, y = np.rint(line[3:5].mean(axis=0) * SCALE).astype(int)
    column = pixels("lines", theme)[y - 2 : y + 3, x].tolist()
    assert rgb(colours[2]) in [tuple(pixel) for pixel in column]


def test_high_per_cents_are_not_squeezed_and_end_at_100() -> None:
    marks = [text for text in words("high_per_cents") if text.endswith("%")]
    assert "100%" in marks
    assert "0%" not in marks
    assert "0%" in words("low_per_cents")


def test_a_line_without_values_says_so_at_its_name() -> None:
    assert "Nothing –" in words("known_once")


def test_prompts_are_counted_in_whole_ones() -> None:
    assert "0.5" not in words("flat_zero")


LINES = st.builds(
    lambda series, unit: line_figure(dict(zip(NAMES, series, strict=False)), unit),
    st.lists(st.lists(st.none() | st.floats(0, 1e9), min_size=9, max_size=9), max_size=4),
    st.sampled_from(["credits", "seconds", "percent", "count"]),
)


@few
@given(LINES)
def test_no_lines_make_texts_cover_each_other(figure: LineFigure) -> None:
    made = compose(figure, Sheet(LIGHT))
    FigureCanvasAgg(made.canvas)
    assert overlaps(made) == []


@pytest.mark.parametrize("theme", THEME_NAMES)
def test_rises_go_right_and_falls_left_in_proportion(theme: ThemeName) -> None:
    image, colours, drawn = pixels("movers", theme), THEMES[theme], bars(card("movers", theme))
    steps = [step for step in MOVES.values() if step]
    scale = (drawn[0].right - drawn[0].left) / steps[0]
    zero = drawn[0].left
    for box, step in zip(drawn, steps, strict=True):
        assert box.right - box.left == pytest.approx(max(abs(step) * scale, SCALE), abs=1)
        assert (box.left if step > 0 else box.right) == pytest.approx(zero, abs=0.5)
        colour = colours.accent if step > 0 else colours.accent_soft
        if abs(step) > 10:
            middle = image[int((box.top + box.bottom) / 2), int((box.left + box.right) / 2)]
            assert tuple(middle) == rgb(colour)


@pytest.mark.parametrize("name", ["movers", "only_falls", "nasty_movers", "sixty_movers"])
def test_no_word_covers_a_bar_of_movers(name: str) -> None:
    made = card(name, "light")
    assert [text for bar in bars(made) for text, box in texts(made) if box.meets(bar)] == []


def test_steps_have_their_sign() -> None:
    assert [step_text(step) for step in (410_000_000, -2_500_000, 0)] == ["+410", "−2.5", "0"]


def test_what_is_folded_away_is_the_net_sum() -> None:
    figure = SAMPLES["sixty_movers"]
    assert isinstance(figure, MoverFigure)
    shown, others = fold(figure.movers, 15)
    assert others is not None
    every = sum(mover.step for mover in figure.movers)
    assert sum(mover.step for mover in shown) + others.step == every


@few
@given(st.dictionaries(st.sampled_from(NAMES), st.floats(-1e9, 1e9), min_size=1))
def test_no_movers_make_texts_cover_each_other(steps: dict[str, float]) -> None:
    made = compose(mover_figure(steps), Sheet(LIGHT))
    FigureCanvasAgg(made.canvas)
    assert overlaps(made) == []
