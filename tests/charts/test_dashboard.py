"""The dashboard: its size, tiles, panels; what is not there leaves its room to the rest."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import FancyBboxPatch

from analytics.figures import (
    DashboardFigure,
    Tile,
    TopList,
    TopRow,
)
from charts import ThemeName
from charts.dashboard import fold
from charts.picture import compose
from charts.sheet import Sheet
from charts.theme import LIGHT, THEMES
from tests.charts.kind_samples import NAMES, TOP_MODELS, budget_figure, dashboard_figure, micro
from tests.charts.pictures import THEME_NAMES, bars, card, overlaps, pixels, rgb, texts


def words(name: str) -> set[str]:
    return {text for text, _ in texts(card(name, "light"))}


def boxes(name: str) -> list[FancyBboxPatch]:
    """The tiles and panels."""
    artists = card(name, "light").canvas.artists
    return [artist for artist in artists if isinstance(artist, FancyBboxPatch)]


def test_a_dashboard_is_twice_as_wide_as_high() -> None:
    assert pixels("dashboard", "light").shape == (801, 1602, 3)


def has(name: str, colour: str) -> bool:
    """Whether something is drawn in a colour."""
    return bool((pixels(name, "light") == rgb(colour)).all(axis=-1).any())


def test_days_before_the_period_are_pale() -> None:
    assert has("dashboard_days", LIGHT.accent_soft)
    assert has("dashboard_one_day", LIGHT.accent)
    assert not has("dashboard_one_day", LIGHT.accent_soft)
    assert {"18 Mar", "24 Mar"} <= words("dashboard_days")


@pytest.mark.parametrize(
    ("name", "tiles", "panels"),
    [
        ("dashboard", 5, 3),
        ("dashboard_one_list", 5, 2),
        ("dashboard_burn_up", 3, 1),
        ("dashboard_lists", 4, 2),
        ("dashboard_days", 5, 3),
        ("dashboard_one_day", 5, 1),
        ("dashboard_no_day", 5, 2),
        ("dashboard_of_one", 1, 1),
        ("dashboard_untiled", 0, 2),
        ("dashboard_empty", 0, 0),
    ],
)
def test_tiles_and_panels_fill_the_width(name: str, tiles: int, panels: int) -> None:
    found = boxes(name)
    assert len(found) == tiles + panels
    for row in (found[:tiles], found[tiles:]):
        if row:
            assert row[0].get_x() == 13
            assert row[-1].get_x() + row[-1].get_width() == pytest.approx(534 - 13)


def test_numbers_of_tiles_and_lists_are_written_whole() -> None:
    assert {"15,230", "19,500", "80%: 19.1k–19.9k", "6,120", "48 others", "7,760"} <= words(
        "dashboard"
    )
    assert {"Budget", "~19.5k", "90%", "100%", "31 Mar"} <= words("dashboard")
    assert "75%" not in words("dashboard")


@pytest.mark.parametrize("theme", THEME_NAMES)
def test_bars_have_the_colour_of_the_family_or_the_accent(theme: ThemeName) -> None:
    image, colours = pixels("dashboard", theme), THEMES[theme]
    families = [colours.family(row.family) for row in TOP_MODELS.rows]
    drawn = bars(card("dashboard", theme))
    for box, colour in zip(drawn, [*families, *[colours.accent] * 4], strict=True):
        middle = image[int((box.top + box.bottom) / 2)]
        assert (middle[round(box.left) + 1 : round(box.right) - 6] == rgb(colour)).all()
    scale = (drawn[0].right - drawn[0].left) / TOP_MODELS.rows[0].credits
    for box, row in zip(drawn, TOP_MODELS.rows, strict=False):
        assert box.right - box.left == pytest.approx(row.credits * scale, abs=1)


def test_a_dashboard_of_nothing_says_so() -> None:
    assert "No credits were used in this range." in words("dashboard_empty")


def test_more_rows_than_fit_are_added_to_the_others() -> None:
    rows = tuple(TopRow(str(place), micro(place)) for place in range(7))
    shown, others = fold(TopList("Top", rows, TopRow("3 others", micro(100))))
    assert others is not None
    assert sum(row.credits for row in shown) + others.credits == micro(121)
    assert others.name == "All others"


@pytest.mark.parametrize("name", NAMES)
def test_a_label_of_any_script_leaves_the_number_below_it_free(name: str) -> None:
    made = compose(dashboard_figure([Tile(name, "1,234.5", name)] * 5, None, []), Sheet(LIGHT))
    FigureCanvasAgg(made.canvas)
    assert overlaps(made) == []


TEXT = st.sampled_from([*NAMES, "Used", "1,234.5", "a long note of many words in a row"])
CREDITS = st.integers(0, 10**15)
LISTS = st.builds(
    TopList,
    TEXT,
    st.lists(st.builds(TopRow, TEXT, CREDITS), max_size=6).map(tuple),
    st.none() | st.builds(TopRow, TEXT, CREDITS),
)


BURN_UPS = st.lists(st.floats(0, 1e7), max_size=31).map(lambda days: budget_figure(days, 2e7))
DASHBOARDS = st.builds(
    dashboard_figure,
    st.lists(st.builds(Tile, TEXT, TEXT, TEXT), max_size=6),
    st.none() | BURN_UPS,
    st.lists(LISTS, max_size=2),
)


@settings(deadline=None, max_examples=20)
@given(DASHBOARDS)
def test_no_dashboard_makes_texts_cover_each_other(figure: DashboardFigure) -> None:
    made = compose(figure, Sheet(LIGHT))
    FigureCanvasAgg(made.canvas)
    assert overlaps(made) == []
