"""The frame every answer has: headline, delta, body, hints, context, buttons.

Invariant: each block of a report is in exactly one place of the frame, in the report's order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, assert_never
from zoneinfo import ZoneInfo

from analytics.captions import freshness_text
from analytics.figures import (
    Chart,
    Figure,
)
from analytics.report import (
    Actions,
    Button,
    Facts,
    Note,
    Report,
    Table,
    Tree,
)
from analytics.text import clean
from analytics.timerange import TimeRange
from bot.render.cells import cleaned, prose
from bot.render.grid import headed

MAX_HEADLINE = 300
MAX_LINE = 500
SHOWN_LINE = 150

Body = Facts | Table | Figure | Tree


@dataclass(frozen=True, slots=True)
class Frame:
    """A report sorted into its places; texts are clean, not yet escaped."""

    headline: str
    deltas: tuple[str, ...]
    body: tuple[Body, ...]
    hints: tuple[str, ...]
    contexts: tuple[str, ...]
    buttons: tuple[Button, ...]

    @property
    def has_table(self) -> bool:
        """Whether a table says in numbers what a tree or a chart would say."""
        return any(isinstance(block, Table) for block in self.body)


def frame_of(report: Report) -> Frame:
    """The report in its frame."""
    body: list[Body] = []
    notes: list[Note] = []
    buttons: list[Button] = []
    for block in report.blocks:
        match block:
            case Note():
                notes.append(block)
            case Actions():
                buttons += block.buttons
            case Table():
                body.append(headed(block))
            case Facts() | Chart() | Tree():
                body.append(block)
            case _:
                assert_never(block)
    return Frame(
        headline=clean(report.headline, MAX_HEADLINE),
        deltas=_texts(notes, "delta"),
        body=tuple(body),
        hints=_texts(notes, "hint"),
        contexts=_texts(notes, "context"),
        buttons=tuple(buttons),
    )


def _texts(notes: Iterable[Note], role: Literal["delta", "context", "hint"]) -> tuple[str, ...]:
    texts = (prose(note.text) for note in notes if note.role == role)
    return tuple(text for text in texts if text)


def scope(report: Report) -> tuple[str, ...]:
    """What the numbers cover: `1–30 Mar 2026, so far`, the zone and the filters."""
    period = report.period
    filters = (cleaned(report.narrowed),) if report.narrowed else ()
    if period is None:
        return filters
    zone = ZoneInfo(period.zone)
    first = period.start.astimezone(zone).date()
    last = (period.end - timedelta(microseconds=1)).astimezone(zone).date()
    end = max(first, last) + timedelta(days=1)
    dates = TimeRange(first, end, period.label, first).dates
    return (f"{dates}, so far" if period.partial else dates, period.zone, *filters)


def freshness(report: Report) -> tuple[str, ...]:
    """`data to 30 Mar 14:05`, `data until 29 Mar, whole day`; nothing where nothing is known."""
    if report.data_to is None:
        return ()
    return (freshness_text(report.data_to, report.period, report.as_of),)


def line_of(report: Report) -> str:
    """The line that repeats the answer, to be shown between backticks; "" for a mistake."""
    return cleaned(report.line, SHOWN_LINE).replace("`", "'")


def ref(reference: str) -> str:
    """`ref 7f3k2q`: by this word a message that was sent unasked is found again; "" for none."""
    return f"ref {reference}" if reference else ""


def left_out(report: Report, cuts: Sequence[str]) -> tuple[str, ...]:
    """One sentence that names everything cut ("12 more rows") and says how to see it, or none."""
    if not cuts:
        return ()
    buttons = frame_of(report).buttons
    labels = [clean(button.label) for button in buttons if button.verb == "csv"]
    ways = [f"press {label}" for label in labels[:1]]
    line = line_of(report)
    if line and any("row" in cut for cut in cuts):  # a filter gives no more columns or buttons
        ways.append(f"type `{line}` with a filter")
    named = ", ".join(cuts)
    return (f"{named}: {', or '.join(ways)}." if ways else f"{named}.",)


def counted(number: int, thing: str) -> str:
    """`1 more row`, `12 more rows`."""
    return f"{number:,} more {thing}" + ("" if number == 1 else "s")
