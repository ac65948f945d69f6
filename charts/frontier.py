"""Quality against credits a prompt: a step line over the models that none beats in both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import dist, sqrt

from analytics.figures import (
    Dot,
    FrontierFigure,
)
from analytics.numbers import axis_text
from analytics.text import clean
from charts.axes import CREDIT_STEPS, PLAIN_STEPS, Scale, clamped, foot_labels, on_pixel, ticks
from charts.card import Card, note
from charts.legend import Legend
from charts.lettering import Style, shortened, widest
from charts.placing import Rect, along, baseline, conflicts, first_free, text_rect
from charts.sheet import LEGEND, MAX_NAME, SMALL, Caption, Point, Sheet
from charts.typeface import legible

BODY = 212
TOP = 8
AXIS = 32
MICRO = 1_000_000
NAME, BEST = Style(8.5), Style(8.5, 600)
NAME_ROOM = 110
LEAST, MORE = 4, 6  # radius of the smallest dot, and how much larger the largest is
MANY = 14  # so many dots have their full size
AIR = 1.5
REACH = 3  # from a dot to its name
FEW = "dashed: under 30 prompts"
MARGIN = {"rating": 0.12, "success": 0.02}
WHOLE = {"rating": 5 * MICRO, "success": MICRO}
# Right, left, over, under, then the corners; what is nearer to the first reads faster.
AROUND = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1))


@dataclass(frozen=True, slots=True)
class Mark:
    """A dot in CSS pixels with the name that may stand beside it."""

    dot: Dot
    at: Point
    radius: float
    name: str

    @property
    def style(self) -> Style:
        """Bold for the efficient ones."""
        return BEST if self.dot.efficient else NAME

    @property
    def rect(self) -> Rect:
        """What the circle covers, with air around it: a name beside two circles names neither."""
        (x, y), r = self.at, self.radius + AIR
        return Rect(x - r, y - r, x + r, y + r)

    def places(self, *, further: float = 0) -> Iterator[Rect]:
        """Where the name may stand, the best place first."""
        (x, y), size = self.at, self.style.size
        box = text_rect((0, 0), self.name, self.style)
        high = box.bottom - box.top
        reach = self.radius + REACH + further
        for across, down in AROUND:
            left = x + across * reach * (1 if not down else 0.7) - box.right * (1 - across) / 2
            top = y + down * (reach + size / 2) - high / 2
            yield Rect(left, top, left + box.right, top + high)


def frontier_card(figure: FrontierFigure, sheet: Sheet) -> Card:
    """The card of a figure; a sentence when no model can be compared."""
    caption = Caption.of(figure, sheet)
    if not figure.dots:
        return note(sheet, caption, "No model can be compared in this range.")
    card = Card(sheet, caption, BODY)
    prices, values = _scales(card, figure)
    marks = _marks(figure, prices, values)
    path = _path(marks, prices)
    _grid(card, figure, prices, values)
    _step_line(card, path, values)
    for mark in sorted(marks, key=lambda mark: -mark.radius):
        _draw_dot(card, mark)
    frame = Rect(prices.start, values.end, prices.end, values.start)
    unnamed = _draw_names(card, marks, path, frame)
    _foot(card, figure, unnamed)
    return card


def _scales(card: Card, figure: FrontierFigure) -> tuple[Scale, Scale]:
    """Prices from 0; values from a little under the worst to a little over the best."""
    prices = [dot.per_prompt for dot in figure.dots]
    values = [dot.value for dot in figure.dots]
    margin = max(MARGIN[figure.axis], (max(values) - min(values)) * 0.2)
    low, high = min(values) - margin, max(values) + margin
    labels = [words for _, words in _value_marks(figure, low, high)]
    left = card.left + max(widest(labels, SMALL) + 5, 16)
    top = max(*prices, 1)
    low_price = -0.04 * top if min(prices) < 0.04 * top else 0  # the circle stays off the labels
    across = Scale(low_price, top * 1.12, left, card.right - 2)
    return across, Scale(low, high, card.bottom - AXIS, card.top + TOP)


def _value_marks(figure: FrontierFigure, low: float, high: float) -> list[tuple[float, str]]:
    """Round ratings or success rates between two; nothing is better than the best possible."""
    top = min(high * MICRO, WHOLE[figure.axis])
    marks = ticks(round(max(low, 0) * MICRO), round(top), most=4, steps=PLAIN_STEPS)
    if figure.axis == "success":
        return [(mark / MICRO, f"{axis_text(mark * 100)}%") for mark in marks]
    return [(mark / MICRO, axis_text(mark)) for mark in marks]


def _marks(figure: FrontierFigure, prices: Scale, values: Scale) -> list[Mark]:
    """Dots in the order in which they are named: efficient ones first, then the most used."""
    most = max(1, *(dot.prompts for dot in figure.dots))
    crowd = min(max((MANY / len(figure.dots)) ** 0.5, 0.45), 1)
    dots = sorted(figure.dots, key=lambda dot: (not dot.efficient, -dot.prompts, dot.name))
    names = shortened([legible(clean(dot.name, MAX_NAME)) for dot in dots], NAME_ROOM, BEST)
    return [
        Mark(
            dot,
            (prices.at(dot.per_prompt), values.at(dot.value)),
            (LEAST + MORE * sqrt(max(dot.prompts, 0) / most)) * crowd,
            name,
        )
        for dot, name in zip(dots, names, strict=True)
    ]


def _path(marks: Sequence[Mark], prices: Scale) -> list[Point]:
    """Along the efficient dots by price: right, then up, and on to the edge."""
    corners: list[Point] = []
    for x, y in sorted(mark.at for mark in marks if mark.dot.efficient):
        if corners:
            corners.append((x, corners[-1][1]))
        corners.append((x, y))
    return [*corners, (prices.end, corners[-1][1])] if corners else []


def _grid(card: Card, figure: FrontierFigure, prices: Scale, values: Scale) -> None:
    theme = card.theme
    for value, words in _value_marks(figure, values.low, values.high):
        y = on_pixel(values.at(value))
        card.line([(prices.start, y), (prices.end, y)], colour=theme.grid, stroke=0.7)
        card.label((prices.start - 5, y), words, SMALL, colour=theme.muted, align="right")
    marks = ticks(0, int(prices.high), most=6, steps=CREDIT_STEPS)
    for mark in marks:
        x = on_pixel(prices.at(mark))
        card.line([(x, values.end), (x, values.start)], colour=theme.grid, stroke=0.7)
    labels = [(prices.at(mark), axis_text(mark)) for mark in marks]
    foot_labels(card, labels, values.start + 13, (card.left, card.right))


def _step_line(card: Card, path: Sequence[Point], values: Scale) -> None:
    """Nothing lies in the tinted area: it would be better than what is drawn as the best."""
    if not path:
        return
    corners = [*path, (path[-1][0], values.end), (path[0][0], values.end)]
    card.area(corners, card.theme.ok, opacity=0.06)
    card.line(path, colour=card.theme.ok, stroke=1.4)


def _draw_dot(card: Card, mark: Mark) -> None:
    """Efficient ones are filled; the rim of those that rest on few prompts is dashed."""
    colour, bg = card.theme.family(mark.dot.family), card.theme.bg
    face, edge = (colour, bg) if mark.dot.efficient else (bg, colour)
    dashes = (1.6, 1.2) if mark.dot.marked else None
    if dashes:
        edge = card.theme.ink if mark.dot.efficient else colour
    card.dot(mark.at, mark.radius, face, edge=edge, stroke=1.3, dashes=dashes)


def _draw_names(card: Card, marks: Sequence[Mark], path: Sequence[Point], frame: Rect) -> int:
    """Write names where they meet nothing; how many models stay without one.

    Efficient ones, which are what the card is about, may also cover dots that are not.
    """
    firm = [mark.rect for mark in marks if mark.dot.efficient]
    line, pale = list(along(path)), [mark.rect for mark in marks if not mark.dot.efficient]
    unnamed = 0
    for mark in marks:
        place = first_free(mark.places(), [*firm, *line, *pale], frame)
        if place is None and mark.dot.efficient:
            # Over the line a name is easier to read than over a circle.
            near = chain.from_iterable(mark.places(further=step) for step in (0, 6, 12))
            places = sorted(near, key=lambda p: (conflicts(p, pale), conflicts(p, line)))
            place = first_free(places, firm, frame)
            if place is not None:
                size = place.right - place.left, place.bottom - place.top
                card.veil((place.left, place.top), size)
                _lead(card, mark, place)
        if place is None:
            unnamed += 1
            continue
        firm.append(Rect(place.left - REACH, place.top, place.right + REACH, place.bottom))
        colour = card.theme.ink if mark.dot.efficient else card.theme.ink2
        at = baseline(place, mark.name, mark.style)
        card.text(at, mark.name, mark.style, colour=colour)
    return unnamed


def _lead(card: Card, mark: Mark, place: Rect) -> None:
    """Tie a name that does not stand at its circle to it."""
    x, y = mark.at
    end = clamped(x, place.left, place.right), clamped(y, place.top + 1, place.bottom - 1)
    if dist(mark.at, end) > mark.radius + 2 * REACH:
        card.line([(x, y), end], colour=card.theme.muted, stroke=0.7)


def _foot(card: Card, figure: FrontierFigure, unnamed: int) -> None:
    """What the axis measures on the right; what the card leaves out on the left."""
    muted, y = card.theme.muted, card.bottom - 5
    card.text((card.right, y), "credits per prompt →", LEGEND, colour=muted, align="right")
    words = [FEW] if any(dot.marked for dot in figure.dots) else []
    words += [f"{unnamed} without a name here"] if unnamed else []
    legend = Legend(card, y - 3)
    for word in words:
        legend.say(word)
