"""A month at a glance: tiles of numbers above its burn-up and short lists, twice as wide as high.

Shown 360 pixels wide its text shrinks by a third, so only title and tiles read well before a tap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from analytics.figures import (
    BudgetFigure,
    DashboardFigure,
    DayStrip,
    Tile,
    TopList,
    TopRow,
)
from analytics.numbers import as_written, axis_text, counted, credits_text
from analytics.text import clean
from analytics.timerange import MONTH_NAMES
from charts.axes import Scale, foot_labels, ticks, value_axis
from charts.burn_up import burn_up, day_text, limits
from charts.card import Card
from charts.lettering import Style, cut_end, cut_middle, shortened, widest, width
from charts.placing import Rect
from charts.sheet import (
    MAX_NAME,
    MAX_SENTENCE,
    SENTENCE,
    SMALL,
    SUBTITLE,
    Caption,
    Point,
    Sheet,
    footer_lines,
)
from charts.typeface import legible

WIDTH, HEIGHT, PAD = 534, 267, 13
TITLE, LEAST_TITLE = 15, 11
HEAD = 28  # from the top of the title to the tiles
TILE = 55
GAP = 7
INSET = 9
END = 5  # how much nearer to the footer the panels come than the body of a card
VALUE, LEAST_VALUE = 18, 11
NOTE = (8.5, 7.5)
LABEL = Style(9, 500)
HEADING = Style(10, 600)
NAME, AMOUNT = Style(9.5), Style(9.5, 600)
AXIS = Style(9)
ROWS = 4
LIST_AT, AXIS_AT = 23, 18
BAR_AT, BAR = 18, 4.5
PARTS = {
    (True, 2): (36, 35, 29),
    (True, 1): (52, 48),
    (True, 0): (100,),
    (False, 2): (54, 46),
    (False, 1): (100,),
}
SHOWN = (90, 100)
DAY_GAP = 0.26  # of a day
HEADROOM = 1.12  # of the largest day


def dashboard_card(figure: DashboardFigure, sheet: Sheet) -> Card:
    """The card of a figure; what is not there leaves its room to the rest."""
    if sheet.page is None:
        sheet = replace(sheet, width=WIDTH, pad=PAD)
    caption = Caption((), (), footer_lines(figure, sheet), sheet.pad)
    card = Card(sheet, caption, HEIGHT - sheet.pad - caption.foot)
    _title(card, figure)
    top = card.top + HEAD
    if figure.tiles:
        _tiles(card, top, figure.tiles)
        top += TILE + GAP
    burn = figure.burn_up if figure.burn_up and figure.burn_up.used else None
    days = None if burn else figure.days if figure.days and _highest(figure.days) > 0 else None
    lists = [chosen for chosen in figure.lists if chosen.rows][:2]
    panels = _panels(card, top, PARTS.get((bool(burn or days), len(lists)), ()))
    if burn:
        _burn_up(card, panels.pop(0), burn)
    if days:
        _days(card, panels.pop(0), days)
    for panel, chosen in zip(panels, lists, strict=True):
        _list(card, panel, chosen)
    if not burn and not days and not lists:
        words = "No credits were used in this range."
        card.label((card.left, top + 34), words, SENTENCE, colour=card.theme.ink2)
    return card


def _title(card: Card, figure: DashboardFigure) -> None:
    """Title and dates on one line; a long title becomes smaller before it is cut."""
    dates = cut_end(legible(clean(figure.subtitle)), card.sheet.room / 2, SUBTITLE)
    room = card.sheet.room - width(dates, SUBTITLE) - 16
    title = legible(clean(figure.title, MAX_SENTENCE))
    style = _fitting(title, room, (TITLE, LEAST_TITLE), 600)
    y = card.top + 12
    card.text((card.left, y), cut_end(title, room, style), style, colour=card.theme.ink)
    card.text((card.right, y), dates, SUBTITLE, colour=card.theme.muted, align="right")


def _fitting(text: str, room: float, sizes: tuple[float, float], weight: int) -> Style:
    """The largest style in which a text fits, or the smallest there is."""
    halves = range(round(2 * sizes[0]), round(2 * sizes[1]) - 1, -1)
    styles = [Style(half / 2, weight) for half in halves]
    return next((style for style in styles if width(text, style) <= room), styles[-1])


def _tiles(card: Card, top: float, tiles: Sequence[Tile]) -> None:
    theme = card.theme
    wide = (card.sheet.room - GAP * (len(tiles) - 1)) / len(tiles)
    for place, tile in enumerate(tiles):
        left = card.left + place * (wide + GAP)
        card.panel((left, top), (wide, TILE), theme.panel)
        x, room = left + INSET, wide - 2 * INSET + 4
        value = legible(clean(tile.value))
        style = _fitting(value, room, (VALUE, LEAST_VALUE), 700)
        label, note = (legible(clean(text)) if text else "" for text in (tile.label, tile.note))
        card.text((x, top + 13), cut_end(label, room, LABEL), LABEL, colour=theme.ink2)
        card.text((x, top + 35), cut_end(value, room, style), style, colour=theme.ink)
        if note:
            small = _fitting(note, room, NOTE, 400)
            card.text((x, top + 48), cut_end(note, room, small), small, colour=theme.muted)


def _panels(card: Card, top: float, parts: Sequence[int]) -> list[Rect]:
    """Framed boxes side by side, in per cent of the width."""
    room = card.sheet.room - GAP * (len(parts) - 1)
    bottom = card.bottom + (END if card.height - card.bottom > END else 0)
    left, panels = card.left, []
    for part in parts:
        panel = Rect(left, top, left + room * part / 100, bottom)
        card.panel((panel.left, top), (panel.right - left, bottom - top), card.theme.bg)
        panels.append(panel)
        left = panel.right + GAP
    return panels


def _burn_up(card: Card, panel: Rect, figure: BudgetFigure) -> None:
    at = panel.left + INSET, panel.top + 15
    heading = "Budget" if figure.limit else "Credits used"
    card.text(at, heading, HEADING, colour=card.theme.ink)
    bottom = panel.bottom - AXIS_AT
    frame = Rect(panel.left + INSET, panel.top + LIST_AT + 5, panel.right - INSET, bottom)
    plot = burn_up(card, figure, frame, AXIS, limits(card, figure, SHOWN))
    last = figure.days - 1
    is_month = figure.start.day == 1 and figure.days <= 31
    labels = [
        (
            plot.days.at(day + 0.5),
            str(day + 1) if is_month and day < last else day_text(figure, day),
        )
        for day in dict.fromkeys((0, last, last // 2))
    ]
    foot_labels(card, labels, bottom + 12, (frame.left, frame.right), style=AXIS)


def _days(card: Card, panel: Rect, strip: DayStrip) -> None:
    """A bar for each day, those of the period in the full colour."""
    heading = cut_end(legible(clean(strip.heading)), panel.right - panel.left - 2 * INSET, HEADING)
    card.text((panel.left + INSET, panel.top + 15), heading, HEADING, colour=card.theme.ink)
    top, bottom = panel.top + LIST_AT + 5, panel.bottom - AXIS_AT
    amounts = Scale(0, _highest(strip) * HEADROOM, bottom, top)
    marks = ticks(0, int(amounts.high), most=3)
    words = [axis_text(mark) for mark in marks]
    left, right = panel.left + INSET + widest(words, AXIS) + 5, panel.right - INSET
    heights = [(amounts.at(mark), text) for mark, text in zip(marks, words, strict=True)]
    value_axis(card, heights, (left, right), style=AXIS)
    places = Scale(0, len(strip.credits), left, right)
    gap = (places.at(1) - left) * DAY_GAP
    blocks = []
    for place, credits in enumerate(strip.credits):
        if credits is None:
            continue
        theme = card.theme
        colour = theme.accent if place >= strip.marked else theme.accent_soft
        y = min(amounts.at(max(credits, 0)), bottom - 1)  # a day of nothing is a flat mark
        x = places.at(place) + gap / 2
        wide = places.at(place + 1) - gap / 2 - x
        blocks.append(((x, y), (wide, bottom - y), colour if credits > 0 else theme.border))
    card.blocks(blocks)
    last = len(strip.credits) - 1
    ends = dict.fromkeys((0, last))
    labels = [(places.at(day + 0.5), _date(strip, day)) for day in ends]
    foot_labels(card, labels, bottom + 12, (left, right), style=AXIS)


def _highest(strip: DayStrip) -> int:
    return max((credits for credits in strip.credits if credits is not None), default=0)


def _date(strip: DayStrip, place: int) -> str:
    day = strip.start + timedelta(days=place)
    return f"{day.day} {MONTH_NAMES[day.month - 1]}"


def fold(chosen: TopList) -> tuple[Sequence[TopRow], TopRow | None]:
    """The rows that fit, and the sum of all others."""
    rows, hidden = chosen.rows[:ROWS], chosen.rows[ROWS:]
    if not hidden:
        return rows, chosen.others
    rest = [*hidden, *([chosen.others] if chosen.others else [])]
    name = "All others" if chosen.others else counted(len(hidden), "other")
    return rows, TopRow(name, sum(row.credits for row in rest))


def _list(card: Card, panel: Rect, chosen: TopList) -> None:
    """A heading, names with their credits over a bar each, and the rest without a bar."""
    theme, x, right = card.theme, panel.left + INSET, panel.right - INSET
    unit = "credits"
    room = right - x - width(unit, SMALL) - 8
    heading = cut_end(legible(clean(chosen.heading)), room, HEADING)
    card.text((x, panel.top + 15), heading, HEADING, colour=theme.ink)
    card.text((right, panel.top + 15), unit, SMALL, colour=theme.muted, align="right")
    rows, others = fold(chosen)
    every = [*rows, *([others] if others else [])]
    rest = len(rows) if others else None
    written = as_written([row.credits for row in every], others=rest)
    amounts = [credits_text(micro) for micro in written]
    room = right - x - widest(amounts, AMOUNT) - 8
    names = shortened([legible(clean(row.name, MAX_NAME)) for row in rows], room, NAME)
    largest = max(1, *(row.credits for row in rows))
    step = (panel.bottom - panel.top - LIST_AT - 7) / (ROWS + 0.75)
    top = panel.top + LIST_AT
    for row, *words in zip(rows, names, amounts, strict=False):
        _row(card, (x, top + 11), words, right)
        colour = theme.family(row.family) if row.family else theme.accent
        card.blocks([((x, top + BAR_AT - BAR / 2), (right - x, BAR), theme.panel)])
        length = max((right - x) * row.credits / largest, 1) if row.credits > 0 else 0
        card.bar((x, top + BAR_AT), (length, BAR), colour)
        top += step
    if others:
        top = panel.top + LIST_AT + ROWS * step
        card.line([(x, top + 2), (right, top + 2)], colour=theme.grid, stroke=0.7)
        name = cut_middle(legible(clean(others.name, MAX_NAME)), room, NAME)
        _row(card, (x, top + 14), (name, amounts[-1]), right, colours=(theme.muted, theme.muted))


def _row(
    card: Card,
    at: Point,
    words: Sequence[str],
    right: float,
    *,
    colours: tuple[str, str] | None = None,
) -> None:
    of_name, of_amount = colours or (card.theme.ink2, card.theme.ink)
    name, amount = words
    card.text(at, name, NAME, colour=of_name)
    card.text((right, at[1]), amount, AMOUNT, colour=of_amount, align="right")
