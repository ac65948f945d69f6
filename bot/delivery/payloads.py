"""The fixed form of a message: what is sent again is byte for byte what was sent first."""

from __future__ import annotations

import hashlib
import json

from bot.chat import Payload


def digest_of(payload: Payload) -> str:
    """The SHA-256 of a message, whatever order its parts were put together in."""
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
