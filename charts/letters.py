"""Text in pieces that must not be torn apart: letters with their marks, whole emoji."""

from __future__ import annotations

import unicodedata

JOINER = "\u200d"
_VIRAMA = 9  # the combining class of the sign that binds two Indic consonants into one


def letters(text: str) -> list[str]:
    """The text in pieces that may stand alone: a base character with its marks, a whole emoji."""
    pieces: list[str] = []
    for char in text:
        if pieces and _belongs(pieces[-1], char):
            pieces[-1] += char
        else:
            pieces.append(char)
    return pieces


def _belongs(before: str, char: str) -> bool:
    if is_mark(char) or before.endswith(JOINER):
        return True
    if unicodedata.combining(before[-1]) == _VIRAMA:
        return True
    if _is_flag_half(char):
        return len(before) == 1 and _is_flag_half(before)
    return 0x1F3FB <= ord(char) <= 0x1F3FF  # skin colours


def _is_flag_half(char: str) -> bool:
    return 0x1F1E6 <= ord(char) <= 0x1F1FF


def is_mark(char: str) -> bool:
    """Whether a character draws on the one before it, or joins it to the next."""
    return char == JOINER or unicodedata.category(char).startswith("M")
