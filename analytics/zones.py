"""Time zones as people type them: `Europe/Berlin`, `utc`, or one that is nearly right.

Invariant: what is meant as a zone is one, or named in a mistake; it is never passed over.
"""

from __future__ import annotations

import re
from functools import cache

from analytics.errors import UserError
from storage.errors import StorageError
from storage.workspaces import OFFSET, check_zone, zone_names

_IN_WORDS = re.compile(r"(?:\S+ ){1,3}(?:standard|daylight|summer) time\b", re.IGNORECASE)


def take_zone(words: list[str]) -> str | None:
    """Take the zone from the beginning of words, if one is meant; raises UserError for no zone."""
    in_words = _IN_WORDS.match(" ".join(words))
    size = len(in_words[0].split()) if in_words else 1
    typed = " ".join(words[:size])
    if not words or not (in_words or is_meant_as_zone(typed)):
        return None
    # Taken even if it is wrong: the mistake is about these words, not about what follows.
    del words[:size]
    return checked_zone(typed)


def checked_zone(typed: str) -> str:
    """A zone's name as it was typed; raises UserError that names those which resemble it."""
    try:
        check_zone(typed)
    except StorageError as error:
        raise UserError(error.message, hint=error.hint) from None
    return typed


def is_meant_as_zone(word: str) -> bool:
    """Whether a word is a zone, or nearly: `Europe/Berln`, `utc`, `CEST`, `Berlin`, `GMT+2`."""
    is_short = word.isascii() and word.isupper() and 2 <= len(word) <= 5
    is_named = is_short or "/" in word or word.casefold() in _zone_words()
    return " " not in word and (is_named or OFFSET.fullmatch(word.casefold()) is not None)


@cache
def _zone_words() -> frozenset[str]:
    """Every name of a zone, of its city and of its continent, without case."""
    folded = [name.casefold() for name in zone_names()]
    parts = {part for name in folded for part in (name.split("/")[0], name.split("/")[-1])}
    return frozenset(folded) | parts
