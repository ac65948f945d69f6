"""Response times as pairs of dots: filled is typical, hollow is slower than 19 of 20 prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analytics.figures import (
    LatencyFigure,
    LatencyRow,
)
from analytics.numbers import axis_text
from analytics.text import clean
from charts.axes import PLAIN_STEPS, Scale, foot_labels, on_pixel, ticks
from charts.card import Card, note
from charts.legend import Legend
from charts.lettering import Style, shortened, widest
from charts.sheet import LEGEND, MAX_BODY, MAX_NAME, NAME, SMALL, Caption, Sheet
from charts.typeface import legible

ROW, LEAST_ROW = 21, 11.5  # a day's 24 hours stand close
HEAD = 16
AXIS = 16
MORE = 15
FAST = Style(8.5, 600)
NAME_ROOM = 110
FEW = "under 30 prompts"


@dataclass(frozen=True, slots=True)
class Unit:
    """How times are written: all of a card in one unit, because its name stands at the axis."""

    name: str
    ms: int

    @classmethod
    def of(cls, slowest_ms: float) -> Unit:
        """Milliseconds where nothing takes a second."""
        return cls("ms", 1) if slowest_ms < 1000 else cls("s", 1000)

    def text(self, ms: float) -> str:
        """A time without its unit: `0.7`, `0.04`, `240`."""
        value = ms / self.ms
        if self.ms == 1 or value >= 100:
            return f"{value:,.0f}"
        return f"{value:.1f}" if value >= 0.1 or not value else f"{value:.2f}"

    def mark(self, ms: int) -> str:
        """A time beside the axis."""
        return f"{axis_text(ms * 1_000_000 // self.ms)} {self.name}"


def latency_card(figure: LatencyFigure, sheet: Sheet) -> Card:
    """The card of a figure; a sentence when no response time is known."""
    caption = Caption.of(figure, sheet)
    if not figure.rows:
        return note(sheet, caption, "No response times are known in this range.")
    shown, hidden = fold(figure.rows)
    room = MAX_BODY - HEAD - AXIS - (MORE if hidden else 0)
    step = min(ROW, room / len(shown))
    card = Card(sheet, caption, HEAD + step * len(shown) + AXIS + (MORE if hidden else 0))
    _legend(card, shown)
    times = _scale(card, shown)
    unit = Unit.of(max(_slow(row) for row in shown))
    top = card.top + HEAD
    _grid(card, times, unit, (top, top + step * len(shown)))
    names = shortened([_name(row) for row in shown], _name_room(shown), NAME)
    for place, (row, name) in enumerate(zip(shown, names, strict=True)):
        middle = top + step * (place + 0.5)
        colour = card.theme.muted if row.marked else card.theme.ink
        card.label((card.left, middle), name, NAME, colour=colour)
        _pair(card, row, middle, times=times, unit=unit)
    if hidden:
        words = f"{hidden} more are not shown"
        card.text((card.left, card.bottom - 4), words, NAME, colour=card.theme.muted)
    return card


def fold(rows: Sequence[LatencyRow]) -> tuple[Sequence[LatencyRow], int]:
    """The rows that fit, and how many do not: percentiles of others cannot be had from theirs."""
    if len(rows) * LEAST_ROW <= MAX_BODY - HEAD - AXIS:
        return rows, 0
    most = int((MAX_BODY - HEAD - AXIS - MORE) / LEAST_ROW)
    return rows[:most], len(rows) - most


def _slow(row: LatencyRow) -> float:
    return max(row.p50_ms, row.p95_ms or 0)


def _name(row: LatencyRow) -> str:
    return legible(clean(row.name, MAX_NAME))


def _name_room(rows: Sequence[LatencyRow]) -> float:
    return min(widest([_name(row) for row in rows], NAME), NAME_ROOM)


def _scale(card: Card, rows: Sequence[LatencyRow]) -> Scale:
    slowest = max(_slow(row) for row in rows)
    unit = Unit.of(slowest)
    before = widest([unit.text(row.p50_ms) for row in rows], FAST) + 6
    after = widest([unit.text(row.p95_ms) for row in rows if row.p95_ms is not None], SMALL) + 8
    start = card.left + _name_room(rows) + 10 + before
    return Scale(0, max(slowest, 1), start, card.right - after)


def _legend(card: Card, rows: Sequence[LatencyRow]) -> None:
    legend = Legend(card, card.top + 5)
    all_few = all(row.marked for row in rows)
    colour = card.theme.muted if all_few else card.theme.accent
    legend.dot(colour, "typical (p50)")
    if any(row.p95_ms is not None for row in rows):
        legend.dot(colour, "1 in 20 slower than (p95)", is_hollow=True)
    if any(row.marked for row in rows):
        legend.dot(card.theme.muted, FEW)


def _grid(card: Card, times: Scale, unit: Unit, ends: tuple[float, float]) -> None:
    marks = ticks(0, int(times.high), most=5, steps=PLAIN_STEPS)
    for mark in marks:
        x = on_pixel(times.at(mark))
        card.line([(x, ends[0]), (x, ends[1])], colour=card.theme.grid, stroke=0.7)
    labels = [(times.at(mark), unit.mark(mark)) for mark in marks]
    foot_labels(card, labels, ends[1] + 10, (card.left, card.right), style=LEGEND)


def _pair(card: Card, row: LatencyRow, middle: float, *, times: Scale, unit: Unit) -> None:
    theme = card.theme
    colour = theme.muted if row.marked else theme.accent
    fast = times.at(row.p50_ms)
    if row.p95_ms is not None:
        slow = times.at(row.p95_ms)
        pale = theme.border if row.marked else theme.accent_soft
        card.line([(fast, middle), (slow, middle)], colour=pale, stroke=3.2)
        card.dot((slow, middle), 3.2, theme.bg, edge=colour, stroke=1.4)
        at = slow + 8, middle
        card.label(at, unit.text(row.p95_ms), SMALL, colour=theme.ink2)
    card.dot((fast, middle), 3.4, colour, edge=theme.bg, stroke=0.8)
    ink = theme.muted if row.marked else theme.ink
    card.label((fast - 6, middle), unit.text(row.p50_ms), FAST, colour=ink, align="right")
