"""Colours stay apart for every eye and stand out from the background.

Colour vision: Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB; distance in OKLab
times 100, where a pair under 7 is hard to tell apart in small areas.  Contrast as in WCAG 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from charts.png import bucket
from charts.theme import THEMES, Theme
from tests.charts.pictures import rgb

Matrix = NDArray[np.float64]

VISION = {
    "normal": np.eye(3),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
every_theme = pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)


def linear(colour: str) -> Matrix:
    channel = np.array(rgb(colour)) / 255
    return np.where(channel <= 0.04045, channel / 12.92, ((channel + 0.055) / 1.055) ** 2.4)


def lab(colour: str, vision: Matrix) -> Matrix:
    seen: Matrix = TO_LAB @ np.cbrt(TO_LMS @ np.clip(vision @ linear(colour), 0, 1))
    return seen * 100


def contrast(one: str, two: str) -> float:
    low, high = sorted(float(linear(colour) @ LUMINANCE) for colour in (one, two))
    return (high + 0.05) / (low + 0.05)


@every_theme
@pytest.mark.parametrize("vision", VISION)
def test_families_stay_apart(theme: Theme, vision: str) -> None:
    seen = {name: lab(colour, VISION[vision]) for name, colour in theme.families.items()}
    distances = {(a, b): float(np.linalg.norm(seen[a] - seen[b])) for a, b in combinations(seen, 2)}
    assert min(distances.values()) >= 7, min(distances, key=distances.__getitem__)


def closest(colours: Sequence[str], vision: str) -> float:
    """The distance of the pair that is hardest to tell apart."""
    seen = [lab(colour, VISION[vision]) for colour in colours]
    return min(float(np.linalg.norm(one - two)) for one, two in combinations(seen, 2))


@every_theme
@pytest.mark.parametrize("vision", VISION)
def test_tiers_and_lines_side_by_side_stay_apart(theme: Theme, vision: str) -> None:
    assert closest([*theme.tiers.values()], vision) >= 18
    assert closest([*theme.tiers.values(), theme.tier("unknown")], vision) >= 7
    assert closest(theme.series, vision) >= 11


@every_theme
@pytest.mark.parametrize("vision", VISION)
def test_the_heat_map_goes_one_way_in_lightness(theme: Theme, vision: str) -> None:
    steps = [float(lab(theme.warmth(part / 24), VISION[vision])[0]) for part in range(25)]
    rises = [b - a for a, b in pairwise(steps)]
    assert len({rise > 0 for rise in rises}) == 1
    assert abs(steps[-1] - steps[0]) > 50


@every_theme
def test_warmth_meets_the_ends_and_stays_between_them(theme: Theme) -> None:
    assert theme.warmth(0) == theme.warmth(-1) == theme.heat[0]
    assert theme.warmth(1) == theme.warmth(7) == theme.heat[-1]
    assert theme.warmth(0.5) == theme.heat[3]


@every_theme
def test_words_are_legible_on_every_tier(theme: Theme) -> None:
    for tier in ("premium", "standard", "economy", "unknown"):
        area = theme.tier(tier)
        assert contrast(theme.written_on(area), area) >= 4.5


@every_theme
def test_status_words_are_legible(theme: Theme) -> None:
    words = (theme.ok, theme.warn, theme.crit, *theme.series)
    assert min(contrast(colour, theme.bg) for colour in words) >= 3.2


@every_theme
def test_bars_and_words_stand_out_from_the_background(theme: Theme) -> None:
    areas = {*theme.families.values(), theme.accent}
    assert min(contrast(colour, theme.bg) for colour in areas) >= 2.9
    assert min(contrast(c, theme.bg) for c in (theme.ink, theme.ink2, theme.muted)) >= 4.5
    assert contrast(theme.ink2, theme.panel) >= 4.5


@every_theme
def test_the_peak_stands_out_from_the_other_bars(theme: Theme) -> None:
    assert contrast(theme.accent, theme.accent_soft) >= 2


@every_theme
def test_the_palette_of_a_picture_can_hold_every_colour_exactly(theme: Theme) -> None:
    colours = set(theme.colours)
    assert len({bucket(*(int(c) for c in rgb(colour))) for colour in colours}) == len(colours)


def test_a_family_nobody_knows_has_the_colour_of_other() -> None:
    assert all(theme.family("Unheard of") == theme.families["Other"] for theme in THEMES.values())
