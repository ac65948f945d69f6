"""Share of prompts against share of credits by multiplier tier: two bars joined by pale bands."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from analytics.figures import TierFigure
from analytics.numbers import as_written, counted_credits
from analytics.text import clean
from charts.card import Card, note
from charts.lettering import Style, cut_end, width
from charts.sheet import SMALL, Caption, Point, Sheet
from charts.typeface import legible

BARS_AT = 12
BAR = 24
BAND = 22
NAMES = 52
KEYS_AT = 12 + 2 * BAR + BAND + 14  # the middle of the first line under the bars
KEY = 30
NAME = Style(9.5, 600)
LABEL = Style(8.5, 500)
LEAST_COLUMN = 84  # of a key with its words


def tier_card(figure: TierFigure, sheet: Sheet) -> Card:
    """The card of a figure; a sentence when nothing was used."""
    caption = Caption.of(figure, sheet)
    prompts = [max(tier.prompts, 0) for tier in figure.tiers]
    spent = [max(tier.credits or 0, 0) for tier in figure.tiers]
    if not sum(prompts) and not sum(spent):
        return note(sheet, caption, "No prompts were sent in this range.")
    columns = min(len(figure.tiers), max(int(sheet.room / LEAST_COLUMN), 1))
    lines = -(-len(figure.tiers) // columns)
    card = Card(sheet, caption, KEYS_AT + KEY * lines - 9)
    colours = [card.theme.tier(tier.tier) for tier in figure.tiers]
    ends = card.left + NAMES, card.right
    upper, lower = (_spans(parts, ends) for parts in (prompts, spent))
    top = card.top + BARS_AT
    shares = [tier.prompt_share for tier in figure.tiers], [tier.share for tier in figure.tiers]
    _bands(card, top + BAR, colours, upper, lower)
    _bar(card, top, "Prompts", list(zip(colours, upper, shares[0], strict=True)))
    _bar(card, top + BAR + BAND, "Credits", list(zip(colours, lower, shares[1], strict=True)))
    written = as_written(spent)
    for place, (tier, colour) in enumerate(zip(figure.tiers, colours, strict=True)):
        x = card.left + place % columns * (sheet.room / columns)
        y = card.top + KEYS_AT + place // columns * KEY
        words = "–" if tier.credits is None else counted_credits(written[place])
        _key(card, (x, y), (tier.label, words), colour, sheet.room / columns)
    return card


def _spans(parts: Sequence[int], ends: Point) -> list[Point]:
    """Start and end of each part of a bar; a bar of nothing has none of any length."""
    whole = sum(parts) or 1
    edges = [ends[0] + (ends[1] - ends[0]) * part / whole for part in accumulate(parts, initial=0)]
    return list(pairwise(edges))


def _bar(card: Card, top: float, name: str, parts: Sequence[tuple[str, Point, int]]) -> None:
    middle = top + BAR / 2
    card.label((card.left, middle), name, NAME, colour=card.theme.ink)
    if not any(end > start for _, (start, end), _ in parts):
        card.label((card.left + NAMES, middle), "none", SMALL, colour=card.theme.muted)
    drawn = [(colour, span, share) for colour, span, share in parts if span[1] > span[0]]
    last = max((span[1] for _, span, _ in drawn), default=0)
    card.blocks(
        [
            ((start, top), (max(end - start - (1 if end < last else 0), 0.3), BAR), colour)
            for colour, (start, end), _ in drawn
        ]
    )
    for colour, (start, end), share in drawn:
        words = f"{share}%"
        if end - start > width(words, NAME) + 6:
            ink = card.theme.written_on(colour)
            card.label(((start + end) / 2, middle), words, NAME, colour=ink, align="center")


def _bands(
    card: Card, top: float, colours: Sequence[str], upper: Sequence[Point], lower: Sequence[Point]
) -> None:
    """What part of the credits each part of the prompts became; nothing where one bar is empty."""
    if not (upper[-1][1] > upper[0][0] and lower[-1][1] > lower[0][0]):
        return
    for colour, above, below in zip(colours, upper, lower, strict=True):
        corners = [(above[0], top), (above[1], top), (below[1], top + BAND), (below[0], top + BAND)]
        card.area(corners, colour, opacity=0.16)


def _key(card: Card, at: Point, words: Sequence[str], colour: str, room: float) -> None:
    """Colour, name and credits of a tier; the shares of slim parts stand only here."""
    x, y = at
    card.square((x, y), colour)
    label = cut_end(legible(clean(words[0])), room - 18, LABEL)
    card.label((x + 12, y), label, LABEL, colour=card.theme.ink2)
    amount = cut_end(words[1], room - 18, SMALL)
    card.label((x + 12, y + 12), amount, SMALL, colour=card.theme.muted)
