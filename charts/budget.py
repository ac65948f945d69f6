"""A budget over its period: use, limit and thresholds, the even pace, the expected end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from analytics.figures import (
    BudgetFigure,
)
from analytics.numbers import credits_text
from charts.axes import foot_labels
from charts.burn_up import BurnUp, burn_up, day_text, limits
from charts.card import Card, note
from charts.lettering import width
from charts.placing import Rect, along, baseline, conflicts, first_free, text_rect
from charts.sheet import LEGEND, SMALL, STRONG, Caption, Point, Sheet

BODY = 196
AXIS = 18
ABOVE = 10
PACE = "even pace"
FRACTIONS = (0.3, 0.2, 0.45, 0.6, 0.12, 0.75)  # of the period, where the pace may be named
DOWN = (-5, -6, -7, -9, 14, -12, -18, 18, 22, -30, -44, -60)  # from the dot to the words
NEAR, AWAY = 22, 2  # further words are no longer the dot's: better one line runs through them
WEEK, MANY = 7, 45


def budget_card(figure: BudgetFigure, sheet: Sheet) -> Card:
    """The card of a figure; a sentence when nothing is known, or nothing used and no limit set."""
    caption = Caption.of(figure, sheet)
    if not figure.used or figure.days < 1:
        return note(sheet, caption, "Nothing is known about this period yet.")
    if figure.limit is None and max(figure.used) <= 0:
        return note(sheet, caption, "No credits were used in this period.")
    card = Card(sheet, caption, BODY)
    frame = Rect(card.left, card.top + ABOVE, card.right, card.bottom - AXIS)
    plot = burn_up(card, figure, frame, SMALL, limits(card, figure))
    rims = (piece for way in plot.band for piece in along(way))
    taken = [*along(plot.curve), *along(plot.ahead), *rims, *_levels(plot)]
    pace = _pace(figure, plot)
    taken.append(_say_used(card, figure, plot, [*taken, *along(pace)]))
    if pace:
        _draw_pace(card, plot, pace, taken)
    dates = [(plot.days.at(day + 0.5), day_text(figure, day)) for day in marked_days(figure)]
    foot_labels(card, dates, card.bottom - AXIS + 14, (card.left, card.right))
    return card


def _levels(plot: BurnUp) -> Iterator[Rect]:
    for y in plot.levels:
        yield from along([(plot.days.start, y), (plot.days.end, y)])


def _say_used(card: Card, figure: BudgetFigure, plot: BurnUp, taken: list[Rect]) -> Rect:
    """Write the amount of now beside its dot, where it meets the fewest lines."""
    words = f"{credits_text(figure.used[-1])} used"
    room = width(words, STRONG)
    (x, y), (start, end) = plot.now, (plot.days.start, plot.days.end)
    starts = [x - 7 - room, x - room / 2, x + 7]
    inside = [min(max(place, start + 2), end - room - 2) for place in starts]
    heights = [y + down for down in DOWN if plot.amounts.end < y + down < plot.amounts.start]
    places = [
        (text_rect((left, height), words, STRONG), AWAY * (abs(height - y) > NEAR))
        for height in heights
        for left in inside
    ]
    place, _ = min(places, key=lambda found: conflicts(found[0], taken) + found[1])
    card.text(baseline(place, words, STRONG), words, STRONG, colour=card.theme.ink)
    return place


def _pace(figure: BudgetFigure, plot: BurnUp) -> list[Point]:
    """The even way from nothing to the limit."""
    if not figure.limit:
        return []
    return [(plot.days.start, plot.amounts.start), (plot.days.end, plot.amounts.at(figure.limit))]


def _draw_pace(card: Card, plot: BurnUp, pace: list[Point], taken: list[Rect]) -> None:
    """Draw the even way, unless there is no free place to name it."""
    frame = Rect(plot.days.start, plot.amounts.end, plot.days.end, plot.amounts.start)
    place = first_free(_beside(pace), [*taken, *along(pace, 0)], frame)
    if place is None:
        return
    muted = card.theme.muted
    card.line(pace, colour=muted, stroke=1, dashes=(1, 2))
    card.text(baseline(place, PACE, LEGEND), PACE, LEGEND, colour=muted)


def _beside(ends: list[Point]) -> Iterator[Rect]:
    """Places over and under a rising line."""
    ((x0, y0), (x1, y1)), room = ends, width(PACE, LEGEND)
    for fraction in FRACTIONS:
        x, y = x0 + (x1 - x0) * fraction, y0 + (y1 - y0) * fraction
        yield text_rect((x - 4 - room, y - 3), PACE, LEGEND)
        yield text_rect((x + 6, y + 10), PACE, LEGEND)


def marked_days(figure: BudgetFigure) -> list[int]:
    """The days with a label, counted from 0: the ends first, then every day, week or month."""
    last = figure.days - 1
    if last <= WEEK:
        inner = list(range(1, last))
    elif last < MANY:
        inner = list(range(WEEK, last, WEEK))
    else:
        dates = [figure.start + timedelta(days=day) for day in range(figure.days)]
        inner = [day for day, (_, date) in enumerate(pairwise(dates), 1) if date.day == 1]
    return list(dict.fromkeys((0, last, *inner)))
