"""The timeline: bars, peak, gaps, the bucket that still runs, the labels of the axis."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from analytics.figures import (
    Grain,
    TimelineFigure,
)
from charts import ThemeName
from charts.card import Card
from charts.picture import compose
from charts.sheet import Sheet
from charts.theme import LIGHT, THEMES
from charts.timeline import axis_labels
from tests.charts.pictures import SAMPLES, SCALE, THEME_NAMES, card, pixels, rgb, texts
from tests.charts.samples import DAYS, timeline_figure


def outlines(name: str, theme: ThemeName = "light") -> list[NDArray[np.float64]]:
    """Corners of the bars of complete buckets in CSS pixels, from the top left."""
    artists = card(name, theme).canvas.artists
    (bars,) = (artist for artist in artists if isinstance(artist, PolyCollection))
    return [np.asarray(path.vertices) for path in bars.get_paths()]


def labels(name: str) -> list[str]:
    figure = SAMPLES[name]
    assert isinstance(figure, TimelineFigure)
    return [words for _, words in axis_labels(figure, 332)]


def lines(made: Card) -> list[Line2D]:
    """The runs of the moving average."""
    found = (artist for artist in made.canvas.artists if isinstance(artist, Line2D))
    return [
        line
        for line in found
        if line.get_linewidth() == 1.6 and np.asarray(line.get_ydata())[0] > 80
    ]


@pytest.mark.parametrize("theme", THEME_NAMES)
def test_the_peak_is_the_accent_and_the_other_bars_its_soft_form(theme: ThemeName) -> None:
    image = pixels("days", theme)
    amounts = [value or 0 for value in DAYS[:-1]]
    for corners, amount in zip(outlines("days", theme), amounts, strict=True):
        left, _ = np.rint(corners.min(axis=0) * SCALE).astype(int)
        right, bottom = np.rint(corners.max(axis=0) * SCALE).astype(int)
        peak = amount == max(amounts)
        colour = THEMES[theme].accent if peak else THEMES[theme].accent_soft
        bar = image[bottom - 12 : bottom - 3, left:right]
        assert (bar == rgb(colour)).all()
        assert tuple(image[bottom - 8, right]) == rgb(THEMES[theme].bg)


def test_heights_are_proportional_from_zero_within_a_pixel() -> None:
    shapes = outlines("days")
    heights = [float(np.ptp(corners[:, 1])) * SCALE for corners in shapes]
    scale = max(heights) / max(value or 0 for value in DAYS[:-1])
    for height, value in zip(heights, DAYS, strict=False):
        assert height == pytest.approx((value or 0) * scale, abs=1)


def test_the_label_names_the_peak() -> None:
    assert "Peak Wed 18 Mar · 580" in {words for words, _ in texts(card("days", "light"))}


def test_the_peak_week_is_called_by_its_first_day() -> None:
    said = {words for words, _ in texts(card("weeks", "light"))}
    assert any(words.startswith("Peak week of ") for words in said)


def test_a_bucket_that_still_runs_is_no_bar_and_is_explained() -> None:
    assert len(outlines("days")) == len(DAYS) - 1
    assert "Today so far" in {words for words, _ in texts(card("days", "light"))}
    assert "Today so far" not in {words for words, _ in texts(card("one_day", "light"))}


def test_unknown_is_blank_and_nothing_is_a_mark_on_the_axis() -> None:
    shapes = outlines("late_days")
    assert len(shapes) == 9  # of 30 days 20 are unknown and one still runs
    assert min(float(np.ptp(corners[:, 1])) for corners in shapes) == pytest.approx(1)


def test_the_average_breaks_off_at_a_gap() -> None:
    assert len(lines(card("gaps", "light"))) == 2
    assert lines(card("one_day", "light")) == []
    assert "7-day average" not in {words for words, _ in texts(card("one_day", "light"))}


def test_an_average_of_a_single_bucket_is_a_dash_as_wide_as_its_bar() -> None:
    (dash,) = lines(compose(timeline_figure([5, 6, 7, None, 8, 9], window=3), Sheet(LIGHT)))
    left, right = np.asarray(dash.get_xdata())
    assert 20 < right - left < 60


def test_400_buckets_leave_no_white_between_them() -> None:
    edges = sorted((c[:, 0].min(), c[:, 0].max()) for c in outlines("year_of_days"))
    assert len(edges) == 399
    assert all(a[1] == pytest.approx(b[0]) for a, b in pairwise(edges))


@pytest.mark.parametrize("count", [1, 2, 8, 9, 24, 31, 90, 400])
@pytest.mark.parametrize("grain", ["hour", "day", "week", "month"])
def test_labels_stand_in_order_and_at_equal_distances(count: int, grain: Grain) -> None:
    places = [place for place, _ in axis_labels(timeline_figure([1] * count, grain), 332)]
    gaps = np.diff(places)
    assert places
    assert (gaps > 0).all()
    # Months have 28 to 31 days, and every sixth hour and every Monday stand apart alike.
    assert len(gaps) == 0 or gaps.max() - gaps.min() <= 0.1 * gaps.max()


def test_labels_say_what_begins_there() -> None:
    assert labels("days") == ["2 Mar", "9 Mar", "16 Mar", "23 Mar", "30 Mar"]
    assert labels("big_today") == ["1 Mar", "2 Mar", "3 Mar", "4 Mar"]
    assert labels("hours")[:5] == ["1 Mar", "06:00", "12:00", "18:00", "2 Mar"]
    assert labels("months")[:2] == ["Mar 2026", "May"]
    assert "Jan 2027" in labels("months")
