"""Figure in, picture out: pure functions without clock, database or locale."""

from __future__ import annotations

from analytics.figures import (
    Figure,
)
from charts.theme import Format, ThemeName

__all__ = ["Format", "ThemeName", "draw"]


def draw(
    figure: Figure,
    *,
    theme: ThemeName,
    format: Format = "png",  # noqa: A002  # the word people use for it
) -> bytes:
    """A card of 360 CSS pixels width (PNG: 1080 pixels) as a file; equal figures give equal bytes.

    Must run in one thread at a time: matplotlib's font objects are shared.
    """
    from charts.picture import picture  # noqa: PLC0415  # matplotlib costs 0.4 s; texts never pay

    return picture(figure, theme, format)
