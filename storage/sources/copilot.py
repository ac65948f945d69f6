"""GitHub Copilot: the usage report of AI credits or premium requests as CSV, all generations.

Columns by name, never by place (GitHub billing reports reference, and the report format of
github/copilot-billing-preview).  Five generations are in circulation:

G0  single requests, closed 2025-12-01: exact times, one prompt each
G1  premium requests by UTC day: has `exceeds_quota`, no `aic_quantity`
G2  the transition in spring 2026: both; a premium-request row states its AI credits in
    `aic_quantity`
G3  AI credits by UTC day: `unit_type` is `ai-credits`
G4  the same with token columns
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import BinaryIO

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
)
from storage.sources.copilot_rows import Columns, read_day, read_request
from storage.sources.csv_rows import CsvRow, open_csv
from storage.sources.ordinals import Ordinals

SINGLE = ("timestamp", "user", "model", "requests_used")
DAILY = ("date", "username", "sku", "model", "quantity", "unit_type")
ADVICE = "Export the AI usage report instead: the other usage reports have no models."


class Copilot:
    """Single requests (G0), or day sums of an organisation that replace the day."""

    name = "copilot"
    title = "a GitHub Copilot CSV"
    aggregate = True

    def fit(self, sample: Sample) -> Fit:
        """Either generation of columns; a report without models is told how to do better."""
        single, daily = (_fit(sample, needed) for needed in (SINGLE, DAILY))
        if len(single.lacking) < len(daily.lacking):
            return single
        return replace(daily, hint=ADVICE) if daily.lacking == ("model",) else daily

    def read(
        self, file: BinaryIO, options: SourceOptions, *, now: datetime
    ) -> Generator[Item, None, None]:
        """The rows of a report that fits."""
        opened = open_csv(file, options)
        columns = Columns(frozenset(opened.header), options.decimal, now)
        with closing(Ordinals()) as ordinals:
            for row in opened.rows:
                if isinstance(row, CsvRow):
                    yield noted(_item(row, columns, ordinals), row.line, row.note)
                else:
                    yield row


SOURCE: Source = Copilot()


def _fit(sample: Sample, needed: tuple[str, ...]) -> Fit:
    lacking = tuple(name for name in needed if name not in sample.header)
    return Fit(len(needed) - len(lacking), lacking)


def _item(row: CsvRow, columns: Columns, ordinals: Ordinals) -> Item:
    try:
        read = read_request if columns.is_single else read_day
        found = read(row.cells, columns, ordinals.of)
    except RowError as error:
        return Rejected(row.line, error.reason, row.text)
    if found.event is None or found.note:
        return Adjusted(row.line, found.note, found.event)
    return found.event
