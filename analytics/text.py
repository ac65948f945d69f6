"""Text from outside, made harmless; the rules live below, where text is first kept."""

from __future__ import annotations

from storage.text import MAX_NAME, clean

__all__ = ["MAX_NAME", "clean"]
