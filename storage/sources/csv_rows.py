"""CSV by RFC 4180 in bounded memory: a header, then rows that fit it or a reason why not.

A row's line is that of its first physical line.  Broken rows never take their neighbours along,
but for a quote that never closes: what it swallows is told.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from storage.errors import UnusableFile
from storage.sources.base import Adjusted, Rejected, SourceOptions, fold
from storage.sources.lines import MAX_LINE, Line, chunks, lines
from storage.sources.names import CONTROL, quoted

DELIMITERS = (";", "\t", "|", ",")
# ",12" of a download that broke looks like the whole of ",12.5".
NO_END = "the last line has no end: it may be cut off"


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row: its cells by folded column name, its line, and the text it was read from.

    `note` is a doubt about the row as a whole.
    """

    line: int
    cells: dict[str, str]
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class CsvFile:
    """An open CSV: the header line, folded column names in order, and the rows behind it."""

    head: str
    header: tuple[str, ...]
    rows: Iterator[CsvRow | Rejected | Adjusted]


def open_csv(file: BinaryIO, options: SourceOptions) -> CsvFile:
    """Read the header; raises UnusableFile where there is none, or a column stands twice."""
    source = lines(chunks(file, options))
    delimiter = delimiter_of(options)
    head = next((line for line in source if line.text.strip() or line.fault), None)
    if head is None:
        raise UnusableFile("The file is empty: empty input.")
    if head.fault:
        raise UnusableFile(f"Line {head.number} (the header) cannot be read: {head.fault}.")
    header = _header(head.text, delimiter)
    return CsvFile(head.text, header, _rows(source, header, delimiter))


def delimiter_of(options: SourceOptions) -> str:
    """The one character between cells; "tab" may be typed as a word."""
    wanted = {"tab": "\t", "\\t": "\t"}.get(options.delimiter, options.delimiter)
    if len(wanted) != 1 or wanted in '"\r\n' or wanted.isalnum():
        raise UnusableFile(
            f"{quoted(options.delimiter)} is not a delimiter.", hint='For example --delimiter ";".'
        )
    return wanted


def _header(text: str, delimiter: str) -> tuple[str, ...]:
    try:
        names = tuple(fold(cell) for cell in _cells(text, delimiter))
    except csv.Error:
        raise UnusableFile("The header has a quote that never closes.") from None
    named = [name for name in names if name]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise UnusableFile(
            f"The column {quoted(twice[0])} stands twice in the header.",
            hint="Rename or remove one of the two.",
        )
    return names


def _cells(text: str, delimiter: str) -> list[str]:
    if '"' not in text:
        return text.split(delimiter)
    return next(csv.reader([text], strict=True, delimiter=delimiter))


def _rows(
    source: Iterator[Line], header: tuple[str, ...], delimiter: str
) -> Iterator[CsvRow | Rejected | Adjusted]:
    for line in source:
        if line.fault:
            yield Rejected(line.number, line.fault, line.text)
        elif line.text.count('"') % 2:
            record = _joined(line, source)
            yield record if isinstance(record, Rejected) else _row(record, header, delimiter)
        elif line.text.strip():
            yield _row(line, header, delimiter)


def _joined(first: Line, source: Iterator[Line]) -> Line | Rejected:
    """The record whose quote opens in one line and closes in a later one."""
    parts, size, swallowed = [first.text], len(first.text), 0
    for line in source:
        swallowed += 1
        size += len(line.text) + 1
        if size <= MAX_LINE and not line.fault:
            parts.append(line.text)
        else:
            size = MAX_LINE + 1  # from here on only the end is looked for
        if line.text.count('"') % 2 == 0:
            continue
        if size > MAX_LINE:
            reason = f"the row is longer than {MAX_LINE:,} bytes or cannot be read"
            return Rejected(first.number, reason, first.text)
        return Line(first.number, "\n".join(parts), complete=line.complete)
    reason = f"a quote never closes: {swallowed:,} more lines up to the end were swallowed"
    if not swallowed:
        reason = "a quote never closes: the file seems cut off here"
    return Rejected(first.number, reason, first.text)


def _row(line: Line, header: tuple[str, ...], delimiter: str) -> CsvRow | Rejected | Adjusted:
    if CONTROL.search(line.text):
        return Rejected(line.number, "the row holds a control character", line.text)
    try:
        cells = _cells(line.text, delimiter)
    except csv.Error:
        return Rejected(line.number, "a quote stands in the wrong place", line.text)
    if len(cells) != len(header):
        reason = f"expected {len(header)} cells, found {len(cells)}"
        cut = not line.complete and len(cells) < len(header)
        return Rejected(
            line.number, f"{reason}: the file seems cut off here" if cut else reason, line.text
        )
    if cells[0] and fold(cells[0]) == header[0] and tuple(map(fold, cells)) == header:
        return Adjusted(line.number, "the header again: skipped")
    note = "" if line.complete else NO_END
    return CsvRow(line.number, dict(zip(header, cells, strict=True)), line.text, note)
