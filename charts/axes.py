"""Axes drawn by hand: round marks, their lines and their labels, all in CSS pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from analytics.numbers import axis_text
from charts.card import Card
from charts.lettering import SCALE, Style, width
from charts.sheet import SMALL

CREDIT_STEPS = (10, 20, 25, 50)  # tenths
PLAIN_STEPS = (10, 20, 50)
LABEL_GAP = 6
DIGITS = 3  # of an amount beside an axis


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high` along pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The pixel of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def ticks(low: int, high: int, *, most: int = 4, steps: Sequence[int] = CREDIT_STEPS) -> list[int]:
    """One to `most` round numbers between two, ends included, beside those under one step."""
    sizes = (max(factor * 10**power // 10, 1) for power in count() for factor in steps)
    step = next(size for size in sizes if (high - low) // size <= most)
    return list(range(-(-low // step) * step, high + 1, step))


def about(micro: int) -> str:
    """An amount beside the axis in three digits: `19.5k`."""
    drop = max(len(str(abs(micro))) - DIGITS, 0)
    return axis_text(round(micro, -drop))


def clamped(value: float, low: float, high: float) -> float:
    """The value, moved between two others."""
    return min(max(value, low), high)


def on_pixel(value: float) -> float:
    """The nearest border between two pixels of the PNG."""
    return round(value * SCALE) / SCALE


def value_axis(
    card: Card,
    marks: Sequence[tuple[float, str]],
    edges: tuple[float, float],
    *,
    style: Style = SMALL,
    has_grid: bool = True,
) -> None:
    """Labels (height, words) left of a plot and lines across it; the lowest is its zero line."""
    left, right = edges
    base = max((y for y, _ in marks), default=0)
    for height, words in marks:
        y = on_pixel(height)
        if has_grid or height == base:
            colour = card.theme.border if height == base else card.theme.grid
            card.line([(left, y), (right, y)], colour=colour, stroke=0.7)
        card.label((left - 5, y), words, style, colour=card.theme.muted, align="right")


def foot_labels(
    card: Card,
    labels: Sequence[tuple[float, str]],
    y: float,
    edges: tuple[float, float],
    *,
    style: Style = SMALL,
) -> None:
    """Labels (middle, words) on a baseline, moved between two edges.

    One that would touch its neighbour is left out; the first stays before later ones.
    """
    taken: list[tuple[float, float]] = []
    for middle, words in labels:
        half = width(words, style) / 2
        x = clamped(middle, edges[0] + half, edges[1] - half)
        span = x - half - LABEL_GAP, x + half + LABEL_GAP
        if all(span[1] <= start or span[0] >= end for start, end in taken):
            card.text((x, y), words, style, colour=card.theme.muted, align="center")
            taken.append((x - half, x + half))
