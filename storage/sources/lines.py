"""Physical lines of a file of any size, any line end and a stated or marked encoding.

Memory stays bounded: a line over 1 MiB is skipped without being kept.  Line numbers are those an
editor shows, the first line is 1.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from storage.errors import UnusableFile
from storage.sources.base import SourceOptions

CHUNK = 1 << 16
MAX_LINE = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like UTF-16, so it is asked first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNDECODED = b"\xff"  # never occurs in UTF-8


@dataclass(frozen=True, slots=True)
class Line:
    """One physical line without its end.  `fault` says why the text is not the line's own."""

    number: int
    text: str
    fault: str = ""
    complete: bool = True


def chunks(file: BinaryIO, options: SourceOptions) -> Iterator[bytes]:
    """The file from its place on as UTF-8 without byte order mark, in bounded pieces."""
    first = file.read(CHUNK)
    encoding = options.encoding or next(
        (name for mark, name in _MARKS if first.startswith(mark)), "utf-8"
    )
    plain = _codec(encoding)
    if plain in ("utf-8", "utf-8-sig"):
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from iter(lambda: file.read(CHUNK), b"")
        return
    decoder = codecs.getincrementaldecoder(plain)(errors="replace")
    chunk = first
    while chunk:
        # What could not be decoded becomes a byte that UTF-8 does not have, so that its line is
        # refused like any other with a foreign byte.
        yield decoder.decode(chunk).encode("utf-8", "replace").replace(b"\xef\xbf\xbd", _UNDECODED)
        chunk = file.read(CHUNK)
    yield decoder.decode(b"", final=True).encode().replace(b"\xef\xbf\xbd", _UNDECODED)


def _codec(name: str) -> str:
    try:
        "".encode(name)  # also refuses codecs that are no text encodings
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        raise UnusableFile(
            f'"{name[:40]}" is not an encoding.', hint="For example --encoding cp1252."
        ) from None


def lines(pieces: Iterable[bytes]) -> Iterator[Line]:
    """The physical lines of UTF-8 pieces; LF, CRLF and CR end a line."""
    number = 0
    for raw, whole in _split(pieces):
        number += 1
        if raw is None:
            yield Line(number, "", f"the line is longer than {MAX_LINE:,} bytes")
            continue
        body = raw.removesuffix(b"\n").removesuffix(b"\r")
        try:
            yield Line(number, body.decode(), complete=whole)
        except UnicodeDecodeError as error:
            reason = f"byte {error.start + 1} of the line is not UTF-8: use --encoding"
            yield Line(number, body.decode("utf-8", "replace"), reason, complete=whole)


def _split(pieces: Iterable[bytes]) -> Iterator[tuple[bytes | None, bool]]:
    """Lines with their ends (None for one that is too long) and whether the end was there."""
    rest, too_long = b"", False
    for piece in pieces:
        found = (rest + piece).splitlines(keepends=True)
        rest = b""
        # The last line may go on, and a CR at the very end may be half a CRLF.
        if found and not found[-1].endswith(b"\n"):
            rest = found.pop()
        for raw in found:
            yield (None if too_long or len(raw) > MAX_LINE else raw), True
            too_long = False
        if len(rest) > MAX_LINE:
            too_long, rest = True, rest[-1:]
    if rest:
        yield (None if too_long else rest), rest.endswith(b"\r")
