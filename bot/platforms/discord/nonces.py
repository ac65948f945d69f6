"""What Discord recognises a repeated message by, within a few minutes of the first.

The nonce belongs to the author, not to the channel, so whatever tells two messages apart must be
among its parts: docs.discord.com/developers/resources/message
"""

from __future__ import annotations

import base64
import hashlib


def nonce_of(*parts: str) -> str:
    """At most 25 characters, equal for equal parts and never for others."""
    digest = hashlib.sha256("|".join(parts).encode()).digest()
    return base64.b32encode(digest).decode()[:25]
