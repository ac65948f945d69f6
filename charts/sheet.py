"""Where a figure is drawn and in which words it is set: a card of its own, or a box of a page.

Everything is in CSS pixels from the top left; a CSS pixel is a point of a page and three pixels of
a PNG.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from matplotlib.figure import Figure as Canvas

from analytics.figures import (
    Figure,
)
from analytics.text import clean
from charts.lettering import Style, wrapped
from charts.theme import Theme
from charts.typeface import legible

Point = tuple[float, float]

WIDTH = 360
PAD = 14
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

TITLE_LINE = 17
LINE = 12
FOOT_LINE = 10


@dataclass(frozen=True, slots=True)
class Sheet:
    """The place of one figure: how wide, in which colours, and on which page if not on its own.

    To know how high a figure becomes before it takes its place, compose it on the same sheet
    without a page.
    """

    theme: Theme
    width: float = WIDTH
    pad: float = PAD
    has_footer: bool = True
    page: Canvas | None = None
    at: Point = (0, 0)

    @classmethod
    def box(cls, page: Canvas, at: Point, width: float, theme: Theme) -> Self:
        """A box of a page whose top left corner is `at` points from the page's.

        It has no padding and no footer, because the page has its own.
        """
        return cls(theme, width, 0, has_footer=False, page=page, at=at)

    @property
    def right(self) -> float:
        """Where the padding begins on the right."""
        return self.width - self.pad

    @property
    def room(self) -> float:
        """The width between the paddings."""
        return self.width - 2 * self.pad


@dataclass(frozen=True, slots=True)
class Caption:
    """The words around a picture, broken into lines; `top` and `foot` are the heights they take."""

    title: tuple[str, ...]
    subtitle: tuple[str, ...]
    footer: tuple[str, ...]
    pad: float

    @classmethod
    def of(cls, figure: Figure, sheet: Sheet) -> Self:
        """The caption of a figure; a title or subtitle has one or two lines, as has a footer."""
        return cls(
            title=_lines(figure.title, TITLE, sheet.room, balance=True),
            subtitle=_lines(figure.subtitle, SUBTITLE, sheet.room),
            footer=footer_lines(figure, sheet),
            pad=sheet.pad,
        )

    @property
    def top(self) -> float:
        """Where the body of the card begins."""
        head = TITLE_LINE * len(self.title) + LINE * len(self.subtitle)
        return self.pad + (8 + head if head else 0)

    @property
    def foot(self) -> float:
        """What stays free under the body: padding, footer and the gap above it."""
        return self.pad + (FOOT_LINE * len(self.footer) + 7 if self.footer else 0)


def footer_lines(figure: Figure, sheet: Sheet) -> tuple[str, ...]:
    """The footer in one or two lines; none where the sheet has none."""
    return _lines(figure.footer, FOOTER, sheet.room) if sheet.has_footer else ()


def _lines(sentence: str, style: Style, room: float, *, balance: bool = False) -> tuple[str, ...]:
    if not sentence:
        return ()
    text = legible(clean(sentence, MAX_SENTENCE))
    return tuple(wrapped(text, room, style, balance=balance))
