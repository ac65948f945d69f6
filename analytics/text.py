"""Text from outside, made harmless; the rules live below, where text is first kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from storage.text import MAX_NAME, clean

__all__ = ["MAX_NAME", "clean", "distinct"]
MAX_LABEL = 200  # names are kept so long; surfaces shorten them so that they stay different


def distinct(names: Mapping[int, str]) -> dict[int, str]:
    """Names as they are shown, by id; those that look equal get their id behind them."""
    shown = {key: clean(name, MAX_LABEL) for key, name in names.items()}
    seen = Counter(shown.values())
    return {key: f"{name} #{key}" if seen[name] > 1 else name for key, name in shown.items()}
