"""Figure in, picture out: pure functions without clock, database or locale."""

from __future__ import annotations

from analytics.figures import (
    Figure,
)
from charts.document import Document
from charts.theme import Format, ThemeName

__all__ = ["Document", "Format", "ThemeName", "draw", "printed"]


def draw(
    figure: Figure,
    *,
    theme: ThemeName,
    format: Format = "png",  # noqa: A002  # the word people use for it
) -> bytes:
    """A card of 360 CSS pixels width (PNG: 1080 pixels) as a file; equal figures give equal bytes.

    Raises ValueError for a PNG on which nothing can be seen.
    Must run in one thread at a time: matplotlib's font objects are shared.
    """
    from charts.picture import picture  # noqa: PLC0415  # matplotlib costs 0.4 s; texts never pay

    return picture(figure, theme, format)


def printed(document: Document) -> bytes:
    """A document as a PDF file of A4 pages, light; equal documents give equal bytes.

    The same rule of one thread holds as for `draw`.
    """
    from charts.pages import pdf  # noqa: PLC0415  # loads matplotlib

    return pdf(document)
