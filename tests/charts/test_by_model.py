"""The card by model: lengths and colours of bars, what is folded, what is not priced."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.figures import (
    FamilyBars,
    ModelBar,
    ModelFigure,
)
from analytics.numbers import credits_text
from charts import ThemeName
from charts.by_model import fold
from charts.picture import compose
from charts.sheet import MAX_BODY, Sheet
from charts.theme import LIGHT, THEMES
from tests.charts.pictures import SAMPLES, SCALE, THEME_NAMES, bars, card, pixels, rgb, texts
from tests.charts.samples import MODELS, many_models, model_figure

both_themes = pytest.mark.parametrize("theme", THEME_NAMES)


@both_themes
def test_each_bar_has_exactly_the_colour_of_its_family(theme: ThemeName) -> None:
    image = pixels("models", theme)
    colours = [THEMES[theme].family(family) for family, rows in MODELS.items() for _ in rows]
    for bar, colour in zip(bars(card("models", theme)), colours, strict=True):
        middle = image[int((bar.top + bar.bottom) / 2)]
        assert (middle[round(bar.left) : round(bar.right) - 1] == rgb(colour)).all()
        assert tuple(middle[round(bar.right) + 1]) == rgb(THEMES[theme].bg)
        assert tuple(middle[round(bar.left) - 1]) == rgb(THEMES[theme].bg)


def test_lengths_are_proportional_from_zero_within_a_pixel() -> None:
    drawn = bars(card("models", "light"))
    amounts = [row[1] for rows in MODELS.values() for row in rows]
    scale = (drawn[0].right - drawn[0].left) / amounts[0]
    assert len({bar.left for bar in drawn}) == 1
    for bar, amount in zip(drawn, amounts, strict=True):
        assert bar.right - bar.left == pytest.approx(amount * scale, abs=1)


@pytest.mark.parametrize("name", ["models", "sixty_models", "tiny_and_huge", "alike_models"])
def test_no_word_covers_a_bar(name: str) -> None:
    made = card(name, "light")
    words = list(texts(made))
    assert [text for bar in bars(made) for text, box in words if box.meets(bar)] == []


def test_totals_of_families_end_on_the_same_pixel() -> None:
    image = pixels("models", "light")
    edges = [
        np.nonzero((image[int(box.top) : int(box.bottom)] != 255).any(axis=(0, 2)))[0].max()
        for words, box in texts(card("models", "light"))
        if words.endswith("%")
    ]
    assert len(edges) == 3
    assert len(set(edges)) == 1


def test_a_multiplier_is_a_pill_and_a_missing_one_a_question() -> None:
    assert {"2×", "2.5×", "0.3×"} < {words for words, _ in texts(card("models", "light"))}
    shown = [words for words, _ in texts(card("unpriced", "light"))]
    assert "?" in shown
    assert shown.count("unpriced") == 2
    assert "0" not in shown


def test_sums_over_models_without_a_price_say_so() -> None:
    models = (ModelBar("a", 2_000_000, 1_000_000), ModelBar("b", 0, None, priced=False))
    figure = ModelFigure("t", "", "", "", (FamilyBars("Grok", 2_000_000, 100, models),))
    shown = {words for words, _ in texts(compose(figure, Sheet(LIGHT)))}
    assert {"2 · 100% + unpriced", "2", "unpriced"} <= shown


def test_nothing_and_next_to_nothing_are_told_apart() -> None:
    made = card("tiny_and_huge", "light")
    assert len(bars(made)) == 3  # of four models one used nothing
    assert {"<1%", "0.000001", "1,000,000,000"} <= {
        part for words, _ in texts(made) for part in words.split(" · ")
    }


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 120), st.integers(100, MAX_BODY))
def test_what_is_folded_away_adds_up_with_what_is_shown(count: int, room: int) -> None:
    figure = model_figure(many_models(count))
    sections, folded = fold(figure.families, room)
    shown = [model for section in sections for model in (*section.shown, *section.hidden)]
    total = sum(family.credits for family in figure.families)
    assert sum(m.credits for m in shown) + sum(f.credits for f in folded) == total
    assert all(len(section.hidden) != 1 for section in sections)
    assert sum(section.height for section in sections) + 18 * bool(folded) <= room
    smallest = min(section.family.credits for section in sections)
    assert all(family.credits <= smallest for family in folded)


@pytest.mark.parametrize("name", ["sixty_models", "sixty_of_a_family"])
def test_rows_of_others_say_how_many_and_how_much(name: str) -> None:
    figure = SAMPLES[name]
    assert isinstance(figure, ModelFigure)
    sections, folded = fold(figure.families, MAX_BODY - 4)
    shown = {words for words, _ in texts(card(name, "light"))}
    for section in sections:
        hidden = sum(model.credits for model in section.hidden)
        assert {f"{len(section.hidden)} others", credits_text(hidden)} <= shown
    if folded:
        models = sum(len(family.models) for family in folded)
        assert f"{len(folded)} more families, {models} models" in shown


def test_families_add_up_to_the_total_and_models_to_their_family() -> None:
    rows = {name: [(f"{name} {n}", 10.4, 1) for n in range(2)] for name in ("ChatGPT", "Claude")}
    made = compose(model_figure(rows), Sheet(LIGHT))
    shown = [words.partition(" ·")[0] for words, _ in texts(made)]
    numbers = [int(words) for words in shown if words.isdecimal()]
    assert numbers == [21, 11, 10, 21, 11, 10]  # 41.6 in all


def test_sixty_models_fill_the_card() -> None:
    assert 380 * SCALE <= len(pixels("sixty_models", "light")) <= 400 * SCALE
