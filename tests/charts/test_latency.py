"""Response times: dots at their place, one unit a card, what is marked, what does not fit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg

from charts import ThemeName
from charts.latency import FEW, Unit, fold
from charts.picture import compose
from charts.sheet import Sheet
from charts.theme import LIGHT, THEMES
from tests.charts.kind_samples import NAMES, TIMES, Time, latency_figure
from tests.charts.pictures import SCALE, THEME_NAMES, card, dots, overlaps, pixels, rgb, texts


def words(name: str) -> list[str]:
    return [text for text, _ in texts(card(name, "light"))]


def test_dots_stand_in_proportion_from_zero() -> None:
    made = card("times", "light")
    zero = next((box.left + box.right) / 2 / SCALE for text, box in texts(made) if text == "0 s")
    found = dots(made)[2:]  # after the legend's
    wanted = [ms for _, p50, p95, _ in TIMES for ms in (p95, p50)]
    scale = (found[0][0] - zero) / wanted[0]
    assert [x - zero for x, _ in found] == pytest.approx([ms * scale for ms in wanted], abs=0.4)


@pytest.mark.parametrize("theme", THEME_NAMES)
def test_filled_is_the_accent_and_hollow_the_background(theme: ThemeName) -> None:
    image, found = pixels("times", theme), dots(card("times", theme))[2:]
    for (slow_x, y), (fast_x, _) in zip(found[::2], found[1::2], strict=True):
        assert tuple(image[int(y * SCALE), int(slow_x * SCALE)]) == rgb(THEMES[theme].bg)
        assert tuple(image[int(y * SCALE), int(fast_x * SCALE)]) == rgb(THEMES[theme].accent)


def test_what_rests_on_few_prompts_is_explained_and_only_then() -> None:
    assert FEW in words("one_time")
    assert FEW not in words("times")


def test_without_a_p95_there_is_one_dot_and_no_word_about_it() -> None:
    assert len(dots(card("one_time", "light"))) == 3  # two in the legend
    assert not any("p95" in text for text in words("one_time"))


@pytest.mark.parametrize(
    ("ms", "slowest", "text"),
    [
        (700, 8200, "0.7"),
        (40, 8200, "0.04"),
        (240, 900, "240"),
        (5e5, 5e5, "500"),
        (0, 2000, "0.0"),
    ],
)
def test_a_card_writes_all_times_in_one_unit(ms: float, slowest: float, text: str) -> None:
    assert Unit.of(slowest).text(ms) == text


def test_a_day_of_hours_fits_and_more_are_counted() -> None:
    hours = latency_figure([(str(hour), 9, 9, 99) for hour in range(24)])
    assert fold(hours.rows) == (hours.rows, 0)
    sixty = latency_figure([(str(row), 9, 9, 99) for row in range(60)])
    shown, hidden = fold(sixty.rows)
    assert len(shown) + hidden == 60
    assert "37 more are not shown" in words("times_of_sixty")


MS = st.one_of(st.floats(0, 50), st.floats(50, 5000), st.floats(5000, 1e9))
ROWS: st.SearchStrategy[list[Time]] = st.lists(
    st.tuples(st.sampled_from(NAMES), MS, st.none() | MS, st.integers(0, 900)).map(
        lambda row: (row[0], row[1], row[2] and row[1] + row[2], row[3])
    ),
    min_size=1,
    max_size=30,
)


@settings(deadline=None, max_examples=25)
@given(ROWS)
def test_no_times_make_texts_cover_each_other(rows: list[Time]) -> None:
    made = compose(latency_figure(rows), Sheet(LIGHT))
    FigureCanvasAgg(made.canvas)
    assert overlaps(made) == []
