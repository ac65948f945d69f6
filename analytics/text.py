"""Text from outside, made harmless; the rules live below, where text is first kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from storage.text import MAX_NAME, clean

__all__ = ["MAX_NAME", "clean", "distinct", "typed"]
MAX_LABEL = 200  # names are kept so long; surfaces shorten them so that they stay different


_QUOTES = str.maketrans(dict.fromkeys('"“”„«»'))


def typed(name: str) -> str:
    """A name as a line carries it: in quotes where it has blanks, and without any inside."""
    text = " ".join(name.translate(_QUOTES).split())
    return f'"{text}"' if " " in text else text


def distinct(names: Mapping[int, str]) -> dict[int, str]:
    """Names as they are shown, by id; those that look equal get their id behind them."""
    shown = {key: clean(name, MAX_LABEL) for key, name in names.items()}
    seen = Counter(shown.values())
    return {key: f"{name} #{key}" if seen[name] > 1 else name for key, name in shown.items()}


def joined(words: Sequence[str]) -> str:
    """`1`, `1 and 2`, `1, 2 and 5`."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
