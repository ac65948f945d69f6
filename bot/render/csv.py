"""The tables of a report as a file for spreadsheets and programs (RFC 4180).

Invariant: numbers have all their digits; a text that a spreadsheet would run as a formula starts
with an apostrophe.  Totals and subtotals are left out, so that a column adds up to what it says;
period and line are not rows.
"""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from typing import assert_never

from analytics.figures import (
    Chart,
)
from analytics.report import (
    Actions,
    Block,
    Facts,
    Note,
    Report,
    Table,
    Tree,
)
from bot.render.cells import Exact, exact

BOM = "\ufeff"  # or Excel takes UTF-8 for the computer's own code page
LINE_END = "\r\n"
FORMULA_STARTS = ("=", "+", "-", "@", "|", "%")


def render(report: Report) -> bytes:
    """UTF-8 with a byte order mark; column keys as header; a blank line between two tables.

    Credits have up to six decimals, times are ISO 8601, durations milliseconds, unknown is empty.
    """
    tables = [text for block in report.blocks if (text := _block(block)) is not None]
    return (BOM + LINE_END.join(tables)).encode()


def _block(block: Block) -> str | None:
    match block:
        case Table():
            return _table(block)
        case Facts() | Tree() | Note() | Actions() | Chart():
            return None
        case _:
            assert_never(block)


def _table(table: Table) -> str:
    from pandas import DataFrame  # noqa: PLC0415  # a third of a second, only for who exports

    rows = [
        [_field(exact(cell, col.unit)) for cell, col in zip(row, table.columns, strict=True)]
        for row in table.rows
    ]
    keys = [column.key for column in table.columns]
    # Cells are text already: pandas must neither guess types nor write floats.
    frame = DataFrame(rows, columns=keys, dtype=object)
    return frame.to_csv(index=False, lineterminator=LINE_END)


def _field(value: Exact) -> str | None:
    match value:
        case str():
            return harmless(value)
        case Decimal():
            return f"{value:f}"
        case int():
            return str(value)
        case None:
            return None
        case _:
            assert_never(value)


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula; full-width signs count, too."""
    start = unicodedata.normalize("NFKC", text).lstrip()
    return f"'{text}" if start.startswith(FORMULA_STARTS) else text
