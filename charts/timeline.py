"""Credits per hour, day, week or month: bars, the moving average, the peak.

An unknown bucket is blank, a bucket of nothing a flat mark on the axis; the average breaks off
where it is not defined.  Bars stand on whole pixels, so that also 400 of them are evenly coloured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from analytics.figures import (
    Grain,
    TimeBar,
    TimelineFigure,
)
from analytics.numbers import axis_text, credits_text
from analytics.text import clean
from analytics.timerange import MONTH_NAMES
from charts.axes import clamped, foot_labels, ticks, value_axis
from charts.card import Card, note
from charts.legend import Legend
from charts.lettering import SCALE, Style, cut_end, widest, width
from charts.sheet import SMALL, Caption, Sheet
from charts.typeface import legible

BODY = 172
LEGEND_AT = 6
PLOT_AT = 24
AXIS = 18
GAP = 0.26  # of a bucket
WIDEST = 56
HEADROOM = 1.2  # of the largest bar, for the label of the peak
PEAK = Style(8.5, 600)
SO_FAR = {"hour": "This hour so far", "day": "Today so far"}
FEW = 8  # so many days are all labelled; more by their Mondays, then by their months
MANY = 62


@dataclass(frozen=True, slots=True)
class Plot:
    """The rectangle of the bars: edges in CSS pixels, the credits at its top, how many buckets."""

    left: float
    right: float
    top: float
    bottom: float
    limit: float
    count: int

    @property
    def slot(self) -> float:
        """The width of a bucket."""
        return (self.right - self.left) / self.count

    def middle(self, place: float) -> float:
        """The middle of a bucket."""
        return self.left + (place + 0.5) * self.slot

    def y(self, credits_micro: float) -> float:
        """The height of an amount."""
        return self.bottom - credits_micro / self.limit * (self.bottom - self.top)

    def edges(self, place: int) -> tuple[float, float]:
        """Left and right of a bar, on whole pixels; narrow bars touch each other."""
        pixels = self.slot * SCALE
        start = self.left * SCALE + place * pixels
        if pixels < 3:
            return round(start) / SCALE, round(start + pixels) / SCALE
        wide = min(int(pixels) - max(round(pixels * GAP), 1), WIDEST * SCALE)
        left = round(start + (pixels - wide) / 2)
        return left / SCALE, (left + wide) / SCALE


def timeline_card(figure: TimelineFigure, sheet: Sheet) -> Card:
    """The card of a figure; a sentence when nothing is known or nothing was used."""
    caption = Caption.of(figure, sheet)
    known = [bar.credits for bar in figure.bars if bar.credits is not None]
    if not known:
        return note(sheet, caption, "Nothing is known about this range.")
    if max(known) <= 0:
        return note(sheet, caption, "No credits were used in this range.")
    card = Card(sheet, caption, BODY)
    limit = max(known) * HEADROOM
    marks = ticks(0, int(limit))
    labels = [axis_text(mark) for mark in marks]
    left = card.left + max(round(widest(labels, SMALL)) + 5, 24)
    plot = Plot(left, card.right, card.top + PLOT_AT, card.bottom - AXIS, limit, len(figure.bars))
    heights = [plot.y(mark) for mark in marks]
    value_axis(card, list(zip(heights, labels, strict=True)), (plot.left, plot.right))
    _bars(card, plot, figure)
    _average(card, plot, figure.bars)
    dates = [(plot.middle(place), words) for place, words in axis_labels(figure, sheet.room)]
    foot_labels(card, dates, plot.bottom + 14, (card.left, card.right))
    _peak(card, plot, figure)
    _legend(card, figure)
    return card


def _bars(card: Card, plot: Plot, figure: TimelineFigure) -> None:
    blocks = []
    for place, bar in enumerate(figure.bars):
        if bar.credits is None:
            continue
        left, right = plot.edges(place)
        top = plot.y(bar.credits) if bar.credits > 0 else plot.bottom
        top = min(top, plot.bottom - 1)
        if bar.partial:
            card.dashed((left, top), (right - left, plot.bottom - top))
            continue
        full = card.theme.accent if place == figure.peak else card.theme.accent_soft
        colour = full if bar.credits > 0 else card.theme.border
        blocks.append(((left, top), (right - left, plot.bottom - top), colour))
    card.blocks(blocks)


def _average(card: Card, plot: Plot, bars: Sequence[TimeBar]) -> None:
    for is_known, run in groupby(enumerate(bars), key=lambda item: item[1].average is not None):
        if not is_known:
            continue
        points = [(plot.middle(place), plot.y(bar.average or 0)) for place, bar in run]
        if len(points) == 1:  # a single bucket has no line to its neighbours
            ((x, y),) = points
            points = [(x - plot.slot * (1 - GAP) / 2, y), (x + plot.slot * (1 - GAP) / 2, y)]
        card.line(points, colour=card.theme.ink, stroke=1.6)


def _peak(card: Card, plot: Plot, figure: TimelineFigure) -> None:
    """The label stands over its bar, or over what is higher beside it."""
    if figure.peak is None:
        return
    bar = figure.bars[figure.peak]
    value = credits_text(bar.credits or 0)
    room = plot.right - plot.left - widest([f"Peak  · {value}"], PEAK)
    # The title calls a week by its first day, too: its number says nothing without a row.
    name = f"week of {_day_words(bar)}" if figure.grain == "week" else clean(bar.label)
    label = cut_end(legible(name), room, PEAK)
    words = f"Peak {label} · {value}"
    half = width(words, PEAK) / 2
    x = clamped(plot.middle(figure.peak), plot.left + half, plot.right - half)
    under = [
        other.credits or 0
        for place, other in enumerate(figure.bars)
        if plot.edges(place)[1] > x - half - 2 and plot.edges(place)[0] < x + half + 2
    ]
    at = x, plot.y(max(under)) - 4
    card.blank((at[0] - half - 2, at[1] - 8), (2 * half + 4, 10))
    card.text(at, words, PEAK, colour=card.theme.ink, align="center")


def axis_labels(figure: TimelineFigure, room: float) -> list[tuple[int, str]]:
    """(index of a bucket, its date or hour) for the buckets at which a new stretch begins."""
    words = _WORDS[figure.grain]
    chosen = list(enumerate(figure.bars))
    if figure.grain == "hour":
        step = 6 if len(chosen) > FEW else 1
        chosen = [item for item in chosen if item[1].start.hour % step == 0]
        if len(figure.bars) > 3 * 24:
            chosen = [item for item in chosen if item[1].start.hour == 0]
    elif figure.grain == "day" and len(chosen) > MANY:
        words = _month_words
        chosen = [item for item in chosen if item[1].start.day == 1]
    elif figure.grain == "day" and len(chosen) > FEW:
        chosen = [item for item in chosen if item[1].start.weekday() == 0]
    chosen = _thinned(chosen, words, room)
    if words is _month_words and len({bar.start.year for bar in figure.bars}) > 1:
        return _with_years(chosen)
    return [(place, words(bar)) for place, bar in chosen]


def _with_years(chosen: Sequence[tuple[int, TimeBar]]) -> list[tuple[int, str]]:
    """Months, the first of each year with its year."""
    named = set[int]()
    labels = []
    for place, bar in chosen:
        year = "" if bar.start.year in named else f" {bar.start.year}"
        named.add(bar.start.year)
        labels.append((place, _month_words(bar) + year))
    return labels


def _thinned(
    chosen: list[tuple[int, TimeBar]], words: Callable[[TimeBar], str], room: float
) -> list[tuple[int, TimeBar]]:
    """Every second, third, ... of them, so that those left stand at equal distances."""
    if len(chosen) < 2:
        return chosen
    widths = widest([words(bar) for _, bar in chosen], SMALL)
    most = max(int((room - 24) / (widths + 8)), 1)
    return chosen[:: -(-len(chosen) // most)]


def _hour_words(bar: TimeBar) -> str:
    return f"{bar.start:%H:%M}" if bar.start.hour else _day_words(bar)


def _day_words(bar: TimeBar) -> str:
    return f"{bar.start.day} {MONTH_NAMES[bar.start.month - 1]}"


def _month_words(bar: TimeBar) -> str:
    return MONTH_NAMES[bar.start.month - 1]


_WORDS: dict[Grain, Callable[[TimeBar], str]] = {
    "hour": _hour_words,
    "day": _day_words,
    "week": _day_words,
    "month": _month_words,
}


def _legend(card: Card, figure: TimelineFigure) -> None:
    """The marks with their words; a mark that is not drawn is not explained."""
    theme = card.theme
    legend = Legend(card, card.top + LEGEND_AT)
    if any(bar.credits is not None and not bar.partial for bar in figure.bars):
        legend.square(theme.accent_soft, figure.grain.capitalize())
    if figure.average_label and any(bar.average is not None for bar in figure.bars):
        legend.line(theme.ink, legible(clean(figure.average_label)))
    if any(bar.partial and bar.credits is not None for bar in figure.bars):
        legend.outline(SO_FAR.get(figure.grain, f"Partial {figure.grain}"))
