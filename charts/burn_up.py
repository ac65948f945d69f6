"""Use that adds up over a period, its limit and where it is expected to end.

The budget's card and the dashboard both show it; they add what they have room for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from analytics.figures import (
    BudgetFigure,
)
from analytics.numbers import axis_text
from analytics.timerange import MONTH_NAMES
from charts.axes import Scale, about, ticks, value_axis
from charts.card import Card
from charts.lettering import Style, widest
from charts.placing import Rect, spread
from charts.sheet import Point

HEADROOM = 1.12
UNIT = 1_000_000  # one credit, where nothing is used and nothing allowed
LABEL_GAP = 2.5  # over the size of the labels, so that they do not touch
FULL, NEAR = 100, 90
DOT = 2.7
BANDS = 4  # ways through the band that keep words out of it
APART = 2  # pixels between two lines that are told apart


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold: what it says, micro-credits, colour and stroke of its line."""

    label: str
    credits: float
    colour: str
    stroke: float
    is_full: bool = False


@dataclass(frozen=True, slots=True)
class BurnUp:
    """The drawn curve: its scales, its points from the first day to now, its lines' heights."""

    days: Scale
    amounts: Scale
    curve: tuple[Point, ...]
    ahead: tuple[Point, ...]
    levels: tuple[float, ...]
    band: tuple[tuple[Point, Point], ...] = ()  # its rims and some ways between them

    @property
    def now(self) -> Point:
        """The end of what is known."""
        return self.curve[-1]


def limits(card: Card, figure: BudgetFigure, shown: Sequence[int] | None = None) -> list[Limit]:
    """The limit and the thresholds, or those shares among them that are shown, lowest first.

    None without a limit.
    """
    if figure.limit is None:
        return []
    known = figure.thresholds if figure.limit else ()
    chosen = {t for t in known if shown is None or t in shown} | {FULL}
    lines = [
        _limit(card, f"{percent}%", figure.limit * percent / 100, percent, is_full=percent == FULL)
        for percent in chosen
    ]
    for credits, label in figure.marks if shown is None and figure.limit else ():
        lines.append(_limit(card, label, credits, 100 * credits / figure.limit))
    return sorted(lines, key=lambda line: (line.credits, line.is_full))


def _limit(
    card: Card, label: str, credits: float, percent: float, *, is_full: bool = False
) -> Limit:
    """A line in the colour of how near the limit it is."""
    theme = card.theme
    status = theme.muted if percent < NEAR else theme.warn
    colour = theme.crit if percent >= FULL else status
    return Limit(label, credits, colour, 1.1 if is_full else 0.7, is_full)


def burn_up(
    card: Card, figure: BudgetFigure, frame: Rect, style: Style, lines: Sequence[Limit]
) -> BurnUp:
    """Draw the curve with the labels of its axis and its lines inside a frame.

    `figure.used` has a value.  Thresholds stand under the curve, the forecast over them.
    """
    end = figure.forecast if len(figure.used) < figure.days else None
    highest = [*figure.used, *(line.credits for line in lines), *([end.high] if end else [])]
    top = (max(highest) if max(highest) > 0 else UNIT) * HEADROOM
    marks = ticks(0, int(top), most=3)
    lines = _told_apart(lines, top, frame)
    words = [axis_text(mark) for mark in marks]
    labels = [(line.credits, line.label, line.colour) for line in lines]
    if end and end.middle is not None:
        labels.append((end.middle, f"~{about(end.middle)}", card.theme.accent))
    if figure.falls and lines:
        labels.append((figure.falls[1], axis_text(figure.falls[1]), card.theme.crit))
    bold = Style(style.size, 600)
    left = frame.left + widest(words, style) + 5
    after = widest([text for _, text, _ in labels], bold)
    right = frame.right - (after + 5 if labels else 0)
    amounts = Scale(0, top, frame.bottom, frame.top)
    plot = BurnUp(
        Scale(0, figure.days, left, right),
        amounts,
        _curve(figure, Scale(0, figure.days, left, right), amounts),
        (),
        tuple(amounts.at(line.credits) for line in lines),
    )
    heights = [(amounts.at(mark), text) for mark, text in zip(marks, words, strict=True)]
    value_axis(card, heights, (left, right), style=style, has_grid=not lines)
    for line, y in zip(lines, plot.levels, strict=True):
        path = _fallen(figure, plot, y) if line.is_full else [(left, y), (right, y)]
        card.line(path, colour=line.colour, stroke=line.stroke)
    plot = _forecast(card, figure, plot)
    _used(card, plot)
    wanted = [amounts.at(max(value, 0)) for value, *_ in labels]
    places = spread(wanted, style.size + LABEL_GAP, frame.top - 4, frame.bottom - 2)
    for y, (_, text, colour) in zip(places, labels, strict=True):
        card.label((right + 5, y), text, bold, colour=colour)
    return plot


def _told_apart(lines: Sequence[Limit], top: float, frame: Rect) -> list[Limit]:
    """The lines without those that would lie on another one; the limit stays, then the highest."""
    pixel = top / (frame.bottom - frame.top)
    kept: list[Limit] = []
    for line in sorted(lines, key=lambda line: (not line.is_full, -line.credits)):
        if all(abs(line.credits - other.credits) >= APART * pixel for other in kept):
            kept.append(line)
    return sorted(kept, key=lambda line: line.credits)


def _fallen(figure: BudgetFigure, plot: BurnUp, y: float) -> list[Point]:
    """The way of the limit's line: a step down where a raise is over."""
    start, end = plot.days.start, plot.days.end
    if figure.falls is None:
        return [(start, y), (end, y)]
    day, limit = figure.falls
    at, low = plot.days.at((day - figure.start).days), plot.amounts.at(limit)
    return [(start, y), (at, y), (at, low), (end, low)]


def _curve(figure: BudgetFigure, days: Scale, amounts: Scale) -> tuple[Point, ...]:
    used = (0, *figure.used[: figure.days])
    return tuple((days.at(day), amounts.at(max(value, 0))) for day, value in enumerate(used))


def _forecast(card: Card, figure: BudgetFigure, plot: BurnUp) -> BurnUp:
    """Draw the band from now to the end; the curve with its way there."""
    end = figure.forecast
    if end is None or len(figure.used) >= figure.days:
        return plot
    low, high = ((plot.days.end, plot.amounts.at(v)) for v in (end.low, end.high))
    between = [high[1] + (low[1] - high[1]) * part / BANDS for part in range(BANDS + 1)]
    plot = replace(plot, band=tuple((plot.now, (plot.days.end, y)) for y in between))
    accent = card.theme.accent
    card.area([plot.now, low, high], accent, opacity=0.2)
    if end.middle is None:
        return replace(plot, ahead=(plot.now, high))
    middle = (plot.days.end, plot.amounts.at(end.middle))
    card.line([plot.now, middle], colour=accent, stroke=1.5, dashes=(2.5, 2))
    return replace(plot, ahead=(plot.now, middle))


def _used(card: Card, plot: BurnUp) -> None:
    theme, base = card.theme, plot.amounts.start
    foot = [(plot.now[0], base), (plot.days.start, base)]
    card.area([*plot.curve, *foot], theme.accent_soft, opacity=0.55)
    card.line(plot.curve, colour=theme.accent, stroke=2.2)
    card.dot(plot.now, DOT, theme.accent, edge=theme.bg, stroke=1.2)


def day_text(figure: BudgetFigure, day: int) -> str:
    """`22 Mar` for a day counted from 0."""
    date = figure.start + timedelta(days=day)
    return f"{date.day} {MONTH_NAMES[date.month - 1]}"
