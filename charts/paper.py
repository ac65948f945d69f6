"""One page of paper: words, lines and boxes at points from the top left corner.

A point is the same as a CSS pixel of a card, so that figures and words have one measure.
"""

from __future__ import annotations

from typing import Literal

from matplotlib.artist import Artist
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch
from matplotlib.transforms import Affine2D

from charts.lettering import DPI, Style
from charts.theme import LIGHT
from charts.typeface import font

WIDTH, HEIGHT = 595, 842  # A4
MARGIN = 40
ROOM = WIDTH - 2 * MARGIN
RIGHT = WIDTH - MARGIN
BOTTOM = HEIGHT - 62  # the footer stands below


class Paper:
    """A page being filled, light."""

    def __init__(self) -> None:
        self.canvas = Canvas(figsize=(WIDTH / 72, HEIGHT / 72), dpi=DPI, facecolor=LIGHT.bg)
        points = Affine2D().scale(1, -1).translate(0, HEIGHT).scale(1 / 72)
        self._points = points + self.canvas.dpi_scale_trans

    def text(
        self,
        at: tuple[float, float],
        text: str,
        style: Style,
        *,
        colour: str = LIGHT.ink,
        right: bool = False,
    ) -> None:
        """A text that stands on the baseline at a point, to its left where `right`."""
        align: Literal["left", "right"] = "right" if right else "left"
        properties = font(text, style.size, style.weight)
        drawn = self.canvas.text(*at, text, fontproperties=properties, color=colour, ha=align)
        drawn.set_transform(self._points)

    def hairline(self, y: float, colour: str = LIGHT.grid) -> None:
        """A thin line over the whole width."""
        self._add(Line2D([MARGIN, RIGHT], [y, y], color=colour, linewidth=0.7))

    def box(self, at: tuple[float, float], size: tuple[float, float]) -> None:
        """A panel with round corners; `at` is its top left corner."""
        panel = FancyBboxPatch(at, *size)
        panel.set_boxstyle("round", pad=0, rounding_size=3)
        panel.set(facecolor=LIGHT.panel, edgecolor=LIGHT.border, linewidth=0.7)
        self._add(panel)

    def _add(self, artist: Artist) -> None:
        artist.set_transform(self._points)
        self.canvas.add_artist(artist, clip=False)
