"""An opaque card laid out by hand: every coordinate is in CSS pixels from the top left.

One CSS pixel is one point of the file and three pixels of the PNG.  Nothing is drawn outside the
padding, and a long title or footer makes the card higher instead of covering rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from matplotlib.artist import Artist
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from analytics.figures import (
    Figure,
)
from analytics.text import clean
from charts.lettering import DPI, SCALE, Style, width, wrapped
from charts.theme import Theme
from charts.typeface import font, legible, prepare

Point = tuple[float, float]

WIDTH = 360
PAD = 14
RIGHT = WIDTH - PAD
ROOM = WIDTH - 2 * PAD
MAX_BODY = 318  # makes 400 with a title of one line, which a chat shows whole
MAX_SENTENCE = 400
MAX_NAME = 200  # the middle is cut by width; a shorter limit would cut the end before

TITLE = Style(13.5, 600)
SUBTITLE = Style(9)
NAME = Style(9)
VALUE = Style(9, 500)
STRONG = Style(9, 600)
SMALL = Style(8.5)
SENTENCE = Style(10)
LEGEND = Style(8)
COLUMN = Style(7.5, 500)
FOOTER = Style(7.5)
PILL = Style(7.5, 600)

BAR_RADIUS = 2.2  # of the data end only, so that the length stays readable
TITLE_LINE = 17
LINE = 12
FOOT_LINE = 10
CAP = 0.36  # half the height of capitals and digits, in font sizes
_CURVE = 0.5523  # a cubic curve with these handles is a quarter of a circle


@dataclass(frozen=True, slots=True)
class Caption:
    """The words around a picture, broken into lines; `top` and `foot` are the heights they take."""

    title: tuple[str, ...]
    subtitle: tuple[str, ...]
    footer: tuple[str, ...]

    @classmethod
    def of(cls, figure: Figure) -> Self:
        """The caption of a figure; a title or subtitle has one or two lines, as has a footer."""
        return cls(
            title=_lines(figure.title, TITLE, balance=True),
            subtitle=_lines(figure.subtitle, SUBTITLE),
            footer=_lines(figure.footer, FOOTER),
        )

    @property
    def top(self) -> int:
        """Where the body of the card begins."""
        return PAD + 9 + TITLE_LINE * len(self.title) + LINE * len(self.subtitle) - 1

    @property
    def foot(self) -> int:
        """What stays free under the body: padding, footer and the gap above it."""
        return PAD + (FOOT_LINE * len(self.footer) + 7 if self.footer else 0)


def _lines(sentence: str, style: Style, *, balance: bool = False) -> tuple[str, ...]:
    if not sentence:
        return ()
    text = legible(clean(sentence, MAX_SENTENCE))
    return tuple(wrapped(text, ROOM, style, balance=balance))


class Card:
    """A picture being drawn; `body` is the height between caption and footer."""

    def __init__(self, theme: Theme, caption: Caption, body: float) -> None:
        prepare()
        self.theme = theme
        self.top = caption.top
        self.bottom = caption.top + math.ceil(body)
        self.height = self.bottom + caption.foot
        size = (WIDTH / 72, self.height / 72)
        self.canvas = Canvas(figsize=size, dpi=DPI, facecolor=theme.bg)
        points = Affine2D().scale(1 / 72, -1 / 72).translate(0, self.height / 72)
        self._pixels = points + self.canvas.dpi_scale_trans
        self._caption(caption)

    def _caption(self, caption: Caption) -> None:
        y = PAD + 10.0
        for line in caption.title:
            self.text((PAD, y), line, TITLE, colour=self.theme.ink)
            y += TITLE_LINE
        for line in caption.subtitle:
            self.text((PAD, y), line, SUBTITLE, colour=self.theme.muted)
            y += LINE
        y = self.height - PAD + 3 - FOOT_LINE * (len(caption.footer) - 1)
        for line in caption.footer:
            self.text((PAD, y), line, FOOTER, colour=self.theme.muted)
            y += FOOT_LINE

    def text(
        self,
        at: Point,
        text: str,
        style: Style,
        *,
        colour: str,
        align: Literal["left", "center", "right"] = "left",
    ) -> None:
        """A text that stands on the baseline at a point."""
        properties = font(text, style.size, style.weight)
        drawn = self.canvas.text(*at, text, fontproperties=properties, color=colour, ha=align)
        drawn.set_transform(self._pixels)

    def label(
        self,
        at: Point,
        text: str,
        style: Style,
        *,
        colour: str,
        align: Literal["left", "center", "right"] = "left",
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

    def dashed(self, at: Point, size: Point) -> None:
        """The outline of what is not over yet; `at` is its top left corner."""
        outline = Rectangle((at[0] + 0.5, at[1] + 0.5), max(size[0] - 1, 0), max(size[1] - 1, 0))
        outline.set(fill=False, edgecolor=self.theme.accent, linewidth=1, linestyle=(0, (2, 1.5)))
        self.add(outline)

    def line(self, points: Sequence[Point], *, colour: str, stroke: float) -> None:
        """A line through points, with round joins and flat ends; grid lines lie under bars."""
        xs, ys = [x for x, _ in points], [y for _, y in points]
        line = Line2D(xs, ys, color=colour, linewidth=stroke)
        line.set_solid_capstyle("butt")
        line.set_solid_joinstyle("round")
        if colour == self.theme.grid:
            line.set_zorder(0.5)
        self.add(line)

    def hairline(self, y: float) -> None:
        """A thin line over the whole width; rows under it are not like those above."""
        self.line([(PAD, y), (RIGHT, y)], colour=self.theme.grid, stroke=0.7)

    def bar(self, at: Point, size: Point, colour: str) -> None:
        """A horizontal bar of (length, thickness) from its left middle; nothing for no length."""
        length, thickness = size
        if length > 0:
            outline = _rounded((at[0], at[1] - thickness / 2), size)
            self.add(PathPatch(outline, facecolor=colour, linewidth=0))

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
    """A rectangle with round corners at its right end."""
    (x, y), (w, h) = at, size
    r = min(BAR_RADIUS, w, h / 2)
    k = _CURVE * r
    points = [
        *((x, y), (x + w - r, y)),
        *((x + w - r + k, y), (x + w, y + r - k), (x + w, y + r)),
        (x + w, y + h - r),
        *((x + w, y + h - r + k), (x + w - r + k, y + h), (x + w - r, y + h)),
        *((x, y + h), (x, y)),
    ]
    curve = [Path.CURVE4] * 3
    codes = [Path.MOVETO, Path.LINETO, *curve, Path.LINETO, *curve, Path.LINETO, Path.CLOSEPOLY]
    return Path(points, codes)


def note(theme: Theme, caption: Caption, sentence: str) -> Card:
    """A card that says in a sentence why there is nothing to draw."""
    card = Card(theme, caption, 56)
    card.label((PAD, card.top + 28), sentence, SENTENCE, colour=theme.ink2)
    return card
