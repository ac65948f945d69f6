"""Credits by model under the heading of each family, with the multiplier in a pill.

The card shows what fits.  The smaller models of a family become its "N others" row, then the
smallest families become one line; both hold exact sums, so the card still adds up to the total.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analytics.figures import (
    FamilyBars,
    ModelBar,
    ModelFigure,
)
from analytics.numbers import as_written, counted, credits_text, multiplier_text
from analytics.text import clean
from charts.card import Card, note, pill_width
from charts.lettering import Style, cut_end, shortened, widest
from charts.sheet import MAX_BODY, MAX_NAME, NAME, STRONG, VALUE, Caption, Sheet
from charts.typeface import legible

ROW = 18
HEAD = 17
ABOVE = 4
GAP = 3
BAR = 11
INDENT = 13
FAMILY = Style(9.5, 600)
FLOOR = 2  # models a family shows before another family is folded away
NAME_ROOM = (60, 118)
BAR_ROOM = 72


@dataclass(frozen=True, slots=True)
class Section:
    """A family as the card shows it: its largest models, and how many others with what sum."""

    family: FamilyBars
    shown: tuple[ModelBar, ...]
    hidden: tuple[ModelBar, ...]

    @property
    def rows(self) -> list[tuple[ModelBar, ...]]:
        """The models of each row, the hidden ones in the last."""
        return [*((model,) for model in self.shown), *([self.hidden] if self.hidden else [])]

    @property
    def height(self) -> int:
        """CSS pixels of heading and rows."""
        return HEAD + ROW * len(self.rows) + GAP

    def values(self, total: int) -> list[str]:
        """What stands behind each bar: credits as they are written under the family's total."""
        sums = [sum(model.credits for model in row) for row in self.rows]
        written = as_written(sums, total, others=len(self.shown))
        return [_value(micro, row) for micro, row in zip(written, self.rows, strict=True)]

    @classmethod
    def of(cls, family: FamilyBars, count: int) -> Section:
        """The largest `count` models of a family; the rest is hidden."""
        models = sorted(family.models, key=lambda model: -model.credits)
        return cls(family, tuple(models[:count]), tuple(models[count:]))


@dataclass(frozen=True, slots=True)
class Columns:
    """Where pill and bar stand: right edge of the pills, start and longest length of the bars."""

    names: float
    pills: float
    bars: float
    length: float


def model_card(figure: ModelFigure, sheet: Sheet) -> Card:
    """The card of a figure; a sentence when no model was used."""
    caption = Caption.of(figure, sheet)
    if not any(family.models for family in figure.families):
        return note(sheet, caption, "No model was used in this range.")
    sections, folded = fold(figure.families, MAX_BODY - ABOVE)
    body = ABOVE + sum(section.height for section in sections) + (ROW if folded else 0)
    card, theme = Card(sheet, caption, body), sheet.theme
    totals = _totals(sections, folded)
    every = [section.values(total) for section, total in zip(sections, totals, strict=False)]
    columns = _columns(sections, [text for values in every for text in values], sheet)
    largest = max(model.credits for section in sections for model in section.shown)
    names = iter(_names(sections, columns.names))
    y = card.top + ABOVE
    for section, total, values in zip(sections, totals, every, strict=False):
        _heading(card, y, section.family, total)
        for place, model in enumerate(section.shown):
            middle = y + HEAD + ROW * (place + 0.5)
            card.label((card.left + INDENT, middle), next(names), NAME, colour=theme.ink2)
            card.pill((columns.pills, middle), _pill(model))
            share = max(model.credits, 0) / largest if largest > 0 else 0
            length = _length(share, columns.length)
            card.bar((columns.bars, middle), (length, BAR), theme.family(section.family.name))
            x = columns.bars + (length + 5 if length else 0)
            colour = theme.ink if model.priced else theme.muted
            card.label((x, middle), values[place], VALUE, colour=colour)
        if section.hidden:
            middle = y + HEAD + ROW * (len(section.shown) + 0.5)
            _others(card, middle, columns, (len(section.hidden), values[-1]))
        y += section.height
    if folded:
        _more(card, y, folded, totals[-1])
    return card


def _totals(sections: Sequence[Section], folded: Sequence[FamilyBars]) -> list[int]:
    """The credits of families as they are written under the total; the last are the folded ones."""
    sums = [section.family.credits for section in sections]
    rest = sum(family.credits for family in folded)
    return as_written([*sums, *([rest] if folded else [])], others=len(sums))


