"""Where the items of a JSON text end, found in pieces of any size without loading the text.

Works on UTF-8 bytes: brackets, quotes and commas never occur inside a longer character.  Anything
between two items that should not be there comes as a fault in its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_ITEM = 1 << 20
MAX_GAP = 1 << 12  # text between two items that is kept; a longer one is one fault
CUT_OFF = "the file ends inside this item: it seems cut off"
NO_OBJECT = "not a JSON object"
_TOKEN = re.compile(rb'("[^"\\]*+(?:\\.[^"\\]*+)*+)("?)|[\[{]|[\]}]', re.DOTALL)
_STRING_END = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Piece:
    """The text of one item and the line it starts on, or why there is none."""

    line: int
    raw: bytes = b""
    fault: str = ""


def pieces(parts: Iterable[bytes]) -> Iterator[Piece]:
    """The items of an array, or the values of a text that stand one after the other."""
    scan = _Scan()
    for part in parts:
        yield from scan.feed(part)
        if scan.is_over:
            return
    yield from scan.end()


class _Scan:
    """The place in the text between two parts: in an item (depth > 0) or in the gap before one."""

    def __init__(self) -> None:
        self.is_over = False
        self._is_array: bool | None = None  # unknown before the first bracket
        self._is_closed = False
        self._depth = 0
        self._in_string = False
        self._is_escaped = False  # the part before ended inside an escape
        self._line = 1
        self._items = 0
        self._kept = _Kept(1)

    def feed(self, part: bytes) -> Iterator[Piece]:
        """The items that end in this part."""
        start = counted = 0
        for begin, stop in self._brackets(part):
            self._line += part.count(b"\n", counted, begin)
            counted = begin
            opens = part[begin] in b"[{"
            if self._depth:
                self._depth += 1 if opens else -1
                if self._depth == 0:
                    self._kept.add(part[start:stop], MAX_ITEM)
                    yield self._item()
                    start = stop
            elif opens or (self._is_array and part[begin] in b"]"):
                self._kept.add(part[start:begin], MAX_GAP)
                start = stop if self._is_array is None and part[begin] in b"[" else begin
                yield from self._gap_ended(opens=opens, is_bracket=part[begin] in b"[")
                if self._is_closed:
                    start = stop
                    break
        self._kept.add(part[start:], MAX_ITEM if self._depth else MAX_GAP)
        self._line += part.count(b"\n", counted)
        if self._is_closed and not self._kept.is_blank:
            self.is_over = True
            yield Piece(self._kept.line, fault="text behind the end of the array was not read")

    def _brackets(self, part: bytes) -> Iterator[tuple[int, int]]:
        """Begin and end of each bracket that is not inside a string."""
        if not part:
            return  # an escape may still be open
        place = 1 if self._is_escaped else 0
        self._is_escaped = False
        while place < len(part) and not self._is_closed:
            if self._in_string:
                end = _STRING_END.match(part, place)
                if end is None:
                    self._is_escaped = _ends_in_escape(part[place:])
                    return
                self._in_string, place = False, end.end()
                continue
            found = _TOKEN.search(part, place)
            if found is None:
                return
            place = found.end()
            if found[1] is None:
                yield found.span()
            elif not found[2]:
                self._in_string = True
                self._is_escaped = _ends_in_escape(part[found.end(1) :])
                return

    def _item(self) -> Piece:
        kept, self._kept = self._kept, _Kept(self._line)
        self._items += 1
        if kept.is_cut:
            return Piece(kept.line, fault=f"longer than {MAX_ITEM:,} bytes")
        return Piece(kept.line, kept.text)

    def _gap_ended(self, *, opens: bool, is_bracket: bool) -> Iterator[Piece]:
        """What is wrong with the text before an item, or before the end of the array."""
        gap, self._kept = self._kept, _Kept(self._line)
        if self._is_array is None:
            self._is_array = is_bracket
            self._depth = 0 if is_bracket else 1
            if gap.text.strip():
                yield Piece(gap.line, fault=NO_OBJECT)
            return
        yield from _faults(
            gap, is_array=self._is_array, is_first=not self._items, is_last=not opens
        )
        if opens:
            self._depth = 1
        else:
            self._is_closed = True

    def end(self) -> Iterator[Piece]:
        """What the end of the text leaves open."""
        if self._depth:
            yield Piece(self._kept.line, fault=CUT_OFF)
        elif not self._is_closed:
            if not self._kept.is_blank:
                yield from _faults(
                    self._kept, is_array=bool(self._is_array), is_first=True, is_last=False
                )
            if self._is_array:
                yield Piece(self._line, fault="the array never ends: the file seems cut off here")


class _Kept:
    """The text of an item or a gap up to a limit, and the line it starts on."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.is_cut = False
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes, limit: int) -> None:
        """Keep more; beyond the limit nothing of it is kept any more."""
        self._size += len(part)
        if self._size > limit:
            self.is_cut = True
            self._parts.clear()
        elif part:
            self._parts.append(part)

    @property
    def text(self) -> bytes:
        """What was kept."""
        return b"".join(self._parts)

    @property
    def is_blank(self) -> bool:
        """Whether nothing but blanks came."""
        return not self.is_cut and not self.text.strip()


def _faults(gap: _Kept, *, is_array: bool, is_first: bool, is_last: bool) -> Iterator[Piece]:
    """Between two items stands one comma in an array, and nothing elsewhere."""
    if gap.is_cut:
        yield Piece(gap.line, fault=NO_OBJECT)
        return
    parts = gap.text.split(b",") if is_array else [gap.text]
    line, last = gap.line, len(parts) - 1
    for index, part in enumerate(parts):
        may_be_blank = (index == 0 and not (is_first and last)) or (
            index == last and not (is_last and last)
        )
        if part.strip():
            lead = part[: len(part) - len(part.lstrip())]
            yield Piece(line + lead.count(b"\n"), fault=NO_OBJECT)
        elif not may_be_blank:
            yield Piece(line, fault="an item is missing beside a comma")
        line += part.count(b"\n")


def _ends_in_escape(tail: bytes) -> bool:
    """Whether the part was cut behind a backslash that begins an escape."""
    return (len(tail) - len(tail.rstrip(b"\\"))) % 2 == 1
