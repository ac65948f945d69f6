"""Text from outside, made harmless before it is kept, measured, drawn or sent.

Both databases refuse or mangle what is taken out here: PostgreSQL a NUL, both drivers a lone
surrogate.  Renderers add their own escaping at the edge.
"""

from __future__ import annotations

import unicodedata

MAX_NAME = 80
MAX_LABEL = 200
MAX_MARKS = 4
_TABLE: dict[int, str | None] = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), " ")
# Line separators, and letters that draw nothing: a name made of them would look empty.
_TABLE |= dict.fromkeys((0x2028, 0x2029, 0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0), " ")
_TABLE |= dict.fromkeys((0x034F, 0x17B4, 0x17B5, *range(0x180B, 0x1810)))
_JOINER = "\u200d"
_EMOJI_STYLE = "\ufe0f"


def clean(text: str, limit: int = MAX_NAME) -> str:
    """One line without control, bidi or zero-width characters, at most `limit` long.

    Lone surrogates become U+FFFD, at most four combining marks follow a base character, and
    nothing at all becomes "(no name)".  Cleaning twice changes nothing.
    """
    return tidy(text, limit) or "(no name)"


def tidy(text: str, limit: int = MAX_NAME) -> str:
    """The same cleaning, where nothing at all stays empty."""
    if text.isascii() and text.isprintable() and len(text) <= limit:
        return " ".join(text.split())
    once = _tidied(text, limit)
    # Composition reorders marks, which may bring a fifth one behind a letter: then go again.
    return once if once == text else tidy(once, limit)


def _tidied(text: str, limit: int) -> str:
    whole = text[: 8 * limit].encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    kept: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", whole.translate(_TABLE)):
        category = unicodedata.category(char)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        # Cf: bidi embeddings, isolates and marks, zero-width characters, soft hyphens, tags.
        if marks > MAX_MARKS or (category == "Cf" and not (char == _JOINER and _joins_emoji(kept))):
            continue
        kept.append(char)
    # Blanks and composition come last: what was dropped may have stood between two of them.
    line = unicodedata.normalize("NFC", " ".join("".join(kept).split()))
    return _cut(line.strip(_JOINER + " "), limit)


def folded(text: str, limit: int = MAX_LABEL) -> str:
    """What a name is found by: tidy, without case; "" for a blank one."""
    return tidy(tidy(text, limit).casefold(), limit)


def _joins_emoji(kept: list[str]) -> bool:
    """A zero-width joiner may stay behind a symbol, where it builds one emoji of several."""
    return bool(kept) and (
        kept[-1] == _EMOJI_STYLE or unicodedata.category(kept[-1]) in ("So", "Sk")
    )


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip(_JOINER + " ") + "…"
