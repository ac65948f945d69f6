"""The demo's posts between two sittings, in a file beside its database.

Pictures are files of their own and are not kept again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from bot.platforms.console import Post


class KeptPosts:
    """Reads what was posted before, and writes what changed since."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept: Mapping[str, Post] = {}

    def read(self) -> dict[str, Post]:
        """The posts of earlier sittings by their number; none where the file cannot be read."""
        try:
            rows = json.loads(self._file.read_text(encoding="utf-8"))
            found = [Post(**{**row, "buttons": tuple(row["buttons"])}) for row in rows]
        except (OSError, ValueError, TypeError, KeyError):
            return {}
        self._kept = {post.id: post for post in found}
        return dict(self._kept)

    def write(self, posts: Mapping[str, Post]) -> None:
        """Keep these posts, if they are not kept already; raises OSError."""
        bare = {key: replace(post, content=None) for key, post in list(posts.items())}
        if bare == self._kept:
            return
        text = json.dumps([asdict(post) for post in bare.values()], ensure_ascii=False)
        self._file.write_text(text, encoding="utf-8")
        self._kept = bare
