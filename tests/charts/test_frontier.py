"""Quality against price: dots at their place, the step line, names that meet nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Circle

from charts import ThemeName
from charts.card import Card
from charts.frontier import FEW
from charts.picture import compose
from charts.sheet import Sheet
from charts.theme import LIGHT, THEMES
from tests.charts.kind_samples import NAMES, RATED, Rated, frontier_figure
from tests.charts.pictures import (
    SCALE,
    THEME_NAMES,
    card,
    dots,
    overlaps,
    pixels,
    rgb,
    texts,
)


def words(name: str) -> set[str]:
    return {text for text, _ in texts(card(name, "light"))}


def drawn(made: Card) -> list[tuple[tuple[float, float], Rated]]:
    """Circles with the rows they stand for; the largest is drawn first."""
    return list(zip(dots(made), sorted(RATED, key=lambda row: -row[4]), strict=True))


def axis(made: Card, *, across: bool) -> tuple[float, float]:
    """(pixels of a unit, pixel of zero) as two labels of an axis say it."""
    ends = {}
    for text, box in texts(made):
        middle = (box.left + box.right, box.top + box.bottom)[not across] / 2 / SCALE
        if text in (("0", "2") if across else ("4.2", "4.8")):
            ends[float(text)] = middle
    (low, start), (high, end) = sorted(ends.items())
    unit = (end - start) / (high - low)
    return unit, start - low * unit


def test_each_dot_stands_at_its_price_and_rating() -> None:
    made = card("rated", "light")
    (wide, left), (high, base) = axis(made, across=True), axis(made, across=False)
    for (x, y), (_, _, price, rating, _) in drawn(made):
        assert x == pytest.approx(left + price * wide, abs=1)
        assert y == pytest.approx(base + rating * high, abs=1)


@pytest.mark.parametrize("theme", THEME_NAMES)
def test_efficient_ones_are_filled_with_the_colour_of_their_family(theme: ThemeName) -> None:
    image, colours = pixels("rated", theme), THEMES[theme]
    filled = {"Claude 3 Haiku", "Claude 3.5 Sonnet", "GPT-4o", "Claude 3.7 Sonnet"}
    for (x, y), (name, family, *_) in drawn(card("rated", theme)):
        if name in filled:
            assert tuple(image[round(y * SCALE), round(x * SCALE)]) == rgb(colours.family(family))
        elif name == "GPT-4 Turbo":  # on no grid line and in no tint
            assert tuple(image[round(y * SCALE) + 3, round(x * SCALE) - 6]) == rgb(colours.bg)


def test_areas_grow_with_the_prompts() -> None:
    made = card("rated", "light")
    circles = [artist for artist in made.canvas.artists if isinstance(artist, Circle)]
    sizes = [circle.radius for circle in circles]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 1.4 * sizes[-1]


def test_every_model_of_a_few_has_its_name() -> None:
    assert {name for name, *_ in RATED} <= words("rated")
    assert "credits per prompt →" in words("rated")


def test_what_rests_on_few_prompts_is_dashed_and_explained() -> None:
    assert FEW in words("one_rated")
    assert FEW not in words("rated")


def test_of_sixty_the_efficient_have_names_and_the_rest_are_counted() -> None:
    shown = words("sixty_rated")
    assert {"model-9-2026-03-09", "model-30-2026-03-30", "model-43-2026-03-43"} <= shown
    named = sum(text.startswith("model-") for text in shown)
    assert f"{60 - named} without a name here" in shown


def test_success_is_in_per_cent_and_never_over_100() -> None:
    marks = {text for text in words("always_successful") if text.endswith("%")}
    assert "100%" in marks
    assert all(float(mark[:-1]) <= 100 for mark in marks)


ROWS: st.SearchStrategy[list[Rated]] = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from(["Claude", "Grok"]),
        st.one_of(st.just(0.0), st.floats(0.001, 10), st.floats(0, 1e9)),
        st.floats(1, 5),
        st.integers(0, 10**6),
    ),
    min_size=1,
    max_size=25,
)


@settings(deadline=None, max_examples=25)
@given(ROWS)
def test_no_models_make_texts_cover_each_other(rows: list[Rated]) -> None:
    made = compose(frontier_figure(rows), Sheet(LIGHT))
    FigureCanvasAgg(made.canvas)
    assert overlaps(made) == []
