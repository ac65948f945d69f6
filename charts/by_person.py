"""Credits by person, with the previous period as a tick, the change and the credits per prompt.

While a range runs, the part of a bar that the change does not compare is pale.

The row of others has no bar: scaled into the bars it would crush the people.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from analytics.figures import (
    PersonBar,
    PersonFigure,
)
from analytics.numbers import as_written, change_of, change_text, counted, credits_text, ratio_text
from analytics.text import clean
from charts.card import Card, note
from charts.lettering import cut_middle, shortened, widest
from charts.sheet import COLUMN, MAX_BODY, MAX_NAME, NAME, SMALL, STRONG, Caption, Sheet
from charts.typeface import legible

ROW = 22
HEAD = 16
BAR = 12
TICK = 16
GAP = 10
NAME_ROOM = (60, 108)
BAR_ROOM = 44


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the columns stand: longest name, start and longest length of bars, right edges.

    A column in which nobody has a value is None and not drawn.
    """

    names: float
    bars: float
    length: float
    change: float | None
    per_prompt: float | None


def person_card(figure: PersonFigure, sheet: Sheet) -> Card:
    """The card of a figure; a sentence when nobody used anything."""
    caption = Caption.of(figure, sheet)
    if not figure.people:
        return note(sheet, caption, "Nobody used credits in this range.")
    people, others = fold(figure, (MAX_BODY - HEAD) // ROW)
    rows = [*people, *([others] if others else [])]
    card, theme = Card(sheet, caption, HEAD + ROW * len(rows)), sheet.theme
    shown = _shown(people, others)
    columns = _columns(rows, shown, sheet)
    _heads(card, columns)
    largest = max(max(person.credits, person.previous or 0) for person in people)
    names = shortened([_name(person) for person in people], columns.names, NAME)
    values = shown[: len(people)]
    for place, (person, name, value) in enumerate(zip(people, names, values, strict=True)):
        middle = card.top + HEAD + ROW * (place + 0.5)
        card.label((card.left, middle), name, NAME, colour=theme.ink)
        x = _bar(card, person, middle, columns=columns, largest=largest)
        card.label((x, middle), value, STRONG, colour=theme.ink)
        _figures(card, person, middle, columns=columns)
    if others:
        middle = card.top + HEAD + ROW * (len(people) + 0.5)
        card.hairline(middle - ROW / 2 + 1)
        name = cut_middle(_name(others), columns.names, NAME)
        card.label((card.left, middle), name, NAME, colour=theme.muted)
        card.label((columns.bars, middle), shown[-1], STRONG, colour=theme.muted)
        _figures(card, others, middle, columns=columns)
    return card


def fold(figure: PersonFigure, rows: int) -> tuple[Sequence[PersonBar], PersonBar | None]:
    """The people who fit on so many rows, and everybody else in one."""
    if len(figure.people) + bool(figure.others) <= rows:
        return figure.people, figure.others
    shown, hidden = figure.people[: rows - 1], figure.people[rows - 1 :]
    if figure.others is None:
        return shown, _together(counted(len(hidden), "other"), hidden)
    return shown, _together("All others", [*hidden, figure.others])


def _together(name: str, people: Sequence[PersonBar]) -> PersonBar:
    """The sum of people; credits per prompt cannot be had from theirs."""
    credits_micro = sum(person.credits for person in people)
    known = [person.previous for person in people if person.previous is not None]
    previous = sum(known) if len(known) == len(people) else None
    return PersonBar(name, credits_micro, previous, change_of(credits_micro, previous), None)


def _shown(people: Sequence[PersonBar], others: PersonBar | None) -> list[str]:
    """The credits as they are written, which add up to the total in the title."""
    amounts = [row.credits for row in (*people, *([others] if others else []))]
    rest = len(people) if others else None
    return [credits_text(micro) for micro in as_written(amounts, others=rest)]


def _columns(rows: Sequence[PersonBar], shown: Sequence[str], sheet: Sheet) -> Columns:
    edge = sheet.right
    per_prompt = change = None
    if any(row.per_prompt is not None for row in rows):
        per_prompt = edge
        words = widest([_per_prompt(row) for row in rows], NAME)
        edge -= max(words, widest(["Per prompt"], COLUMN)) + GAP
    if any(row.change is not None for row in rows):
        change = edge
        words = widest([change_text(row.change) for row in rows], SMALL)
        edge -= max(words, widest(["Change"], COLUMN)) + GAP
    value = 5 + widest(shown, STRONG)
    wanted = widest([_name(row) for row in rows], NAME)
    free = edge - sheet.pad - GAP - value - BAR_ROOM
    names = math.ceil(max(min(wanted, free, NAME_ROOM[1]), NAME_ROOM[0]))
    bars = sheet.pad + names + GAP
    return Columns(names, bars, edge - value - bars, change, per_prompt)


def _heads(card: Card, columns: Columns) -> None:
    y = card.top + 9
    muted = card.theme.muted
    card.text((columns.bars, y), "Credits", COLUMN, colour=muted)
    if columns.change is not None:
        card.text((columns.change, y), "Change", COLUMN, colour=muted, align="right")
    if columns.per_prompt is not None:
        card.text((columns.per_prompt, y), "Per prompt", COLUMN, colour=muted, align="right")


def _bar(card: Card, person: PersonBar, middle: float, *, columns: Columns, largest: int) -> float:
    """Draw the bar and the tick of the previous period; the place that is free behind both."""
    scale = columns.length / largest if largest > 0 else 0
    length = max(person.credits * scale, 1) if person.credits > 0 else 0
    compared = person.credits if person.compared is None else person.compared
    if compared >= person.credits:
        card.bar((columns.bars, middle), (length, BAR), card.theme.accent)
    else:
        # Against the tick stands only what the change compares.
        card.bar((columns.bars, middle), (length, BAR), card.theme.accent_soft)
        part = max(compared, 0) * scale
        card.blocks([((columns.bars, middle - BAR / 2), (part, BAR), card.theme.accent)])
    end = columns.bars + (length + 5 if length else 0)
    if not person.previous or person.previous < 0:
        return end
    tick = columns.bars + person.previous * scale
    ends = [(tick, middle - TICK / 2), (tick, middle + TICK / 2)]
    card.line(ends, colour=card.theme.ink, stroke=1.3)
    return max(end, tick + 5)


def _figures(card: Card, person: PersonBar, middle: float, *, columns: Columns) -> None:
    ink = card.theme.ink2
    if columns.change is not None:
        at = columns.change, middle
        card.label(at, change_text(person.change), SMALL, colour=ink, align="right")
    if columns.per_prompt is not None:
        at = columns.per_prompt, middle
        card.label(at, _per_prompt(person), NAME, colour=ink, align="right")


def _name(person: PersonBar) -> str:
    return legible(clean(person.name, MAX_NAME))


def _per_prompt(person: PersonBar) -> str:
    return "–" if person.per_prompt is None else ratio_text(person.per_prompt)
