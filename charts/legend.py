"""Marks with their words in a row; a mark that is not drawn on a card is not explained."""

from __future__ import annotations

from charts.card import Card
from charts.lettering import cut_end, width
from charts.sheet import LEGEND

MARK = 8
GAP = 4
BETWEEN = 12


class Legend:
    """A row of a card that fills from the left; what does not fit is cut."""

    def __init__(self, card: Card, middle: float, left: float | None = None) -> None:
        self.card = card
        self.middle = middle
        self.x = card.left if left is None else left

    def square(self, colour: str, words: str) -> None:
        """A colour of bars."""
        self.card.square((self.x, self.middle), colour)
        self.say(words, MARK)

    def line(self, colour: str, words: str) -> None:
        """A line through values."""
        ends = [(self.x, self.middle), (self.x + 12, self.middle)]
        self.card.line(ends, colour=colour, stroke=1.6)
        self.say(words, 12)

    def outline(self, words: str) -> None:
        """What is not over yet."""
        self.card.dashed((self.x, self.middle - MARK / 2), (MARK, MARK))
        self.say(words, MARK)

    def dot(self, colour: str, words: str, *, is_hollow: bool = False) -> None:
        """A circle, filled or not."""
        face = self.card.theme.bg if is_hollow else colour
        self.card.dot((self.x + 3.5, self.middle), 2.8, face, edge=colour, stroke=1.4)
        self.say(words, 7)

    def say(self, words: str, mark: float = 0) -> None:
        """Words after a mark of a width; the next mark begins behind them."""
        start = self.x + (mark + GAP if mark else 0)
        text = cut_end(words, self.card.right - start, LEGEND)
        self.card.label((start, self.middle), text, LEGEND, colour=self.card.theme.ink2)
        self.x = start + width(text, LEGEND) + BETWEEN
