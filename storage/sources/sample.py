"""What the beginning of a file shows, so that its format can be named before anything is read."""

from __future__ import annotations

from itertools import islice
from typing import BinaryIO

from storage.errors import UnusableFile
from storage.sources.base import Sample, SourceOptions, fold
from storage.sources.csv_rows import DELIMITERS, CsvFile, open_csv
from storage.sources.json_rows import JsonItem, json_items
from storage.sources.lines import chunks
from storage.sources.names import CONTROL, quoted

FIRST_ITEMS = 20
_KINDS = (
    (b"%PDF", "a PDF", "Export the usage as CSV instead."),
    (b"PK\x03\x04", "a ZIP or spreadsheet file", "Unpack it, or save the sheet as CSV."),
    (b"\x1f\x8b", "a gzip file", "Unpack it first."),
    (b"\x89PNG", "a picture", "Export the usage as CSV instead."),
    (b"SQLite format 3", "a database", "Export the usage as CSV instead."),
)


def take_sample(file: BinaryIO, options: SourceOptions) -> Sample:
    """The header or the first keys of a file, which is read from its start again afterwards.

    Raises UnusableFile for what is neither CSV nor JSON, and for another delimiter.
    """
    file.seek(0)
    head = next(chunks(file, options), b"").lstrip()
    file.seek(0)
    if not head:
        raise UnusableFile("The file is empty: empty input.")
    for mark, kind, hint in _KINDS:
        if head.startswith(mark):
            raise UnusableFile(f"This is not a CSV or JSON file but {kind}.", hint=hint)
    if head.startswith(b"<"):
        start = quoted(head[:20].decode("utf-8", "replace"))
        raise UnusableFile(
            f"This is not a CSV or JSON file: it starts with {start}.",
            hint="A web page was saved instead of the export; sign in and download it again.",
        )
    sample = _json_keys(file, options) if head[:1] in b"{[" else _csv_header(file, options)
    file.seek(0)
    return sample


def _json_keys(file: BinaryIO, options: SourceOptions) -> Sample:
    items = list(islice(json_items(file, options), FIRST_ITEMS))
    if not items:
        raise UnusableFile("The file holds an empty list.")
    found = [set(map(fold, item.value)) for item in items if isinstance(item, JsonItem)]
    if not found:
        raise UnusableFile("No JSON object in this file can be read.")
    return Sample(keys=frozenset().union(*found))


def _csv_header(file: BinaryIO, options: SourceOptions) -> Sample:
    opened = open_csv(file, options)
    if CONTROL.search(opened.head):
        raise UnusableFile(
            "The header holds control characters: this is not a text file.",
            hint="If it is text in another encoding, name it: --encoding utf-16.",
        )
    if len(opened.header) == 1:
        _refuse_other_delimiter(opened)
    return Sample(header=opened.header)


def _refuse_other_delimiter(opened: CsvFile) -> None:
    likely = max(DELIMITERS, key=opened.head.count)
    if opened.head.count(likely):
        name = "tab" if likely == "\t" else likely
        raise UnusableFile(
            f'The columns of this file seem to be divided by "{name}".',
            hint=f'Use --delimiter "{name}".',
        )


def is_json(file: BinaryIO, options: SourceOptions) -> bool:
    """Whether the first letter opens a JSON object or array; the file is at its start again."""
    file.seek(0)
    head = next(chunks(file, options), b"").lstrip()
    file.seek(0)
    return head[:1] in (b"{", b"[")
