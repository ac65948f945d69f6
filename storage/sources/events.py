"""Our own format: usage events as CSV, JSON lines, a JSON array, one object, or CloudEvents."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import BinaryIO

from storage.errors import UnusableFile
from storage.sources.base import (
    Adjusted,
    Fit,
    Item,
    Rejected,
    RowError,
    Sample,
    Source,
    SourceOptions,
    noted,
    zone_of,
)
from storage.sources.csv_rows import CsvRow, open_csv
from storage.sources.event_record import (
    REQUIRED,
    Reading,
    by_field,
    canonical,
    keyed,
    read_record,
)
from storage.sources.json_rows import JsonItem, json_items
from storage.sources.names import quoted
from storage.sources.ordinals import Ordinals
from storage.sources.sample import is_json


class Events:
    """Single usage events, and sums of an hour or a day that have their own key."""

    name = "events"
    title = "a file of usage events"
    aggregate = False

    def fit(self, sample: Sample) -> Fit:
        """`at` and `model` are needed, under any alias; a CloudEvent has them inside."""
        if "specversion" in sample.keys:
            return Fit(len(REQUIRED))
        found = {canonical(name) for name in sample.names}
        lacking = tuple(name for name in REQUIRED if name not in found)
        hint = f"{self.name} needs {' and '.join(REQUIRED)}." if lacking == REQUIRED else ""
        return Fit(len(REQUIRED) - len(lacking), lacking, hint)

    def read(
        self, file: BinaryIO, options: SourceOptions, *, now: datetime
    ) -> Generator[Item, None, None]:
        """The events of a file; a row without an id gets a key from what it says."""
        zone = zone_of(options.zone)
        with closing(Ordinals()) as ordinals:
            if is_json(file, options):
                reading = Reading(zone, now, exported=options.exported)
                for item in json_items(file, options):
                    yield from _of_json(item, reading, ordinals)
                return
            opened = open_csv(file, options)
            names = _columns(opened.header)
            reading = Reading(zone, now, options.decimal, options.exported)
            for row in opened.rows:
                yield from _of_row(row, names, reading=reading, ordinals=ordinals)


def _columns(header: tuple[str, ...]) -> dict[str, str]:
    """Field name of each column; raises UnusableFile where two columns mean one field."""
    meant: dict[str, str] = {}
    for column in filter(None, header):
        field = canonical(column)
        if field in meant:
            raise UnusableFile(
                f"The columns {quoted(meant[field])} and {quoted(column)} both mean {field}.",
                hint="Rename one of the two.",
            )
        meant[field] = column
    return {column: field for field, column in meant.items()}


def _of_json(item: JsonItem | Rejected, reading: Reading, ordinals: Ordinals) -> Iterator[Item]:
    if isinstance(item, Rejected):
        yield item
        return
    try:
        record = by_field(item.value)
    except RowError as error:
        yield Rejected(item.line, error.reason)
        return
    yield from _items(item.line, record, reading=reading, ordinals=ordinals)


def _of_row(
    row: CsvRow | Rejected | Adjusted,
    names: Mapping[str, str],
    *,
    reading: Reading,
    ordinals: Ordinals,
) -> Iterator[Item]:
    if not isinstance(row, CsvRow):
        yield row
        return
    record = {names[column]: cell.strip() for column, cell in row.cells.items() if column}
    for item in _items(row.line, record, reading=reading, ordinals=ordinals):
        if isinstance(item, Rejected):
            yield replace(item, text=row.text)
        else:
            yield noted(item, row.line, row.note)


def _items(
    line: int, record: Mapping[str, object], *, reading: Reading, ordinals: Ordinals
) -> Iterator[Item]:
    """One event, or the reason why not; a note comes with its event."""
    try:
        read = read_record(record, reading)
    except RowError as error:
        yield Rejected(line, error.reason)
        return
    event = read.event
    if not event.event_id:
        event = keyed(event, ordinals.of, reading)
    yield Adjusted(line, "; ".join(read.notes), event) if read.notes else event


SOURCE: Source = Events()
