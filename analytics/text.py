"""Text from outside, made harmless before it is measured, drawn or sent.

Renderers add their own escaping at the edge; this is what holds on every surface.
"""

from __future__ import annotations

import unicodedata

MAX_NAME = 80
MAX_MARKS = 4
_SPACES = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), " ")
_DROPPED = dict.fromkeys(
    (
        *range(0x202A, 0x202F),  # bidi embeddings and overrides
        *range(0x2066, 0x206A),  # bidi isolates
        0x200E,
        0x200F,
        0x061C,
        0x200B,
        0x200C,
        0x2060,
        0xFEFF,
    )
)
_TABLE = {**_SPACES, **_DROPPED}
_JOINER = "\u200d"


def clean(text: str, limit: int = MAX_NAME) -> str:
    """One line without control, bidi or zero-width characters, at most `limit` long.

    Lone surrogates become U+FFFD, at most four combining marks follow a base character, and
    nothing at all becomes "(no name)".  Cleaning twice changes nothing.
    """
    if text.isascii() and text.isprintable() and len(text) <= limit:
        return " ".join(text.split()) or "(no name)"
    whole = text[: 8 * limit].encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    whole = unicodedata.normalize("NFC", " ".join(whole.translate(_TABLE).split()))
    kept: list[str] = []
    marks = 0
    for char in whole:
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        if marks > MAX_MARKS or (char == _JOINER and not _joins_emoji(kept)):
            continue
        kept.append(char)
    return _cut("".join(kept).strip(_JOINER + " "), limit) or "(no name)"


def _joins_emoji(kept: list[str]) -> bool:
    """A zero-width joiner may stay behind a symbol, where it builds one emoji of several."""
    return bool(kept) and unicodedata.category(kept[-1]) in ("So", "Sk", "Mn")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip(_JOINER + " ") + "…"
