"""The fonts of every picture: ours from `charts/fonts`, never one that happens to be installed.

matplotlib's settings are put back to its own defaults first, so that no settings file of the
computer changes a picture.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.font_manager import FontProperties
from matplotlib.typing import RcKeyType

from charts.letters import is_mark, letters

FOLDER = Path(__file__).parent / "fonts"
SANS = "Creditbot Sans"
# The rarest last.  matplotlib brings DejaVu Sans along; under our own name an installed one of
# another version is never taken for it.
RARE = "Creditbot Rare"
CHAIN = (
    SANS,
    "Creditbot Sans Arabic",
    "Creditbot Sans CJK",
    "Creditbot Sans Hebrew",
    "Creditbot Sans Devanagari",
    "Creditbot Sans Thai",
    "Creditbot Emoji",
    RARE,
)
MISSING = "\N{WHITE SQUARE}"
_UNDRAWN = frozenset((0x200D, 0xFE0E, 0xFE0F))  # joiner and emoji style: the shaper eats them
SETTINGS: dict[RcKeyType, object] = {
    "font.family": [SANS],
    "text.parse_math": False,  # "$x^2$" is a name, not a formula
    "text.hinting": "none",
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "creditbot",  # element ids, and so the bytes, repeat
}


@cache
def prepare() -> None:
    """Register the fonts and the few settings, once in the life of the program."""
    mpl.rcdefaults()
    mpl.rcParams.update(SETTINGS)
    # It reports at warning level each time a script without a bold font takes its regular one.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    manager = font_manager.fontManager
    entry = font_manager.ttfFontProperty(font_manager.get_font(_bundled()))
    manager.ttflist.append(replace(entry, name=RARE))
    for path in sorted(FOLDER.glob("*.ttf")):
        manager.addfont(path)


def _bundled() -> str:
    return str(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")


@cache
def _characters(family: str) -> frozenset[int]:
    prepare()
    found = font_manager.findfont(FontProperties(family=[family]))
    return frozenset(font_manager.get_font(found).get_charmap())


@lru_cache(maxsize=256)
def _properties(size: float, weight: int, *, chain: bool) -> FontProperties:
    return FontProperties(family=list(CHAIN) if chain else [SANS], size=size, weight=weight)


def font(text: str, size: float, weight: int) -> FontProperties:
    """The font of a text; the whole chain only where it needs one, because each link costs time."""
    chain = not text.isascii() and any(ord(char) not in _characters(SANS) for char in text)
    return _properties(size, weight, chain=chain)


def legible(text: str) -> str:
    """The text with an empty square for each character that none of the fonts can draw.

    A letter and its marks come from one font; marks that the letter's fonts lack are left out,
    because a shaper would draw a box for the letter too.
    """
    if text.isascii():
        return text
    pieces = (piece if _is_drawn(piece) else _parted(piece) for piece in letters(text))
    return "".join(pieces) or MISSING


def _parted(piece: str) -> str:
    return "".join(char if _is_drawn(char) else MISSING for char in piece if not is_mark(char))


@lru_cache(maxsize=4096)
def _is_drawn(piece: str) -> bool:
    """Whether one font has every character of a piece that starts with a letter or a symbol."""
    codes = {ord(char) for char in piece} - _UNDRAWN
    return not is_mark(piece[0]) and any(codes <= _characters(family) for family in CHAIN)
