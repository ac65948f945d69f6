"""Counting and cutting the way platforms do; nothing is cut without a mark.

Invariant: a cut text still keeps its limit after escaping, and no escape is torn apart.  Lengths
are UTF-16 units, the largest of the counts a platform may use.
"""

from __future__ import annotations

import re
from collections.abc import Callable

ELLIPSIS = "…"
_CODE = re.compile(r"`([^`\n]+)`")


def units(text: str) -> int:
    """UTF-16 units: an emoji counts twice."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def clip(text: str, limit: int, escape: Callable[[str], str] = str) -> str:
    """Escaped text of at most `limit` units; an ellipsis marks the cut."""
    whole = escape(text)
    if units(whole) <= limit:
        return whole
    low, high = 0, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        if units(escape(text[:middle].rstrip())) < limit:
            low = middle
        else:
            high = middle - 1
    return escape(text[:low].rstrip()) + ELLIPSIS


def marked_up(text: str, *, plain: Callable[[str], str], code: Callable[[str], str]) -> str:
    """Text whose `code` between two backticks goes one way and everything else another.

    What `code` is given holds neither backtick nor line break; a lone backtick goes to `plain`.
    """
    parts = _CODE.split(text)
    return "".join((code if index % 2 else plain)(part) for index, part in enumerate(parts))
