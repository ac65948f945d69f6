"""Sources that brought nothing for longer than is usual: their silence is no fall in use.

What a source should have brought is the mean of the same weekdays in the four weeks before it fell
silent; it is silent when at least 20 rows of usage are missing by that, and one that reports whole
days when a day is missing on which it usually does.  Whatever is sent unasked learns of it here, in
one way: it names the source, and compares with no time before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from analytics.day_silence import missed
from analytics.query import Query
from analytics.report import Note
from analytics.text import clean
from analytics.timerange import MONTH_NAMES
from storage.day_sources import day_arrivals, reports_days
from storage.reading import Days
from storage.source_days import rows_by_source
from storage.timekeys import date_of, day_number

NO_FALL = "what is missing is no fall in use."  # wherever a silence is told
WEEKS = 4
LEAST_ROWS = 20
LOOKED = 7 * (2 * WEEKS + 1)  # days before the end of a range


@dataclass(frozen=True, slots=True)
class Silence:
    """A source with the last day that it brought usage of."""

    source: str
    last: date

    @property
    def words(self) -> str:
        """`No data from litellm:acme since 28 Mar`."""
        return no_data(self.source, f"{self.last.day} {MONTH_NAMES[self.last.month - 1]}")


def silent_then(query: Query) -> list[Silence]:
    """The silent sources that an answer must name: all, of what speaks from the end of its range.

    Who asks about days that still run, or asks later, sees the days as they are.
    """
    return silences(query) if query.speaks_from_end else []


def silences(query: Query) -> list[Silence]:
    """The sources that were silent when the query's range ended, by name."""
    reader, end = query.reader, day_number(query.range.end)
    place = reader.connection, reader.workspace.id
    found = []
    for source, by_day in rows_by_source(*place, Days(end - LOOKED, end)).items():
        last = max(by_day)
        if end - last > 7 * WEEKS:
            continue  # it is not silent, it is over
        # A row about a day is the use of many prompts: a single day that is missing counts.
        days = list(missed(by_day, last, end))
        is_late = bool(days) and reports_days(*place, source.id, last)
        if _rows_missing(by_day, last, end) >= LEAST_ROWS or (
            is_late and set(days) - day_arrivals(*place, source.id, days).keys()
        ):
            found.append(Silence(clean(source.name), date_of(last)))
    return sorted(found, key=lambda one: one.source)


def _rows_missing(by_day: Mapping[int, int], last: int, end: int) -> float:
    """How many rows a source would have brought since its last day, by the weeks before it."""
    return sum(_usual(by_day, day, last) for day in range(last + 1, end))


def _usual(by_day: Mapping[int, int], day: int, last: int) -> float:
    """Rows of the same weekday, on average over the last weeks in which the source spoke."""
    same = [before for before in range(day - 7, last - 7 * WEEKS, -7) if before <= last]
    return sum(by_day.get(before, 0) for before in same) / len(same) if same else 0.0


def silence_note(silent: Sequence[Silence]) -> list[Note]:
    """One sentence that names every silent source, and what must not be read into the numbers."""
    if not silent:
        return []
    words = "; ".join(silence.words for silence in silent)
    return [Note(f"{words}: {NO_FALL}", "delta")]


def no_data(source: str, since: str) -> str:
    """How a silence is told, in digests by the day and in alerts by the minute."""
    return f"No data from {source} since {since}" if since else f"No data from {source}"
