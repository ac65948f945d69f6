"""Words of foreign records: labels, people, keys, and how a bad value is quoted.

Labels keep what people typed, also markup and formulas: renderers escape them.  What no database
or screen can hold is refused (control characters) or replaced (lone surrogates).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence

from storage.sources.base import RowError
from storage.text import folded

MAX_LABEL = 200
MAX_PROVIDER = 80
MAX_KEY = 64
MAX_TAG = 100
MAX_TAGS = 20
MAX_ACCOUNT = 80
MAX_QUOTE = 40
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NOBODY = frozenset({"", '""', "default_user_id"})
_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,80}")


def quoted(text: str) -> str:
    """A value as a reason may show it: one short line in quotes."""
    line = " ".join(CONTROL.sub("?", whole(text[: 4 * MAX_QUOTE])).split())
    return f'"{line if len(line) <= MAX_QUOTE else line[: MAX_QUOTE - 1] + "…"}"'


def whole(text: str) -> str:
    """The text with lone surrogates replaced, which no database takes."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def label(value: object, name: str, *, limit: int = MAX_LABEL) -> str | None:
    """A trimmed one-line label; None for nothing, or for what draws nothing."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise RowError(f"{name} is not text")
    if CONTROL.search(value):
        raise RowError(f"{name} holds a control character")
    text = " ".join(whole(value).split())
    if len(text) > limit:
        raise RowError(f"{name} is longer than {limit} characters")
    # ASCII that is left here is visible; asking costs more than everything else for a cell.
    return text if text and (text.isascii() or folded(text)) else None


def person(value: object, name: str = "person") -> str | None:
    """A raw identity: mails are case-folded, placeholders of gateways are nobody."""
    found = label(value, name)
    if found is None or found in _NOBODY:
        return None
    return found.casefold() if "@" in found else found


def error_code(value: object) -> str | None:
    """A short code of a failure; a provider's sentence is none, it may repeat the prompt."""
    text = value if isinstance(value, str) else str(value) if isinstance(value, int) else ""
    return text if _CODE.fullmatch(text) else None


def tags(values: Iterable[object]) -> tuple[tuple[str, ...], int]:
    """Different tags in order, at most 20 of at most 100 characters, and how many were cut."""
    found = list(dict.fromkeys(filter(None, (label(v, "tags", limit=10**6) for v in values))))
    kept = tuple(tag[:MAX_TAG] for tag in found[:MAX_TAGS])
    return kept, len(found) - len(kept) + sum(len(tag) > MAX_TAG for tag in found[:MAX_TAGS])


def event_key(raw: str) -> str:
    """A source's own id if it fits into the ledger's key, else its SHA-256."""
    return raw if len(raw) <= MAX_KEY else hashlib.sha256(whole(raw).encode()).hexdigest()


def row_digest(values: Sequence[object]) -> bytes:
    """SHA-256 of what a row without an id of its own says."""
    return hashlib.sha256(json.dumps(values, separators=(",", ":")).encode()).digest()


def row_key(digest: bytes, ordinal: int) -> str:
    """The key of a row: its content, and its place among identical rows."""
    if not ordinal:
        return digest.hex()
    return hashlib.sha256(digest + ordinal.to_bytes(8, "big")).hexdigest()
