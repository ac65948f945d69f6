"""Credits by task or another label, each bar split by multiplier tier, its share at the end."""

from __future__ import annotations

from collections.abc import Sequence

from analytics.figures import (
    SplitFigure,
    SplitRow,
)
from analytics.text import clean
from charts.card import Card, note
from charts.legend import Legend
from charts.lettering import cut_end, shortened, widest
from charts.sheet import LEGEND, MAX_BODY, MAX_NAME, NAME, STRONG, Caption, Point, Sheet
from charts.typeface import legible

ROW = 23
HEAD = 15
BAR = 12
GAP = 0.6  # between two parts of a bar
NAME_ROOM = 150
LABELS = {
    "premium": "Premium",
    "standard": "Standard",
    "economy": "Economy",
    "unknown": "No multiplier",
}


def split_card(figure: SplitFigure, sheet: Sheet) -> Card:
    """The card of a figure; a sentence when nothing was used."""
    caption = Caption.of(figure, sheet)
    if not any(row.credits > 0 for row in figure.rows):
        return note(sheet, caption, "No credits were used in this range.")
    rows, others = fold(figure.rows, (MAX_BODY - HEAD) // ROW)
    card = Card(sheet, caption, HEAD + ROW * (len(rows) + bool(others)))
    _legend(card, figure)
    named = [*rows, *([others] if others else [])]
    room = min(widest([_name(row) for row in named], NAME), NAME_ROOM)
    start = card.left + room + 10
    shares = widest([share_text(row) for row in figure.rows], STRONG)
    scale = (card.right - start - shares - 5) / max(row.credits for row in rows)
    names = shortened([_name(row) for row in rows], room, NAME)
    blocks: list[tuple[Point, Point, str]] = []
    for place, (row, name) in enumerate(zip(rows, names, strict=True)):
        middle = card.top + HEAD + ROW * (place + 0.5)
        card.label((card.left, middle), name, NAME, colour=card.theme.ink)
        blocks += _bar(card, figure.tiers, row, (start, middle - BAR / 2), scale)
        end = start + max(row.credits, 0) * scale + 5
        card.label((end, middle), share_text(row), STRONG, colour=card.theme.ink)
    card.blocks(blocks)
    if others:
        middle = card.top + HEAD + ROW * (len(rows) + 0.5)
        card.hairline(middle - ROW / 2 + 1)
        card.label((card.left, middle), others.name, NAME, colour=card.theme.muted)
        card.label((start, middle), share_text(others), STRONG, colour=card.theme.muted)
    return card


def fold(rows: Sequence[SplitRow], most: int) -> tuple[Sequence[SplitRow], SplitRow | None]:
    """As many rows as fit, and the sum of the rest, which has no bar."""
    if len(rows) <= most:
        return rows, None
    shown, hidden = rows[: most - 1], rows[most - 1 :]
    parts = tuple(sum(column) for column in zip(*(row.parts for row in hidden), strict=True))
    total, share = sum(row.credits for row in hidden), sum(row.share for row in hidden)
    return shown, SplitRow(f"{len(hidden)} others", total, share, parts)


def share_text(row: SplitRow) -> str:
    """`28%`; what rounds to nothing is said to be something."""
    return f"{'<1' if not row.share and row.credits > 0 else row.share}%"


def _name(row: SplitRow) -> str:
    return legible(clean(row.name, MAX_NAME))


def _bar(
    card: Card, tiers: Sequence[str], row: SplitRow, at: Point, scale: float
) -> list[tuple[Point, Point, str]]:
    """The parts of a bar; something is never drawn as nothing."""
    x, y = at
    blocks: list[tuple[Point, Point, str]] = []
    for tier, part in zip(tiers, row.parts, strict=True):
        length = max(part, 0) * scale
        if part > 0:
            blocks.append(((x, y), (max(length - GAP, 1 / 3), BAR), card.theme.tier(tier)))
        x += length
    return blocks


def _legend(card: Card, figure: SplitFigure) -> None:
    legend = Legend(card, card.top + 5)
    labels = figure.labels or [LABELS.get(tier, tier) for tier in figure.tiers]
    for place, (tier, label) in enumerate(zip(figure.tiers, labels, strict=True)):
        if any(row.parts[place] > 0 for row in figure.rows):
            room = card.sheet.room / len(labels) - 24
            legend.square(card.theme.tier(tier), cut_end(legible(clean(label)), room, LEGEND))
