"""An opaque card laid out by hand: every coordinate is in CSS pixels from the top left.

One CSS pixel is one point of the file and three pixels of the PNG.  Nothing is drawn outside the
padding, and a long title or footer makes the card higher instead of covering rows.

The same functions draw into a box of a page: `compose(figure, Sheet.box(page, (x, y), width,
theme))` puts title, subtitle and body there; the card it returns tells its `height` in points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from charts.lettering import DPI, SCALE, Style, width
from charts.sheet import (
    FOOT_LINE,
    FOOTER,
    LINE,
    PILL,
    SENTENCE,
    SUBTITLE,
    TITLE,
    TITLE_LINE,
    Caption,
    Point,
    Sheet,
)
from charts.typeface import prepare
from charts.written import Align, Written

BAR_RADIUS = 2.2  # of the data end only, so that the length stays readable
PANEL_RADIUS = 5
CAP = 0.36  # half the height of capitals and digits, in font sizes
_CURVE = 0.5523  # a cubic curve with these handles is a quarter of a circle


class Card:
    """A picture being drawn; `body` is the height between caption and footer.

    `exact` are colours of large areas, beside those of the theme, that the PNG keeps to the bit.
    """

    def __init__(self, sheet: Sheet, caption: Caption, body: float) -> None:
        prepare()
        self.sheet = sheet
        self.theme = sheet.theme
        self.left = sheet.pad
        self.right = sheet.right
        self.top = caption.top
        self.bottom = caption.top + math.ceil(body)
        self.height = self.bottom + caption.foot
        self.exact: tuple[str, ...] = ()
        size = (sheet.width / 72, self.height / 72)
        self.canvas = sheet.page or Canvas(figsize=size, dpi=DPI, facecolor=self.theme.bg)
        x, y = sheet.at
        points = Affine2D().scale(1, -1).translate(x, 72 * self.canvas.get_figheight() - y)
        self._pixels = points.scale(1 / 72) + self.canvas.dpi_scale_trans
        self._caption(caption)

    def _caption(self, caption: Caption) -> None:
        y = self.left + 10.0
        for line in caption.title:
            self.text((self.left, y), line, TITLE, colour=self.theme.ink)
            y += TITLE_LINE
        for line in caption.subtitle:
            self.text((self.left, y), line, SUBTITLE, colour=self.theme.muted)
            y += LINE
        y = self.height - self.left + 3 - FOOT_LINE * (len(caption.footer) - 1)
        for line in caption.footer:
            self.text((self.left, y), line, FOOTER, colour=self.theme.muted)
            y += FOOT_LINE

    def text(
        self,
        at: Point,
        text: str,
        style: Style,
        *,
        colour: str,
        align: Align = "left",
    ) -> None:
        """A text that stands on the baseline at a point."""
        if text:
            self.add(Written(at, text, style, colour=colour, align=align))

    def label(
        self,
        at: Point,
        text: str,
        style: Style,
        *,
        colour: str,
        align: Align = "left",
    ) -> None:
        """A text whose digits are centred on the height of a point."""
        baseline = round((at[1] + CAP * style.size) * SCALE) / SCALE
        self.text((at[0], baseline), text, style, colour=colour, align=align)

    def add(self, artist: Artist) -> None:
        """Put an artist in CSS pixels on the card.

        Straight on the figure: an Axes over the card costs a third more for the same pixels.
        """
        artist.set_transform(self._pixels)
        self.canvas.add_artist(artist, clip=False)

    def square(self, at: Point, colour: str) -> None:
        """The mark of 8 pixels before a name or a word of the legend; `at` is its left middle."""
        self.add(Rectangle((at[0], at[1] - 4), 8, 8, facecolor=colour, linewidth=0))

    def blank(self, at: Point, size: Point) -> None:
        """Take the grid away behind a text; `at` is the top left corner."""
        self.add(Rectangle(at, *size, facecolor=self.theme.bg, linewidth=0))

    def veil(self, at: Point, size: Point) -> None:
        """Pale what lies behind a text, dots too; `at` is the top left corner."""
        veil = Rectangle(at, *size, facecolor=self.theme.bg, linewidth=0, alpha=0.8)
        veil.set_zorder(2.7)
        self.add(veil)

    def dashed(self, at: Point, size: Point) -> None:
        """The outline of what is not over yet; `at` is its top left corner."""
        outline = Rectangle((at[0] + 0.5, at[1] + 0.5), max(size[0] - 1, 0), max(size[1] - 1, 0))
        outline.set(fill=False, edgecolor=self.theme.accent, linewidth=1, linestyle=(0, (2, 1.5)))
        self.add(outline)

    def frame(self, at: Point, size: Point, colour: str, *, stroke: float) -> None:
        """A rim around a rectangle, inside it; `at` is its top left corner."""
        corner = at[0] + stroke / 2, at[1] + stroke / 2
        rim = Rectangle(corner, size[0] - stroke, size[1] - stroke, fill=False)
        rim.set(edgecolor=colour, linewidth=stroke, joinstyle="miter", zorder=2.5)
        self.add(rim)

    def line(
        self,
        points: Sequence[Point],
        *,
        colour: str,
        stroke: float,
        dashes: tuple[float, float] | None = None,
    ) -> None:
        """A line through points, with round joins and flat ends; grid lines lie under bars.

        `dashes` are lengths of ink and gap in strokes.
        """
        xs, ys = [x for x, _ in points], [y for _, y in points]
        line = Line2D(xs, ys, color=colour, linewidth=stroke)
        line.set_solid_capstyle("butt")
        line.set_solid_joinstyle("round")
        if dashes:
            line.set_linestyle((0, dashes))
        if colour == self.theme.grid:
            line.set_zorder(0.5)
        self.add(line)

    def hairline(self, y: float) -> None:
        """A thin line over the whole width; rows under it are not like those above."""
        self.line([(self.left, y), (self.right, y)], colour=self.theme.grid, stroke=0.7)

    def bar(self, at: Point, size: Point, colour: str) -> None:
        """A horizontal bar of (length, thickness) from the middle of its flat end.

        A negative length goes to the left; nothing is drawn for none.
        """
        length, thickness = size
        if length:
            outline = _rounded((at[0], at[1] - thickness / 2), size)
            self.add(PathPatch(outline, facecolor=colour, linewidth=0))

    def area(self, points: Sequence[Point], colour: str, *, opacity: float = 1) -> None:
        """A filled outline, which lies under lines."""
        self.add(Polygon(points, closed=True, facecolor=colour, linewidth=0, alpha=opacity))

    def blocks(self, blocks: Sequence[tuple[Point, Point, str]]) -> None:
        """Rectangles of (top left, size, colour), nothing between two that touch.

        One collection draws eight times as fast as so many rectangles.
        """
        corners = [[(x, y), (x + w, y), (x + w, y + h), (x, y + h)] for (x, y), (w, h), _ in blocks]
        if corners:
            colours = [colour for *_, colour in blocks]
            self.add(PolyCollection(corners, facecolors=colours, linewidths=0))

    def dot(
        self,
        at: Point,
        radius: float,
        face: str,
        *,
        edge: str,
        stroke: float,
        dashes: tuple[float, float] | None = None,
    ) -> None:
        """A circle with a rim; a hollow one has the background as its face."""
        dot = Circle(at, radius, facecolor=face, edgecolor=edge, linewidth=stroke)
        if dashes:
            dot.set_linestyle((0, dashes))
        dot.set_zorder(2.5)
        self.add(dot)

    def panel(self, at: Point, size: Point, colour: str) -> None:
        """A framed box under everything else; `at` is its top left corner."""
        box = FancyBboxPatch(at, *size)
        box.set_boxstyle("round", pad=0, rounding_size=PANEL_RADIUS)
        box.set(facecolor=colour, edgecolor=self.theme.border, linewidth=0.6, zorder=0.3)
        self.add(box)

    def pill(self, at: Point, text: str) -> None:
        """A short text in a rounded box; `at` is its right middle."""
        w, h = pill_width(text), PILL.size + 5
        box = FancyBboxPatch((at[0] - w, at[1] - h / 2), w, h)
        box.set_boxstyle("round", pad=0, rounding_size=h / 2)
        box.set(facecolor=self.theme.panel, edgecolor=self.theme.border, linewidth=0.6)
        self.add(box)
        middle = (at[0] - w / 2, at[1])
        self.label(middle, text, PILL, colour=self.theme.ink2, align="center")


def pill_width(text: str) -> float:
    """How wide the box around a text is."""
    return width(text, PILL) + 8


def _rounded(at: Point, size: Point) -> Path:
    """A rectangle from its flat end on, with round corners at the other."""
    (x, y), (w, h) = at, size
    r = min(BAR_RADIUS, abs(w), h / 2)
    k = _CURVE * r
    s = math.copysign(r, w), math.copysign(k, w)
    points = [
        *((x, y), (x + w - s[0], y)),
        *((x + w - s[0] + s[1], y), (x + w, y + r - k), (x + w, y + r)),
        (x + w, y + h - r),
        *((x + w, y + h - r + k), (x + w - s[0] + s[1], y + h), (x + w - s[0], y + h)),
        *((x, y + h), (x, y)),
    ]
    curve = [Path.CURVE4] * 3
    codes = [Path.MOVETO, Path.LINETO, *curve, Path.LINETO, *curve, Path.LINETO, Path.CLOSEPOLY]
    return Path(points, codes)


def note(sheet: Sheet, caption: Caption, sentence: str) -> Card:
    """A card that says in a sentence why there is nothing to draw."""
    card = Card(sheet, caption, 56)
    card.label((card.left, card.top + 28), sentence, SENTENCE, colour=card.theme.ink2)
    return card
