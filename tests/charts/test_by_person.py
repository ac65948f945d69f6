"""The card by person: bars, ticks, columns, others, names in every script."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from analytics.figures import (
    PersonFigure,
)
from charts import ThemeName, draw
from charts.by_person import fold
from charts.picture import compose
from charts.sheet import Sheet
from charts.theme import LIGHT, THEMES
from charts.typeface import legible
from tests.charts.pictures import SAMPLES, THEME_NAMES, bars, card, decoded, pixels, rgb, texts
from tests.charts.samples import PEOPLE, person_figure


@pytest.mark.parametrize("theme", THEME_NAMES)
def test_each_bar_is_the_accent_and_each_tick_is_ink(theme: ThemeName) -> None:
    image, colours = pixels("people", theme), THEMES[theme]
    drawn = bars(card("people", theme))
    scale = (drawn[0].right - drawn[0].left) / PEOPLE[0][1]
    for bar, (_, used, before, _) in zip(drawn, PEOPLE, strict=True):
        middle = image[int((bar.top + bar.bottom) / 2)]
        assert bar.right - bar.left == pytest.approx(used * scale, abs=1)
        assert tuple(middle[round(bar.left) + 2]) == rgb(colours.accent)
        if before:
            assert tuple(middle[int(bar.left + before * scale)]) == rgb(colours.ink)


@pytest.mark.parametrize("theme", THEME_NAMES)
def test_what_is_not_compared_with_the_tick_is_pale(theme: ThemeName) -> None:
    figure = person_figure([("Sarah", 400, 310, 100), ("Mike", 300, 300, 100)])
    first, second = figure.people
    running = replace(figure, people=(replace(first, compared=300 * 1_000_000), second))
    image = decoded(draw(running, theme=theme))
    whole, other = bars(compose(running, Sheet(THEMES[theme])))
    colours, row = THEMES[theme], image[int((whole.top + whole.bottom) / 2)]
    edge = whole.left + (whole.right - whole.left) * 0.75
    assert tuple(row[round(edge) - 3]) == rgb(colours.accent)
    assert tuple(row[round(edge) + 30]) == rgb(colours.accent_soft)
    assert other.right == pytest.approx(edge, abs=1)


def test_the_columns_of_numbers_end_on_the_same_pixel() -> None:
    boxes = dict(texts(card("people", "light")))
    for column in (("▲ 18%", "▼ 11%", "0%", "new", "Change"), ("2.1", "0.9", "1.4", "Per prompt")):
        assert len({round(boxes[words].right) for words in column}) == 1


def test_others_have_a_number_and_no_bar() -> None:
    made = card("people", "light")
    assert len(bars(made)) == len(PEOPLE)
    assert {"43 others", "1,660"} <= {words for words, _ in texts(made)}


@pytest.mark.parametrize("name", ["people", "nasty_people", "many_people", "extreme_people"])
def test_no_word_covers_a_bar(name: str) -> None:
    made = card(name, "light")
    words = list(texts(made))
    assert [text for bar in bars(made) for text, box in words if box.meets(bar)] == []


def test_a_column_in_which_nobody_has_a_value_is_left_out() -> None:
    assert "Change" not in {words for words, _ in texts(card("one_person", "light"))}


def test_more_people_than_fit_become_others_with_the_exact_sum() -> None:
    figure = SAMPLES["many_people"]
    assert isinstance(figure, PersonFigure)
    people, others = fold(figure, 13)
    assert others is not None
    assert (len(people), others.name) == (12, "488 others")
    shown = sum(person.credits for person in people) + others.credits
    assert shown == sum(person.credits for person in figure.people)


def test_the_credits_that_are_written_add_up_to_the_total_of_the_title() -> None:
    people = [(f"p{number}", 10.4, None, 5) for number in range(9)]
    made = compose(person_figure(people, ("20 others", 500.4, None, 300)), Sheet(LIGHT))
    numbers = [int(words) for words, _ in texts(made) if words.isdecimal()]
    assert sum(numbers) == 594  # 9 times 10.4 and 500.4


def test_others_of_the_figure_are_added_to_those_that_do_not_fit() -> None:
    figure = person_figure(PEOPLE, ("43 others", 1660, None, 1170))
    people, others = fold(figure, 5)
    assert others is not None
    assert (len(people), others.name, others.previous) == (4, "All others", None)
    assert others.credits == 1_000_000 * (790 + 580 + 520 + 500 + 330 + 980 - 980 + 1660)


@pytest.mark.parametrize("theme", THEME_NAMES)
def test_names_of_every_script_are_drawn_and_look_different(theme: ThemeName) -> None:
    image = pixels("people", theme)
    boxes = dict(texts(card("people", theme)))
    cells = []
    for name, *_ in PEOPLE[1:4] + PEOPLE[5:]:
        box = boxes[name]  # nothing was replaced: every character has a glyph
        cell = image[int(box.top) : int(box.bottom), 42:150] != rgb(THEMES[theme].bg)
        assert cell.any(axis=2).mean() > 0.02
        cells.append(cell.any(axis=2)[:24])
    assert all(not np.array_equal(one, two) for one, two in combinations(cells, 2))


def test_hostile_names_are_shown_as_plain_text() -> None:
    shown = {words for words, _ in texts(card("nasty_people", "light"))}
    assert {"gro.moc@evil", "tab and newline", "$x^2$ <b>&amp;</b>", "(no name)", "_x"} <= shown


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("王小明", "王小明"),
        ("தமிழ்", "□□□"),
        ("@ी", "@"),
        ("\u0301", "□"),
        ("ქართული", "ქართული"),
        ("👩\u200d🚀", "👩\u200d🚀"),
    ],
)
def test_what_no_font_can_draw_becomes_a_square(name: str, drawn: str) -> None:
    assert legible(name) == drawn
