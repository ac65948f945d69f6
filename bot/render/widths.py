"""How wide text is where every character has the same width, and how it is cut to one.

Invariant: wide characters count two columns and combining ones none, as terminals do; a cut never
parts a base character from its marks.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console

from bot.render.limits import ELLIPSIS

PIPED_WIDTH = 100  # of an answer that goes to a file or program


def window_width(console: Console) -> int:
    """Columns of the terminal; without one as COLUMNS says, else enough for most tables."""
    known = console.is_terminal or "COLUMNS" in os.environ
    return console.width if known else PIPED_WIDTH


def display_width(text: str) -> int:
    """Columns a terminal needs for a text."""
    return len(text) if text.isascii() else sum(map(_char_width, text))


def _char_width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def pad(text: str, width: int, *, right: bool = False) -> str:
    """The text with blanks up to a width, in front when it stands to the right."""
    blanks = " " * (width - display_width(text))
    return blanks + text if right else text + blanks


def shorten(text: str, width: int) -> str:
    """The text cut in the middle to a width: versions and domains stand at the end."""
    if display_width(text) <= width:
        return text
    clusters = _clusters(text)
    tail = _fitting(reversed(clusters), (width - 1) // 2)
    head = _fitting(clusters, width - 1 - sum(map(display_width, tail)))
    return "".join(head) + ELLIPSIS + "".join(reversed(tail))


def shorten_all(texts: Sequence[str], width: int) -> list[str]:
    """Each text cut to a width; different texts stay different, by number as the last resort."""
    short = [shorten(text, width) for text in texts]
    taken = {cut: text for text, cut in zip(texts, short, strict=True) if cut == text}
    numbers: dict[str, int] = {}
    for index, text in enumerate(texts):
        cut = short[index]
        while taken.setdefault(short[index], text) != text:
            numbers[cut] = numbers.get(cut, 1) + 1
            mark = f"{ELLIPSIS}{numbers[cut]}"
            short[index] = "".join(_fitting(_clusters(text), width - len(mark))) + mark
    return short


def wrapped(text: str, width: int) -> str:
    """The text with lines broken between words where they are wider; tables that fit stay."""
    return "\n".join(part for line in text.split("\n") for part in _parts(line, width))


def _parts(line: str, width: int) -> Iterator[str]:
    if display_width(line) <= width:
        yield line
        return
    kept = ""
    for word in line.split(" "):
        longer = f"{kept} {word}" if kept else word
        if kept and display_width(longer) > width:
            yield kept.rstrip()
            kept = word
        else:
            kept = longer
    yield kept


def broken(text: str, width: int) -> list[str]:
    """The whole text in lines of a width, between words where that goes; never no line."""
    lines = [line for part in _parts(text, width) for line in _chopped(part, width)]
    return lines or [""]


def _chopped(text: str, width: int) -> Iterator[str]:
    """A word that is wider than a line, in pieces."""
    clusters = _clusters(text)
    while clusters:
        piece = _fitting(clusters, width) or clusters[:1]
        yield "".join(piece)
        clusters = clusters[len(piece) :]


def _clusters(text: str) -> list[str]:
    """Base characters, each with what has no width of its own behind it."""
    clusters: list[str] = []
    for char in text:
        if clusters and _char_width(char) == 0:
            clusters[-1] += char
        else:
            clusters.append(char)
    return clusters


def _fitting(clusters: Iterable[str], width: int) -> list[str]:
    """As many clusters from the start as the width holds."""
    kept: list[str] = []
    for cluster in clusters:
        width -= display_width(cluster)
        if width < 0:
            break
        kept.append(cluster)
    return kept
