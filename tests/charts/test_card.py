"""What holds for every card: frame, background, size, words that do not cover each other."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg

from analytics.figures import (
    Grain,
)
from charts import ThemeName
from charts.picture import compose
from charts.sheet import Sheet
from charts.theme import LIGHT, THEMES
from tests.charts.pictures import (
    SAMPLES,
    SCALE,
    THEME_NAMES,
    card,
    overlaps,
    pixels,
    png,
    rgb,
    texts,
    written,
)
from tests.charts.samples import Model, Person, model_figure, person_figure, timeline_figure

every_sample = pytest.mark.parametrize("name", SAMPLES)
both_themes = pytest.mark.parametrize("theme", THEME_NAMES)


@every_sample
@both_themes
def test_no_ink_lies_outside_the_padding(name: str, theme: ThemeName) -> None:
    image, background = pixels(name, theme), rgb(THEMES[theme].bg)
    pad = card(name, theme).sheet.pad
    near, far, below = ceil((pad - 0.5) * SCALE), int((pad - 0.5) * SCALE), int((pad - 5.5) * SCALE)
    for rim in (image[:near], image[-below:], image[:, :near], image[:, -far:]):
        assert (rim == background).all()
    assert (image[near:-below, near:-far] != background).any()


@every_sample
@both_themes
def test_corners_have_the_background_of_the_theme(name: str, theme: ThemeName) -> None:
    corners = pixels(name, theme)[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert {tuple(corner) for corner in corners.tolist()} == {rgb(THEMES[theme].bg)}


@every_sample
def test_a_card_is_1080_wide_and_at_most_as_high_as_a_chat_shows(name: str) -> None:
    height, width, _ = pixels(name, "light").shape
    made = card(name, "light")
    most = 1200 + (120 if name in {"long_words", "alike_models"} else 0)  # wrapped captions
    assert width == (1602 if "dashboard" in name else 1080)
    assert height == made.height * SCALE
    assert 300 <= height <= most
    assert len(png(name, "light")) < 100_000


@every_sample
def test_texts_do_not_cover_each_other(name: str) -> None:
    assert overlaps(card(name, "light")) == []


@every_sample
def test_nothing_is_written_smaller_than_seven_and_a_half_pixels(name: str) -> None:
    assert min(float(text.get_fontsize()) for text in written(card(name, "light"))) >= 7.5


@pytest.mark.parametrize(
    "name",
    [name for name in SAMPLES if name.startswith(("no_", "zero_"))],
)
def test_an_empty_figure_is_a_sentence_without_an_axis(name: str) -> None:
    made = card(name, "light")
    assert made.canvas.artists == written(made)
    assert any(words.endswith(".") for words, _ in texts(made))


def test_a_long_title_makes_the_card_higher_and_pushes_nothing_over_the_footer() -> None:
    short, long = card("one_person", "light"), card("long_words", "light")
    assert long.height == short.height + 17 + 12 + 10


NAMES = st.text(
    st.sampled_from("abcWi. -_@$^ñ王小明محمد عبدअनुראभतสมชาย김민🚀\u0301\u202e"), max_size=90
)
AMOUNTS = st.one_of(st.just(0.0), st.floats(0.000001, 10), st.floats(10, 1e5), st.floats(1e5, 1e9))
MODELS: st.SearchStrategy[Sequence[Model]] = st.lists(
    st.tuples(NAMES, AMOUNTS, st.none() | st.floats(0.001, 100)), min_size=1, max_size=12
)
PEOPLE: st.SearchStrategy[list[Person]] = st.lists(
    st.tuples(NAMES, AMOUNTS, st.none() | AMOUNTS, st.integers(0, 5000)), min_size=1, max_size=14
)
GRAINS: tuple[Grain, ...] = ("hour", "day", "week", "month")
few = settings(deadline=None, max_examples=25)


@few
@given(st.dictionaries(NAMES, MODELS, min_size=1, max_size=6), NAMES)
def test_no_models_make_texts_cover_each_other(
    families: dict[str, Sequence[Model]], title: str
) -> None:
    made = compose(model_figure(families, title), Sheet(LIGHT))
    FigureCanvasAgg(made.canvas)
    assert overlaps(made) == []


@few
@given(PEOPLE, st.booleans())
def test_no_people_make_texts_cover_each_other(people: list[Person], more: bool) -> None:  # noqa: FBT001  # a drawn value
    others = ("43 others", 1e9, 3.0, 7) if more else None
    made = compose(person_figure(people, others), Sheet(LIGHT))
    FigureCanvasAgg(made.canvas)
    assert overlaps(made) == []


@few
@given(
    st.lists(st.none() | AMOUNTS, min_size=1, max_size=80),
    st.sampled_from(GRAINS),
)
def test_no_buckets_make_texts_cover_each_other(values: list[float | None], grain: Grain) -> None:
    made = compose(timeline_figure(values, grain), Sheet(LIGHT))
    FigureCanvasAgg(made.canvas)
    assert overlaps(made) == []
