"""What rose and what fell: bars to both sides of a middle line, the sum of the rest without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analytics.figures import (
    Mover,
    MoverFigure,
)
from analytics.numbers import counted, credits_text
from analytics.text import clean
from charts.card import Card, note
from charts.lettering import shortened, widest
from charts.sheet import MAX_BODY, MAX_NAME, NAME, STRONG, Caption, Sheet
from charts.typeface import legible

ABOVE = 4
ROW = 20
BAR = 11
GAP = 5
NAME_ROOM = 118


@dataclass(frozen=True, slots=True)
class Middle:
    """Where the bars begin, and CSS pixels of a micro-credit to both sides."""

    x: float
    scale: float


def mover_card(figure: MoverFigure, sheet: Sheet) -> Card:
    """The card of a figure; a sentence when nothing changed."""
    caption = Caption.of(figure, sheet)
    if not any(mover.step for mover in figure.movers):
        return note(sheet, caption, "Nothing changed between the two periods.")
    movers, others = fold(figure.movers, (MAX_BODY - ABOVE) // ROW)
    card = Card(sheet, caption, ABOVE + ROW * (len(movers) + bool(others)))
    named = [*movers, *([others] if others else [])]
    room = min(widest([_name(mover) for mover in named], NAME), NAME_ROOM)
    middle = _middle(card, movers, named, card.left + room + 10)
    names = shortened([_name(mover) for mover in movers], room, NAME)
    top = card.top + ABOVE
    for place, (mover, name) in enumerate(zip(movers, names, strict=True)):
        y = top + ROW * (place + 0.5)
        card.label((card.left, y), name, NAME, colour=card.theme.ink)
        _bar(card, mover, y, middle)
    ends = [(middle.x, top), (middle.x, top + ROW * len(movers))]
    card.line(ends, colour=card.theme.border, stroke=0.8)
    if others:
        y = top + ROW * (len(movers) + 0.5)
        card.hairline(y - ROW / 2 + 1)
        card.label((card.left, y), others.name, NAME, colour=card.theme.muted)
        at = middle.x + GAP, y
        card.label(at, step_text(others.step), STRONG, colour=card.theme.muted)
    return card


def fold(movers: Sequence[Mover], most: int) -> tuple[Sequence[Mover], Mover | None]:
    """As many as fit, and what all others come to."""
    if len(movers) <= most:
        return movers, None
    shown, hidden = movers[: most - 1], movers[most - 1 :]
    return shown, Mover(counted(len(hidden), "other"), sum(mover.step for mover in hidden))


def step_text(step: int) -> str:
    """`+410`, `−1,250`, `0`."""
    sign = "+" if step > 0 else "−" if step < 0 else ""
    return f"{sign}{credits_text(abs(step))}"


def _name(mover: Mover) -> str:
    return legible(clean(mover.name, MAX_NAME))


def _middle(card: Card, movers: Sequence[Mover], named: Sequence[Mover], left: float) -> Middle:
    """The middle line stands so that the longest bars and their values fill the width."""
    falls = [mover for mover in movers if mover.step < 0]
    rises = [mover for mover in named if mover.step >= 0]
    if len(named) > len(movers):
        rises.append(named[-1])  # the value of the others stands on the right too
    before, after = (
        widest([step_text(mover.step) for mover in side], STRONG) + GAP if side else 0
        for side in (falls, rises)
    )
    down = max((-mover.step for mover in falls), default=0)
    up = max((mover.step for mover in movers if mover.step > 0), default=0)
    scale = (card.right - left - before - after) / (down + up)
    return Middle(left + before + down * scale, scale)


def _bar(card: Card, mover: Mover, y: float, middle: Middle) -> None:
    """More use is not bad and less not good, so both have a tone of the accent."""
    theme, sign = card.theme, 1 if mover.step >= 0 else -1
    length = max(abs(mover.step) * middle.scale, 1) if mover.step else 0
    colour = theme.accent if sign > 0 else theme.accent_soft
    card.bar((middle.x, y), (sign * length, BAR), colour)
    at = middle.x + sign * (length + GAP), y
    words = step_text(mover.step)
    card.label(at, words, STRONG, colour=theme.ink, align="left" if sign > 0 else "right")
