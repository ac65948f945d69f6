"""Where labels go when many want the same place: decided in order, so the result repeats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from math import ceil, dist
from typing import NamedTuple

from charts.lettering import Style, extent
from charts.sheet import Point

PIECE = 5  # pixels of a slanted line that one box stands for
RISE, FALL = 0.97, 0.25  # what the font keeps free over and under a baseline, in sizes


class Rect(NamedTuple):
    """Edges in CSS pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Rect) -> bool:
        """Whether two rectangles share more than a rim."""
        return min(self.right, other.right) > max(self.left, other.left) and min(
            self.bottom, other.bottom
        ) > max(self.top, other.top)

    def holds(self, other: Rect) -> bool:
        """Whether another rectangle lies inside."""
        return (
            self.left <= other.left
            and self.top <= other.top
            and self.right >= other.right
            and self.bottom >= other.bottom
        )


def text_rect(at: Point, text: str, style: Style) -> Rect:
    """What a text that begins on the baseline at a point covers: at least a line of its font."""
    x, y = at
    wide, rise, fall = extent(text, style)
    above, below = max(rise, RISE * style.size), max(fall, FALL * style.size)
    return Rect(x, y - above, x + wide, y + below)


def baseline(place: Rect, text: str, style: Style) -> Point:
    """Where a text begins that covers a place: the inverse of `text_rect`."""
    return place.left, place.bottom - (text_rect((0, 0), text, style).bottom)


def along(points: Sequence[Point], reach: float = 1) -> Iterator[Rect]:
    """What a line through points covers, in small pieces."""
    for (x0, y0), (x1, y1) in pairwise(points):
        level = x0 == x1 or y0 == y1
        count = 1 if level else max(ceil(dist((x0, y0), (x1, y1)) / PIECE), 1)
        for piece in range(count):
            a, b = piece / count, (piece + 1) / count
            xs = sorted((x0 + (x1 - x0) * a, x0 + (x1 - x0) * b))
            ys = sorted((y0 + (y1 - y0) * a, y0 + (y1 - y0) * b))
            yield Rect(xs[0] - reach, ys[0] - reach, xs[1] + reach, ys[1] + reach)


def conflicts(place: Rect, taken: Iterable[Rect]) -> int:
    """How many of the taken places one meets."""
    return sum(place.meets(other) for other in taken)


def first_free(places: Iterable[Rect], taken: Sequence[Rect], frame: Rect) -> Rect | None:
    """The first place in a frame that meets nothing; None when there is none."""
    free = (p for p in places if frame.holds(p) and not conflicts(p, taken))
    return next(free, None)


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Middles moved apart to a least distance, in their order, and moved between two ends.

    They move as little as possible: neighbours that meet share the way.  Where the ends leave too
    little room, the gaps become smaller.
    """
    gap = min(gap, (high - low) / max(len(wanted) - 1, 1))
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    groups: list[tuple[float, list[int]]] = []
    for index in order:
        group = _within(wanted[index], [index], gap, (low, high))
        while groups and _first(group, gap) - _last(groups[-1], gap) < gap:
            middle, members = groups.pop()
            joined = [*members, *group[1]]
            mean = (middle * len(members) + group[0] * len(group[1])) / len(joined)
            group = _within(mean, joined, gap, (low, high))
        groups.append(group)
    places = [0.0] * len(wanted)
    for group in groups:
        for step, index in enumerate(group[1]):
            places[index] = _first(group, gap) + step * gap
    return places


def _within(
    middle: float, members: list[int], gap: float, ends: tuple[float, float]
) -> tuple[float, list[int]]:
    half = (len(members) - 1) * gap / 2
    return min(max(middle, ends[0] + half), ends[1] - half), members


def _first(group: tuple[float, list[int]], gap: float) -> float:
    return group[0] - (len(group[1]) - 1) * gap / 2


def _last(group: tuple[float, list[int]], gap: float) -> float:
    return group[0] + (len(group[1]) - 1) * gap / 2
