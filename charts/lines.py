"""Up to four lines over the same buckets, each named at its end; a gap is unknown, not nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from analytics.figures import (
    LineFigure,
    Series,
)
from analytics.numbers import axis_text
from analytics.text import clean
from charts.axes import CREDIT_STEPS, PLAIN_STEPS, Scale, foot_labels, ticks, value_axis
from charts.card import Card, note
from charts.lettering import Style, shortened, widest
from charts.placing import spread
from charts.sheet import MAX_NAME, SMALL, Caption, Point, Sheet
from charts.typeface import legible

BODY = 184
TOP = 10
AXIS = 18
MICRO = 1_000_000
NAME = Style(8.5, 600)
NAME_ROOM = 92
NAME_LINE = 11
HEADROOM = 1.1
ALONE = 1.8  # radius of a value between two gaps
WHOLE = 100
SUFFIX = {"credits": "", "count": "", "seconds": " s", "percent": "%"}


@dataclass(frozen=True, slots=True)
class Line:
    """A series that is drawn: its name, its colour, its values by bucket."""

    name: str
    colour: str
    values: tuple[float | None, ...]

    @property
    def last(self) -> float | None:
        """The last known value; the name stands beside it."""
        return next((value for value in reversed(self.values) if value is not None), None)


def line_card(figure: LineFigure, sheet: Sheet) -> Card:
    """The card of a figure; a sentence when nothing is known."""
    caption = Caption.of(figure, sheet)
    known = [value for series in figure.series for value in series.values if value is not None]
    if not known:
        return note(sheet, caption, "Nothing is known about this range.")
    card = Card(sheet, caption, BODY)
    lines = _lines(card, figure.series)
    low, high = _ends(figure, known)
    steps = CREDIT_STEPS if figure.unit == "credits" else PLAIN_STEPS
    marks = ticks(round(low * MICRO), round(high * MICRO), steps=steps)
    if figure.unit == "count":
        marks = [mark for mark in marks if mark % MICRO == 0]  # there is no half prompt
    labels = [f"{axis_text(mark)}{SUFFIX[figure.unit]}" for mark in marks]
    left = card.left + max(widest(labels, SMALL) + 5, 16)
    right = card.right - widest([line.name for line in lines], NAME) - 7
    values = Scale(low, high, card.bottom - AXIS, card.top + TOP)
    heights = [(values.at(mark / MICRO), text) for mark, text in zip(marks, labels, strict=True)]
    value_axis(card, heights, (left, right))
    places = _places(len(figure.labels), (left, right))
    for line in reversed(lines):  # the first lies on top
        _draw(card, line, values, places)
    _names(card, lines, values, right)
    foot = [*_thinned(figure.labels, places, right - left)]
    foot_labels(card, foot, card.bottom - AXIS + 14, (card.left, card.right))
    return card


def _lines(card: Card, series: Sequence[Series]) -> list[Line]:
    names = [legible(clean(one.name, MAX_NAME)) for one in series]
    colours = card.theme.series
    short = shortened(names, NAME_ROOM, NAME)
    lines = [
        Line(*parts) for parts in zip(short, colours, [s.values for s in series], strict=False)
    ]
    return [
        line if line.last is not None else replace(line, name=f"{line.name} –") for line in lines
    ]


def _ends(figure: LineFigure, known: Sequence[float]) -> tuple[float, float]:
    """From 0, but per cents that are all high begin a little under the lowest."""
    low, high = min(*known, 0), max(known)
    if figure.unit == "percent" and min(known) > WHOLE / 2:
        margin = max((high - min(known)) * 0.2, 0.5)
        return min(known) - margin, min(high + margin, max(WHOLE, high))
    return low, high * HEADROOM if high > 0 else max(low + 1, 1)


def _places(count: int, edges: tuple[float, float]) -> list[float]:
    """The middles of the buckets."""
    slot = (edges[1] - edges[0]) / max(count, 1)
    return [edges[0] + (place + 0.5) * slot for place in range(count)]


def _draw(card: Card, line: Line, values: Scale, places: Sequence[float]) -> None:
    for run in _runs(line, values, places):
        if len(run) == 1:
            card.dot(run[0], ALONE, line.colour, edge=line.colour, stroke=0)
        else:
            card.line(run, colour=line.colour, stroke=1.8)


def _runs(line: Line, values: Scale, places: Sequence[float]) -> Iterator[list[Point]]:
    """The stretches of known values."""
    pairs = zip(places, line.values, strict=True)
    for is_known, run in groupby(pairs, key=lambda pair: pair[1] is not None):
        if is_known:
            yield [(x, values.at(value)) for x, value in run if value is not None]


def _names(card: Card, lines: Sequence[Line], values: Scale, right: float) -> None:
    """Names beside their last values, pulled apart; one without any is muted."""
    wanted = [values.start if line.last is None else values.at(line.last) for line in lines]
    places = spread(wanted, NAME_LINE, values.end - 4, values.start - 2)
    for line, y in zip(lines, places, strict=True):
        is_drawn = line.last is not None
        colour = line.colour if is_drawn else card.theme.muted
        card.label((right + 7, y), line.name, NAME, colour=colour)


def _thinned(
    labels: Sequence[str], places: Sequence[float], room: float
) -> Iterator[tuple[float, str]]:
    """Every second, third, ... label, so that those left stand at equal distances."""
    words = [legible(clean(label)) for label in labels]
    most = max(int(room / (widest(words, SMALL) + 8)), 1)
    yield from list(zip(places, words, strict=True))[:: -(-len(words) // most)]
