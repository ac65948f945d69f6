"""A figure in a box of a page: at its place, as wide as the box, without padding and footer."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from numpy.typing import NDArray

from charts.card import Card
from charts.picture import compose
from charts.sheet import Sheet
from charts.theme import LIGHT
from tests.charts.pictures import KINDS, SAMPLES, SCALE, overlaps, texts

AT = (40, 100)
WIDTH = 515


def page() -> Canvas:
    """An empty A4 page at the resolution of a card."""
    return Canvas(figsize=(595 / 72, 842 / 72), dpi=72 * SCALE)


def drawn(canvas: Canvas) -> NDArray[np.uint8]:
    """Its pixels; one without ink is 255 in each of its four values."""
    agg = FigureCanvasAgg(canvas)
    agg.draw()  # type: ignore[no-untyped-call]  # matplotlib gives no types here
    return np.asarray(agg.buffer_rgba(), np.uint8)  # type: ignore[no-untyped-call]  # nor here


def boxed(name: str, canvas: Canvas) -> Card:
    return compose(SAMPLES[name], Sheet.box(canvas, AT, WIDTH, LIGHT))


@pytest.mark.parametrize("name", SAMPLES)
def test_all_ink_lies_in_the_box(name: str) -> None:
    canvas = page()
    made = boxed(name, canvas)
    left, top = (ceil((edge - 0.6) * SCALE) for edge in AT)
    right, bottom = (int((edge + 0.6) * SCALE) + 1 for edge in (AT[0] + WIDTH, AT[1] + made.height))
    paper = drawn(canvas)
    for margin in (paper[:top], paper[bottom:], paper[:, :left], paper[:, right:]):
        assert margin.min(initial=255) == 255
    assert paper[top:bottom, left:right].min() < 255
    assert overlaps(made) == []


@pytest.mark.parametrize("name", KINDS)
def test_a_box_has_the_title_and_no_footer(name: str) -> None:
    canvas = page()
    words = [text for text, _ in texts(boxed(name, canvas))]
    assert words[0] in SAMPLES[name].title
    assert SAMPLES[name].footer not in words


@pytest.mark.parametrize("name", KINDS)
def test_the_height_is_known_without_the_page(name: str) -> None:
    alone = compose(SAMPLES[name], Sheet(LIGHT, WIDTH, 0, has_footer=False))
    assert boxed(name, page()).height == alone.height


def test_two_figures_of_one_paperdo_not_meet() -> None:
    canvas = page()
    first = boxed("models", canvas)
    below = (AT[0], AT[1] + first.height + 20)
    compose(SAMPLES["days"], Sheet.box(canvas, below, WIDTH, LIGHT))
    ys, _ = np.nonzero((drawn(canvas) != 255).any(axis=2))
    rows = set(ys.tolist())
    middle = round((below[1] - 10) * SCALE)
    assert not rows.intersection(range(middle - 3, middle + 3))
    assert max(rows) > middle > min(rows)