def fold(
    families: Sequence[FamilyBars], room: float
) -> tuple[list[Section], tuple[FamilyBars, ...]]:
    """As many families as fit with two models each, then the largest models there is room for.

    Families keep their order; what is folded away are the smallest ones.
    """
    filled = [family for family in families if family.models]
    ranked = sorted(filled, key=lambda family: -family.credits)
    for count in range(len(ranked), 0, -1):
        kept = ranked[:count]
        sections = [Section.of(family, FLOOR) for family in filled if family in kept]
        spare = room - (ROW if count < len(ranked) else 0)
        if sum(section.height for section in sections) <= spare or count == 1:
            break
    while grown := next(_grown(sections, spare), None):
        sections = grown
    return sections, tuple(ranked[count:])


def _grown(sections: Sequence[Section], room: float) -> Iterator[list[Section]]:
    """The sections with one more model, the largest hidden one that fits first."""
    waiting = [i for i, section in enumerate(sections) if section.hidden]
    for i in sorted(waiting, key=lambda i: -sections[i].hidden[0].credits):
        larger = list(sections)
        larger[i] = Section.of(sections[i].family, len(sections[i].shown) + 1)
        if sum(section.height for section in larger) <= room:
            yield larger


def _columns(sections: Sequence[Section], values: Sequence[str], sheet: Sheet) -> Columns:
    models = [model for section in sections for model in section.shown]
    pills = max(pill_width(_pill(model)) for model in models)
    after = 7 + pills + 6, 5 + widest(values, VALUE)
    wanted = widest([_name(model) for model in models], NAME)
    start = sheet.pad + INDENT
    free = sheet.right - start - sum(after) - BAR_ROOM
    names = math.ceil(max(min(wanted, free, NAME_ROOM[1]), NAME_ROOM[0]))
    bars = math.ceil(start + names + after[0])
    return Columns(names, bars - 6, bars, sheet.right - after[1] - bars)


def _length(share: float, longest: float) -> float:
    """Something is never drawn as nothing: the least bar is one pixel long."""
    return max(share * longest, 1) if share else 0


def _name(model: ModelBar) -> str:
    return legible(clean(model.name, MAX_NAME))


def _names(sections: Sequence[Section], room: float) -> list[str]:
    return shortened([_name(m) for section in sections for m in section.shown], room, NAME)


def _pill(model: ModelBar) -> str:
    return "?" if model.multiplier is None else multiplier_text(model.multiplier).replace("x", "×")


def _value(micro: int, models: Sequence[ModelBar]) -> str:
    """The credits of models together, and whether there are some nobody can price."""
    known = credits_text(micro)
    if all(model.priced for model in models):
        return known
    return "unpriced" if known == "0" else f"{known} + unpriced"


def _total(micro: int, share: int) -> str:
    """`6,340 · 61%`; what rounds to nothing is said to be something."""
    return f"{credits_text(micro)} · {'<1' if not share and micro > 0 else share}%"


def _heading(card: Card, y: float, family: FamilyBars, credits_micro: int) -> None:
    middle = y + HEAD // 2
    total = _total(credits_micro, family.share)
    if not all(model.priced for model in family.models):
        total = f"{total} + unpriced" if family.credits else "unpriced"
    room = card.right - card.left - INDENT - widest([total], STRONG) - 10
    card.square((card.left, middle), card.theme.family(family.name))
    name = cut_end(legible(clean(family.name, MAX_NAME)), room, FAMILY)
    card.label((card.left + INDENT, middle), name, FAMILY, colour=card.theme.ink)
    card.label((card.right, middle), total, STRONG, colour=card.theme.ink2, align="right")


def _others(card: Card, middle: float, columns: Columns, words: tuple[int, str]) -> None:
    """How many models are hidden, and their credits."""
    muted = card.theme.muted
    card.label((card.left + INDENT, middle), counted(words[0], "other"), NAME, colour=muted)
    card.label((columns.bars, middle), words[1], VALUE, colour=muted)


def _more(card: Card, y: float, folded: Sequence[FamilyBars], credits_micro: int) -> None:
    models = sum(len(family.models) for family in folded)
    words = f"{len(folded)} more {'family' if len(folded) == 1 else 'families'}, "
    words += f"{models} {'model' if models == 1 else 'models'}"
    share = sum(family.share for family in folded)
    total = _total(credits_micro, share)
    middle = y + 1 + ROW / 2
    card.hairline(y + 1)
    card.label((card.left, middle), words, NAME, colour=card.theme.muted)
    card.label((card.right, middle), total, STRONG, colour=card.theme.muted, align="right")
