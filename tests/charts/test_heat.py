"""The hours of a week: colours of cells, the ring, what is not known."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.figures import (
    HeatFigure,
)
from charts import ThemeName
from charts.theme import THEMES
from tests.charts.kind_samples import DAYS, HOURS
from tests.charts.pictures import (
    SAMPLES,
    SCALE,
    THEME_NAMES,
    Box,
    blocks,
    card,
    pixels,
    rgb,
    texts,
)


def cells(name: str, theme: ThemeName = "light") -> list[Box]:
    """The drawn cells, without the steps of the legend's ramp."""
    return [block for block in blocks(card(name, theme)) if block.right - block.left > 5 * SCALE]


def middle(box: Box) -> tuple[int, int]:
    return int((box.top + box.bottom) / 2), int((box.left + box.right) / 2)


@pytest.mark.parametrize("theme", THEME_NAMES)
def test_each_cell_has_the_colour_of_its_share_of_the_largest(theme: ThemeName) -> None:
    image, drawn = pixels("week", theme), cells("week", theme)
    values = [day * hour for day in DAYS for hour in HOURS]
    assert len(drawn) == 7 * 24
    for box, value in zip(drawn, values, strict=True):
        wanted = rgb(THEMES[theme].warmth(value / max(values)))
        assert (
            np.abs(image[middle(box)].astype(int) - wanted).max() < 8
        )  # of its bucket in the palette


@pytest.mark.parametrize("theme", THEME_NAMES)
def test_the_ends_of_the_scale_are_exact(theme: ThemeName) -> None:
    image, drawn = pixels("week", theme), cells("week", theme)
    assert tuple(image[middle(drawn[1])]) == rgb(THEMES[theme].heat[0])
    assert tuple(image[middle(drawn[24 + 14])]) == rgb(THEMES[theme].heat[-1])


@pytest.mark.parametrize("theme", THEME_NAMES)
def test_the_ring_around_the_peak_has_two_tones(theme: ThemeName) -> None:
    image, box = pixels("week", theme), cells("week", theme)[24 + 14]
    row = image[middle(box)[0], int(box.left) : int(box.left) + 12]
    found = {tuple(pixel) for pixel in row.tolist()}
    assert {rgb(THEMES[theme].ink), rgb(THEMES[theme].bg)} <= found


def test_unknown_is_the_background_and_explained_and_nothing_is_not() -> None:
    image = pixels("week_with_gaps", "light")
    figure = SAMPLES["week_with_gaps"]
    assert isinstance(figure, HeatFigure)
    assert figure.cells[3][10] is None
    hole = cells("week", "light")[3 * 24 + 10]
    assert tuple(image[middle(hole)]) == rgb(THEMES["light"].bg)
    assert "no data" in {text for text, _ in texts(card("week_with_gaps", "light"))}
    assert "no data" not in {text for text, _ in texts(card("week", "light"))}


def test_the_scale_says_the_largest_average() -> None:
    assert "69 credits an hour" in {text for text, _ in texts(card("week", "light"))}
    assert "1B credits an hour" in {text for text, _ in texts(card("one_hour", "light"))}
