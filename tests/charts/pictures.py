"""Cards and pictures of the sample figures, each drawn once for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from itertools import combinations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.patches import Circle, PathPatch
from matplotlib.text import Text
from numpy.typing import NDArray
from PIL import Image

from charts import ThemeName, draw
from charts.card import Card
from charts.picture import compose
from charts.sheet import Sheet
from charts.theme import THEMES
from tests.charts.samples import samples

SAMPLES = samples()
# One of each kind.
KINDS = (
    "models", "people", "days", "budget", "times", "week", "tiers", "tasks", "rated",
    "dashboard", "lines", "movers",
)  # fmt: skip
THEME_NAMES: tuple[ThemeName, ...] = ("light", "dark")
SCALE = 3


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the PNG, from the top left."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box, tolerance: float = 1) -> bool:
        """Whether two boxes share more than a rim."""
        return (
            min(self.right, other.right) - max(self.left, other.left) > tolerance
            and min(self.bottom, other.bottom) - max(self.top, other.top) > tolerance
        )


@cache
def png(name: str, theme: ThemeName) -> bytes:
    """The file of a sample."""
    return draw(SAMPLES[name], theme=theme)


@cache
def pixels(name: str, theme: ThemeName) -> NDArray[np.uint8]:
    """The decoded picture (height, width, 3) of a sample."""
    return decoded(png(name, theme))


def decoded(file: bytes) -> NDArray[np.uint8]:
    """A picture (height, width, 3)."""
    return np.asarray(Image.open(BytesIO(file)).convert("RGB"))


@cache
def card(name: str, theme: ThemeName) -> Card:
    """The laid out card of a sample, with a canvas that can measure."""
    made = compose(SAMPLES[name], Sheet(THEMES[theme]))
    FigureCanvasAgg(made.canvas)
    return made


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def written(made: Card) -> list[Text]:
    """The texts of a card as they are drawn."""
    return [artist for artist in made.canvas.artists if isinstance(artist, Text)]


def texts(made: Card) -> Iterator[tuple[str, Box]]:
    """Every text of a card with its measured box."""
    height = made.height * SCALE
    for text in written(made):
        extent = text.get_window_extent()
        yield text.get_text(), Box(extent.x0, height - extent.y1, extent.x1, height - extent.y0)


def bars(made: Card) -> list[Box]:
    """The horizontal bars of a card, from the top down."""
    height = made.height * SCALE
    shapes = [artist for artist in made.canvas.artists if type(artist) is PathPatch]
    extents = [shape.get_window_extent() for shape in shapes]
    return [Box(e.x0, height - e.y1, e.x1, height - e.y0) for e in extents]


def blocks(made: Card) -> list[Box]:
    """The rectangles of a card that stand in a collection, in their order."""
    found = [artist for artist in made.canvas.artists if isinstance(artist, PolyCollection)]
    corners = [np.asarray(path.vertices) * SCALE for one in found for path in one.get_paths()]
    return [Box(*c.min(axis=0), *c.max(axis=0)) for c in corners]


def dots(made: Card) -> list[tuple[float, float]]:
    """The middles of the circles of a card in CSS pixels, in their order."""
    found = (artist for artist in made.canvas.artists if isinstance(artist, Circle))
    return [(float(dot.center[0]), float(dot.center[1])) for dot in found]


def overlaps(made: Card) -> list[tuple[str, str]]:
    """Pairs of texts of a card that cover each other."""
    return [(a, b) for (a, one), (b, two) in combinations(list(texts(made)), 2) if one.meets(two)]
