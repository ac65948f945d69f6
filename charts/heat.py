"""The hours of a week: the average credits of each, from pale to full."""

from __future__ import annotations

from analytics.figures import (
    HeatFigure,
)
from analytics.numbers import counted_credits
from charts.axes import about, foot_labels
from charts.card import Card, note
from charts.legend import Legend
from charts.sheet import SMALL, Caption, Point, Sheet

BODY = 159
LEGEND_AT = 5
GRID_AT = 17
AXIS = 16
NAMES = 26
GAP = 1.4
RIM = 0.6
RAMP = 16
LARGE = 10**12  # micro-credits; from a million on the words of the legend need the room
RAMP_STEP = 4
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOURS = (0, 23, 6, 9, 12, 15, 18)  # the ends first: they stay when the others do not fit


def heat_card(figure: HeatFigure, sheet: Sheet) -> Card:
    """The card of a figure; a sentence when nothing is known or nothing was used."""
    caption = Caption.of(figure, sheet)
    known = [cell for row in figure.cells for cell in row if cell is not None]
    if not known:
        return note(sheet, caption, "Nothing is known about this range.")
    if max(known) <= 0:
        return note(sheet, caption, "No credits were used in this range.")
    card = Card(sheet, caption, BODY)
    card.exact = card.theme.heat
    grid = _Grid(card)
    _cells(card, grid, figure, max(known))
    if figure.peak is not None:
        _ring(card, *grid.cell(*figure.peak))
    _names(card, grid)
    _legend(card, figure, max(known))
    return card


class _Grid:
    """Where the cells stand: 7 rows of 24 with a gap between them."""

    def __init__(self, card: Card) -> None:
        self.left = card.left + NAMES
        self.top = card.top + GRID_AT
        self.bottom = card.bottom - AXIS
        self.step = (card.right + GAP - self.left) / 24, (self.bottom + GAP - self.top) / 7

    def cell(self, day: int, hour: int) -> tuple[Point, Point]:
        """Top left corner and size of a cell."""
        wide, high = self.step
        corner = self.left + hour * wide, self.top + day * high
        return corner, (wide - GAP, high - GAP)


def _cells(card: Card, grid: _Grid, figure: HeatFigure, most: int) -> None:
    """Known cells are filled; unknown ones have only a rim, which nothing used has not."""
    blocks: list[tuple[Point, Point, str]] = []
    for day, row in enumerate(figure.cells):
        for hour, cell in enumerate(row):
            corner, size = grid.cell(day, hour)
            if cell is None:
                blocks += _hole(card, corner, size)
            else:
                blocks.append((corner, size, card.theme.warmth(cell / most)))
    card.blocks(blocks)


def _hole(card: Card, corner: Point, size: Point) -> list[tuple[Point, Point, str]]:
    inner = (corner[0] + RIM, corner[1] + RIM), (size[0] - 2 * RIM, size[1] - 2 * RIM)
    return [(corner, size, card.theme.border), (*inner, card.theme.bg)]


def _ring(card: Card, corner: Point, size: Point) -> None:
    """Two tones: one alone vanishes on the darkest or on the brightest cell."""
    card.frame(corner, size, card.theme.ink, stroke=1.4)
    inner = (corner[0] + 1.3, corner[1] + 1.3), (size[0] - 2.6, size[1] - 2.6)
    card.frame(*inner, card.theme.bg, stroke=1)


def _names(card: Card, grid: _Grid) -> None:
    for day, name in enumerate(DAYS):
        (x, y), (_, high) = grid.cell(day, 0)
        card.label((x - 4, y + high / 2), name, SMALL, colour=card.theme.ink2, align="right")
    middles = ((hour, grid.cell(0, hour)) for hour in HOURS)
    labels = [
        (x + wide / 2, f"{hour}" if hour < 23 else f"{hour} h")
        for hour, ((x, _), (wide, _)) in middles
    ]
    foot_labels(card, labels, grid.bottom + 12, (card.left, card.right))


def _legend(card: Card, figure: HeatFigure, most: int) -> None:
    legend = Legend(card, card.top + LEGEND_AT, card.left + NAMES)
    legend.say("0")
    x, y = legend.x - 8, legend.middle - 3.5
    blocks: list[tuple[Point, Point, str]] = [
        ((x + RAMP_STEP * step, y), (RAMP_STEP, 7), card.theme.warmth(step / (RAMP - 1)))
        for step in range(RAMP)
    ]
    legend.x = x
    amount = counted_credits(most) if most < LARGE else f"{about(most)} credits"
    legend.say(f"{amount} an hour", RAMP * RAMP_STEP)
    mark = (8.0, 8.0)
    if figure.peak is not None:
        card.frame((legend.x, legend.middle - 4), mark, card.theme.ink, stroke=1.2)
        legend.say("peak hour", 8)
    if any(cell is None for row in figure.cells for cell in row):
        blocks += _hole(card, (legend.x, legend.middle - 4), mark)
        legend.say("no data", 8)
    card.blocks(blocks)
