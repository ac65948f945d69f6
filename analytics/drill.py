"""From a row to what is behind it: buttons whose line asks one question more.

A line repeats the range and the filters of its question.  What cannot be typed so that it means
the same again (two people of one name, a line too long) gets no button.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from analytics.query import Filters, Query
from analytics.report import Actions, Button
from analytics.text import clean
from storage.reading import DIMENSIONS

MOST = 3  # rows that get a button: the answer has buttons of its own
MAX_LABEL, MAX_LINE = 40, 500


@dataclass(frozen=True, slots=True)
class Step:
    """One question more about a row: `narrow` is the filter that takes its name.

    `label` holds `{}` for the shown name.
    """

    command: str
    narrow: str
    label: str


def steps(query: Query, step: Step, rows: Iterable[tuple[int | str, str]]) -> tuple[Actions, ...]:
    """The buttons of the first rows, given by id (a tier by its word) and shown name.

    None where nothing can be typed.
    """
    first = list(rows)[:MOST]
    narrowed = _narrowed(query.filters)
    typed = _typed(query, {**narrowed, step.narrow: tuple(key for key, _ in first)})
    lines = (
        (name, _line(query.range.words, step.command, {**narrowed, step.narrow: (key,)}, typed))
        for key, name in first
    )
    found = tuple(Button(_label(step, name), line) for name, line in lines if line)
    return (Actions(found),) if found else ()


def address(query: Query, command: str, days: str, grain: str) -> str:
    """The line of a command about other days with the query's filters; "" where it has none."""
    narrowed = _narrowed(query.filters)
    return _line(f"{days} by {grain}", command, narrowed, _typed(query, narrowed))


Narrowed = Mapping[str, tuple[int | str, ...]]
Typed = Mapping[str, Mapping[int, str]]


def _narrowed(filters: Filters) -> dict[str, tuple[int | str, ...]]:
    """The filters in the order in which commands declare them."""
    return {field.name: getattr(filters, field.name) for field in fields(filters)}


def _typed(query: Query, narrowed: Narrowed) -> Typed:
    """What to type for every id, by dimension."""
    return {
        name: query.reader.typed(dimension, [key for key in narrowed[name] if isinstance(key, int)])
        for name, dimension in DIMENSIONS.items()
        if narrowed[name]
    }


def _line(days: str, command: str, narrowed: Narrowed, typed: Typed) -> str:
    words = [command, days]
    for name, keys in narrowed.items():
        texts = [key if isinstance(key, str) else typed[name].get(key, "") for key in keys]
        if not all(texts):
            return ""
        words += [f'{name}="{text}"' if " " in text else f"{name}={text}" for text in texts]
    line = " ".join(words)
    return line if len(line) <= MAX_LINE else ""


def _label(step: Step, name: str) -> str:
    return step.label.replace("{}", clean(name, MAX_LABEL - len(step.label)))
