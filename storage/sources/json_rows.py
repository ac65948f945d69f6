"""JSON objects of a file of any size: one a line, in an array, or one after the other.

An array is never loaded: a scanner finds where each item ends and only that text is parsed, so
memory holds one item of at most 1 MiB.  Numbers are exact decimals; `NaN`, a key that stands
twice, depth over 64 and numbers without end make an item unusable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from typing import BinaryIO, NoReturn

from storage.sources.base import Rejected, RowError, SourceOptions
from storage.sources.json_scan import Piece, pieces
from storage.sources.lines import chunks, lines
from storage.sources.names import quoted

MAX_DEPTH = 64
MAX_NUMBER = 100
HEAD = 1 << 16
_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|([\[{])|([\]}])', re.DOTALL)


@dataclass(frozen=True, slots=True)
class JsonItem:
    """One object: its physical line, its place among the items (from 0), its content."""

    line: int
    index: int
    value: dict[str, object]


def json_items(file: BinaryIO, options: SourceOptions) -> Iterator[JsonItem | Rejected]:
    """The objects of a file; what is no usable object comes as a reason in its place."""
    source = chunks(file, options)
    head = b""
    while len(head) < HEAD and (more := next(source, b"")):
        head += more
    whole = chain((head,), source)
    if head.lstrip()[:1] == b"[" or not _is_by_line(head):
        yield from _scanned(pieces(whole))
        return
    index = 0
    for line in lines(whole):
        if line.fault:
            yield Rejected(line.number, line.fault)
        elif line.text.strip():
            yield _parsed(line.text, line.number, index)
        else:
            continue
        index += 1


def _is_by_line(head: bytes) -> bool:
    """Whether each line is an object of its own, and not an object spread over lines."""
    first, *rest = head.lstrip().splitlines() or [b""]
    if not rest:
        return True
    second = next((line for line in rest if line.strip()), b"")
    return first.rstrip().endswith(b"}") or second.startswith(b"{") or not second


def _scanned(found: Iterator[Piece]) -> Iterator[JsonItem | Rejected]:
    for index, piece in enumerate(found):
        if piece.fault:
            yield Rejected(piece.line, f"item {index + 1}: {piece.fault}")
            continue
        try:
            text = piece.raw.decode()
        except UnicodeDecodeError:
            yield Rejected(piece.line, f"item {index + 1}: not UTF-8: use --encoding")
            continue
        item = _parsed(text, piece.line, index)
        if isinstance(item, Rejected):
            item = Rejected(piece.line, f"item {index + 1}: {item.reason}")
        yield item


def _parsed(text: str, line: int, index: int) -> JsonItem | Rejected:
    try:
        return JsonItem(line, index, parse(text))
    except RowError as error:
        return Rejected(line, error.reason)


def parse(text: str) -> dict[str, object]:
    """The object a text holds, numbers as int or Decimal; raises RowError, never with content."""
    if is_too_deep(text):
        raise RowError(f"nested deeper than {MAX_DEPTH} levels")
    try:
        value = json.loads(
            text,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_constant,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        raise RowError(f"not valid JSON at character {error.pos + 1}: {error.msg}") from None
    if not isinstance(value, dict):
        raise RowError("not a JSON object")
    return value


def is_too_deep(text: str) -> bool:
    """Whether brackets are nested over 64 levels; asked first, because the parser recurses."""
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return False
    depth = deepest = 0
    for found in _BRACKET.finditer(text):
        if found[1]:
            depth += 1
            deepest = max(deepest, depth)
        elif found[2]:
            depth -= 1
    return deepest > MAX_DEPTH


def _decimal(text: str) -> Decimal:
    if len(text) > MAX_NUMBER:
        raise RowError("a number is too long")
    value = Decimal(text)
    if value.adjusted() > 308:
        raise RowError(f"the number {quoted(text)} is absurdly large")
    return value


def _integer(text: str) -> int:
    if len(text) > MAX_NUMBER:
        raise RowError("a number is too long")
    return int(text)


def _constant(text: str) -> NoReturn:
    raise RowError(f"{text} is not a number")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RowError("a key stands twice in an object")
    return found
