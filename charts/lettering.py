"""Text measured, shortened and broken into lines; every width is in CSS pixels.

Widths come from the renderer that draws, so what was measured to fit does fit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from matplotlib.backends.backend_agg import RendererAgg

from charts.letters import is_mark, letters
from charts.typeface import font, prepare

SCALE = 3
DPI = 72 * SCALE
ELLIPSIS = "…"
MARK = "\u200e"  # is not drawn and takes no room
_RIGHT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"  # Hebrew, Arabic and their kin
_FROM_RIGHT = re.compile(f"[{_RIGHT}]")
_NAME_ENDS = re.compile(rf"([{_RIGHT}])(?=\s*[:;,·(–])")
_BREAK = re.compile(r"\s+(?!m?s\b)|(?<!\d)\s+")  # where a line may end: not inside 0.9 s


@dataclass(frozen=True, slots=True)
class Style:
    """Size in CSS pixels and weight of a piece of text."""

    size: float
    weight: int = 400


@cache
def _renderer() -> RendererAgg:
    prepare()
    return RendererAgg(10, 10, DPI)  # type: ignore[no-untyped-call]  # matplotlib gives none


@lru_cache(maxsize=8192)
def extent(text: str, style: Style) -> tuple[float, float, float]:
    """How wide a text is drawn, and how far it reaches over and under its baseline."""
    properties = font(text, style.size, style.weight)
    measure = _renderer().get_text_width_height_descent
    wide, high, fall = measure(text, properties, ismath=False)  # type: ignore[no-untyped-call]  # nor here
    return float(wide) / SCALE, float(high - fall) / SCALE, float(fall) / SCALE


def width(text: str, style: Style) -> float:
    """How wide a text is drawn."""
    return extent(text, style)[0]


def widest(texts: Sequence[str], style: Style) -> float:
    """The width of the widest text; 0 for none."""
    return max((width(text, style) for text in texts), default=0)


def cut_end(text: str, room: float, style: Style) -> str:
    """The text, or as much of its beginning as fits; for sentences."""
    if width(text, style) <= room:
        return text
    pieces = letters(text)
    return _longest([_ended(pieces[:kept]) for kept in range(len(pieces))], room, style)


def _ended(pieces: Sequence[str]) -> str:
    return "".join(pieces).rstrip(" .@-_,") + ELLIPSIS


def cut_middle(name: str, room: float, style: Style) -> str:
    """The name, or its beginning and end: version and domain stand at the end."""
    if width(name, style) <= room:
        return name
    pieces = letters(name)
    return _longest([_joined(pieces, kept) for kept in range(len(pieces))], room, style)


def _joined(pieces: Sequence[str], kept: int) -> str:
    head = (kept + 1) * 3 // 5
    tail = pieces[len(pieces) - (kept - head) :]
    return "".join(pieces[:head]).rstrip() + ELLIPSIS + "".join(tail).lstrip()


def _longest(candidates: Sequence[str], room: float, style: Style) -> str:
    """The last candidate that fits; they grow, so half of them are skipped at each look."""
    low, high = 0, len(candidates) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if width(candidates[middle], style) <= room:
            low = middle
        else:
            high = middle - 1
    return candidates[low]


def shortened(names: Sequence[str], room: float, style: Style) -> list[str]:
    """Names cut to fit; names that differ stay different, also when their ends are alike."""
    short = [cut_middle(name, room, style) for name in names]
    for text in {text for text in short if short.count(text) > 1}:
        places = [place for place, found in enumerate(short) if found == text]
        alike = sorted({names[place] for place in places})
        if len(alike) > 1:
            apart = dict(zip(alike, _told_apart(alike, room, style, taken=set(short)), strict=True))
            for place in places:
                short[place] = apart[names[place]]
    return short


def _told_apart(names: Sequence[str], room: float, style: Style, *, taken: set[str]) -> list[str]:
    """What is each name's own, after as much of what they share as fits; else numbers."""
    start, end = _shared(names)
    tails = [
        ELLIPSIS * (start > 0) + name[start : len(name) - end] + ELLIPSIS * (end > 0)
        for name in names
    ]
    pieces = letters(names[0][:start])
    heads = ["".join(pieces[:kept]).rstrip() for kept in range(len(pieces))] or [""]
    head = next(
        (one for one in reversed(heads) if widest([one + tail for tail in tails], style) <= room),
        "",
    )
    own = [head + tail for tail in tails]
    fitting = [cut_middle(text, room, style) for text in own]
    if len(set(fitting)) == len(names) and not taken.intersection(fitting):
        return fitting
    room -= width(f" ({len(names)})", style)
    return [f"{cut_middle(name, room, style)} ({n})" for n, name in enumerate(names, 1)]


def _shared(names: Sequence[str]) -> tuple[int, int]:
    """Lengths of the common beginning and end, shortened to borders of words."""
    first = names[0]
    start = _common(names)
    end = _common([name[start:][::-1] for name in names])
    while start and _in_word(first[start - 1]):
        start -= 1
    while end and _in_word(first[len(first) - end]):
        end -= 1
    return start, end


def _common(names: Sequence[str]) -> int:
    """How many first characters all names share; those sorted first and last differ most."""
    first, last = min(names), max(names)
    pairs = enumerate(zip(first, last, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(first), len(last)))


def _in_word(char: str) -> bool:
    """Version numbers are words, so a point does not part them."""
    return char.isalnum() or char == "." or is_mark(char)


def wrapped(text: str, room: float, style: Style, *, balance: bool = False) -> list[str]:
    """One or two lines; the second is cut where it is too long.  Balanced lines are alike long."""
    lines = _filled(text, room, style)
    if len(lines) > 2:
        lines = [lines[0], " ".join(lines[1:])]
    elif balance and len(lines) == 2:
        low, high = room / 2, room
        while high - low > 2:
            middle = (low + high) / 2
            low, high = (low, middle) if _fits_two(text, middle, style) else (middle, high)
        lines = _filled(text, high, style)
    return [left_to_right(cut_end(line, room, style)) for line in lines]


def left_to_right(sentence: str) -> str:
    """A line of our words that stays in its order though names in it are written from the right.

    A mark says which way the line runs, and one behind such a name keeps what follows it apart.
    """
    if sentence.isascii() or not _FROM_RIGHT.search(sentence):
        return sentence
    return MARK + _NAME_ENDS.sub(rf"\1{MARK}", sentence)


def _fits_two(text: str, room: float, style: Style) -> bool:
    lines = _filled(text, room, style)
    return len(lines) == 2 and widest(lines, style) <= room


def _filled(text: str, room: float, style: Style) -> list[str]:
    lines: list[str] = []
    current = ""
    for word in _BREAK.split(text.strip()):
        trial = f"{current} {word}".strip()
        if current and width(trial, style) > room:
            lines.append(current)
            current = word
        else:
            current = trial
    return [*lines, current] if current else lines


def paragraph(text: str, room: float, style: Style) -> list[str]:
    """As many lines as a text needs; a word without room is cut."""
    return [left_to_right(cut_end(line, room, style)) for line in _filled(text, room, style)]
